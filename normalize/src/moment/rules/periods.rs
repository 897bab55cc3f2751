//! Periods of days: years, quarters, months, weeks, weekends, seasons, and parts of them.

use super::super::Context;
use super::super::calendar::{
    add, certain, midnight, month, monday, period, week, weekday_of_week, written, year,
};
use super::super::grammar::{Captures, Rule};
use super::super::value::{Both, Grain, Period, Unit, Value};
use super::rule;
use jiff::civil::Date;

pub(super) fn rules() -> Vec<Rule> {
    vec![
        rule("yearperiod", "{year}", |_, c| year(c.integer(0)?).map(Value::Period)),
        rule("yearperiod", "the? < calendar? year {year} >", |_, c| year(c.integer(0)?).map(Value::Period)),
        rule("yearperiod", "the? ( {relative} ) year", |context, c| {
            year(i64::from(context.reference.year()) + c.relative(0)?).map(Value::Period)
        }),
        rule("yearperiod", "the year", |context, _| year(i64::from(context.reference.year())).map(Value::Period)),
        rule("period", "the < year {year} >", |_, c| year(c.integer(0)?).map(Value::Period)),
        rule("period", "{yearperiod}", same),
        rule("month0", "{month} .?", |context, c| month(context, None, c.month(0)?).map(Value::Period)),
        rule("monthany", "{mon}", |context, c| month(context, None, c.month(0)?).map(Value::Period)),
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
            month(context, Some(context.reference.year() + c.relative(0)? as i16), c.month(0)?).map(Value::Period)
        }),
        rule("monthfull", "{relative} {month} .?", relative_month),
        // "This may" is seldom a month.
        rule("monthweak", "{relative} {weakmonth}", relative_month),
        rule("period", "in|of|since|until|till|by|from|to|through|during|before|after < {monthweak} >", same),
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
        rule("month1", "{monthany}", same),
        rule("month1", "{monthfull}", same),
        rule("month1", "{monthrel}", same),
        rule("period", "{month0}", same),
        rule("period", "in|of|since|until|till|by|from|to|through|during|before|after|for|late|early|mid < {monthany} >", same),
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
        rule("quarternumber", "q ~{dd}", |_, c| c.integer(0).filter(|n| (1..=4).contains(n)).map(Value::Integer)),
        rule("quarternumber", "{dd} ~q", |_, c| c.integer(0).filter(|n| (1..=4).contains(n)).map(Value::Integer)),
        rule("quarternumber", "quarter {dd}", |_, c| c.integer(0).filter(|n| (1..=4).contains(n)).map(Value::Integer)),
        rule("quarter", "{quarternumber} ' {yy}", |context, c| {
            parts_of_year(context, c.integer(0)?, 3, Some(super::days::short_year(c.integer(1)?).future))
        }),
        rule("quarternumber", "{ord} quarter", |_, c| c.ordinal(0).filter(|n| (1..=4).contains(n)).map(Value::Integer)),
        rule("quarter", "the? {quarternumber}", |context, c| parts_of_year(context, c.integer(0)?, 3, None)),
        rule("quarter", "the? {quarternumber} of the year", |context, c| parts_of_year(context, c.integer(0)?, 3, None)),
        rule("quarter", "the? {quarternumber} ( - | , | of | in )? {yearperiod}", |context, c| {
            parts_of_year(context, c.integer(0)?, 3, c.period(0)?.year)
        }),
        rule("quarter", "{relative} year 's {quarternumber}", |context, c| {
            parts_of_year(context, c.integer(0)?, 3, Some(context.reference.year() + c.relative(0)? as i16))
        }),
        rule("quarter", "{yearperiod} ( - | , )? {quarternumber}", |context, c| {
            parts_of_year(context, c.integer(0)?, 3, c.period(0)?.year)
        }),
        rule("halfnumber", "h ~{dd}", |_, c| c.integer(0).filter(|n| (1..=2).contains(n)).map(Value::Integer)),
        rule("halfnumber", "{ord} half", |_, c| c.ordinal(0).filter(|n| (1..=2).contains(n)).map(Value::Integer)),
        rule("quarter", "the? {halfnumber} ( - | , | of | in )? {yearperiod}", |context, c| {
            parts_of_year(context, c.integer(0)?, 6, c.period(0)?.year)
        }),
        rule("quarter", "{yearperiod} ( - | , )? {halfnumber}", |context, c| {
            parts_of_year(context, c.integer(0)?, 6, c.period(0)?.year)
        }),
        rule("quarter", "the? < {relative} quarter >", |context, c| quarters(context, c.relative(0)?, 1)),
        rule("period", "{quarter}", same),
        rule("period", "the? < {relative} {int} quarters|quarter >", |context, c| quarters(context, c.relative(0)?, c.integer(0)?)),
        // Weeks.
        rule("weekperiod", "the? < {relative} week >", |context, c| nth_week(context, c.relative(0)?)),
        rule("weekperiod", "the week", |context, _| nth_week(context, 0)),
        rule("weekperiod", "the week after next", |context, _| nth_week(context, 2)),
        rule("weekperiod", "the week before last", |context, _| nth_week(context, -2)),
        rule("weekperiod", "the? < {relative} working|work|business week >", |context, c| {
            let Some(Value::Period(mut week)) = nth_week(context, c.relative(0)?) else { return None };
            week.at = Some(week.at?.map(|(first, _)| first).try_map(|first| Some((first, add(first, 5, Unit::Day)?)))?);
            Some(Value::Period(week))
        }),
        rule("period", "{weekperiod}", same),
        rule("period", "the < week {int} of {year} >", |_, c| {
            let year = c.get(0, |value| match value { Value::Integer(year) if *year > 1000 => Some(*year), _ => None })?;
            week_of_year(year as i16, c.integer(0)?)
        }),
        rule("period", "the? < week {int} >", |context, c| week_of_year(context.reference.year(), c.integer(0)?)),
        rule("period", "the? < week {int} ,|of {yearperiod} >", |_, c| week_of_year(c.period(0)?.year?, c.integer(0)?)),
        rule("period", "the? {ord} week ( of | in )? {yearperiod}", |_, c| {
            week_of_year(c.period(0)?.year?, c.ordinal(0)?)
        }),
        rule("period", "the? last week of|in {yearperiod}", |_, c| {
            let end = c.period(0)?.at?.future.1;
            week(monday(add(end, -4, Unit::Day)?)?).map(Value::Period)
        }),
        rule("period", "the? {ord} week of|in {month1}", |_, c| week_of_month(&c.period(0)?, Some(c.ordinal(0)?))),
        rule("period", "the? last week of|in {month1}", |_, c| week_of_month(&c.period(0)?, None)),
        rule("period", "( the week ) of|commencing|beginning|starting ( on | from )? {day}", week_with),
        rule("period", "( the week ) of {theday}", week_with),
        rule("period", "w / c {day}", week_with),
        rule("period", "the? < {relative} fortnight >", |context, c| fortnight(context, c.relative(0)?)),
        rule("period", "the fortnight", |context, _| fortnight(context, 0)),
        // Weekends.
        rule("weekendperiod", "the? < {relative} weekend >", |context, c| weekend(context, c.relative(0)?)),
        rule("weekendperiod", "weekend", |context, _| weekend(context, 0)),
        rule("weekendperiod", "the weekend", |context, _| weekend(context, 0)),
        rule("period", "{weekendperiod}", same),
        rule("period", "that weekend", |context, _| {
            let Some(Value::Period(mut made)) = weekend(context, 0) else { return None };
            (made.timex, made.modifier) = ("XXXX-WXX-WE".to_owned(), Some("ref_undef"));
            Some(Value::Period(made))
        }),
        rule("period", "{festival} weekend", weekend_at),
        rule("period", "the? weekend of {festival}", weekend_at),
        rule("period", "the? weekend of {date}", weekend_at),
        rule("period", "{festival} weekend {year}", |context, c| {
            let day = c.day(0)?;
            let of = |year: i16| Date::new(year, day.month?, day.day?).ok().or(day.at.map(|at| at.future));
            weekend_around(context, &certain(of(c.integer(0)? as i16)?))
        }),
        // Seasons, decades, centuries.
        rule("period", "{season}", |_, c| Some(Value::Period(unknown(c.season(0)?.to_owned())))),
        rule("period", "in|during the? < {weakseason} >", |_, c| Some(Value::Period(unknown(c.season(0)?.to_owned())))),
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
        rule("decadeperiod", "the? < {num} '? s >", |_, c| decade(c.integer(0).filter(|year| *year > 1000 && year % 10 == 0)?)),
        rule("decadeperiod", "the? < '? {num} ~'? ~s >", |_, c| open_decade(c.integer(0)?)),
        rule("decadeperiod", "the? < {decades} >", |_, c| open_decade(c.integer(0)?)),
        rule("period", "{decadeperiod}", same),
        rule("staged", "the? < {stage} the? {decadeperiod} >", |context, c| {
            let mut made = c.period(0)?;
            made.grain = super::super::value::Grain::Year;
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
            let _ = context;
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
            let first = if c.relative(0)? > 0 { this + 10 } else { this - count.checked_mul(10)? };
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
        rule("period", "the? < fiscal|financial year >", |_, _| Some(Value::Period(unknown("FYXXXX".to_owned())))),
        rule("period", "fy {yy}", |_, c| Some(Value::Period(unknown(format!("FY20{:02}", c.integer(0)?))))),
        rule("period", "fy {year}", |_, c| Some(Value::Period(unknown(format!("FY{:04}", c.integer(0)?))))),
        rule("period", "the? < school year {year} >", |_, c| Some(Value::Period(unknown(format!("SY{:04}", c.integer(0)?))))),
        rule("period", "sy {yy}", |_, c| Some(Value::Period(unknown(format!("SY20{:02}", c.integer(0)?))))),
        rule("period", "sy {year}", |_, c| Some(Value::Period(unknown(format!("SY{:04}", c.integer(0)?))))),
        // Parts of a period.
        rule("staged", "the? < {stage} ( the | of )? {month1} >", staged),
        rule("staged", "the? < {stage} ( the | of )? {yearperiod} >", staged),
        rule("staged", "the? < {stage} the? {weekperiod} >", staged),
        rule("staged", "the? < {stage} year >", |context, c| {
            staged_period(context, year(i64::from(context.reference.year()))?, c.stage(0)?, true).map(Value::Period)
        }),
        rule("staged", "the? < {stage} month >", |context, c| {
            let today = context.reference.date();
            staged_period(context, month(context, Some(today.year()), today.month())?, c.stage(0)?, true)
                .map(Value::Period)
        }),
        rule("period", "earlier ( this | in the | in this ) year", |context, _| half_of_this_year(context, true)),
        rule("period", "later ( this | in the | in this ) year", |context, _| half_of_this_year(context, false)),
        rule("period", "the? < rest|remaining|remainder of ( the | this | my | current ) {singular} >", |context, c| {
            rest(context, c.unit(0)?)
        }),
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
        rule("period", "earlier ( this | in the ) month", |context, _| part_of_this_month(context, true)),
        rule("period", "later ( this | in the ) month", |context, _| part_of_this_month(context, false)),
        rule("period", "( year | month | week | quarter ) to date", |context, _| {
            let today = context.reference.date();
            let mut made = year(i64::from(today.year()))?;
            made.at = Some(Both::same((today.first_of_year(), today)));
            Some(Value::Period(made))
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

fn same(_: &Context, c: &Captures) -> Option<Value> {
    c.period(0).map(Value::Period)
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
        None => Both { past: this, future: this + 1 },
    };
    let at = years.try_map(span)?;
    let (start, end) = at.past;
    let mut made = period(
        format!("({start},{end},P{months}M)"),
        written(start),
        Grain::Month,
        at,
    );
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
    Some(Value::Period(period(timex, written(start), Grain::Month, Both::same((start, end)))))
}

fn nth_week(context: &Context, weeks: i64) -> Option<Value> {
    week(weekday_of_week(context, 1, weeks)?).map(Value::Period)
}

fn week_of_year(year: i16, number: i64) -> Option<Value> {
    let first = monday(Date::new(year, 1, 4).ok()?)?;
    let start = (1..=53).contains(&number).then(|| add(first, (number - 1) * 7, Unit::Day))??;
    let mut made = week(start)?;
    made.timex = format!("{year:04}-W{number:02}");
    Some(Value::Period(made))
}

/// A week of a month; weeks are counted from the one in which the month's first Thursday is. Without number the last.
fn week_of_month(month: &Period, number: Option<i64>) -> Option<Value> {
    let of = |(first, end): (Date, Date)| {
        let start = match number {
            Some(number) => {
                let this = monday(first)?;
                let first = if first.weekday().to_monday_one_offset() > 4 { add(this, 7, Unit::Day)? } else { this };
                add(first, (number - 1) * 7, Unit::Day)?
            }
            None => {
                let last = add(end, -1, Unit::Day)?;
                let back = if last.weekday().to_monday_one_offset() < 4 { -7 } else { 0 };
                add(monday(last)?, back, Unit::Day)?
            }
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
        let first = if number == 1 { add(date, -7, Unit::Day)? } else { monday(date)? };
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

fn span_of_years(first: i64, last: i64, length: &str) -> Option<Value> {
    let of = |year: i64| Date::new(i16::try_from(year).ok()?, 1, 1).ok();
    let (start, end) = (of(first)?, of(last)?);
    let timex = format!("({start},{end},{length})");
    Some(Value::Period(period(timex, written(start), Grain::Year, Both::same((start, end)))))
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
    let at = Both { past: of(1900 + first)?, future: of(2000 + first)? };
    let timex = format!("(XX{first:02}-01-01,XX{:02}-01-01,P10Y)", (first + 10) % 100);
    Some(Value::Period(period(timex, format!("XX{first:02}-01-01"), Grain::Year, at)))
}

fn staged(context: &Context, c: &Captures) -> Option<Value> {
    let made = c.period(0)?;
    let named = c.0.iter().any(|value| matches!(value, Value::Period(period) if is_this(context, period)));
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
    made.at = Some(Both::same(if early { (first, middle) } else { (middle.max(today), end) }));
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
    let days = super::super::calendar::days_between(today, last);
    let timex = format!("({today},{last},P{days}D)");
    Some(Value::Period(period(timex, written(today), Grain::Day, Both::same((today, last)))))
}
