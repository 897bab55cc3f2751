//! Amounts whose hundredths stand behind the sign: `3 Euro 50`, `5 dollars and 50 cents`.

use std::ops::Range;

use iso_currency::Currency;

use super::Signed;
use crate::number::{Number, shifted};

/// Words of the hundredth of a currency.
const MINOR: [&str; 27] = [
    "cent",
    "cents",
    "ct",
    "cts",
    "c",
    "p",
    "pence",
    "penny",
    "pennies",
    "centime",
    "centimes",
    "rappen",
    "centavo",
    "centavos",
    "céntimo",
    "céntimos",
    "centimos",
    "cêntimos",
    "centesimi",
    "grosz",
    "grosze",
    "groszy",
    "kopecks",
    "paise",
    "paisa",
    "øre",
    "öre",
];

/// What is between an amount and its hundredths, where a word of them follows.
const JOINTS: [&str; 9] = ["", "and", "&", ",", "und", "et", "y", "e", "con"];

/// An amount with its hundredths, where it has some behind its sign or is told in them (50 cents); its span is that of both.
/// And whether the number behind it may be a part of it, or something else.
pub(super) fn joined(text: &str, number: &Number, own: &Signed, next: Option<&Number>) -> (Option<Number>, bool) {
    let exponent = |code: &&str| Currency::from_code(code).and_then(Currency::exponent);
    let has_hundredths = own.signs.iter().all(|code| exponent(code) == Some(2));
    let between = own.range.end > number.span.end;
    let end = |at: usize| word_after(text, at).map_or(at, |word| word.end);
    if let Some(next) = next {
        match behind(text, number, own.range.end, next, between) {
            Some(Behind::Hundredths(hundredths)) if has_hundredths => {
                let readings = vec![format!("{}.{hundredths:02}", number.readings[0])];
                let span = own.range.start..end(next.span.end);
                let percent = false;
                return (
                    Some(Number {
                        span,
                        readings,
                        percent,
                    }),
                    false,
                );
            }
            Some(_) => return (None, true),
            None => {}
        }
    }
    // Without a sign the currency is that of the settings.
    let without_sign = own.range.len() == number.span.len();
    if !without_sign || word_after(text, number.span.end).is_none() {
        return (None, false);
    }
    let readings: Option<Vec<String>> = number.readings.iter().map(|reading| shifted(reading, -2)).collect();
    let joined = readings.filter(|_| has_hundredths).map(|readings| Number {
        span: own.range.start..end(number.span.end),
        readings,
        percent: false,
    });
    let is_open = joined.is_none();
    (joined, is_open)
}

/// What a number behind an amount is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Behind {
    /// So many hundredths of the amount.
    Hundredths(u32),
    /// It may be a part of the amount, or something else.
    Open,
}

/// What the number is that stands behind an amount which ends at a byte. `between` says that the sign stands between the
/// two. None where it has nothing to do with the amount.
fn behind(text: &str, amount: &Number, end: usize, next: &Number, between: bool) -> Option<Behind> {
    let whole = matches!(amount.readings.as_slice(), [reading] if !reading.contains('.'));
    let digits = text.get(next.span.clone())?;
    let gap = text.get(end..next.span.start)?;
    if !whole || next.percent || digits.len() > 3 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let number: u32 = digits.parse().ok()?;
    let rest = &text[next.span.end..];
    if digits.len() < 3
        && word_after(text, next.span.end).is_some()
        && JOINTS.contains(&gap.trim().to_lowercase().as_str())
    {
        return Some(Behind::Hundredths(number));
    }
    if !gap.trim().is_empty() || gap.contains('\n') {
        return None;
    }
    let mut after = rest.trim_start().chars();
    let ends = match after.next() {
        None => true,
        Some('.' | ',' | ';' | ')' | '!' | '?' | '"') => !after.next().is_some_and(|next| next.is_ascii_digit()),
        Some(_) => false,
    };
    Some(if between && ends && digits.len() == 2 {
        Behind::Hundredths(number)
    } else {
        Behind::Open
    })
}

/// The word of hundredths that stands right behind a place of a text.
fn word_after(text: &str, at: usize) -> Option<Range<usize>> {
    let start = at + usize::from(text[at..].starts_with(' '));
    let rest = &text[start..];
    let length = match rest.strip_prefix('¢') {
        Some(_) => '¢'.len_utf8(),
        None => rest
            .find(|letter: char| !letter.is_alphanumeric())
            .unwrap_or(rest.len()),
    };
    let word = rest[..length].to_lowercase();
    (word == "¢" || MINOR.contains(&word.as_str())).then_some(start..start + length)
}
