//! Tasks that are settled: one for all clients that ask the same.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use refuel_client::wire::{Prepared, TaskSpec};

use super::answerer::Answerer;
use super::pace::Pace;
use super::queue::{LaneId, Limits, Size};

/// Settled tasks that are kept though no client holds them.
const KEPT: usize = 256;

/// What a row costs whatever its length, in bytes of text.
const COST_OF_ROW: u64 = 64;
/// The most that a row costs, in bytes of text: what is longer is cut by the models there are.
const MOST_COST: u64 = 64 << 10;

/// A task under its name.
pub struct Settled {
    pub(super) name: String,
    pub(super) lane: Arc<Lane>,
}

impl Settled {
    /// What a client is told of it.
    pub fn prepared(&self) -> Prepared {
        let answerer = &self.lane.answerer;
        Prepared {
            fingerprint: answerer.fingerprint().to_owned(),
            model: answerer.model().to_owned(),
            kind: answerer.task().kind.name().to_owned(),
        }
    }
}

/// A task on a model, whose inputs can run together whoever asks.
pub(super) struct Lane {
    pub(super) id: LaneId,
    pub(super) answerer: Box<dyn Answerer>,
    pace: Mutex<Pace>,
}

impl Lane {
    /// How much is run at once.
    pub(super) fn limits(&self) -> Limits {
        self.pace().limits()
    }

    /// Learns from a run of rows with these bytes, by the rows of each batch.
    pub(super) fn learn(&self, bytes: impl Iterator<Item = usize>, batches: &[usize], seconds: f64) {
        let costs = bytes.map(|bytes| Self::size(bytes).cost).collect();
        self.pace().learn(costs, batches, seconds);
    }

    /// What was learned is whole between calls.
    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a row of so many bytes counts as.
    pub(super) fn size(bytes: usize) -> Size {
        Size {
            bytes: bytes as u64 + COST_OF_ROW,
            cost: COST_OF_ROW + (bytes as u64).min(MOST_COST),
        }
    }
}

struct Kept {
    lane: Arc<Lane>,
    used: u64,
}

/// Every lane there is, by what tells tasks apart.
#[derive(Default)]
pub(super) struct Lanes {
    kept: HashMap<String, Kept>,
    /// All of them, also those that only clients still hold: they may hold a model.
    all: HashMap<LaneId, (String, Weak<Lane>)>,
    next: LaneId,
    clock: u64,
}

impl Lanes {
    /// The settled task for a spec: with the lane that is there, or a new one for `answerer`.
    pub(super) fn settle(&mut self, spec: &TaskSpec, answerer: Box<dyn Answerer>) -> Arc<Settled> {
        self.clock += 1;
        let identity = answerer.identity();
        let lane = match self.find(&identity) {
            Some(lane) => lane,
            None => self.add(&identity, answerer),
        };
        let kept = Kept {
            lane: Arc::clone(&lane),
            used: self.clock,
        };
        self.kept.insert(identity, kept);
        self.forget();
        Arc::new(Settled {
            name: spec.name.clone(),
            lane,
        })
    }

    fn find(&self, identity: &str) -> Option<Arc<Lane>> {
        if let Some(kept) = self.kept.get(identity) {
            return Some(Arc::clone(&kept.lane));
        }
        let mut held = self.all.values().filter(|(known, _)| known == identity);
        held.find_map(|(_, lane)| lane.upgrade())
    }

    fn add(&mut self, identity: &str, answerer: Box<dyn Answerer>) -> Arc<Lane> {
        self.next += 1;
        let lane = Arc::new(Lane {
            id: self.next,
            answerer,
            pace: Mutex::default(),
        });
        self.all.retain(|_, (_, lane)| lane.strong_count() > 0);
        self.all.insert(lane.id, (identity.to_owned(), Arc::downgrade(&lane)));
        lane
    }

    fn forget(&mut self) {
        while self.kept.len() > KEPT {
            let oldest = self.kept.iter().min_by_key(|(_, kept)| kept.used);
            let Some(identity) = oldest.map(|(identity, _)| identity.clone()) else {
                return;
            };
            self.kept.remove(&identity);
        }
    }

    /// A lane by its number.
    pub(super) fn get(&self, id: LaneId) -> Option<Arc<Lane>> {
        self.all.get(&id)?.1.upgrade()
    }

    /// Makes every task let go of a model.
    pub(super) fn release(&self, digest: &str) {
        let lanes = self.all.values().filter_map(|(_, lane)| lane.upgrade());
        lanes
            .filter(|lane| lane.answerer.models().iter().any(|model| model.digest == digest))
            .for_each(|lane| lane.answerer.release());
    }
}
