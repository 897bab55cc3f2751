//! Rows that are longer than what a model can read.

use refuel_task::{Segment, Truncate};

use crate::error::EngineError;
use crate::tokenizer::Tokenizer;

/// Bytes of text that are taken to have a token at least. Words of ordinary text have one in four or five.
const BYTES_OF_TOKEN: usize = 32;

/// Texts with fewer bytes are always tokenized whole.
const SHORT_TEXT: usize = 64 << 10;

/// Tokens that a beginning has to have beyond those that are kept of it: what stands at the end of a text can change how
/// the last few before it are told apart, and no more than these.
const MARGIN: usize = 256;

/// A row's tokens, and what was cut off them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RowTokens {
    /// The tokens.
    pub(crate) tokens: Vec<u32>,
    /// What was cut off.
    pub(crate) cut: Option<Cut>,
    /// It was the budget that cut them off; the model could have read more.
    pub(crate) by_budget: bool,
}

/// What was cut off a row's own text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cut {
    /// Tokens that were kept.
    pub(crate) kept: usize,
    /// Tokens that there were.
    pub(crate) all: usize,
    /// There were more; they were not counted.
    pub(crate) or_more: bool,
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
    /// The same, where tokens were cut off that were not counted.
    pub(crate) fn counted(mut self, or_more: bool) -> Self {
        if let Some(cut) = &mut self.cut {
            cut.or_more = or_more;
        }
        self
    }

    /// What is said of the cut in an answer.
    pub(crate) fn note(&self) -> Option<String> {
        let why = if self.by_budget {
            "; memory for rows has no room for more"
        } else {
            ""
        };
        self.cut.map(|Cut { kept, all, or_more }| {
            let of = if or_more { "of more than" } else { "of" };
            format!("truncated: {kept} {of} {all} tokens kept{why}")
        })
    }
}

/// The beginning of a text that is far too long, where the beginning is what is kept: tokenizing the rest of it, which may
/// take a minute for 10 MB, is in vain. It ends before white space, across which no tokenizer joins words.
///
/// None for other texts, and where there is no white space to end at. What it gives has to have [enough](is_enough) tokens.
pub(crate) fn beginning(text: &str, limit: RowLimit, policy: Truncate) -> Option<&str> {
    let most = limit.tokens.saturating_mul(BYTES_OF_TOKEN).max(SHORT_TEXT);
    if policy != Truncate::Head || text.len() / 2 <= most {
        return None;
    }
    let head = &text[..text.floor_char_boundary(most)];
    let end = head.rfind(char::is_whitespace)?;
    let head = head[..end].trim_end();
    (head.len() >= most / 2).then_some(head)
}

/// Whether a beginning with so many tokens gives the same first ones as the whole text.
pub(crate) fn is_enough(tokens: usize, limit: RowLimit) -> bool {
    tokens >= limit.tokens.saturating_add(MARGIN)
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
    let mut parts = vec![(false, tokenizer.segments(before)?)];
    let mut or_more = false;
    let data = row.iter().filter(|segment| matches!(segment, Segment::Data(_))).count();
    for segment in row {
        // Several share the room by what they have; of one alone the beginning is enough.
        let head = match segment {
            Segment::Data(text) if data == 1 => beginning(text, limit, policy),
            _ => None,
        };
        let head = head.map(|text| tokenizer.plain(text)).transpose()?;
        let head = head.filter(|tokens| is_enough(tokens.len(), limit));
        or_more |= head.is_some();
        let tokens = match head {
            Some(tokens) => tokens,
            None => tokenizer.segments(std::slice::from_ref(segment))?,
        };
        parts.push((matches!(segment, Segment::Data(_)), tokens));
    }
    Ok(fit_parts(&parts, limit, policy).map(|row| row.counted(or_more)))
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
        cut: Some(Cut {
            kept,
            all: data,
            or_more: false,
        }),
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

    #[test]
    fn only_of_long_texts_whose_beginning_is_kept_is_the_rest_left_out() {
        let text = "word and ümlaut ".repeat(20_000);
        let head = beginning(&text, of(100), Truncate::Head).expect("it is long");
        assert!(text.starts_with(head) && head.len() <= SHORT_TEXT);
        assert!(text[head.len()..].starts_with(' ') && !head.ends_with(' '));
        assert_eq!(beginning(&text, of(100), Truncate::Tail), None);
        assert_eq!(beginning(&text, of(100_000), Truncate::Head), None, "it may all fit");
        assert_eq!(beginning(&"x".repeat(1 << 20), of(100), Truncate::Head), None);
        assert!(is_enough(356, of(100)) && !is_enough(355, of(100)));
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
