//! Model, part and serial numbers of two records.

use strsim::osa_distance;

use super::prepared::{Code, Prepared};

/// What the codes of two records say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct CodeAgreement {
    pub(crate) agreement: f32,
    pub(crate) coverage: f32,
    pub(crate) coverage_both: f32,
    pub(crate) near_miss: f32,
}

/// A code that is found in the other's text run together counts nearly as one that the other has.
const IN_TEXT: f32 = 0.95;
/// From here on two codes agree.
const AGREES: f32 = 0.5;

/// Compares the codes; `None` where one side has none. `highest` is the rarity of a word that is in one record alone.
pub(crate) fn compare(a: &Prepared, b: &Prepared, highest: f32) -> Option<CodeAgreement> {
    if a.codes.is_empty() || b.codes.is_empty() {
        return None;
    }
    let (left, best_left) = found(&a.codes, b, highest);
    let (right, best_right) = found(&b.codes, a, highest);
    let best = best_left.max(best_right);
    let near_miss = if left.max(right) > 0.0 {
        0.0
    } else {
        pairs(&a.codes, &b.codes)
            .map(|(a, b)| edit_similarity(&a.text, &b.text))
            .fold(0.0, f32::max)
    };
    Some(CodeAgreement {
        agreement: best,
        coverage: left.max(right),
        coverage_both: left.min(right),
        near_miss,
    })
}

/// Of the rarity of these codes, the share that the other record has; and the best single agreement, weighed by rarity.
fn found(codes: &[Code], other: &Prepared, highest: f32) -> (f32, f32) {
    let (mut mass, mut held, mut best) = (0.0, 0.0, 0f32);
    for code in codes {
        let mut agreement = other
            .codes
            .iter()
            .map(|theirs| containment(&code.text, &theirs.text))
            .fold(0.0, f32::max);
        if agreement < IN_TEXT && code.text.len() >= 5 && other.compact.contains(&*code.text) {
            agreement = IN_TEXT;
        }
        mass += code.rarity;
        held += code.rarity * agreement;
        best = best.max(agreement * code.rarity / highest);
    }
    (held / mass, best)
}

/// 1 for equal codes; length of the shorter one over that of the longer one where that begins or ends with it; else 0.
pub(crate) fn containment(a: &str, b: &str) -> f32 {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    if short == long {
        return 1.0;
    }
    let ratio = short.len() as f32 / long.len() as f32;
    let telling = short.len() >= 4 && short.bytes().any(|byte| byte.is_ascii_digit());
    if telling && ratio >= AGREES && (long.starts_with(short) || long.ends_with(short)) {
        ratio
    } else {
        0.0
    }
}

/// 1 less the edits over the length of the longer one.
pub(crate) fn edit_similarity(a: &str, b: &str) -> f32 {
    let longer = a.chars().count().max(b.chars().count());
    if longer == 0 {
        return 1.0;
    }
    1.0 - osa_distance(a, b) as f32 / longer as f32
}

fn pairs<'a>(a: &'a [Code], b: &'a [Code]) -> impl Iterator<Item = (&'a Code, &'a Code)> {
    let few = |codes: &'a [Code]| codes.iter().take(6);
    few(a).flat_map(move |left| few(b).map(move |right| (left, right)))
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "what is compared here is exact")]
mod tests {
    use super::*;

    #[test]
    fn a_code_with_a_suffix_is_the_same_in_part_and_one_with_another_digit_is_not() {
        assert_eq!(containment("nnsn667b", "nnsn667b"), 1.0);
        assert_eq!(containment("nnsn667bk", "nnsn667b"), 8.0 / 9.0);
        assert_eq!(containment("c8727an", "hewc8727an"), 0.7);
        assert_eq!(containment("dscw300", "dscw305"), 0.0);
        assert_eq!(containment("abcd", "abcde"), 0.0, "letters alone are a word");
        assert_eq!(
            edit_similarity("3000636", "3000663"),
            1.0 - 1.0 / 7.0,
            "a transposition is one edit"
        );
    }
}
