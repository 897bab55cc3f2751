//! Weeks, fortnights and weekends.

use super::super::Context;
use super::super::calendar::{add, certain, monday, period, week, weekday_of_week, written};
use super::super::grammar::{Captures, Rule};
use super::super::value::{Both, Grain, Period, Unit, Value};
use super::periods::same;
use super::rule;
use jiff::civil::Date;

pub(super) fn rules() -> Vec<Rule> {
    vec![
        rule("weekperiod", "the? < {relative} week >", |context, c| {
            nth_week(context, c.relative(0)?)
        }),
        rule("weekperiod", "the week", |context, _| nth_week(context, 0)),
        rule("weekperiod", "the week after next", |context, _| nth_week(context, 2)),
        rule("weekperiod", "the week before last", |context, _| nth_week(context, -2)),
        rule(
            "weekperiod",
            "the? < {relative} working|work|business week >",
            |context, c| {
                let Some(Value::Period(mut week)) = nth_week(context, c.relative(0)?) else {
                    return None;
                };
                week.at = Some(
                    week.at?
                        .map(|(first, _)| first)
                        .try_map(|first| Some((first, add(first, 5, Unit::Day)?)))?,
                );
                Some(Value::Period(week))
            },
        ),
        rule("period", "{weekperiod}", same),
        rule("period", "the < week {int} of {year} >", |_, c| {
            let year = c.get(0, |value| match value {
                Value::Integer(year) if *year > 1000 => Some(*year),
                _ => None,
            })?;
            week_of_year(year as i16, c.integer(0)?)
        }),
        rule("period", "the? < week {int} >", |context, c| {
            week_of_year(context.reference.year(), c.integer(0)?)
        }),
        rule("period", "the? < week {int} ,|of {yearperiod} >", |_, c| {
            week_of_year(c.period(0)?.year?, c.integer(0)?)
        }),
        rule("period", "the? {ord} week ( of | in )? {yearperiod}", |_, c| {
            week_of_year(c.period(0)?.year?, c.ordinal(0)?)
        }),
        rule("period", "the? last week of|in {yearperiod}", |_, c| {
            let end = c.period(0)?.at?.future.1;
            week(monday(add(end, -4, Unit::Day)?)?).map(Value::Period)
        }),
        rule("period", "the? {ord} week of|in {month1}", |_, c| {
            week_of_month(&c.period(0)?, Some(c.ordinal(0)?))
        }),
        rule("period", "the? last week of|in {month1}", |_, c| {
            week_of_month(&c.period(0)?, None)
        }),
        rule(
            "period",
            "( the week ) of|commencing|beginning|starting ( on | from )? {day}",
            week_with,
        ),
        rule("period", "( the week ) of {theday}", week_with),
        rule("period", "w / c {day}", week_with),
        rule("period", "the? < {relative} fortnight >", |context, c| {
            fortnight(context, c.relative(0)?)
        }),
        rule("period", "the fortnight", |context, _| fortnight(context, 0)),
        // Weekends.
        rule("weekendperiod", "the? < {relative} weekend >", |context, c| {
            weekend(context, c.relative(0)?)
        }),
        rule("weekendperiod", "weekend", |context, _| weekend(context, 0)),
        rule("weekendperiod", "the weekend", |context, _| weekend(context, 0)),
        rule("period", "{weekendperiod}", same),
        rule("period", "that weekend", |context, _| {
            let Some(Value::Period(mut made)) = weekend(context, 0) else {
                return None;
            };
            (made.timex, made.modifier) = ("XXXX-WXX-WE".to_owned(), Some("ref_undef"));
            Some(Value::Period(made))
        }),
        rule("period", "{festival} weekend", weekend_at),
        rule("period", "{md} weekend", weekend_at),
        rule("period", "the? weekend of {festival}", weekend_at),
        rule("period", "the? weekend of {date}", weekend_at),
        rule("period", "{festival} weekend {year}", |context, c| {
            let day = c.day(0)?;
            let of = |year: i16| {
                Date::new(year, day.month?, day.day?)
                    .ok()
                    .or(day.at.map(|at| at.future))
            };
            weekend_around(context, &certain(of(c.integer(0)? as i16)?))
        }),
    ]
}

fn nth_week(context: &Context, weeks: i64) -> Option<Value> {
    week(weekday_of_week(context, 1, weeks)?).map(Value::Period)
}

fn week_of_year(year: i16, number: i64) -> Option<Value> {
    let first = monday(Date::new(year, 1, 4).ok()?)?;
    let start = (1..=53)
        .contains(&number)
        .then(|| add(first, (number - 1) * 7, Unit::Day))??;
    let mut made = week(start)?;
    made.timex = format!("{year:04}-W{number:02}");
    Some(Value::Period(made))
}

/// A week of a month; weeks are counted from the one in which the month's first Thursday is. Without number the last.
fn week_of_month(month: &Period, number: Option<i64>) -> Option<Value> {
    let of = |(first, end): (Date, Date)| {
        let start = if let Some(number) = number {
            let this = monday(first)?;
            let skipped = i64::from(first.weekday().to_monday_one_offset() > 4);
            add(this, (skipped + number - 1) * 7, Unit::Day)?
        } else {
            let last = add(end, -1, Unit::Day)?;
            let skipped = i64::from(last.weekday().to_monday_one_offset() < 4);
            add(monday(last)?, -7 * skipped, Unit::Day)?
        };
        Some((start, add(start, 7, Unit::Day)?))
    };
    let at = month.at?.try_map(of)?;
    let timex = format!("{}-W{:02}", month.timex, number.unwrap_or(5));
    Some(Value::Period(period(timex, written(at.future.0), Grain::Week, at)))
}

/// The week that a day is in.
fn week_with(_: &Context, c: &Captures) -> Option<Value> {
    let day = c.day(0)?;
    let at = day.at?.try_map(|date| {
        let first = monday(date)?;
        Some((first, add(first, 7, Unit::Day)?))
    })?;
    Some(Value::Period(period(day.timex.clone(), day.timex, Grain::Week, at)))
}

fn fortnight(context: &Context, direction: i64) -> Option<Value> {
    let this = monday(context.reference.date())?;
    let start = add(this, direction * 2, Unit::Week)?;
    let end = add(start, 2, Unit::Week)?;
    Some(Value::Period(period(
        format!("({start},{end},P2W)"),
        written(start),
        Grain::Week,
        Both::same((start, end)),
    )))
}

fn weekend_from(first: Date) -> Option<Period> {
    let start = add(first, 5, Unit::Day)?;
    let mut made = week(first)?;
    made.timex.push_str("-WE");
    made.at = Some(Both::same((start, add(start, 2, Unit::Day)?)));
    made.first = written(start);
    Some(made)
}

fn weekend(context: &Context, weeks: i64) -> Option<Value> {
    weekend_from(weekday_of_week(context, 1, weeks)?).map(Value::Period)
}

fn weekend_at(context: &Context, c: &Captures) -> Option<Value> {
    weekend_around(context, &c.day(0)?)
}

/// The weekend that a holiday lengthens: that of its week, or the one before a Monday, which it takes in.
fn weekend_around(_: &Context, day: &super::super::value::Day) -> Option<Value> {
    let of = |date: Date| {
        let number = date.weekday().to_monday_one_offset();
        let first = if number == 1 {
            add(date, -7, Unit::Day)?
        } else {
            monday(date)?
        };
        let saturday = add(first, 5, Unit::Day)?;
        // A Thursday or a Friday makes it longer, too.
        let start = if number == 4 || number == 5 { date } else { saturday };
        let end = add(saturday, 2, Unit::Day)?;
        Some((start, if number == 1 { add(end, 1, Unit::Day)? } else { end }))
    };
    let at = day.at?.try_map(of)?;
    let timex = |date: Date| {
        let iso = date.iso_week_date();
        format!("{:04}-W{:02}-WE", iso.year(), iso.week())
    };
    let mut made = period(timex(at.past.0), written(at.past.0), Grain::Week, at);
    made.later = Some(timex(at.future.0));
    Some(Value::Period(made))
}
