//! What is kept of a compiled project.

use std::collections::BTreeMap;
use std::path::Path;

use refuel_project::{Column, Properties};
use refuel_task::{InputSpec, Part, TableTask, Task, ValueRules, decimal};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::artifacts::{ArtifactError, read_json, write_json};
use crate::dag::Dag;
use crate::fingerprint::Fingerprints;
use crate::nodes::{Detail, Node, NodeId, Rendering, TestKind};
use crate::render::{Aspect, replace};

/// The name of the file, in the target folder.
pub const SNAPSHOT_FILE: &str = "snapshot.json";

/// What is kept of a compiled project, so that a later one can be compared with it. Serialized as JSON.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Snapshot {
    /// Every node by its id.
    pub nodes: BTreeMap<NodeId, NodeState>,
    /// The models that tasks and calls name, each with the digest it had; those that were not installed are missing.
    #[serde(default)]
    pub models: BTreeMap<String, String>,
}

/// What is kept of a node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeState {
    /// Its name.
    pub name: String,
    /// Its file, from the project's folder.
    pub path: String,
    /// What it was made from, in hashes.
    pub fingerprints: Fingerprints,
    /// What it reads.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parents: Vec<NodeId>,
    /// The models that it calls, by the names in [`Snapshot::models`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<String>,
    /// Its SQL after rendering, with `ref(...)` where relations stand. None for nodes without SQL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Settings that are not what they are unless told.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub settings: Map<String, Value>,
    /// What only people read: description, owner, tags, meta, descriptions of columns.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub about: Map<String, Value>,
    /// The task, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskState>,
}

/// What is kept of a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskState {
    /// [`Task::fingerprint`].
    pub fingerprint: String,
    /// What it says, by the keys of task files; what is as it is unless told is left out.
    pub keys: Map<String, Value>,
}

impl Snapshot {
    /// What is to be kept of a project. `models` gives the digests of the models that are installed, by the names that
    /// tasks and calls use.
    pub fn of(dag: &Dag, models: BTreeMap<String, String>) -> Self {
        let nodes = dag.nodes.values().map(|node| (node.id.clone(), state(dag, node)));
        Self {
            nodes: nodes.collect(),
            models,
        }
    }

    /// Writes [`SNAPSHOT_FILE`] into a folder.
    ///
    /// # Errors
    /// [`ArtifactError::Write`].
    pub fn write(&self, folder: &Path) -> Result<(), ArtifactError> {
        write_json(&folder.join(SNAPSHOT_FILE), self)
    }

    /// Reads [`SNAPSHOT_FILE`] of a folder.
    ///
    /// # Errors
    /// [`ArtifactError::Read`] and [`ArtifactError::Content`].
    pub fn read(folder: &Path) -> Result<Self, ArtifactError> {
        read_json(&folder.join(SNAPSHOT_FILE))
    }
}

impl TaskState {
    /// What is to be kept of a task.
    pub fn of(task: &Task) -> Self {
        let labels: Vec<Value> = task.labels.iter().map(|label| json!(label)).collect();
        let keys = [
            ("kind", json!(task.kind)),
            ("version", json!(task.version)),
            ("description", json!(task.description)),
            ("owner", json!(task.owner)),
            ("tags", json!(task.tags)),
            ("guidelines", json!(task.guidelines)),
            ("labels", Value::Array(labels)),
            ("fields", task.fields_spec()),
            ("rules", json!(task.value_rules.as_ref().map(ValueRules::canonical))),
            ("input", input(&task.input)),
            ("examples", examples(task)),
            ("model", json!(task.model_name())),
            ("threshold", json!(task.threshold.map(decimal))),
            ("target_precision", json!(task.target_precision.map(decimal))),
            ("calibrated", json!(task.calibrated)),
            ("confidence", json!(task.confidence)),
            ("fallback", json!(task.fallback)),
            ("on_error", json!(task.on_error)),
            ("truncate", json!(task.truncate)),
            ("calibration", json!(task.calibration)),
            ("label_threshold", json!(decimal(task.label_threshold))),
            ("max_tokens", json!(task.generation.max_tokens)),
            ("stop", json!(task.generation.stop)),
        ];
        let keys = keys.map(|(key, value)| (key.to_owned(), value));
        Self {
            fingerprint: task.fingerprint(),
            keys: said(keys.into_iter().chain(of_table(task))),
        }
    }
}

/// The keys of a task over whole relations. Solved pairs and rows are `examples` in its file.
fn of_table(task: &Task) -> Vec<(String, Value)> {
    let (own, threshold) = match &task.table {
        Some(TableTask::Resolve(resolve)) => (json!(resolve), resolve.threshold),
        Some(TableTask::Repair(repair)) => (json!(repair), repair.threshold),
        None => return Vec::new(),
    };
    let Value::Object(own) = own else { return Vec::new() };
    let named = |(key, value): (String, Value)| match key.as_str() {
        "threshold" => (key, json!(decimal(threshold))),
        "pairs" | "rows" if value == json!([]) => (key, Value::Null),
        "pairs" | "rows" => ("examples".to_owned(), json!({ "items": value })),
        _ => (key, value),
    };
    own.into_iter().map(named).collect()
}

fn input(spec: &InputSpec) -> Value {
    let part = |part: &Part| match part {
        Part::Column(column) | Part::Object(column) => json!(column),
        Part::Columns(columns) | Part::Record(columns) => json!(columns),
        Part::Template(template) => json!(template.source()),
    };
    match spec {
        InputSpec::One(one) => part(one),
        InputSpec::Two { a, b } => json!({"a": part(a), "b": part(b)}),
    }
}

fn examples(task: &Task) -> Value {
    let Some(set) = &task.examples else { return Value::Null };
    let solved = |example: &refuel_task::Example| match &example.input.sides {
        Some(sides) => json!({"input": sides, "answer": example.answer}),
        None => json!({"input": example.input.text, "answer": example.answer}),
    };
    json!({
        "items": set.items.iter().map(solved).collect::<Vec<_>>(),
        "select": set.select,
        "count": set.count,
        "balance": set.balance,
        "model": set.model.as_ref().map(ToString::to_string),
    })
}

fn state(dag: &Dag, node: &Node) -> NodeState {
    let (settings, about) = match &node.detail {
        Detail::Model(model) => {
            let mut settings = object(&*model.config);
            if model.config.contract {
                let declared = dag.properties(node).map(contract);
                settings.insert("columns".to_owned(), declared.unwrap_or_default());
            }
            settings.insert("gates".to_owned(), json!(model.gated));
            (settings, about(node, dag.properties(node), &model.config.meta))
        }
        Detail::Seed(seed) => (
            object(&*seed.config),
            about(node, dag.properties(node), &seed.config.meta),
        ),
        Detail::Test(test) => {
            let mut settings = object(&*test.config);
            if let TestKind::Declared { test, .. } = &test.kind {
                settings.extend(object(test));
            }
            (settings, about(node, None, &test.config.meta))
        }
        Detail::Source(_) => (Map::new(), source_about(dag, node)),
        Detail::UnitTest(_) | Detail::Evaluation(_) | Detail::Task(_) => (Map::new(), about(node, None, &Map::new())),
    };
    let mut settings = settings;
    // These two are read by people and selectors alone.
    settings.retain(|key, _| key != "tags" && key != "meta");
    if let Some(relation) = &node.relation {
        settings.insert("relation".to_owned(), relation.to_string().into());
    }
    let mut models = match &node.detail {
        Detail::Model(model) => model
            .calls
            .iter()
            .flat_map(|call| models_of(dag, &call.asked))
            .collect(),
        Detail::Task(task) => task.task.registry_names(),
        _ => Vec::new(),
    };
    models.sort_unstable();
    models.dedup();
    NodeState {
        name: node.name.to_string(),
        path: node.path.to_string(),
        fingerprints: node.fingerprints,
        parents: node.depends_on.clone(),
        models,
        body: body(dag, node),
        settings: said(settings),
        about: said(about),
        task: match &node.detail {
            Detail::Task(task) => Some(TaskState::of(&task.task)),
            _ => None,
        },
    }
}

/// The models and heads that a call asks, directly or through its task.
pub(super) fn models_of(dag: &Dag, asked: &refuel_staging::Asked) -> Vec<String> {
    match asked {
        refuel_staging::Asked::Task { name, .. } => {
            let file = dag.project.tasks.get(name);
            file.map_or_else(Vec::new, |file| file.task.registry_names())
        }
        refuel_staging::Asked::Embed { model } | refuel_staging::Asked::Complete { model, .. } => vec![model.clone()],
    }
}

fn body(dag: &Dag, node: &Node) -> Option<String> {
    match &node.detail {
        Detail::Model(model) => Some(readable(dag, &model.full)),
        Detail::Test(test) => match &test.kind {
            TestKind::Singular(rendering) => Some(readable(dag, rendering)),
            TestKind::Declared { .. } => None,
        },
        _ => None,
    }
}

/// The rendered text with references as their author wrote them.
fn readable(dag: &Dag, rendering: &Rendering) -> String {
    replace(&rendering.marked, |aspect, number| {
        let reference = rendering.references.get(number)?;
        let node = dag.nodes.get(reference.node.as_str())?;
        let written = match (&node.detail, reference.part) {
            (Detail::Source(source), _) => format!("source('{}', '{}')", source.source, source.table),
            (_, Some(part)) => format!("ref('{}.{part}')", node.name),
            (_, None) => format!("ref('{}')", node.name),
        };
        Some(match aspect {
            Aspect::Relation => written,
            Aspect::Schema => format!("{written}.schema"),
            Aspect::Name => format!("{written}.name"),
        })
    })
}

/// Columns and constraints that a contract holds a model to.
fn contract(properties: &Properties) -> Value {
    let column = |column: &Column| json!({"name": column.name, "data_type": column.data_type, "constraints": column.constraints});
    json!({
        "columns": properties.columns.iter().map(column).collect::<Vec<_>>(),
        "constraints": properties.constraints,
    })
}

fn about(node: &Node, properties: Option<&Properties>, meta: &Map<String, Value>) -> Map<String, Value> {
    let mut about = Map::new();
    about.insert("tags".to_owned(), json!(node.tags));
    about.insert("meta".to_owned(), Value::Object(meta.clone()));
    if let Some(properties) = properties {
        about.insert("description".to_owned(), json!(properties.description));
        about.insert("owner".to_owned(), json!(properties.owner));
        describe_columns(&mut about, &properties.columns);
    }
    about
}

fn source_about(dag: &Dag, node: &Node) -> Map<String, Value> {
    let mut about = Map::new();
    about.insert("tags".to_owned(), json!(node.tags));
    let Detail::Source(detail) = &node.detail else {
        return about;
    };
    let source = dag.project.sources.get(&*detail.source);
    if let Some(table) = source.and_then(|source| source.tables.iter().find(|table| *table.name == *detail.table)) {
        about.insert("description".to_owned(), json!(table.description));
        about.insert("meta".to_owned(), Value::Object(table.meta.clone()));
        describe_columns(&mut about, &table.columns);
    }
    about
}

fn describe_columns(about: &mut Map<String, Value>, columns: &[Column]) {
    for column in columns {
        let key = |what: &str| format!("columns.{}.{what}", column.name);
        about.insert(key("description"), json!(column.description));
        about.insert(key("tags"), json!(column.tags));
        about.insert(key("meta"), Value::Object(column.meta.clone()));
    }
}

fn object(value: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(value) {
        Ok(Value::Object(object)) => object,
        _ => Map::new(),
    }
}

/// What is said: neither null, nor empty, nor false.
fn said(values: impl IntoIterator<Item = (String, Value)>) -> Map<String, Value> {
    let is_said = |value: &Value| match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(object) => !object.is_empty(),
        Value::Bool(true) | Value::Number(_) => true,
    };
    values.into_iter().filter(|(_, value)| is_said(value)).collect()
}
