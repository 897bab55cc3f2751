//! What is known of earlier runs: for `state:` and `result:`, and to compare with.

use std::collections::{BTreeMap, BTreeSet};

use refuel_dag::Dag;
use refuel_dag::artifacts::{RUN_RESULTS_FILE, RunResults, Statuses};
use refuel_dag::diff::{Comparison, Snapshot};
use refuel_project::Project;
use refuel_registry::Registry;
use refuel_runs::Workspace;
use refuel_state::State;

use super::open;
use super::selection::Earlier;
use crate::cli::project::SelectionArgs;
use crate::context::Context;
use crate::error::Failure;

/// What is known of earlier runs.
#[derive(Default)]
pub(super) struct Known {
    snapshot: Option<Snapshot>,
    models: BTreeMap<String, String>,
    statuses: Option<Statuses>,
}

impl Known {
    /// Reads what the words of a selection need, and nothing for words that need nothing.
    pub(super) fn of(workspace: &Workspace, selection: &SelectionArgs) -> Result<Self, Failure> {
        let state = || Ok((workspace.snapshot()?, workspace.model_digests()));
        Self::read(&workspace.dag.project, selection, state)
    }

    /// The same for verbs that need neither the target nor models.
    pub(super) fn of_dag(dag: &Dag, selection: &SelectionArgs, context: &Context) -> Result<Self, Failure> {
        let state = || Ok((snapshot(&dag.project)?, model_digests(dag, context)?));
        Self::read(&dag.project, selection, state)
    }

    fn read(
        project: &Project,
        selection: &SelectionArgs,
        state: impl FnOnce() -> Result<(Option<Snapshot>, BTreeMap<String, String>), Failure>,
    ) -> Result<Self, Failure> {
        let mut known = Self::default();
        let words = || selection.select.iter().chain(&selection.exclude);
        if words().any(|word| word.contains("state:")) {
            (known.snapshot, known.models) = state()?;
        }
        if words().any(|word| word.contains("result:")) {
            let folder = project.root.join(&project.settings.target_path);
            if folder.join(RUN_RESULTS_FILE).is_file() {
                known.statuses = Some(RunResults::read(&folder)?.statuses());
            }
        }
        Ok(known)
    }

    /// What selectors look at.
    pub(super) fn with<T>(&self, dag: &Dag, look: impl FnOnce(&Earlier<'_>) -> T) -> T {
        let comparison = self
            .snapshot
            .as_ref()
            .map(|snapshot| Comparison::new(snapshot, dag, &self.models));
        look(&Earlier {
            previous: comparison.as_ref().map(|comparison| comparison as _),
            results: self.statuses.as_ref().map(|statuses| statuses as _),
        })
    }
}

/// The project as it was built last in its target; None where it never was. What another version left counts as none.
pub(super) fn snapshot(project: &Project) -> Result<Option<Snapshot>, Failure> {
    let path = open::state_path(project);
    if !path.is_file() {
        return Ok(None);
    }
    let kept = State::open(path)?.snapshot(&project.target.name)?;
    Ok(kept.and_then(|(_, content)| serde_json::from_slice(&content).ok()))
}

/// The digests of the models and heads that tasks name, as far as they are there.
pub(super) fn model_digests(dag: &Dag, context: &Context) -> Result<BTreeMap<String, String>, Failure> {
    let tasks = dag.project.tasks.values();
    let names: BTreeSet<String> = tasks.flat_map(|file| file.task.registry_names()).collect();
    if names.is_empty() {
        return Ok(BTreeMap::new());
    }
    let registry = Registry::open(&context.home()?)?;
    let digest = |name: String| {
        let entry = registry.get(&name).ok()?;
        Some((name, entry.manifest.digest))
    };
    Ok(names.into_iter().filter_map(digest).collect())
}
