//! Which tasks a review is about, and what of their answers waits.

use std::sync::Arc;

use refuel_dag::Dag;
use refuel_project::Project;
use refuel_state::{Pending, QueueOrder, QueueTask, State};
use refuel_task::{Kind, Task};

use super::error::ReviewError;
use super::session::Item;
use crate::cli::{ReviewArgs, ReviewOrder};
use crate::error::Failure;
use crate::words;

/// Tasks whose answers are looked through.
#[derive(Debug, Clone, Default)]
pub(super) struct Tasks(pub(super) Vec<Arc<Task>>);

impl Tasks {
    /// Every task of a project on which a person can decide.
    pub(super) fn all(project: &Project) -> Self {
        let tasks = project.tasks.values().map(|file| file.task.clone());
        Self(tasks.filter(|task| is_reviewable(task)).collect())
    }

    /// Those with these names.
    pub(super) fn named(project: &Project, names: &[String]) -> Result<Self, ReviewError> {
        let find = |name: &String| {
            let file = project.tasks.get(name).ok_or_else(|| ReviewError::UnknownTask {
                name: name.clone(),
                nearest: words::nearest(name, project.tasks.keys().map(String::as_str)).map(str::to_owned),
            })?;
            if !is_reviewable(&file.task) {
                return Err(ReviewError::NotReviewable {
                    name: name.clone(),
                    kind: file.task.kind.name(),
                });
            }
            Ok(file.task.clone())
        };
        names.iter().map(find).collect::<Result<Vec<_>, _>>().map(Self)
    }

    /// Those that a model calls.
    pub(super) fn of_model(dag: &Dag, name: &str) -> Result<Self, ReviewError> {
        let models = || dag.nodes.values().filter(|node| node.model().is_some());
        let Some(model) = models().find(|model| &*model.name == name) else {
            return Err(ReviewError::UnknownModel {
                name: name.to_owned(),
                nearest: words::nearest(name, models().map(|model| &*model.name)).map(str::to_owned),
            });
        };
        let tasks = model
            .depends_on
            .iter()
            .filter_map(|id| match &dag.node(id.as_str())?.detail {
                refuel_dag::Detail::Task(node) if is_reviewable(&node.task) => Some(node.task.clone()),
                _ => None,
            });
        let tasks: Vec<Arc<Task>> = tasks.collect();
        if tasks.is_empty() {
            return Err(ReviewError::NoCalls { name: name.to_owned() });
        }
        Ok(Self(tasks))
    }

    /// The task with this name.
    pub(super) fn get(&self, name: &str) -> Option<&Arc<Task>> {
        self.0.iter().find(|task| task.name == name)
    }

    /// What waits of their answers, in the order that was asked for.
    pub(super) fn waiting(&self, state: &State, arguments: &ReviewArgs) -> Result<Vec<Item>, Failure> {
        let order = match arguments.order {
            ReviewOrder::Confidence => QueueOrder::LeastSure,
            ReviewOrder::Oldest => QueueOrder::Oldest,
            ReviewOrder::Random => QueueOrder::Random(jiff::Timestamp::now().as_microsecond().cast_unsigned()),
        };
        let tasks: Vec<QueueTask> = (self.0.iter())
            .map(|task| QueueTask {
                name: task.name.clone(),
                gate: task.gate(),
            })
            .collect();
        let pending = state.queue(&tasks, order, arguments.limit as usize)?;
        Ok(pending.into_iter().filter_map(|pending| self.item(pending)).collect())
    }

    fn item(&self, pending: Pending) -> Option<Item> {
        let task = self.get(&pending.task)?.clone();
        Some(Item { pending, task })
    }
}

/// A vector says nothing to a person.
fn is_reviewable(task: &Task) -> bool {
    task.kind != Kind::EMBED
}
