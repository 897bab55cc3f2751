//! Rows that are longer than what a model can read.

use refuel_task::{Segment, Truncate};

use crate::error::EngineError;
use crate::tokenizer::Tokenizer;

/// A row's tokens, and what was cut off them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RowTokens {
    /// The tokens.
    pub(crate) tokens: Vec<u32>,
    /// Tokens of the row's own text that were kept, and that there were, where some were cut off.
    pub(crate) cut: Option<(usize, usize)>,
    /// It was the budget that cut them off; the model could have read more.
    pub(crate) by_budget: bool,
}

/// How long a row may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RowLimit {
    /// Tokens.
    pub(crate) tokens: usize,
    /// The model could read more; the budget has no room for it.
    pub(crate) by_budget: bool,
}

impl RowTokens {
    /// What is said of the cut in an answer.
    pub(crate) fn note(&self) -> Option<String> {
        let why = if self.by_budget {
            "; memory for rows has no room for more"
        } else {
            ""
        };
        self.cut
            .map(|(kept, all)| format!("truncated: {kept} of {all} tokens kept{why}"))
    }
}

/// Tokens of `before` and of a row's prompt behind it, the row's own text cut so that all of it keeps `limit`.
///
/// Only [`Segment::Data`] of `row` is cut. Where there are several (the sides of a `match`), they share the room.
///
/// # Errors
/// Inside: why the row can't be asked, where the policy is to fail or where nothing of it would be left.
pub(crate) fn fit(
    tokenizer: &Tokenizer,
    before: &[Segment],
    row: &[Segment],
    limit: RowLimit,
    policy: Truncate,
) -> Result<Result<RowTokens, String>, EngineError> {
    let before = tokenizer.segments(before)?;
    let parts = std::iter::once(Ok((false, before)))
        .chain(row.iter().map(|segment| {
            Ok((
                matches!(segment, Segment::Data(_)),
                tokenizer.segments(std::slice::from_ref(segment))?,
            ))
        }))
        .collect::<Result<Vec<(bool, Vec<u32>)>, EngineError>>()?;
    Ok(fit_parts(&parts, limit, policy))
}

fn fit_parts(parts: &[(bool, Vec<u32>)], limit: RowLimit, policy: Truncate) -> Result<RowTokens, String> {
    let RowLimit {
        tokens: limit,
        by_budget,
    } = limit;
    let lengths: Vec<usize> = parts
        .iter()
        .filter(|(data, _)| *data)
        .map(|(_, tokens)| tokens.len())
        .collect();
    let data: usize = lengths.iter().sum();
    let fixed: usize = parts
        .iter()
        .filter(|(data, _)| !data)
        .map(|(_, tokens)| tokens.len())
        .sum();
    if fixed + data <= limit {
        let tokens = parts.iter().flat_map(|(_, tokens)| tokens).copied().collect();
        return Ok(RowTokens {
            tokens,
            cut: None,
            by_budget: false,
        });
    }
    let room = limit.saturating_sub(fixed);
    if room == 0 {
        return Err(format!(
            "the prompt leaves no room for the input: {limit} tokens fit and it takes {fixed} itself"
        ));
    }
    let Some(ranges) = policy.kept_of(&lengths, room) else {
        return Err(format!("the input has {data} tokens and only {room} fit"));
    };
    let kept = ranges.iter().map(ExactSizeIterator::len).sum();
    let mut ranges = ranges.into_iter();
    let mut tokens = Vec::with_capacity(limit);
    for (is_data, part) in parts {
        match is_data.then(|| ranges.next()).flatten() {
            Some(range) => tokens.extend_from_slice(&part[range]),
            None => tokens.extend_from_slice(part),
        }
    }
    Ok(RowTokens {
        tokens,
        cut: Some((kept, data)),
        by_budget,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(tokens: usize) -> RowLimit {
        RowLimit {
            tokens,
            by_budget: false,
        }
    }

    #[test]
    fn only_the_rows_own_text_is_cut() {
        let parts = [(false, vec![1, 2]), (true, vec![10, 11, 12, 13]), (false, vec![3])];
        let cut = fit_parts(&parts, of(5), Truncate::Head).expect("it fits");
        assert_eq!(cut.tokens, [1, 2, 10, 11, 3]);
        assert_eq!(cut.note().as_deref(), Some("truncated: 2 of 4 tokens kept"));
        assert_eq!(
            fit_parts(&parts, of(5), Truncate::Tail).expect("it fits").tokens,
            [1, 2, 12, 13, 3]
        );
        assert_eq!(
            fit_parts(&parts, of(5), Truncate::Middle).expect("it fits").tokens,
            [1, 2, 11, 12, 3]
        );
        assert!(fit_parts(&parts, of(5), Truncate::Error).is_err());
        assert!(
            fit_parts(&parts, of(3), Truncate::Head).is_err(),
            "nothing of the row would be left"
        );
    }

    proptest! {
        #[test]
        fn what_is_left_fits_and_what_fits_is_left(
            sizes in prop::collection::vec((any::<bool>(), 0_usize..40), 1..6),
            limit in 0_usize..120,
        ) {
            let parts: Vec<(bool, Vec<u32>)> = sizes.iter().map(|&(data, size)| (data, vec![7; size])).collect();
            let all: usize = sizes.iter().map(|&(_, size)| size).sum();
            match fit_parts(&parts, of(limit), Truncate::Head) {
                Ok(row) => {
                    prop_assert!(row.tokens.len() <= limit);
                    prop_assert_eq!(row.cut.is_none(), all <= limit);
                }
                Err(_) => prop_assert!(all > limit),
            }
        }
    }
}
