//! What a daemon tells as it works.

use std::fmt;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::Serialize;

use crate::plan::Ended;

/// Something that happened. As JSON, its keys are stable; [`fmt::Display`] is one line for people.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The daemon works.
    Ready {
        /// Its process.
        process: u32,
        /// Jobs that are switched on.
        jobs: usize,
        /// The next time of any of them.
        next: Option<Timestamp>,
    },
    /// Files of projects changed, and were read again.
    Reloaded {
        /// Jobs that are switched on.
        jobs: usize,
        /// The next time of any of them.
        next: Option<Timestamp>,
    },
    /// The files of a project are wrong: its jobs stay as they were.
    ReloadFailed {
        /// What is wrong.
        reason: String,
    },
    /// Times of a job that don't run.
    Skipped {
        /// `PROJECT.JOB`.
        job: String,
        /// The first of them.
        first: Timestamp,
        /// The last of them.
        last: Timestamp,
        /// How many, where that was counted.
        count: Option<u64>,
        /// `missed`, `overlap`, `full` or `superseded`.
        reason: &'static str,
    },
    /// An attempt starts.
    Started {
        /// `PROJECT.JOB`.
        job: String,
        /// The run.
        run: i64,
        /// The attempt, from 1.
        attempt: u32,
        /// When it was due.
        scheduled_at: Timestamp,
        /// Its output.
        log: PathBuf,
    },
    /// An attempt of an earlier daemon goes on.
    Adopted {
        /// `PROJECT.JOB`.
        job: String,
        /// The run.
        run: i64,
        /// The attempt, from 1.
        attempt: u32,
    },
    /// An attempt couldn't be started; it is tried again.
    StartFailed {
        /// `PROJECT.JOB`.
        job: String,
        /// The run.
        run: i64,
        /// Why.
        reason: String,
    },
    /// An attempt is asked to stop.
    Stopping {
        /// `PROJECT.JOB`.
        job: String,
        /// The run.
        run: i64,
    },
    /// An attempt has ended.
    Ended {
        /// `PROJECT.JOB`.
        job: String,
        /// The run.
        run: i64,
        /// The attempt, from 1.
        attempt: u32,
        /// How.
        how: Ended,
        /// Exit status.
        exit_code: Option<i32>,
        /// The signal that ended it.
        signal: Option<i32>,
        /// How long it took.
        seconds: f64,
    },
    /// A run is tried again.
    Retry {
        /// `PROJECT.JOB`.
        job: String,
        /// The run.
        run: i64,
        /// How much later, in seconds.
        seconds: f64,
    },
    /// A run failed, and isn't tried again.
    Failed {
        /// `PROJECT.JOB`.
        job: String,
        /// The run.
        run: i64,
        /// Why it isn't.
        reason: String,
    },
    /// A run that waited was taken away.
    Dropped {
        /// `PROJECT.JOB`.
        job: String,
        /// The run.
        run: i64,
        /// Why.
        reason: String,
    },
    /// A hook could not be told.
    HookFailed {
        /// `PROJECT.JOB`.
        job: String,
        /// The run.
        run: i64,
        /// Why.
        reason: String,
        /// Whether it is tried again.
        again: bool,
    },
    /// The daemon was asked to end.
    Closing {
        /// Attempts that are stopped first.
        attempts: usize,
    },
    /// The daemon ends.
    Closed,
}

impl fmt::Display for Event {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready { process, jobs, next } => {
                write!(formatter, "ready: process {process}, {}", jobs_and_next(*jobs, *next))
            }
            Self::Reloaded { jobs, next } => write!(formatter, "read projects again: {}", jobs_and_next(*jobs, *next)),
            Self::ReloadFailed { reason } => {
                write!(formatter, "a project is wrong, its jobs stay as they were: {reason}")
            }
            Self::Skipped {
                job,
                first,
                last,
                count,
                reason,
            } => {
                let why = match *reason {
                    "missed" => "no schedule ran then",
                    "overlap" => "an earlier run is not done",
                    "full" => "too many runs wait",
                    _ => "a later run replaces it",
                };
                match count {
                    Some(1) => write!(formatter, "{job}: skipped {first}: {why}"),
                    Some(count) => write!(formatter, "{job}: skipped {count} times from {first} to {last}: {why}"),
                    None => write!(formatter, "{job}: skipped all times from {first} to {last}: {why}"),
                }
            }
            Self::Started {
                job,
                run,
                attempt,
                scheduled_at,
                ..
            } => write!(
                formatter,
                "{job}: run {run} of {scheduled_at} starts{}",
                ordinal(*attempt)
            ),
            Self::Adopted { job, run, attempt } => {
                write!(formatter, "{job}: run {run} goes on{}", ordinal(*attempt))
            }
            Self::StartFailed { job, run, reason } => write!(formatter, "{job}: run {run} can't start: {reason}"),
            Self::Stopping { job, run } => write!(formatter, "{job}: run {run} is asked to stop"),
            Self::Ended {
                job,
                run,
                how,
                exit_code,
                signal,
                seconds,
                ..
            } => {
                let how = match (how, exit_code, signal) {
                    (Ended::Success, ..) => "is done".to_owned(),
                    (Ended::Failed, Some(code), _) => format!("failed with exit status {code}"),
                    (Ended::Failed, None, Some(signal)) => format!("was ended by signal {signal}"),
                    (Ended::Failed, None, None) => "could not be started".to_owned(),
                    (Ended::Timeout, ..) => "took too long, and was stopped".to_owned(),
                    (Ended::Cancelled, ..) => "was stopped".to_owned(),
                    (Ended::Interrupted, ..) => "was interrupted".to_owned(),
                };
                write!(formatter, "{job}: run {run} {how} after {seconds:.1} s")
            }
            Self::Retry { job, run, seconds: 0.0 } => write!(formatter, "{job}: run {run} begins again"),
            Self::Retry { job, run, seconds } => write!(formatter, "{job}: run {run} is tried again in {seconds:.1} s"),
            Self::Failed { job, run, reason } => write!(formatter, "{job}: run {run} failed for good: {reason}"),
            Self::Dropped { job, run, reason } => write!(formatter, "{job}: run {run} was taken away: {reason}"),
            Self::HookFailed {
                job,
                run,
                reason,
                again,
            } => {
                let then = if *again { "; it is tried again" } else { "" };
                write!(formatter, "{job}: a hook of run {run} failed: {reason}{then}")
            }
            Self::Closing { attempts: 0 } => write!(formatter, "asked to end"),
            Self::Closing { attempts: 1 } => write!(formatter, "asked to end; 1 run is stopped first"),
            Self::Closing { attempts } => write!(formatter, "asked to end; {attempts} runs are stopped first"),
            Self::Closed => write!(formatter, "ended"),
        }
    }
}

fn jobs_and_next(jobs: usize, next: Option<Timestamp>) -> String {
    let jobs = match jobs {
        1 => "1 job".to_owned(),
        jobs => format!("{jobs} jobs"),
    };
    match next {
        Some(next) => format!("{jobs}, the next at {next}"),
        None => jobs,
    }
}

fn ordinal(attempt: u32) -> String {
    match attempt {
        1 => String::new(),
        attempt => format!(", attempt {attempt}"),
    }
}
