//! Which runs start.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use jiff::Timestamp;

use super::Pooled;
use crate::settings::PoolKey;

/// The runs that may start now, in the order in which they were due: a job runs once at a time, and a pool has no more
/// than its slots.
pub(crate) fn startable(open: &[Pooled], slots: impl Fn(&PoolKey) -> u32, now: Timestamp) -> Vec<i64> {
    let mut used: BTreeMap<&PoolKey, u32> = BTreeMap::new();
    let mut busy: BTreeSet<i64> = BTreeSet::new();
    for (run, pool) in open.iter().filter(|(run, _)| run.running) {
        *used.entry(pool).or_default() += 1;
        busy.insert(run.job);
    }
    let mut waiting: Vec<&Pooled> = open.iter().filter(|(run, _)| !run.running).collect();
    waiting.sort_by_key(|(run, _)| (run.scheduled_at, run.run));
    let mut starts = Vec::new();
    for (run, pool) in waiting {
        // A run that waits for its retry keeps later ones of its job back, so that they stay in their order.
        if !busy.insert(run.job) || run.not_before > now {
            continue;
        }
        let used = used.entry(pool).or_default();
        if *used < slots(pool) {
            *used += 1;
            starts.push(run.run);
        }
    }
    starts
}
