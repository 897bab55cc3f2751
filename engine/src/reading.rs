//! How an encoder reads a text: whole, with the special tokens that its tokenizer puts around it.

use std::ops::Range;

use rayon::prelude::*;
use refuel_task::Truncate;

use crate::cancel::Cancel;
use crate::error::EngineError;
use crate::model::Model;
use crate::session::OnRows;
use crate::truncation::{self, Cut, RowLimit, RowTokens};

/// The most tokens of a row behind a prefix of `prefix` tokens and before `after` more.
pub(crate) fn row_limit(model: &Model, prefix: usize, after: usize) -> RowLimit {
    let tokens = model.session().row_limit(prefix, after);
    RowLimit {
        tokens,
        by_budget: tokens < model.description.context_length.saturating_sub(prefix + after),
    }
}

/// Tokens of a text with the special tokens that an encoder's tokenizer puts around it.
pub(crate) fn whole(
    model: &Model,
    text: &str,
    limit: RowLimit,
    policy: Truncate,
) -> Result<Result<RowTokens, String>, EngineError> {
    if let Some(head) = truncation::beginning(text, limit, policy) {
        let tokens = model.tokenizer.whole(head)?;
        if truncation::is_enough(tokens.len(), limit) {
            let cut = cut(model, head, tokens, limit, policy)?;
            return Ok(cut.map(|row| row.counted(true)));
        }
    }
    let tokens = model.tokenizer.whole(text)?;
    cut(model, text, tokens, limit, policy)
}

/// Of the tokens of a whole text those that fit, the special ones among them.
fn cut(
    model: &Model,
    text: &str,
    tokens: Vec<u32>,
    limit: RowLimit,
    policy: Truncate,
) -> Result<Result<RowTokens, String>, EngineError> {
    let RowLimit {
        tokens: limit,
        by_budget,
    } = limit;
    if tokens.len() <= limit {
        return Ok(Ok(RowTokens {
            tokens,
            cut: None,
            by_budget: false,
        }));
    }
    let plain = model.tokenizer.plain(text)?;
    let around = tokens.len().saturating_sub(plain.len());
    let Some(range) = policy.kept(plain.len(), limit.saturating_sub(around)) else {
        return Ok(Err(format!(
            "the input has {} tokens and only {} fit",
            plain.len(),
            limit.saturating_sub(around)
        )));
    };
    let before = (0..=around)
        .find(|&before| tokens[before..].starts_with(&plain))
        .unwrap_or(0);
    let kept = [
        &tokens[..before],
        &plain[range.clone()],
        &tokens[tokens.len() - (around - before)..],
    ]
    .concat();
    Ok(Ok(RowTokens {
        tokens: kept,
        cut: Some(Cut {
            kept: range.len(),
            all: plain.len(),
            or_more: false,
        }),
        by_budget,
    }))
}

/// Vectors of texts, in their order; what is too long is cut at its end. `on_rows` hears how many more are there.
pub(crate) fn embed(
    model: &Model,
    texts: &[&str],
    cancel: &Cancel,
    on_rows: OnRows<'_>,
) -> Result<Vec<Vec<f32>>, EngineError> {
    let limit = row_limit(model, 0, 0);
    let rows = texts
        .par_iter()
        .map(|text| Ok(whole(model, text, limit, Truncate::Head)?.map_or_else(|_| Vec::new(), |row| row.tokens)))
        .collect::<Result<Vec<_>, EngineError>>()?;
    model.session().embed(&rows, cancel, on_rows)
}

/// What an encoder says of a text, token by token.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct TokenStates {
    /// The bytes of the text that each token stands for.
    places: Vec<Range<usize>>,
    /// `[tokens, size]`.
    states: Vec<f32>,
    size: usize,
}

impl TokenStates {
    /// Adds to `sum` the mean of the states of the tokens that reach into a range of bytes; nothing where none does. Ranges
    /// come in their order: `from` is where the tokens of the one before began.
    pub(crate) fn add_mean(&self, range: &Range<usize>, from: &mut usize, sum: &mut [f32]) {
        while self.places.get(*from).is_some_and(|place| place.end <= range.start) {
            *from += 1;
        }
        let inside = self.places[*from..]
            .iter()
            .take_while(|place| place.start < range.end)
            .count();
        for token in *from..*from + inside {
            let state = &self.states[token * self.size..(token + 1) * self.size];
            sum.iter_mut()
                .zip(state)
                .for_each(|(sum, value)| *sum += value / inside as f32);
        }
    }
}

/// States of the tokens of texts, in their order. `on_rows` hears how many more windows are there.
pub(crate) fn token_states(
    model: &Model,
    texts: &[&str],
    cancel: &Cancel,
    on_rows: OnRows<'_>,
) -> Result<Vec<TokenStates>, EngineError> {
    let windows = Windows::of(model, texts)?;
    let states = model.session().states(&windows.rows, cancel, on_rows)?;
    Ok(windows.joined(states, model.description.hidden))
}

/// A text that every tokenizer knows.
const PROBE: &str = "a";

/// Texts as an encoder reads them. One that is longer than its context is read in windows, a quarter of each beside the next.
pub(crate) struct Windows {
    /// The tokens of each window, with the special ones around them.
    pub(crate) rows: Vec<Vec<u32>>,
    texts: Vec<TextWindows>,
}

/// The windows of a text.
struct TextWindows {
    /// The bytes of the text that each of its tokens stands for.
    places: Vec<Range<usize>>,
    /// Tokens of each window.
    windows: Vec<Range<usize>>,
    /// Special tokens before them.
    before: usize,
}

impl Windows {
    pub(crate) fn of(model: &Model, texts: &[&str]) -> Result<Self, EngineError> {
        let limit = row_limit(model, 0, 0).tokens;
        // What the tokenizer puts around a text is the same for all.
        let (plain, whole) = (model.tokenizer.plain(PROBE)?, model.tokenizer.whole(PROBE)?);
        let special = whole.len().saturating_sub(plain.len());
        let before = (0..=special)
            .find(|&before| whole[before..].starts_with(&plain))
            .unwrap_or(0);
        let (ahead, behind) = (&whole[..before], &whole[(before + plain.len()).min(whole.len())..]);
        let most = limit.saturating_sub(special).max(1);
        let read = texts
            .par_iter()
            .map(|text| {
                let (tokens, places) = model.tokenizer.with_places(text)?;
                let windows = windows_of(tokens.len(), most);
                let rows: Vec<Vec<u32>> = windows
                    .iter()
                    .map(|range| [ahead, &tokens[range.clone()], behind].concat())
                    .collect();
                let text = TextWindows {
                    places,
                    windows,
                    before,
                };
                Ok((rows, text))
            })
            .collect::<Result<Vec<_>, EngineError>>()?;
        let (rows, texts): (Vec<_>, Vec<_>) = read.into_iter().unzip();
        Ok(Self {
            rows: rows.into_iter().flatten().collect(),
            texts,
        })
    }

    /// For each window, the text that it is of, and what bytes of it each of its tokens stands for; None for special ones.
    pub(crate) fn places(&self) -> Vec<(usize, Vec<Option<Range<usize>>>)> {
        let mut rows = self.rows.iter();
        let mut all = Vec::with_capacity(self.rows.len());
        for (number, text) in self.texts.iter().enumerate() {
            for (range, row) in text.windows.iter().zip(rows.by_ref()) {
                let mut places = vec![None; row.len()];
                for (token, place) in text.places[range.clone()].iter().enumerate() {
                    places[text.before + token] = Some(place.clone());
                }
                all.push((number, places));
            }
        }
        all
    }

    /// The states of the tokens of each text, out of those of its windows, `[tokens, size]` each. A token has the state of the
    /// window in whose middle it is most.
    pub(crate) fn joined(self, states: Vec<Vec<f32>>, size: usize) -> Vec<TokenStates> {
        let mut next = states.into_iter();
        let joined = self.texts.into_iter().map(|text| {
            let mut all = vec![0.0; text.places.len() * size];
            for (at, range) in text.windows.iter().enumerate() {
                let own = next.next().unwrap_or_default();
                // From the middle of what this window has in common with the one before it.
                let first = match at.checked_sub(1) {
                    Some(before) => range.start.midpoint(text.windows[before].end),
                    None => 0,
                };
                let kept = first * size..range.end * size;
                let skipped = (text.before + first - range.start) * size;
                all[kept.clone()].copy_from_slice(&own[skipped..skipped + kept.len()]);
            }
            TokenStates {
                places: text.places,
                states: all,
                size,
            }
        });
        joined.collect()
    }
}

/// Windows of at most `most` tokens, a quarter of each beside the next.
fn windows_of(tokens: usize, most: usize) -> Vec<Range<usize>> {
    let mut windows = Vec::new();
    let mut end = tokens.min(most);
    loop {
        windows.push(end.saturating_sub(most)..end);
        if end == tokens {
            return windows;
        }
        end = (end + most - most / 4).min(tokens);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_reach_over_each_other_and_leave_nothing_out() {
        assert_eq!(windows_of(3, 4), vec![Range { start: 0, end: 3 }]);
        assert_eq!(windows_of(11, 4), [0..4, 3..7, 6..10, 7..11]);
        assert_eq!(windows_of(0, 4), vec![Range::default()]);
        assert_eq!(windows_of(3, 1), [0..1, 1..2, 2..3]);
    }

    #[test]
    fn a_word_has_the_mean_of_its_tokens() {
        let states = TokenStates {
            places: vec![0..2, 2..4, 5..6],
            states: vec![1.0, 3.0, 5.0],
            size: 1,
        };
        let mut from = 0;
        let mut mean = |range: Range<usize>| {
            let mut sum = [0.0];
            states.add_mean(&range, &mut from, &mut sum);
            sum[0]
        };
        let means = [mean(0..4), mean(4..5), mean(5..6)];
        assert_eq!(means.map(f32::to_bits), [2.0f32, 0.0, 5.0].map(f32::to_bits));
    }
}
