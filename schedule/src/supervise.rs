//! The process that watches one attempt.
//!
//! The daemon starts it, and it starts the program. It outlives the daemon: it notes how the program ended, and stops it
//! where it takes too long, whether or not a daemon is there. A daemon that comes back finds it by its number.

use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustix::process::Signal;
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::error::ScheduleError;
use crate::plan::Ended;
use crate::process::{Identity, MARK, signal_group, signal_marked};
use crate::store::{AttemptEnd, StopReason, Store, Task};

/// Watches an attempt of the store in `file`, from its start to its end. Returns without doing anything where another
/// process has taken it, or where nobody wants it any more.
///
/// Output of the program goes where this process's own goes.
pub fn supervise(file: &Path, attempt: i64) -> Result<(), ScheduleError> {
    // First of all, so that no signal is lost between.
    let signals = listen()?;
    let mut store = Store::open_file(file)?;
    let Some(task) = store.take_over(attempt, &Identity::own(), Timestamp::now())? else {
        return Ok(());
    };
    let end = match start(&task, &store.mark(attempt)) {
        Ok(child) => watch(child, &task, &signals, || {
            let attempt = store.attempt(attempt).ok().flatten();
            attempt.and_then(|attempt| attempt.stop)
        }),
        Err(error) => {
            told(&format!("can't start {}: {error}", task.program.display()));
            AttemptEnd {
                ended: Ended::Failed,
                exit_code: None,
                signal: None,
            }
        }
    };
    if !matches!(end.ended, Ended::Success | Ended::Failed) {
        // What it had started doesn't outlive a program that was stopped.
        signal_marked(&store.mark(attempt), Some(Signal::KILL), None);
    }
    store.end_attempt(attempt, end, Timestamp::now())?;
    Ok(())
}

/// Signals, as they come.
fn listen() -> Result<Receiver<i32>, ScheduleError> {
    let mut signals =
        Signals::new([SIGTERM, SIGINT, SIGHUP, SIGCHLD]).map_err(|source| ScheduleError::Signals { source })?;
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || signals.forever().try_for_each(|signal| sender.send(signal)));
    Ok(receiver)
}

fn start(task: &Task, mark: &str) -> std::io::Result<Child> {
    Command::new(&task.program)
        .args(&task.arguments)
        .current_dir(&task.folder)
        .envs(task.variables.iter().map(|(name, value)| (name, value)))
        .env(MARK, mark)
        .stdin(Stdio::null())
        // A group of its own, so that what it starts is stopped with it, and Ctrl-C in a terminal doesn't reach it.
        .process_group(0)
        .spawn()
}

/// Waits for the end, and brings it about where the time is over or somebody asks for it.
fn watch(
    mut child: Child,
    task: &Task,
    signals: &Receiver<i32>,
    stop_reason: impl Fn() -> Option<StopReason>,
) -> AttemptEnd {
    let began = Instant::now();
    let mut stopping: Option<(Ended, Instant)> = None;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return end(status, stopping.map(|(ended, _)| ended)),
            Ok(None) => {}
            // Somebody else waited for it: this can't be, but a loop without an end would be worse.
            Err(_) => return end(ExitStatus::from_raw(0x100), Some(Ended::Interrupted)),
        }
        let wait = match (stopping, task.timeout) {
            (Some((_, kill_at)), _) => kill_at.saturating_duration_since(Instant::now()),
            (None, Some(timeout)) => timeout.saturating_sub(began.elapsed()),
            (None, None) => Duration::MAX,
        };
        // A signal that came before `try_wait` is in the channel; now and then is for what nobody thought of.
        let signal = signals
            .recv_timeout(wait.clamp(Duration::from_millis(10), Duration::from_secs(5)))
            .ok();
        if matches!(signal, Some(SIGTERM | SIGINT | SIGHUP)) && stopping.is_none() {
            let reason = stop_reason().unwrap_or(StopReason::Interrupted);
            stopping = Some((reason.ended(), Instant::now() + task.grace));
            signal_group(child.id(), Signal::TERM);
        }
        match stopping {
            Some((_, kill_at)) if kill_at <= Instant::now() => {
                signal_group(child.id(), Signal::KILL);
            }
            None if task.timeout.is_some_and(|timeout| timeout <= began.elapsed()) => {
                told(&format!(
                    "stopped: it took longer than {:?}",
                    task.timeout.unwrap_or_default()
                ));
                stopping = Some((Ended::Timeout, Instant::now() + task.grace));
                signal_group(child.id(), Signal::TERM);
            }
            _ => {}
        }
    }
}

/// How an attempt ended: as its program did, unless it was stopped. One that had come to a good end by then did.
fn end(status: ExitStatus, stopped: Option<Ended>) -> AttemptEnd {
    let ended = match stopped {
        _ if status.success() => Ended::Success,
        Some(ended) => ended,
        None => Ended::Failed,
    };
    AttemptEnd {
        ended,
        exit_code: status.code(),
        signal: status.signal(),
    }
}

/// Writes a line into the log.
#[expect(
    clippy::print_stderr,
    reason = "standard error of this process is the log of the attempt"
)]
fn told(text: &str) {
    eprintln!("refuel schedule: {text}");
}
