//! What goes into the fingerprints of each kind of node.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use rayon::prelude::*;
use refuel_project::{
    Column, Evaluation, ModelConfig, Properties, Seed, Source, SourceTable, TaskFile, TestConfig, UnitTest,
};
use refuel_staging::{Asked, Dialect, RelationName};
use refuel_task::Task;
use serde::Serialize;

use super::{Fingerprint, Fingerprints, Hasher};
use crate::graph::Graph;
use crate::nodes::{Detail, Node, NodeId, Rendering, TestKind};

impl Hasher {
    /// A value as JSON. Maps of this project keep their order, or are sorted.
    fn json(&mut self, value: &impl Serialize) -> &mut Self {
        self.text(&serde_json::to_string(value).unwrap_or_default())
    }

    fn relation(&mut self, relation: Option<&RelationName>) -> &mut Self {
        match relation {
            Some(relation) => self
                .text(relation.schema.as_deref().unwrap_or_default())
                .text(&relation.name),
            None => self.text("none"),
        }
    }

    fn rendering(&mut self, rendering: &Rendering) -> &mut Self {
        self.text(&rendering.facts.canonical_hash);
        for reference in &rendering.references {
            self.text(reference.node.as_str());
            self.text(reference.part.map_or("", crate::nodes::Part::name));
        }
        self
    }

    fn columns(&mut self, columns: &[Column]) -> &mut Self {
        for column in columns {
            // A column that is only tested is not described.
            if let Some(description) = &column.description {
                self.text(&column.name).text(description);
            }
            if !column.tags.is_empty() || !column.meta.is_empty() {
                self.json(&column.tags).json(&column.meta);
            }
        }
        self
    }
}

/// A model. `tasks` are those of the project.
pub(crate) fn model(node: &Node, properties: Option<&Properties>, tasks: &BTreeMap<String, TaskFile>) -> Fingerprints {
    let Detail::Model(model) = &node.detail else {
        return Fingerprints::default();
    };
    let mut body = Hasher::new("model body");
    body.rendering(&model.full);
    if let Some(incremental) = &model.incremental {
        body.rendering(incremental);
    }
    let mut asked = Hasher::new("model tasks");
    let mut gate = Hasher::new("model gate");
    gate.json(&model.gated);
    for call in &model.calls {
        let Asked::Task { name, .. } = &call.asked else {
            continue;
        };
        if let Some(file) = tasks.get(name) {
            asked
                .text(name)
                .text(&file.task.fingerprint())
                .text(&file.task.model_name());
            gate.fingerprint(task_gate(&file.task));
        }
    }
    let mut metadata = Hasher::new("model metadata");
    metadata.json(&node.tags);
    if !model.config.meta.is_empty() {
        metadata.json(&model.config.meta);
    }
    describe(&mut metadata, properties);
    Fingerprints {
        body: body.finish(),
        config: model_config(&model.config, node.relation.as_ref(), properties),
        tasks: asked.finish(),
        gate: gate.finish(),
        metadata: metadata.finish(),
        upstream: Fingerprint::default(),
    }
}

/// The settings that change what is stored. Tags, meta, budgets and whether a run makes everything anew don't.
fn model_config(config: &ModelConfig, relation: Option<&RelationName>, properties: Option<&Properties>) -> Fingerprint {
    let mut hasher = Hasher::new("model config");
    hasher
        .text(config.materialized.name())
        .relation(relation)
        .text(config.strategy().name())
        .text(config.on_schema_change.name())
        .json(&config.on_error);
    for list in [&config.unique_key, &config.pre_hook, &config.post_hook] {
        hasher.bytes(&(list.len() as u64).to_le_bytes());
        list.iter().for_each(|text| {
            hasher.text(text);
        });
    }
    if let Some(properties) = properties.filter(|_| config.contract) {
        hasher.text("contract").json(&properties.constraints);
        for column in &properties.columns {
            hasher
                .text(&column.name)
                .json(&column.data_type)
                .json(&column.constraints);
        }
    }
    hasher.finish()
}

/// Properties that say nothing are the same as none.
fn describe(hasher: &mut Hasher, properties: Option<&Properties>) {
    let text = |text: Option<&String>| text.map(String::as_str).unwrap_or_default().to_owned();
    hasher
        .text(&text(properties.and_then(|properties| properties.description.as_ref())))
        .text(&text(properties.and_then(|properties| properties.owner.as_ref())))
        .columns(
            properties
                .map(|properties| properties.columns.as_slice())
                .unwrap_or_default(),
        );
}

/// A seed. `content` is the hash of its file.
pub(crate) fn seed(seed: &Seed, content: &str, relation: &RelationName) -> Fingerprints {
    let config = &seed.config;
    let mut body = Hasher::new("seed body");
    body.text(content)
        .text(seed.format.name())
        .json(&config.column_types)
        .json(&config.delimiter);
    let mut settings = Hasher::new("seed config");
    settings
        .relation(Some(relation))
        .json(&config.pre_hook)
        .json(&config.post_hook);
    let mut metadata = Hasher::new("seed metadata");
    metadata.json(&config.tags).json(&config.meta);
    describe(&mut metadata, seed.properties.as_deref());
    Fingerprints {
        body: body.finish(),
        config: settings.finish(),
        metadata: metadata.finish(),
        ..Fingerprints::default()
    }
}

/// A table of a source.
pub(crate) fn source(source: &Source, table: &SourceTable, relation: &RelationName) -> Fingerprints {
    let mut body = Hasher::new("source body");
    body.relation(Some(relation)).json(&table.file);
    let mut metadata = Hasher::new("source metadata");
    metadata
        .json(&[&source.description, &table.description])
        .json(&table.tags)
        .json(&table.meta)
        .columns(&table.columns);
    Fingerprints {
        body: body.finish(),
        metadata: metadata.finish(),
        ..Fingerprints::default()
    }
}

/// A task.
pub(crate) fn task(task: &Task) -> Fingerprints {
    let mut body = Hasher::new("task body");
    body.text(&task.fingerprint()).text(&task.model_name());
    let mut metadata = Hasher::new("task metadata");
    metadata
        .json(&[&task.description, &task.owner])
        .json(&task.tags)
        .json(&task.version);
    Fingerprints {
        body: body.finish(),
        gate: task_gate(task),
        metadata: metadata.finish(),
        ..Fingerprints::default()
    }
}

/// What decides what becomes of an answer, once it is given.
fn task_gate(task: &Task) -> Fingerprint {
    let mut hasher = Hasher::new("task gate");
    hasher
        .json(&task.threshold)
        .json(&task.confidence)
        .json(&task.fallback)
        .json(&task.on_error);
    // Tasks without keep the fingerprint that they had.
    if let Some(calibrated) = &task.calibrated {
        hasher.json(calibrated);
    }
    hasher.finish()
}

/// A data test.
pub(crate) fn test(node: &Node, dialect: Dialect) -> Fingerprints {
    let Detail::Test(test) = &node.detail else {
        return Fingerprints::default();
    };
    let mut body = Hasher::new("test body");
    body.text(&dialect.to_string());
    match &test.kind {
        TestKind::Singular(rendering) => {
            body.rendering(rendering);
        }
        TestKind::Declared { test: declared, .. } => {
            body.json(declared).text(test.column.as_deref().unwrap_or_default());
            for id in &node.depends_on {
                body.text(id.as_str());
            }
        }
    }
    let mut fingerprints = Fingerprints {
        body: body.finish(),
        ..Fingerprints::default()
    };
    // Most tests say nothing but what they test, and there are many.
    if *test.config != TestConfig::default() {
        fingerprints.config = Hasher::new("test config")
            .json(&test.config.severity)
            .json(&[&test.config.warn_if, &test.config.error_if])
            .json(&test.config.store_failures)
            .json(&test.config.condition)
            .json(&test.config.limit)
            .finish();
    }
    if !node.tags.is_empty() || !test.config.meta.is_empty() {
        fingerprints.metadata = Hasher::new("test metadata")
            .json(&node.tags)
            .json(&test.config.meta)
            .finish();
    }
    fingerprints
}

/// A unit test: its rows, its answers, and what it overrides.
pub(crate) fn unit_test(test: &UnitTest) -> Fingerprints {
    let mut body = Hasher::new("unit test body");
    body.text(&test.model);
    for given in &test.given {
        body.text(&format!("{:?}", given.input));
        body.json(&given.rows.columns)
            .json(&given.rows.rows)
            .json(&given.rows.typed);
    }
    body.json(&test.expect.columns)
        .json(&test.expect.rows)
        .json(&test.expect.typed)
        .json(&test.overrides);
    for answer in &test.answers {
        body.text(&answer.task)
            .json(&answer.input)
            .json(&answer.value)
            .json(&answer.confidence)
            .json(&answer.score)
            .json(&answer.error);
    }
    let mut metadata = Hasher::new("unit test metadata");
    metadata
        .json(&test.description)
        .json(&test.config.tags)
        .json(&test.config.meta);
    Fingerprints {
        body: body.finish(),
        metadata: metadata.finish(),
        ..Fingerprints::default()
    }
}

/// An evaluation: what is measured, on which rows, and the bounds.
pub(crate) fn evaluation(evaluation: &Evaluation) -> Fingerprints {
    let mut body = Hasher::new("evaluation body");
    body.json(&[
        &evaluation.task,
        &evaluation.truth,
        &evaluation.prediction,
        &evaluation.confidence,
    ]);
    body.text(&format!("{:?}", evaluation.rows));
    body.json(&evaluation.metrics).json(&evaluation.drift);
    let mut config = Hasher::new("evaluation config");
    config
        .json(&evaluation.config.severity)
        .json(&evaluation.config.condition);
    let mut metadata = Hasher::new("evaluation metadata");
    metadata
        .json(&evaluation.description)
        .json(&evaluation.config.tags)
        .json(&evaluation.config.meta);
    Fingerprints {
        body: body.finish(),
        config: config.finish(),
        metadata: metadata.finish(),
        ..Fingerprints::default()
    }
}

/// Fills in what is above each node, and gives [`Fingerprints::all`] of each. Tasks are in a model's own fingerprints
/// already.
pub(crate) fn upstream(nodes: &mut IndexMap<NodeId, Node>, graph: &Graph) -> Vec<Fingerprint> {
    let mut all = vec![Fingerprint::default(); nodes.len()];
    let of = |number: usize, nodes: &IndexMap<NodeId, Node>, all: &[Fingerprint]| {
        let mut above: Vec<usize> = graph
            .parents(number)
            .filter(|parent| !matches!(nodes[*parent].detail, Detail::Task(_)))
            .collect();
        above.sort_unstable_by_key(|parent| &nodes[*parent].id);
        let mut hasher = Hasher::new("upstream");
        for parent in above {
            hasher.text(nodes[parent].id.as_str()).fingerprint(all[parent]);
        }
        let upstream = hasher.finish();
        let fingerprints = Fingerprints {
            upstream,
            ..nodes[number].fingerprints
        };
        (number, upstream, fingerprints.all())
    };
    // What has the same distance from what reads nothing can be hashed side by side.
    let mut distances = vec![0usize; nodes.len()];
    let mut levels: Vec<Vec<usize>> = Vec::new();
    for number in graph.order() {
        let distance = graph
            .parents(number)
            .map(|parent| distances[parent] + 1)
            .max()
            .unwrap_or(0);
        distances[number] = distance;
        if levels.len() <= distance {
            levels.resize_with(distance + 1, Vec::new);
        }
        levels[distance].push(number);
    }
    for level in levels {
        let hashed: Vec<(usize, Fingerprint, Fingerprint)> = level
            .into_par_iter()
            .with_min_len(64)
            .map(|number| of(number, nodes, &all))
            .collect();
        for (number, upstream, whole) in hashed {
            nodes[number].fingerprints.upstream = upstream;
            all[number] = whole;
        }
    }
    all
}
