//! Processes as `/proc` shows them.

use std::fs;

use rustix::process::{Pid, Signal, kill_process};

/// A process, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process(pub u32);

impl Process {
    /// The children that a process has now.
    pub fn children(self) -> Vec<Self> {
        let parent = |process: u32| {
            // The command's name is in brackets and may hold anything; the state and the parent come after it.
            let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
            stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse::<u32>().ok()
        };
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
        processes
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter(|&process| parent(process) == Some(self.0))
            .map(Self)
            .collect()
    }

    /// Its command line, with spaces between the arguments. Empty where it is gone.
    pub fn command_line(self) -> String {
        let bytes = fs::read(format!("/proc/{}/cmdline", self.0)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).replace('\0', " ").trim().to_owned()
    }

    /// Whether it is there, and not only waits for its parent to notice its end.
    pub fn lives(self) -> bool {
        self.status("State").is_some_and(|state| !state.starts_with(['Z', 'X']))
    }

    /// Sends a signal. A process that is gone is left alone.
    pub fn signal(self, signal: Signal) {
        if let Some(process) = Pid::from_raw(self.0.cast_signed()) {
            let _ = kill_process(process, signal);
        }
    }

    /// `kill -9`.
    pub fn kill(self) {
        self.signal(Signal::KILL);
    }

    /// Memory that is its alone, and not a file's, in bytes: `RssAnon`.
    pub fn own_memory(self) -> u64 {
        let kilobytes = self
            .status("RssAnon")
            .and_then(|value| value.trim_end_matches(" kB").trim().parse::<u64>().ok());
        kilobytes.unwrap_or_default() * 1024
    }

    /// How many threads it has.
    pub fn threads(self) -> u64 {
        self.status("Threads")
            .and_then(|value| value.parse().ok())
            .unwrap_or_default()
    }

    /// The files that it has mapped, one a line.
    pub fn maps(self) -> String {
        fs::read_to_string(format!("/proc/{}/maps", self.0)).unwrap_or_default()
    }

    fn status(self, key: &str) -> Option<String> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0)).ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
        Some(line.trim().to_owned())
    }
}
