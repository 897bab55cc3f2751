//! Heads as ONNX models, with what was learned beside them.

use ndarray::Array2;
use refuel_compiler::small::{Attribute, MACHINE_LEARNING, ReadGraph, SmallGraph};
use serde::{Deserialize, Serialize};

use crate::boosting::{BoostedTrees, Node};
use crate::calibration::Calibration;
use crate::catch_all::CatchAll;
use crate::error::LearnError;
use crate::linear::{Activation, LinearHead};
use crate::pairs::{PairLine, PairModel};

/// Key of the metadata that holds [`Facts`], as JSON.
const FACTS: &str = "refuel.head";
/// Version of the form.
const VERSION: u32 = 1;

/// What a head says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// Version of the form; 1.
    pub version: u32,
    /// Labels in the order of the outputs; of a tagger, its fields. Of a classifier of pairs, none.
    pub labels: Vec<String>,
    /// What the rows are called: columns of the features of pairs. Of a head on embeddings, none.
    pub columns: Vec<String>,
    /// Terms that a head reads beside the embedding, as [`crate::TermVocabulary::to_json`] writes them.
    pub terms: Option<String>,
    /// Digest of the model whose embeddings it reads.
    pub embedding_model: Option<String>,
    /// Hash of the examples, in hexadecimal: [`data_hash`].
    pub data_hash: String,
    /// How many examples there were.
    pub examples: usize,
    /// Accuracy on examples that were held out.
    pub held_out_accuracy: f64,
    /// Mean cross-entropy on them.
    pub held_out_log_loss: f64,
    /// From raw confidence, which the graph gives, to confidence.
    pub calibration: Calibration,
    /// The same for the parts of an answer, where they have a confidence of their own: the values of a record.
    #[serde(default)]
    pub calibration_of_parts: Calibration,
    /// When a row has the label that is right where no other is, where there is one. Its own logit then says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catch_all: Option<CatchAll>,
}

impl Facts {
    /// Facts of a head on examples, with nothing known but these.
    pub fn new(labels: Vec<String>, data_hash: String, examples: usize) -> Self {
        Self {
            version: VERSION,
            labels,
            columns: Vec::new(),
            terms: None,
            embedding_model: None,
            data_hash,
            examples,
            held_out_accuracy: 0.0,
            held_out_log_loss: 0.0,
            calibration: Calibration::None,
            calibration_of_parts: Calibration::None,
            catch_all: None,
        }
    }

    pub(crate) fn write(&self, graph: &mut SmallGraph) {
        graph.metadata(
            FACTS,
            &serde_json::to_string(self).expect("text and numbers can be written"),
        );
    }

    pub(crate) fn read(graph: &ReadGraph) -> Result<Self, LearnError> {
        let refuse = |message: String| LearnError::Head { message };
        let text = graph
            .metadata(FACTS)
            .ok_or_else(|| refuse(format!("it has no metadata \"{FACTS}\"")))?;
        let facts: Self = serde_json::from_str(text).map_err(|error| refuse(format!("\"{FACTS}\": {error}")))?;
        if facts.version == VERSION {
            Ok(facts)
        } else {
            Err(refuse(format!(
                "its form has version {}, and {VERSION} is known",
                facts.version
            )))
        }
    }
}

/// BLAKE3 of examples, in hexadecimal: it changes with any text, label or order.
pub fn data_hash<'a>(examples: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut hasher = blake3::Hasher::new();
    for (input, label) in examples {
        for part in [input, label] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
    }
    hasher.finalize().to_hex().to_string()
}

/// Writes a linear head as an ONNX model: from `embedding` `[rows, dimensions]`, and `terms` `[rows, terms]` where it
/// reads them, to `logits` and `probabilities` `[rows, labels]`. With a catch-all, probabilities are those of
/// [`CatchAll::probabilities`].
pub fn head_to_onnx(head: &LinearHead, facts: &Facts) -> Vec<u8> {
    let mut graph = SmallGraph::new("head");
    let labels = head.labels();
    graph.input("embedding", head.dimensions);
    let weights: Vec<f32> = head.weights.iter().copied().collect();
    let (of_embedding, of_terms) = weights.split_at(head.dimensions * labels);
    graph.floats("embedding.weight", &[head.dimensions, labels], of_embedding);
    graph.node("", "MatMul", &["embedding", "embedding.weight"], "of_embedding", &[]);
    let mut sum = "of_embedding";
    if head.terms() > 0 {
        graph.input("terms", head.terms());
        graph.floats("terms.weight", &[head.terms(), labels], of_terms);
        graph.node("", "MatMul", &["terms", "terms.weight"], "of_terms", &[]);
        graph.node("", "Add", &[sum, "of_terms"], "sum", &[]);
        sum = "sum";
    }
    graph.floats("bias", &[labels], &head.bias);
    graph.node("", "Add", &[sum, "bias"], "logits", &[]);
    match head.activation {
        Activation::Softmax if facts.catch_all.is_some() => {
            if let Some(catch_all) = &facts.catch_all {
                catch_all.add_to(&mut graph, labels);
            }
        }
        Activation::Softmax => {
            graph.node(
                "",
                "Softmax",
                &["logits"],
                "probabilities",
                &[("axis", Attribute::Integer(-1))],
            );
        }
        Activation::Sigmoid => graph.node("", "Sigmoid", &["logits"], "probabilities", &[]),
    }
    graph.output("logits", labels);
    graph.output("probabilities", labels);
    graph.metadata("refuel.activation", activation_name(head.activation));
    facts.write(&mut graph);
    graph.to_bytes()
}

fn activation_name(activation: Activation) -> &'static str {
    match activation {
        Activation::Softmax => "softmax",
        Activation::Sigmoid => "sigmoid",
    }
}

/// Reads what [`head_to_onnx`] wrote: the head itself needs no runtime.
///
/// # Errors
/// [`LearnError::Head`] for anything else, and for a head whose parts don't fit.
pub fn head_from_onnx(bytes: &[u8]) -> Result<(LinearHead, Facts), LearnError> {
    let refuse = |message: &str| LearnError::Head {
        message: message.to_owned(),
    };
    let graph = ReadGraph::from_bytes(bytes).map_err(|error| refuse(&error.to_string()))?;
    let facts = Facts::read(&graph)?;
    let activation = match graph.metadata("refuel.activation") {
        Some("softmax") => Activation::Softmax,
        Some("sigmoid") => Activation::Sigmoid,
        _ => return Err(refuse("it does not say how logits become probabilities")),
    };
    let (_, bias) = graph.floats("bias").ok_or_else(|| refuse("it has no bias"))?;
    let (shape, mut weights) = graph
        .floats("embedding.weight")
        .ok_or_else(|| refuse("it has no weights"))?;
    let dimensions = shape.first().copied().unwrap_or_default();
    if let Some((_, of_terms)) = graph.floats("terms.weight") {
        weights.extend(of_terms);
    }
    let labels = bias.len();
    if labels == 0 || labels != facts.labels.len() || !weights.len().is_multiple_of(labels) {
        return Err(refuse("its weights are not those of its labels"));
    }
    if shape != [dimensions, labels] {
        return Err(refuse("its weights are not those of its labels"));
    }
    if facts.catch_all.is_some_and(|catch_all| catch_all.label >= labels) {
        return Err(refuse("its catch-all is none of its labels"));
    }
    let weights = Array2::from_shape_vec((weights.len() / labels, labels), weights)
        .map_err(|error| refuse(&error.to_string()))?;
    Ok((
        LinearHead {
            weights,
            bias,
            activation,
            dimensions,
        },
        facts,
    ))
}

/// Writes a classifier of pairs as an ONNX model: from `features` `[rows, columns]`, NaN for what is missing, to `logits`
/// and `probabilities` `[rows, 1]`.
pub fn pairs_to_onnx(model: &PairModel, facts: &Facts) -> Vec<u8> {
    let mut graph = SmallGraph::new("pairs");
    match model {
        PairModel::Trees(trees) => {
            graph.input("features", trees.columns);
            add_trees(&mut graph, trees, "logits");
        }
        PairModel::Line(line) => {
            graph.input("features", line.weights.len());
            add_line(&mut graph, line, "logits");
        }
        PairModel::Both(trees, line) => {
            graph.input("features", trees.columns);
            add_trees(&mut graph, trees, "of_trees");
            add_line(&mut graph, line, "of_line");
            graph.node("", "Mean", &["of_trees", "of_line"], "logits", &[]);
        }
    }
    graph.node("", "Sigmoid", &["logits"], "probabilities", &[]);
    graph.output("logits", 1);
    graph.output("probabilities", 1);
    graph.metadata(
        "refuel.pairs",
        &serde_json::to_string(model).expect("numbers can be written"),
    );
    facts.write(&mut graph);
    graph.to_bytes()
}

/// Reads what [`pairs_to_onnx`] wrote.
///
/// # Errors
/// [`LearnError::Head`] for anything else.
pub fn pairs_from_onnx(bytes: &[u8]) -> Result<(PairModel, Facts), LearnError> {
    let refuse = |message: String| LearnError::Head { message };
    let graph = ReadGraph::from_bytes(bytes).map_err(|error| refuse(error.to_string()))?;
    let facts = Facts::read(&graph)?;
    let text = graph
        .metadata("refuel.pairs")
        .ok_or_else(|| refuse("it tells no pairs apart".to_owned()))?;
    let model = serde_json::from_str(text).map_err(|error| refuse(format!("\"refuel.pairs\": {error}")))?;
    Ok((model, facts))
}

fn add_line(graph: &mut SmallGraph, line: &PairLine, output: &str) {
    let columns = line.weights.len();
    graph.floats("means", &[columns], &line.means);
    graph.floats("weight", &[columns, 1], &line.weights);
    graph.floats("missing.weight", &[columns, 1], &line.of_missing);
    graph.floats("bias", &[1], &[line.bias]);
    graph.node("", "IsNaN", &["features"], "missing", &[]);
    graph.node("", "Where", &["missing", "means", "features"], "filled", &[]);
    graph.node(
        "",
        "Cast",
        &["missing"],
        "missing.float",
        &[("to", Attribute::Integer(1))],
    );
    graph.node("", "MatMul", &["filled", "weight"], "of_values", &[]);
    graph.node("", "MatMul", &["missing.float", "missing.weight"], "of_missing", &[]);
    graph.node("", "Add", &["of_values", "of_missing"], "sum", &[]);
    graph.node("", "Add", &["sum", "bias"], output, &[]);
}

/// Nodes of all trees, column by column, as `TreeEnsembleRegressor` takes them.
#[derive(Default)]
struct Ensemble {
    trees: Vec<i64>,
    nodes: Vec<i64>,
    columns: Vec<i64>,
    borders: Vec<f32>,
    modes: Vec<&'static str>,
    left: Vec<i64>,
    right: Vec<i64>,
    missing_left: Vec<i64>,
    leaf_trees: Vec<i64>,
    leaf_nodes: Vec<i64>,
    leaves: Vec<f32>,
}

impl Ensemble {
    fn add(&mut self, tree: i64, node: i64, is: &Node) {
        self.trees.push(tree);
        self.nodes.push(node);
        let (column, border, mode, left, right, missing_left) = match *is {
            Node::Split {
                column,
                border,
                missing_left,
                left,
                right,
            } => (column, border, "BRANCH_LEQ", left, right, missing_left),
            Node::Leaf(value) => {
                self.leaf_trees.push(tree);
                self.leaf_nodes.push(node);
                self.leaves.push(value);
                (0, 0.0, "LEAF", 0, 0, false)
            }
        };
        self.columns.push(column as i64);
        self.borders.push(border);
        self.modes.push(mode);
        self.left.push(left as i64);
        self.right.push(right as i64);
        self.missing_left.push(i64::from(missing_left));
    }
}

fn add_trees(graph: &mut SmallGraph, trees: &BoostedTrees, output: &str) {
    let mut all = Ensemble::default();
    for (number, tree) in trees.trees.iter().enumerate() {
        for (node, is) in tree.nodes.iter().enumerate() {
            all.add(number as i64, node as i64, is);
        }
    }
    if trees.trees.is_empty() {
        // The operator wants a tree: one that gives nothing.
        all.add(0, 0, &Node::Leaf(0.0));
    }
    graph.node(
        MACHINE_LEARNING,
        "TreeEnsembleRegressor",
        &["features"],
        output,
        &[
            ("n_targets", Attribute::Integer(1)),
            ("aggregate_function", Attribute::Text("SUM")),
            ("base_values", Attribute::Floats(&[trees.base])),
            ("nodes_treeids", Attribute::Integers(&all.trees)),
            ("nodes_nodeids", Attribute::Integers(&all.nodes)),
            ("nodes_featureids", Attribute::Integers(&all.columns)),
            ("nodes_values", Attribute::Floats(&all.borders)),
            ("nodes_modes", Attribute::Texts(&all.modes)),
            ("nodes_truenodeids", Attribute::Integers(&all.left)),
            ("nodes_falsenodeids", Attribute::Integers(&all.right)),
            (
                "nodes_missing_value_tracks_true",
                Attribute::Integers(&all.missing_left),
            ),
            ("target_treeids", Attribute::Integers(&all.leaf_trees)),
            ("target_nodeids", Attribute::Integers(&all.leaf_nodes)),
            ("target_ids", Attribute::Integers(&vec![0; all.leaves.len()])),
            ("target_weights", Attribute::Floats(&all.leaves)),
        ],
    );
}
