//! Scoring every candidate of every row in one pass.

use super::super::mathematics::token_log_probabilities;
use super::bias::{self, HIDDEN};
use super::forward::{Step, Wanted};
use super::{Cache, DecoderSession};
use crate::batching::{CandidateTrie, PackLimits, ROOT, plan_packs};
use crate::cancel::Cancel;
use crate::error::EngineError;
use crate::session::OnRows;

impl DecoderSession {
    pub(super) fn score_rows(
        &mut self,
        prefix: &[u32],
        rows: &[Vec<u32>],
        trie: &CandidateTrie,
        cancel: &Cancel,
        on_rows: OnRows<'_>,
    ) -> Result<Vec<Vec<f32>>, EngineError> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let prefix = if prefix.is_empty() {
            None
        } else {
            Some(self.keep_prefix(prefix, cancel)?)
        };
        let wanted = trie.wanted();
        let lengths: Vec<usize> = rows.iter().map(|row| row.len() + trie.tokens()).collect();
        let limits = PackLimits {
            padded_tokens: self.budget.padded_tokens(),
            rows: (self.logit_limit() / wanted.len().max(1)).max(1),
        };
        let mut result = vec![Vec::new(); rows.len()];
        for pack in plan_packs(&lengths, limits) {
            if cancel.is_cancelled() {
                return Err(EngineError::Cancelled);
            }
            let pack_rows: Vec<&[u32]> = pack.iter().map(|&index| rows[index].as_slice()).collect();
            let scores = self.score_pack(prefix, &pack_rows, trie, &wanted, cancel)?;
            for (&index, scores) in pack.iter().zip(scores) {
                result[index] = scores;
            }
            on_rows(pack.len());
        }
        Ok(result)
    }

    fn score_pack(
        &mut self,
        prefix: Option<usize>,
        rows: &[&[u32]],
        trie: &CandidateTrie,
        wanted: &[Option<usize>],
        cancel: &Cancel,
    ) -> Result<Vec<Vec<f32>>, EngineError> {
        let start = prefix.map_or(0, |position| self.prefixes[position].cache.capacity);
        // A row that is too long for one run goes ahead of its candidates, in pieces; it is alone in its pack.
        let mut past: Option<Cache> = None;
        let mut done = 0;
        if let [row] = rows {
            let width = self.run_width(start + row.len());
            if row.len() + trie.tokens() > width && row.len() > 1 {
                done = row.len() - 1;
                let capacity = row.len() + trie.tokens();
                past = match self.extend_sequence(prefix, row, done, cancel)? {
                    Some(cache) => Some(self.gather(&cache, &[(0, done)], capacity)?),
                    None => None,
                };
            }
        }
        let new: Vec<&[u32]> = rows.iter().map(|row| &row[done..]).collect();
        let mut result = vec![vec![0.0; trie.nodes().len()]; rows.len()];
        // More positions than one run may give logits for are asked for in turns.
        for wanted in wanted.chunks(self.logit_limit()) {
            let step = pack_step(&new, start, done, trie, wanted);
            let children = children_of(trie, wanted);
            let tokens: Vec<Vec<u32>> = children
                .iter()
                .map(|nodes| nodes.iter().map(|&(_, token)| token).collect())
                .collect();
            let every_row: Vec<Vec<u32>> = rows.iter().flat_map(|_| tokens.iter().cloned()).collect();
            let vocabulary = self.description.vocabulary;
            let mut read = |logits: &[f32]| {
                let probabilities = token_log_probabilities(logits, vocabulary, &every_row);
                for (row, scores) in probabilities.chunks_exact(wanted.len()).enumerate() {
                    for (nodes, scores) in children.iter().zip(scores) {
                        for (&(node, _), &score) in nodes.iter().zip(scores) {
                            result[row][node] = score;
                        }
                    }
                }
            };
            self.forward(prefix, past.as_ref(), step, Wanted::Logits(&mut read))?;
        }
        Ok(result)
    }
}

/// For each wanted position, the scored nodes below it and their tokens.
fn children_of(trie: &CandidateTrie, wanted: &[Option<usize>]) -> Vec<Vec<(usize, u32)>> {
    let (nodes, children) = (trie.nodes(), trie.scored_children());
    wanted
        .iter()
        .map(|position| {
            let parent = position.map_or(ROOT, |position| trie.inner()[position]);
            let below = children.get(&parent).into_iter().flatten();
            below.map(|&node| (node, nodes[node].token)).collect()
        })
        .collect()
}

/// One run over rows that all have `past` tokens behind them: each row's tokens, then the trie's inner nodes.
fn pack_step(rows: &[&[u32]], start: usize, past: usize, trie: &CandidateTrie, wanted: &[Option<usize>]) -> Step {
    let longest = rows.iter().map(|row| row.len()).max().unwrap_or(0);
    let width = longest + trie.tokens();
    let capacity = past + width;
    let mut tokens = vec![0_i64; rows.len() * width];
    let mut positions = vec![0_i64; rows.len() * width];
    let mut bias = vec![HIDDEN; rows.len() * width * capacity];
    let mut logit_positions = Vec::with_capacity(rows.len() * wanted.len());
    let origin = (start + past) as i64;
    for (index, row) in rows.iter().enumerate() {
        let at = index * width;
        for (offset, &token) in row.iter().enumerate() {
            tokens[at + offset] = i64::from(token);
            positions[at + offset] = origin + offset as i64;
        }
        for (offset, &node) in trie.inner().iter().enumerate() {
            let node = trie.nodes()[node];
            tokens[at + row.len() + offset] = i64::from(node.token);
            positions[at + row.len() + offset] = origin + (row.len() + node.depth - 1) as i64;
        }
        bias::write_row(
            &mut bias[at * capacity..(at + width) * capacity],
            capacity,
            past,
            row.len(),
            Some(trie),
        );
        logit_positions.extend(wanted.iter().map(|position| match position {
            None => (at + row.len() - 1) as i64,
            Some(inner) => (at + row.len() + inner) as i64,
        }));
    }
    Step {
        rows: rows.len(),
        width,
        tokens,
        positions,
        capacity,
        places: rows.iter().flat_map(|_| past..capacity).collect(),
        bias,
        logit_positions,
    }
}
