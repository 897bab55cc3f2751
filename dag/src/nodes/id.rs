//! Names of nodes.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Kinds of nodes, by dbt's names where it has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResourceType {
    /// A SELECT in a file below `models/`.
    Model,
    /// A file below `seeds/`.
    Seed,
    /// A table or file that the project reads and others make.
    Source,
    /// A data test.
    Test,
    /// A unit test.
    UnitTest,
    /// An evaluation.
    Evaluation,
    /// A file below `tasks/`.
    Task,
}

impl ResourceType {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::Model,
        Self::Seed,
        Self::Source,
        Self::Test,
        Self::UnitTest,
        Self::Evaluation,
        Self::Task,
    ];

    /// Its name: the first part of unique ids.
    pub fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Seed => "seed",
            Self::Source => "source",
            Self::Test => "test",
            Self::UnitTest => "unit_test",
            Self::Evaluation => "evaluation",
            Self::Task => "task",
        }
    }

    /// The kind with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for ResourceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that is unique in a project and stays the same between runs: `model.PROJECT.NAME`, `seed.PROJECT.NAME`,
/// `source.PROJECT.SOURCE.TABLE`, `test.PROJECT.NAME`, `unit_test.PROJECT.MODEL.NAME`, `evaluation.PROJECT.MODEL.NAME`,
/// `task.PROJECT.NAME`. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(Arc<str>);

impl NodeId {
    /// The id of a node: its kind, the project, and the parts of its name.
    pub fn new(kind: ResourceType, project: &str, parts: &[&str]) -> Self {
        let mut text = String::with_capacity(64);
        text.push_str(kind.name());
        for part in std::iter::once(&project).chain(parts) {
            text.push('.');
            text.push_str(part);
        }
        Self(text.into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The kind of node that it names: its first part.
    pub fn resource_type(&self) -> Option<ResourceType> {
        self.0.split('.').next().and_then(ResourceType::named)
    }
}

impl From<&str> for NodeId {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for NodeId {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl Borrow<str> for NodeId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for NodeId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Serialize for NodeId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for NodeId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_says_its_kind_its_project_and_its_name() {
        let id = NodeId::new(ResourceType::Source, "shop", &["raw", "orders"]);
        assert_eq!(id.as_str(), "source.shop.raw.orders");
        assert_eq!(id.resource_type(), Some(ResourceType::Source));
        assert_eq!(NodeId::from("nothing").resource_type(), None);
        for kind in ResourceType::ALL {
            assert_eq!(ResourceType::named(kind.name()), Some(kind));
            assert_eq!(NodeId::new(kind, "p", &["n"]).resource_type(), Some(kind));
        }
    }
}
