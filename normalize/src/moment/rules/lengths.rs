//! How long something lasts.

use super::super::Context;
use super::super::grammar::{Captures, Rule};
use super::super::value::{Length, Modifier, Unit, Value};
use super::rule;

pub(super) fn rules() -> Vec<Rule> {
    vec![
        rule("len1", "{int} ( - | )? {unit}", of_unit),
        rule("len1", "{int} ~- ~{unit}", of_unit),
        rule("len1", "{num} ~{letter}", of_unit),
        rule("len1", "{num} ~{unit}", of_unit),
        rule("len1", "{num} ~. ~{num} {unit}", |_, c| {
            let (whole, part) = (c.integer(0)?, c.integer(1)?);
            let amount: f64 = format!("{whole}.{part}").parse().ok()?;
            made(amount, c.unit(0)?)
        }),
        rule("len1", "{num} ~. ~{num} ~{letter}", |_, c| {
            let amount: f64 = format!("{}.{}", c.integer(0)?, c.integer(1)?).parse().ok()?;
            made(amount, c.unit(0)?)
        }),
        rule("len1", "a|an|one {unit}", |_, c| {
            c.unit(0)
                .filter(|unit| *unit != Unit::Second)
                .and_then(|unit| made(1.0, unit))
        }),
        rule("len1", "1|one night", |_, _| made(1.0, Unit::Day)),
        rule("len1", "some {plural}", |_, c| made(3.0, c.unit(0)?)),
        rule("len1", "½ {unit}", |_, c| made(0.5, c.unit(0)?)),
        rule("len1", "{num} ½ {unit}", |_, c| {
            made(c.integer(0)? as f64 + 0.5, c.unit(0)?)
        }),
        rule("len1", "{vague} {unit}", |_, c| made(c.integer(0)? as f64, c.unit(0)?)),
        rule("len1", "half ( a | an )? {unit}", |_, c| made(0.5, c.unit(0)?)),
        rule("len1", "( a )? quarter of an hour", |_, _| made(0.25, Unit::Hour)),
        rule("len1", "{int} and a? half {unit}", |_, c| {
            made(c.integer(0)? as f64 + 0.5, c.unit(0)?)
        }),
        rule("len1", "( a | an | one ) {unit} and a? half", |_, c| {
            made(1.5, c.unit(0)?)
        }),
        rule("len1", "{int} {unit} and a? half", |_, c| {
            made(c.integer(0)? as f64 + 0.5, c.unit(0)?)
        }),
        rule("len1", "{int} {unit} and a quarter", |_, c| {
            made(c.integer(0)? as f64 + 0.25, c.unit(0)?)
        }),
        rule("len1", "( a | an | one ) {unit} and a quarter", |_, c| {
            made(1.25, c.unit(0)?)
        }),
        rule("len", "{len1}", |_, c| c.length(0).map(Value::Length)),
        rule("len", "{len1} ( , | and )? {len}", |_, c| {
            let (first, rest) = (c.length(0)?, c.length(1)?);
            let smaller = days(first.parts.last()?.1) > days(rest.parts.first()?.1);
            let quarter = rest.parts.first()?.1 == Unit::Quarter;
            (smaller && !quarter && rest.modifier.is_none()).then(|| {
                Value::Length(Length {
                    parts: [first.parts, rest.parts].concat(),
                    modifier: None,
                })
            })
        }),
        rule("duration", "{len}", |_, c| c.length(0).map(Value::Length)),
        rule("duration", "another {len}", |_, c| c.length(0).map(Value::Length)),
        rule("duration", "another {singular}", |_, c| made(1.0, c.unit(0)?)),
        rule("duration", "all|whole|full|entire {singular}", |_, c| {
            made(1.0, c.unit(0)?)
        }),
        rule("duration", "the hour|minute", |_, _| made(1.0, Unit::Hour)),
        rule("duration", "{len} or more|longer", |_, c| bounded(c, "more")),
        rule("duration", "{len} or less|fewer", |_, c| bounded(c, "less")),
        rule("duration", "more|longer|greater than {len}", |_, c| bounded(c, "more")),
        rule("duration", "over {len}", |_, c| bounded(c, "more")),
        rule("duration", "at least {len}", |_, c| bounded(c, "more")),
        rule("duration", "less|shorter|fewer than {len}", |_, c| bounded(c, "less")),
        rule("duration", "at most {len}", |_, c| bounded(c, "less")),
        rule("duration", "under {len}", |_, c| bounded(c, "less")),
        rule("duration", "around|about|approximately {len}", |_, c| {
            bounded(c, "approx")
        }),
    ]
}

fn made(amount: f64, unit: Unit) -> Option<Value> {
    (amount > 0.0).then(|| {
        Value::Length(Length {
            parts: vec![(amount, unit)],
            modifier: None,
        })
    })
}

fn of_unit(_: &Context, c: &Captures) -> Option<Value> {
    made(c.integer(0)? as f64, c.unit(0)?)
}

fn bounded(c: &Captures, modifier: Modifier) -> Option<Value> {
    let mut length = c.length(0)?;
    length.modifier = Some(modifier);
    Some(Value::Length(length))
}

/// Days of a unit, where a month has 30 and a year 365.
fn days(unit: Unit) -> f64 {
    match unit {
        Unit::Second => 1.0 / 86400.0,
        Unit::Minute => 1.0 / 1440.0,
        Unit::Hour => 1.0 / 24.0,
        Unit::Day | Unit::BusinessDay | Unit::Weekday => 1.0,
        Unit::Weekend => 2.0,
        Unit::Week => 7.0,
        Unit::Fortnight => 14.0,
        Unit::Month => 30.0,
        Unit::Quarter => 90.0,
        Unit::Year => 365.0,
        Unit::Decade => 3650.0,
        Unit::Century => 36500.0,
    }
}

/// Seconds of a length, where a month has 30 days and a year 365.
pub(in crate::moment) fn seconds(length: &Length) -> f64 {
    length
        .parts
        .iter()
        .map(|(amount, unit)| (amount * days(*unit) * 86400.0).round())
        .sum()
}

/// As ISO 8601 writes it, with `BD` for business days and `WE` for weekends: `P1DT5H`.
pub(in crate::moment) fn timex(length: &Length) -> String {
    let (mut date, mut time) = (String::new(), String::new());
    for (amount, unit) in &length.parts {
        let (amount, letters) = match unit {
            Unit::Second => (*amount, "S"),
            Unit::Hour => (*amount, "H"),
            Unit::Day => (*amount, "D"),
            Unit::BusinessDay => (*amount, "BD"),
            Unit::Weekday => (*amount, "WD"),
            Unit::Weekend => (*amount, "WE"),
            Unit::Week => (*amount, "W"),
            Unit::Fortnight => (*amount * 2.0, "W"),
            Unit::Minute | Unit::Month => (*amount, "M"),
            Unit::Quarter => (*amount * 3.0, "M"),
            Unit::Year => (*amount, "Y"),
            Unit::Decade => (*amount * 10.0, "Y"),
            Unit::Century => (*amount * 100.0, "Y"),
        };
        let text = if unit.is_clock() { &mut time } else { &mut date };
        text.push_str(&format!("{amount}{letters}"));
    }
    if time.is_empty() {
        format!("P{date}")
    } else {
        format!("P{date}T{time}")
    }
}

/// A duration of hours, minutes and seconds.
pub(in crate::moment) fn of_seconds(seconds: i64) -> String {
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let mut text = String::from("PT");
    for (amount, letter) in [(hours, 'H'), (minutes, 'M'), (rest, 'S')] {
        if amount > 0 {
            text.push_str(&format!("{amount}{letter}"));
        }
    }
    if text.len() == 2 { "PT0S".to_owned() } else { text }
}
