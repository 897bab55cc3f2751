//! Which tensors an architecture consists of.

use super::{Family, ModelConfig};
use crate::error::FormatError;
use crate::source::WeightSource;

impl ModelConfig {
    /// Every tensor the architecture needs, with its shape, under its name in Hugging Face checkpoints. Encoders' names are
    /// without the `bert.` that checkpoints with a head put before them.
    pub fn tensors(&self) -> Vec<(String, Vec<usize>)> {
        let mut list = TensorList(Vec::new());
        if self.family == Family::Bert {
            self.encoder_tensors(&mut list);
        } else {
            self.decoder_tensors(&mut list);
        }
        list.0
    }

    /// Checks that every tensor of [`ModelConfig::tensors`] is there in the right shape.
    ///
    /// # Errors
    /// [`FormatError::MissingTensor`], or [`FormatError::Tensor`] for a shape that the configuration contradicts.
    pub fn check_weights(&self, weights: &dyn WeightSource) -> Result<(), FormatError> {
        for (name, expected) in self.tensors() {
            match weights.shape(&name) {
                None => return Err(FormatError::MissingTensor { name }),
                Some(shape) if shape != expected => {
                    let what = format!("its shape is {shape:?}, but the configuration asks for {expected:?}");
                    return Err(FormatError::Tensor { name, what });
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    fn decoder_tensors(&self, list: &mut TensorList) {
        let (hidden, inner) = (self.hidden, self.intermediate);
        let (queries, keys) = (self.heads * self.head_size, self.kv_heads * self.head_size);
        list.matrix("model.embed_tokens", self.vocabulary, hidden);
        for layer in 0..self.layers {
            let name = |part: &str| format!("model.layers.{layer}.{part}");
            list.norm(&name("input_layernorm"), hidden);
            list.linear(&name("self_attn.q_proj"), queries, hidden, self.qkv_bias);
            list.linear(&name("self_attn.k_proj"), keys, hidden, self.qkv_bias);
            list.linear(&name("self_attn.v_proj"), keys, hidden, self.qkv_bias);
            list.linear(&name("self_attn.o_proj"), hidden, queries, self.output_bias);
            if self.qk_norm {
                list.norm(&name("self_attn.q_norm"), self.head_size);
                list.norm(&name("self_attn.k_norm"), self.head_size);
            }
            list.norm(&name("post_attention_layernorm"), hidden);
            if self.family == Family::Gemma3 {
                list.norm(&name("pre_feedforward_layernorm"), hidden);
                list.norm(&name("post_feedforward_layernorm"), hidden);
            }
            if let Some(experts) = self.experts {
                list.matrix(&name("block_sparse_moe.gate"), experts.count, hidden);
                for expert in 0..experts.count {
                    let part = |which: &str| format!("model.layers.{layer}.block_sparse_moe.experts.{expert}.{which}");
                    list.matrix(&part("w1"), inner, hidden);
                    list.matrix(&part("w2"), hidden, inner);
                    list.matrix(&part("w3"), inner, hidden);
                }
            } else {
                list.linear(&name("mlp.gate_proj"), inner, hidden, self.mlp_bias);
                list.linear(&name("mlp.up_proj"), inner, hidden, self.mlp_bias);
                list.linear(&name("mlp.down_proj"), hidden, inner, self.mlp_bias);
            }
        }
        list.norm("model.norm", hidden);
        if !self.tied_embeddings {
            list.matrix("lm_head", self.vocabulary, hidden);
        }
    }

    fn encoder_tensors(&self, list: &mut TensorList) {
        let (hidden, inner) = (self.hidden, self.intermediate);
        list.matrix("embeddings.word_embeddings", self.vocabulary, hidden);
        list.matrix("embeddings.position_embeddings", self.context_length, hidden);
        if self.token_types > 0 {
            list.matrix("embeddings.token_type_embeddings", self.token_types, hidden);
        }
        list.layer_norm("embeddings.LayerNorm", hidden);
        for layer in 0..self.layers {
            let name = |part: &str| format!("encoder.layer.{layer}.{part}");
            for part in ["query", "key", "value"] {
                list.linear(&name(&format!("attention.self.{part}")), hidden, hidden, true);
            }
            list.linear(&name("attention.output.dense"), hidden, hidden, true);
            list.layer_norm(&name("attention.output.LayerNorm"), hidden);
            list.linear(&name("intermediate.dense"), inner, hidden, true);
            list.linear(&name("output.dense"), hidden, inner, true);
            list.layer_norm(&name("output.LayerNorm"), hidden);
        }
        if !self.classes.is_empty() {
            list.linear("pooler.dense", hidden, hidden, true);
            list.linear("classifier", self.classes.len(), hidden, true);
        }
    }
}

/// The list being made; each method appends one layer's tensors.
struct TensorList(Vec<(String, Vec<usize>)>);

impl TensorList {
    fn matrix(&mut self, layer: &str, rows: usize, columns: usize) {
        self.0.push((format!("{layer}.weight"), vec![rows, columns]));
    }

    fn linear(&mut self, layer: &str, rows: usize, columns: usize, bias: bool) {
        self.matrix(layer, rows, columns);
        if bias {
            self.0.push((format!("{layer}.bias"), vec![rows]));
        }
    }

    fn norm(&mut self, layer: &str, width: usize) {
        self.0.push((format!("{layer}.weight"), vec![width]));
    }

    fn layer_norm(&mut self, layer: &str, width: usize) {
        self.norm(layer, width);
        self.0.push((format!("{layer}.bias"), vec![width]));
    }
}
