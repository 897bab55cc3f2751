//! How an encoder reads a text: whole, with the special tokens that its tokenizer puts around it.

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
