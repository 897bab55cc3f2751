//! Where pieces of a text stand in it.

use std::sync::LazyLock;

use regex::Regex;

use super::pieces;

/// A number as people write it, with all of its marks.
static NUMBER: LazyLock<Regex> = LazyLock::new(|| known(r"\d+(?:[.,'’]\d+|[ \u{a0}\u{202f}]\d{3}(?:[.,]\d+)?\b)*"));
/// Numbers that can be read in one way, their whole part and their fraction: digits in threes behind a mark, and a fraction behind
/// another one, or behind a comma that stands for no thousands.
static READABLE: LazyLock<[Regex; 5]> = LazyLock::new(|| {
    [
        r"^(\d{1,3}(?:,\d{3})+)(?:\.(\d+))?$",
        r"^(\d{1,3}(?:\.\d{3})+),(\d+)$",
        r"^(\d{1,3}(?:\.\d{3}){2,})()$",
        r"^(\d{1,3}(?:['’ \u{a0}\u{202f}]\d{3})+)(?:[.,](\d+))?$",
        r"^(\d+),(\d{1,2}|\d{4,})$",
    ]
    .map(known)
});

fn known(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is one")
}

/// A number of a text that begins with another one.
#[derive(Debug, PartialEq)]
pub(crate) struct WholeNumber {
    /// As JSON writes it.
    pub(crate) plain: String,
    /// As [`Places::find`] gives it.
    pub(crate) span: [u32; 2],
    /// How many there are that begin so and are not the same.
    pub(crate) among: usize,
}

/// The input, with the places where words and numbers begin and end.
pub(crate) struct Places<'a> {
    input: &'a str,
    /// Bytes before each piece, and those of all.
    edges: Vec<usize>,
}

impl<'a> Places<'a> {
    /// Of a text.
    pub(crate) fn new(input: &'a str) -> Self {
        let mut edges = vec![0];
        let mut at = 0;
        for piece in pieces(input) {
            at += piece.len();
            edges.push(at);
        }
        Self { input, edges }
    }

    /// The first place where `text` stands between two edges: its first character and the one behind its last, from 0.
    pub(crate) fn find(&self, text: &str) -> Option<[u32; 2]> {
        if text.is_empty() {
            return None;
        }
        let is_edge = |at: usize| self.edges.binary_search(&at).is_ok();
        let mut found = self.input.match_indices(text);
        let (start, _) = found.find(|(start, _)| is_edge(*start) && is_edge(start + text.len()))?;
        let before = self.input[..start].chars().count() as u32;
        Some([before, before + text.chars().count() as u32])
    }

    /// The number that is there instead of `written`, which is only its beginning: 1,299 where 1 was written, because JSON has no
    /// mark for thousands. None where `written` stands there itself, and where no number begins with it.
    pub(crate) fn whole_number(&self, written: &str) -> Option<WholeNumber> {
        if NUMBER.find_iter(self.input).any(|number| number.as_str() == written) {
            return None;
        }
        let mut longer: Vec<(String, [u32; 2])> = Vec::new();
        for number in NUMBER.find_iter(self.input) {
            let rest = number.as_str().strip_prefix(written);
            if rest.is_none_or(|rest| rest.starts_with(|first: char| first.is_ascii_digit())) {
                continue;
            }
            let Some(plain) = plain(number.as_str()) else { continue };
            if longer.iter().all(|(known, _)| *known != plain) {
                let before = self.input[..number.start()].chars().count() as u32;
                longer.push((plain, [before, before + number.as_str().chars().count() as u32]));
            }
        }
        let among = longer.len();
        let (plain, span) = longer.into_iter().next()?;
        Some(WholeNumber { plain, span, among })
    }
}

/// A number without marks of thousands and with a point before its fraction. None where it can be read in two ways, or in none.
fn plain(number: &str) -> Option<String> {
    let parts = READABLE.iter().find_map(|form| form.captures(number))?;
    let digits = |part: usize| -> String {
        let part = parts.get(part).map_or("", |part| part.as_str());
        part.chars().filter(char::is_ascii_digit).collect()
    };
    let (whole, fraction) = (digits(1), digits(2));
    // JSON knows no zeros before a number.
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        whole => whole,
    };
    Some(if fraction.is_empty() {
        whole.to_owned()
    } else {
        format!("{whole}.{fraction}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_begins_a_longer_one_is_that_one() {
        let whole = |input: &str, written: &str| {
            let found = Places::new(input).whole_number(written)?;
            Some((found.plain, found.span, found.among))
        };
        let one = |plain: &str, span| Some((plain.to_owned(), span, 1));
        assert_eq!(whole("for 1,299 only", "1"), one("1299", [4, 9]));
        assert_eq!(whole("$12,500", "12"), one("12500", [1, 7]));
        assert_eq!(whole("1.499,90 EUR", "1.499"), one("1499.90", [0, 8]));
        assert_eq!(whole("é 1 299,50 kr", "1"), one("1299.50", [2, 10]));
        assert_eq!(whole("59,90", "59"), one("59.90", [0, 5]));
        assert_eq!(whole("1,299 or 1,499", "1"), Some(("1299".to_owned(), [0, 5], 2)));
        assert_eq!(whole("1 of 1,299", "1"), None, "it stands there itself");
        assert_eq!(whole("129,900", "1"), None, "no digits are added");
        assert_eq!(whole("version 1.2.3", "1"), None, "it is no number");
        assert_eq!(whole("two", "2"), None);
    }
}
