//! One run of the graph.

use std::borrow::Cow;

use ort::session::OutputSelector;
use ort::value::Tensor;

use super::super::tensors::{self, Inputs, failed, tensor};
use super::bias::{self, HIDDEN};
use super::{Cache, DecoderSession, LayerNames};
use crate::cancel::Cancel;
use crate::error::EngineError;

/// What one run computes: `rows` sequences of `width` new tokens each, padding included.
pub(super) struct Step {
    pub(super) rows: usize,
    pub(super) width: usize,
    /// `[rows, width]`.
    pub(super) tokens: Vec<i64>,
    /// `[rows, width]`.
    pub(super) positions: Vec<i64>,
    /// Places of each row's keys: as many as the past has, where there is one.
    pub(super) capacity: usize,
    /// Where the keys of the new tokens go, `[rows, width]`. The keys of a row stand in the order of their positions and without
    /// gaps, so that sums over them are made in one order, whatever stands beside the row.
    pub(super) places: Vec<usize>,
    /// `[rows, width, capacity]`.
    pub(super) bias: Vec<f32>,
    /// Indexes into `tokens`.
    pub(super) logit_positions: Vec<i64>,
}

impl Step {
    /// Indexes of `ScatterND`, `[kv_heads, rows, width, 3]`.
    fn key_places(&self, kv_heads: usize) -> Vec<i64> {
        let mut indexes = Vec::with_capacity(kv_heads * self.places.len() * 3);
        for head in 0..kv_heads {
            for (token, &place) in self.places.iter().enumerate() {
                indexes.extend([head as i64, (token / self.width) as i64, place as i64]);
            }
        }
        indexes
    }
}

/// What a run is asked for.
pub(super) enum Wanted<'r> {
    /// Logits, given to the function.
    Logits(&'r mut dyn FnMut(&[f32])),
    /// The new state of the rows.
    Cache,
    /// Both.
    Both(&'r mut dyn FnMut(&[f32])),
}

impl DecoderSession {
    /// Runs `step` behind the kept prefix and the rows' past.
    pub(super) fn forward(
        &mut self,
        prefix: Option<usize>,
        past: Option<&Cache>,
        step: Step,
        wanted: Wanted<'_>,
    ) -> Result<Option<Cache>, EngineError> {
        let failed = failed(&self.model);
        let prefix = prefix.map(|position| &self.prefixes[position].cache);
        let prefix_length = prefix.map_or(0, |cache| cache.capacity);
        let mut inputs: Inputs<'_> = Vec::with_capacity(6 + 4 * self.names.len());
        let (rows, width, capacity) = (step.rows, step.width, step.capacity);
        if let Some(window) = self.description.sliding_window {
            let sliding = bias::sliding(&step, prefix_length, window);
            let shape = vec![1, rows as i64, width as i64, (prefix_length + capacity) as i64];
            inputs.push((Cow::Borrowed("sliding_bias"), tensor(shape, sliding).map_err(&failed)?));
        }
        let (kv_heads, head_size) = (self.description.kv_heads, self.description.head_size);
        inputs.push((
            Cow::Borrowed("key_places"),
            tensor(
                vec![kv_heads as i64, rows as i64, width as i64, 3],
                step.key_places(kv_heads),
            )
            .map_err(&failed)?,
        ));
        let Step {
            tokens,
            positions,
            bias,
            logit_positions,
            ..
        } = step;
        let shape = vec![rows as i64, width as i64];
        let bias_shape = vec![1, rows as i64, width as i64, capacity as i64];
        inputs.push((
            Cow::Borrowed("attention_bias"),
            tensor(bias_shape, bias).map_err(&failed)?,
        ));
        inputs.push((
            Cow::Borrowed("input_ids"),
            tensor(shape.clone(), tokens).map_err(&failed)?,
        ));
        inputs.push((
            Cow::Borrowed("position_ids"),
            tensor(shape, positions).map_err(&failed)?,
        ));
        let logits = logit_positions.len();
        inputs.push((
            Cow::Borrowed("logit_positions"),
            tensor(vec![logits as i64], logit_positions).map_err(&failed)?,
        ));
        // No run changes its past, so that one tensor without keys serves all layers.
        let vacant = |rows: usize, places: usize| {
            let shape = [kv_heads, rows, places, head_size];
            let data = vec![0.0_f32; shape.iter().product()];
            Tensor::from_array((shape.map(|size| size as i64).to_vec(), data))
        };
        let no_prefix = vacant(1, 0).map_err(&failed)?.into_dyn();
        let no_past = vacant(rows, if past.is_some() { 0 } else { capacity })
            .map_err(&failed)?
            .into_dyn();
        for (layer, names) in self.names.iter().enumerate() {
            let LayerNames {
                prefix_key,
                prefix_value,
                past_key,
                past_value,
                ..
            } = names;
            for (cache, vacant, key_name, value_name) in [
                (prefix, &no_prefix, prefix_key, prefix_value),
                (past, &no_past, past_key, past_value),
            ] {
                let (key, value) = match cache {
                    Some(cache) => (&cache.layers[layer].0, &cache.layers[layer].1),
                    None => (vacant, vacant),
                };
                inputs.push((Cow::Borrowed(key_name), key.into()));
                inputs.push((Cow::Borrowed(value_name), value.into()));
            }
        }
        let (mut read_logits, keep) = match wanted {
            Wanted::Logits(read) => (Some(read), false),
            Wanted::Cache => (None, true),
            Wanted::Both(read) => (Some(read), true),
        };
        let mut outputs = OutputSelector::no_default();
        if read_logits.is_some() {
            outputs = outputs.with("logits");
        }
        let kept = self.names.iter().filter(|_| keep);
        for name in kept.flat_map(|names| [&names.present_key, &names.present_value]) {
            outputs = outputs.with(name);
            if let Some(memory) = &self.device {
                let shape = [kv_heads, rows, capacity, head_size];
                outputs = outputs.preallocate(name, Tensor::<f32>::new(memory, shape).map_err(&failed)?);
            }
        }
        let usual = self.budget.padded_tokens() * 4;
        let long = prefix_length + capacity > usual.max(2048);
        let arenas = self.placement.arenas.clone().filter(|_| long);
        tensors::run(
            &mut self.session,
            &self.model,
            inputs,
            outputs,
            arenas.as_deref(),
            |outputs| {
                if let Some(read) = &mut read_logits {
                    read(tensors::floats(outputs, "logits", &self.model)?);
                }
                if !keep {
                    return Ok(None);
                }
                let layers = self
                    .names
                    .iter()
                    .map(|names| {
                        Ok((
                            tensors::take(outputs, &names.present_key, &self.model)?,
                            tensors::take(outputs, &names.present_value, &self.model)?,
                        ))
                    })
                    .collect::<Result<_, EngineError>>()?;
                Ok(Some(Cache { capacity, layers }))
            },
        )
    }

    /// Runs one sequence from its start, in pieces that keep the budget, and returns its keys and values.
    pub(super) fn run_sequence(&mut self, tokens: &[u32], cancel: &Cancel) -> Result<Cache, EngineError> {
        self.extend_sequence(None, tokens, tokens.len(), cancel)?
            .ok_or_else(|| EngineError::RunFailed {
                model: self.model.clone(),
                reason: "an empty sequence has no keys and values".to_owned(),
            })
    }

    /// Runs the first `upto` of one row's `tokens` behind a kept prefix, in pieces that keep the budget.
    pub(super) fn extend_sequence(
        &mut self,
        prefix: Option<usize>,
        tokens: &[u32],
        upto: usize,
        cancel: &Cancel,
    ) -> Result<Option<Cache>, EngineError> {
        let start = prefix.map_or(0, |position| self.prefixes[position].cache.capacity);
        let mut cache: Option<Cache> = None;
        let mut done = 0;
        while done < upto {
            if cancel.is_cancelled() {
                return Err(EngineError::Cancelled);
            }
            let width = self.run_width(start + done).min(upto - done);
            let capacity = done + width;
            let past = match &cache {
                Some(cache) => Some(self.gather(cache, &[(0, done)], capacity)?),
                None => None,
            };
            let mut bias = vec![HIDDEN; width * capacity];
            bias::write_row(&mut bias, capacity, done, width, None);
            let step = Step {
                rows: 1,
                width,
                tokens: tokens[done..done + width]
                    .iter()
                    .map(|&token| i64::from(token))
                    .collect(),
                positions: (start + done..start + done + width)
                    .map(|position| position as i64)
                    .collect(),
                capacity,
                places: (done..capacity).collect(),
                bias,
                // A graph needs one position at least; its logits are not asked for.
                logit_positions: vec![0],
            };
            cache = self.forward(prefix, past.as_ref(), step, Wanted::Cache)?;
            done += width;
        }
        Ok(cache)
    }
}
