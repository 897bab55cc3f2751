//! Greedy decoding of many rows at a time.

use ort::value::Tensor;

use super::super::mathematics::greedy;
use super::super::tensors::failed;
use super::bias::{self, HIDDEN};
use super::forward::{Step, Wanted};
use super::{Cache, DecoderSession};
use crate::batching::{PackLimits, plan_packs};
use crate::cancel::Cancel;
use crate::error::EngineError;
use crate::session::{GenerateOptions, Generated, OnRows};

/// Rows that decode together at most: past this the weights are no longer what bounds the speed.
const DECODE_ROWS: usize = 32;

/// Padded tokens of the prompts that run together, as a multiple of the budget of other runs.
const PROMPT_FACTOR: usize = 4;

/// One row that is being decoded.
struct Active {
    /// Index in what the caller gave.
    row: usize,
    /// For each key that the cache holds, its position, or `None` where it is padding.
    keys: Vec<Option<i64>>,
    /// The token to run next, and its position.
    next: (u32, i64),
}

impl DecoderSession {
    pub(super) fn generate_rows(
        &mut self,
        prefix: &[u32],
        rows: &[Vec<u32>],
        options: &GenerateOptions,
        cancel: &Cancel,
        on_rows: OnRows<'_>,
    ) -> Result<Vec<Generated>, EngineError> {
        let mut result = vec![
            Generated {
                tokens: Vec::new(),
                log_probabilities: Vec::new(),
                finished: false
            };
            rows.len()
        ];
        if rows.is_empty() || options.max_tokens == 0 {
            return Ok(result);
        }
        let prefix = if prefix.is_empty() {
            None
        } else {
            Some(self.keep_prefix(prefix, cancel)?)
        };
        let lengths: Vec<usize> = rows.iter().map(Vec::len).collect();
        let longest = lengths.iter().max().copied().unwrap_or(0) + options.max_tokens;
        let cached = self.budget.cache_bytes() / (2 * longest * self.description.cache_bytes_a_token()).max(1);
        let limits = PackLimits {
            // A prompt is run once, and then a token at a time with the other rows: what counts is that they are many.
            padded_tokens: self.budget.padded_tokens * PROMPT_FACTOR,
            rows: DECODE_ROWS.min(self.logit_limit()).min(cached).max(1),
        };
        for pack in plan_packs(&lengths, limits) {
            self.generate_pack(prefix, rows, &pack, options, cancel, &mut result)?;
            on_rows(pack.len());
        }
        Ok(result)
    }

    fn generate_pack(
        &mut self,
        prefix: Option<usize>,
        rows: &[Vec<u32>],
        pack: &[usize],
        options: &GenerateOptions,
        cancel: &Cancel,
        result: &mut [Generated],
    ) -> Result<(), EngineError> {
        let start = prefix.map_or(0, |position| self.prefixes[position].cache.length);
        let (mut cache, mut active) = self.begin(prefix, start, rows, pack, cancel, options, result)?;
        while !active.is_empty() {
            if cancel.is_cancelled() {
                return Err(EngineError::Cancelled);
            }
            let step = decode_step(&active);
            let vocabulary = self.description.vocabulary;
            let mut chosen = Vec::with_capacity(active.len());
            let mut read = |logits: &[f32]| chosen.extend(logits.chunks_exact(vocabulary).map(greedy));
            let next = self.forward(prefix, Some(&cache), step, Wanted::Both(&mut read))?;
            cache = next.ok_or_else(|| self.no_cache())?;
            let mut kept = Vec::with_capacity(active.len());
            for (index, (row, (token, log_probability))) in active.iter_mut().zip(chosen).enumerate() {
                let position = row.next.1;
                row.keys.push(Some(position));
                row.next = (token, position + 1);
                if self.accept(&mut result[row.row], token, log_probability, options) {
                    kept.push(index);
                }
            }
            // Rows that are done are cut out of the cache only when many are: cutting copies all that stays.
            if kept.len() * 4 <= active.len() * 3 {
                cache = self.keep_rows(&cache, &kept)?;
                let mut index = 0;
                active.retain(|_| {
                    index += 1;
                    kept.binary_search(&(index - 1)).is_ok()
                });
            } else if kept.is_empty() {
                break;
            }
            active
                .iter_mut()
                .for_each(|row| debug_assert_eq!(row.keys.len(), cache.length));
        }
        Ok(())
    }

    /// Runs the rows themselves, and takes the first token of each.
    #[expect(
        clippy::too_many_arguments,
        reason = "one call site; a struct for it would only rename the arguments"
    )]
    fn begin(
        &mut self,
        prefix: Option<usize>,
        start: usize,
        rows: &[Vec<u32>],
        pack: &[usize],
        cancel: &Cancel,
        options: &GenerateOptions,
        result: &mut [Generated],
    ) -> Result<(Cache, Vec<Active>), EngineError> {
        let mut past = None;
        let mut done = 0;
        if let [row] = pack {
            let row = &rows[*row];
            if row.len() > self.run_width(start + row.len()) && row.len() > 1 {
                done = row.len() - 1;
                past = self.extend_sequence(prefix, row, done, cancel)?;
            }
        }
        let longest = pack.iter().map(|&row| rows[row].len()).max().unwrap_or(0);
        let width = longest - done;
        let stride = longest;
        let mut tokens = vec![0_i64; pack.len() * width];
        let mut positions = vec![0_i64; pack.len() * width];
        let mut bias = vec![HIDDEN; pack.len() * width * stride];
        let mut logit_positions = Vec::with_capacity(pack.len());
        for (index, &row) in pack.iter().enumerate() {
            let new = &rows[row][done..];
            for (offset, &token) in new.iter().enumerate() {
                tokens[index * width + offset] = i64::from(token);
                positions[index * width + offset] = (start + done + offset) as i64;
            }
            bias::write_row(
                &mut bias[index * width * stride..(index + 1) * width * stride],
                width,
                done,
                new.len(),
                None,
            );
            logit_positions.push((index * width + new.len() - 1) as i64);
        }
        let past_positions = vec![(start..start + done).map(|position| position as i64).collect(); pack.len()];
        let step = Step {
            rows: pack.len(),
            width,
            tokens,
            positions,
            bias,
            past_positions,
            logit_positions,
        };
        let vocabulary = self.description.vocabulary;
        let mut chosen = Vec::with_capacity(pack.len());
        let mut read = |logits: &[f32]| chosen.extend(logits.chunks_exact(vocabulary).map(greedy));
        let cache = self
            .forward(prefix, past.as_ref(), step, Wanted::Both(&mut read))?
            .ok_or_else(|| self.no_cache())?;
        let mut active = Vec::with_capacity(pack.len());
        let mut kept = Vec::with_capacity(pack.len());
        for (index, (&row, (token, log_probability))) in pack.iter().zip(chosen).enumerate() {
            let length = rows[row].len();
            let keys = (0..longest)
                .map(|key| (key < length).then_some((start + key) as i64))
                .collect();
            if self.accept(&mut result[row], token, log_probability, options) {
                active.push(Active {
                    row,
                    keys,
                    next: (token, (start + length) as i64),
                });
                kept.push(index);
            }
        }
        let cache = if kept.len() < pack.len() {
            self.keep_rows(&cache, &kept)?
        } else {
            cache
        };
        Ok((cache, active))
    }

    /// Adds a token to a row's text; says whether the row goes on.
    fn accept(&self, row: &mut Generated, token: u32, log_probability: f32, options: &GenerateOptions) -> bool {
        if row.finished || row.tokens.len() >= options.max_tokens {
            return false;
        }
        row.log_probabilities.push(log_probability);
        if self.description.eos_tokens.contains(&token) || options.stop_tokens.contains(&token) {
            row.finished = true;
            return false;
        }
        row.tokens.push(token);
        row.tokens.len() < options.max_tokens
    }

    /// Copies the caches of some rows.
    fn keep_rows(&self, cache: &Cache, kept: &[usize]) -> Result<Cache, EngineError> {
        let failed = failed(&self.model);
        let row_size = cache.length * self.description.head_size;
        let shape = vec![
            self.description.kv_heads as i64,
            kept.len() as i64,
            cache.length as i64,
            self.description.head_size as i64,
        ];
        let copy = |value: &ort::value::DynValue| {
            let (_, data) = value.try_extract_tensor::<f32>().map_err(&failed)?;
            let head_size = data.len() / self.description.kv_heads.max(1);
            let mut rows = Vec::with_capacity(self.description.kv_heads * kept.len() * row_size);
            for head in data.chunks_exact(head_size.max(1)) {
                for &row in kept {
                    rows.extend_from_slice(&head[row * row_size..(row + 1) * row_size]);
                }
            }
            Ok::<_, EngineError>(Tensor::from_array((shape.clone(), rows)).map_err(&failed)?.into_dyn())
        };
        let layers = cache
            .layers
            .iter()
            .map(|(key, value)| Ok((copy(key)?, copy(value)?)))
            .collect::<Result<_, EngineError>>()?;
        Ok(Cache {
            length: cache.length,
            layers,
        })
    }

    fn no_cache(&self) -> EngineError {
        EngineError::RunFailed {
            model: self.model.clone(),
            reason: "the graph gave no keys and values".to_owned(),
        }
    }
}

/// One new token a row.
fn decode_step(active: &[Active]) -> Step {
    let past = active.first().map_or(0, |row| row.keys.len());
    let mut bias = Vec::with_capacity(active.len() * (past + 1));
    for row in active {
        bias.extend(row.keys.iter().map(|key| if key.is_some() { 0.0 } else { HIDDEN }));
        bias.push(0.0);
    }
    Step {
        rows: active.len(),
        width: 1,
        tokens: active.iter().map(|row| i64::from(row.next.0)).collect(),
        positions: active.iter().map(|row| row.next.1).collect(),
        bias,
        past_positions: active
            .iter()
            .map(|row| row.keys.iter().map(|key| key.unwrap_or(0)).collect())
            .collect(),
        logit_positions: (0..active.len() as i64).collect(),
    }
}
