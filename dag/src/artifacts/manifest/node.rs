//! Entries of models, seeds, tests and evaluations.

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::{Map, Value};

use super::columns::{ColumnEntry, TableConstraint};
use super::names::{Checksum, DependsOn, Docs, Ref};
use crate::fingerprint::Fingerprints;
use crate::nodes::NodeId;

/// What models, seeds and tests have alike.
#[derive(Serialize)]
pub(super) struct Common<'a> {
    pub(super) database: Option<&'a str>,
    pub(super) schema: &'a str,
    pub(super) name: &'a str,
    pub(super) resource_type: &'a str,
    pub(super) package_name: &'a str,
    pub(super) path: String,
    pub(super) original_file_path: &'a str,
    pub(super) unique_id: &'a NodeId,
    pub(super) fqn: Vec<&'a str>,
    pub(super) alias: &'a str,
    pub(super) checksum: Checksum<'a>,
    pub(super) config: Config<'a>,
    pub(super) tags: Vec<&'a str>,
    pub(super) description: &'a str,
    pub(super) columns: IndexMap<&'a str, ColumnEntry<'a>>,
    pub(super) meta: &'a Map<String, Value>,
    pub(super) group: Option<&'a str>,
    pub(super) docs: Docs,
    pub(super) patch_path: Option<String>,
    pub(super) build_path: Option<&'a str>,
    pub(super) unrendered_config: Map<String, Value>,
    pub(super) created_at: f64,
    pub(super) relation_name: Option<String>,
    pub(super) raw_code: &'a str,
    pub(super) doc_blocks: [&'a str; 0],
}

/// An entry: what all have, and what its kind has beside.
#[derive(Serialize)]
pub(super) struct Entry<'a, T> {
    #[serde(flatten)]
    pub(super) common: Common<'a>,
    #[serde(flatten)]
    pub(super) own: T,
}

/// What seeds have beside.
#[derive(Serialize)]
pub(super) struct Seed<'a> {
    pub(super) root_path: Option<&'a str>,
    pub(super) depends_on: SeedDependsOn<'a>,
}

/// Seeds read nothing.
#[derive(Serialize)]
pub(super) struct SeedDependsOn<'a> {
    pub(super) macros: [&'a str; 0],
}

/// What everything made from SQL has beside.
#[derive(Serialize)]
pub(super) struct FromSql<'a> {
    pub(super) language: &'a str,
    pub(super) refs: Vec<Ref<'a>>,
    pub(super) sources: Vec<[&'a str; 2]>,
    pub(super) metrics: [&'a str; 0],
    pub(super) functions: [&'a str; 0],
    pub(super) depends_on: DependsOn<'a>,
    pub(super) compiled_path: Option<String>,
    pub(super) compiled: bool,
    pub(super) compiled_code: Option<String>,
    pub(super) extra_ctes_injected: bool,
    pub(super) extra_ctes: [&'a str; 0],
    pub(super) contract: Contract,
}

/// What models have beside.
#[derive(Serialize)]
pub(super) struct Model<'a> {
    #[serde(flatten)]
    pub(super) compiled: FromSql<'a>,
    pub(super) access: &'a str,
    pub(super) constraints: Vec<TableConstraint<'a>>,
    pub(super) version: Option<&'a str>,
    pub(super) latest_version: Option<&'a str>,
    pub(super) deprecation_date: Option<&'a str>,
    pub(super) primary_key: Vec<&'a str>,
    pub(super) time_spine: Option<&'a str>,
}

/// What declared tests have beside.
#[derive(Serialize)]
pub(super) struct GenericTest<'a> {
    #[serde(flatten)]
    pub(super) compiled: FromSql<'a>,
    pub(super) column_name: Option<&'a str>,
    pub(super) file_key_name: Option<String>,
    pub(super) attached_node: Option<&'a NodeId>,
    pub(super) test_metadata: TestMetadata<'a>,
}

/// What a declared test applies.
#[derive(Serialize)]
pub(super) struct TestMetadata<'a> {
    pub(super) name: &'a str,
    pub(super) kwargs: Map<String, Value>,
    pub(super) namespace: Option<&'a str>,
}

/// Whether columns must be as they are declared.
#[derive(Serialize, Clone, Copy)]
pub(super) struct Contract {
    pub(super) enforced: bool,
    pub(super) alias_types: bool,
    pub(super) checksum: Option<&'static str>,
}

/// The same in `config`, which has no checksum.
#[derive(Serialize, Clone, Copy)]
pub(super) struct ContractConfig {
    pub(super) enforced: bool,
    pub(super) alias_types: bool,
}

/// SQL that runs before or after.
#[derive(Serialize)]
pub(super) struct HookEntry<'a> {
    pub(super) sql: &'a str,
    pub(super) transaction: bool,
    pub(super) index: Option<u32>,
}

/// Settings, in dbt's words where it has them.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Config<'a> {
    /// Of a model.
    Model(Box<ModelConfigEntry<'a>>),
    /// Of a seed.
    Seed(Box<SeedConfigEntry<'a>>),
    /// Of a test or evaluation.
    Test(Box<TestConfigEntry<'a>>),
}

/// What is ours alone: the settings and facts that dbt has no word for.
#[derive(Serialize)]
pub(super) struct Refuel<'a, T> {
    #[serde(flatten)]
    pub(super) own: T,
    pub(super) fingerprints: &'a Fingerprints,
}

/// Settings and facts of models.
#[derive(Serialize)]
pub(super) struct OfModel<'a> {
    pub(super) calls: Vec<CallEntry<'a>>,
    pub(super) tasks: Vec<&'a NodeId>,
    pub(super) gated: bool,
    pub(super) on_error: Option<refuel_task::OnError>,
    #[serde(flatten)]
    pub(super) budget: refuel_project::Budget,
}

/// A call of a model.
#[derive(Serialize, PartialEq)]
pub(super) struct CallEntry<'a> {
    pub(super) function: &'a str,
    pub(super) asked: String,
}

/// Nothing beside.
#[derive(Serialize)]
pub(super) struct OfOthers {}

/// Settings that every kind has.
#[derive(Serialize)]
pub(super) struct Settings<'a> {
    pub(super) enabled: bool,
    pub(super) alias: Option<&'a str>,
    pub(super) schema: Option<&'a str>,
    pub(super) database: Option<&'a str>,
    pub(super) tags: Vec<&'a str>,
    pub(super) meta: &'a Map<String, Value>,
    pub(super) group: Option<&'a str>,
    pub(super) materialized: &'a str,
}

/// Settings that what is stored has.
#[derive(Serialize)]
pub(super) struct StoredSettings<'a> {
    pub(super) persist_docs: Map<String, Value>,
    #[serde(rename = "post-hook")]
    pub(super) post_hook: Vec<HookEntry<'a>>,
    #[serde(rename = "pre-hook")]
    pub(super) pre_hook: Vec<HookEntry<'a>>,
    pub(super) quoting: Map<String, Value>,
    pub(super) column_types: Map<String, Value>,
    pub(super) full_refresh: Option<bool>,
    pub(super) unique_key: Option<Value>,
    pub(super) on_schema_change: &'a str,
    pub(super) on_configuration_change: &'a str,
    pub(super) grants: Map<String, Value>,
    pub(super) packages: [&'a str; 0],
    pub(super) docs: Docs,
    pub(super) contract: ContractConfig,
    pub(super) event_time: Option<&'a str>,
    pub(super) concurrent_batches: Option<bool>,
}

/// Settings of a model.
#[derive(Serialize)]
pub(super) struct ModelConfigEntry<'a> {
    #[serde(flatten)]
    pub(super) settings: Settings<'a>,
    pub(super) incremental_strategy: Option<&'a str>,
    #[serde(flatten)]
    pub(super) stored: StoredSettings<'a>,
    pub(super) access: &'a str,
    pub(super) refuel: Refuel<'a, OfModel<'a>>,
}

/// Settings of a seed.
#[derive(Serialize)]
pub(super) struct SeedConfigEntry<'a> {
    #[serde(flatten)]
    pub(super) settings: Settings<'a>,
    pub(super) incremental_strategy: Option<&'a str>,
    #[serde(flatten)]
    pub(super) stored: StoredSettings<'a>,
    pub(super) delimiter: Option<char>,
    pub(super) quote_columns: Option<bool>,
    pub(super) refuel: Refuel<'a, OfOthers>,
}

/// Settings of a test.
#[derive(Serialize)]
pub(super) struct TestConfigEntry<'a> {
    #[serde(flatten)]
    pub(super) settings: Settings<'a>,
    pub(super) severity: &'a str,
    pub(super) store_failures: bool,
    pub(super) store_failures_as: Option<&'a str>,
    #[serde(rename = "where")]
    pub(super) condition: Option<&'a str>,
    pub(super) limit: Option<u64>,
    pub(super) fail_calc: &'a str,
    pub(super) warn_if: String,
    pub(super) error_if: String,
    pub(super) refuel: Refuel<'a, OfOthers>,
}
