//! Graphs of causal language models, all from one builder: architectures differ by what their configuration says.

mod attention;
mod experts;
mod feed_forward;
mod plan;
mod rope;

use attention::Attention;
use plan::Plan;
use refuel_formats::ModelConfig;

use crate::error::CompileError;
use crate::layers::{Bias, Compilation, Input};
use crate::onnx::graph::{Value, named, sized};
use crate::onnx::messages::{AttributeProto, ElementType};
use crate::options::CompileOptions;
use crate::weights::matrix::{Matrix, Part};

/// A decoder under construction.
struct Decoder<'c, 'a> {
    compilation: &'c mut Compilation<'a>,
    config: &'c ModelConfig,
    plan: Plan,
}

/// Adds a decoder's nodes, inputs and outputs, as [`crate::GraphInterface::PrefixDecoder`] says.
pub(crate) fn build(
    compilation: &mut Compilation<'_>,
    config: &ModelConfig,
    options: &CompileOptions,
) -> Result<(), CompileError> {
    let plan = Plan::new(config, options);
    let decoder = Decoder {
        compilation,
        config,
        plan,
    };
    decoder.build()
}

impl Decoder<'_, '_> {
    fn build(mut self) -> Result<(), CompileError> {
        let config = self.config;
        let attention = Attention::inputs(&mut self)?;
        let table_name = "model.embed_tokens.weight";
        let inputs = self.plan.embedding();
        let table = self
            .compilation
            .table(table_name, config.vocabulary, config.hidden, inputs)?;
        let mut residual = self.compilation.look_up(&table, "input_ids");
        if (config.embedding_scale - 1.0).abs() > f32::EPSILON {
            let scale = self.compilation.graph.scalar(config.embedding_scale)?;
            residual = self.compilation.graph.op("Mul", &[&residual, &scale], vec![]);
        }
        let mut gamma = self.gamma("model.layers.0.input_layernorm.weight", config.hidden)?;
        let weights = self.plan.norm_weights(&gamma);
        let mut normed = self.compilation.rms_norm(&residual, &weights, config.norm_epsilon)?;
        for layer in 0..config.layers {
            self.compilation.graph.scope(format!("layer.{layer}"));
            let prefix = format!("model.layers.{layer}");
            let mut attended = attention.layer(&mut self, layer, normed, &gamma)?;
            if layer + 1 == config.layers {
                // Keys and values are done: from here on only the tokens whose logits are asked for matter.
                attended = self.wanted_tokens(&attended, config.heads * config.head_size)?;
                residual = self.wanted_tokens(&residual, config.hidden)?;
            }
            let mut written = self.attention_output(&prefix, attended)?;
            let before_feed_forward = if self.plan.post_norms {
                written = self.post_norm(&format!("{prefix}.post_attention_layernorm.weight"), &written)?;
                "pre_feedforward_layernorm"
            } else {
                "post_attention_layernorm"
            };
            gamma = self.gamma(&format!("{prefix}.{before_feed_forward}.weight"), config.hidden)?;
            let weights = self.plan.norm_weights(&gamma);
            (normed, residual) = self
                .compilation
                .add_rms_norm(&written, &residual, &weights, config.norm_epsilon)?;
            written = if config.experts.is_some() {
                self.experts(&prefix, &normed, &gamma)?
            } else {
                self.feed_forward(&format!("{prefix}.mlp"), normed, &gamma)?
            };
            if self.plan.post_norms {
                written = self.post_norm(&format!("{prefix}.post_feedforward_layernorm.weight"), &written)?;
            }
            let next = if layer + 1 == config.layers {
                "model.norm.weight".to_owned()
            } else {
                format!("model.layers.{}.input_layernorm.weight", layer + 1)
            };
            gamma = self.gamma(&next, config.hidden)?;
            let weights = self.plan.norm_weights(&gamma);
            (normed, residual) = self
                .compilation
                .add_rms_norm(&written, &residual, &weights, config.norm_epsilon)?;
        }
        self.compilation.graph.scope("head");
        let tied = if config.tied_embeddings {
            self.compilation.tied_head(&table, &normed)
        } else {
            None
        };
        let logits = match tied {
            Some(logits) => logits,
            None => self.head(table_name, normed, &gamma)?,
        };
        let logits = self
            .compilation
            .graph
            .reshape(&logits, &[-1, config.vocabulary as i64])?;
        let shape = [named("wanted"), sized(config.vocabulary)];
        self.compilation
            .graph
            .output("logits", logits, ElementType::Float, &shape);
        Ok(())
    }

    /// What a norm multiplies by.
    fn gamma(&self, name: &str, length: usize) -> Result<Vec<f32>, CompileError> {
        let mut gamma = crate::weights::matrix::vector(self.compilation.source, name, length)?;
        if self.config.norm_plus_one {
            gamma.iter_mut().for_each(|value| *value += 1.0);
        }
        Ok(gamma)
    }

    /// Gemma's norm of what a block writes, before it is added to the stream.
    fn post_norm(&mut self, name: &str, written: &str) -> Result<Value, CompileError> {
        let gamma = self.gamma(name, self.config.hidden)?;
        self.compilation.rms_norm(written, &gamma, self.config.norm_epsilon)
    }

    /// `[B, L, width]` to the `[1, G, width]` of the tokens whose logits are asked for.
    fn wanted_tokens(&mut self, value: &str, width: usize) -> Result<Value, CompileError> {
        let graph = &mut self.compilation.graph;
        let flat = graph.reshape(value, &[1, -1, width as i64])?;
        Ok(graph.op(
            "Gather",
            &[&flat, "logit_positions"],
            vec![AttributeProto::int("axis", 1)],
        ))
    }

    fn attention_output(&mut self, prefix: &str, attended: Value) -> Result<Value, CompileError> {
        let config = self.config;
        let part = Part::new(format!("{prefix}.self_attn.o_proj.weight"), config.hidden).with(self.plan.writer());
        let matrix = Matrix::new(vec![part], config.heads * config.head_size).with(self.plan.values_in());
        let bias = if config.output_bias {
            self.compilation.bias_of(&matrix)?
        } else {
            Bias::NONE
        };
        let name = format!("{prefix}.self_attn.o_proj.weight");
        self.compilation
            .linear(&name, &mut Input::from(attended), &matrix, &bias, self.plan.product)
    }

    fn head(&mut self, table: &str, normed: Value, gamma: &[f32]) -> Result<Value, CompileError> {
        let config = self.config;
        let name = if config.tied_embeddings {
            table
        } else {
            "lm_head.weight"
        };
        let matrix = Matrix::new(vec![Part::new(name, config.vocabulary)], config.hidden).with(self.plan.reader(gamma));
        let product = self.compilation.head_product();
        self.compilation.linear(
            "lm_head.weight",
            &mut self.plan.input(normed),
            &matrix,
            &Bias::NONE,
            product,
        )
    }
}
