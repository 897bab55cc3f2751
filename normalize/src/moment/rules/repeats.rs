//! What happens again and again.

use super::super::grammar::Rule;
use super::super::value::{Length, Repeat, Unit, Value};
use super::{lengths, rule};

pub(super) fn rules() -> Vec<Rule> {
    vec![
        rule("set", "{often}", |_, c| each(1.0, c.unit(0)?)),
        rule("set", "once? every|each|any {singular}", |_, c| each(1.0, c.unit(0)?)),
        rule("set", "everyday", |_, _| each(1.0, Unit::Day)),
        rule("set", "every other {singular}", |_, c| each(2.0, c.unit(0)?)),
        rule("set", "once? every|each {len1}", |_, c| {
            Some(repeat(lengths::timex(&c.length(0)?)))
        }),
        rule(
            "set",
            "( once | one | twice | {int} times )? a|per {singular}",
            |_, c| each(1.0, c.unit(0)?),
        ),
        rule("set", "weekdays", |_, _| each(1.0, Unit::Weekday)),
        rule("set", "every|each business|working day", |_, _| {
            each(1.0, Unit::BusinessDay)
        }),
        rule("set", "every|each {ord} {singular}", |_, c| {
            each(c.ordinal(0)? as f64, c.unit(0)?)
        }),
        rule("set", "all weekends", |_, _| each(1.0, Unit::Weekend)),
        rule("set", "every|each {wd}", |_, c| {
            Some(repeat(format!("XXXX-WXX-{}", c.weekday(0)?)))
        }),
        rule("set", "every|each {wd} {part}", |_, c| {
            Some(repeat(format!("XXXX-WXX-{}{}", c.weekday(0)?, c.part(0)?.timex())))
        }),
        rule("set", "every other {wd}", |_, c| {
            Some(repeat(format!("XXXX-WXX-{}", c.weekday(0)?)))
        }),
        rule("set", "the? < {ord} of every|each month >", |_, c| {
            Some(repeat(format!("XXXX-XX-{:02}", c.ordinal(0)?)))
        }),
        rule("set", "{manyparts}", |_, c| Some(repeat(c.part(0)?.timex().to_owned()))),
        rule("set", "{manydays} at? {clock}", |_, c| {
            Some(repeat(format!("XXXX-WXX-{}{}", c.weekday(0)?, c.clock(0)?.timex())))
        }),
        rule("set", "{manydays} at {hmdot}", |_, c| {
            Some(repeat(format!("XXXX-WXX-{}{}", c.weekday(0)?, c.clock(0)?.timex())))
        }),
        rule("set", "{manydays}", |_, c| {
            Some(repeat(format!("XXXX-WXX-{}", c.weekday(0)?)))
        }),
        rule("set", "{wd} {manyparts}", |_, c| {
            Some(repeat(format!("XXXX-WXX-{}{}", c.weekday(0)?, c.part(0)?.timex())))
        }),
        rule("set", "every|each {part}", |_, c| {
            Some(repeat(c.part(0)?.timex().to_owned()))
        }),
        rule("set", "every|each {part} at? {clock}", |_, c| {
            let clock = super::clocks::in_part(&c.clock(0)?, c.part(0)?)?;
            Some(repeat(clock.timex()))
        }),
        rule("set", "every|each {part} at {hour}", |_, c| {
            let clock = super::super::value::Clock::new(c.integer(0)?, None, None, true)?;
            Some(repeat(super::clocks::in_part(&clock, c.part(0)?)?.timex()))
        }),
        rule("set", "every|each day at {hour} .|,|?|!|␃", |_, c| {
            Some(repeat(
                super::super::value::Clock::new(c.integer(0)?, None, None, true)?.timex(),
            ))
        }),
        rule("set", "every|each day ( at | from )? {clock}", |_, c| {
            Some(repeat(c.clock(0)?.timex()))
        }),
        rule("set", "every|each night|weekday at? {clock}", |_, c| {
            Some(repeat(c.clock(0)?.timex()))
        }),
        rule("set", "every|each {festival}", |_, c| Some(repeat(c.day(0)?.timex))),
        rule("set", "the? < {ord} of every|each {singular} >", |_, c| {
            (c.unit(0)? == Unit::Month).then(|| repeat(format!("XXXX-XX-{:02}", c.ordinal(0).unwrap_or(1))))
        }),
        rule("set", "everyday at? {clock}", |_, c| Some(repeat(c.clock(0)?.timex()))),
        rule("set", "daily at {clock}", |_, c| Some(repeat(c.clock(0)?.timex()))),
        rule(
            "set",
            "at? < {clock} ( everyday | every day | each day | daily ) >",
            |_, c| Some(repeat(c.clock(0)?.timex())),
        ),
        rule("set", "every|each {wd} at? {clock}", |_, c| {
            Some(repeat(format!("XXXX-WXX-{}{}", c.weekday(0)?, c.clock(0)?.timex())))
        }),
        rule("set", "{clock} ( every | each ) {wd}", |_, c| {
            Some(repeat(format!("XXXX-WXX-{}{}", c.weekday(0)?, c.clock(0)?.timex())))
        }),
        rule("set", "every|each {ord} of the month", |_, c| {
            Some(repeat(format!("XXXX-XX-{:02}", c.ordinal(0)?)))
        }),
        rule("set", "every|each {md}", |_, c| Some(repeat(c.day(0)?.timex))),
        rule("set", "every|each {mon}", |_, c| {
            Some(repeat(format!("XXXX-{:02}", c.month(0)?)))
        }),
    ]
}

fn repeat(timex: String) -> Value {
    Value::Repeat(Repeat { timex })
}

#[expect(clippy::unnecessary_wraps, reason = "the form of an action")]
fn each(amount: f64, unit: Unit) -> Option<Value> {
    let length = Length {
        parts: vec![(amount, unit)],
        modifier: None,
    };
    Some(repeat(lengths::timex(&length)))
}
