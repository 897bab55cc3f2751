//! A decoder compiled by us: rows stand behind a shared prefix, whose keys and values are computed once and are never
//! copied a row (Hydragen: Juravsky et al. 2024, "High-Throughput LLM Inference with Shared Prefixes").

mod bias;
mod forward;
mod gather;
mod generate;
mod score;

use ort::memory::{AllocationDevice, Allocator, AllocatorType, MemoryInfo, MemoryType};
use ort::session::Session as OrtSession;
use ort::value::DynValue;
use refuel_compiler::ModelDescription;

use super::tensors::failed;
use crate::batching::CandidateTrie;
use crate::cancel::Cancel;
use crate::error::EngineError;
use crate::guide::Guide;
use crate::session::{Budget, GenerateOptions, Generated, OnRows, Placement, Session};

/// Prefixes that are kept at a time: that of the task, that of its calibration and one more.
const KEPT_PREFIXES: usize = 3;

/// Keys and values, one pair a layer.
struct Cache {
    /// Places of a row's keys, free ones included.
    capacity: usize,
    /// Key and value of each layer, `[kv_heads, rows, capacity, head_size]`.
    layers: Vec<(DynValue, DynValue)>,
}

struct KeptPrefix {
    tokens: Vec<u32>,
    cache: Cache,
}

/// Names of one layer's tensors.
struct LayerNames {
    prefix_key: String,
    prefix_value: String,
    past_key: String,
    past_value: String,
    present_key: String,
    present_value: String,
}

/// See the module.
pub(super) struct DecoderSession {
    model: String,
    session: OrtSession,
    description: ModelDescription,
    placement: Placement,
    budget: Budget,
    /// Memory of the device that the model runs on, where keys and values stay; none on a processor.
    device: Option<Allocator>,
    names: Vec<LayerNames>,
    prefixes: Vec<KeptPrefix>,
}

impl DecoderSession {
    pub(super) fn new(
        model: String,
        session: OrtSession,
        description: ModelDescription,
        placement: Placement,
        budget: Budget,
        device: i32,
    ) -> Result<Self, EngineError> {
        let device = placement
            .is_device()
            .then(|| {
                let (kind, memory) = (AllocatorType::Device, MemoryType::Default);
                Allocator::new(&session, MemoryInfo::new(AllocationDevice::CUDA, device, kind, memory)?)
            })
            .transpose()
            .map_err(failed(&model))?;
        let names = (0..description.layers)
            .map(|layer| LayerNames {
                prefix_key: format!("prefix_key.{layer}"),
                prefix_value: format!("prefix_value.{layer}"),
                past_key: format!("past_key.{layer}"),
                past_value: format!("past_value.{layer}"),
                present_key: format!("present_key.{layer}"),
                present_value: format!("present_value.{layer}"),
            })
            .collect();
        Ok(Self {
            model,
            session,
            description,
            placement,
            budget,
            device,
            names,
            prefixes: Vec::new(),
        })
    }

    /// Tokens of one sequence that may run at once when each looks back on `behind` tokens: their attention scores, of
    /// which three copies are alive at a time, stay under the budget.
    fn run_width(&self, behind: usize) -> usize {
        let heads = self.description.heads.max(1);
        let bytes_a_key = heads * 3 * size_of::<f32>();
        let budget = self.budget.activation_bytes / bytes_a_key.max(1);
        // The largest width with width * (behind + width) <= budget.
        let behind = behind as f64;
        let width = ((behind * behind + 4.0 * budget as f64).sqrt() - behind) / 2.0;
        (width as usize).clamp(16, self.budget.padded_tokens().max(16))
    }

    /// Positions whose logits may be computed in one run.
    fn logit_limit(&self) -> usize {
        (self.budget.activation_bytes / (self.description.vocabulary.max(1) * size_of::<f32>())).max(64)
    }

    /// Position, in `prefixes`, of the kept prefix; it is run where it isn't kept yet.
    fn keep_prefix(&mut self, tokens: &[u32], cancel: &Cancel) -> Result<usize, EngineError> {
        if let Some(position) = self.prefixes.iter().position(|kept| kept.tokens == tokens) {
            let kept = self.prefixes.remove(position);
            self.prefixes.push(kept);
            return Ok(self.prefixes.len() - 1);
        }
        let cache = self.run_sequence(tokens, cancel)?;
        if self.prefixes.len() >= KEPT_PREFIXES {
            self.prefixes.remove(0);
        }
        self.prefixes.push(KeptPrefix {
            tokens: tokens.to_vec(),
            cache,
        });
        Ok(self.prefixes.len() - 1)
    }
}

impl Session for DecoderSession {
    fn description(&self) -> &ModelDescription {
        &self.description
    }

    fn placement(&self) -> &Placement {
        &self.placement
    }

    fn row_limit(&self, prefix: usize, extra: usize) -> usize {
        let context = self.description.context_length.saturating_sub(prefix + extra);
        // While a run is under way both what was there and what it makes are alive.
        let cached = self.budget.cache_bytes() / (2 * self.description.cache_bytes_a_token()).max(1);
        context.min(cached.saturating_sub(extra))
    }

    fn score(
        &mut self,
        prefix: &[u32],
        rows: &[Vec<u32>],
        trie: &CandidateTrie,
        cancel: &Cancel,
        on_rows: OnRows<'_>,
    ) -> Result<Vec<Vec<f32>>, EngineError> {
        self.score_rows(prefix, rows, trie, cancel, on_rows)
    }

    fn generate(
        &mut self,
        prefix: &[u32],
        rows: &[Vec<u32>],
        guides: Vec<Box<dyn Guide>>,
        options: &GenerateOptions,
        cancel: &Cancel,
        on_rows: OnRows<'_>,
    ) -> Result<Vec<Generated>, EngineError> {
        self.generate_rows(prefix, rows, guides, options, cancel, on_rows)
    }

    fn embed(&mut self, _: &[Vec<u32>], _: &Cancel, _: OnRows<'_>) -> Result<Vec<Vec<f32>>, EngineError> {
        Err(self.wrong_role("embed", "an encoder"))
    }

    fn states(&mut self, _: &[Vec<u32>], _: &Cancel, _: OnRows<'_>) -> Result<Vec<Vec<f32>>, EngineError> {
        Err(self.wrong_role("embed", "an encoder"))
    }

    fn classify(&mut self, _: &[Vec<u32>], _: &Cancel, _: OnRows<'_>) -> Result<Vec<Vec<f32>>, EngineError> {
        Err(self.wrong_role("classify", "a classifier"))
    }
}

impl DecoderSession {
    fn wrong_role(&self, kind: &str, needs: &'static str) -> EngineError {
        EngineError::WrongRole {
            model: self.model.clone(),
            is: "a decoder",
            kind: kind.to_owned(),
            needs,
        }
    }
}
