//! Graphs of BERT-like encoders and classifiers (Devlin et al. 2019).

mod pooling;

use refuel_formats::ModelConfig;

use crate::description::GraphInterface;
use crate::error::CompileError;
use crate::layers::{Compilation, Input, Product};
use crate::onnx::graph::{Value, named, sized};
use crate::onnx::messages::{AttributeProto, ElementType};
use crate::weights::matrix::{Matrix, Part, vector};

/// An encoder under construction.
struct Encoder<'c, 'a> {
    compilation: &'c mut Compilation<'a>,
    config: &'c ModelConfig,
    product: Product,
}

/// Adds an encoder's or a classifier's nodes, inputs and outputs; which of the two, the configuration's classes say.
pub(crate) fn build(compilation: &mut Compilation<'_>, config: &ModelConfig) -> Result<GraphInterface, CompileError> {
    let product = Product::of(compilation.format);
    let mut encoder = Encoder {
        compilation,
        config,
        product,
    };
    let hidden_state = encoder.hidden_state()?;
    let token_type_ids = config.token_types > 0;
    if !config.classes.is_empty() {
        let logits = encoder.classified(&hidden_state)?;
        let shape = [named("batch"), sized(config.classes.len())];
        encoder
            .compilation
            .graph
            .output("logits", logits, ElementType::Float, &shape);
        return Ok(GraphInterface::Classifier {
            token_type_ids,
            labels: config.classes.clone(),
        });
    }
    let shape = [named("batch"), named("length"), sized(config.hidden)];
    let graph = &mut encoder.compilation.graph;
    let hidden_state = graph.output("last_hidden_state", hidden_state, ElementType::Float, &shape);
    encoder.pooled(&hidden_state, token_type_ids)
}

impl Encoder<'_, '_> {
    /// `[B, L, hidden]`.
    fn hidden_state(&mut self) -> Result<Value, CompileError> {
        let graph = &mut self.compilation.graph;
        let shape = [named("batch"), named("length")];
        graph.input("input_ids", ElementType::Int64, &shape);
        graph.input("attention_mask", ElementType::Int64, &shape);
        if self.config.token_types > 0 {
            graph.input("token_type_ids", ElementType::Int64, &shape);
        }
        graph.scope("embeddings");
        let mut state = self.embedded()?;
        let mask = self.compilation.graph.cast("attention_mask", ElementType::Int32);
        for layer in 0..self.config.layers {
            self.compilation.graph.scope(format!("layer.{layer}"));
            let prefix = format!("encoder.layer.{layer}");
            let attended = self.attention(&prefix, &state, &mask)?;
            let output = format!("{prefix}.attention.output");
            let written = self.dense(
                &format!("{output}.dense"),
                attended,
                self.config.hidden,
                self.config.hidden,
            )?;
            state = self.add_norm(&format!("{output}.LayerNorm"), &written, &state)?;
            let (hidden, inner) = (self.config.hidden, self.config.intermediate);
            let up = self.dense(&format!("{prefix}.intermediate.dense"), state.clone(), inner, hidden)?;
            let active = self.compilation.activation(&up, self.config.activation);
            let down = self.dense(&format!("{prefix}.output.dense"), active, hidden, inner)?;
            state = self.add_norm(&format!("{prefix}.output.LayerNorm"), &down, &state)?;
        }
        Ok(state)
    }

    fn embedded(&mut self) -> Result<Value, CompileError> {
        let config = self.config;
        let words = "embeddings.word_embeddings.weight";
        let table = self
            .compilation
            .table(words, config.vocabulary, config.hidden, vec![])?;
        let mut sum = self.compilation.look_up(&table, "input_ids");
        // These two are small, and every token's vector holds them: they stay in single precision.
        let positions = self.small_table("embeddings.position_embeddings.weight", config.context_length)?;
        let graph = &mut self.compilation.graph;
        let which = vec![AttributeProto::int("start", 1), AttributeProto::int("end", 2)];
        let length = graph.op("Shape", &["input_ids"], which);
        let zero = graph.integers(&[0])?;
        let positions = graph.op("Slice", &[&positions, &zero, &length, &zero], vec![]);
        sum = graph.op("Add", &[&sum, &positions], vec![]);
        if config.token_types > 0 {
            let types = self.small_table("embeddings.token_type_embeddings.weight", config.token_types)?;
            let graph = &mut self.compilation.graph;
            let types = graph.op(
                "Gather",
                &[&types, "token_type_ids"],
                vec![AttributeProto::int("axis", 0)],
            );
            sum = graph.op("Add", &[&sum, &types], vec![]);
        }
        let (weights, bias) = self.norm_weights("embeddings.LayerNorm")?;
        self.compilation.layer_norm(&sum, &weights, &bias, config.norm_epsilon)
    }

    fn small_table(&mut self, name: &str, rows: usize) -> Result<Value, CompileError> {
        let matrix = Matrix::new(vec![Part::new(name, rows)], self.config.hidden);
        self.compilation.float_weights(name, &matrix)
    }

    fn attention(&mut self, prefix: &str, state: &str, mask: &str) -> Result<Value, CompileError> {
        let hidden = self.config.hidden;
        let parts = ["query", "key", "value"]
            .map(|word| Part::new(format!("{prefix}.attention.self.{word}.weight"), hidden))
            .to_vec();
        let matrix = Matrix::new(parts, hidden);
        let bias = self.compilation.bias_of(&matrix)?;
        let name = format!("{prefix}.attention.self.qkv.weight");
        let mut input = Input::from(state.to_owned());
        let all = self
            .compilation
            .linear(&name, &mut input, &matrix, &bias, self.product)?;
        let graph = &mut self.compilation.graph;
        let sizes = graph.integers(&[hidden as i64; 3])?;
        let split = graph.op_many("Split", &[&all, &sizes], 3, vec![AttributeProto::int("axis", 2)]);
        let attributes = vec![
            AttributeProto::int("num_heads", self.config.heads as i64),
            AttributeProto::float("scale", self.config.attention_scale),
        ];
        let inputs = [&split[0], &split[1], &split[2], "", mask];
        Ok(graph.fused("MultiHeadAttention", &inputs, attributes))
    }

    /// A linear layer with a bias.
    fn dense(&mut self, name: &str, input: Value, rows: usize, columns: usize) -> Result<Value, CompileError> {
        let name = format!("{name}.weight");
        let matrix = Matrix::new(vec![Part::new(name.as_str(), rows)], columns);
        let bias = self.compilation.bias_of(&matrix)?;
        self.compilation
            .linear(&name, &mut Input::from(input), &matrix, &bias, self.product)
    }

    fn norm_weights(&self, name: &str) -> Result<(Vec<f32>, Vec<f32>), CompileError> {
        let read = |word: &str| vector(self.compilation.source, &format!("{name}.{word}"), self.config.hidden);
        Ok((read("weight")?, read("bias")?))
    }

    fn add_norm(&mut self, name: &str, written: &str, state: &str) -> Result<Value, CompileError> {
        let (weights, bias) = self.norm_weights(name)?;
        self.compilation
            .add_layer_norm(written, state, &weights, &bias, self.config.norm_epsilon)
    }

    /// A classifier's logits: the first token's state through the pooler and the last layer.
    fn classified(&mut self, state: &str) -> Result<Value, CompileError> {
        let hidden = self.config.hidden;
        self.compilation.graph.scope("classifier");
        let first = self.first_token(state)?;
        let pooled = self.dense("pooler.dense", first, hidden, hidden)?;
        let pooled = self.compilation.graph.op("Tanh", &[&pooled], vec![]);
        // The last layer is tiny and its errors go straight into the logits.
        let matrix = Matrix::new(vec![Part::new("classifier.weight", self.config.classes.len())], hidden);
        let bias = self.compilation.bias_of(&matrix)?;
        self.compilation.linear(
            "classifier.weight",
            &mut Input::from(pooled),
            &matrix,
            &bias,
            Product::Float,
        )
    }

    /// `[B, hidden]`.
    fn first_token(&mut self, state: &str) -> Result<Value, CompileError> {
        let graph = &mut self.compilation.graph;
        let first = graph.integers(&[0])?;
        let taken = graph.op("Gather", &[state, &first], vec![AttributeProto::int("axis", 1)]);
        graph.reshape(&taken, &[-1, self.config.hidden as i64])
    }
}
