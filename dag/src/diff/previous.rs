//! An earlier state as selectors see it.

use std::collections::{BTreeMap, BTreeSet};

use super::nodes::{is_another, parts};
use super::snapshot::{Snapshot, models_of};
use crate::dag::Dag;
use crate::nodes::Detail;
use crate::select::{Changes, Previous};

/// A compiled project beside an earlier state of it: what `state:` selects by.
pub struct Comparison<'a> {
    before: &'a Snapshot,
    dag: &'a Dag,
    /// Models that are other ones under the same name.
    models: BTreeSet<&'a str>,
}

impl<'a> Comparison<'a> {
    /// Compares a project with an earlier state. `models` gives the digests of the models that are installed now.
    pub fn new(before: &'a Snapshot, dag: &'a Dag, models: &BTreeMap<String, String>) -> Self {
        let is_other =
            |(name, digest): &(&'a String, &String)| models.get(*name).is_some_and(|now| is_another(digest, now));
        let models = before
            .models
            .iter()
            .filter(is_other)
            .map(|(name, _)| name.as_str())
            .collect();
        Self { before, dag, models }
    }
}

impl Previous for Comparison<'_> {
    fn changes(&self, unique_id: &str) -> Option<Changes> {
        let before = self.before.nodes.get(unique_id)?;
        let now = self.dag.nodes.get(unique_id)?;
        let calls_another = match &now.detail {
            Detail::Model(model) => model
                .calls
                .iter()
                .flat_map(|call| models_of(self.dag, &call.asked))
                .any(|model| self.models.contains(model.as_str())),
            Detail::Task(task) => {
                let mut names = task.task.registry_names().into_iter();
                names.any(|name| self.models.contains(name.as_str()))
            }
            _ => false,
        };
        Some(parts(&before.fingerprints, &now.fingerprints, calls_another))
    }
}
