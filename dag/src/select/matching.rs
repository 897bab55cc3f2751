//! Which nodes one criterion matches, without its neighbours.

use fixedbitset::FixedBitSet;
use glob::{MatchOptions, Pattern};
use serde_json::Value;

use super::catalog::{Catalog, Selectable, TestType};
use super::error::SelectError;
use super::request::{Previous, Request, Results};
use super::syntax::{Criterion, Method, StateMethod};

/// What names are compared with.
struct Wanted<'a> {
    text: &'a str,
    pattern: Option<Pattern>,
}

impl<'a> Wanted<'a> {
    fn new(text: &'a str) -> Self {
        let pattern = text
            .contains(['*', '?', '['])
            .then(|| Pattern::new(text).ok())
            .flatten();
        Self { text, pattern }
    }

    fn is(&self, name: &str) -> bool {
        match &self.pattern {
            Some(pattern) => pattern.matches(name),
            None => self.text == name,
        }
    }

    /// A path, where `*` stays within a folder.
    fn is_path(&self, path: &str) -> bool {
        let options = MatchOptions {
            require_literal_separator: true,
            ..MatchOptions::new()
        };
        match &self.pattern {
            Some(pattern) => pattern.matches_with(path, options),
            None => self.text == path,
        }
    }
}

/// One criterion, ready to look at nodes.
pub(super) struct Matcher<'a> {
    catalog: &'a Catalog<'a>,
    criterion: &'a Criterion,
    wanted: Wanted<'a>,
    /// The parts of a name between dots.
    parts: Vec<Wanted<'a>>,
    previous: Option<&'a dyn Previous>,
    results: Option<&'a dyn Results>,
}

impl<'a> Matcher<'a> {
    pub(super) fn new(
        catalog: &'a Catalog<'a>,
        criterion: &'a Criterion,
        request: &Request<'a>,
    ) -> Result<Self, SelectError> {
        match criterion.method {
            Method::State(_) if request.previous.is_none() => Err(SelectError::NoPrevious {
                criterion: criterion.to_string(),
            }),
            Method::Result if request.results.is_none() => Err(SelectError::NoResults {
                criterion: criterion.to_string(),
            }),
            _ => Ok(Self {
                catalog,
                criterion,
                wanted: Wanted::new(&criterion.value),
                parts: criterion.value.split('.').map(Wanted::new).collect(),
                previous: request.previous,
                results: request.results,
            }),
        }
    }

    /// The nodes that match.
    pub(super) fn matches(&self) -> FixedBitSet {
        if self.criterion.method == Method::Task {
            return self.catalog.callers(|name| self.wanted.is(name));
        }
        let mut found = FixedBitSet::with_capacity(self.catalog.len());
        for (at, node) in self.catalog.nodes.iter().enumerate() {
            found.set(at, self.matches_node(*node));
        }
        found
    }

    fn matches_node(&self, node: &dyn Selectable) -> bool {
        match &self.criterion.method {
            Method::Name => self.matches_name(node),
            Method::Path => self.matches_path(node.path()),
            Method::File => {
                let file = node.path().rsplit('/').next().unwrap_or_default();
                let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
                self.wanted.is(file) || self.wanted.is(stem)
            }
            Method::Tag => node.tags().into_iter().any(|tag| self.wanted.is(tag)),
            Method::Source => node
                .source()
                .is_some_and(|source| self.wanted.is(source) || self.wanted.is(&format!("{source}.{}", node.name()))),
            Method::Config(keys) => node.config(keys).is_some_and(|value| self.matches_value(&value)),
            Method::ResourceType => node.resource_type() == self.wanted.text,
            Method::TestType => matches!(
                (node.test_type(), self.wanted.text),
                (Some(TestType::Generic), "generic" | "data")
                    | (Some(TestType::Singular), "singular" | "data")
                    | (Some(TestType::Unit), "unit")
                    | (Some(TestType::Evaluation), "evaluation")
            ),
            Method::TestName => node.test_name().is_some_and(|name| self.wanted.is(name)),
            Method::Package => node
                .fully_qualified_name()
                .first()
                .is_some_and(|name| self.wanted.is(name)),
            Method::State(state) => self
                .previous
                .is_some_and(|previous| matches_state(*state, previous, node)),
            Method::Result => self
                .results
                .and_then(|results| results.status(node.unique_id()))
                .is_some_and(|status| status == self.wanted.text),
            // Found from the tasks, not from node to node.
            Method::Task => false,
        }
    }

    /// The name, or the names of the first folders, with or without the project. Tasks and the tables of sources are
    /// chosen by methods of their own, so that `orders` means the model even where a source has such a table.
    fn matches_name(&self, node: &dyn Selectable) -> bool {
        if node.resource_type() == "task" {
            return false;
        }
        if node.source().is_none() && self.wanted.is(node.name()) {
            return true;
        }
        let names = node.fully_qualified_name();
        let begins = |names: &[&str]| {
            self.parts.len() <= names.len() && self.parts.iter().zip(names).all(|(part, name)| part.is(name))
        };
        let is_bare_table = |names: &[&str]| node.source().is_some() && names.len() < 2;
        (begins(&names) && !is_bare_table(&names))
            || names
                .get(1..)
                .is_some_and(|names| begins(names) && !is_bare_table(names))
            || node
                .source()
                .is_some_and(|source| self.parts.len() == 2 && begins(&[source, node.name()]))
    }

    fn matches_path(&self, path: &str) -> bool {
        let path = path.strip_prefix("./").unwrap_or(path);
        if self.wanted.text == "." || self.wanted.is_path(path) {
            return true;
        }
        // A folder stands for all below it.
        path.match_indices('/').any(|(at, _)| self.wanted.is_path(&path[..at]))
    }

    /// A list matches by any of its items, an object by any of its keys.
    fn matches_value(&self, value: &Value) -> bool {
        match value {
            Value::Null => self.wanted.is("null"),
            Value::Bool(flag) => self
                .wanted
                .text
                .eq_ignore_ascii_case(if *flag { "true" } else { "false" }),
            Value::Number(number) => self.wanted.is(&number.to_string()),
            Value::String(text) => self.wanted.is(text),
            Value::Array(items) => items.iter().any(|item| self.matches_value(item)),
            Value::Object(object) => object.keys().any(|key| self.wanted.is(key)),
        }
    }
}

fn matches_state(state: StateMethod, previous: &dyn Previous, node: &dyn Selectable) -> bool {
    let Some(changes) = previous.changes(node.unique_id()) else {
        return !matches!(state, StateMethod::Old | StateMethod::Unmodified);
    };
    match state {
        StateMethod::Modified => changes.any(),
        StateMethod::ModifiedBody => changes.body,
        StateMethod::ModifiedConfig => changes.config,
        StateMethod::ModifiedTask => changes.task,
        StateMethod::ModifiedRegate => changes.regate,
        StateMethod::ModifiedMetadata => changes.metadata,
        StateMethod::New => false,
        StateMethod::Old => true,
        StateMethod::Unmodified => !changes.any(),
    }
}
