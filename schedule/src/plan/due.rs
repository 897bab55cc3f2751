//! Which times become runs.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

use super::Open;
use crate::settings::{Catchup, Job, Overlap};

/// A time that is past for longer than this was missed: nobody was there for it. Long enough for a tick that a busy
/// machine, or a suspended one, delays.
const LATE: SignedDuration = SignedDuration::from_mins(2);

/// At most so many missed times of a job run.
pub(crate) const MOST_CAUGHT_UP: usize = 100;

/// At most so many runs of a job are open when another one joins them.
pub(crate) const MOST_OPEN: usize = 100;

/// Missed times further back are not counted one by one.
const FORGOTTEN: SignedDuration = SignedDuration::from_hours(366 * 24);

/// Times of a job that don't run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Skip {
    /// The first of them.
    pub(crate) first: Timestamp,
    /// The last of them.
    pub(crate) last: Timestamp,
    /// How many; none where they reach back too far to be counted.
    pub(crate) count: Option<u64>,
    /// Why.
    pub(crate) reason: SkipReason,
}

/// Why a time doesn't run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SkipReason {
    /// No schedule ran at that time.
    Missed,
    /// An earlier run of the job was not done.
    Overlap,
    /// Too many runs of the job wait.
    Full,
    /// A later run replaces it.
    Superseded,
}

impl SkipReason {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Missed => "missed",
            Self::Overlap => "overlap",
            Self::Full => "full",
            Self::Superseded => "superseded",
        }
    }
}

/// What is decided for a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decision {
    /// Times that become runs, with whether they are caught up.
    pub(crate) runs: Vec<(Timestamp, bool)>,
    /// Times that don't.
    pub(crate) skips: Vec<Skip>,
    /// Open runs that are to be stopped.
    pub(crate) cancel: Vec<i64>,
    /// Every time up to here is decided.
    pub(crate) decided_until: Timestamp,
}

/// Decides about every time of a job after `decided_until` up to `now`. `open` are the job's own runs that aren't done;
/// `catchup` is what counts for missed times, whatever the job's settings say.
///
/// Where the clock was put back, so that `now` lies before what is decided already, nothing is decided.
pub(crate) fn decide(job: &Job, catchup: Catchup, decided_until: Timestamp, open: &[Open], now: Timestamp) -> Decision {
    let mut decision = Decision {
        runs: Vec::new(),
        skips: Vec::new(),
        cancel: Vec::new(),
        decided_until: decided_until.max(now),
    };
    if !job.settings.enabled || now <= decided_until {
        return decision;
    }
    let (missed, on_time) = due(job, decided_until, now, &mut decision.skips);
    let room = MOST_OPEN.saturating_sub(open.len());
    catch_up(catchup, missed, on_time.is_empty(), room, &mut decision);
    overlap(job.settings.overlap, &on_time, open, &mut decision);
    decision
}

/// Times that are due: those missed, of which only the last are kept, and those on time.
fn due(job: &Job, from: Timestamp, now: Timestamp, skips: &mut Vec<Skip>) -> (VecDeque<Timestamp>, Vec<Timestamp>) {
    let mut start = from;
    let horizon = now - FORGOTTEN;
    if from < horizon {
        start = horizon;
        // Up to the horizon itself, whose times aren't counted below.
        let ends = horizon + SignedDuration::from_nanos(1);
        if let (Some(first), Some(last)) = (job.cron.next(from), job.cron.previous(ends))
            && first <= last
        {
            skips.push(Skip {
                first,
                last,
                count: None,
                reason: SkipReason::Missed,
            });
        }
    }
    let mut missed = VecDeque::new();
    let mut on_time = Vec::new();
    let mut dropped: Option<Skip> = None;
    for at in job.cron.after(start).take_while(|at| *at <= now) {
        if now.duration_since(at) <= LATE {
            on_time.push(at);
            continue;
        }
        missed.push_back(at);
        if missed.len() > MOST_CAUGHT_UP
            && let Some(oldest) = missed.pop_front()
        {
            extend(&mut dropped, oldest);
        }
    }
    skips.extend(dropped);
    (missed, on_time)
}

/// Adds a missed time to a stretch of them.
fn extend(stretch: &mut Option<Skip>, at: Timestamp) {
    let skip = stretch.get_or_insert(Skip {
        first: at,
        last: at,
        count: Some(0),
        reason: SkipReason::Missed,
    });
    skip.last = at;
    skip.count = skip.count.map(|count| count + 1);
}

fn catch_up(
    policy: Catchup,
    mut missed: VecDeque<Timestamp>,
    none_on_time: bool,
    room: usize,
    decision: &mut Decision,
) {
    let kept = match policy {
        Catchup::None => 0,
        Catchup::Last => usize::from(none_on_time),
        Catchup::All => missed.len(),
    }
    .min(room);
    let mut dropped = None;
    while missed.len() > kept {
        if let Some(at) = missed.pop_front() {
            extend(&mut dropped, at);
        }
    }
    decision.skips.extend(dropped);
    decision.runs.extend(missed.into_iter().map(|at| (at, true)));
}

/// Lets times that are due now in, beside the runs that are open already. Runs that are caught up at the same moment
/// aren't in their way: whoever wants all of them wants this one too.
fn overlap(policy: Overlap, on_time: &[Timestamp], open: &[Open], decision: &mut Decision) {
    let skip = |at: Timestamp, reason| Skip {
        first: at,
        last: at,
        count: Some(1),
        reason,
    };
    for (place, at) in on_time.iter().enumerate() {
        match policy {
            Overlap::Skip if !open.is_empty() => decision.skips.push(skip(*at, SkipReason::Overlap)),
            Overlap::Queue if open.len() + decision.runs.len() >= MOST_OPEN => {
                decision.skips.push(skip(*at, SkipReason::Full));
            }
            // Several are due at one tick where the job runs more often than the schedule looks. The newest of them runs.
            Overlap::Skip | Overlap::CancelPrevious if place + 1 < on_time.len() => {
                decision.skips.push(skip(*at, SkipReason::Superseded));
            }
            Overlap::Skip | Overlap::Queue => decision.runs.push((*at, false)),
            Overlap::CancelPrevious => {
                decision.cancel.extend(open.iter().map(|open| open.run));
                for (replaced, _) in std::mem::take(&mut decision.runs) {
                    decision.skips.push(skip(replaced, SkipReason::Superseded));
                }
                decision.runs.push((*at, false));
            }
        }
    }
}
