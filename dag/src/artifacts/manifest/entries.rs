//! From nodes to entries.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use refuel_project::{Comparison, ConstraintKind, ModelConfig, Properties, SeedConfig, Severity, TestConfig};
use serde::Serialize;
use serde_json::{Map, Value};

use super::ManifestOptions;
use super::columns::{columns, constraints};
use super::names::{Checksum, DOCS, Docs, References, Whereabouts, patch_path, path_below};
use super::node::{
    CallEntry, Common, Config, Contract, ContractConfig, Entry, FromSql, GenericTest, HookEntry, Model,
    ModelConfigEntry, OfModel, OfOthers, Refuel, Seed, SeedConfigEntry, SeedDependsOn, Settings, StoredSettings,
    TestConfigEntry, TestMetadata,
};
use crate::dag::{Dag, RenderMode};
use crate::nodes::{Detail, EvaluationNode, ModelNode, Node, NodeId, ResourceType, SeedNode, TestKind, TestNode};

static NO_META: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);

/// What entries are made with.
pub(super) struct Scope<'a> {
    pub(super) dag: &'a Dag,
    compiled: bool,
    /// Seconds since 1970.
    pub(super) created_at: f64,
}

impl<'a> Scope<'a> {
    pub(super) fn new(dag: &'a Dag, options: &ManifestOptions) -> Self {
        Self {
            dag,
            compiled: options.compiled,
            created_at: options.now.as_microsecond() as f64 / 1e6,
        }
    }

    /// Writes the entry of a model, seed, test or evaluation.
    pub(super) fn node(&self, node: &'a Node, bytes: &mut Vec<u8>) -> serde_json::Result<()> {
        match &node.detail {
            Detail::Model(model) => serde_json::to_writer(bytes, &self.model(node, model)),
            Detail::Seed(seed) => serde_json::to_writer(bytes, &self.seed(node, seed)),
            Detail::Test(test) => match &test.kind {
                TestKind::Declared { .. } => serde_json::to_writer(bytes, &self.declared_test(node, test)),
                TestKind::Singular(_) => serde_json::to_writer(bytes, &self.singular_test(node, test)),
            },
            Detail::Evaluation(evaluation) => serde_json::to_writer(bytes, &self.evaluation(node, evaluation)),
            Detail::Source(_) | Detail::UnitTest(_) | Detail::Task(_) => serde_json::to_writer(bytes, &()),
        }
    }

    fn model(&self, node: &'a Node, model: &'a ModelNode) -> Entry<'a, Model<'a>> {
        let properties = self.dag.properties(node);
        let mut common = self.common(node, Config::Model(Box::new(model_config(node, model))), properties);
        common.meta = &model.config.meta;
        common.raw_code = model.raw.shown();
        common.checksum = Checksum::of(common.raw_code);
        path_below(&node.path, &self.dag.project.settings.model_paths).clone_into(&mut common.path);
        Entry {
            common,
            own: Model {
                compiled: self.compiled(node, model.config.contract),
                access: "protected",
                constraints: properties
                    .map(|known| constraints(&known.constraints))
                    .unwrap_or_default(),
                version: None,
                latest_version: None,
                deprecation_date: None,
                primary_key: properties.map(primary_key).unwrap_or_default(),
                time_spine: None,
            },
        }
    }

    fn seed(&self, node: &'a Node, seed: &'a SeedNode) -> Entry<'a, Seed<'a>> {
        let config = Config::Seed(Box::new(seed_config(node, &seed.config)));
        let mut common = self.common(node, config, self.dag.properties(node));
        common.meta = &seed.config.meta;
        common.checksum = Checksum::known(&seed.content);
        path_below(&node.path, &self.dag.project.settings.seed_paths).clone_into(&mut common.path);
        Entry {
            common,
            own: Seed {
                root_path: None,
                depends_on: SeedDependsOn { macros: [] },
            },
        }
    }

    fn singular_test(&self, node: &'a Node, test: &'a TestNode) -> Entry<'a, FromSql<'a>> {
        let mut common = self.common(node, Config::Test(Box::new(test_config(node, &test.config))), None);
        common.meta = &test.config.meta;
        common.raw_code = self
            .dag
            .project
            .tests
            .get(&*node.name)
            .map_or("", |test| test.sql.shown());
        common.checksum = Checksum::of(common.raw_code);
        path_below(&node.path, &self.dag.project.settings.test_paths).clone_into(&mut common.path);
        Entry {
            common,
            own: self.compiled(node, false),
        }
    }

    fn declared_test(&self, node: &'a Node, test: &'a TestNode) -> Entry<'a, GenericTest<'a>> {
        let mut common = self.common(node, Config::Test(Box::new(test_config(node, &test.config))), None);
        common.meta = &test.config.meta;
        common.path = format!("{}.sql", node.name);
        let mut kwargs = Map::new();
        if let Some(column) = &test.column {
            kwargs.insert("column_name".to_owned(), (**column).into());
        }
        if let TestKind::Declared { test: declared, .. } = &test.kind {
            kwargs.extend(object(declared).into_iter().filter(|(key, _)| key != "test"));
        }
        Entry {
            common,
            own: self.generic(
                node,
                test.attached_to.as_ref(),
                test.column.as_deref(),
                TestMetadata {
                    name: test.kind.name(),
                    kwargs,
                    namespace: None,
                },
            ),
        }
    }

    /// Evaluations are tests for whoever reads the manifest, declared under their model.
    fn evaluation(&self, node: &'a Node, evaluation: &'a EvaluationNode) -> Entry<'a, GenericTest<'a>> {
        let declared = self
            .dag
            .nodes
            .get(evaluation.model.as_str())
            .and_then(|model| self.dag.properties(model))
            .and_then(|properties| properties.evaluations.get(evaluation.index));
        let config = declared.map(|declared| &*declared.config);
        let entry = config.map_or_else(|| test_config(node, default_test()), |config| test_config(node, config));
        let mut common = self.common(node, Config::Test(Box::new(entry)), None);
        common.meta = config.map_or(&*NO_META, |config| &config.meta);
        common.path = format!("{}.sql", node.name);
        let mut kwargs = Map::new();
        if let Some(declared) = declared {
            kwargs.insert("task".to_owned(), declared.task.clone().into());
            kwargs.insert("truth".to_owned(), declared.truth.clone().into());
            kwargs.insert("prediction".to_owned(), declared.prediction.clone().into());
            let bounds = declared.metrics.iter().map(|(metric, bound)| (metric.name(), bound));
            let bounds = bounds.chain(declared.drift.iter().map(|(drift, bound)| (drift.name(), bound)));
            kwargs.extend(bounds.map(|(name, bound)| (name.to_owned(), bound.to_string().into())));
        }
        Entry {
            common,
            own: self.generic(
                node,
                Some(&evaluation.model),
                None,
                TestMetadata {
                    name: "evaluation",
                    kwargs,
                    namespace: Some("refuel"),
                },
            ),
        }
    }

    fn generic(
        &self,
        node: &'a Node,
        attached: Option<&'a NodeId>,
        column: Option<&'a str>,
        test_metadata: TestMetadata<'a>,
    ) -> GenericTest<'a> {
        let key = attached.and_then(|id| match id.resource_type()? {
            ResourceType::Model => Some("models"),
            ResourceType::Seed => Some("seeds"),
            ResourceType::Source => Some("sources"),
            _ => None,
        });
        let name = attached
            .and_then(|id| self.dag.nodes.get(id.as_str()))
            .map(|node| &node.name);
        GenericTest {
            compiled: self.compiled(node, false),
            column_name: column,
            file_key_name: key.zip(name).map(|(key, name)| format!("{key}.{name}")),
            attached_node: attached,
            test_metadata,
        }
    }

    fn common(&self, node: &'a Node, config: Config<'a>, properties: Option<&'a Properties>) -> Common<'a> {
        let whereabouts = Whereabouts::of(self.dag, node);
        Common {
            database: whereabouts.database,
            schema: whereabouts.schema,
            name: &node.name,
            resource_type: if node.is_check() {
                "test"
            } else {
                node.resource_type().name()
            },
            package_name: &self.dag.project.settings.name,
            path: String::new(),
            original_file_path: &node.path,
            unique_id: &node.id,
            fqn: node.fqn.iter().map(|part| &**part).collect(),
            alias: whereabouts.alias,
            checksum: Checksum::none(),
            config,
            tags: tags(node),
            description: properties
                .and_then(|known| known.description.as_deref())
                .unwrap_or_default(),
            columns: properties.map(|known| columns(&known.columns)).unwrap_or_default(),
            meta: &NO_META,
            group: None,
            docs: DOCS,
            patch_path: properties.map(|known| patch_path(self.dag, &known.place.source)),
            build_path: None,
            unrendered_config: Map::new(),
            created_at: self.created_at,
            relation_name: whereabouts.relation_name,
            raw_code: "",
            doc_blocks: [],
        }
    }

    fn compiled(&self, node: &'a Node, contract: bool) -> FromSql<'a> {
        let references = References::of(self.dag, node);
        let code = self
            .compiled
            .then(|| self.dag.rendered_sql(node, &RenderMode::new(false)).ok())
            .flatten();
        FromSql {
            language: "sql",
            depends_on: references.depends_on(),
            refs: references.refs,
            sources: references.sources,
            metrics: [],
            functions: [],
            compiled_path: self.compiled_path(node),
            compiled: code.is_some(),
            compiled_code: code,
            extra_ctes_injected: true,
            extra_ctes: [],
            contract: Contract {
                enforced: contract,
                alias_types: true,
                checksum: None,
            },
        }
    }

    /// Where compiling puts the SQL: of models and of tests that are files.
    fn compiled_path(&self, node: &Node) -> Option<String> {
        let is_file = match &node.detail {
            Detail::Model(_) => true,
            Detail::Test(test) => !test.kind.is_generic(),
            _ => false,
        };
        let settings = &self.dag.project.settings;
        is_file.then(|| format!("{}/compiled/{}/{}", settings.target_path, settings.name, node.path))
    }

    /// The macros of the project by their ids.
    pub(super) fn macros(&self) -> BTreeMap<String, MacroEntry<'a>> {
        let project = &self.dag.project;
        let mut found = BTreeMap::new();
        for file in &project.macros {
            for (name, _) in crate::render::declared(&file.text) {
                let id = format!("macro.{}.{name}", project.settings.name);
                found.insert(
                    id.clone(),
                    MacroEntry {
                        name,
                        resource_type: "macro",
                        package_name: &project.settings.name,
                        path: &file.path,
                        original_file_path: &file.path,
                        unique_id: id,
                        macro_sql: &file.text,
                        depends_on: DependsOnMacros { macros: [] },
                        description: "",
                        meta: &NO_META,
                        docs: DOCS,
                        patch_path: None,
                        arguments: [],
                        created_at: self.created_at,
                        supported_languages: None,
                    },
                );
            }
        }
        found
    }
}

/// A macro.
#[derive(Serialize)]
pub(super) struct MacroEntry<'a> {
    name: &'a str,
    resource_type: &'a str,
    package_name: &'a str,
    path: &'a str,
    original_file_path: &'a str,
    unique_id: String,
    macro_sql: &'a str,
    depends_on: DependsOnMacros<'a>,
    description: &'a str,
    meta: &'a Map<String, Value>,
    docs: Docs,
    patch_path: Option<&'a str>,
    arguments: [&'a str; 0],
    created_at: f64,
    supported_languages: Option<&'a str>,
}

#[derive(Serialize)]
struct DependsOnMacros<'a> {
    macros: [&'a str; 0],
}

fn tags(node: &Node) -> Vec<&str> {
    node.tags.iter().map(|tag| &**tag).collect()
}

fn object(value: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(value) {
        Ok(Value::Object(object)) => object,
        _ => Map::new(),
    }
}

/// The columns of the primary key, as constraints declare it.
fn primary_key(properties: &Properties) -> Vec<&str> {
    let table = properties
        .constraints
        .iter()
        .find(|constraint| constraint.kind == ConstraintKind::PrimaryKey);
    if let Some(constraint) = table {
        return constraint.columns.iter().map(String::as_str).collect();
    }
    let is_key = |column: &&refuel_project::Column| {
        column
            .constraints
            .iter()
            .any(|constraint| constraint.kind == ConstraintKind::PrimaryKey)
    };
    properties
        .columns
        .iter()
        .filter(is_key)
        .map(|column| column.name.as_str())
        .collect()
}

fn hooks(statements: &[String]) -> Vec<HookEntry<'_>> {
    let entries = statements.iter().map(|sql| HookEntry {
        sql,
        transaction: true,
        index: None,
    });
    entries.collect()
}

/// The calls, each once.
fn calls(model: &ModelNode) -> Vec<CallEntry<'_>> {
    let mut entries = Vec::new();
    for call in &model.calls {
        let entry = CallEntry {
            function: call.function.name(),
            asked: call.asked.name(),
        };
        if !entries.contains(&entry) {
            entries.push(entry);
        }
    }
    entries
}

fn model_config<'a>(node: &'a Node, model: &'a ModelNode) -> ModelConfigEntry<'a> {
    let config: &ModelConfig = &model.config;
    let is_incremental = config.materialized == refuel_project::Materialized::Incremental;
    ModelConfigEntry {
        settings: Settings {
            enabled: config.is_enabled(),
            alias: config.alias.as_deref(),
            schema: config.schema.as_deref(),
            database: None,
            tags: tags(node),
            meta: &config.meta,
            group: None,
            materialized: config.materialized.name(),
        },
        incremental_strategy: is_incremental.then(|| config.strategy().name()),
        stored: StoredSettings {
            pre_hook: hooks(&config.pre_hook),
            post_hook: hooks(&config.post_hook),
            full_refresh: config.full_refresh,
            unique_key: match config.unique_key.as_slice() {
                [] => None,
                [one] => Some(one.as_str().into()),
                several => Some(several.into()),
            },
            on_schema_change: config.on_schema_change.name(),
            contract: ContractConfig {
                enforced: config.contract,
                alias_types: true,
            },
            ..StoredSettings::plain()
        },
        access: "protected",
        refuel: Refuel {
            own: OfModel {
                calls: calls(model),
                tasks: node
                    .depends_on
                    .iter()
                    .filter(|id| id.resource_type() == Some(ResourceType::Task))
                    .collect(),
                gated: model.gated,
                on_error: config.on_error,
                budget: config.budget,
            },
            fingerprints: &node.fingerprints,
        },
    }
}

fn seed_config<'a>(node: &'a Node, config: &'a SeedConfig) -> SeedConfigEntry<'a> {
    let types = config.column_types.iter();
    SeedConfigEntry {
        settings: Settings {
            enabled: config.enabled.unwrap_or(true),
            alias: config.alias.as_deref(),
            schema: config.schema.as_deref(),
            database: None,
            tags: tags(node),
            meta: &config.meta,
            group: None,
            materialized: "seed",
        },
        incremental_strategy: None,
        stored: StoredSettings {
            pre_hook: hooks(&config.pre_hook),
            post_hook: hooks(&config.post_hook),
            column_types: types.map(|(name, kind)| (name.clone(), kind.as_str().into())).collect(),
            full_refresh: config.full_refresh,
            ..StoredSettings::plain()
        },
        delimiter: config.delimiter,
        quote_columns: None,
        refuel: Refuel {
            own: OfOthers {},
            fingerprints: &node.fingerprints,
        },
    }
}

impl StoredSettings<'_> {
    fn plain() -> Self {
        Self {
            persist_docs: Map::new(),
            post_hook: Vec::new(),
            pre_hook: Vec::new(),
            quoting: Map::new(),
            column_types: Map::new(),
            full_refresh: None,
            unique_key: None,
            on_schema_change: "ignore",
            on_configuration_change: "apply",
            grants: Map::new(),
            packages: [],
            docs: DOCS,
            contract: ContractConfig {
                enforced: false,
                alias_types: true,
            },
            event_time: None,
            concurrent_batches: None,
        }
    }
}

fn default_test() -> &'static TestConfig {
    static DEFAULT: LazyLock<TestConfig> = LazyLock::new(TestConfig::default);
    &DEFAULT
}

fn test_config<'a>(node: &'a Node, config: &'a TestConfig) -> TestConfigEntry<'a> {
    let count = |bound: Option<Comparison>| bound.map_or_else(|| "!= 0".to_owned(), |bound| bound.to_string());
    TestConfigEntry {
        settings: Settings {
            enabled: config.enabled.unwrap_or(true),
            alias: None,
            schema: None,
            database: None,
            tags: tags(node),
            meta: &config.meta,
            group: None,
            materialized: "test",
        },
        severity: match config.severity {
            Severity::Error => "ERROR",
            Severity::Warn => "WARN",
        },
        store_failures: config.store_failures,
        store_failures_as: None,
        condition: config.condition.as_deref(),
        limit: config.limit,
        fail_calc: "count(*)",
        warn_if: count(config.warn_if),
        error_if: count(config.error_if),
        refuel: Refuel {
            own: OfOthers {},
            fingerprints: &node.fingerprints,
        },
    }
}
