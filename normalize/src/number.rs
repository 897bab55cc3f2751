//! Numbers, in digits of any script and in words of several languages.

use std::ops::Range;

use serde_json::json;
use text2num::{Language, text2digits};

use crate::outcome::{Canonical, Found, Outcome};
use crate::settings::Settings;
use crate::text::{plain, words};

/// A number in a text, with what it may mean.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Number {
    /// Bytes of the plain text, with the sign.
    pub(crate) span: Range<usize>,
    /// Its digits with `.` before decimals, the likeliest first.
    pub(crate) readings: Vec<String>,
    /// Whether a percent sign follows, which belongs to the span.
    pub(crate) percent: bool,
}

/// Words after a number that multiply it.
const SCALES: [(&str, i32); 22] = [
    ("k", 3),
    ("thousand", 3),
    ("tausend", 3),
    ("mille", 3),
    ("mil", 3),
    ("m", 6),
    ("mn", 6),
    ("mm", 6),
    ("mio", 6),
    ("million", 6),
    ("millions", 6),
    ("millionen", 6),
    ("millones", 6),
    ("milhões", 6),
    ("b", 9),
    ("bn", 9),
    ("billion", 9),
    ("billions", 9),
    ("mrd", 9),
    ("milliarden", 9),
    ("lakh", 5),
    ("crore", 7),
];

/// The numbers of a plain text.
pub(crate) fn numbers(text: &str, settings: &Settings) -> Vec<Number> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let point = bytes[at] == b'.' && bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
        if !bytes[at].is_ascii_digit() && !point {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
            continue;
        }
        let start = at;
        let end = digits_end(bytes, start);
        let Some(mut number) = read(&text[start..end], settings) else {
            at = end;
            continue;
        };
        number.span = signed(text, start)..end;
        if number.span.start < start {
            let negative = text[number.span.start..start].contains(['-', '(']);
            if negative {
                number
                    .readings
                    .iter_mut()
                    .for_each(|reading| *reading = negated(reading));
            }
            // What is in brackets is negative where the bracket closes: (1,234.50).
            if text[number.span.start..start].contains('(') {
                number.span.end = end + 1;
            }
        }
        // "1.250,-" has no decimals.
        if text[number.span.end..].starts_with(",-") || text[number.span.end..].starts_with(".-") {
            number.span.end += 2;
        }
        let rest = &text[number.span.end..];
        if rest.starts_with('%') || rest.starts_with(" %") {
            number.percent = true;
            number.span.end += rest.find('%').unwrap_or(0) + 1;
        } else if let Some((zeros, length)) = scale(rest) {
            let scaled: Option<Vec<String>> = number.readings.iter().map(|reading| shifted(reading, zeros)).collect();
            if let Some(scaled) = scaled {
                // With a word like million after it, 1.5 has decimals.
                number.readings = scaled;
                number.span.end += length;
            }
        }
        at = number.span.end.max(end);
        found.push(number);
    }
    found
}

/// Where digits end, with the marks between them: `1 234,5`, `1'234.50`, `1.5e6`.
fn digits_end(bytes: &[u8], start: usize) -> usize {
    let mut end = start;
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    while end < bytes.len() {
        match bytes[end] {
            b'0'..=b'9' => end += 1,
            b'.' | b',' if digit(end + 1) => end += 1,
            // An apostrophe parts thousands; elsewhere it means feet or minutes.
            b'\'' | b'_' if (1..=3).all(|more| digit(end + more)) && !digit(end + 4) => end += 1,
            // A space parts thousands where three digits follow, and before it were at most three.
            b' ' if (1..=3).all(|more| digit(end + more)) && !digit(end + 4) && groups_of_three(&bytes[start..end]) => {
                end += 1;
            }
            b'e' | b'E' if digit(end + 1) || (matches!(bytes.get(end + 1), Some(b'-' | b'+')) && digit(end + 2)) => {
                end += 2;
                while digit(end) {
                    end += 1;
                }
                break;
            }
            _ => break,
        }
    }
    end
}

/// Whether digits can be gone on with after a space.
fn groups_of_three(before: &[u8]) -> bool {
    let mut parts = before.split(|byte| *byte == b' ');
    let first = parts.next().unwrap_or_default();
    (1..=3).contains(&first.len()) && first.iter().all(u8::is_ascii_digit) && parts.all(|part| part.len() == 3)
}

/// Where the sign before a number begins.
fn signed(text: &str, start: usize) -> usize {
    let before = &text[..start];
    let sign = before.ends_with(['-', '+']);
    let earlier = before.chars().rev().nth(1);
    if sign && !earlier.is_some_and(|earlier| earlier.is_alphanumeric() || matches!(earlier, ')' | '/' | '.')) {
        return start - 1;
    }
    // All of the text is in brackets: what is counted as a loss.
    if before == "(" {
        let rest = text[start..].trim_start_matches(|mark: char| mark.is_ascii_digit() || ".,' ".contains(mark));
        if rest.starts_with(')') {
            return 0;
        }
    }
    start
}

/// What digits and marks mean; two readings where the only mark can be one of thousands or of decimals.
fn read(written: &str, settings: &Settings) -> Option<Number> {
    let (mantissa, exponent) = match written.find(['e', 'E']) {
        Some(at) => (&written[..at], written[at + 1..].parse::<i32>().ok()?),
        None => (written, 0),
    };
    let cleaned: String = mantissa
        .chars()
        .filter(|mark| !matches!(mark, ' ' | '\'' | '_'))
        .collect();
    let points = cleaned.matches('.').count();
    let commas = cleaned.matches(',').count();
    let plain = |decimal: Option<char>| -> Option<String> {
        let mut number = String::new();
        for character in cleaned.chars() {
            match character {
                mark if Some(mark) == decimal => number.push('.'),
                '.' | ',' => {}
                digit => number.push(digit),
            }
        }
        canonical(&number)
    };
    let last = cleaned.rfind(['.', ',']);
    let mut readings = Vec::new();
    match (points, commas) {
        (0, 0) => readings.push(plain(None)?),
        (1.., 1..) => {
            // The last mark is that of decimals.
            let mark = cleaned[last?..].chars().next()?;
            if cleaned.matches(mark).count() > 1 || settings.decimal.is_some_and(|decimal| decimal != mark) {
                return None;
            }
            readings.push(plain(Some(mark))?);
        }
        (1, 0) | (0, 1) => {
            let at = last?;
            let mark = cleaned[at..].chars().next()?;
            let (before, after) = (&cleaned[..at], &cleaned[at + 1..]);
            let thousands = after.len() == 3 && (1..=3).contains(&before.len()) && !before.starts_with('0');
            match (thousands, settings.decimal()) {
                (true, Some(decimal)) => readings.push(plain((decimal == mark).then_some(mark))?),
                (true, None) => {
                    // A comma parts thousands more often, a point decimals.
                    let decimals = plain(Some(mark))?;
                    let whole = plain(None)?;
                    readings.extend(if mark == ',' {
                        [whole, decimals]
                    } else {
                        [decimals, whole]
                    });
                }
                // A point before decimals is that of the canonical form, whatever the mark of the values is.
                (false, _) if mark == ',' && settings.decimal == Some('.') => return None,
                (false, _) => readings.push(plain(Some(mark))?),
            }
        }
        _ => {
            // Several marks of one sort part groups: of three, or of two before the last as in India.
            let mut groups = cleaned.split(['.', ',']);
            let first = groups.next()?;
            let rest: Vec<&str> = groups.collect();
            let fits = (1..=3).contains(&first.len())
                && rest.last().is_some_and(|group| group.len() == 3)
                && rest.iter().all(|group| matches!(group.len(), 2 | 3));
            if !fits {
                return None;
            }
            readings.push(plain(None)?);
        }
    }
    if exponent != 0 {
        readings = readings
            .iter()
            .map(|reading| shifted(reading, exponent))
            .collect::<Option<_>>()?;
    }
    Some(Number {
        span: 0..0,
        readings,
        percent: false,
    })
}

/// Digits without zeros that say nothing: at the beginning, and after the last decimal.
pub(crate) fn canonical(number: &str) -> Option<String> {
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    if whole.len() + decimals.len() > 60 || number.is_empty() {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let decimals = decimals.trim_end_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    Some(if decimals.is_empty() {
        whole.to_owned()
    } else {
        format!("{whole}.{decimals}")
    })
}

/// A canonical number with the other sign; 0 has none.
pub(crate) fn negated(number: &str) -> String {
    match number.strip_prefix('-') {
        Some(rest) => rest.to_owned(),
        None if number == "0" => number.to_owned(),
        None => format!("-{number}"),
    }
}

/// A number that nobody can take for another: 1.234 gets a fourth decimal, because three could be thousands where it is not
/// known that a point stands before decimals.
pub(crate) fn unmistakable(number: &str, settings: &Settings) -> String {
    if settings.decimal() == Some('.') {
        return number.to_owned();
    }
    let digits = number.trim_start_matches('-');
    match digits.split_once('.') {
        Some((whole, decimals)) if decimals.len() == 3 && whole.len() <= 3 && whole != "0" => format!("{number}0"),
        _ => number.to_owned(),
    }
}

/// A number times a power of ten, exactly.
pub(crate) fn shifted(number: &str, power: i32) -> Option<String> {
    if power.abs() > 60 {
        return None;
    }
    let (sign, number) = number.strip_prefix('-').map_or(("", number), |rest| ("-", rest));
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    let digits = format!("{whole}{decimals}");
    let point = whole.len() as i32 + power;
    let made = if point <= 0 {
        format!("0.{}{digits}", "0".repeat(-point as usize))
    } else if point as usize >= digits.len() {
        format!("{digits}{}", "0".repeat(point as usize - digits.len()))
    } else {
        let (whole, decimals) = digits.split_at(point as usize);
        format!("{whole}.{decimals}")
    };
    canonical(&made).map(|made| format!("{sign}{made}"))
}

/// The power of ten of a word that follows a number, and its bytes with the space before it.
fn scale(rest: &str) -> Option<(i32, usize)> {
    let trimmed = rest.trim_start_matches(' ');
    let space = rest.len() - trimmed.len();
    let length: usize = trimmed
        .chars()
        .take_while(|letter| letter.is_alphabetic())
        .map(char::len_utf8)
        .sum();
    let written = &trimmed[..length];
    let word = written.to_lowercase();
    let (_, power) = SCALES.iter().find(|(name, _)| *name == word)?;
    // A letter counts only where it touches the number; a small m is a metre.
    let letter = word.chars().count() == 1;
    if space > 1 || (letter && (space > 0 || written == "m" || written == "b")) {
        return None;
    }
    Some((*power, space + length))
}

/// Numbers of a raw value.
pub(crate) fn find(text: &str, settings: &Settings) -> Vec<Found> {
    if let Some(found) = fraction(text, settings) {
        return vec![found];
    }
    let plain = plain(text);
    let found = numbers(&plain.text, settings);
    if found.is_empty() {
        return in_words(text, settings).into_iter().collect();
    }
    found
        .into_iter()
        .filter(|number| stands_alone(&plain.text, &number.span))
        .map(|number| {
            let span = plain.original(&number.span);
            let confidence = if number.readings.len() == 1 { 0.98 } else { 0.5 };
            let candidates: Vec<Canonical> = number
                .readings
                .iter()
                .filter_map(|reading| {
                    let value = if number.percent {
                        shifted(reading, -2)?
                    } else {
                        reading.clone()
                    };
                    Some(Canonical {
                        parts: json!({ "percent": number.percent }),
                        value: unmistakable(&value, settings),
                        confidence,
                        span: span.clone(),
                    })
                })
                .collect();
            Found {
                span,
                outcome: one_or_more(candidates, "a mark may part thousands or decimals"),
            }
        })
        .collect()
}

/// A whole text that is a fraction: `1/2`, `1 ½`, `¾`.
fn fraction(text: &str, settings: &Settings) -> Option<Found> {
    use unicode_normalization::UnicodeNormalization;
    let span = crate::names::trimmed(text);
    let shown = &text[span.clone()];
    let spaced: String = shown
        .chars()
        .flat_map(|character| [' ', character])
        .filter(|character| !character.is_whitespace() || *character == ' ')
        .collect();
    let vulgar = shown
        .chars()
        .any(|character| matches!(character, '¼'..='¾' | '⅐'..='⅞'));
    let written: String = if vulgar {
        spaced.nfkc().collect::<String>().replace('⁄', "/")
    } else {
        shown.to_owned()
    };
    let mut words: Vec<String> = Vec::new();
    for word in written.split_whitespace() {
        // The digits of the whole part were parted with the rest.
        match words.last_mut() {
            Some(last) if vulgar && !word.contains('/') && !last.contains('/') => last.push_str(word),
            _ => words.push(word.to_owned()),
        }
    }
    let (whole, part) = match words.as_slice() {
        [part] => (0.0, part),
        [whole, part] => (whole.parse::<u32>().map(f64::from).ok()?, part),
        _ => return None,
    };
    let (top, bottom) = part.split_once('/')?;
    let (top, bottom): (u32, u32) = (top.parse().ok()?, bottom.parse().ok()?);
    // Above one it is something else: 24/7.
    if bottom == 0 || top >= bottom || bottom > 1000 {
        return None;
    }
    let value = format!("{:.6}", whole + f64::from(top) / f64::from(bottom));
    let value = unmistakable(&canonical(&value)?, settings);
    Some(Found::one(
        value,
        json!({ "percent": false, "fraction": true }),
        0.9,
        span,
    ))
}

/// One candidate is the value; several are ambiguous.
pub(crate) fn one_or_more(mut candidates: Vec<Canonical>, reason: &'static str) -> Outcome {
    match candidates.len() {
        0 => Outcome::Refused {
            reason: crate::Refusal::Invalid,
        },
        1 => Outcome::Canonical(candidates.remove(0)),
        _ => Outcome::Ambiguous { candidates, reason },
    }
}

/// Whether letters don't touch a number, as they do in a code. Scripts that don't part words may: 500円.
fn stands_alone(text: &str, span: &Range<usize>) -> bool {
    let after = text[span.end..].chars().next();
    begins_alone(text, span.start)
        && !after.is_some_and(|after| (after.is_alphanumeric() && u32::from(after) < 0x0250) || after == '_')
}

/// Whether no letter touches the beginning of a number.
pub(crate) fn begins_alone(text: &str, start: usize) -> bool {
    let before = text[..start].chars().next_back();
    !before.is_some_and(|before| before.is_alphanumeric() || before == '_')
}

/// A number in words of English, German, French, Spanish, Italian, Portuguese, Dutch or Danish.
fn in_words(text: &str, settings: &Settings) -> Option<Found> {
    let spoken = words(text);
    let (first, last) = (spoken.first()?, spoken.last()?);
    if spoken.len() > 24 {
        return None;
    }
    let span = first.1.start..last.1.end;
    let cleaned = text[span.clone()].to_lowercase();
    let cleaned = cleaned.strip_prefix("minus ").unwrap_or(&cleaned);
    let negative = text[span.clone()].to_lowercase().starts_with("minus ");
    let languages = [
        Language::english(),
        Language::german(),
        Language::french(),
        Language::spanish(),
        Language::italian(),
        Language::portugese(),
        Language::dutch(),
    ];
    let digits = languages
        .iter()
        .find_map(|language| text2digits(cleaned, language).ok())?;
    let value = canonical(&digits.replace(',', "."))
        .filter(|value| value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))?;
    let value = if negative { negated(&value) } else { value };
    let value = unmistakable(&value, settings);
    Some(Found::one(value, json!({ "words": true, "percent": false }), 0.9, span))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_as(text: &str) -> Vec<Vec<String>> {
        find(text, &Settings::default())
            .iter()
            .map(|found| {
                found
                    .outcome
                    .candidates()
                    .iter()
                    .map(|candidate| candidate.value.clone())
                    .collect()
            })
            .collect()
    }

    #[test]
    fn marks_part_thousands_or_decimals() {
        assert_eq!(read_as("1,234,567.80"), [["1234567.8"]]);
        assert_eq!(read_as("1.234.567,80"), [["1234567.8"]]);
        assert_eq!(read_as("1 234,5"), [["1234.5"]]);
        assert_eq!(read_as("1'234.50"), [["1234.5"]]);
        assert_eq!(read_as("12,34,567"), [["1234567"]]);
        assert_eq!(read_as("1,234"), [["1234", "1.2340"]]);
    }

    #[test]
    fn a_number_that_letters_touch_is_none() {
        for text in ["0x1F", "12abc", "A4", "5kg"] {
            assert_eq!(read_as(text), Vec::<Vec<String>>::new(), "{text}");
        }
        assert_eq!(read_as("500円"), [["500"]]);
    }

    #[test]
    fn the_mark_of_decimals_is_the_one_that_was_told() {
        let told = |decimal: char, text: &str| {
            let settings = Settings {
                decimal: Some(decimal),
                ..Settings::default()
            };
            let found = find(text, &settings);
            found
                .first()
                .and_then(|found| found.outcome.value())
                .unwrap_or("-")
                .to_owned()
        };
        assert_eq!(
            (told('.', "1,5"), told('.', "1.234"), told('.', "1,234")),
            ("-".into(), "1.234".into(), "1234".into())
        );
        assert_eq!(
            (told('.', "12.345,67"), told(',', "12.345,67")),
            ("-".into(), "12345.67".into())
        );
        assert_eq!(
            told(',', "1.5"),
            "1.5",
            "the canonical form is read whatever the mark is"
        );
    }

    #[test]
    fn other_forms_of_numbers() {
        assert_eq!(read_as("(1,234.50)"), [["-1234.5"]]);
        assert_eq!(read_as("about 2.5 million"), [["2500000"]]);
        assert_eq!(read_as("5%"), [["0.05"]]);
        assert_eq!(read_as("１２٫５".replace('５', "٥").as_str()), [["12.5"]]);
        assert_eq!(read_as("1.5e3"), [["1500"]]);
        assert_eq!(read_as("twenty-three"), [["23"]]);
        assert_eq!(read_as("cent vingt"), [["120"]]);
        assert_eq!(read_as("-0"), [["0"]]);
    }
}
