//! From one day or period to another, and lengths of time that begin or end today.

use super::super::Context;
use super::super::calendar::{add, certain, days_between, month_day, months_between, period, written};
use super::super::grammar::{Captures, Rule};
use super::super::value::{Both, Day, Grain, Length, Period, Unit, Value};
use super::rule;
use jiff::civil::Date;

pub(super) fn rules() -> Vec<Rule> {
    vec![
        // The point where a range begins or ends: a day, or the first day of a period.
        rule("point", "{date}", point),
        rule("point", "{day}", point),
        rule("point", "now", |context, _| {
            Some(Value::Period(single(&certain(context.reference.date()))?))
        }),
        rule("point", "{yearperiod}", point),
        rule("point", "{month1}", point),
        rule("point", "{monthweak}", point),
        rule("point", "{quarter}", point),
        rule("point", "the? {staged}", |_, c| {
            // The end of a period is the day after it.
            let mut made = c.period(0)?;
            let stage = made.modifier.take()?;
            let at = made.at?.map(|(start, end)| match stage {
                "end" => (end, end),
                // The middle of a month is its sixteenth.
                "mid" if made.grain == Grain::Year => {
                    (Date::new(made.year.unwrap_or(start.year()), 7, 2).unwrap_or(start), end)
                }
                "mid" if made.grain == Grain::Month => (add(start, 6, Unit::Day).unwrap_or(start), end),
                _ => (start, end),
            });
            let date = at.future.0;
            let open = made.timex.starts_with("XXXX");
            made.first = if open {
                format!("XXXX-{:02}-{:02}", date.month(), date.day())
            } else {
                written(date)
            };
            made.at = Some(at);
            made.grain = Grain::Month;
            Some(Value::Period(made))
        }),
        rule("range", "{date} {to} {date}", between),
        rule("range", "( from )? {weekdayname} {to} {weekdayname}", between),
        rule("range", "from|between {point} {to} the? {point}", between),
        rule("range", "between {point} and the? {point}", between),
        rule("range", "{point} {to} the? {point}", between),
        // 9 to 12 of June, April 9th through 17th.
        rule(
            "range",
            "( from | between )? the? {dom} {to} the? {dom} of? {mon}",
            days_of_month,
        ),
        rule(
            "range",
            "( from | between )? the? {dom} {to} the? {dom} of? {mon} ,|of|in? {year}",
            days_of_month,
        ),
        rule(
            "range",
            "from|between the? {dom} and the? {dom} of? {mon}",
            days_of_month,
        ),
        rule(
            "range",
            "from|between the? {dom} and the? {dom} of? {mon} ,|of|in? {year}",
            days_of_month,
        ),
        rule("range", "from|between {mon} the? {dom} and the? {dom}", days_of_month),
        rule(
            "range",
            "on? ( from | between )? {mon} the? {dom} {to} the? {dom}",
            days_of_month,
        ),
        rule(
            "range",
            "on? ( from | between )? {mon} the? {dom} {to} the? {dom} ,|of|in? {year}",
            days_of_month,
        ),
        rule("to", "to|-|till|til|until|thru|through|~", |_, _| Some(Value::Word)),
        rule("period", "{range}", |_, c| c.period(0).map(Value::Period)),
        // Of two days that share a month the first can be told by its number.
        rule("day", "< {dd} > and|or {date}", |context, c| {
            month_day(context, c.day(0)?.month?, i8::try_from(c.integer(0)?).ok()?).map(Value::Day)
        }),
        rule(
            "period",
            "for? < {len} ,? starting|beginning ( on | from )? {point} >",
            lasting_from,
        ),
        rule("period", "for {len} ,? from {point}", lasting_from),
        rule("period", "the? < {relative} {count} >", |context, c| {
            around_today(context, c.relative(0)?, &c.length(0)?)
        }),
        rule("period", "the? < {relative} {count} and? {len} >", |context, c| {
            let parts = [c.length(0)?.parts, c.length(1)?.parts].concat();
            around_today(context, c.relative(0)?, &Length { parts, modifier: None })
        }),
        rule("period", "the? < {int} {relative} {plural} >", |context, c| {
            let length = Length {
                parts: vec![(c.integer(0)? as f64, c.unit(0)?)],
                modifier: None,
            };
            around_today(context, c.relative(0)?, &length)
        }),
        rule("period", "the last {count} of {point}", |_, c| {
            let (_, end) = c.period(0)?.at?.future;
            let (amount, unit) = *c.length(0)?.parts.first()?;
            let end = if unit == Unit::Week {
                super::super::calendar::monday(add(end, -1, Unit::Day)?)?
            } else {
                end
            };
            let start = add(end, -(amount as i64), unit)?;
            told(start, end, &c.length(0)?)
        }),
        rule("period", "the? first {count} of {point}", |_, c| {
            let of = c.period(0)?;
            let (mut start, _) = of.at?.future;
            let length = c.length(0)?;
            if of.grain == Grain::Year && length.parts.first()?.1 == Unit::Week {
                // The first week of a year is the one in which its fourth day is.
                start = super::super::calendar::monday(add(start, 3, Unit::Day)?)?;
            }
            lasting(start, &length)
        }),
        rule("period", "within ( the? {relative} )? {len}", |context, c| {
            let length = c.length(0)?;
            if length.parts.iter().any(|(_, unit)| unit.is_clock()) {
                return None;
            }
            lasting(context.reference.date(), &length)
        }),
        rule("unitword", "{unit}", |_, c| {
            c.unit(0)
                .filter(|unit| !unit.is_clock() && *unit != Unit::Quarter)
                .map(Value::Unit)
        }),
        rule(
            "range",
            "( from | between )? the? {dom} {to} the? {dom} ( of | in )? {monthrel}",
            |_, c| {
                let (first, _) = c.period(0)?.at?.future;
                let day = |number: i64| Date::new(first.year(), first.month(), i8::try_from(number).ok()?).ok();
                join(
                    &single(&certain(day(c.integer(0)?)?))?,
                    &single(&certain(day(c.integer(1)?)?))?,
                )
                .map(Value::Period)
            },
        ),
        rule("count", "{int} {unitword}", |_, c| {
            Some(Value::Length(Length {
                parts: vec![(c.integer(0)? as f64, c.unit(0)?)],
                modifier: None,
            }))
        }),
        rule("count", "{vague} {unitword}", |_, c| {
            Some(Value::Length(Length {
                parts: vec![(c.integer(0)? as f64, c.unit(0)?)],
                modifier: None,
            }))
        }),
        rule("count", "decade|century", |_, _| {
            Some(Value::Length(Length {
                parts: vec![(1.0, Unit::Decade)],
                modifier: None,
            }))
        }),
    ]
}

/// A day as a period that no more than begins.
pub(super) fn single(day: &Day) -> Option<Period> {
    let at = day.at?.map(|date| (date, date));
    let mut made = period(day.timex.clone(), super::days::written_or_open(day), Grain::Day, at);
    (made.year, made.month) = (day.year, day.month);
    Some(made)
}

fn lasting_from(context: &Context, c: &Captures) -> Option<Value> {
    let at = c.period(0)?.at?;
    // Without a year that of now is meant.
    let this = [at.past.0, at.future.0]
        .into_iter()
        .find(|date| date.year() == context.reference.year());
    lasting(this.unwrap_or(at.future.0), &c.length(0)?)
}

fn point(_: &Context, c: &Captures) -> Option<Value> {
    match c.day(0) {
        Some(day) => single(&day).map(Value::Period),
        None => c.period(0).map(Value::Period),
    }
}

/// What lies between two points; a year that only the second tells is that of both.
fn between(_: &Context, c: &Captures) -> Option<Value> {
    let (mut start, end) = match (c.period(0), c.period(1)) {
        (Some(start), Some(end)) => (start, end),
        _ => (single(&c.day(0)?)?, single(&c.day(1)?)?),
    };
    let open = start
        .first
        .strip_prefix("XXXX-")
        .and_then(|first| first.get(..2)?.parse::<i8>().ok());
    let last = end.month.or_else(|| end.first.get(5..7)?.parse().ok());
    if let (None, Some(month), Some(year), Some(last)) = (start.year, open, end.year, last)
        && (start.month.is_some() == end.month.is_some())
    {
        let year = if month > last { year - 1 } else { year };
        let day: i8 = start.first.get(8..10).and_then(|day| day.parse().ok()).unwrap_or(1);
        let date = Date::new(year, month, day).ok()?;
        start.at = Some(Both::same((date, date)));
        start.first = written(date);
    }
    // A weekday that a range ends with is the next one after its beginning.
    let mut end = end;
    if let (Some(from), Some(to)) = (start.at, end.at)
        && end.first.starts_with("XXXX-WXX")
        && !start.first.starts_with("XXXX")
        && to.future.0 <= from.future.0
    {
        let weeks = days_between(to.future.0, from.future.0) / 7 + 1;
        let date = add(to.future.0, weeks, Unit::Week)?;
        (end.first, end.at) = (written(date), Some(Both::same((date, date))));
    }
    // 2017-q1 is one quarter, not the time between two.
    if start.grain == Grain::Year && end.year.is_none() && end.grain == Grain::Month && end.timex.starts_with("(XXXX") {
        return None;
    }
    join(&start, &end).map(Value::Period)
}

/// The range from the first day of one period to the first day of another.
fn join(start: &Period, end: &Period) -> Option<Period> {
    let (from, to) = (start.at?.map(|(first, _)| first), end.at?.map(|(first, _)| first));
    let mut range = from.until(to);
    // An end without a year is not more than one away.
    if end.first.starts_with("XXXX") {
        for (first, last) in [&mut range.past, &mut range.future] {
            while to.past != to.future && add(*last, -1, Unit::Year)? > *first {
                *last = add(*last, -1, Unit::Year)?;
            }
            while *last < *first && days_between(*last, *first) > 366 {
                *last = add(*last, 1, Unit::Year)?;
            }
        }
    }
    let (first, last) = range.future;
    if first > last {
        return None;
    }
    let grain = start.grain.min(end.grain);
    let length = match grain {
        Grain::Year => format!("P{}Y", i64::from(last.year() - first.year())),
        Grain::Month => format!("P{}M", months_between(first, last)),
        _ => format!("P{}D", days_between(first, last)),
    };
    Some(period(
        format!("({},{},{length})", start.first, end.first),
        start.first.clone(),
        Grain::Day,
        range,
    ))
}

fn days_of_month(context: &Context, c: &Captures) -> Option<Value> {
    let numbers: Vec<i64> =
        c.0.iter()
            .filter_map(|value| match value {
                Value::Integer(number) => Some(*number),
                _ => None,
            })
            .collect();
    let month = c.month(0)?;
    let day = |number: i64| match numbers.get(2) {
        Some(year) => super::super::calendar::full(*year as i16, month, number as i8),
        None => month_day(context, month, number as i8),
    };
    let (first, last) = (*numbers.first()?, *numbers.get(1)?);
    if first >= last {
        return None;
    }
    join(&single(&day(first)?)?, &single(&day(last)?)?).map(Value::Period)
}

/// So long from a day on.
fn lasting(start: Date, length: &Length) -> Option<Value> {
    let mut end = start;
    for (amount, unit) in &length.parts {
        end = add(end, *amount as i64, *unit)?;
    }
    told(start, end, length)
}

#[expect(clippy::unnecessary_wraps, reason = "the form of an action")]
fn told(start: Date, end: Date, length: &Length) -> Option<Value> {
    let timex = format!("({start},{end},{})", super::lengths::timex(length));
    Some(Value::Period(period(
        timex,
        written(start),
        Grain::Day,
        Both::same((start, end)),
    )))
}

/// The last or next so many days, weeks, months, years. What is to come begins tomorrow.
fn around_today(context: &Context, direction: i64, length: &Length) -> Option<Value> {
    let today = context.reference.date();
    let (amount, unit) = *length.parts.first()?;
    let amount = amount as i64;
    let made = if direction == 1 {
        lasting(add(today, 1, Unit::Day)?, length)?
    } else {
        let mut start = today;
        for (amount, unit) in &length.parts {
            if unit.is_clock() {
                return None;
            }
            start = add(start, -(*amount as i64), *unit)?;
        }
        told(start, today, length)?
    };
    let Value::Period(mut made) = made else { return None };
    if unit == Unit::BusinessDay {
        let days: Vec<Date> = if direction == 1 {
            (1..=amount.min(400))
                .map(|nth| add(today, nth, unit))
                .collect::<Option<_>>()?
        } else {
            (1..=amount.min(400))
                .rev()
                .map(|nth| add(today, -nth, unit))
                .collect::<Option<_>>()?
        };
        let (first, last) = (*days.first()?, add(*days.last()?, 1, Unit::Day)?);
        made.timex = format!("({first},{last},{})", super::lengths::timex(length));
        made.at = Some(Both::same((first, last)));
        made.list = Some(days.iter().map(|day| written(*day)).collect::<Vec<_>>().join(","));
    }
    Some(Value::Period(made))
}
