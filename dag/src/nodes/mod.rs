//! What a compiled project is made of.

mod id;
mod kinds;
mod test_node;

pub use id::{NodeId, ResourceType};
pub use kinds::{EvaluationNode, ModelNode, Part, Reference, Rendering, SeedNode, SourceNode, TaskNode};
pub use test_node::{TestKind, TestNode, UnitTestNode};

use std::sync::Arc;

use refuel_staging::RelationName;
use refuel_task::Place;

use crate::fingerprint::Fingerprints;

/// A node of the graph.
#[derive(Debug, Clone)]
pub struct Node {
    /// Unique in the project, such as `model.shop.orders`.
    pub id: NodeId,
    /// Name, such as `orders`; of a source, `source.table`.
    pub name: Arc<str>,
    /// The file that declares it, from the project's folder, with `/` between folders.
    pub path: Arc<str>,
    /// Where it is declared: the start of its own file, or its entry in a properties file.
    pub place: Place,
    /// The project, the folders below the folder of its kind, and the name: what a selector of folders looks at.
    pub fqn: Vec<Arc<str>>,
    /// Words to select it by.
    pub tags: Vec<String>,
    /// What it reads, each once, in the order of the files; tasks are among them.
    pub depends_on: Vec<NodeId>,
    /// What `ref()` or `source()` of it gives. None where it is not stored: ephemeral models, tasks, tests.
    pub relation: Option<RelationName>,
    /// What it was made from, in hashes.
    pub fingerprints: Fingerprints,
    /// What only this kind of node has.
    pub detail: Detail,
}

/// What only one kind of node has.
#[derive(Debug, Clone)]
pub enum Detail {
    /// A SELECT.
    Model(Box<ModelNode>),
    /// A small table in a file.
    Seed(SeedNode),
    /// A table that others make, or a file.
    Source(SourceNode),
    /// A query whose rows are failures.
    Test(Box<TestNode>),
    /// A model on given rows, with expected rows.
    UnitTest(UnitTestNode),
    /// Measures of a model's answers against the truth, or against those of the run before.
    Evaluation(EvaluationNode),
    /// A judgement that models ask for.
    Task(TaskNode),
}

impl Node {
    /// What kind of node it is.
    pub fn resource_type(&self) -> ResourceType {
        match self.detail {
            Detail::Model(_) => ResourceType::Model,
            Detail::Seed(_) => ResourceType::Seed,
            Detail::Source(_) => ResourceType::Source,
            Detail::Test(_) => ResourceType::Test,
            Detail::UnitTest(_) => ResourceType::UnitTest,
            Detail::Evaluation(_) => ResourceType::Evaluation,
            Detail::Task(_) => ResourceType::Task,
        }
    }

    /// The model, where it is one.
    pub fn model(&self) -> Option<&ModelNode> {
        match &self.detail {
            Detail::Model(model) => Some(model),
            _ => None,
        }
    }

    /// The data test, where it is one.
    pub fn test(&self) -> Option<&TestNode> {
        match &self.detail {
            Detail::Test(test) => Some(test),
            _ => None,
        }
    }

    /// Whether it checks other nodes: tests, unit tests and evaluations.
    pub fn is_check(&self) -> bool {
        matches!(
            self.detail,
            Detail::Test(_) | Detail::UnitTest(_) | Detail::Evaluation(_)
        )
    }

    /// The node that a check belongs to: the model, seed or source under which it is declared. None for singular tests,
    /// which belong to everything they read, and for nodes that are no checks.
    pub fn attached_to(&self) -> Option<&NodeId> {
        match &self.detail {
            Detail::Test(test) => test.attached_to.as_ref(),
            Detail::UnitTest(test) => Some(&test.model),
            Detail::Evaluation(evaluation) => Some(&evaluation.model),
            _ => None,
        }
    }
}
