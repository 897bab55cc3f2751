//! How much memory something takes.

use std::fs;

/// A size in `/proc/self/status`, in bytes. None on systems that don't have it.
fn status(field: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    Some(line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? * 1024)
}

/// Runs `work` and gives what it returns and by how many bytes the process grew meanwhile, at its largest. None for the
/// bytes, and a word on stderr, on systems that don't tell.
pub(crate) fn growth<T>(work: impl FnOnce() -> T) -> (T, Option<u64>) {
    // 5 sets the largest size so far back to the present one (`man 5 proc`).
    let reset = fs::write("/proc/self/clear_refs", "5").is_ok();
    let before = status("VmRSS");
    let result = work();
    let growth = status("VmHWM").zip(before).filter(|_| reset);
    if growth.is_none() {
        eprintln!("skipped in part: this system doesn't tell a process's largest size");
    }
    (result, growth.map(|(most, before)| most.saturating_sub(before)))
}

#[test]
fn memory_that_was_given_back_is_seen() {
    let (sum, growth) = growth(|| {
        let large = vec![1_u8; 256 << 20];
        large.iter().map(|&byte| u64::from(byte)).sum::<u64>()
    });
    assert_eq!(sum, 256 << 20);
    assert!(
        growth.is_none_or(|growth| (250 << 20..300 << 20).contains(&growth)),
        "{growth:?}"
    );
}
