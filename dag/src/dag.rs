//! A compiled project.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use indexmap::IndexMap;
use refuel_project::{Project, Properties};
use refuel_staging::{Dialect, RelationName};

use crate::compile::CompileOptions;
use crate::error::{DagError, Warning};
use crate::fingerprint::Fingerprint;
use crate::graph::Graph;
use crate::nodes::{Detail, Node, NodeId, ResourceType};
use crate::render::Renderer;

/// A compiled project. Nodes stand in a fixed order: tasks, sources, seeds, models, singular tests, each by name; then
/// declared tests, unit tests and evaluations, in the order of what they are declared under.
#[derive(Debug)]
pub struct Dag {
    /// The project that was compiled.
    pub project: Arc<Project>,
    /// Every enabled node by its id.
    pub nodes: IndexMap<NodeId, Node>,
    /// Which node reads which. Numbers are places in [`Dag::nodes`].
    pub graph: Graph,
    /// Models, seeds and tests that are disabled.
    pub disabled: Vec<NodeId>,
    /// What is worth a word but not wrong.
    pub warnings: Vec<Warning>,
    /// What `log()` said while files were rendered.
    pub messages: Vec<Message>,
    /// How many files were rendered and parsed now, rather than taken from the cache.
    pub rendered_files: usize,
    /// What is written of each node was made from this, by the place of the node. None where that is not known.
    pub(crate) origins: Vec<Option<Fingerprint>>,
    pub(crate) renderer: Renderer,
}

/// What `log()` said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The file, from the project's folder.
    pub path: Arc<str>,
    /// The text.
    pub text: String,
    /// Whether it is to be shown without being asked for: `log(text, info=true)`.
    pub info: bool,
}

/// How a node's text is turned into SQL.
#[derive(Debug, Clone, Default)]
pub struct RenderMode {
    /// Whether `is_incremental()` is true.
    pub incremental: bool,
    /// What stands for a node instead of its relation, as SQL that can follow FROM: the name of another relation. A
    /// unit test puts its fixtures here. The node's own id stands for `this`.
    pub overrides: HashMap<NodeId, String>,
    /// Variables that outrank the project's, as unit tests give them.
    pub vars: serde_json::Map<String, serde_json::Value>,
    /// Environment variables that outrank the environment's.
    pub env: serde_json::Map<String, serde_json::Value>,
}

impl RenderMode {
    /// As a full build sees it, or as an incremental one does.
    pub fn new(incremental: bool) -> Self {
        Self {
            incremental,
            ..Self::default()
        }
    }
}

impl Dag {
    /// Compiles a project.
    ///
    /// # Errors
    /// Everything that is wrong, in the order of files. Never empty.
    pub fn compile(project: &Arc<Project>, options: &CompileOptions) -> Result<Self, Vec<DagError>> {
        crate::compile::compile(project, options)
    }

    /// Writes the SQL of models and singular tests into a folder, as [`CompileOptions::compiled`] does.
    ///
    /// # Errors
    /// [`DagError::File`]; errors of volatile models, which are rendered anew. Never empty.
    pub fn write_compiled(&self, folder: &Path) -> Result<(), Vec<DagError>> {
        crate::compile::compiled(self, folder)
    }

    /// What is wrong with the files of models and singular tests, each taken for itself: templates, settings, SQL. For a
    /// project that can't be compiled since others of its files can't be read.
    pub fn errors_of_files(project: &Arc<Project>) -> Vec<DagError> {
        crate::compile::errors_of_files(project)
    }

    /// The node with this id.
    pub fn node(&self, id: &str) -> Option<&Node> {
        self.nodes.get(id)
    }

    /// All nodes, each after everything it reads.
    pub fn order(&self) -> impl DoubleEndedIterator<Item = &Node> + '_ {
        self.graph.order().map(|number| &self.nodes[number])
    }

    /// What a node reads.
    pub fn parents(&self, id: &str) -> impl Iterator<Item = &Node> + '_ {
        let number = self.nodes.get_index_of(id);
        number
            .into_iter()
            .flat_map(|number| self.graph.parents(number))
            .map(|number| &self.nodes[number])
    }

    /// What reads a node.
    pub fn children(&self, id: &str) -> impl Iterator<Item = &Node> + '_ {
        let number = self.nodes.get_index_of(id);
        number
            .into_iter()
            .flat_map(|number| self.graph.children(number))
            .map(|number| &self.nodes[number])
    }

    /// What the properties files say of a model, a seed or the table of a source: description, columns and the like.
    pub fn properties(&self, node: &Node) -> Option<&Properties> {
        match &node.detail {
            Detail::Model(_) => self.project.models.get(&*node.name)?.properties.as_deref(),
            Detail::Seed(_) => self.project.seeds.get(&*node.name)?.properties.as_deref(),
            _ => None,
        }
    }

    /// The model or seed that `ref('name')` means.
    pub fn referable(&self, name: &str) -> Option<&Node> {
        [ResourceType::Model, ResourceType::Seed].into_iter().find_map(|kind| {
            self.nodes
                .get(NodeId::new(kind, &self.project.settings.name, &[name]).as_str())
        })
    }

    /// The SQL of a model or data test, as it is sent to a database: relations are named, ephemeral models are written
    /// out in front. Calls are still calls. None of `mode`'s overrides need be there.
    ///
    /// # Errors
    /// [`DagError::NoSql`] for a node that has none. A node whose text depends on the time, or on variables that `mode`
    /// gives, is rendered again: what can be wrong with a template.
    pub fn rendered_sql(&self, node: &Node, mode: &RenderMode) -> Result<String, DagError> {
        crate::compile::rendered_sql(self, node, mode)
    }

    /// Renders a text that belongs to no file, as `refuel show --inline` and hooks give it. `this` is the node whose
    /// hook it is. `name` is what errors call it.
    ///
    /// # Errors
    /// What can be wrong with a template and its references.
    pub fn render_inline(
        &self,
        name: &str,
        text: &str,
        this: Option<&Node>,
        mode: &RenderMode,
    ) -> Result<String, DagError> {
        crate::compile::render_inline(self, name, text, this, mode)
    }

    /// What `invocation_id` is in templates.
    pub fn invocation(&self) -> &str {
        &self.renderer.moment.invocation
    }

    /// The dialect of the target.
    pub fn dialect(&self) -> Dialect {
        self.renderer.dialect()
    }

    /// The relation that a node is kept in; for a model with gates, the view on all its rows.
    pub fn relation(&self, id: &str) -> Option<&RelationName> {
        self.nodes.get(id)?.relation.as_ref()
    }
}
