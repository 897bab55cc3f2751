//! Before, after, since and until something.

use super::super::Kind;
use super::super::calendar::written;
use super::super::grammar::{Captures, Rule};
use super::super::value::{Clock, Day, Moment, Open, Period, Value};
use super::super::{date_time_text, time_text};
use super::{moments, rule};

pub(super) fn rules() -> Vec<Rule> {
    vec![
        rule("before", "before|until|till|by", word),
        rule("before", "prior to", word),
        rule("before", "( no | not ) later than", word),
        rule("before", "earlier|sooner|less than", word),
        rule("before", "up ( to | until )", word),
        rule("before", "no later than", word),
        rule("after", "after", word),
        rule("after", "later|greater|more|newer than", word),
        rule("since", "since", word),
        rule("since", "starting|beginning|effective ( on | from )?", word),
        rule("since", "( any time )? ( as early as )", word),
        rule("since", "any time ( from | since | after )", word),
        rule("since", "on or after", word),
        rule("since", "after or on", word),
        rule("since", "( greater | later | more ) than or equal to", word),
        rule("since", "\\> ~=", word),
        rule("after", "\\>", word),
        rule("before", "\\<", word),
        rule("until", "\\< ~=", word),
        rule("until", "on or before", word),
        rule("until", "before or on", word),
        rule("until", "( less | earlier ) than or equal to", word),
        rule("orlater", "or later|newer|greater", word),
        rule("orlater", "< or|and after > .|,|?|!|␃", word),
        rule("orlater", "and later|newer|greater", word),
        rule("orlater", "or|and onwards|onward", word),
        rule("orlater", "onwards|onward", word),
        rule("orbefore", "or|and earlier|older", word),
        rule("orbefore", "< or|and before > .|,|?|!|␃", word),
        rule("open", "more than {len} before {day}", |context, c| far(context, c, -1)),
        rule("open", "more than {len} after|from {day}", |context, c| {
            far(context, c, 1)
        }),
        rule("open", "more than {len} ago", |context, c| far(context, c, -1)),
        rule("until", "as late as", word),
        rule("open", "{until} {clock}", |_, c| on_clock(&c.clock(0)?, Bound::Until)),
        rule("open", "{until} {anyday}", |_, c| on_day(&c.day(0)?, Bound::Until)),
        rule("open", "{until} {span}", |_, c| on_period(&c.period(0)?, Bound::Until)),
        rule("open", "{before} {anyday}", |_, c| on_day(&c.day(0)?, Bound::Before)),
        rule("open", "{after} {anyday}", |_, c| on_day(&c.day(0)?, Bound::After)),
        rule("open", "{since} {anyday}", |_, c| on_day(&c.day(0)?, Bound::Since)),
        rule("open", "{day} {orlater}", |_, c| on_day(&c.day(0)?, Bound::Since)),
        rule("open", "{day} {orbefore}", |_, c| on_day(&c.day(0)?, Bound::Until)),
        rule("open", "{before} ( the )? {span}", |_, c| {
            on_period(&c.period(0)?, Bound::Before)
        }),
        rule("open", "{after} ( the )? {span}", |_, c| {
            on_period(&c.period(0)?, Bound::After)
        }),
        rule("open", "year greater|later than {yearperiod}", |_, c| {
            on_period(&c.period(0)?, Bound::After)
        }),
        rule("open", "year less|earlier than {yearperiod}", |_, c| {
            on_period(&c.period(0)?, Bound::Before)
        }),
        rule("open", "{since} ( the )? {span}", |_, c| {
            on_period(&c.period(0)?, Bound::Since)
        }),
        rule("open", "( in )? < {span} {orlater} >", |_, c| {
            on_period(&c.period(0)?, Bound::Since)
        }),
        rule("open", "( in )? < {span} {orbefore} >", |_, c| {
            on_period(&c.period(0)?, Bound::Until)
        }),
        rule("span", "{yearperiod}", |_, c| c.period(0).map(Value::Period)),
        rule("span", "{month1}", |_, c| c.period(0).map(Value::Period)),
        rule("span", "{decadeperiod}", |_, c| c.period(0).map(Value::Period)),
        rule("span", "{quarter}", |_, c| c.period(0).map(Value::Period)),
        rule("span", "{weekperiod}", |_, c| c.period(0).map(Value::Period)),
        rule("span", "{weekendperiod}", |_, c| c.period(0).map(Value::Period)),
        rule("span", "{staged}", |_, c| c.period(0).map(Value::Period)),
        rule("open", "{before} {clock}", |_, c| on_clock(&c.clock(0)?, Bound::Before)),
        rule("open", "{after} {clock}", |_, c| on_clock(&c.clock(0)?, Bound::After)),
        rule("open", "{since} {clock}", |_, c| on_clock(&c.clock(0)?, Bound::Since)),
        rule("open", "{clock} {orlater}", |_, c| on_clock(&c.clock(0)?, Bound::Since)),
        rule("open", "{clock} {orbefore}", |_, c| {
            on_clock(&c.clock(0)?, Bound::Until)
        }),
        rule("open", "after {meal}", |_, c| {
            let part = c.part(0)?;
            Some(Value::Open(Open {
                modifier: "after".to_owned(),
                ends: vec![(part.timex().to_owned(), Some(time_text(part.hours().1)), None)],
                kind: Kind::TimeRange,
                source: None,
            }))
        }),
        rule("open", "before {meal}", |_, c| {
            let part = c.part(0)?;
            Some(Value::Open(Open {
                modifier: "before".to_owned(),
                ends: vec![(part.timex().to_owned(), None, Some(time_text(part.hours().0)))],
                kind: Kind::TimeRange,
                source: None,
            }))
        }),
        rule("open", "{before} {moment}", |_, c| {
            on_moment(&c.moment(0)?, Bound::Before, true)
        }),
        rule("open", "{after} {moment}", |_, c| {
            on_moment(&c.moment(0)?, Bound::After, true)
        }),
        rule("open", "{since} {moment}", |_, c| {
            on_moment(&c.moment(0)?, Bound::Since, true)
        }),
        rule("open", "{moment} {orlater}", |_, c| {
            on_moment(&c.moment(0)?, Bound::Since, true)
        }),
        rule("open", "{clock} {orlater} ( on | , )? {anyday}", |_, c| {
            on_moment(&joined(c)?, Bound::Since, true)
        }),
        rule("open", "{anyday} ,? {before} {clock}", |_, c| {
            on_moment(&joined(c)?, Bound::Before, c.clock(0)?.modifier.is_none())
        }),
        rule("open", "{anyday} ,? after {clock}", |_, c| {
            on_moment(&joined(c)?, Bound::After, true)
        }),
        rule("open", "{anyday} ,? later than {loose} in the {part}", |_, c| {
            let mut moment = joined(c)?;
            moment.clock = super::clocks::in_part(&moment.clock, c.part(0)?)?;
            on_moment(&moment, Bound::After, false)
        }),
        rule("open", "{before} {clock} ( on )? {anyday}", |_, c| {
            on_moment(&joined(c)?, Bound::Before, true)
        }),
        rule("open", "{after} {clock} ( on )? {anyday}", |_, c| {
            on_moment(&joined(c)?, Bound::After, true)
        }),
        rule("open", "< to date > .|,|?|!|␃", |context, _| {
            Some(Value::Open(Open {
                modifier: "before".to_owned(),
                ends: vec![("PRESENT_REF".to_owned(), None, Some(written(context.reference.date())))],
                kind: Kind::DateRange,
                source: None,
            }))
        }),
    ]
}

#[expect(clippy::unnecessary_wraps, reason = "the form of an action")]
fn word(_: &super::super::Context, _: &Captures) -> Option<Value> {
    Some(Value::Word)
}

/// On which side of what is named the period is, and whether that belongs to it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bound {
    Before,
    Until,
    After,
    Since,
}

impl Bound {
    fn name(self, inner: Option<&str>) -> String {
        let base = match self {
            Self::Before => "before",
            Self::Until => "until",
            Self::After => "after",
            Self::Since => "since",
        };
        match inner {
            Some(inner) => format!("{base}-{inner}"),
            None => base.to_owned(),
        }
    }

    fn ends_it(self) -> bool {
        matches!(self, Self::Before | Self::Until)
    }
}

/// The readings of an open period, where what bounds it is told.
fn ends(timex: &str, past: String, future: String, bound: Bound) -> Vec<(String, Option<String>, Option<String>)> {
    let end = |at: String| {
        if bound.ends_it() {
            (timex.to_owned(), None, Some(at))
        } else {
            (timex.to_owned(), Some(at), None)
        }
    };
    if past == future {
        vec![end(future)]
    } else {
        vec![end(past), end(future)]
    }
}

fn on_day(day: &Day, bound: Bound) -> Option<Value> {
    let at = day.at?;
    Some(Value::Open(Open {
        modifier: bound.name(day.modifier),
        ends: ends(&day.timex, written(at.past), written(at.future), bound),
        kind: Kind::DateRange,
        source: Some("datetimepoint"),
    }))
}

fn on_period(period: &Period, bound: Bound) -> Option<Value> {
    let at = period.at?;
    let side = |(start, end): (jiff::civil::Date, jiff::civil::Date)| match (bound, period.modifier) {
        (Bound::Before, Some("end")) | (Bound::After | Bound::Until, _) => written(end),
        _ => written(start),
    };
    Some(Value::Open(Open {
        modifier: bound.name(period.modifier),
        ends: ends(&period.timex, side(at.past), side(at.future), bound),
        kind: Kind::DateRange,
        source: Some("datetimerange"),
    }))
}

#[expect(clippy::unnecessary_wraps, reason = "the form of its neighbours")]
fn on_clock(clock: &Clock, bound: Bound) -> Option<Value> {
    let found = clock
        .readings()
        .into_iter()
        .flat_map(|reading| {
            let at = time_text(reading.time());
            ends(&reading.timex(), at.clone(), at, bound)
        })
        .collect();
    Some(Value::Open(Open {
        modifier: bound.name(clock.modifier),
        ends: found,
        kind: Kind::TimeRange,
        source: Some("datetimepoint"),
    }))
}

fn on_moment(moment: &Moment, bound: Bound, named: bool) -> Option<Value> {
    let found = moments::readings(moment)?
        .into_iter()
        .flat_map(|(timex, at)| ends(&timex, date_time_text(at.past), date_time_text(at.future), bound))
        .collect();
    let point = named && moment.timex.is_none();
    Some(Value::Open(Open {
        modifier: bound.name(moment.clock.modifier),
        ends: found,
        kind: Kind::DateTimeRange,
        source: point.then_some("datetimepoint"),
    }))
}

fn joined(c: &Captures) -> Option<Moment> {
    Some(Moment {
        day: c.day(0)?,
        clock: c.clock(0)?,
        timex: None,
        modifier: None,
    })
}

/// More than so long before or after a day.
fn far(context: &super::super::Context, c: &Captures, direction: i64) -> Option<Value> {
    let mut date = c
        .day(0)
        .map_or(Some(context.reference.date()), |day| Some(day.at?.future))?;
    for (amount, unit) in &c.length(0)?.parts {
        date = super::super::calendar::add(date, *amount as i64 * direction, *unit)?;
    }
    let bound = if direction < 0 { Bound::Before } else { Bound::After };
    Some(Value::Open(Open {
        modifier: bound.name(None),
        ends: ends(&written(date), written(date), written(date), bound),
        kind: Kind::DateRange,
        source: None,
    }))
}
