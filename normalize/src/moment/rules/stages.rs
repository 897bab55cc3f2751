//! Seasons, decades and centuries, and the beginning, the middle and the end of a period.

use super::super::Context;
use super::super::calendar::{add, days_between, midnight, monday, month, period, week, written, year};
use super::super::grammar::{Captures, Rule};
use super::super::value::{Both, Grain, Period, Unit, Value};
use super::periods::same;
use super::rule;
use jiff::civil::Date;

pub(super) fn rules() -> Vec<Rule> {
    vec![
        rule("period", "{season}", |_, c| {
            Some(Value::Period(unknown(c.season(0)?.to_owned())))
        }),
        rule("period", "in|during the? < {weakseason} >", |_, c| {
            Some(Value::Period(unknown(c.season(0)?.to_owned())))
        }),
        rule("period", "( {relative} ) {weakseason}", |context, c| {
            let year = i64::from(context.reference.year()) + c.relative(0)?;
            Some(Value::Period(unknown(format!("{year:04}-{}", c.season(0)?))))
        }),
        rule("period", "the? {weakseason} ,|of|in? {year}", |_, c| {
            Some(Value::Period(unknown(format!("{:04}-{}", c.integer(0)?, c.season(0)?))))
        }),
        rule("period", "( {relative} ) {season}", |context, c| {
            let year = i64::from(context.reference.year()) + c.relative(0)?;
            Some(Value::Period(unknown(format!("{year:04}-{}", c.season(0)?))))
        }),
        rule("period", "the? {season} ,|of|in? {year}", |_, c| {
            Some(Value::Period(unknown(format!("{:04}-{}", c.integer(0)?, c.season(0)?))))
        }),
        rule("decadeperiod", "the? < {num} '? s >", |_, c| {
            decade(c.integer(0).filter(|year| *year > 1000 && year % 10 == 0)?)
        }),
        rule("decadeperiod", "the? < '? {num} ~'? ~s >", |_, c| {
            open_decade(c.integer(0)?)
        }),
        rule("decadeperiod", "the? < {decades} >", |_, c| open_decade(c.integer(0)?)),
        rule("period", "{decadeperiod}", same),
        rule("staged", "the? < {stage} the? {decadeperiod} >", |_, c| {
            let mut made = c.period(0)?;
            made.grain = Grain::Year;
            let of = |(start, _): (Date, Date)| {
                let year = |years| add(start, years, Unit::Year);
                Some(match c.stage(0)? {
                    "start" => (start, year(4)?),
                    "mid" => (year(4)?, year(7)?),
                    _ => (year(7)?, year(10)?),
                })
            };
            made.at = Some(made.at?.try_map(of)?);
            made.modifier = c.stage(0);
            Some(Value::Period(made))
        }),
        rule("decadeperiod", "the? < {words} {decades} >", |_, c| {
            decade(c.integer(0).filter(|n| (15..=20).contains(n))? * 100 + c.integer(1)?)
        }),
        rule("period", "the? {relative} decade", |context, c| {
            let first = i64::from(context.reference.year()) / 10 * 10 + c.relative(0)? * 10;
            span_of_years(first, first + 10, "P10Y")
        }),
        rule("period", "the? {relative} {int} decades", |context, c| {
            let (this, count) = (i64::from(context.reference.year()) / 10 * 10, c.integer(0)?);
            let first = if c.relative(0)? > 0 {
                this + 10
            } else {
                this - count.checked_mul(10)?
            };
            let length = count.checked_mul(10)?;
            span_of_years(first, first.checked_add(length)?, &format!("P{length}Y"))
        }),
        rule("period", "the? < {ord} century >", |_, c| {
            let first = (c.ordinal(0)? - 1) * 100;
            span_of_years(first, first + 100, "P100Y")
        }),
        rule("period", "the? < fiscal|financial year {year} >", |_, c| {
            Some(Value::Period(unknown(format!("FY{:04}", c.integer(0)?))))
        }),
        rule("period", "the? < {relative} fiscal|financial year >", |context, c| {
            let year = i64::from(context.reference.year()) + c.relative(0)?;
            Some(Value::Period(unknown(format!("FY{year:04}"))))
        }),
        rule("period", "the? < fiscal|financial year >", |_, _| {
            Some(Value::Period(unknown("FYXXXX".to_owned())))
        }),
        rule("period", "fy {yy}", |_, c| {
            Some(Value::Period(unknown(format!("FY20{:02}", c.integer(0)?))))
        }),
        rule("period", "fy {year}", |_, c| {
            Some(Value::Period(unknown(format!("FY{:04}", c.integer(0)?))))
        }),
        rule("period", "the? < school year {year} >", |_, c| {
            Some(Value::Period(unknown(format!("SY{:04}", c.integer(0)?))))
        }),
        rule("period", "sy {yy}", |_, c| {
            Some(Value::Period(unknown(format!("SY20{:02}", c.integer(0)?))))
        }),
        rule("period", "sy {year}", |_, c| {
            Some(Value::Period(unknown(format!("SY{:04}", c.integer(0)?))))
        }),
        // Parts of a period.
        rule("staged", "the? < {stage} ( the | of | in )? {month1} >", staged),
        rule("staged", "the? < {stage} ( the | of | in )? {yearperiod} >", staged),
        rule("staged", "the? < {stage} the? {weekperiod} >", staged),
        rule("staged", "the? < {stage} year >", |context, c| {
            staged_period(context, year(i64::from(context.reference.year()))?, c.stage(0)?, true).map(Value::Period)
        }),
        rule("staged", "the? < {stage} month >", |context, c| {
            let today = context.reference.date();
            staged_period(
                context,
                month(context, Some(today.year()), today.month())?,
                c.stage(0)?,
                true,
            )
            .map(Value::Period)
        }),
        rule("period", "earlier ( this | in the | in this ) year", |context, _| {
            half_of_this_year(context, true)
        }),
        rule("period", "later ( this | in the | in this ) year", |context, _| {
            half_of_this_year(context, false)
        }),
        rule(
            "period",
            "the? < rest|remaining|remainder of ( the | this | my | current ) {singular} >",
            |context, c| rest(context, c.unit(0)?),
        ),
        rule("staged", "the? < {stage} week >", |context, c| {
            staged_period(context, week(monday(context.reference.date())?)?, c.stage(0)?, true).map(Value::Period)
        }),
        rule("period", "{staged}", same),
        rule("period", "the? < eoy >", |context, _| {
            staged_period(context, year(i64::from(context.reference.year()))?, "end", true).map(Value::Period)
        }),
        rule("period", "the? < eom >", |context, _| {
            let today = context.reference.date();
            staged_period(context, month(context, Some(today.year()), today.month())?, "end", true).map(Value::Period)
        }),
        rule("period", "the? < eow >", |context, _| {
            staged_period(context, week(monday(context.reference.date())?)?, "end", true).map(Value::Period)
        }),
        rule("period", "later this|the week", |context, _| {
            let mut made = week(monday(context.reference.date())?)?;
            let (first, end) = made.at?.future;
            let start = add(first, 3, Unit::Day)?.max(context.reference.date());
            made.at = Some(Both::same((start, end)));
            Some(Value::Period(made))
        }),
        rule("period", "earlier ( this | in the | in this ) week", |context, _| {
            let mut made = week(monday(context.reference.date())?)?;
            let (first, _) = made.at?.future;
            made.at = Some(Both::same((first, add(first, 3, Unit::Day)?)));
            Some(Value::Period(made))
        }),
        rule("period", "earlier {weekperiod}", |context, c| {
            staged_period(context, c.period(0)?, "start", true).map(Value::Period)
        }),
        rule("period", "later {weekperiod}", |context, c| {
            staged_period(context, c.period(0)?, "end", true).map(Value::Period)
        }),
        rule("period", "earlier ( this | in the ) month", |context, _| {
            part_of_this_month(context, true)
        }),
        rule("period", "later ( this | in the ) month", |context, _| {
            part_of_this_month(context, false)
        }),
        rule("period", "( year | month | week | quarter ) to date", |context, _| {
            let today = context.reference.date();
            let mut made = year(i64::from(today.year()))?;
            made.at = Some(Both::same((today.first_of_year(), today)));
            Some(Value::Period(made))
        }),
    ]
}

fn unknown(timex: String) -> Period {
    Period {
        first: timex.clone(),
        timex,
        year: None,
        month: None,
        grain: Grain::Month,
        at: None,
        modifier: None,
        later: None,
        list: None,
    }
}

fn span_of_years(first: i64, last: i64, length: &str) -> Option<Value> {
    let of = |year: i64| Date::new(i16::try_from(year).ok()?, 1, 1).ok();
    let (start, end) = (of(first)?, of(last)?);
    let timex = format!("({start},{end},{length})");
    Some(Value::Period(period(
        timex,
        written(start),
        Grain::Year,
        Both::same((start, end)),
    )))
}

fn decade(first: i64) -> Option<Value> {
    span_of_years(first, first + 10, "P10Y")
}

/// A decade of this century or of the last one.
fn open_decade(first: i64) -> Option<Value> {
    if !(10..100).contains(&first) || first % 10 != 0 {
        return None;
    }
    let of = |year: i64| {
        let date = |year: i64| Date::new(year as i16, 1, 1).ok();
        Some((date(year)?, date(year + 10)?))
    };
    let at = Both {
        past: of(1900 + first)?,
        future: of(2000 + first)?,
    };
    let timex = format!("(XX{first:02}-01-01,XX{:02}-01-01,P10Y)", (first + 10) % 100);
    Some(Value::Period(period(
        timex,
        format!("XX{first:02}-01-01"),
        Grain::Year,
        at,
    )))
}

fn staged(context: &Context, c: &Captures) -> Option<Value> {
    let made = c.period(0)?;
    let named =
        c.0.iter()
            .any(|value| matches!(value, Value::Period(period) if is_this(context, period)));
    staged_period(context, made, c.stage(0)?, named).map(Value::Period)
}

/// Whether a period is the one in which it is said.
fn is_this(context: &Context, period: &Period) -> bool {
    period.at.is_some_and(|at| {
        at.past == at.future && midnight(at.past.0) <= context.reference && context.reference < midnight(at.past.1)
    })
}

/// Beginning, middle or end of a period. Of the year in which it is said the halves are meant, of others the thirds.
fn staged_period(_: &Context, mut made: Period, stage: &'static str, this: bool) -> Option<Period> {
    let of = |(start, end): (Date, Date)| {
        let months = |count| add(start, count, Unit::Month);
        let days = |count| add(start, count, Unit::Day);
        Some(match (made.grain, stage) {
            (Grain::Year, "start") => (start, months(if this { 6 } else { 4 })?),
            (Grain::Year, "mid") => (months(4)?, months(8)?),
            (Grain::Year, _) => (months(if this { 6 } else { 8 })?, end),
            (Grain::Month, "start") => (start, days(15)?),
            (Grain::Month, "mid") => (days(9)?, days(20)?),
            (Grain::Month, _) => (days(15)?, end),
            (_, "start") => (start, days(3)?),
            (_, "mid") => (days(2)?, days(5)?),
            _ => (days(3)?, end),
        })
    };
    made.at = Some(made.at?.try_map(of)?);
    made.modifier = Some(stage);
    Some(made)
}

fn part_of_this_month(context: &Context, early: bool) -> Option<Value> {
    let today = context.reference.date();
    let mut made = month(context, Some(today.year()), today.month())?;
    let (first, end) = made.at?.future;
    let middle = add(first, 15, Unit::Day)?;
    made.at = Some(Both::same(if early {
        (first, middle)
    } else {
        (middle.max(today), end)
    }));
    Some(Value::Period(made))
}

fn half_of_this_year(context: &Context, early: bool) -> Option<Value> {
    let mut made = year(i64::from(context.reference.year()))?;
    let (start, end) = made.at?.future;
    let middle = add(start, 6, Unit::Month)?;
    made.at = Some(Both::same(if early { (start, middle) } else { (middle, end) }));
    Some(Value::Period(made))
}

/// From today to the last day of the week, the month or the year.
fn rest(context: &Context, unit: Unit) -> Option<Value> {
    let today = context.reference.date();
    let last = match unit {
        Unit::Week => add(monday(today)?, 6, Unit::Day)?,
        Unit::Month => today.last_of_month(),
        Unit::Year => today.last_of_year(),
        _ => return None,
    };
    let days = days_between(today, last);
    let timex = format!("({today},{last},P{days}D)");
    Some(Value::Period(period(
        timex,
        written(today),
        Grain::Day,
        Both::same((today, last)),
    )))
}
