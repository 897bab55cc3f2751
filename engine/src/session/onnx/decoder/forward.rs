//! One run of the graph.

use std::borrow::Cow;

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
    /// `[rows, width, past + width]`.
    pub(super) bias: Vec<f32>,
    /// Positions of the rows' past tokens, one list a row; read by families with a sliding window.
    pub(super) past_positions: Vec<Vec<i64>>,
    /// Indexes into `tokens`.
    pub(super) logit_positions: Vec<i64>,
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
        let Step {
            rows,
            width,
            tokens,
            positions,
            bias,
            past_positions,
            logit_positions,
        } = step;
        let failed = failed(&self.model);
        let prefix = prefix.map(|position| &self.prefixes[position].cache);
        let prefix_length = prefix.map_or(0, |cache| cache.length);
        let past_length = past.map_or(0, |cache| cache.length);
        let shape = vec![rows as i64, width as i64];
        let mut inputs: Inputs<'_> = Vec::with_capacity(5 + 4 * self.names.len());
        if let Some(window) = self.description.sliding_window {
            let sliding = bias::sliding(&bias, rows, width, prefix_length, &past_positions, &positions, window);
            let shape = vec![
                1,
                rows as i64,
                width as i64,
                (prefix_length + past_length + width) as i64,
            ];
            inputs.push((Cow::Borrowed("sliding_bias"), tensor(shape, sliding).map_err(&failed)?));
        }
        let bias_shape = vec![1, rows as i64, width as i64, (past_length + width) as i64];
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
        let (kv_heads, head_size) = (self.description.kv_heads as i64, self.description.head_size as i64);
        let empty = |rows: usize| tensor::<f32>(vec![kv_heads, rows as i64, 0, head_size], Vec::new());
        for (layer, names) in self.names.iter().enumerate() {
            let LayerNames {
                prefix_key,
                prefix_value,
                past_key,
                past_value,
                ..
            } = names;
            for (cache, rows, key_name, value_name) in [
                (prefix, 1, prefix_key, prefix_value),
                (past, rows, past_key, past_value),
            ] {
                let (key, value) = match cache {
                    Some(cache) => ((&cache.layers[layer].0).into(), (&cache.layers[layer].1).into()),
                    None => (empty(rows).map_err(&failed)?, empty(rows).map_err(&failed)?),
                };
                inputs.push((Cow::Borrowed(key_name), key));
                inputs.push((Cow::Borrowed(value_name), value));
            }
        }
        let (mut read_logits, keep) = match wanted {
            Wanted::Logits(read) => (Some(read), false),
            Wanted::Cache => (None, true),
            Wanted::Both(read) => (Some(read), true),
        };
        let mut outputs = Vec::with_capacity(1 + 2 * self.names.len());
        if read_logits.is_some() {
            outputs.push("logits");
        }
        if keep {
            outputs.extend(
                self.names
                    .iter()
                    .flat_map(|names| [names.present_key.as_str(), names.present_value.as_str()]),
            );
        }
        let usual = self.budget.padded_tokens * 4;
        let long = prefix_length + past_length + width > usual.max(2048);
        let arenas = self.placement.arenas.clone().filter(|_| long);
        tensors::run(
            &mut self.session,
            &self.model,
            inputs,
            &outputs,
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
                Ok(Some(Cache {
                    length: past_length + width,
                    layers,
                }))
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
        let start = prefix.map_or(0, |position| self.prefixes[position].cache.length);
        let mut cache: Option<Cache> = None;
        let mut done = 0;
        while done < upto {
            if cancel.is_cancelled() {
                return Err(EngineError::Cancelled);
            }
            let width = self.run_width(start + done).min(upto - done);
            let mut bias = vec![HIDDEN; width * (done + width)];
            bias::write_row(&mut bias, width, done, width, None);
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
                bias,
                past_positions: vec![(start..start + done).map(|position| position as i64).collect()],
                // A graph needs one position at least; its logits are not asked for.
                logit_positions: vec![0],
            };
            cache = self.forward(prefix, cache.as_ref(), step, Wanted::Cache)?;
            done += width;
        }
        Ok(cache)
    }
}
