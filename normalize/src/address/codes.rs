//! Postal codes.

use super::words::{is_street, state};

/// The postal code in a field, with what stands before and after it.
pub(super) fn postal_code<'a>(field: &'a str, region: Option<&str>) -> Option<(String, &'a str, &'a str)> {
    let mut words: Vec<(usize, &str)> = Vec::new();
    let mut start = 0;
    for word in field.split(' ') {
        words.push((start, word));
        start += word.len() + 1;
    }
    let around = |first: usize, last: usize| {
        let (start, end) = (words[first].0, words[last].0 + words[last].1.len());
        (field[..start].trim(), field[end..].trim())
    };
    for at in (0..words.len()).rev() {
        let word = words[at].1;
        // Two words of letters and digits: SW1A 1AA, K1A 0B6.
        if at > 0 && british_or_canadian(words[at - 1].1, word) {
            let (before, after) = around(at - 1, at);
            return Some((
                format!("{} {}", words[at - 1].1.to_uppercase(), word.to_uppercase()),
                before,
                after,
            ));
        }
        // Three and two digits: 114 55 Stockholm.
        if at > 0
            && word.len() == 2
            && words[at - 1].1.len() == 3
            && word
                .bytes()
                .chain(words[at - 1].1.bytes())
                .all(|byte| byte.is_ascii_digit())
        {
            let (before, after) = around(at - 1, at);
            return Some((format!("{} {word}", words[at - 1].1), before, after));
        }
        // Four digits and two letters: 1234 AB Amsterdam.
        if at > 0
            && word.len() == 2
            && words[at - 1].1.len() == 4
            && word.bytes().all(|byte| byte.is_ascii_uppercase())
            && words[at - 1].1.bytes().all(|byte| byte.is_ascii_digit())
            && state(word).is_none()
        {
            let (before, after) = around(at - 1, at);
            return Some((format!("{} {word}", words[at - 1].1), before, after));
        }
        let digits = word
            .trim_start_matches(|letter: char| letter.is_ascii_uppercase())
            .trim_start_matches('-');
        let (first, rest) = digits.split_once('-').unwrap_or((digits, ""));
        let numeric = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let short = matches!(
            region,
            Some(
                "AT" | "CH" | "DK" | "NO" | "BE" | "NL" | "HU" | "AU" | "NZ" | "LU" | "SI" | "BG" | "ZA" | "PT" | "PH"
            )
        );
        let fits = match first.len() {
            4 => short || (at == 0 && words.len() > 1 && field.len() > 5 && !is_street(field)),
            5 => true,
            6 => matches!(
                region,
                Some("IN" | "CN" | "RU" | "SG" | "RO" | "CO" | "VN" | "KZ" | "EC")
            ),
            _ => false,
        };
        // A number in front of a street is that of a house.
        let house = at == 0 && words.len() > 1 && is_street(field);
        if numeric(first) && numeric(rest) && rest.len() <= 4 && fits && !house {
            let (before, after) = around(at, at);
            return Some((digits.to_owned(), before, after));
        }
    }
    None
}

fn british_or_canadian(first: &str, second: &str) -> bool {
    let bytes = second.as_bytes();
    let british = bytes.len() == 3 && bytes[0].is_ascii_digit() && bytes[1..].iter().all(u8::is_ascii_alphabetic);
    let canadian =
        bytes.len() == 3 && bytes[0].is_ascii_digit() && bytes[1].is_ascii_alphabetic() && bytes[2].is_ascii_digit();
    let outer = first.as_bytes();
    let letters =
        outer.first().is_some_and(u8::is_ascii_alphabetic) && outer.iter().any(u8::is_ascii_digit) && outer.len() <= 4;
    letters && (british || canadian) && outer.iter().all(u8::is_ascii_alphanumeric)
}
