//! Greedy decoding of many rows at a time.

use rayon::prelude::*;

use super::super::writing::{Bounds, Writing};
use super::bias::{self, HIDDEN};
use super::forward::{Step, Wanted};
use super::{Cache, DecoderSession};
use crate::batching::{PackLimits, plan_packs};
use crate::cancel::Cancel;
use crate::error::EngineError;
use crate::guide::Guide;
use crate::session::{GenerateOptions, Generated, OnRows};

/// Rows that decode together at most: past this the weights are no longer what bounds the speed.
const DECODE_ROWS: usize = 32;

/// The same on a device, which has many times the products a byte of weights.
const DECODE_ROWS_ON_A_DEVICE: usize = 256;

/// Padded tokens of the prompts that run together, as a multiple of the budget of other runs.
const PROMPT_FACTOR: usize = 4;

/// What a run costs beside its tokens, in tokens: the weights are read once.
const RUN_COST: f64 = 8.0;

/// Rows beside which no run is made wider for guesses: with more, products bound the speed, and a wrong guess costs as much as
/// a token. Guesses that fit into a run anyway are made.
const GUESSING_ROWS: usize = 8;

/// A softmax adds its numbers up in lanes, 16 of them where vectors have 512 bits, fewer elsewhere. Where their count is a multiple
/// of this, more places that hold nothing leave the sum of a row as it is, to the last bit.
const LANES: usize = 16;

/// How likely a guess is right when the one before it was.
const GUESS_WORTH: f64 = 0.75;

/// One row that is being decoded.
struct Active<'a> {
    writing: Writing<'a>,
    /// Keys of the row's own tokens, which have the first places. What is behind them, wrong guesses too, is free.
    keys: usize,
}

impl Active<'_> {
    /// Tokens that a run of `width` a row takes of this one: certain ones and guesses.
    fn share(&self, width: usize) -> (usize, usize) {
        let certain = self.writing.pending.len().min(width);
        let guesses = if certain == self.writing.pending.len() {
            self.writing.draft.len().min(width - certain)
        } else {
            0
        };
        (certain, guesses)
    }
}

/// What a pack is decoded with.
struct Setting<'a> {
    prefix: Option<usize>,
    /// Tokens of the prefix.
    start: usize,
    /// What the number of prefix and places is a multiple of.
    lanes: usize,
    bounds: Bounds<'a>,
    cancel: &'a Cancel,
}

impl Setting<'_> {
    /// Places for `keys` of each row, and as many more as fill the last lanes up.
    fn capacity(&self, keys: usize) -> usize {
        (self.start + keys).next_multiple_of(self.lanes) - self.start
    }
}

impl DecoderSession {
    pub(super) fn generate_rows(
        &mut self,
        prefix: &[u32],
        rows: &[Vec<u32>],
        guides: Vec<Box<dyn Guide>>,
        options: &GenerateOptions,
        cancel: &Cancel,
        on_rows: OnRows<'_>,
    ) -> Result<Vec<Generated>, EngineError> {
        let mut result = vec![Generated::default(); rows.len()];
        if rows.is_empty() || options.max_tokens == 0 {
            return Ok(result);
        }
        let prefix = if prefix.is_empty() {
            None
        } else {
            Some(self.keep_prefix(prefix, cancel)?)
        };
        let eos_tokens = self.description.eos_tokens.clone();
        let setting = Setting {
            prefix,
            // Making room copies what is there, on a device by way of the processor.
            lanes: if self.device.is_some() { 16 * LANES } else { LANES },
            start: prefix.map_or(0, |position| self.prefixes[position].cache.capacity),
            bounds: Bounds {
                vocabulary: self.description.vocabulary,
                eos_tokens: &eos_tokens,
                options,
            },
            cancel,
        };
        let mut guides: Vec<Option<Box<dyn Guide>>> = if guides.is_empty() {
            rows.iter().map(|_| None).collect()
        } else {
            guides.into_iter().map(Some).collect()
        };
        let lengths: Vec<usize> = rows.iter().map(Vec::len).collect();
        let longest = lengths.iter().max().copied().unwrap_or(0) + options.max_tokens;
        let cached = self.budget.cache_bytes() / (2 * longest * self.description.cache_bytes_a_token()).max(1);
        let decode_rows = match self.device {
            None => DECODE_ROWS,
            Some(_) => DECODE_ROWS_ON_A_DEVICE,
        };
        let limits = PackLimits {
            // A prompt is run once, and then a token at a time with the other rows: what counts is that they are many.
            padded_tokens: self.budget.padded_tokens() * PROMPT_FACTOR,
            rows: decode_rows.min(self.logit_limit()).min(cached).max(1),
        };
        for pack in plan_packs(&lengths, limits) {
            // What a guide forces is run with the prompt.
            let writings: Vec<Writing<'_>> = pack
                .iter()
                .map(|&row| (row, guides[row].take()))
                .collect::<Vec<_>>()
                .into_par_iter()
                .map(|(row, guide)| Writing::new(row, &rows[row], guide, &setting.bounds))
                .collect();
            self.generate_pack(&setting, rows, writings, &mut result)?;
            on_rows(pack.len());
        }
        Ok(result)
    }

    fn generate_pack(
        &mut self,
        setting: &Setting<'_>,
        rows: &[Vec<u32>],
        writings: Vec<Writing<'_>>,
        result: &mut [Generated],
    ) -> Result<(), EngineError> {
        let (open, closed): (Vec<_>, Vec<_>) = writings.into_iter().partition(|writing| !writing.done);
        for writing in closed {
            result[writing.row] = writing.text;
        }
        if open.is_empty() {
            return Ok(());
        }
        let (mut cache, mut active) = self.begin(setting, rows, open)?;
        loop {
            let done = active.iter().filter(|row| row.writing.done).count();
            if done == active.len() {
                break;
            }
            let width = width_of(&active, self.logit_limit());
            let needed = active.iter().map(|row| row.keys + width).max().unwrap_or(0);
            // Rows that are done are cut out of the cache only when they are many: cutting copies all that stays.
            if done * 4 >= active.len() || needed > cache.capacity {
                cache = self.compact(setting, &cache, &mut active, width, result)?;
            }
            if setting.cancel.is_cancelled() {
                return Err(EngineError::Cancelled);
            }
            cache = self.step(setting, &cache, &mut active, width)?;
        }
        for row in active {
            result[row.writing.row] = row.writing.text;
        }
        Ok(())
    }

    /// Runs what is pending of each row, and guesses.
    fn step(
        &mut self,
        setting: &Setting<'_>,
        cache: &Cache,
        active: &mut [Active<'_>],
        width: usize,
    ) -> Result<Cache, EngineError> {
        let (step, shares) = decode_step(active, setting.start, cache.capacity, width);
        let vocabulary = setting.bounds.vocabulary;
        let mut read = |logits: &[f32]| {
            let mut left = logits;
            let mut slices = Vec::with_capacity(shares.len());
            for (row, &(certain, guesses)) in active.iter().zip(&shares) {
                let wanted = if row.writing.done || certain < row.writing.pending.len() {
                    0
                } else {
                    1 + guesses
                };
                let (own, others) = left.split_at((wanted * vocabulary).min(left.len()));
                slices.push(own);
                left = others;
            }
            active
                .par_iter_mut()
                .zip(slices)
                .zip(&shares)
                .for_each(|((row, logits), &(certain, guesses))| {
                    if row.writing.done {
                        return;
                    }
                    row.keys += certain;
                    if logits.is_empty() {
                        row.writing.pending.drain(..certain);
                    } else {
                        row.writing.draft.truncate(guesses);
                        row.keys += row.writing.read(logits, &setting.bounds);
                    }
                });
        };
        let next = self.forward(setting.prefix, Some(cache), step, Wanted::Both(&mut read))?;
        next.ok_or_else(|| self.no_cache())
    }

    /// Runs the rows themselves with what is forced behind them, and takes the first token of each.
    fn begin<'r>(
        &mut self,
        setting: &Setting<'_>,
        rows: &[Vec<u32>],
        mut writings: Vec<Writing<'r>>,
    ) -> Result<(Cache, Vec<Active<'r>>), EngineError> {
        let start = setting.start;
        let whole: Vec<Vec<u32>> = writings
            .iter_mut()
            .map(|writing| {
                // Guesses are made where there is a text.
                writing.draft.clear();
                [rows[writing.row].as_slice(), &writing.pending].concat()
            })
            .collect();
        let mut past = None;
        let mut done = 0;
        if let [row] = whole.as_slice()
            && row.len() > self.run_width(start + row.len())
            && row.len() > 1
        {
            done = row.len() - 1;
            past = self.extend_sequence(setting.prefix, row, done, setting.cancel)?;
        }
        let longest = whole.iter().map(Vec::len).max().unwrap_or(0);
        let width = longest - done;
        let capacity = setting.capacity(longest + 1);
        if let Some(cache) = &past {
            past = Some(self.gather(cache, &[(0, done)], capacity)?);
        }
        let mut tokens = vec![0_i64; whole.len() * width];
        let mut positions = vec![0_i64; whole.len() * width];
        let mut bias = vec![HIDDEN; whole.len() * width * capacity];
        let mut logit_positions = Vec::with_capacity(whole.len());
        for (index, row) in whole.iter().enumerate() {
            let new = &row[done..];
            for (offset, &token) in new.iter().enumerate() {
                tokens[index * width + offset] = i64::from(token);
                positions[index * width + offset] = (start + done + offset) as i64;
            }
            bias::write_row(
                &mut bias[index * width * capacity..(index + 1) * width * capacity],
                capacity,
                done,
                new.len(),
                None,
            );
            logit_positions.push((index * width + new.len() - 1) as i64);
        }
        let step = Step {
            rows: whole.len(),
            width,
            tokens,
            positions,
            capacity,
            places: whole.iter().flat_map(|_| done..longest).collect(),
            bias,
            logit_positions,
        };
        let vocabulary = setting.bounds.vocabulary;
        let mut read = |logits: &[f32]| {
            writings
                .par_iter_mut()
                .zip(logits.par_chunks_exact(vocabulary))
                .for_each(|(writing, logits)| {
                    writing.read(logits, &setting.bounds);
                });
        };
        let cache = self
            .forward(setting.prefix, past.as_ref(), step, Wanted::Both(&mut read))?
            .ok_or_else(|| self.no_cache())?;
        if let Some(states) = setting.bounds.options.opening.and_then(|opening| opening.states) {
            for (index, writing) in writings.iter_mut().enumerate() {
                let token = rows[writing.row].len().saturating_sub(1 + states.behind);
                writing.text.states = self.values_at(&cache, states, index, token)?;
            }
        }
        let active = writings
            .into_iter()
            .zip(&whole)
            .map(|(writing, row)| Active {
                writing,
                keys: row.len(),
            })
            .collect();
        Ok((cache, active))
    }

    /// Cuts the rows that are done out of the cache, and makes room for `width` more tokens.
    fn compact(
        &self,
        setting: &Setting<'_>,
        cache: &Cache,
        active: &mut Vec<Active<'_>>,
        width: usize,
        result: &mut [Generated],
    ) -> Result<Cache, EngineError> {
        let mut kept = Vec::with_capacity(active.len());
        let mut index = 0;
        active.retain_mut(|row| {
            index += 1;
            if row.writing.done {
                result[row.writing.row] = std::mem::take(&mut row.writing.text);
                return false;
            }
            kept.push((index - 1, row.keys));
            true
        });
        let longest = kept.iter().map(|&(_, keys)| keys).max().unwrap_or(0);
        self.gather(cache, &kept, setting.capacity(longest + width))
    }

    fn no_cache(&self) -> EngineError {
        EngineError::RunFailed {
            model: self.model.clone(),
            reason: "the graph gave no keys and values".to_owned(),
        }
    }
}

/// How many tokens a row the next run has: as many as give the most of a text for what the run costs, padding included.
fn width_of(active: &[Active<'_>], logits: usize) -> usize {
    let is_guessing = active.len() <= GUESSING_ROWS;
    let open: Vec<(usize, usize)> = active
        .iter()
        .filter(|row| !row.writing.done)
        .map(|row| {
            let guesses = if is_guessing { row.writing.draft.len() } else { 0 };
            (row.writing.pending.len(), guesses)
        })
        .collect();
    let most = open
        .iter()
        .map(|(certain, guesses)| certain + guesses)
        .max()
        .unwrap_or(1);
    let worth = |width: usize| {
        let gained: f64 = open
            .iter()
            .map(|&(certain, guesses)| {
                let guessed = guesses.min(width.saturating_sub(certain)) as i32;
                certain.min(width) as f64 + (1..=guessed).map(|guess| GUESS_WORTH.powi(guess)).sum::<f64>()
            })
            .sum();
        gained / (RUN_COST + (active.len() * width) as f64)
    };
    // Every guess asks for logits.
    let most = most.min((logits / active.len().max(1)).max(1));
    (2..=most).fold(1, |best, width| if worth(width) > worth(best) { width } else { best })
}

/// A run of `width` tokens a row behind a prefix of `start`, and what of each row it takes.
fn decode_step(active: &[Active<'_>], start: usize, capacity: usize, width: usize) -> (Step, Vec<(usize, usize)>) {
    let mut tokens = vec![0_i64; active.len() * width];
    let mut positions = vec![0_i64; active.len() * width];
    let mut bias = vec![HIDDEN; active.len() * width * capacity];
    let mut logit_positions = Vec::with_capacity(active.len());
    let mut shares = Vec::with_capacity(active.len());
    for (index, row) in active.iter().enumerate() {
        let (certain, guesses) = if row.writing.done { (0, 0) } else { row.share(width) };
        let run = row.writing.pending[..certain]
            .iter()
            .chain(&row.writing.draft[..guesses]);
        for (offset, &token) in run.enumerate() {
            tokens[index * width + offset] = i64::from(token);
            positions[index * width + offset] = (start + row.keys + offset) as i64;
        }
        bias::write_row(
            &mut bias[index * width * capacity..(index + 1) * width * capacity],
            capacity,
            row.keys,
            certain + guesses,
            None,
        );
        if certain > 0 && certain == row.writing.pending.len() {
            logit_positions.extend((0..=guesses).map(|guess| (index * width + certain - 1 + guess) as i64));
        }
        shares.push((certain, guesses));
    }
    if logit_positions.is_empty() {
        // A graph needs one position at least; its logits are not read.
        logit_positions.push(0);
    }
    let step = Step {
        rows: active.len(),
        width,
        tokens,
        positions,
        capacity,
        // Padding writes to places that are free.
        places: active.iter().flat_map(|row| row.keys..row.keys + width).collect(),
        bias,
        logit_positions,
    };
    (step, shares)
}
