//! Entries of unit tests.

use std::collections::BTreeMap;

use refuel_project::{Fixture, Given, Input};
use serde::Serialize;
use serde_json::{Map, Value};

use super::entries::Scope;
use super::names::{DependsOn, References};
use crate::nodes::{Detail, Node, NodeId};

#[derive(Serialize)]
struct UnitTestEntry<'a> {
    model: &'a str,
    given: Vec<GivenEntry>,
    expect: FixtureEntry,
    name: &'a str,
    resource_type: &'a str,
    package_name: &'a str,
    path: &'a str,
    original_file_path: &'a str,
    unique_id: &'a NodeId,
    fqn: Vec<&'a str>,
    description: &'a str,
    overrides: Option<OverridesEntry<'a>>,
    depends_on: DependsOn<'a>,
    config: UnitTestConfig<'a>,
    checksum: Option<&'a str>,
    schema: Option<&'a str>,
    created_at: f64,
    versions: Option<&'a str>,
    version: Option<&'a str>,
}

#[derive(Serialize)]
struct GivenEntry {
    input: String,
    #[serde(flatten)]
    rows: FixtureEntry,
}

#[derive(Serialize)]
struct FixtureEntry {
    rows: Vec<Map<String, Value>>,
    format: &'static str,
    fixture: Option<&'static str>,
}

#[derive(Serialize)]
struct OverridesEntry<'a> {
    macros: Map<String, Value>,
    vars: &'a Map<String, Value>,
    env_vars: &'a BTreeMap<String, String>,
}

#[derive(Serialize)]
struct UnitTestConfig<'a> {
    tags: Vec<&'a str>,
    meta: &'a Map<String, Value>,
    enabled: bool,
}

impl<'a> Scope<'a> {
    /// Writes the entry of a unit test.
    pub(super) fn unit_test(&self, node: &'a Node, bytes: &mut Vec<u8>) -> serde_json::Result<()> {
        let Detail::UnitTest(detail) = &node.detail else {
            return serde_json::to_writer(bytes, &());
        };
        let Some(test) = self.dag.project.unit_tests.get(detail.index) else {
            return serde_json::to_writer(bytes, &());
        };
        let mut macros = Map::new();
        if let Some(is_incremental) = test.overrides.is_incremental {
            macros.insert("is_incremental".to_owned(), is_incremental.into());
        }
        let entry = UnitTestEntry {
            model: &test.model,
            given: test.given.iter().map(given).collect(),
            expect: rows(&test.expect),
            name: &test.name,
            resource_type: "unit_test",
            package_name: &self.dag.project.settings.name,
            path: &node.path,
            original_file_path: &node.path,
            unique_id: &node.id,
            fqn: node.fqn.iter().map(|part| &**part).collect(),
            description: test.description.as_deref().unwrap_or_default(),
            overrides: Some(OverridesEntry {
                macros,
                vars: &test.overrides.vars,
                env_vars: &test.overrides.env_vars,
            }),
            depends_on: References::of(self.dag, node).depends_on(),
            config: UnitTestConfig {
                tags: node.tags.iter().map(|tag| &**tag).collect(),
                meta: &test.config.meta,
                enabled: test.config.enabled.unwrap_or(true),
            },
            checksum: None,
            schema: self.dag.project.target.schema(),
            created_at: self.created_at,
            versions: None,
            version: None,
        };
        serde_json::to_writer(bytes, &entry)
    }
}

fn given(given: &Given) -> GivenEntry {
    GivenEntry {
        input: match &given.input {
            Input::Reference(reference) => reference.to_string(),
            Input::This => "this".to_owned(),
        },
        rows: rows(&given.rows),
    }
}

fn rows(fixture: &Fixture) -> FixtureEntry {
    let row = |row: &Vec<Value>| fixture.columns.iter().cloned().zip(row.iter().cloned()).collect();
    FixtureEntry {
        rows: fixture.rows.iter().map(row).collect(),
        format: "dict",
        fixture: None,
    }
}
