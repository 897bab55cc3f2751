//! What the processor and the memory are.

use std::collections::BTreeSet;

use serde::Serialize;

/// The processor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Processor {
    /// What it calls itself.
    pub name: Option<String>,
    /// Cores that this process may use; two threads that share a core are one.
    pub cores: usize,
    /// Instructions that matter here: integer products of 8 bits, half precision, wide vectors.
    pub instructions: Vec<&'static str>,
}

/// Looks at the processor.
pub fn processor() -> Processor {
    let name = std::fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    Processor {
        name,
        cores: physical_cores(),
        instructions: instructions(),
    }
}

#[cfg(target_arch = "x86_64")]
fn instructions() -> Vec<&'static str> {
    let mut found = Vec::new();
    let mut add = |has: bool, name| {
        if has {
            found.push(name);
        }
    };
    add(is_x86_feature_detected!("avx2"), "avx2");
    add(is_x86_feature_detected!("avx512f"), "avx512f");
    add(is_x86_feature_detected!("avx512vnni"), "avx512vnni");
    add(is_x86_feature_detected!("avxvnni"), "avxvnni");
    found
}

#[cfg(not(target_arch = "x86_64"))]
fn instructions() -> Vec<&'static str> {
    Vec::new()
}

/// Cores that this process may use. Threads that share a core share its units for products too, so that a second one
/// only gets in the way.
pub fn physical_cores() -> usize {
    let logical = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    let Some(online) = std::fs::read_to_string("/sys/devices/system/cpu/online")
        .ok()
        .and_then(|text| list(text.trim()))
    else {
        return logical;
    };
    let cores: Option<BTreeSet<String>> = online
        .iter()
        .map(|cpu| {
            let path = format!("/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list");
            std::fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
        })
        .collect();
    // A container may be given fewer processors than the machine has: the smaller number holds.
    cores.map_or(logical, |cores| cores.len().clamp(1, logical))
}

/// Numbers of a list such as `0-3,8`.
fn list(text: &str) -> Option<Vec<usize>> {
    let mut numbers = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
        if last < first || last > 1 << 16 {
            return None;
        }
        numbers.extend(first..=last);
    }
    Some(numbers)
}

/// Bytes of memory: all, and what is free or can be freed.
pub fn memory() -> (Option<u64>, Option<u64>) {
    let Ok(text) = std::fs::read_to_string("/proc/meminfo") else {
        return (None, None);
    };
    let bytes = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace()
            .nth(1)?
            .parse::<u64>()
            .ok()
            .map(|kibibytes| kibibytes * 1024)
    };
    (bytes("MemTotal:"), bytes("MemAvailable:"))
}

/// The most memory that this process has held, in bytes, as the kernel counts it.
pub fn peak_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace()
        .nth(1)?
        .parse::<u64>()
        .ok()
        .map(|kibibytes| kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_processors_are_read() {
        assert_eq!(list("0-3,8"), Some(vec![0, 1, 2, 3, 8]));
        assert_eq!(list("0"), Some(vec![0]));
        assert_eq!(list("3-1"), None);
        assert_eq!(list("x"), None);
    }

    #[test]
    fn there_is_a_core_and_it_is_not_more_than_the_threads() {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        assert!((1..=threads).contains(&physical_cores()));
    }
}
