//! The process that looks at the clock.
//!
//! It decides, claims and starts; a process of its own watches each attempt ([`crate::supervise`]). All that it knows is
//! in the [`Store`], so that one which is killed at any moment is as good as one that slept.

mod conductor;
mod processes;

use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sd_notify::NotifyState;
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

pub use processes::Supervisor;

use crate::error::ScheduleError;
use crate::event::Event;
use crate::hooks::Teller;
use crate::lock::Lock;
use crate::logs;
use crate::settings::Timetable;
use crate::store::Store;
use conductor::Conductor;
use processes::System;

/// How often it looks at the store and at the projects where nothing is under way.
const TICK: Duration = Duration::from_secs(1);

/// How often it looks where something is.
const BUSY_TICK: Duration = Duration::from_millis(200);

/// How often old runs are forgotten.
const HOUSEKEEPING: SignedDuration = SignedDuration::from_hours(1);

/// How a daemon works.
#[derive(Debug, Clone)]
pub struct DaemonOptions {
    /// The home folder.
    pub home: PathBuf,
    /// What jobs run.
    pub program: PathBuf,
    /// What watches them.
    pub supervisor: Supervisor,
    /// How long a program has to end once it is asked to.
    pub grace: Duration,
    /// Whether it ends as soon as nothing waits and nothing is under way.
    pub once: bool,
    /// Runs that are remembered of each job, with their logs.
    pub keep_runs: u32,
    /// Days that runs are remembered.
    pub keep_days: u32,
}

/// Files of projects, which may change.
pub trait Projects {
    /// Reads the projects again where they changed since the last time, or where somebody asks for it.
    fn reload(&mut self, asked: bool) -> Option<Reload>;
}

/// What reading projects again came to.
#[derive(Debug, Clone, Default)]
pub struct Reload {
    /// The jobs from now on, where any project could be read: a project that is wrong keeps those that it had.
    pub table: Option<Timetable>,
    /// What is wrong with the others.
    pub problems: Vec<String>,
}

/// How a daemon ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Runs that went well.
    pub succeeded: u64,
    /// Runs that failed for good.
    pub failed: u64,
    /// Whether somebody asked it to end.
    pub interrupted: bool,
}

/// Runs a daemon until a signal ends it, or until nothing is to be done where it runs once.
///
/// SIGTERM and SIGINT: nothing new starts, what is under way is asked to stop, and goes on with the next daemon; a second
/// one kills it. SIGHUP: the projects are read again.
///
/// # Errors
///
/// [`ScheduleError::Busy`] where another daemon has the home folder.
pub fn run(
    options: &DaemonOptions,
    table: Timetable,
    projects: &mut dyn Projects,
    tell: &mut dyn FnMut(Event),
) -> Result<Outcome, ScheduleError> {
    let signals = listen()?;
    let store = Store::open(&options.home)?;
    let Some(_lock) = Lock::try_take(&options.home)? else {
        let process = store.daemon()?.map(|(process, _)| process);
        return Err(ScheduleError::Busy { process });
    };
    let mut daemon = Daemon {
        conductor: Conductor::new(store, &options.home, &options.program, options.grace, options.once),
        processes: System::new(options.supervisor.clone()),
        teller: Teller::default(),
        options,
        kept_house: Timestamp::MIN,
    };
    daemon.conductor.set(table, Timestamp::now(), tell)?;
    daemon.ready(tell);
    let interrupted = daemon.serve(&signals, projects, tell)?;
    if interrupted {
        daemon.close(&signals, tell)?;
    }
    tell(Event::Closed);
    Ok(Outcome {
        succeeded: daemon.conductor.succeeded,
        failed: daemon.conductor.failed,
        interrupted,
    })
}

/// Signals, as they come. Ends of processes that watch attempts are among them, to wake the daemon.
fn listen() -> Result<Receiver<i32>, ScheduleError> {
    let mut signals =
        Signals::new([SIGTERM, SIGINT, SIGHUP, SIGCHLD]).map_err(|source| ScheduleError::Signals { source })?;
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || signals.forever().try_for_each(|signal| sender.send(signal)));
    Ok(receiver)
}

struct Daemon<'a> {
    conductor: Conductor,
    processes: System,
    teller: Teller,
    options: &'a DaemonOptions,
    kept_house: Timestamp,
}

impl Daemon<'_> {
    /// Says that it works, to people and to the service manager.
    fn ready(&self, tell: &mut dyn FnMut(Event)) {
        tell(Event::Ready {
            process: std::process::id(),
            jobs: self.conductor.jobs_on(),
            next: self.conductor.next(Timestamp::now()),
        });
        // Where nobody supervises it there is nobody to tell.
        let _ = sd_notify::notify(&[NotifyState::Ready]);
    }

    /// Works until it is asked to end, or until nothing is left where it runs once. Returns whether it was asked.
    fn serve(
        &mut self,
        signals: &Receiver<i32>,
        projects: &mut dyn Projects,
        tell: &mut dyn FnMut(Event),
    ) -> Result<bool, ScheduleError> {
        let mut asked = false;
        loop {
            if let Some(Reload { table, problems }) = projects.reload(asked) {
                for reason in problems {
                    tell(Event::ReloadFailed { reason });
                }
                if let Some(table) = table {
                    self.conductor.set(table, Timestamp::now(), tell)?;
                    let (jobs, next) = (self.conductor.jobs_on(), self.conductor.next(Timestamp::now()));
                    tell(Event::Reloaded { jobs, next });
                }
            }
            let now = Timestamp::now();
            self.processes.reap();
            self.conductor.tick(now, &mut self.processes, tell)?;
            self.teller.tick(&mut self.conductor.store, now, tell)?;
            self.keep_house(now)?;
            let open = self.conductor.has_open_runs()?;
            let told = !self.teller.is_busy() && !self.conductor.store.has_pending_hooks()?;
            if self.options.once && !open && told {
                return Ok(false);
            }
            match signals.recv_timeout(self.wait(now, open || !told)) {
                // The thread that listens never ends before the process does.
                Ok(SIGTERM | SIGINT) | Err(RecvTimeoutError::Disconnected) => return Ok(true),
                Ok(signal) => asked = signal == SIGHUP,
                Err(RecvTimeoutError::Timeout) => asked = false,
            }
        }
    }

    /// How long nothing happens: until the next time, but not longer than a tick.
    fn wait(&self, now: Timestamp, busy: bool) -> Duration {
        let tick = if busy { BUSY_TICK } else { TICK };
        let until = self.conductor.due().map(|due| due.duration_since(now));
        until
            .and_then(|until| Duration::try_from(until).ok())
            .map_or(tick, |until| until.min(tick))
    }

    /// Forgets old runs, with their logs, now and then.
    fn keep_house(&mut self, now: Timestamp) -> Result<(), ScheduleError> {
        if now < self.kept_house.saturating_add(HOUSEKEEPING).unwrap_or(Timestamp::MAX) {
            return Ok(());
        }
        self.kept_house = now;
        let age = SignedDuration::from_hours(24 * i64::from(self.options.keep_days));
        let before = now.saturating_sub(age).unwrap_or(Timestamp::MIN);
        let old = self.conductor.store.forget(self.options.keep_runs, before)?;
        logs::remove(&old);
        Ok(())
    }

    /// Stops what is under way, and waits for its end.
    fn close(&mut self, signals: &Receiver<i32>, tell: &mut dyn FnMut(Event)) -> Result<(), ScheduleError> {
        let _ = sd_notify::notify(&[NotifyState::Stopping]);
        let mut attempts = self.conductor.store.attempts_under_way()?.len();
        tell(Event::Closing { attempts });
        while attempts > 0 {
            let now = Timestamp::now();
            self.processes.reap();
            // Again at each turn: a process may just have taken over what it was given.
            self.conductor.close(now, &mut self.processes, tell)?;
            attempts = self.conductor.watch(now, &mut self.processes, tell)?;
            if attempts > 0 && matches!(signals.recv_timeout(BUSY_TICK), Ok(SIGTERM | SIGINT)) {
                self.conductor.kill(&mut self.processes)?;
            }
        }
        Ok(())
    }
}
