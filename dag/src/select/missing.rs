//! Parts of a selector that no node matches, and what may have been meant.

use std::collections::BTreeSet;
use std::fmt;

use super::catalog::Catalog;
use super::syntax::{Criterion, Method};
use crate::nearest;

/// A part of a selector that no node matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmatched {
    /// The part, as it is written.
    pub criterion: String,
    /// Why, without the value: `no node has this tag`.
    reason: &'static str,
    /// The nearest part that some node matches, as it is written.
    pub nearest: Option<String>,
}

impl Unmatched {
    pub(super) fn new(catalog: &Catalog<'_>, criterion: &Criterion) -> Self {
        Self {
            criterion: criterion.to_string(),
            reason: reason(&criterion.method),
            nearest: suggestion(catalog, criterion).map(|value| value.to_string()),
        }
    }
}

impl fmt::Display for Unmatched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.criterion, self.reason)
    }
}

fn reason(method: &Method) -> &'static str {
    match method {
        Method::Name => "no model, seed, test or folder has this name",
        Method::Path => "no node is at this path",
        Method::File => "no node is in such a file",
        Method::Tag => "no node has this tag",
        Method::Task => "no model calls this task",
        Method::Source => "no source has this name",
        Method::Config(_) => "no node has this setting",
        Method::ResourceType => "no node is of this type",
        Method::TestType => "no test is of this type",
        Method::TestName => "no such test is applied",
        Method::Package => "no project has this name",
        Method::State(_) => "no node is in this state",
        Method::Result => "no node ended so",
    }
}

/// The same part with a value that is there, or the same value with the method by which it is there.
fn suggestion(catalog: &Catalog<'_>, criterion: &Criterion) -> Option<Criterion> {
    let with = |method: Method, value: &str| Criterion {
        method,
        value: value.to_owned(),
        ..criterion.clone()
    };
    let value = criterion.value.as_str();
    let same = |method: Method| {
        let candidates = candidates(catalog, &method);
        nearest(value, candidates.iter().map(String::as_str)).map(|value| with(method.clone(), &value))
    };
    if criterion.method == Method::Name {
        for method in [Method::Tag, Method::Task, Method::Source] {
            let found = candidates(catalog, &method);
            let exact = found.iter().find(|name| *name == value || ends_in(name, value));
            if let Some(exact) = exact {
                return Some(with(method, exact));
            }
        }
    }
    if let Some(near) = same(criterion.method.clone()) {
        return Some(near);
    }
    let elsewhere = candidates(catalog, &Method::Name);
    (criterion.method != Method::Name && elsewhere.contains(value)).then(|| with(Method::Name, value))
}

/// Whether `name` is a table of a source, `S.T`, called `table`.
fn ends_in(name: &str, table: &str) -> bool {
    name.strip_suffix(table).is_some_and(|source| source.ends_with('.'))
}

/// The values with which a method would find something.
fn candidates(catalog: &Catalog<'_>, method: &Method) -> BTreeSet<String> {
    let mut values = BTreeSet::new();
    for node in &catalog.nodes {
        match method {
            Method::Name if node.resource_type() != "task" => {
                let names = node.fully_qualified_name();
                if node.source().is_none() {
                    values.insert(node.name().to_owned());
                }
                let folders = names.get(1..names.len().saturating_sub(1)).unwrap_or_default();
                values.extend((1..=folders.len()).map(|depth| folders[..depth].join(".")));
            }
            Method::Path => {
                values.extend(
                    node.path()
                        .match_indices('/')
                        .map(|(at, _)| node.path()[..at].to_owned()),
                );
                values.insert(node.path().to_owned());
            }
            Method::File => {
                values.insert(node.path().rsplit('/').next().unwrap_or_default().to_owned());
            }
            Method::Tag => values.extend(node.tags().into_iter().map(str::to_owned)),
            Method::Task if node.resource_type() == "task" => {
                values.insert(node.name().to_owned());
            }
            Method::Source => {
                if let Some(source) = node.source() {
                    values.insert(source.to_owned());
                    values.insert(format!("{source}.{}", node.name()));
                }
            }
            Method::Config(keys) => {
                if let Some(serde_json::Value::String(text)) = node.config(keys) {
                    values.insert(text);
                }
            }
            Method::TestName => values.extend(node.test_name().map(str::to_owned)),
            Method::Package => {
                values.extend(node.fully_qualified_name().first().map(|&name| name.to_owned()));
            }
            _ => {}
        }
    }
    values
}
