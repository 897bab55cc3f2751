//! What the nodes of a compiled project can be selected by.

use serde::Serialize;
use serde_json::Value;

use super::catalog::{Catalog, Selectable, TestType};
use super::error::SelectError;
use super::missing::Unmatched;
use super::request::Request;
use crate::dag::Dag;
use crate::nodes::{Detail, Node, NodeId, TestKind};

impl Dag {
    /// The nodes, ready to be selected from. Positions are places in [`Dag::nodes`].
    pub fn catalog(&self) -> Catalog<'_> {
        let nodes = self.nodes.values().map(|node| node as &dyn Selectable).collect();
        let edges =
            (0..self.nodes.len()).flat_map(|child| self.graph.parents(child).map(move |parent| (parent, child)));
        Catalog::new(nodes, edges)
    }

    /// Selects nodes: their ids in the order of [`Dag::nodes`], and what of the selector matched nothing.
    ///
    /// # Errors
    /// As for [`Catalog::select`].
    pub fn select(&self, request: &Request<'_>) -> Result<(Vec<NodeId>, Vec<Unmatched>), SelectError> {
        let selected = self.catalog().select(request)?;
        let ids = selected.nodes.iter().map(|&at| self.nodes[at].id.clone()).collect();
        Ok((ids, selected.unmatched))
    }
}

impl Selectable for Node {
    fn unique_id(&self) -> &str {
        self.id.as_str()
    }

    fn resource_type(&self) -> &str {
        Node::resource_type(self).name()
    }

    fn name(&self) -> &str {
        match &self.detail {
            Detail::Source(source) => &source.table,
            _ => &self.name,
        }
    }

    fn fully_qualified_name(&self) -> Vec<&str> {
        self.fqn.iter().map(|part| &**part).collect()
    }

    fn path(&self) -> &str {
        &self.path
    }

    fn tags(&self) -> Vec<&str> {
        self.tags.iter().map(|tag| &**tag).collect()
    }

    fn config(&self, keys: &[String]) -> Option<Value> {
        let [first, ..] = keys else { return None };
        // What every node has, and what is not a setting of its own.
        match (first.as_str(), &self.detail) {
            ("tags", _) => return Some(self.tags.iter().map(|tag| Value::from(&**tag)).collect()),
            ("enabled", _) => return Some(true.into()),
            ("materialized", Detail::Model(model)) => return Some(model.config.materialized.name().into()),
            ("materialized", Detail::Seed(_)) => return Some("seed".into()),
            ("materialized", Detail::Test(_)) => return Some("test".into()),
            ("gates", Detail::Model(model)) => return Some(model.gated.into()),
            _ => {}
        }
        match &self.detail {
            Detail::Model(model) => at(&*model.config, keys),
            Detail::Seed(seed) => at(&*seed.config, keys),
            Detail::Test(test) => at(&*test.config, keys),
            _ => None,
        }
    }

    fn source(&self) -> Option<&str> {
        match &self.detail {
            Detail::Source(source) => Some(&source.source),
            _ => None,
        }
    }

    fn test_type(&self) -> Option<TestType> {
        match &self.detail {
            Detail::Test(test) => Some(match test.kind {
                TestKind::Declared { .. } => TestType::Generic,
                TestKind::Singular(_) => TestType::Singular,
            }),
            Detail::UnitTest(_) => Some(TestType::Unit),
            Detail::Evaluation(_) => Some(TestType::Evaluation),
            _ => None,
        }
    }

    fn test_name(&self) -> Option<&str> {
        match &self.detail {
            Detail::Test(test) => Some(test.kind.name()),
            _ => None,
        }
    }
}

/// The setting at the end of keys.
fn at(config: &impl Serialize, keys: &[String]) -> Option<Value> {
    let config = serde_json::to_value(config).ok()?;
    keys.iter().try_fold(&config, |value, key| value.get(key)).cloned()
}
