//! The processes that watch attempts.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;

use crate::error::ScheduleError;
use crate::logs;
use crate::process::{Identity, signal_marked};

/// What the daemon asks of processes. Tests of the rules play them.
pub(crate) trait Processes {
    /// Starts a process that takes an attempt over.
    fn start(&mut self, store: &Path, attempt: i64, log: &Path) -> Result<(), ScheduleError>;

    /// Whether this daemon has started a process for an attempt that hasn't ended yet.
    fn is_starting(&mut self, attempt: i64) -> bool;

    /// Whether a process runs.
    fn lives(&mut self, process: &Identity) -> bool;

    /// Sends a signal to a process.
    fn signal(&mut self, process: &Identity, signal: Signal);

    /// Sends a signal to what an attempt has started, and says how many processes those are.
    fn signal_marked(&mut self, mark: &str, signal: Signal) -> usize;
}

/// How to start the process that watches an attempt. The file of the store and the number of the attempt are added to
/// its arguments; it has to call [`crate::supervise`] with them.
#[derive(Debug, Clone)]
pub struct Supervisor {
    /// The program.
    pub program: PathBuf,
    /// Its first arguments.
    pub arguments: Vec<String>,
}

/// Real processes.
#[derive(Debug)]
pub(crate) struct System {
    supervisor: Supervisor,
    children: BTreeMap<i64, Child>,
}

impl System {
    pub(crate) fn new(supervisor: Supervisor) -> Self {
        Self {
            supervisor,
            children: BTreeMap::new(),
        }
    }

    /// Waits for children that have ended, so that they don't stay as zombies.
    pub(crate) fn reap(&mut self) {
        self.children.retain(|_, child| matches!(child.try_wait(), Ok(None)));
    }
}

impl Processes for System {
    fn start(&mut self, store: &Path, attempt: i64, log: &Path) -> Result<(), ScheduleError> {
        let output = logs::open(log)?;
        let failed = |source| ScheduleError::Io {
            what: "start",
            path: self.supervisor.program.clone(),
            source,
        };
        let child = Command::new(&self.supervisor.program)
            .args(&self.supervisor.arguments)
            .arg(store)
            .arg(attempt.to_string())
            .stdin(Stdio::null())
            .stdout(output.try_clone().map_err(failed)?)
            .stderr(output)
            // Ctrl-C in the daemon's terminal is the daemon's; it asks its runs to stop by itself.
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        self.children.insert(attempt, child);
        Ok(())
    }

    fn is_starting(&mut self, attempt: i64) -> bool {
        self.reap();
        self.children.contains_key(&attempt)
    }

    fn lives(&mut self, process: &Identity) -> bool {
        process.lives()
    }

    fn signal(&mut self, process: &Identity, signal: Signal) {
        process.signal(signal);
    }

    fn signal_marked(&mut self, mark: &str, signal: Signal) -> usize {
        signal_marked(mark, Some(signal), None)
    }
}
