//! Checks of data and of models.

use std::sync::Arc;

use refuel_project::TestConfig;

use super::{NodeId, Reference, Rendering};

/// What a data test is made from.
#[derive(Debug, Clone)]
pub enum TestKind {
    /// Declared in a properties file, under a model, a seed or a table of a source.
    Declared {
        /// What is tested.
        test: refuel_project::TestKind,
        /// For `relationships`: the other relation.
        to: Option<Reference>,
    },
    /// A query in a file: each row that it returns is a failure.
    Singular(Rendering),
}

impl TestKind {
    /// dbt's name of the kind, such as `not_null`; `singular` for queries in files.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Declared { test, .. } => test.name(),
            Self::Singular(_) => "singular",
        }
    }

    /// Whether it is declared in a properties file rather than written as a query.
    pub fn is_generic(&self) -> bool {
        matches!(self, Self::Declared { .. })
    }
}

/// A query whose rows are failures. [`crate::Dag::rendered_sql`] gives it.
#[derive(Debug, Clone)]
pub struct TestNode {
    /// Its settings.
    pub config: Arc<TestConfig>,
    /// What it tests.
    pub kind: TestKind,
    /// The node under which it is declared. None for queries in files.
    pub attached_to: Option<NodeId>,
    /// The column that is tested, where it is declared at one.
    pub column: Option<Arc<str>>,
    /// The name it would have if names could be of any length.
    pub full_name: Arc<str>,
}

/// A model on given rows, with expected rows.
#[derive(Debug, Clone)]
pub struct UnitTestNode {
    /// The model that it tests.
    pub model: NodeId,
    /// Its place in [`refuel_project::Project::unit_tests`].
    pub index: usize,
}
