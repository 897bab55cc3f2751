//! What becomes of a run whose attempt has ended.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Attempts of a run that may end with the machine, or with the schedule, and not by themselves. Such a run is begun
/// again at once and without using up a retry; one that takes the machine down each time has to stop at some point.
pub(crate) const MOST_INTERRUPTIONS: u32 = 3;

/// The longest wait before a retry.
pub(crate) const LONGEST_DELAY: Duration = Duration::from_hours(1);

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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settled {
    Success,
    /// Another attempt, so much later.
    Again(Duration),
    /// It is not tried again, for this reason.
    Failed(&'static str),
    Cancelled,
}

/// Settles a run whose last attempt `ended`, with an exit status where it had one. `failures` and `interruptions` count
/// this attempt too. `random` is from 0 up to 1.
///
/// Exit status 2 says that the request was wrong: asking again is in vain. The wait doubles with each failure, up to an
/// hour, and half of it is random, so that jobs that failed together don't come back together ("equal jitter", Brooker,
/// Exponential Backoff And Jitter, AWS Architecture Blog 2015).
pub(crate) fn settle(
    ended: Ended,
    exit_code: Option<i32>,
    failures: u32,
    interruptions: u32,
    policy: RetryPolicy,
    random: f64,
) -> Settled {
    match ended {
        Ended::Success => Settled::Success,
        Ended::Cancelled => Settled::Cancelled,
        Ended::Interrupted if interruptions >= MOST_INTERRUPTIONS => Settled::Failed("interrupted too often"),
        Ended::Interrupted => Settled::Again(Duration::ZERO),
        Ended::Failed if exit_code == Some(2) => Settled::Failed("the request was wrong"),
        Ended::Failed | Ended::Timeout if failures > policy.retries => Settled::Failed("no retry is left"),
        Ended::Failed | Ended::Timeout => {
            let doubled = policy
                .delay
                .saturating_mul(1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX));
            let full = doubled.min(LONGEST_DELAY);
            Settled::Again(full / 2 + (full / 2).mul_f64(random.clamp(0.0, 1.0)))
        }
    }
}
