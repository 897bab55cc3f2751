//! Attention in two parts: over a prefix that all rows share, and over each row's own tokens.
//!
//! Both parts' scores go through one softmax, so that the result is that of attention over the two after one another. The
//! prefix' keys and values are there once, never once a row. Heads come before rows in every layout, so that all rows can
//! be multiplied with the prefix at once without moving anything.

use refuel_formats::ModelConfig;
use refuel_formats::config::Rope;

use super::{Decoder, rope};
use crate::error::CompileError;
use crate::layers::Bias;
use crate::onnx::graph::{GraphBuilder, Value, named, sized};
use crate::onnx::messages::{AttributeProto, ElementType};
use crate::weights::matrix::{Matrix, Part, Rows};

/// Where the new tokens' keys and values are put among those of their row, as indexes of `ScatterND`. A caller that puts each
/// at its position has every sum over them made in one order, whatever stands beside a row and whatever was guessed.
const KEY_PLACES: &str = "key_places";

/// What all layers' attention shares.
pub(super) struct Attention {
    /// Which places of its row a token sees, for all query heads of a group: `[1, B, group · L, T]`.
    own_bias: Option<Value>,
    /// The same over prefix and row, for layers with a sliding window: `[1, B, group · L, P + T]`.
    sliding_bias: Option<Value>,
    /// Cosines and sines.
    tables: Option<(Value, Value)>,
    /// Those of layers with a sliding window, where they differ.
    sliding_tables: Option<(Value, Value)>,
    /// `[1]`: length of the prefix.
    prefix_length: Value,
    shapes: Shapes,
}

/// Shapes that are known when a graph runs.
struct Shapes {
    /// `[kv_heads, B, group · L, P]`: scores of the prefix, row by row.
    by_row: Value,
    /// `[kv_heads, 1, B · group · L, P]`: the same, all rows in one.
    together: Value,
    /// `[kv_heads, B, group, L, head_size]`.
    heads: Value,
}

impl Attention {
    /// Declares the graph's inputs and computes what all layers share.
    pub(super) fn inputs(decoder: &mut Decoder<'_, '_>) -> Result<Self, CompileError> {
        let config = decoder.config;
        let sliding = config.sliding_layers.iter().any(|&sliding| sliding);
        let full = config.sliding_layers.is_empty() || config.sliding_layers.iter().any(|&sliding| !sliding);
        let graph = &mut decoder.compilation.graph;
        let (batch, length) = (named("batch"), named("length"));
        graph.input("input_ids", ElementType::Int64, &[batch.clone(), length.clone()]);
        graph.input("position_ids", ElementType::Int64, &[batch.clone(), length.clone()]);
        let bias = [sized(1), batch.clone(), length.clone(), named("places")];
        graph.input("attention_bias", ElementType::Float, &bias);
        if sliding {
            let bias = [sized(1), batch.clone(), length.clone(), named("prefix_and_places")];
            graph.input("sliding_bias", ElementType::Float, &bias);
        }
        graph.input("logit_positions", ElementType::Int64, &[named("wanted")]);
        let (heads, width) = (sized(config.kv_heads), sized(config.head_size));
        graph.input(
            KEY_PLACES,
            ElementType::Int64,
            &[heads.clone(), batch.clone(), length, sized(3)],
        );
        for layer in 0..config.layers {
            for word in ["key", "value"] {
                let prefix = [heads.clone(), sized(1), named("prefix"), width.clone()];
                graph.input(&format!("prefix_{word}.{layer}"), ElementType::Float, &prefix);
            }
            for word in ["key", "value"] {
                let past = [heads.clone(), batch.clone(), named("places"), width.clone()];
                graph.input(&format!("past_{word}.{layer}"), ElementType::Float, &past);
            }
        }
        graph.scope("attention");
        let group = config.heads / config.kv_heads;
        let mut over_group = |bias: &str| {
            if group == 1 {
                return bias.to_owned();
            }
            graph.op("Concat", &vec![bias; group], vec![AttributeProto::int("axis", 2)])
        };
        let own_bias = full.then(|| over_group("attention_bias"));
        let sliding_bias = sliding.then(|| over_group("sliding_bias"));
        let mut tables = |rope: &Rope, local: bool| -> Result<(Value, Value), CompileError> {
            let frequencies = rope::frequencies(rope, config.head_size, local);
            let (cosines, sines) = rope::tables(&frequencies, config.context_length);
            let shape = [config.context_length, frequencies.len()];
            Ok((graph.floats(&shape, &cosines)?, graph.floats(&shape, &sines)?))
        };
        let local = config.rope.as_ref().is_some_and(|rope| rope.local_theta.is_some());
        let sliding_tables = match &config.rope {
            Some(rope) if sliding && local => Some(tables(rope, true)?),
            _ => None,
        };
        let tables = match &config.rope {
            Some(rope) if full || sliding_tables.is_none() => Some(tables(rope, false)?),
            _ => None,
        };
        let prefix_length = dimension(graph, "prefix_key.0", 2);
        let bias = own_bias.as_ref().or(sliding_bias.as_ref()).cloned().unwrap_or_default();
        let shapes = Shapes::new(graph, config, &bias, &prefix_length)?;
        Ok(Self {
            own_bias,
            sliding_bias,
            tables,
            sliding_tables,
            prefix_length,
            shapes,
        })
    }

    /// One layer's attention, up to its output projection: `[B, L, heads · head_size]`. Declares the layer's new keys and
    /// values as outputs.
    pub(super) fn layer(
        &self,
        decoder: &mut Decoder<'_, '_>,
        layer: usize,
        normed: Value,
        gamma: &[f32],
    ) -> Result<Value, CompileError> {
        let config = decoder.config;
        let (heads, kv_heads, size) = (config.heads as i64, config.kv_heads as i64, config.head_size as i64);
        let slides = config.sliding_layers.get(layer).copied().unwrap_or(false);
        let [queries, keys, values] = decoder.queries_keys_values(layer, normed, gamma)?;
        let tables = self.sliding_tables.as_ref().filter(|_| slides).or(self.tables.as_ref());
        let queries = decoder.turned(queries, heads, tables);
        let keys = decoder.turned(keys, kv_heads, tables);
        let graph = &mut decoder.compilation.graph;
        let queries = graph.reshape(&queries, &[0, 0, kv_heads, heads / kv_heads, size])?;
        let queries = graph.transpose(&queries, &[2, 0, 3, 1, 4]);
        // All rows ask the prefix in one product a head: products of a few rows each would not keep a processor busy.
        let together = graph.reshape(&queries, &[0, 1, -1, size])?;
        let by_row = graph.reshape(&queries, &[0, 0, -1, size])?;
        let mut present = |new: &str, word: &str| -> Result<Value, CompileError> {
            let new = graph.reshape(new, &[0, 0, kv_heads, size])?;
            let new = graph.transpose(&new, &[2, 0, 1, 3]);
            let past = format!("past_{word}.{layer}");
            let all = graph.op("ScatterND", &[&past, KEY_PLACES, &new], vec![]);
            let shape = [
                sized(config.kv_heads),
                named("batch"),
                named("places"),
                sized(config.head_size),
            ];
            Ok(graph.output(&format!("present_{word}.{layer}"), all, ElementType::Float, &shape))
        };
        let (keys, values) = (present(&keys, "key")?, present(&values, "value")?);
        let own_keys = graph.transpose(&keys, &[0, 1, 3, 2]);
        let mut own = graph.op("MatMul", &[&by_row, &own_keys], vec![]);
        if let Some(bias) = self.own_bias.as_ref().filter(|_| !slides) {
            own = graph.op("Add", &[&own, bias], vec![]);
        }
        let prefix_keys = graph.transpose(&format!("prefix_key.{layer}"), &[0, 1, 3, 2]);
        let before = graph.op("MatMul", &[&together, &prefix_keys], vec![]);
        let before = graph.op("Reshape", &[&before, &self.shapes.by_row], vec![]);
        let mut scores = graph.op("Concat", &[&before, &own], vec![AttributeProto::int("axis", 3)]);
        if let Some(bias) = self.sliding_bias.as_ref().filter(|_| slides) {
            scores = graph.op("Add", &[&scores, bias], vec![]);
        }
        let shares = graph.op("Softmax", &[&scores], vec![AttributeProto::int("axis", -1)]);
        let own_length = dimension(graph, &keys, 2);
        let lengths = graph.op(
            "Concat",
            &[&self.prefix_length, &own_length],
            vec![AttributeProto::int("axis", 0)],
        );
        let shares = graph.op_many("Split", &[&shares, &lengths], 2, vec![AttributeProto::int("axis", 3)]);
        let before = graph.op("Reshape", &[&shares[0], &self.shapes.together], vec![]);
        let before = graph.op("MatMul", &[&before, &format!("prefix_value.{layer}")], vec![]);
        let own = graph.op("MatMul", &[&shares[1], &values], vec![]);
        let own = graph.reshape(&own, &[0, 1, -1, size])?;
        let attended = graph.op("Add", &[&before, &own], vec![]);
        let attended = graph.op("Reshape", &[&attended, &self.shapes.heads], vec![]);
        let attended = graph.transpose(&attended, &[1, 3, 0, 2, 4]);
        graph.reshape(&attended, &[0, 0, heads * size])
    }
}

impl Shapes {
    /// `bias` is one of the biases, `[1, B, group · L, ..]`.
    fn new(
        graph: &mut GraphBuilder,
        config: &ModelConfig,
        bias: &str,
        prefix_length: &str,
    ) -> Result<Self, CompileError> {
        let (heads, kv_heads, size) = (config.heads as i64, config.kv_heads as i64, config.head_size as i64);
        let joined =
            |graph: &mut GraphBuilder, parts: &[&str]| graph.op("Concat", parts, vec![AttributeProto::int("axis", 0)]);
        let (batch, rows) = (dimension(graph, bias, 1), dimension(graph, bias, 2));
        let all_rows = graph.op("Mul", &[&batch, &rows], vec![]);
        let length = dimension(graph, "input_ids", 1);
        let (kv_heads, one) = (graph.integers(&[kv_heads])?, graph.integers(&[1])?);
        let (group, size) = (
            graph.integers(&[heads / config.kv_heads as i64])?,
            graph.integers(&[size])?,
        );
        Ok(Self {
            by_row: joined(graph, &[&kv_heads, &batch, &rows, prefix_length]),
            together: joined(graph, &[&kv_heads, &one, &all_rows, prefix_length]),
            heads: joined(graph, &[&kv_heads, &batch, &group, &length, &size]),
        })
    }
}

/// `[1]`: the size of one of a value's dimensions.
fn dimension(graph: &mut GraphBuilder, value: &str, axis: i64) -> Value {
    let which = vec![AttributeProto::int("start", axis), AttributeProto::int("end", axis + 1)];
    graph.op("Shape", &[value], which)
}

impl Decoder<'_, '_> {
    /// `[B, L, heads · head_size]` of each; queries are scaled already.
    fn queries_keys_values(&mut self, layer: usize, normed: Value, gamma: &[f32]) -> Result<[Value; 3], CompileError> {
        let config = self.config;
        let prefix = format!("model.layers.{layer}.self_attn");
        let (query_rows, kv_rows) = (config.heads * config.head_size, config.kv_heads * config.head_size);
        // Behind a norm of queries their scale goes into the norm's weights.
        let scale = if config.qk_norm {
            Rows::Keep
        } else {
            Rows::Scale(config.attention_scale)
        };
        let parts = vec![
            Part::new(format!("{prefix}.q_proj.weight"), query_rows).with(scale),
            Part::new(format!("{prefix}.k_proj.weight"), kv_rows),
            Part::new(format!("{prefix}.v_proj.weight"), kv_rows).with(self.plan.values_out()),
        ];
        let matrix = Matrix::new(parts, config.hidden).with(self.plan.reader(gamma));
        let bias = if config.qkv_bias {
            self.compilation.bias_of(&matrix)?
        } else {
            Bias::NONE
        };
        let name = format!("{prefix}.qkv_proj.weight");
        let all = self
            .compilation
            .linear(&name, &mut self.plan.input(normed), &matrix, &bias, self.plan.product)?;
        let graph = &mut self.compilation.graph;
        let sizes = graph.integers(&[query_rows as i64, kv_rows as i64, kv_rows as i64])?;
        let split = graph.op_many("Split", &[&all, &sizes], 3, vec![AttributeProto::int("axis", 2)]);
        let [mut queries, mut keys, values] = <[Value; 3]>::try_from(split).unwrap_or_default();
        if config.qk_norm {
            queries = self.head_norm(
                &format!("{prefix}.q_norm.weight"),
                &queries,
                config.heads,
                config.attention_scale,
            )?;
            keys = self.head_norm(&format!("{prefix}.k_norm.weight"), &keys, config.kv_heads, 1.0)?;
        }
        Ok([queries, keys, values])
    }

    /// The norm of each head, times `scale`.
    fn head_norm(&mut self, name: &str, value: &str, heads: usize, scale: f32) -> Result<Value, CompileError> {
        let size = self.config.head_size;
        let mut gamma = self.gamma(name, size)?;
        gamma.iter_mut().for_each(|value| *value *= scale);
        let apart = self
            .compilation
            .graph
            .reshape(value, &[0, 0, heads as i64, size as i64])?;
        let normed = self.compilation.rms_norm(&apart, &gamma, self.config.norm_epsilon)?;
        self.compilation.graph.reshape(&normed, &[0, 0, (heads * size) as i64])
    }

    /// Turned by position.
    fn turned(&mut self, value: Value, heads: i64, tables: Option<&(Value, Value)>) -> Value {
        let Some((cosines, sines)) = tables else {
            return value;
        };
        let attributes = vec![
            AttributeProto::int("interleaved", 0),
            AttributeProto::int("num_heads", heads),
            AttributeProto::int("rotary_embedding_dim", 0),
        ];
        let inputs = [value.as_str(), "position_ids", cosines, sines];
        self.compilation.graph.fused("RotaryEmbedding", &inputs, attributes)
    }
}
