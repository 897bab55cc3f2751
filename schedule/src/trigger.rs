//! Asking for a run now.

use std::path::Path;

use jiff::Timestamp;

use crate::error::ScheduleError;
use crate::lock::Lock;
use crate::settings::Job;
use crate::store::Store;

/// What came of asking for a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Triggered {
    /// The daemon that runs, this process, starts it.
    Queued {
        /// The number of the run.
        run: i64,
        /// The daemon's process.
        process: i32,
    },
    /// No daemon runs: the next one starts it.
    Waits {
        /// The number of the run.
        run: i64,
    },
}

/// Asks for a run of a job now. It takes its turn with other runs of the job and its pool.
///
/// # Errors
///
/// [`ScheduleError::OtherProjects`] where a daemon runs that doesn't have the job's project: nobody would start it.
pub fn trigger(home: &Path, job: &Job) -> Result<Triggered, ScheduleError> {
    let mut store = Store::open(home)?;
    let free = Lock::try_take(home)?;
    let daemon = store.daemon()?;
    if free.is_none()
        && let Some((process, folders)) = &daemon
        && !folders.contains(&job.settings.folder)
    {
        return Err(ScheduleError::OtherProjects {
            process: *process,
            folder: job.settings.folder.clone(),
        });
    }
    let now = Timestamp::now();
    let registered = store.register(job, now)?;
    let run = store.trigger(registered, now)?;
    Ok(match (free, daemon) {
        (None, Some((process, _))) => Triggered::Queued { run, process },
        _ => Triggered::Waits { run },
    })
}
