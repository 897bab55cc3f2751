//! Times of day: `{clock}` stands for itself, `{hour}` is a number that a neighbour makes a time.

use super::super::Context;
use super::super::grammar::{Captures, Rule};
use super::super::value::{Clock, Value};
use super::rule;

pub(super) fn rules() -> Vec<Rule> {
    vec![
        rule("half", "am|a.m", |_, _| Some(Value::Offset(0))),
        rule("half", "a ( ~. | . ) m ( ~. | . )?", |_, _| Some(Value::Offset(0))),
        rule("half", "a m", |_, _| Some(Value::Offset(0))),
        rule("half", "pm", |_, _| Some(Value::Offset(1))),
        rule("half", "p ( ~. | . ) m ( ~. | . )?", |_, _| Some(Value::Offset(1))),
        rule("half", "p m", |_, _| Some(Value::Offset(1))),
        rule("shorthalf", "a", |_, _| Some(Value::Offset(0))),
        rule("shorthalf", "p", |_, _| Some(Value::Offset(1))),
        rule("hour", "{dd}", hour),
        rule("hour", "{integer}", hour),
        // Hours and minutes, with a colon or a point.
        rule("hm", "{dd} ~: ~{yy}", hour_minute),
        rule("hm", "{dd} ~: ~{yy} ~: ~{yy}", hour_minute),
        rule("hm", "{dd} ~h ~{yy}", hour_minute),
        rule("hmdot", "{dd} ~. ~{yy}", hour_minute),
        rule("hmshort", "{hmm}", |_, c| {
            let number = c.integer(0)?;
            Clock::new(number / 100, Some(number % 100), None, true).map(Value::Clock)
        }),
        rule("exact", "{hmshort} {half}", with_half),
        rule("hmplain", "{hhmm}", |_, c| {
            let number = c.integer(0)?;
            Clock::new(number / 100, Some(number % 100), None, true).map(Value::Clock)
        }),
        rule("hmwords", "{integer} -? {words}", |_, c| {
            let (hour, minute) = (c.integer(0)?, c.integer(1)?);
            ((1..=12).contains(&hour) && (10..60).contains(&minute))
                .then(|| Clock::new(hour, Some(minute), None, true).map(Value::Clock))?
        }),
        rule("hmwords", "{integer} {words} minutes", |_, c| {
            let (hour, minute) = (c.integer(0)?, c.integer(1)?);
            ((1..=12).contains(&hour) && (10..60).contains(&minute))
                .then(|| Clock::new(hour, Some(minute), None, true).map(Value::Clock))?
        }),
        rule("hmwords", "{integer} ( oh | o ) {integer}", |_, c| {
            Clock::new(c.integer(0)?, Some(c.integer(1)?), None, true).map(Value::Clock)
        }),
        rule("exact", "{hour} {half}", with_half),
        rule("exact", "{hour} ~{half}", with_half),
        rule("exact", "{hour} ~. ~{half}", with_half),
        rule("exact", "{dd} ~{shorthalf}", with_half),
        rule("exact", "{hm} {half}", with_half),
        rule("exact", "{hm} ~{shorthalf}", with_half),
        rule("exact", "{hmdot} {half}", with_half),
        rule("exact", "{hmplain} {half}", with_half),
        rule("exact", "{hmwords} {half}", with_half),
        rule("clock", "{exact}", same),
        rule("zonedclock", "{exact} {zone}", same),
        rule("zonedclock", "{hm} {zone}", same),
        rule("clock", "{hour} at night", |_, c| {
            let clock = Clock::new(c.integer(0)?, None, None, true)?;
            in_part(&clock, super::super::value::Part::Night).map(Value::Clock)
        }),
        rule("clock", "{hm}", same),
        rule("clock", "{hmwords}", same),
        rule("clock", "at {hmdot}", same),
        rule("clock", "at {hmdot} {half}", with_half),
        rule("clock", "{hour} ( o'clock | oclock | o ' clock )", bare),
        rule("clock", "{hour} ( o'clock | oclock | o ' clock ) {half}", with_half),
        rule("clock", "( 12 | twelve )? noon|midday|noontime", |_, _| {
            Clock::new(12, None, None, false).map(Value::Clock)
        }),
        rule("clock", "( 12 | twelve )? ( at )? midnight", |_, _| {
            Clock::new(0, None, None, false).map(Value::Clock)
        }),
        rule("clock", "mid ( - | ~- )? night", |_, _| {
            Clock::new(0, None, None, false).map(Value::Clock)
        }),
        rule("clock", "mid ( - | ~- )? morning", |_, _| {
            Clock::new(10, None, None, false).map(Value::Clock)
        }),
        rule("clock", "mid ( - | ~- )? afternoon", |_, _| {
            Clock::new(14, None, None, false).map(Value::Clock)
        }),
        rule("clock", "mid ( - | ~- )? day", |_, _| {
            Clock::new(12, None, None, false).map(Value::Clock)
        }),
        rule("clock", "midmorning", |_, _| {
            Clock::new(10, None, None, false).map(Value::Clock)
        }),
        rule("clock", "midafternoon", |_, _| {
            Clock::new(14, None, None, false).map(Value::Clock)
        }),
        rule("clock", "noonish", |_, _| {
            Clock::new(12, None, None, false).map(Value::Clock)
        }),
        rule("clock", "{dd} ~- ~ish", |_, c| {
            Clock::new(c.integer(0)?, None, None, false).map(Value::Clock)
        }),
        rule("clock", "{dd} ~ish", |_, c| {
            Clock::new(c.integer(0)?, None, None, false).map(Value::Clock)
        }),
        rule("clock", "{hm} ~ish", |_, c| {
            let mut clock = c.clock(0)?;
            clock.open = false;
            Some(Value::Clock(clock))
        }),
        rule("target", "{hour}", bare),
        rule("target", "{hour} ( o'clock | oclock )", bare),
        rule("target", "{hour} {half}", with_half),
        rule("target", "noon|midday", |_, _| {
            Clock::new(12, None, None, false).map(Value::Clock)
        }),
        rule("target", "midnight", |_, _| {
            Clock::new(0, None, None, false).map(Value::Clock)
        }),
        rule("clock", "half past {target}", |_, c| past(&c.clock(0)?, 30)),
        rule(
            "clock",
            "{int} ( minutes | minute | mins | min )? past|after {target}",
            |_, c| past(&c.clock(0)?, c.integer(0)?),
        ),
        rule(
            "clock",
            "{int} ( minutes | minute | mins | min ) to|before|of|till {target}",
            |_, c| past(&c.clock(0)?, -c.integer(0)?),
        ),
        rule("clock", "{words} to {target}", |_, c| {
            // Five to seven are hours more often.
            let minutes = c.integer(0).filter(|minutes| (13..=29).contains(minutes))?;
            past(&c.clock(0)?, -minutes)
        }),
        rule("clock", "( a )? quarter past|after {target}", |_, c| {
            past(&c.clock(0)?, 15)
        }),
        rule("clock", "( a )? quarter to|before|of|till {target}", |_, c| {
            past(&c.clock(0)?, -15)
        }),
        rule("clock", "three quarters past {target}", |_, c| past(&c.clock(0)?, 45)),
        // A part of the day tells which half is meant.
        rule("clock", "{clock} ( in the | at )? {part}", with_part),
        rule("clock", "{clock} {early} {part}", with_part),
        rule("clock", "{hour} ( o'clock )? in the {part}", with_part),
        rule("clock", "( in the | in )? {part} at? {clock}", with_part),
        rule("clock", "( in the | in )? {part} at {hour}", with_part),
        rule("clock", "{early} {part} at {clock}", with_part),
        rule("clock", "{early} {part} at {hour}", with_part),
        rule("early", "early|late", |_, _| Some(Value::Word)),
        rule("clock", "around|about|approximately|circa {clock}", |_, c| {
            let mut clock = c.clock(0)?;
            clock.modifier = Some("approx");
            Some(Value::Clock(clock))
        }),
        // A bare number is a time after "at", where nothing follows that it could count.
        rule("loneclock", "at < {hour} > {end}", bare_small),
        rule("end", ".|,|?|!|;|:|␃|\\)", |_, _| Some(Value::Word)),
        rule(
            "end",
            "with|for|in|on|to|and|or|if|but|so|please|is|was|then|instead|works|sharp|as|when|because",
            |_, _| Some(Value::Word),
        ),
        rule("loose", "{clock}", same),
        rule("loose", "{hmdot}", same),
        rule("loose", "{hour}", bare),
        rule("loose", "{hmplain}", same),
        rule("athour", "at|around|about|@ {hour}", bare_small),
        rule("zone", "pst|pdt|est|edt|mst|mdt", |_, _| Some(Value::Word)),
        rule("zone", "pacific|mountain|central|eastern timezone", |_, _| {
            Some(Value::Word)
        }),
        rule("zone", "pacific|mountain|central|eastern time zone", |_, _| {
            Some(Value::Word)
        }),
        rule(
            "zone",
            "pacific|mountain|central|eastern standard|daylight time",
            |_, _| Some(Value::Word),
        ),
    ]
}

fn same(_: &Context, c: &Captures) -> Option<Value> {
    c.clock(0).map(Value::Clock)
}

fn hour(_: &Context, c: &Captures) -> Option<Value> {
    c.integer(0).filter(|hour| (0..=24).contains(hour)).map(Value::Integer)
}

fn bare(_: &Context, c: &Captures) -> Option<Value> {
    Clock::new(c.integer(0)?, None, None, true).map(Value::Clock)
}

fn bare_small(_: &Context, c: &Captures) -> Option<Value> {
    let hour = c.integer(0).filter(|hour| (1..=12).contains(hour))?;
    Clock::new(hour, None, None, true).map(Value::Clock)
}

fn hour_minute(_: &Context, c: &Captures) -> Option<Value> {
    Clock::new(c.integer(0)?, c.integer(1), c.integer(2), true).map(Value::Clock)
}

fn with_half(_: &Context, c: &Captures) -> Option<Value> {
    let clock = match c.clock(0) {
        Some(clock) => clock,
        None => Clock::new(c.integer(0)?, None, None, true)?,
    };
    if clock.hour == 0 && c.offset(0)? == 1 {
        return None;
    }
    Some(Value::Clock(clock.at_half(c.offset(0)? == 1)))
}

fn past(target: &Clock, minutes: i64) -> Option<Value> {
    if !(1..60).contains(&minutes.abs()) || target.minute.is_some() {
        return None;
    }
    let total = (i64::from(target.hour) * 60 + minutes).rem_euclid(24 * 60);
    let total = if target.open && total < 60 {
        total + 12 * 60
    } else {
        total
    };
    Clock::new(total / 60, Some(total % 60), None, target.open).map(Value::Clock)
}

fn with_part(_: &Context, c: &Captures) -> Option<Value> {
    let clock = match c.clock(0) {
        Some(clock) => clock,
        None => Clock::new(c.integer(0)?, None, None, true)?,
    };
    in_part(&clock, c.part(0)?).map(Value::Clock)
}

/// A time in a part of the day: at night, 8 is in the evening and 3 in the morning.
#[expect(clippy::unnecessary_wraps, reason = "its callers go on with `?`")]
pub(super) fn in_part(clock: &Clock, part: super::super::value::Part) -> Option<Clock> {
    use super::super::value::Part;
    if !clock.open {
        return Some(clock.clone());
    }
    let late = match part {
        Part::Night => (6..12).contains(&clock.hour),
        Part::NightTime => (8..12).contains(&clock.hour),
        Part::Lunch => (1..=4).contains(&clock.hour) || clock.hour == 12,
        _ => part.is_late(),
    };
    Some(clock.at_half(late))
}
