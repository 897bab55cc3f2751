//! Which models may be in memory at once. Pure: what is loaded and let go is told, and done elsewhere.
//!
//! Models take what their files take as long as they are loaded, and more while they run. One runs at a time, so that
//! the memory for running is counted once: for the one that takes most.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use refuel_engine::ModelMemory;

/// A model that is counted as loaded.
#[derive(Debug, Clone)]
pub(super) struct Resident {
    /// What it takes.
    pub(super) memory: ModelMemory,
    /// When it was last used.
    pub(super) used: Instant,
}

/// Why a model can't be loaded: what it takes, by itself, is more than there may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TooLarge {
    /// `name@digest`.
    pub(super) model: String,
    /// Bytes that it takes, with those that run together with it.
    pub(super) needed: u64,
}

/// The models in memory.
#[derive(Debug)]
pub(super) struct Residency {
    budget: u64,
    models: BTreeMap<String, Resident>,
}

impl Residency {
    pub(super) fn new(budget: u64) -> Self {
        Self {
            budget,
            models: BTreeMap::new(),
        }
    }

    /// Counts the models of a task as loaded and used now. Gives those that are to be unloaded first, the longest unused
    /// first; they are no longer counted.
    pub(super) fn admit(&mut self, needed: &[ModelMemory], now: Instant) -> Result<Vec<ModelMemory>, TooLarge> {
        let run = needed.iter().map(|model| model.run_bytes).max().unwrap_or_default();
        let own: u64 = needed.iter().map(|model| model.weights_bytes).sum();
        if own.saturating_add(run) > self.budget {
            return Err(TooLarge {
                model: needed.first().map(|model| model.model.clone()).unwrap_or_default(),
                needed: own.saturating_add(run),
            });
        }
        for memory in needed {
            let resident = Resident {
                memory: memory.clone(),
                used: now,
            };
            self.models.insert(memory.digest.clone(), resident);
        }
        let mut unloaded = Vec::new();
        while self.weights().saturating_add(run) > self.budget {
            let Some(oldest) = self
                .models
                .values()
                .filter(|model| needed.iter().all(|needed| needed.digest != model.memory.digest))
                .min_by_key(|model| model.used)
                .map(|model| model.memory.digest.clone())
            else {
                break;
            };
            unloaded.extend(self.models.remove(&oldest).map(|model| model.memory));
        }
        Ok(unloaded)
    }

    /// Counts models as used now.
    pub(super) fn touch(&mut self, used: &[ModelMemory], now: Instant) {
        for memory in used {
            if let Some(model) = self.models.get_mut(&memory.digest) {
                model.used = now;
            }
        }
    }

    /// Takes out the models that were not used for so long.
    pub(super) fn idle(&mut self, timeout: Duration, now: Instant) -> Vec<ModelMemory> {
        let idle = |model: &Resident| now.saturating_duration_since(model.used) >= timeout;
        let digests: Vec<String> = self
            .models
            .iter()
            .filter(|(_, model)| idle(model))
            .map(|(digest, _)| digest.clone())
            .collect();
        digests
            .iter()
            .filter_map(|digest| self.models.remove(digest))
            .map(|model| model.memory)
            .collect()
    }

    /// Takes models out, whatever they are used for.
    pub(super) fn remove(&mut self, models: &[ModelMemory]) {
        for model in models {
            self.models.remove(&model.digest);
        }
    }

    /// How long it is until the first model has been idle for so long. None where none is loaded.
    pub(super) fn until_idle(&self, timeout: Duration, now: Instant) -> Option<Duration> {
        let oldest = self.models.values().map(|model| model.used).min()?;
        Some(timeout.saturating_sub(now.saturating_duration_since(oldest)))
    }

    fn weights(&self) -> u64 {
        self.models.values().map(|model| model.memory.weights_bytes).sum()
    }

    /// Bytes that the loaded models are counted with.
    pub(super) fn bytes(&self) -> u64 {
        let run = self.models.values().map(|model| model.memory.run_bytes).max();
        self.weights() + run.unwrap_or_default()
    }

    /// A model that is counted as loaded, by its digest.
    pub(super) fn get(&self, digest: &str) -> Option<&Resident> {
        self.models.get(digest)
    }

    /// The most bytes that models may take.
    pub(super) fn budget(&self) -> u64 {
        self.budget
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(name: &str, weights_bytes: u64, run_bytes: u64) -> ModelMemory {
        ModelMemory {
            digest: name.to_owned(),
            model: format!("{name}@1"),
            weights_bytes,
            run_bytes,
        }
    }

    fn names(models: &[ModelMemory]) -> Vec<&str> {
        models.iter().map(|model| model.digest.as_str()).collect()
    }

    #[test]
    fn the_longest_unused_makes_room_and_what_is_needed_stays() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut residency = Residency::new(100);
        for (second, name) in ["a", "b", "c"].into_iter().enumerate() {
            assert!(
                residency
                    .admit(&[model(name, 25, 20)], at(second as u64))
                    .is_ok_and(|out| out.is_empty())
            );
        }
        assert_eq!(residency.bytes(), 95, "the memory for running is counted once");
        residency.touch(&[model("a", 25, 20)], at(5));
        let out = residency
            .admit(&[model("d", 25, 20), model("b", 25, 20)], at(6))
            .unwrap_or_default();
        assert_eq!(names(&out), ["c"]);
        assert!(residency.get("a").is_some() && residency.get("b").is_some());
        assert!(residency.bytes() <= 100);
    }

    #[test]
    fn what_never_fits_is_refused_and_nothing_is_unloaded_for_it() {
        let now = Instant::now();
        let mut residency = Residency::new(100);
        residency.admit(&[model("a", 50, 10)], now).expect("it fits");
        let refused = residency.admit(&[model("b", 90, 20)], now).expect_err("it doesn't");
        assert_eq!((refused.model.as_str(), refused.needed), ("b@1", 110));
        assert!(residency.get("a").is_some() && residency.get("b").is_none());
    }

    #[test]
    fn models_that_were_not_used_go() {
        let start = Instant::now();
        let timeout = Duration::from_mins(1);
        let mut residency = Residency::new(100);
        assert_eq!(residency.until_idle(timeout, start), None);
        residency.admit(&[model("a", 1, 1)], start).expect("it fits");
        let later = start + Duration::from_secs(45);
        residency.admit(&[model("b", 1, 1)], later).expect("it fits");
        assert!(residency.idle(timeout, later).is_empty());
        assert_eq!(residency.until_idle(timeout, later), Some(Duration::from_secs(15)));
        assert_eq!(names(&residency.idle(timeout, start + timeout)), ["a"]);
        assert_eq!(
            residency.until_idle(timeout, start + timeout),
            Some(Duration::from_secs(45))
        );
    }
}
