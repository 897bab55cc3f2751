//! What a text is compared by: words, codes, numbers and quantities.

mod dates;
mod normalize;
mod numbers;
mod quantity;
mod tokens;
mod trigrams;

pub(crate) use dates::{day_number, parse_date};
pub(crate) use normalize::{compact, normalize};
pub(crate) use numbers::parse_number;
pub(crate) use quantity::{Dimension, Quantity};
pub(crate) use tokens::{Tokens, tokenize};
pub(crate) use trigrams::Trigrams;

use twox_hash::XxHash64;

/// A hash of a text that is the same on every machine and in every version: statistics are saved under it.
pub(crate) fn stable_hash(text: &str) -> u64 {
    XxHash64::oneshot(0, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_that_are_saved_never_change() {
        assert_eq!(stable_hash("refuel"), XxHash64::oneshot(0, b"refuel"));
        assert_eq!(stable_hash(""), 0xef46_db37_51d8_e999);
    }
}
