//! Days: `{md}` is a day of a month, `{fd}` one of a year, `{day}` any that stands for itself.

use super::super::calendar::{
    add, certain, day_of_month, days_between, full, midnight, monday, month_day, weekday, weekday_of_week, written,
};
use super::super::grammar::{Captures, Rule};
use super::super::value::{Both, Day, Unit, Value};
use super::super::{Context, holiday};
use super::rule;
use jiff::civil::{Date, Weekday};

pub(super) fn rules() -> Vec<Rule> {
    vec![
        rule("md", "{mon} ,|-? the? {dom}", month_then_day),
        rule("md", "{mon} / {dom}", month_then_day),
        rule("md", "the? {ord} of? {mon}", day_then_month),
        rule("md", "the? {ord} day of {mon}", day_then_month),
        rule("md", "{dd} ( of | ~- | ~/ | ~. )? {mon}", day_then_month),
        rule("md", "{words} {month} .?", day_then_month),
        rule("md", "{words} of {mon}", day_then_month),
        rule("md", "{dd} ~/ ~{dd}", numeric),
        rule("md", "on < {dd} ~.|- ~{dd} >", numeric),
        rule("md", "{dd} ~. ~{dd} ~.", numeric_day_first),
        rule("fd", "{md} ,|.? {year}", with_year),
        rule("md", "{dd} ~º|° of? {mon}", day_then_month),
        rule("fd", "{md} ,? of|in {year}", with_year),
        rule("fd", "{md} ~-|/ ~{year}", with_year),
        rule("fd", "{md} ( , | )? ' {yy}", with_short_year),
        rule("fd", "{md} of {yy}", with_short_year),
        rule("fd", "{mon} {ord} {yy}", |context, c| {
            let day = month_day(context, c.month(0)?, c.ordinal(0)? as i8)?;
            of_year(&day, short_year(c.integer(0)?))
        }),
        rule("fd", "{dd} ~-|/|. ~{mon} ~-|/|. ~{yy}", |context, c| {
            let day = month_day(context, c.month(0)?, c.integer(0)? as i8)?;
            of_year(&day, short_year(c.integer(1)?))
        }),
        rule("fd", "{dd} -|/ {year} -|/ {mon}", |_, c| {
            full(c.integer(1)? as i16, c.month(0)?, c.integer(0)? as i8).map(Value::Day)
        }),
        rule("fd", "{year} ~-|/|. ~{dd} ~-|/|. ~{mon}", |_, c| {
            full(c.integer(0)? as i16, c.month(0)?, c.integer(1)? as i8).map(Value::Day)
        }),
        rule(
            "fd",
            "{year} ( ~- | ~/ | ~. | , )? {mon} ( ~- | ~/ | ~. | , )? {dom}",
            |_, c| full(c.integer(0)? as i16, c.month(0)?, c.integer(1)? as i8).map(Value::Day),
        ),
        rule("fd", "{year} ~-|/|. ~{dd} ~-|/|. ~{dd}", year_first),
        rule("fd", "{year} {dd} {dd}", year_first),
        rule("fd", "{year} 年 {dd} 月 {dd} 日", year_first),
        rule("fd", "{year} 년 {dd} 월 {dd} 일", year_first),
        rule("md", "{dd} 月 {dd} 日", |context, c| {
            month_day(
                context,
                i8::try_from(c.integer(0)?).ok()?,
                i8::try_from(c.integer(1)?).ok()?,
            )
            .map(Value::Day)
        }),
        rule("fd", "{compact}", |_, c| {
            let number = c.integer(0)?;
            let day = full(
                (number / 10000) as i16,
                (number / 100 % 100) as i8,
                (number % 100) as i8,
            )?;
            day.at.is_some().then_some(Value::Day(day))
        }),
        rule("fd", "{dd} ~/ ~{dd} ~/ ~{year}", numeric_of_year),
        rule("fd", "{dd} / {dd} / {year}", numeric_of_year),
        rule("fd", "{dd} ~- ~{dd} ~- ~{year}", numeric_of_year),
        rule("fd", "{dd} ~. ~{dd} ~. ~{year}", dotted_of_year),
        rule("fd", "{dd} ~/ ~{dd} ~/ ~{yy}", numeric_of_short_year),
        rule("fd", "{dd} ~- ~{dd} ~- ~{yy}", numeric_of_short_year),
        rule("fd", "{dd} ~. ~{dd} ~. ~{yy}", |context, c| {
            let (day, month) = ordered(context, c.integer(0)?, c.integer(1)?, true)?;
            of_year(&month_day(context, month, day)?, short_year(c.integer(2)?))
        }),
        rule("date", "{md}", same),
        rule("date", "{fd}", same),
        rule("date", "{wd} ( , | ~- | - | the )? {md}", same),
        rule("date", "{wd} ( , | ~- | - | the )? {fd}", same),
        rule("date", "{wd} ~? , the {fd}", same),
        rule("date", "{wd} \\( {md} \\)", same),
        rule("date", "{wd} \\( {fd} \\)", same),
        rule("date", "{md} \\( {wd} \\)", same),
        rule("date", "{fd} \\( {wd} \\)", same),
        rule("date", "{md} ,? {wd}", same),
        rule("date", "{fd} ,? {wd}", same),
        rule("date", "on? {shift} ( {wd} )? ( , | - | ~- )? {md}", shifted_date),
        rule("date", "{wd} ~. {dd} ~. ~{dd}", |context, c| {
            let (day, month) = ordered(context, c.integer(0)?, c.integer(1)?, context.day_first)?;
            month_day(context, month, day).map(Value::Day)
        }),
        rule("date", "{wd} {dd} ~. ~{dd}", numeric),
        rule("date", "{shift} {wd} {dd} ~. ~{dd}", |context, c| {
            let (day, month) = ordered(context, c.integer(0)?, c.integer(1)?, context.day_first)?;
            this_year(context, &month_day(context, month, day)?, 0)
        }),
        rule("date", "{shift} {wd} \\( {md} \\)", shifted_date),
        rule("day", "{date}", same),
        // A weekday with a number is the month in which they meet.
        rule("day", "{wd} ,? the {ord}", |context, c| {
            let (week, day) = (c.weekday(0)?, c.ordinal(0)?);
            let first = context.reference.date().first_of_month();
            let date = meeting(first, 1, week, day as i8).filter(|date| days_between(first, *date) < 45);
            let date = date.or_else(|| Date::new(first.year(), first.month(), day as i8).ok())?;
            Some(Value::Day(certain(date)))
        }),
        rule("day", "{wd} {ord}", weekday_and_number),
        rule("day", "{wd} {dd}", weekday_and_number),
        rule("theday", "the {ord}", |context, c| {
            day_of_month(context, c.ordinal(0)? as i8).map(Value::Day)
        }),
        rule("theday", "{ord}", |context, c| {
            day_of_month(context, c.ordinal(0)? as i8).map(Value::Day)
        }),
        rule("theday", "the {dd}", |context, c| {
            day_of_month(context, c.integer(0)? as i8).map(Value::Day)
        }),
        rule("day", "on < the? {ord} >", |context, c| {
            day_of_month(context, c.ordinal(0)? as i8).map(Value::Day)
        }),
        rule("loneday", "on < the {dd} > .|,|?|!|;|␃", |context, c| {
            day_of_month(context, c.integer(0)? as i8).map(Value::Day)
        }),
    ]
}

/// Days that are told from today, or from another day.
pub(super) fn relative_rules() -> Vec<Rule> {
    vec![
        rule("near", "{offset}", |context, c| {
            add(context.reference.date(), c.offset(0)?, Unit::Day).map(|date| Value::Day(certain(date)))
        }),
        rule("day", "{near}", same),
        // The date that is written out is the one that counts.
        rule("date", "{near} ,|\\(? {fd} \\)?", |_, c| c.day(1).map(Value::Day)),
        rule("date", "{near} , {md}", |context, c| this_year(context, &c.day(1)?, 0)),
        rule("weekdayname", "{wd}", |context, c| {
            weekday(context, c.weekday(0)?).map(Value::Day)
        }),
        rule("day", "{weekday}", |context, c| {
            weekday(context, c.weekday(0)?).map(Value::Day)
        }),
        rule(
            "day",
            "on|this|by|until|since|before|after < {weakday} >",
            |context, c| weekday(context, c.weekday(0)?).map(Value::Day),
        ),
        rule("relday", "{shift} {wd}", |context, c| {
            weekday_of_week(context, c.weekday(0)?, c.relative(0)?).map(|date| Value::Day(certain(date)))
        }),
        rule("relday", "this? {behind} {wd}", |context, c| {
            let today = context.reference.date();
            let this = weekday_of_week(context, c.weekday(0)?, 0)?;
            let date = if this < today { this } else { add(this, -7, Unit::Day)? };
            Some(Value::Day(certain(date)))
        }),
        rule("relday", "this? {ahead} {wd}", |context, c| {
            let today = context.reference.date();
            let this = weekday_of_week(context, c.weekday(0)?, 0)?;
            let date = if this > today { this } else { add(this, 7, Unit::Day)? };
            Some(Value::Day(certain(date)))
        }),
        rule("day", "{relday}", same),
        rule("relweek", "the? {relative} week", |_, c| {
            c.relative(0).map(Value::Relative)
        }),
        rule("day", "on? {wd} ,|of|in? {relweek}", day_of_week),
        rule("day", "{relweek} ,|-|on? {wd}", day_of_week),
        rule("day", "{len} from|after|since {day}", |_, c| from_day(&c.day(0)?, c, 1)),
        rule("day", "{len} before {day}", |_, c| from_day(&c.day(0)?, c, -1)),
        rule("day", "in {len} since|after {period}", |_, c| {
            let start = c.period(0)?.at?.future.0;
            from_day(&certain(start), c, 1)
        }),
        rule("day", "{len} gone by", |context, c| {
            from_day(&certain(context.reference.date()), c, -1)
        }),
        rule("day", "{len} before now", |context, c| {
            from_day(&certain(context.reference.date()), c, -1)
        }),
        rule("day", "{len} ago|earlier", |context, c| {
            from_day(&certain(context.reference.date()), c, -1)
        }),
        rule("day", "{len} later|hence", |context, c| {
            from_day(&certain(context.reference.date()), c, 1)
        }),
        rule("day", "{len} from now", |context, c| {
            from_day(&certain(context.reference.date()), c, 1)
        }),
        rule("day", "in {len}", |context, c| {
            from_day(&certain(context.reference.date()), c, 1)
        }),
        rule("day", "{wd} ,? {len} from now", weekday_after),
        rule("day", "{wd} ,? {len} from|after {day}", weekday_after),
        rule("day", "{len} from|after {day} on {wd}", weekday_after),
        rule("festival", "{holiday}", |context, c| {
            let festival = holiday(c.holiday(0)?)?;
            let reference = context.reference;
            let this = festival.of(reference.year())?;
            let (past, future) = if midnight(this) < reference {
                (this, festival.of(reference.year() + 1)?)
            } else {
                (festival.of(reference.year() - 1)?, this)
            };
            let mut day = certain(future);
            day.timex = festival.timex(past);
            (day.year, day.month, day.day) = (None, Some(future.month()), Some(future.day()));
            day.at = Some(Both { past, future });
            Some(Value::Day(day))
        }),
        rule("festival", "{holiday} ,|of|in? {year}", |_, c| {
            let date = holiday(c.holiday(0)?)?.of(c.integer(0)? as i16)?;
            Some(Value::Day(certain(date)))
        }),
        rule("festival", "the? < {relative} {holiday} >", |context, c| {
            let festival = holiday(c.holiday(0)?)?;
            let reference = context.reference;
            let years = [-1, 0, 1]
                .into_iter()
                .filter_map(|more| festival.of(reference.year() + more));
            let date = match c.relative(0)? {
                0 => festival.of(reference.year()),
                1 => years.into_iter().find(|date| midnight(*date) > reference),
                _ => years.into_iter().rfind(|date| midnight(*date) < reference),
            };
            Some(Value::Day(certain(date?)))
        }),
        rule("day", "{festival}", same),
        rule("day", "the? {ord} day of {month1}", |context, c| {
            let month = c.period(0)?;
            if let (Some(number), None) = (month.month, month.year) {
                return month_day(context, number, c.ordinal(0)? as i8).map(Value::Day);
            }
            let (first, day) = (c.period(0)?.at?.future.0, c.ordinal(0)?);
            Date::new(first.year(), first.month(), day as i8)
                .ok()
                .map(|date| Value::Day(certain(date)))
        }),
        rule("day", "( on | around | about )? < the {ord} {month1} >", |_, c| {
            let (first, day) = (c.period(0)?.at?.future.0, c.ordinal(0)?);
            Date::new(first.year(), first.month(), day as i8)
                .ok()
                .map(|date| Value::Day(certain(date)))
        }),
        rule("day", "( on )? < the? {ord} of {monthrel} >", |_, c| {
            let (first, day) = (c.period(0)?.at?.future.0, c.ordinal(0)?);
            Date::new(first.year(), first.month(), day as i8)
                .ok()
                .map(|date| Value::Day(certain(date)))
        }),
        rule("day", "{ord} {monthrel}", |_, c| {
            let (first, day) = (c.period(0)?.at?.future.0, c.ordinal(0)?);
            Date::new(first.year(), first.month(), day as i8)
                .ok()
                .map(|date| Value::Day(certain(date)))
        }),
        rule("day", "{monthrel} ( on )? ( the )? {ord}", |_, c| {
            let (first, day) = (c.period(0)?.at?.future.0, c.ordinal(0)?);
            Date::new(first.year(), first.month(), day as i8)
                .ok()
                .map(|date| Value::Day(certain(date)))
        }),
        rule("day", "the? first day of the? {span}", |_, c| {
            Some(Value::Day(certain(c.period(0)?.at?.future.0)))
        }),
        rule("day", "the? last day of the? {span}", |_, c| {
            add(c.period(0)?.at?.future.1, -1, Unit::Day).map(|date| Value::Day(certain(date)))
        }),
        rule("day", "the day after {festival}", |_, c| {
            add(c.day(0)?.at?.future, 1, Unit::Day).map(|date| Value::Day(certain(date)))
        }),
        rule("day", "the day before {festival}", |_, c| {
            add(c.day(0)?.at?.future, -1, Unit::Day).map(|date| Value::Day(certain(date)))
        }),
        rule("day", "{int} {wd} from now", |context, c| {
            let next = weekday(context, c.weekday(0)?)?.at?.future;
            add(next, c.integer(0)? - 1, Unit::Week).map(|date| Value::Day(certain(date)))
        }),
        rule("day", "{int} {wd} ago", |context, c| {
            let last = weekday(context, c.weekday(0)?)?.at?.past;
            add(last, 1 - c.integer(0)?, Unit::Week).map(|date| Value::Day(certain(date)))
        }),
        rule("day", "the? {ord} {wd} of|in {monthany}", nth_weekday),
        rule("day", "the? {ord} {wd} of|in {monthrel}", nth_weekday),
        rule("day", "the? {ord} {wd} of|in {monthfull}", nth_weekday_of_year),
        rule("day", "the? last {wd} of|in {monthfull}", nth_weekday_of_year),
        rule("day", "the? last {wd} of|in {monthany}", nth_weekday),
        rule("day", "the? last {wd} of|in {monthrel}", nth_weekday),
        rule("day", "the? < {ord} week of {month1} on {wd} >", nth_weekday),
        rule("day", "around {day}", |_, c| {
            let mut day = c.day(0)?;
            day.modifier = Some("approx");
            Some(Value::Day(day))
        }),
        rule("day", "around|about {theday} {month1}", |_, c| {
            let (first, number) = (c.period(0)?.at?.future.0, c.day(0)?.day?);
            let mut day = certain(Date::new(first.year(), first.month(), number).ok()?);
            day.modifier = Some("approx");
            Some(Value::Day(day))
        }),
    ]
}

pub(super) fn same(_: &Context, c: &Captures) -> Option<Value> {
    c.day(
        c.0.iter()
            .filter(|value| matches!(value, Value::Day(_)))
            .count()
            .checked_sub(1)?,
    )
    .map(Value::Day)
}

fn month_then_day(context: &Context, c: &Captures) -> Option<Value> {
    month_day(context, c.month(0)?, c.integer(0)? as i8).map(Value::Day)
}

fn day_then_month(context: &Context, c: &Captures) -> Option<Value> {
    let day = c.ordinal(0).or_else(|| c.integer(0))?;
    month_day(context, c.month(0)?, i8::try_from(day).ok()?).map(Value::Day)
}

/// Day and month out of two numbers, in the order that is usual unless only the other makes sense.
fn ordered(_: &Context, first: i64, second: i64, day_first: bool) -> Option<(i8, i8)> {
    let (day, month) = if day_first { (first, second) } else { (second, first) };
    let (day, month) = if month > 12 && day <= 12 {
        (month, day)
    } else {
        (day, month)
    };
    ((1..=31).contains(&day) && (1..=12).contains(&month)).then_some((day as i8, month as i8))
}

fn numeric(context: &Context, c: &Captures) -> Option<Value> {
    // Round the clock.
    if (c.integer(0)?, c.integer(1)?) == (24, 7) {
        return None;
    }
    let (day, month) = ordered(context, c.integer(0)?, c.integer(1)?, context.day_first)?;
    month_day(context, month, day).map(Value::Day)
}

/// Of `23.4.` it is sure that the day comes first.
fn numeric_day_first(context: &Context, c: &Captures) -> Option<Value> {
    if !context.day_first {
        return None;
    }
    numeric(context, c)
}

fn numeric_of_year(context: &Context, c: &Captures) -> Option<Value> {
    let (day, month) = ordered(context, c.integer(0)?, c.integer(1)?, context.day_first)?;
    full(c.integer(2)? as i16, month, day).map(Value::Day)
}

/// Points stand between day, month and year where the day comes first.
fn dotted_of_year(_: &Context, c: &Captures) -> Option<Value> {
    let (day, month) = ordered(&Context::default(), c.integer(0)?, c.integer(1)?, true)?;
    full(c.integer(2)? as i16, month, day).map(Value::Day)
}

fn numeric_of_short_year(context: &Context, c: &Captures) -> Option<Value> {
    let (day, month) = ordered(context, c.integer(0)?, c.integer(1)?, context.day_first)?;
    of_year(&month_day(context, month, day)?, short_year(c.integer(2)?))
}

fn year_first(_: &Context, c: &Captures) -> Option<Value> {
    let (year, month, day) = (c.integer(0)?, c.integer(1)?, c.integer(2)?);
    if !(1..=31).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Behind a year stand month and day in this order: 2024-13-01 is none of January, it is no day at all.
    let at = Date::new(year as i16, month as i8, day as i8).ok();
    Some(Value::Day(Day {
        timex: format!("{year:04}-{month:02}-{day:02}"),
        year: Some(year as i16),
        month: Some(month as i8),
        day: Some(day as i8),
        weekday: None,
        at: at.map(Both::same),
        modifier: None,
    }))
}

/// Years that two digits can mean.
pub(super) fn short_year(year: i64) -> Both<i16> {
    let year = year as i16;
    match year {
        0..30 => Both::same(2000 + year),
        40.. => Both::same(1900 + year),
        _ => Both {
            past: 1900 + year,
            future: 2000 + year,
        },
    }
}

fn of_year(day: &Day, years: Both<i16>) -> Option<Value> {
    let (month, number) = (day.month?, day.day?);
    let mut made = full(years.future, month, number)?;
    if years.past != years.future {
        made.timex = format!("XX{:02}-{month:02}-{number:02}", years.past % 100);
        made.at = years.try_map(|year| Date::new(year, month, number).ok());
        made.year = None;
    }
    Some(Value::Day(made))
}

fn with_year(_: &Context, c: &Captures) -> Option<Value> {
    of_year(&c.day(0)?, Both::same(c.integer(0)? as i16))
}

fn with_short_year(_: &Context, c: &Captures) -> Option<Value> {
    of_year(&c.day(0)?, short_year(c.integer(0)?))
}

/// A day without a year, of this year or of one near it; its timex stays open.
fn this_year(context: &Context, day: &Day, years: i16) -> Option<Value> {
    let date = Date::new(context.reference.year() + years, day.month?, day.day?).ok()?;
    let mut day = day.clone();
    day.at = Some(Both::same(date));
    Some(Value::Day(day))
}

fn shifted_date(context: &Context, c: &Captures) -> Option<Value> {
    let years = if c.weekday(0).is_some() {
        0
    } else {
        c.relative(0)? as i16
    };
    this_year(context, &c.day(0)?, years)
}

/// The first day from a month on, in steps of months, that is a weekday and a day of the month at once.
fn meeting(first: Date, step: i64, week: i8, day: i8) -> Option<Date> {
    (0..48)
        .filter_map(|months| add(first, months * step, Unit::Month))
        .filter_map(|month| Date::new(month.year(), month.month(), day).ok())
        .find(|date| date.weekday().to_monday_one_offset() == week)
}

fn weekday_and_number(context: &Context, c: &Captures) -> Option<Value> {
    let week = c.weekday(0)?;
    let day = i8::try_from(c.ordinal(0).or_else(|| c.integer(0))?).ok()?;
    let reference = context.reference;
    let first = reference.date().first_of_month();
    let future = meeting(first, 1, week, day).and_then(|date| {
        if midnight(date) < reference {
            meeting(add(first, 1, Unit::Month)?, 1, week, day)
        } else {
            Some(date)
        }
    })?;
    let past = meeting(first, -1, week, day).and_then(|date| {
        if midnight(date) < reference {
            Some(date)
        } else {
            meeting(add(first, -1, Unit::Month)?, -1, week, day)
        }
    })?;
    let mut made = weekday(context, week)?;
    made.at = Some(Both { past, future });
    Some(Value::Day(made))
}

fn day_of_week(context: &Context, c: &Captures) -> Option<Value> {
    weekday_of_week(context, c.weekday(0)?, c.relative(0)?).map(|date| Value::Day(certain(date)))
}

fn from_day(day: &Day, c: &Captures, direction: i64) -> Option<Value> {
    let length = c.length(0)?;
    let mut date = day.at?.future;
    for (amount, unit) in &length.parts {
        if unit.is_clock() || amount.fract() != 0.0 {
            return None;
        }
        date = add(date, *amount as i64 * direction, *unit)?;
    }
    if length.modifier.is_some() {
        return None;
    }
    Some(Value::Day(certain(date)))
}

/// The weekday that is so many weeks away: the last one that is not later than that; or, where months or days are
/// counted, the first one that is not earlier.
fn weekday_after(context: &Context, c: &Captures) -> Option<Value> {
    let start = c.day(0).unwrap_or_else(|| certain(context.reference.date()));
    let Some(Value::Day(target)) = from_day(&start, c, 1) else {
        return None;
    };
    let target = target.at?.future;
    let this = add(monday(target)?, i64::from(c.weekday(0)?) - 1, Unit::Day)?;
    let weeks = c.length(0)?.parts.last()?.1 == Unit::Week;
    let date = match (weeks, this.cmp(&target)) {
        (true, std::cmp::Ordering::Greater) => add(this, -7, Unit::Day)?,
        (false, std::cmp::Ordering::Less) => add(this, 7, Unit::Day)?,
        _ => this,
    };
    Some(Value::Day(certain(date)))
}

/// The first Monday of a month: its timex tells month, weekday and number.
pub(super) fn nth_weekday(_: &Context, c: &Captures) -> Option<Value> {
    let (week, month) = (c.weekday(0)?, c.period(0)?);
    let nth = c.ordinal(0).map_or(-1, |nth| nth as i8);
    let of = |first: Date| {
        let week = Weekday::from_monday_one_offset(week).ok()?;
        first.nth_weekday_of_month(nth, week).ok()
    };
    let at = month.at?.map(|(first, _)| first).try_map(of)?;
    let shown = if nth < 0 { 5 } else { nth };
    let number = month.month?;
    Some(Value::Day(Day {
        timex: format!("XXXX-{number:02}-WXX-{week}-#{shown}"),
        year: None,
        month: Some(number),
        day: None,
        weekday: Some(week),
        at: Some(at),
        modifier: None,
    }))
}

/// The same with the year, where it was said.
fn nth_weekday_of_year(context: &Context, c: &Captures) -> Option<Value> {
    let Some(Value::Day(mut day)) = nth_weekday(context, c) else {
        return None;
    };
    let year = c.period(0)?.year?;
    day.timex = day.timex.replacen("XXXX", &format!("{year:04}"), 1);
    Some(Value::Day(day))
}

/// The first day of a period, for where a period stands in the place of a day.
pub(super) fn written_or_open(day: &Day) -> String {
    match (&day.at, day.year) {
        (Some(at), Some(_)) if at.past == at.future => written(at.future),
        _ => day.timex.clone(),
    }
}
