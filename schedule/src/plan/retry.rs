//! What becomes of a run whose attempt has ended.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Attempts of a run that may end with the machine, or with the schedule, and not by themselves. Such a run is begun
/// again at once and without using up a retry; one that takes the machine down each time has to stop at some point.
pub(crate) const MOST_INTERRUPTIONS: u32 = 3;

/// The longest wait before a retry.
pub(crate) const LONGEST_DELAY: Duration = Duration::from_hours(1);

/// Exit status of a command whose work failed for a reason that may pass: a connection that was lost, a file that another
/// process holds. It is `EX_TEMPFAIL` of sysexits(3).
pub const LATER: i32 = 75;

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// Exit status 0.
    Success,
    /// Any other exit status, or a signal from elsewhere.
    Failed,
    /// It took too long, and was stopped.
    Timeout,
    /// It was stopped because a later run replaces it, or its job is gone.
    Cancelled,
    /// The machine, the schedule or the process that watches it ended.
    Interrupted,
}

impl Ended {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failed => "failed",
            Self::Timeout => "timeout",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [
            Self::Success,
            Self::Failed,
            Self::Timeout,
            Self::Cancelled,
            Self::Interrupted,
        ]
        .into_iter()
        .find(|ended| ended.as_str() == text)
    }
}

/// How often, and after how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RetryPolicy {
    pub(crate) retries: u32,
    pub(crate) delay: Duration,
}

/// What becomes of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Settled {
    Success,
    /// Another attempt, so much later.
    Again(Duration),
    /// It is not tried again: how its last attempt ended, and why that is the end of it.
    Failed(String),
    Cancelled,
}

/// How the last attempt of a run ended, and how many did so.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Over {
    pub(crate) ended: Ended,
    pub(crate) exit_code: Option<i32>,
    pub(crate) signal: Option<i32>,
    /// How long it was allowed to take.
    pub(crate) timeout: Option<Duration>,
    /// Attempts of the run that failed or took too long, with this one.
    pub(crate) failures: u32,
    /// Attempts that were interrupted, with this one.
    pub(crate) interruptions: u32,
}

impl Over {
    /// How it ended, in words.
    fn how(&self) -> String {
        match (self.ended, self.exit_code, self.signal) {
            (Ended::Timeout, ..) => match self.timeout {
                Some(timeout) => format!("it took longer than {} s", timeout.as_secs_f64()),
                None => "it took too long".to_owned(),
            },
            (_, Some(code), _) => format!("exit status {code}"),
            (_, None, Some(signal)) => format!("ended by signal {signal}"),
            (_, None, None) => "it could not be started".to_owned(),
        }
    }
}

/// Settles a run whose last attempt is over. `random` is from 0 up to 1.
///
/// Exit status 2 says that the request was wrong, and 1 that the work failed and would fail again: asking again is in
/// vain. A program that may do better later ends with [`LATER`]; ends that no program means, by a signal or with another
/// status, may come from a machine that had no memory left, and are tried again too. The wait doubles with each failure,
/// up to an hour, and half of it is random, so that jobs that failed together don't come back together ("equal jitter",
/// Brooker, Exponential Backoff And Jitter, AWS Architecture Blog 2015).
pub(crate) fn settle(over: &Over, policy: RetryPolicy, random: f64) -> Settled {
    let how = over.how();
    match over.ended {
        Ended::Success => Settled::Success,
        Ended::Cancelled => Settled::Cancelled,
        Ended::Interrupted if over.interruptions >= MOST_INTERRUPTIONS => {
            Settled::Failed("interrupted too often".to_owned())
        }
        Ended::Interrupted => Settled::Again(Duration::ZERO),
        Ended::Failed if over.exit_code == Some(2) => Settled::Failed(format!("{how}: the request was wrong")),
        Ended::Failed if over.exit_code == Some(1) => Settled::Failed(format!("{how}: trying again would not help")),
        Ended::Failed | Ended::Timeout if over.failures > policy.retries => {
            Settled::Failed(format!("{how}; no retry is left"))
        }
        Ended::Failed | Ended::Timeout => {
            let doubled = policy
                .delay
                .saturating_mul(1_u32.checked_shl(over.failures.saturating_sub(1)).unwrap_or(u32::MAX));
            let full = doubled.min(LONGEST_DELAY);
            Settled::Again(full / 2 + (full / 2).mul_f64(random.clamp(0.0, 1.0)))
        }
    }
}
