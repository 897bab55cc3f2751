//! Days, times, moments and durations as raw values: what the expressions of time in a text come to.

use jiff::civil::DateTime;
use serde_json::json;

use crate::moment::{self, Context, Expression, Kind, Reading};
use crate::outcome::{Canonical, Found, Outcome, Refusal};
use crate::settings::Settings;

/// Two moments that have nothing in common: what comes out alike for both doesn't depend on now.
const SOME: [DateTime; 2] =
    [DateTime::constant(2003, 3, 5, 10, 0, 0, 0), DateTime::constant(2018, 10, 21, 17, 30, 0, 0)];

/// A duration that is written as ISO 8601 has it, with the units that are added to it here: business days (`BD`), weekdays
/// (`WD`) and weekends (`WE`).
fn iso_duration(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('P') else { return false };
    let (date, time) = rest.split_once('T').unwrap_or((rest, ""));
    let units = |part: &str, allowed: &[&str]| {
        let mut rest = part;
        while !rest.is_empty() {
            let number = rest.len() - rest.trim_start_matches(|digit: char| digit.is_ascii_digit() || digit == '.').len();
            let amount: Result<f64, _> = rest[..number].parse();
            let unit = allowed.iter().find(|unit| rest[number..].starts_with(**unit));
            let (Ok(_), Some(unit)) = (amount, unit) else { return false };
            rest = &rest[number + unit.len()..];
        }
        true
    };
    (!date.is_empty() || !time.is_empty())
        && !(rest.contains('T') && time.is_empty())
        && units(date, &["BD", "WD", "WE", "W", "Y", "M", "D"])
        && units(time, &["H", "M", "S"])
}

/// The expressions of a text that have a value of the wanted kind.
pub(crate) fn find(text: &str, settings: &Settings, kind: Kind) -> Vec<Found> {
    let whole = crate::names::trimmed(text);
    if kind == Kind::Duration && iso_duration(&text[whole.clone()]) {
        let value = text[whole.clone()].to_owned();
        return vec![Found::one(value.clone(), json!({ "timex": value, "modifier": null }), 0.99, whole)];
    }
    let orders = match settings.day_first() {
        Some(day_first) => vec![day_first],
        None => vec![true, false],
    };
    let contexts: Vec<Context> = orders
        .iter()
        .flat_map(|&day_first| {
            let references = settings.reference.map_or(SOME.to_vec(), |reference| vec![reference]);
            references.into_iter().map(move |reference| Context { reference, day_first })
        })
        .collect();
    let Some(first) = contexts.first() else { return Vec::new() };
    let found = moment::find(text, first);
    let others: Vec<Vec<Expression>> = contexts[1..].iter().map(|context| moment::find(text, context)).collect();
    found
        .into_iter()
        .filter(|expression| fits(expression.kind, kind))
        .map(|expression| {
            let mut all = vec![expression.clone()];
            all.extend(others.iter().flatten().filter(|other| other.span == expression.span).cloned());
            let outcome = outcome(text, &all, settings, kind);
            Found { span: expression.span, outcome }
        })
        .collect()
}

/// A moment has a day and a time, too; and nothing else has.
fn fits(found: Kind, wanted: Kind) -> bool {
    found == wanted || (found == Kind::DateTime && matches!(wanted, Kind::Date | Kind::Time))
}

/// The part of a reading that the wanted kind is: `2016-11-07`, `15:30:00`, `2016-11-07T15:30:00`, `PT3H`.
fn value(reading: &Reading, wanted: Kind) -> Option<String> {
    if wanted == Kind::Duration {
        return Some(reading.timex.clone());
    }
    let value = reading.value.as_ref()?;
    let (date, time) = value.split_once(' ').unwrap_or((value, value));
    // Years of less than four digits come of sums that nobody meant.
    if wanted != Kind::Time && date.starts_with(['0', '-']) {
        return None;
    }
    Some(match wanted {
        Kind::Date => date.to_owned(),
        Kind::Time => time.to_owned(),
        _ => value.replace(' ', "T"),
    })
}

fn outcome(text: &str, all: &[Expression], settings: &Settings, wanted: Kind) -> Outcome {
    let mut values: Vec<(String, &Reading)> = Vec::new();
    for expression in all {
        for reading in &expression.readings {
            if let Some(value) = value(reading, wanted)
                && !values.iter().any(|(known, _)| *known == value)
            {
                values.push((value, reading));
            }
        }
    }
    if values.is_empty() {
        return Outcome::Refused { reason: Refusal::Invalid };
    }
    let first = &all[0];
    let open = wanted != Kind::Duration && wanted != Kind::Time && first.readings.iter().any(|reading| reading.timex.contains('X'));
    let relative = settings.reference.is_none() && all.chunks(2).any(|pair| matches!(pair, [one, two] if one.readings != two.readings));
    if relative && !open {
        return Outcome::Refused { reason: Refusal::NeedsReference };
    }
    if relative {
        // The year is open, and without now there is nothing to choose from.
        return Outcome::Ambiguous { candidates: Vec::new(), reason: "the year or the month is not told" };
    }
    let shown = &text[first.span.clone()];
    // Of a time with a colon it is likely that it counts to 24.
    let clock = wanted == Kind::Time && shown.contains(':') && values.len() == 2;
    let sure = if first.span.len() == text.trim().len() { 0.98 } else { 0.92 };
    if clock {
        values.truncate(1);
    }
    let confidence = if clock { 0.75 } else if values.len() == 1 { sure } else { 1.0 / values.len() as f32 };
    let mut candidates: Vec<Canonical> = values
        .into_iter()
        .map(|(value, reading)| Canonical {
            parts: json!({ "timex": reading.timex, "modifier": reading.modifier }),
            value,
            confidence,
            span: first.span.clone(),
        })
        .collect();
    if candidates.len() == 1 {
        return Outcome::Canonical(candidates.remove(0));
    }
    if open {
        // What is to come is meant more often.
        candidates.reverse();
    }
    Outcome::Ambiguous { candidates, reason: "day and month, the year, or the half of the day may be either" }
}
