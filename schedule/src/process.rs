//! Processes: which one is which, and signals.
//!
//! The number of a process is used again some day. With the moment it started and the boot of the machine it names one
//! process for good; `/proc` tells both (proc(5)).

use std::path::Path;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// Variable that every process of an attempt has in its environment.
pub(crate) const MARK: &str = "REFUEL_SCHEDULE_ATTEMPT";

/// Whether this process was started by a schedule, which reads more out of its exit status than a person does: see
/// [`crate::LATER`].
pub fn is_attempt() -> bool {
    std::env::var_os(MARK).is_some()
}

/// One process, of all that there ever were on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Its number.
    pub(crate) process: i32,
    /// When it started, in clock ticks since the boot.
    pub(crate) started: i64,
    /// The boot.
    pub(crate) boot: String,
}

impl Identity {
    /// This process.
    pub(crate) fn own() -> Self {
        let process = std::process::id() as i32;
        Self {
            process,
            started: started(process).unwrap_or_default(),
            boot: boot(),
        }
    }

    /// Whether it still runs. A zombie doesn't.
    pub(crate) fn lives(&self) -> bool {
        self.boot == boot() && started(self.process) == Some(self.started)
    }

    /// Sends it a signal, if it still runs.
    pub(crate) fn signal(&self, signal: Signal) {
        if self.lives()
            && let Some(pid) = Pid::from_raw(self.process)
        {
            // It may end at any moment.
            let _ = kill_process(pid, signal);
        }
    }
}

/// Sends a signal to a process group, by the number of its leader, who has to be a child that was not waited for: then
/// the number can't be another's.
pub(crate) fn signal_group(leader: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(leader).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(pid, signal);
    }
}

/// Sends a signal to every process that has the mark of an attempt, and says how many those are. `except` is left out.
pub(crate) fn signal_marked(mark: &str, signal: Option<Signal>, except: Option<i32>) -> usize {
    let wanted = format!("{MARK}={mark}");
    let mut found = 0;
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(process) = name.to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        if Some(process) == except || !has_variable(&entry.path(), &wanted) || started(process).is_none() {
            continue;
        }
        found += 1;
        if let (Some(signal), Some(pid)) = (signal, Pid::from_raw(process)) {
            let _ = kill_process(pid, signal);
        }
    }
    found
}

/// Whether a process was started with a variable. Processes of others can't be read, and are none of ours.
fn has_variable(folder: &Path, wanted: &str) -> bool {
    let environment = std::fs::read(folder.join("environ")).unwrap_or_default();
    environment
        .split(|byte| *byte == 0)
        .any(|variable| variable == wanted.as_bytes())
}

/// When a process started, in clock ticks since the boot: field 22 of `/proc/PID/stat`. None for one that is gone, or a
/// zombie.
fn started(process: i32) -> Option<i64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The second field is a name in parentheses, which may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace();
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

fn boot() -> String {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_process_is_told_from_one_that_had_its_number() {
        let own = Identity::own();
        assert!(own.lives());
        let earlier = Identity {
            started: own.started - 1,
            ..own.clone()
        };
        assert!(!earlier.lives());
        let boot = "another".to_owned();
        assert!(!Identity { boot, ..own }.lives());
    }

    #[test]
    fn a_zombie_does_not_live_and_marked_processes_are_found() {
        let mark = format!("test:{}", std::process::id());
        let mut child = Command::new("sleep").arg("60").env(MARK, &mark).spawn().unwrap();
        let identity = Identity {
            process: child.id() as i32,
            started: started(child.id() as i32).unwrap(),
            boot: boot(),
        };
        assert!(identity.lives());
        // Until the child has become `sleep` it has no environment of its own.
        while signal_marked(&mark, None, None) == 0 {
            std::thread::yield_now();
        }
        assert_eq!(signal_marked(&mark, None, Some(identity.process)), 0);
        assert_eq!(signal_marked(&mark, Some(Signal::KILL), None), 1);
        while identity.lives() {
            std::thread::yield_now();
        }
        child.wait().unwrap();
    }
}
