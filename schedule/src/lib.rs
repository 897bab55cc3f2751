//! Projects run by the clock.
//!
//! A project says of its jobs when they run and what ([`JobSettings`]); a [`Timetable`] checks them together; [`run`] is
//! the daemon. Times, runs and attempts are kept in a [`Store`]. Who decides is apart from who does: `plan` is pure.
//!
//! No run is lost or doubled, whatever ends when: a run is claimed in the store before any process starts, one process
//! alone can take an attempt over, and that process ([`supervise`]) outlives the daemon.

mod cron;
mod daemon;
mod error;
mod event;
mod hooks;
mod lock;
mod logs;
mod plan;
mod process;
mod settings;
mod store;
mod supervise;
mod trigger;
mod watch;

pub use cron::Cron;
pub use daemon::{DaemonOptions, Outcome, Projects, Reload, Supervisor, run};
pub use error::ScheduleError;
pub use event::Event;
pub use logs::tail;
pub use plan::{Ended, LATER};
pub use process::is_attempt;
pub use settings::{Catchup, Hook, Job, JobSettings, Overlap, Timetable};
pub use store::{AttemptRecord, HookRecord, RunFilter, RunRecord, RunState, SkipRecord, Store};
pub use supervise::supervise;
pub use trigger::{Triggered, trigger};
pub use watch::Watch;
