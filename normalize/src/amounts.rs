//! Amounts of money, and quantities with a unit: a number beside a sign.

mod minor;

use std::ops::Range;
use std::sync::LazyLock;

use iso_currency::Currency;
use rustc_hash::FxHashMap;
use serde_json::json;

use crate::number::{Number, begins_alone, negated, numbers, one_or_more, shifted, unmistakable};
use crate::outcome::{Canonical, Found, Outcome};
use crate::settings::{Settings, Units};
use crate::text::plain;
use crate::together::{SEVERAL, linked, with_fractions};

/// Signs and names of currencies; those of several, the likeliest first.
static CURRENCIES: LazyLock<FxHashMap<String, Vec<&'static str>>> = LazyLock::new(|| {
    let mut forms: FxHashMap<String, Vec<&'static str>> = FxHashMap::default();
    for line in include_str!("../data/currencies.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
    {
        let Some((code, written)) = line.split_once(": ") else {
            continue;
        };
        for form in written.split(", ") {
            forms.entry(form.to_lowercase()).or_default().push(code);
        }
    }
    forms
});

/// The currencies that a sign, a name or a code can stand for.
fn currencies(sign: &str) -> Vec<&'static str> {
    let sign = sign.trim();
    let upper = sign.to_uppercase();
    if upper.len() == 3
        && let Some(currency) = Currency::from_code(&upper)
    {
        return vec![currency.code()];
    }
    CURRENCIES.get(&sign.to_lowercase()).cloned().unwrap_or_default()
}

/// The longest sign directly before a number, and where it begins.
fn sign_before(text: &str, end: usize) -> Option<(Vec<&'static str>, usize)> {
    let before = text[..end].trim_end_matches([' ', ':']);
    if end - before.len() > 2 {
        return None;
    }
    for length in (1..=4).rev() {
        let Some((at, _)) = before.char_indices().rev().nth(length - 1) else {
            continue;
        };
        let found = currencies(&before[at..]);
        let letters = before[at..].starts_with(char::is_alphabetic);
        let touched = before[..at].chars().next_back().is_some_and(char::is_alphabetic);
        let parts_a_word = letters && touched;
        if !found.is_empty() && !parts_a_word && !before[at..].starts_with(' ') {
            return Some((found, at));
        }
    }
    None
}

/// The longest sign or name directly after a number, and where it ends.
fn sign_after(text: &str, start: usize) -> Option<(Vec<&'static str>, usize)> {
    let rest = &text[start..];
    let trimmed = rest.trim_start_matches([' ', '-']);
    let space = rest.len() - trimmed.len();
    if space > 2 {
        return None;
    }
    let ends: Vec<usize> = trimmed
        .char_indices()
        .map(|(at, character)| at + character.len_utf8())
        .take(24)
        .collect();
    ends.into_iter().rev().find_map(|length| {
        let sign = &trimmed[..length];
        let found = currencies(sign);
        let goes_on = sign.ends_with(char::is_alphabetic) && trimmed[length..].starts_with(char::is_alphabetic);
        (!found.is_empty() && !goes_on && !sign.ends_with(' ')).then_some((found, start + space + length))
    })
}

/// What is found in a text in which English words of numbers are digits, if nothing is found in it as it is. Where in the
/// text it was is not known any more: it has to be all there is.
fn or_in_words(text: &str, found: Vec<Found>, find: impl Fn(&str) -> Vec<Found>) -> Vec<Found> {
    if !found.is_empty() || text.len() > 200 || text.bytes().any(|byte| byte.is_ascii_digit()) {
        return found;
    }
    let span = crate::names::trimmed(text);
    let digits = text2num::replace_numbers_in_text(&text[span.clone()], &text2num::Language::english(), 0.0);
    let mut found = find(&digits);
    if found.len() != 1 || found[0].span.len() != digits.len() {
        return Vec::new();
    }
    for one in &mut found {
        one.span = span.clone();
        match &mut one.outcome {
            Outcome::Canonical(canonical) => canonical.span = span.clone(),
            Outcome::Ambiguous { candidates, .. } => {
                candidates
                    .iter_mut()
                    .for_each(|canonical| canonical.span = span.clone());
            }
            Outcome::Refused { .. } => {}
        }
    }
    found
}

/// Amounts of money in a text: `EUR 1234.50`.
pub(crate) fn find_amounts(text: &str, settings: &Settings) -> Vec<Found> {
    or_in_words(text, amounts(text, settings), |text| amounts(text, settings))
}

fn amounts(text: &str, settings: &Settings) -> Vec<Found> {
    let plain = plain(text);
    let shown = plain.text.as_str();
    let numbers = with_fractions(shown, numbers(shown, settings));
    let mut taken = 0;
    let signed: Vec<Option<Signed>> = numbers
        .iter()
        .map(|number| {
            if number.percent || number.span.start < taken {
                return None;
            }
            let signed = signs_of(shown, number, taken, settings)?;
            taken = signed.range.end;
            Some(signed)
        })
        .collect();
    let mut found = Vec::new();
    let mut taken = 0;
    for (at, (number, own)) in numbers.iter().zip(&signed).enumerate() {
        let Some(own) = own.as_ref().filter(|_| number.span.start >= taken) else {
            continue;
        };
        let sure = preferred(&own.signs, settings);
        let next = numbers.get(at + 1).filter(|next| {
            let has_sign = |signed: &Signed| signed.range.len() > next.span.len();
            !signed[at + 1].as_ref().is_some_and(has_sign)
        });
        let (joined, is_open) = minor::joined(shown, number, own, next);
        let range = joined.as_ref().map_or(&own.range, |joined| &joined.span);
        if joined.is_some() {
            taken = range.end;
        }
        let span = plain.original(range);
        let of = |number: &Number, negative: bool| candidates(number, negative, &own.signs, sure, &span, settings);
        let is_joined = joined.is_some();
        let number = joined.as_ref().unwrap_or(number);
        let mut all = of(number, own.is_negative);
        if is_joined {
            all.iter_mut()
                .for_each(|canonical| canonical.confidence = canonical.confidence.min(0.9));
        }
        if is_open {
            all.iter_mut().for_each(|canonical| canonical.confidence = 0.5);
            found.push(Found {
                span,
                outcome: Outcome::Ambiguous {
                    candidates: all,
                    reason: "a number follows that may be a part of the amount",
                },
            });
            continue;
        }
        let others = others(shown, &numbers, at, &own.range, |other| signed[other].is_some());
        if let Some(others) = others {
            all.extend(others.into_iter().flat_map(|other| of(other, false)));
            all.iter_mut().for_each(|canonical| canonical.confidence = 0.5);
            let (candidates, reason) = (all, SEVERAL);
            found.push(Found {
                span,
                outcome: Outcome::Ambiguous { candidates, reason },
            });
            continue;
        }
        let reason = if sure.is_none() {
            "the sign is of several currencies"
        } else {
            MARK
        };
        found.push(Found {
            span,
            outcome: one_or_more(all, reason),
        });
    }
    found
}

/// Why a number has two readings.
const MARK: &str = "the mark in the number may stand before thousands or before decimals";

/// The numbers that a number with a sign or a unit, which takes up a range, is linked with, and that have none of their
/// own. None where it is linked with nothing.
fn others<'a>(
    text: &str,
    numbers: &'a [Number],
    at: usize,
    range: &Range<usize>,
    has_own: impl Fn(usize) -> bool,
) -> Option<Vec<&'a Number>> {
    let before = at
        .checked_sub(1)
        .filter(|&other| linked(text, numbers[other].span.end, range.start));
    let after = Some(at + 1).filter(|&other| {
        numbers
            .get(other)
            .is_some_and(|next| linked(text, range.end, next.span.start))
    });
    let others: Vec<usize> = before
        .into_iter()
        .chain(after)
        .filter(|&other| !has_own(other))
        .collect();
    (!others.is_empty()).then(|| others.into_iter().map(|other| &numbers[other]).collect())
}

/// A number with the signs beside it.
struct Signed {
    /// The currencies that they can be of, the likeliest first.
    signs: Vec<&'static str>,
    /// The bytes of the number and its sign.
    range: Range<usize>,
    /// Whether a minus stands in front of the sign.
    is_negative: bool,
}

/// The sign of a number. `taken` is where the amount before ends.
fn signs_of(text: &str, number: &Number, taken: usize, settings: &Settings) -> Option<Signed> {
    let span = number.span.clone();
    // A sign that belongs to the amount before is not that of this one, and one that a number follows is that of the next
    // amount where this one has its own.
    let before = sign_before(text, span.start).filter(|(_, start)| *start >= taken);
    let after = sign_after(text, span.end).filter(|(_, end)| {
        let rest = &text[*end..];
        // The sign of 3€50 is that of the whole.
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let parts = digits == 2 && !text[span.end..].starts_with(' ') && before.is_none();
        let touches = digits > 0 && !parts;
        let follows = rest.trim_start().starts_with(|digit: char| digit.is_ascii_digit());
        !(touches || (before.is_some() && follows))
    });
    let (signs, range) = match (before, after) {
        // Where both are there, the code is clearer than the sign: $5 CAD.
        (Some((before, start)), Some((after, end))) if after.len() < before.len() || after == before => {
            (after, start..end)
        }
        (Some((before, start)), _) => (before, start..span.end),
        (None, Some((after, end))) => (after, span.start..end),
        (None, None) => {
            let code = settings.currency.as_ref()?.to_uppercase();
            (
                Currency::from_code(&code)
                    .map(|currency| currency.code())
                    .into_iter()
                    .collect(),
                span,
            )
        }
    };
    let whole = with_sign(text, range.clone());
    Some(Signed {
        signs,
        is_negative: whole.start < range.start,
        range: whole.start.max(taken)..whole.end,
    })
}

/// A minus in front of the sign belongs to the amount.
fn with_sign(text: &str, range: Range<usize>) -> Range<usize> {
    let before = &text[..range.start];
    let alone = before
        .trim_end_matches('-')
        .chars()
        .next_back()
        .is_none_or(char::is_whitespace);
    if before.ends_with('-') && alone {
        range.start - 1..range.end
    } else {
        range
    }
}

/// The currency that the settings choose among those of a sign.
fn preferred(signs: &[&'static str], settings: &Settings) -> Option<&'static str> {
    if let [only] = signs {
        return Some(only);
    }
    let wanted = settings.currency.as_ref().map(|code| code.to_uppercase()).or_else(|| {
        let region = settings.region()?;
        signs
            .iter()
            .find(|code| code.starts_with(&region))
            .map(|code| (*code).to_owned())
    });
    signs.iter().copied().find(|code| wanted.as_deref() == Some(*code))
}

fn candidates(
    number: &Number,
    negative: bool,
    signs: &[&'static str],
    sure: Option<&'static str>,
    span: &Range<usize>,
    settings: &Settings,
) -> Vec<Canonical> {
    // Money has two decimals at most where its mark could also part thousands.
    let readings: Vec<&String> = if number.readings.len() > 1 {
        number
            .readings
            .iter()
            .filter(|reading| !reading.contains('.'))
            .collect()
    } else {
        number.readings.iter().collect()
    };
    let codes: Vec<&str> = sure.map_or_else(|| signs.iter().copied().take(5).collect(), |code| vec![code]);
    let count = readings.len() * codes.len();
    let mut found = Vec::new();
    for code in codes {
        for reading in &readings {
            let exponent = Currency::from_code(code).and_then(Currency::exponent).unwrap_or(2) as usize;
            let reading = if negative && !reading.starts_with('-') {
                negated(reading)
            } else {
                (*reading).clone()
            };
            let amount = unmistakable(&with_decimals(&reading, exponent), settings);
            found.push(Canonical {
                value: format!("{code} {amount}"),
                parts: json!({ "currency": code, "amount": amount }),
                confidence: if count == 1 { 0.96 } else { 0.5 },
                span: span.clone(),
            });
        }
    }
    found
}

/// An amount with the decimals of its currency; more stay, as they were written.
fn with_decimals(amount: &str, exponent: usize) -> String {
    let (whole, decimals) = amount.split_once('.').unwrap_or((amount, ""));
    if exponent == 0 && decimals.is_empty() {
        return whole.to_owned();
    }
    format!("{whole}.{decimals:0<exponent$}")
}

/// A unit of measure.
struct Unit {
    symbol: &'static str,
    kind: &'static str,
    factor: f64,
    offset: f64,
}

static UNITS: LazyLock<(Vec<Unit>, FxHashMap<String, usize>)> = LazyLock::new(|| {
    let mut units = Vec::new();
    let mut forms = FxHashMap::default();
    for line in include_str!("../data/units.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
    {
        let Some((head, written)) = line.split_once(": ") else {
            continue;
        };
        let [symbol, kind, scale] = head.split(' ').collect::<Vec<_>>()[..] else {
            continue;
        };
        let (factor, offset) = scale.split_once('+').unwrap_or((scale, "0"));
        let (Ok(factor), Ok(offset)) = (factor.parse(), offset.parse()) else {
            continue;
        };
        for form in written.split(", ") {
            forms.entry(form.to_owned()).or_insert(units.len());
        }
        units.push(Unit {
            symbol,
            kind,
            factor,
            offset,
        });
    }
    (units, forms)
});

/// The unit directly after a number, and where it ends. Short forms are compared with case, words without.
fn unit_after(text: &str, start: usize) -> Option<(&'static Unit, usize)> {
    let rest = &text[start..];
    let trimmed = rest.trim_start_matches([' ', '-']);
    let space = rest.len() - trimmed.len();
    if space > 2 {
        return None;
    }
    let (units, forms) = &*UNITS;
    let ends: Vec<usize> = trimmed
        .char_indices()
        .map(|(at, character)| at + character.len_utf8())
        .take(20)
        .collect();
    ends.into_iter().rev().find_map(|length| {
        let form = &trimmed[..length];
        let lower = form.to_lowercase();
        let hit = forms
            .get(form)
            .or_else(|| (form.chars().count() > 1).then(|| forms.get(&lower)).flatten())?;
        let after = trimmed[length..].chars().next();
        let goes_on = after.is_some_and(|after| after.is_alphanumeric() || matches!(after, '²' | '³' | '/' | '°'));
        let letters = form.ends_with(|last: char| last.is_alphanumeric());
        (!(goes_on && letters)).then(|| (&units[*hit], start + space + length))
    })
}

/// Numbers with their unit, of which one is meant.
type Readings = Vec<(String, &'static Unit)>;

/// Quantities in a text: `1.85 m`, and those of several units together: 5 ft 11 in.
pub(crate) fn find_quantities(text: &str, settings: &Settings) -> Vec<Found> {
    or_in_words(text, quantities(text, settings), |text| quantities(text, settings))
}

fn quantities(text: &str, settings: &Settings) -> Vec<Found> {
    let plain = plain(text);
    let shown = plain.text.as_str();
    let numbers = with_fractions(shown, numbers(shown, settings));
    let units: Vec<Option<(&'static Unit, usize)>> = numbers
        .iter()
        .map(|number| unit_after(shown, number.span.end).filter(|_| !number.percent))
        .collect();
    let mut found: Vec<Measured> = Vec::new();
    for (at, number) in numbers.iter().enumerate() {
        let Some((unit, end)) = units[at] else { continue };
        let with_unit = |number: &Number| -> Readings {
            let readings = number.readings.iter();
            readings.map(|reading| (reading.clone(), unit)).collect()
        };
        let readings = with_unit(number);
        let range = number.span.start..end;
        let others = others(shown, &numbers, at, &range, |other| units[other].is_some());
        // A letter before it makes a code of it, but for the sign of a diameter.
        let begins = begins_alone(shown, range.start) || shown[..range.start].ends_with(['Ø', 'ø']);
        if others.is_none() && !begins {
            continue;
        }
        // Feet and inches, pounds and ounces, hours and minutes are one quantity.
        if let (
            Some(Measured {
                range: last,
                readings: before,
                is_one: true,
            }),
            [(smaller, _)],
        ) = (found.last_mut(), readings.as_slice())
            && let [(larger, first)] = before.as_slice()
            && first.kind == unit.kind
            && first.factor > unit.factor
            && unit.offset == 0.0
            && matches!(
                shown[last.end..number.span.start].trim(),
                "" | "and" | "," | "und" | "et"
            )
            && let (Ok(large), Ok(small)) = (larger.parse::<f64>(), smaller.parse::<f64>())
        {
            let sum = large * first.factor / unit.factor + small;
            *last = last.start..end;
            *before = vec![(decimal(sum), unit)];
            continue;
        }
        let is_one = others.is_none();
        let others = others.into_iter().flatten().flat_map(with_unit);
        found.push(Measured {
            range,
            readings: readings.into_iter().chain(others).collect(),
            is_one,
        });
    }
    found
        .into_iter()
        .map(|measured| {
            let span = plain.original(&measured.range);
            let confidence = if measured.readings.len() == 1 { 0.95 } else { 0.5 };
            let candidates: Vec<Canonical> = measured
                .readings
                .into_iter()
                .map(|(value, unit)| quantity(&value, unit, settings, confidence, &span))
                .collect();
            let outcome = if measured.is_one {
                one_or_more(candidates, MARK)
            } else {
                let reason = SEVERAL;
                Outcome::Ambiguous { candidates, reason }
            };
            Found { span, outcome }
        })
        .collect()
}

/// A number with a unit.
struct Measured {
    range: Range<usize>,
    /// What it may be; of numbers that are linked, all of them.
    readings: Readings,
    /// Whether it is linked with no other number.
    is_one: bool,
}

fn quantity(value: &str, unit: &'static Unit, settings: &Settings, confidence: f32, span: &Range<usize>) -> Canonical {
    let number: f64 = value.parse().unwrap_or(f64::NAN);
    let base = number * unit.factor + unit.offset;
    let (shown, symbol) = match settings.units {
        Units::Written => (value.to_owned(), unit.symbol),
        Units::Si => (
            base_value(value, unit, base),
            base_symbol(unit.kind).unwrap_or(unit.symbol),
        ),
    };
    let shown = unmistakable(&shown, settings);
    Canonical {
        value: format!("{shown} {symbol}"),
        parts: json!({ "value": shown, "unit": symbol, "kind": unit.kind, "base_value": decimal(base) }),
        confidence,
        span: span.clone(),
    }
}

/// The value in the base unit: exact where the factor is a power of ten.
fn base_value(value: &str, unit: &Unit, base: f64) -> String {
    let power = unit.factor.log10();
    if unit.offset == 0.0 && (power - power.round()).abs() < 1e-12 {
        return shifted(value, power.round() as i32).unwrap_or_else(|| decimal(base));
    }
    decimal(base)
}

fn base_symbol(kind: &str) -> Option<&'static str> {
    UNITS
        .0
        .iter()
        .find(|unit| unit.kind == kind && (unit.factor - 1.0).abs() < f64::EPSILON && unit.offset == 0.0)
        .map(|unit| unit.symbol)
}

/// A number in twelve digits at most, without those that arithmetic made.
fn decimal(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return "0".to_owned();
    }
    let digits = (11 - value.abs().log10().floor() as i32).clamp(0, 18) as usize;
    let text = format!("{value:.digits$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}
#[cfg(test)]
mod tests;
