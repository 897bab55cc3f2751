//! Years, quarters and months.

use super::super::Context;
use super::super::calendar::{add, monday, month, period, week, written, year};
use super::super::grammar::{Captures, Rule};
use super::super::value::{Both, Grain, Unit, Value};
use super::rule;
use jiff::civil::Date;

pub(super) fn rules() -> Vec<Rule> {
    vec![
        rule("yearperiod", "{year}", |_, c| year(c.integer(0)?).map(Value::Period)),
        rule("yearperiod", "the? < calendar? year {year} >", |_, c| {
            year(c.integer(0)?).map(Value::Period)
        }),
        rule("yearperiod", "the? ( {relative} ) year", |context, c| {
            year(i64::from(context.reference.year()) + c.relative(0)?).map(Value::Period)
        }),
        rule("yearperiod", "the year", |context, _| {
            year(i64::from(context.reference.year())).map(Value::Period)
        }),
        rule("period", "the < year {year} >", |_, c| {
            year(c.integer(0)?).map(Value::Period)
        }),
        rule("yearperiod", "{relative} calendar year", |context, c| {
            year(i64::from(context.reference.year()) + c.relative(0)?).map(Value::Period)
        }),
        rule("period", "around|circa {span}", |_, c| {
            let mut made = c.period(0)?;
            made.modifier = Some("approx");
            Some(Value::Period(made))
        }),
        rule("period", "{yearperiod}", same),
        rule("month0", "{month} .?", |context, c| {
            month(context, None, c.month(0)?).map(Value::Period)
        }),
        rule("monthany", "{mon}", |context, c| {
            month(context, None, c.month(0)?).map(Value::Period)
        }),
        rule("monthfull", "{mon} ,|of|in? {year}", |context, c| {
            month(context, Some(c.integer(0)? as i16), c.month(0)?).map(Value::Period)
        }),
        rule("monthfull", "{mon} ~-|/ ~{year}", |context, c| {
            month(context, Some(c.integer(0)? as i16), c.month(0)?).map(Value::Period)
        }),
        rule("monthfull", "{year} ,|of? {mon}", |context, c| {
            month(context, Some(c.integer(0)? as i16), c.month(0)?).map(Value::Period)
        }),
        rule("monthfull", "{year} ~-|/ ~{mon}", |context, c| {
            month(context, Some(c.integer(0)? as i16), c.month(0)?).map(Value::Period)
        }),
        rule("monthfull", "{mon} ( of | ' ) {yy}", |context, c| {
            let year = super::days::short_year(c.integer(0)?).past;
            month(context, Some(year), c.month(0)?).map(Value::Period)
        }),
        rule("monthfull", "{dd} ~-|/ ~{year}", |context, c| {
            month(context, Some(c.integer(1)? as i16), i8::try_from(c.integer(0)?).ok()?).map(Value::Period)
        }),
        rule("monthfull", "{year} ~-|/ ~{dd}", |context, c| {
            month(context, Some(c.integer(0)? as i16), i8::try_from(c.integer(1)?).ok()?).map(Value::Period)
        }),
        rule("monthfull", "{mon} ,? the? {relative} year", |context, c| {
            month(
                context,
                Some(context.reference.year() + c.relative(0)? as i16),
                c.month(0)?,
            )
            .map(Value::Period)
        }),
        rule("monthfull", "{relative} {month} .?", relative_month),
        // "This may" is seldom a month.
        rule("monthweak", "{relative} {weakmonth}", relative_month),
        rule(
            "period",
            "in|of|since|until|till|by|from|to|through|during|before|after < {monthweak} >",
            same,
        ),
        rule("monthfull", "the? {ord} month of {yearperiod}", |context, c| {
            let year = c.period(0)?.year;
            month(context, year, i8::try_from(c.ordinal(0)?).ok()?).map(Value::Period)
        }),
        rule("monthrel", "{relative} month", |context, c| {
            let first = add(context.reference.date().first_of_month(), c.relative(0)?, Unit::Month)?;
            month(context, Some(first.year()), first.month()).map(Value::Period)
        }),
        rule("monthrel", "the month", |context, _| {
            let first = context.reference.date();
            month(context, Some(first.year()), first.month()).map(Value::Period)
        }),
        rule("monthany", "the? month of {mon}", |context, c| {
            month(context, None, c.month(0)?).map(Value::Period)
        }),
        rule("monthfull", "the? month of {mon} ,? {year}", |context, c| {
            month(context, Some(c.integer(0)? as i16), c.month(0)?).map(Value::Period)
        }),
        rule("period", "the? month of {mon}", |context, c| {
            month(context, None, c.month(0)?).map(Value::Period)
        }),
        rule("month1", "{monthany}", same),
        rule("month1", "{monthfull}", same),
        rule("month1", "{monthrel}", same),
        rule("period", "{month0}", same),
        rule(
            "period",
            "in|of|since|until|till|by|from|to|through|during|before|after|for|late|early|mid < {monthany} >",
            same,
        ),
        rule("period", "{monthfull}", same),
        rule("period", "{monthrel}", same),
        rule("period", "the? < same|that month >", undefined_month),
        rule("period", "the? < same|that week >", |context, _| {
            let mut made = week(monday(context.reference.date())?)?;
            (made.timex, made.modifier) = ("XXXX-WXX".to_owned(), Some("ref_undef"));
            Some(Value::Period(made))
        }),
        rule("period", "the? < same|that year >", |context, _| {
            let mut made = year(i64::from(context.reference.year()))?;
            (made.timex, made.modifier) = ("XXXX".to_owned(), Some("ref_undef"));
            Some(Value::Period(made))
        }),
        // Quarters and halves.
        rule("quarternumber", "q ~{dd}", |_, c| {
            c.integer(0).filter(|n| (1..=4).contains(n)).map(Value::Integer)
        }),
        rule("quarternumber", "{dd} ~q", |_, c| {
            c.integer(0).filter(|n| (1..=4).contains(n)).map(Value::Integer)
        }),
        rule("quarternumber", "quarter {dd}", |_, c| {
            c.integer(0).filter(|n| (1..=4).contains(n)).map(Value::Integer)
        }),
        rule("quarter", "{quarternumber} ' {yy}", |context, c| {
            parts_of_year(
                context,
                c.integer(0)?,
                3,
                Some(super::days::short_year(c.integer(1)?).future),
            )
        }),
        rule("quarternumber", "{ord} quarter", |_, c| {
            c.ordinal(0).filter(|n| (1..=4).contains(n)).map(Value::Integer)
        }),
        rule("quarter", "the? {quarternumber}", |context, c| {
            parts_of_year(context, c.integer(0)?, 3, None)
        }),
        rule("quarter", "the? last|final quarter of|in {yearperiod}", |context, c| {
            parts_of_year(context, 4, 3, c.period(0)?.year)
        }),
        rule("quarter", "the? last|final half of|in {yearperiod}", |context, c| {
            parts_of_year(context, 2, 6, c.period(0)?.year)
        }),
        rule("quarter", "the? {quarternumber} of the year", |context, c| {
            parts_of_year(context, c.integer(0)?, 3, None)
        }),
        rule(
            "quarter",
            "the? {quarternumber} ( - | , | of | in )? {yearperiod}",
            |context, c| parts_of_year(context, c.integer(0)?, 3, c.period(0)?.year),
        ),
        rule("quarter", "{relative} year 's {quarternumber}", |context, c| {
            parts_of_year(
                context,
                c.integer(0)?,
                3,
                Some(context.reference.year() + c.relative(0)? as i16),
            )
        }),
        rule("quarter", "{yearperiod} ( - | , )? {quarternumber}", |context, c| {
            parts_of_year(context, c.integer(0)?, 3, c.period(0)?.year)
        }),
        rule("halfnumber", "h ~{dd}", |_, c| {
            c.integer(0).filter(|n| (1..=2).contains(n)).map(Value::Integer)
        }),
        rule("quarter", "the? {halfnumber} of the year", |context, c| {
            parts_of_year(context, c.integer(0)?, 6, None)
        }),
        rule("halfnumber", "{ord} half", |_, c| {
            c.ordinal(0).filter(|n| (1..=2).contains(n)).map(Value::Integer)
        }),
        rule(
            "quarter",
            "the? {halfnumber} ( - | , | of | in )? {yearperiod}",
            |context, c| parts_of_year(context, c.integer(0)?, 6, c.period(0)?.year),
        ),
        rule("quarter", "{yearperiod} ( - | , )? {halfnumber}", |context, c| {
            parts_of_year(context, c.integer(0)?, 6, c.period(0)?.year)
        }),
        rule("quarter", "the? < {relative} quarter >", |context, c| {
            quarters(context, c.relative(0)?, 1)
        }),
        rule("period", "{quarter}", same),
        rule("period", "the? < {relative} {int} quarters|quarter >", |context, c| {
            quarters(context, c.relative(0)?, c.integer(0)?)
        }),
    ]
}

/// The month of that name that is told from this one.
fn relative_month(context: &Context, c: &Captures) -> Option<Value> {
    let reference = context.reference.date();
    let (this, wanted) = (reference.month(), c.month(0)?);
    let years = match c.relative(0)? {
        0 => 0,
        1 => i16::from(wanted <= this),
        _ => -i16::from(wanted >= this),
    };
    month(context, Some(reference.year() + years), wanted).map(Value::Period)
}

pub(super) fn same(_: &Context, c: &Captures) -> Option<Value> {
    c.period(0).map(Value::Period)
}

fn undefined_month(context: &Context, _: &Captures) -> Option<Value> {
    let today = context.reference.date();
    let mut made = month(context, Some(today.year()), today.month())?;
    (made.timex, made.modifier) = ("XXXX-XX".to_owned(), Some("ref_undef"));
    Some(Value::Period(made))
}

/// Quarter or half of a year: `months` long.
fn parts_of_year(context: &Context, number: i64, months: i64, of: Option<i16>) -> Option<Value> {
    let span = |year: i16| {
        let start = add(Date::new(year, 1, 1).ok()?, (number - 1) * months, Unit::Month)?;
        Some((start, add(start, months, Unit::Month)?))
    };
    let this = context.reference.year();
    let years = match of {
        Some(year) => Both::same(year),
        None => Both {
            past: this,
            future: this + 1,
        },
    };
    let at = years.try_map(span)?;
    let (start, end) = at.past;
    let mut made = period(format!("({start},{end},P{months}M)"), written(start), Grain::Month, at);
    if of.is_none() {
        let open = |date: Date| format!("XXXX-{:02}-{:02}", date.month(), date.day());
        made.timex = format!("({},{},P{months}M)", open(start), open(end));
        made.first = open(start);
    }
    made.year = of;
    Some(Value::Period(made))
}

/// Whole quarters before, with or after this one.
fn quarters(context: &Context, direction: i64, count: i64) -> Option<Value> {
    let today = context.reference.date();
    let this = Date::new(today.year(), (today.month() - 1) / 3 * 3 + 1, 1).ok()?;
    let first = match direction {
        1 => 1,
        0 => 0,
        _ => -count,
    };
    let start = add(this, first, Unit::Quarter)?;
    let end = add(start, count, Unit::Quarter)?;
    let timex = format!("({start},{end},P{}M)", count.checked_mul(3)?);
    Some(Value::Period(period(
        timex,
        written(start),
        Grain::Month,
        Both::same((start, end)),
    )))
}
