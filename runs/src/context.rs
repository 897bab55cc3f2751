//! What everything in a run shares.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroUsize;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use refuel_dag::{Dag, Node, NodeId};
use refuel_engine::Cancel;
use refuel_project::Materialized;
use refuel_state::{NodeVersion, RunId, State};
use refuel_warehouse::{Warehouse, ownership};

use crate::budget::Spending;
use crate::connections::{Connections, Session};
use crate::error::RunError;
use crate::inference::{Pool, Tasks};
use crate::observe::{Event, Observer};
use crate::order::Permits;
use crate::quote;
use crate::request::RunRequest;
use crate::versions::{self, UNKNOWN, Versions};
use crate::workspace::Workspace;

/// What is known of a project and its target, whether a run goes on or is only planned.
pub(crate) struct Scope<'a> {
    /// The compiled project.
    pub(crate) dag: &'a Dag,
    /// What is remembered.
    pub(crate) state: &'a Arc<State>,
    /// Tasks with their models.
    pub(crate) tasks: Tasks<'a>,
    /// What was built before.
    pub(crate) previous: HashMap<String, NodeVersion>,
    /// What is built now.
    pub(crate) versions: Versions,
    /// For each task that has verdicts, a number that changes with them.
    pub(crate) verdicts: BTreeMap<String, u64>,
    /// Whether the extension answers calls.
    pub(crate) has_extension: bool,
    /// The name of the target.
    pub(crate) target: &'a str,
    /// The schema of the target, where it has one.
    pub(crate) schema: Option<String>,
    /// How many nodes have SQL running.
    pub(crate) permits: Permits,
    /// Connections to the target.
    pub(crate) connections: Connections<'a>,
    /// Stops the work.
    pub(crate) cancel: &'a Cancel,
}

/// Whether what a model holds is looked up when it is read.
pub(crate) fn is_read_through(materialized: Materialized) -> bool {
    matches!(materialized, Materialized::View | Materialized::Ephemeral)
}

/// What is noted beside a relation in the target: what it was made from, and by which run. Another checkout of the project
/// makes other runs.
pub(crate) fn mark(fingerprint: &str, run: Option<&RunId>) -> String {
    match run {
        Some(run) => format!("{fingerprint} {run}"),
        None => fingerprint.to_owned(),
    }
}

/// What this project has built before, but for what somebody else has built over since.
fn previous(workspace: &Workspace, warehouse: &mut dyn Warehouse) -> Result<HashMap<String, NodeVersion>, RunError> {
    let mut previous = workspace.state.node_versions(workspace.target())?;
    for owned in ownership::owned(warehouse, &workspace.dag.project.settings.name)? {
        let is_other = previous
            .get(&owned.owner.node)
            // A relation of an earlier alias of the node is no matter.
            .filter(|before| before.relation.as_ref() == Some(&quote::relation(&owned.relation)))
            .is_some_and(|before| {
                !owned
                    .owner
                    .fingerprint
                    .starts_with(&mark(&before.fingerprint, before.run.as_ref()))
            });
        if is_other {
            previous.remove(&owned.owner.node);
        }
    }
    Ok(previous)
}

impl<'a> Scope<'a> {
    /// Looks at the target and at what is remembered of it.
    pub(crate) fn of(
        workspace: &'a Workspace,
        threads: Option<NonZeroUsize>,
        cancel: &'a Cancel,
    ) -> Result<Self, RunError> {
        let connections = Connections::new(&workspace.warehouses);
        let mut connection = connections.take()?;
        let previous = previous(workspace, connection.warehouse.as_mut())?;
        let has_extension = connection.warehouse.has_extension();
        let schema = connection.warehouse.schema().map(str::to_owned);
        connections.give_back(connection);
        let target = workspace.target();
        let threads = threads.map_or(workspace.dag.project.target.threads, NonZeroUsize::get);
        Ok(Self {
            dag: &workspace.dag,
            state: &workspace.state,
            tasks: Tasks::new(&workspace.dag, &workspace.state, &workspace.models),
            previous,
            versions: Versions::default(),
            verdicts: workspace.state.tasks_with_verdicts()?,
            has_extension,
            target,
            schema,
            permits: Permits::new(threads),
            connections,
            cancel,
        })
    }

    /// A permit and a connection.
    pub(crate) fn session(&self) -> Result<Session<'_>, RunError> {
        Session::open(&self.connections, &self.permits, self.cancel)
    }

    /// The verdicts on a task so far, as a number that changes with them.
    pub(crate) fn verdicts_of(&self, task: &str) -> u64 {
        self.verdicts.get(task).copied().unwrap_or(0)
    }

    /// The versions of what a node reads, by id.
    pub(crate) fn inputs_of(&self, node: &Node) -> BTreeMap<String, String> {
        node.depends_on
            .iter()
            .map(|id| (id.to_string(), self.version_of(id)))
            .collect()
    }

    /// What a node holds now, as a version: by this run, or else by the build before. A view that is not built in this run
    /// holds what is in what it reads.
    fn version_of(&self, id: &NodeId) -> String {
        if let Some(version) = self.versions.get(id) {
            return version;
        }
        let before = self.previous.get(id.as_str());
        let Some(node) = self.dag.node(id.as_str()) else {
            return UNKNOWN.to_owned();
        };
        let is_read_through = node
            .model()
            .is_some_and(|model| is_read_through(model.config.materialized));
        if !is_read_through {
            return before.map_or_else(|| UNKNOWN.to_owned(), |before| before.version.clone());
        }
        let inputs = self.inputs_of(node);
        if inputs.values().any(|input| input == UNKNOWN) {
            return UNKNOWN.to_owned();
        }
        let is_as_built = before.is_some_and(|before| before.fingerprint == node.fingerprints.data().to_string());
        match before {
            _ if node.relation.is_none() || is_as_built => versions::of_node(node, &inputs),
            // The view is still what an earlier text made of it.
            Some(before) => format!("{} over {}", before.version, versions::of_node(node, &inputs)),
            None => UNKNOWN.to_owned(),
        }
    }

    /// The node with this id.
    ///
    /// # Errors
    /// [`RunError::UnknownNode`] with the nearest id.
    pub(crate) fn node(&self, id: &str) -> Result<&'a Node, RunError> {
        self.dag.node(id).ok_or_else(|| RunError::UnknownNode {
            id: id.to_owned(),
            nearest: refuel_dag::nearest(id, self.dag.nodes.keys().map(NodeId::as_str)),
        })
    }
}

/// What everything in a run shares.
pub(crate) struct Context<'a> {
    /// What is known of the project and its target.
    pub(crate) scope: Scope<'a>,
    /// What was asked for.
    pub(crate) request: &'a RunRequest,
    /// Is told what happens.
    pub(crate) observer: &'a dyn Observer,
    /// The run.
    pub(crate) run: &'a RunId,
    /// Where models run.
    pub(crate) pool: Pool,
    /// One at a time works on a table of answers: the same call in two models is asked once.
    pub(crate) tables: Locks,
    /// What is left of the budget of the run, where it has one.
    pub(crate) spending: Spending,
}

impl<'a> Deref for Context<'a> {
    type Target = Scope<'a>;

    fn deref(&self) -> &Scope<'a> {
        &self.scope
    }
}

impl Context<'_> {
    /// Tells something that stops nothing.
    pub(crate) fn note(&self, node: Option<&NodeId>, message: impl Into<String>) {
        self.observer.event(&Event::Note {
            node: node.cloned(),
            message: message.into(),
        });
    }
}

/// Locks by name.
#[derive(Debug, Default)]
pub(crate) struct Locks(Mutex<HashMap<String, Arc<Mutex<()>>>>);

impl Locks {
    /// The lock of this name.
    pub(crate) fn named(&self, name: &str) -> Arc<Mutex<()>> {
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(locks.entry(name.to_owned()).or_default())
    }
}
