//! A decoder as exporters write it: `past_key_values.N.key|value` in, `present.N.key|value` out.
//!
//! Such a graph has one causal order a sequence, so that candidates can't share a run as a tree: each longest path of the
//! trie is a sequence of its own behind a copy of the prefix's keys and values. Right, and slower than a graph of ours.

use std::borrow::Cow;

use half::f16;
use ort::session::{Session as OrtSession, SessionInputValue};
use ort::value::DynValue;
use refuel_compiler::{GraphInterface, ModelDescription};

use super::mathematics::token_log_probabilities;
use super::tensors::{self, Inputs, failed, tensor};
use super::writing::{Bounds, Writing};
use crate::batching::{CandidateTrie, PackLimits, ROOT, plan_packs};
use crate::cancel::Cancel;
use crate::error::EngineError;
use crate::guide::Guide;
use crate::session::{Budget, GenerateOptions, Generated, OnRows, Placement, Session};

/// Sequences that run together at most.
const MOST_SEQUENCES: usize = 64;

/// Keys and values of one sequence, `[kv_heads, length, head_size]` each.
#[derive(Clone, Default)]
struct Past {
    length: usize,
    layers: Vec<[Vec<f32>; 2]>,
}

/// See the module.
pub(super) struct ExportedSession {
    model: String,
    session: OrtSession,
    description: ModelDescription,
    placement: Placement,
    budget: Budget,
    position_ids: bool,
    half_precision: bool,
    attention_mask: bool,
    prefix: Option<(Vec<u32>, Past)>,
}

impl ExportedSession {
    pub(super) fn new(
        model: String,
        session: OrtSession,
        description: ModelDescription,
        placement: Placement,
        budget: Budget,
    ) -> Self {
        let (position_ids, half_precision) = match &description.interface {
            GraphInterface::ExportedDecoder {
                position_ids,
                cache_type,
            } => (*position_ids, cache_type == "f16"),
            _ => (false, false),
        };
        let attention_mask = session.inputs().iter().any(|input| input.name() == "attention_mask");
        Self {
            model,
            session,
            description,
            placement,
            budget,
            position_ids,
            half_precision,
            attention_mask,
            prefix: None,
        }
    }

    /// Runs sequences behind copies of `past` and gives `read` the logits, `[rows, width, vocabulary]`.
    fn forward(
        &mut self,
        past: &Past,
        sequences: &[Vec<u32>],
        keep: bool,
        mut read: impl FnMut(&[f32], usize),
    ) -> Result<Option<Past>, EngineError> {
        let failed = failed(&self.model);
        let rows = sequences.len();
        let width = sequences.iter().map(Vec::len).max().unwrap_or(0);
        let total = past.length + width;
        let mut ids = vec![0_i64; rows * width];
        let mut positions = vec![0_i64; rows * width];
        let mut mask = vec![0_i64; rows * total];
        for (row, sequence) in sequences.iter().enumerate() {
            mask[row * total..row * total + past.length + sequence.len()].fill(1);
            for (offset, &token) in sequence.iter().enumerate() {
                ids[row * width + offset] = i64::from(token);
                positions[row * width + offset] = (past.length + offset) as i64;
            }
        }
        let shape = vec![rows as i64, width as i64];
        let mut inputs: Inputs<'_> = vec![(Cow::Borrowed("input_ids"), tensor(shape.clone(), ids).map_err(&failed)?)];
        if self.attention_mask {
            let shape = vec![rows as i64, total as i64];
            inputs.push((Cow::Borrowed("attention_mask"), tensor(shape, mask).map_err(&failed)?));
        }
        if self.position_ids {
            inputs.push((
                Cow::Borrowed("position_ids"),
                tensor(shape, positions).map_err(&failed)?,
            ));
        }
        for layer in 0..self.description.layers {
            for (side, name) in ["key", "value"].into_iter().enumerate() {
                let one: &[f32] = past.layers.get(layer).map_or(&[], |sides| &sides[side]);
                let value = self.past_tensor(one, past.length, rows).map_err(&failed)?;
                inputs.push((Cow::Owned(format!("past_key_values.{layer}.{name}")), value));
            }
        }
        let names: Vec<[String; 2]> = (0..self.description.layers)
            .map(|layer| [format!("present.{layer}.key"), format!("present.{layer}.value")])
            .collect();
        let mut wanted = vec!["logits"];
        if keep {
            wanted.extend(names.iter().flatten().map(String::as_str));
        }
        tensors::run(
            &mut self.session,
            &self.model,
            inputs,
            tensors::named(&wanted),
            self.placement.arenas.as_deref().filter(|_| total > 2048),
            |outputs| {
                let logits = outputs
                    .get("logits")
                    .map(|value| numbers(value, &self.model))
                    .transpose()?
                    .unwrap_or_default();
                read(&logits, width);
                if !keep {
                    return Ok(None);
                }
                let read = |name: &str| {
                    let value = outputs.get(name).ok_or_else(|| EngineError::RunFailed {
                        model: self.model.clone(),
                        reason: format!("the graph gave no output `{name}`"),
                    })?;
                    numbers(value, &self.model)
                };
                let layers = names
                    .iter()
                    .map(|[key, value]| Ok([read(key)?, read(value)?]))
                    .collect::<Result<_, EngineError>>()?;
                Ok(Some(Past { length: total, layers }))
            },
        )
    }

    fn past_tensor(&self, one: &[f32], length: usize, rows: usize) -> ort::Result<SessionInputValue<'static>> {
        let shape = vec![
            rows as i64,
            self.description.kv_heads as i64,
            length as i64,
            self.description.head_size as i64,
        ];
        let all = one.repeat(rows);
        if self.half_precision {
            return tensor(shape, all.iter().map(|&value| f16::from_f32(value)).collect());
        }
        tensor(shape, all)
    }

    fn keep_prefix(&mut self, tokens: &[u32], cancel: &Cancel) -> Result<Past, EngineError> {
        if let Some((kept, past)) = &self.prefix
            && kept == tokens
        {
            return Ok(past.clone());
        }
        let past = self.run_in_pieces(&Past::default(), tokens, cancel)?;
        self.prefix = Some((tokens.to_vec(), past.clone()));
        Ok(past)
    }

    fn run_in_pieces(&mut self, past: &Past, tokens: &[u32], cancel: &Cancel) -> Result<Past, EngineError> {
        let mut past = past.clone();
        for piece in tokens.chunks(self.pieces()) {
            if cancel.is_cancelled() {
                return Err(EngineError::Cancelled);
            }
            past = self
                .forward(&past, &[piece.to_vec()], true, |_, _| {})?
                .unwrap_or_default();
        }
        Ok(past)
    }

    /// Tokens that may run at once: the graph gives logits for every one of them.
    fn pieces(&self) -> usize {
        let logits = self.budget.activation_bytes / (self.description.vocabulary.max(1) * size_of::<f32>());
        logits.clamp(16, self.budget.padded_tokens().max(16))
    }

    fn wrong_role(&self, kind: &str, needs: &'static str) -> EngineError {
        EngineError::WrongRole {
            model: self.model.clone(),
            is: "a decoder",
            kind: kind.to_owned(),
            needs,
        }
    }
}

/// An output's numbers in single precision, whatever the graph's own precision is.
fn numbers(value: &DynValue, model: &str) -> Result<Vec<f32>, EngineError> {
    if let Ok((_, data)) = value.try_extract_tensor::<f32>() {
        return Ok(data.to_vec());
    }
    let (_, data) = value.try_extract_tensor::<f16>().map_err(failed(model))?;
    Ok(data.iter().map(|value| value.to_f32()).collect())
}

/// The inner nodes below which there are no inner nodes: the ends of the longest sequences that must run.
fn longest_paths(trie: &CandidateTrie) -> Vec<Vec<usize>> {
    let inner = trie.inner();
    let ends = inner
        .iter()
        .filter(|&&end| !inner.iter().any(|&other| trie.nodes()[other].parent == end));
    let path = |mut node: usize| {
        let mut path = Vec::new();
        while node != ROOT {
            path.push(node);
            node = trie.nodes()[node].parent;
        }
        path.reverse();
        path
    };
    let paths: Vec<Vec<usize>> = ends.map(|&end| path(end)).collect();
    if paths.is_empty() { vec![Vec::new()] } else { paths }
}

impl Session for ExportedSession {
    fn description(&self) -> &ModelDescription {
        &self.description
    }

    fn placement(&self) -> &Placement {
        &self.placement
    }

    fn row_limit(&self, prefix: usize, extra: usize) -> usize {
        let token = self.description.cache_bytes_a_token();
        let cached = (self.budget.cache_bytes() / (3 * token).max(1)).saturating_sub(prefix + extra);
        self.description
            .context_length
            .saturating_sub(prefix + extra)
            .min(cached.max(16))
    }

    fn score(
        &mut self,
        prefix: &[u32],
        rows: &[Vec<u32>],
        trie: &CandidateTrie,
        cancel: &Cancel,
        on_rows: OnRows<'_>,
    ) -> Result<Vec<Vec<f32>>, EngineError> {
        let past = self.keep_prefix(prefix, cancel)?;
        let paths = longest_paths(trie);
        let children = trie.scored_children();
        let (nodes, vocabulary) = (trie.nodes(), self.description.vocabulary);
        let mut result = Vec::with_capacity(rows.len());
        for row in rows {
            // All but the row's last token, whose logits are wanted, run once; the paths stand behind it.
            let head = row.len().saturating_sub(1);
            let past = if head > 0 {
                self.run_in_pieces(&past, &row[..head], cancel)?
            } else {
                past.clone()
            };
            let sequences: Vec<Vec<u32>> = paths
                .iter()
                .map(|path| {
                    row[head..]
                        .iter()
                        .copied()
                        .chain(path.iter().map(|&node| nodes[node].token))
                        .collect()
                })
                .collect();
            let lengths: Vec<usize> = sequences.iter().map(Vec::len).collect();
            let mut scores = vec![0.0; nodes.len()];
            // Such a graph wants the past once a sequence.
            let past_bytes = (past.length + 1) * self.description.cache_bytes_a_token();
            let limits = PackLimits {
                padded_tokens: self.pieces(),
                rows: (self.budget.cache_bytes() / (2 * past_bytes)).clamp(1, MOST_SEQUENCES),
            };
            for pack in plan_packs(&lengths, limits) {
                if cancel.is_cancelled() {
                    return Err(EngineError::Cancelled);
                }
                let batch: Vec<Vec<u32>> = pack.iter().map(|&index| sequences[index].clone()).collect();
                self.forward(&past, &batch, false, |logits, width| {
                    for (slot, &index) in pack.iter().enumerate() {
                        let parents = std::iter::once(ROOT).chain(paths[index].iter().copied());
                        for (offset, parent) in parents.enumerate() {
                            let at = (slot * width + offset) * vocabulary;
                            let below = children.get(&parent).map_or(&[][..], Vec::as_slice);
                            let tokens = below.iter().map(|&node| nodes[node].token).collect();
                            let found = token_log_probabilities(&logits[at..at + vocabulary], vocabulary, &[tokens]);
                            below
                                .iter()
                                .zip(&found[0])
                                .for_each(|(&node, &score)| scores[node] = score);
                        }
                    }
                })?;
            }
            result.push(scores);
            on_rows(1);
        }
        Ok(result)
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
        let kept = self.keep_prefix(prefix, cancel)?;
        let vocabulary = self.description.vocabulary;
        let eos_tokens = self.description.eos_tokens.clone();
        let bounds = Bounds {
            vocabulary,
            eos_tokens: &eos_tokens,
            options,
        };
        let mut guides = guides.into_iter();
        let mut result = Vec::with_capacity(rows.len());
        for (index, row) in rows.iter().enumerate() {
            let mut writing = Writing::new(index, row, guides.next(), &bounds);
            let head = row.len().saturating_sub(1);
            let mut past = self.run_in_pieces(&kept, &row[..head], cancel)?;
            let mut next: Vec<u32> = row[head..].to_vec();
            while !writing.done {
                if cancel.is_cancelled() {
                    return Err(EngineError::Cancelled);
                }
                next.extend_from_slice(&writing.pending);
                // What such a graph has run of a wrong guess can't be taken back.
                writing.draft.clear();
                let read = |logits: &[f32], width: usize| {
                    writing.read(&logits[(width - 1) * vocabulary..width * vocabulary], &bounds);
                };
                past = self
                    .forward(&past, &[std::mem::take(&mut next)], true, read)?
                    .unwrap_or_default();
            }
            result.push(writing.text);
            on_rows(1);
        }
        Ok(result)
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
