//! Times of a day, and stretches of time from one to another.

use super::super::Context;
use super::super::calendar::{add, certain, full, shift};
use super::super::grammar::{Captures, Rule};
use super::super::value::{Both, Clock, Day, Hours, Modifier, Moment, Part, Reach, Stretch, Unit, Value};
use super::rule;
use jiff::civil::DateTime;

pub(super) fn rules() -> Vec<Rule> {
    vec![
        rule("anyday", "{day}", super::days::same),
        rule("anyday", "{theday}", super::days::same),
        rule("anyday", "{weekdayname}", super::days::same),
        rule("anyday", "{date}", super::days::same),
        rule(
            "moment",
            "{anyday} ( , | - | ~- | )? ( at | @ | for | around | about )? {clock}",
            at,
        ),
        rule("moment", "{anyday} , ( at | @ ) {clock}", at),
        rule("moment", "{anyday} ,? at around|about|approximately {clock}", at),
        rule("moment", "{daypart} at around|about {clock}", at_daypart),
        rule("moment", "{daypart} at around|about {hour}", at_daypart),
        rule("moment", "{anyday} ,? {athour}", at),
        rule("moment", "{anyday} at? {hmdot}", at),
        rule("moment", "at < {hour} {near} >", |_, c| {
            let clock = Clock::new(c.integer(0)?, None, None, true)?;
            Some(Value::Moment(Moment {
                day: c.day(0)?,
                clock,
                timex: None,
                modifier: None,
            }))
        }),
        rule("moment", "{fd} ~t ~{clock}", at),
        rule("moment", "{fd} ~t ~{clock} ~z", at),
        rule("moment", "{clock} ( , | on | of | for )? {anyday}", at),
        rule(
            "moment",
            "{anyday} ( in the | in )? {early}? {part} at? {clock}",
            at_part,
        ),
        rule(
            "moment",
            "{anyday} ( in the | in )? {early}? {part} at|around {hour}",
            at_part,
        ),
        rule("moment", "{anyday} at {hour} ( in the | in ) {part}", at_part),
        rule("moment", "{clock} {anyday} ( in the | in )? {part}", at_part),
        rule("moment", "{clock} {daypart}", at_daypart),
        rule("moment", "{daypart} ( at | around | about | by )? {clock}", at_daypart),
        rule("moment", "{daypart} at|around|about {hour}", at_daypart),
        rule("moment", "at < {hour} {daypart} >", at_daypart),
        rule("present", "now", |context, _| Some(present(context))),
        rule("moment", "asap", |context, _| {
            exact(context.reference, Some("FUTURE_REF".to_owned()))
        }),
        rule("moment", "as soon as possible", |context, _| {
            exact(context.reference, Some("FUTURE_REF".to_owned()))
        }),
        rule("moment", "recently|previously", |context, _| {
            exact(context.reference, Some("PAST_REF".to_owned()))
        }),
        rule("present", "right now", |context, _| Some(present(context))),
        rule("present", "at ( the | this )? present ( time )?", |context, _| {
            Some(present(context))
        }),
        rule("present", "at ( the | this ) moment|minute|time", |context, _| {
            Some(present(context))
        }),
        rule(
            "present",
            "at ( the | this ) ( present | current ) time|moment",
            |context, _| Some(present(context)),
        ),
        rule("present", "at present", |context, _| Some(present(context))),
        rule("moment", "{present}", |_, c| c.moment(0).map(Value::Moment)),
        rule("moment", "in {len}", |context, c| from_now(context, c, 1.0)),
        rule("moment", "{len} from now", |context, c| from_now(context, c, 1.0)),
        rule("moment", "{len} later|hence", |context, c| from_now(context, c, 1.0)),
        rule("moment", "{len} ago|earlier", |context, c| from_now(context, c, -1.0)),
        rule("moment", "the? eod", |context, _| {
            end_of(&certain(context.reference.date()))
        }),
        rule("moment", "( the )? < end of ( the )? day >", |context, _| {
            end_of(&certain(context.reference.date()))
        }),
        rule("moment", "the? end of {near}", |_, c| end_of(&c.day(0)?)),
        rule("moment", "( the )? < end of ( the )? {day} >", |_, c| {
            end_of(&c.day(0)?)
        }),
        rule("moment", "( the )? < end of the {weekdayname} >", |_, c| {
            end_of(&c.day(0)?)
        }),
    ]
}

/// Stretches of time within a day, or over several.
pub(super) fn stretch_rules() -> Vec<Rule> {
    vec![
        rule("daypart", "{anyday} ( in the | in | , )? {part}", |_, c| {
            daypart(&c.day(0)?, c.part(0)?, None)
        }),
        rule("daypart", "early|earlier {anyday} {part}", |_, c| {
            daypart(&c.day(0)?, c.part(0)?, Some("start"))
        }),
        rule("daypart", "late|later {anyday} {part}", |_, c| {
            daypart(&c.day(0)?, c.part(0)?, Some("end"))
        }),
        rule("daypart", "{anyday} early {part}", |_, c| {
            daypart(&c.day(0)?, c.part(0)?, Some("start"))
        }),
        rule("daypart", "{anyday} late {part}", |_, c| {
            daypart(&c.day(0)?, c.part(0)?, Some("end"))
        }),
        rule("daypart", "( in the | the )? {part} on|of {anyday}", |_, c| {
            daypart(&c.day(0)?, c.part(0)?, None)
        }),
        rule("daypart", "early in the {part} {anyday}", |_, c| {
            daypart(&c.day(0)?, c.part(0)?, Some("start"))
        }),
        rule("daypart", "late in the {part} {anyday}", |_, c| {
            daypart(&c.day(0)?, c.part(0)?, Some("end"))
        }),
        rule("daypart", "{relative} {part}", |context, c| {
            relative_part(context, c, None)
        }),
        rule("daypart", "later {relative} {part}", |context, c| {
            relative_part(context, c, Some("end"))
        }),
        rule("daypart", "earlier {relative} {part}", |context, c| {
            relative_part(context, c, Some("start"))
        }),
        rule("daypart", "early {relative} {part}", |context, c| {
            relative_part(context, c, Some("start"))
        }),
        rule("daypart", "late {relative} {part}", |context, c| {
            relative_part(context, c, Some("end"))
        }),
        rule("daypart", "tonight|tonite", |context, _| {
            daypart(&certain(context.reference.date()), Part::Night, None)
        }),
        rule("daypart", "{near} am", |_, c| daypart(&c.day(0)?, Part::Morning, None)),
        rule("daypart", "{near} pm", |_, c| {
            daypart(&c.day(0)?, Part::Afternoon, None)
        }),
        rule("daypart", "{wd} {part} {relweek}", |context, c| {
            let date = super::super::calendar::weekday_of_week(context, c.weekday(0)?, c.relative(0)?)?;
            daypart(&certain(date), c.part(0)?, None)
        }),
        rule("daypart", "the? < {ord} {wd} {part} of|in {month1} >", |context, c| {
            let Some(Value::Day(day)) = super::days::nth_weekday(context, c) else {
                return None;
            };
            daypart(&day, c.part(0)?, None)
        }),
        rule(
            "stretch",
            "the? < {ord} {wd} {loosehours} of|in {month1} >",
            |context, c| {
                let Some(Value::Day(day)) = super::days::nth_weekday(context, c) else {
                    return None;
                };
                on_day(&day, &c.hours(0)?).map(Value::Stretch)
            },
        ),
        rule("stretch", "{daypart}", |_, c| c.stretch(0).map(Value::Stretch)),
        rule(
            "stretch",
            "( on )? < {anyday} ( , | at | - )? {loosehours} >",
            with_hours,
        ),
        rule("stretch", "{loosehours} ( , | on | of | at )? {anyday}", with_hours),
        rule("stretch", "{daypart} ( , | at )? {loosehours}", in_daypart),
        rule("stretch", "{loosehours} ( , | on | of )? {daypart}", in_daypart),
        rule("stretch", "from|between {anypoint} {to} {anypoint}", from_to),
        rule("stretch", "from|between {anypoint} and {anypoint}", from_to),
        rule("stretch", "{moment} {to} {moment}", from_to),
        rule("anypoint", "{moment}", |_, c| c.moment(0).map(Value::Moment)),
        rule("anypoint", "{clock}", |_, c| c.clock(0).map(Value::Clock)),
        rule("stretch", "within ( the? {relative} )? {len}", |context, c| {
            within(context, &c.length(0)?, 1.0)
        }),
        rule("stretch", "within the next {singular} and {len}", |context, c| {
            let mut length = c.length(0)?;
            length.parts.insert(0, (1.0, c.unit(0)?));
            within(context, &length, 1.0)
        }),
        rule("stretch", "the? < {relative} {len} >", |context, c| {
            within(context, &c.length(0)?, if c.relative(0)? < 0 { -1.0 } else { 1.0 })
        }),
        rule("stretch", "the? < {relative} {singular} >", |context, c| {
            let length = super::super::value::Length {
                parts: vec![(1.0, c.unit(0)?)],
                modifier: None,
            };
            within(context, &length, if c.relative(0)? < 0 { -1.0 } else { 1.0 })
        }),
        rule("stretch", "early in the day {day}", |_, c| {
            part_of_day(&c.day(0)?, "start")
        }),
        rule("stretch", "earlier in? {near}", |_, c| part_of_day(&c.day(0)?, "start")),
        rule("daypart", "later tonight|tonite", |context, _| {
            daypart(&certain(context.reference.date()), Part::Night, Some("end"))
        }),
        rule("stretch", "early {near}", |_, c| part_of_day(&c.day(0)?, "start")),
        rule("stretch", "mid|mid-|midday {near}", |_, c| {
            part_of_day(&c.day(0)?, "mid")
        }),
        rule("stretch", "the? < {int} {relative} {plural} >", |context, c| {
            let length = super::super::value::Length {
                parts: vec![(c.integer(0)? as f64, c.unit(0)?)],
                modifier: None,
            };
            within(context, &length, if c.relative(0)? < 0 { -1.0 } else { 1.0 })
        }),
        rule("stretch", "late|later in? {near}", |_, c| {
            part_of_day(&c.day(0)?, "end")
        }),
    ]
}

fn at(_: &Context, c: &Captures) -> Option<Value> {
    let (day, clock) = (c.day(0)?, c.clock(0)?);
    let modifier = clock.modifier;
    Some(Value::Moment(Moment {
        day,
        clock,
        timex: None,
        modifier: modifier.filter(|_| false),
    }))
}

fn at_part(_: &Context, c: &Captures) -> Option<Value> {
    let clock = match c.clock(0) {
        Some(clock) => clock,
        None => Clock::new(c.integer(0)?, None, None, true)?,
    };
    let clock = super::clocks::in_part(&clock, c.part(0)?)?;
    Some(Value::Moment(Moment {
        day: c.day(0)?,
        clock,
        timex: None,
        modifier: None,
    }))
}

fn at_daypart(_: &Context, c: &Captures) -> Option<Value> {
    let (day, part) = c.stretch(0)?.part?;
    let clock = match c.clock(0) {
        Some(clock) => clock,
        None => Clock::new(c.integer(0)?, None, None, true)?,
    };
    let clock = super::clocks::in_part(&clock, part)?;
    Some(Value::Moment(Moment {
        day,
        clock,
        timex: None,
        modifier: None,
    }))
}

fn exact(moment: DateTime, timex: Option<String>) -> Option<Value> {
    let clock = Clock::new(
        i64::from(moment.hour()),
        Some(i64::from(moment.minute())),
        Some(i64::from(moment.second())),
        false,
    )?;
    Some(Value::Moment(Moment {
        day: certain(moment.date()),
        clock,
        timex,
        modifier: None,
    }))
}

fn present(context: &Context) -> Value {
    exact(context.reference, Some("PRESENT_REF".to_owned())).unwrap_or(Value::Word)
}

fn from_now(context: &Context, c: &Captures, direction: f64) -> Option<Value> {
    let length = c.length(0)?;
    if !length.parts.iter().any(|(_, unit)| unit.is_clock()) || length.modifier.is_some() {
        return None;
    }
    let mut moment = context.reference;
    for (amount, unit) in &length.parts {
        moment = shift(moment, amount * direction, *unit)?;
    }
    exact(moment, None)
}

fn end_of(day: &Day) -> Option<Value> {
    let clock = Clock::new(23, Some(59), Some(59), false)?;
    Some(Value::Moment(Moment {
        day: day.clone(),
        clock,
        timex: None,
        modifier: None,
    }))
}

/// The readings of a stretch whose ends may each have two.
pub(in crate::moment) fn reaches(
    timex: &str,
    start: Option<Both<DateTime>>,
    end: Option<Both<DateTime>>,
) -> Vec<Reach> {
    let of = |pick: fn(Both<DateTime>) -> DateTime| Reach {
        timex: timex.to_owned(),
        start: start.map(pick),
        end: end.map(pick),
    };
    let (past, future) = (of(|both| both.past), of(|both| both.future));
    if past == future {
        vec![future]
    } else {
        vec![past, future]
    }
}

fn daypart(day: &Day, part: Part, modifier: Option<Modifier>) -> Option<Value> {
    let (start, end) = super::hours::narrowed(part, modifier);
    let at = day.at?;
    let timex = format!("{}{}", day.timex, part.timex());
    Some(Value::Stretch(Stretch {
        reaches: reaches(
            &timex,
            Some(at.map(|date| date.to_datetime(start))),
            Some(at.map(|date| date.to_datetime(end))),
        ),
        modifier,
        part: Some((day.clone(), part)),
    }))
}

fn relative_part(context: &Context, c: &Captures, modifier: Option<Modifier>) -> Option<Value> {
    let day = add(context.reference.date(), c.relative(0)?, Unit::Day)?;
    daypart(&certain(day), c.part(0)?, modifier)
}

/// The first, the middle or the last hours of a day.
fn part_of_day(day: &Day, modifier: Modifier) -> Option<Value> {
    let at = day.at?;
    let hour = |hour: i8| move |date: jiff::civil::Date| date.at(hour, 0, 0, 0);
    let (start, end) = match modifier {
        "start" => (at.map(hour(0)), at.map(hour(12))),
        "mid" => (at.map(hour(10)), at.map(hour(14))),
        _ => (
            at.map(hour(12)),
            at.try_map(|date| Some(date.tomorrow().ok()?.at(0, 0, 0, 0)))?,
        ),
    };
    Some(Value::Stretch(Stretch {
        // Such hours are those of the day to come.
        reaches: reaches(&day.timex, Some(Both::same(start.future)), Some(Both::same(end.future))),
        modifier: Some(modifier),
        part: None,
    }))
}

/// Hours of a day; where they go over midnight they end on the next one.
fn on_day(day: &Day, hours: &Hours) -> Option<Stretch> {
    if hours.part.is_some() {
        return None;
    }
    let at = day.at?;
    let mut found = Vec::new();
    for (start, end) in &hours.spans {
        let over = end.seconds() <= start.seconds();
        let length = hours.length.clone().unwrap_or_else(|| super::hours::length(start, end));
        let mut last = day.timex.clone();
        if over {
            last = next_day(day)?;
        }
        let timex = format!("({}{},{last}{},{length})", day.timex, start.timex(), end.timex());
        let ends = at.try_map(|date| Some(add(date, i64::from(over), Unit::Day)?.to_datetime(end.time())))?;
        found.extend(reaches(
            &timex,
            Some(at.map(|date| date.to_datetime(start.time()))),
            Some(ends),
        ));
    }
    Some(Stretch {
        reaches: found,
        modifier: None,
        part: None,
    })
}

/// The timex of the day after.
fn next_day(day: &Day) -> Option<String> {
    if let Some(week) = day.weekday {
        return Some(format!("XXXX-WXX-{}", week % 7 + 1));
    }
    let next = add(day.at?.future, 1, Unit::Day)?;
    Some(match (day.year, day.month) {
        (Some(_), _) => next.to_string(),
        (None, Some(_)) => format!("XXXX-{:02}-{:02}", next.month(), next.day()),
        _ => format!("XXXX-XX-{:02}", next.day()),
    })
}

fn with_hours(_: &Context, c: &Captures) -> Option<Value> {
    on_day(&c.day(0)?, &c.hours(0)?).map(Value::Stretch)
}

fn in_daypart(_: &Context, c: &Captures) -> Option<Value> {
    let (day, part) = c.stretch(0)?.part?;
    on_day(&day, &super::hours::within(&c.hours(0)?, part)?).map(Value::Stretch)
}

/// A moment's readings: timex and the two dates with their time.
pub(in crate::moment) fn readings(moment: &Moment) -> Option<Vec<(String, Both<DateTime>)>> {
    let at = moment.day.at?;
    Some(
        moment
            .clock
            .readings()
            .into_iter()
            .map(|clock| {
                let timex = moment
                    .timex
                    .clone()
                    .unwrap_or_else(|| format!("{}{}", moment.day.timex, clock.timex()));
                let days = i64::from(clock.hour == 24);
                (
                    timex,
                    at.map(|date| add(date, days, Unit::Day).unwrap_or(date).to_datetime(clock.time())),
                )
            })
            .collect(),
    )
}

/// A day of a month, in the year that another one tells.
fn of_the_year_of(day: &Day, other: &Day) -> Day {
    let made = match (
        day.year,
        day.month,
        day.day,
        other.year.filter(|_| other.month.is_some()),
    ) {
        (None, Some(month), Some(number), Some(year)) => full(year, month, number),
        _ => None,
    };
    made.unwrap_or_else(|| day.clone())
}

/// From one moment to another, where the day of one may be that of the other.
fn from_to(context: &Context, c: &Captures) -> Option<Value> {
    let first =
        c.0.iter()
            .find(|value| matches!(value, Value::Moment(_) | Value::Clock(_)))?;
    let (start, end) = match (first, c.moment(0), c.moment(1), c.clock(0)) {
        (_, Some(start), Some(end), _) => (start, end),
        (Value::Moment(_), Some(start), None, Some(clock)) => {
            let day = start.day.clone();
            (
                start,
                Moment {
                    day,
                    clock,
                    timex: None,
                    modifier: None,
                },
            )
        }
        (Value::Clock(_), Some(end), None, Some(clock)) => {
            // A time without a day is one of today.
            let day = certain(context.reference.date());
            (
                Moment {
                    day,
                    clock,
                    timex: None,
                    modifier: None,
                },
                end,
            )
        }
        _ => return None,
    };
    // A year that one of them tells is that of both.
    let (first, last) = (
        of_the_year_of(&start.day, &end.day),
        of_the_year_of(&end.day, &start.day),
    );
    let (start, end) = (Moment { day: first, ..start }, Moment { day: last, ..end });
    let (starts, ends) = (readings(&start)?, readings(&end)?);
    let mut found: Vec<Reach> = Vec::new();
    for (nth, (first, from)) in starts.iter().enumerate() {
        // Both before noon or both after it, where both are open.
        let (last, to) = if ends.len() == starts.len() {
            ends.get(nth)?
        } else {
            ends.iter().find(|(_, to)| to.future > from.future).or(ends.first())?
        };
        let range = from.until(*to);
        if range.future.0 >= range.future.1 {
            continue;
        }
        let seconds = range.future.0.duration_until(range.future.1).as_secs();
        let timex = format!("({first},{last},{})", super::lengths::of_seconds(seconds));
        for reach in reaches(&timex, Some(range.map(|span| span.0)), Some(range.map(|span| span.1))) {
            if !found.contains(&reach) {
                found.push(reach);
            }
        }
    }
    // An hour that is still to come can't begin what ends now.
    (!found.is_empty()).then_some(Value::Stretch(Stretch {
        reaches: found,
        modifier: None,
        part: None,
    }))
}

fn within(context: &Context, length: &super::super::value::Length, direction: f64) -> Option<Value> {
    if !length.parts.iter().any(|(_, unit)| unit.is_clock()) || length.modifier.is_some() {
        return None;
    }
    let now = context.reference;
    let mut other = now;
    for (amount, unit) in &length.parts {
        other = shift(other, amount * direction, *unit)?;
    }
    let (start, end) = if direction > 0.0 { (now, other) } else { (other, now) };
    let timex = format!("({start},{end},{})", super::lengths::timex(length));
    Some(Value::Stretch(Stretch {
        reaches: reaches(&timex, Some(Both::same(start)), Some(Both::same(end))),
        modifier: None,
        part: None,
    }))
}
