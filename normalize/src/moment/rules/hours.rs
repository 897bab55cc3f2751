//! Hours from one time of day to another, and parts of the day.

use super::super::Context;
use super::super::grammar::{Captures, Rule};
use super::super::value::{Clock, Hours, Modifier, Part, Value};
use super::rule;

pub(super) fn rules() -> Vec<Rule> {
    vec![
        rule("hours", "from|between {clock} {to} {loose}", from_to),
        rule("hours", "from|between {loose} {to} {clock}", from_to),
        rule("hours", "between {clock} and {loose}", from_to),
        rule("hours", "between {loose} and {clock}", from_to),
        // Two bare numbers are hours where nothing follows that they could count.
        rule("barehours", "from|between {loose} {to} {loose}", from_to),
        rule("barehours", "between {loose} and {loose}", from_to),
        rule("lonehours", "< {barehours} > .|,|?|!|;|␃", |_, c| {
            c.hours(0).map(Value::Hours)
        }),
        rule("hours", "{barehours} ( in the ) {part}", |_, c| {
            within(&c.hours(0)?, c.part(0)?).map(Value::Hours)
        }),
        rule("loosehours", "{barehours}", |_, c| c.hours(0).map(Value::Hours)),
        rule("hours", "{clock} {to} {clock}", from_to),
        rule("hours", "{clock} {to} {loose}", from_to),
        rule("hours", "{loose} {to} {clock}", from_to),
        rule("zonedhours", "from|between {loose} {to} {loose} {zone}", from_to),
        rule("loosehours", "{loose} {to} {loose}", from_to),
        rule("loosehours", "{hours}", |_, c| c.hours(0).map(Value::Hours)),
        rule("hours", "from {clock} for {len}", lasting),
        rule("loosehours", "from {loose} for {len}", lasting),
        rule("hours", "for {len} from {clock}", lasting),
        rule("hours", "{clock} for {len}", |_, _| None),
        rule("hours", "( in the | at the | in | at )? {part}", |_, c| {
            whole(c.part(0)?, None)
        }),
        rule("hours", "at {meal}", |_, c| whole(c.part(0)?, None)),
        rule("hours", "early ( in the | in )? {part}", |_, c| {
            whole(c.part(0)?, Some("start"))
        }),
        rule("hours", "late|later ( in the | in )? {part}", |_, c| {
            whole(c.part(0)?, Some("end"))
        }),
        rule("hours", "late at {part}", |_, c| whole(c.part(0)?, Some("end"))),
        rule("hours", "in the early {part}", |_, c| whole(c.part(0)?, Some("start"))),
        rule("hours", "in the late {part}", |_, c| whole(c.part(0)?, Some("end"))),
        rule("hours", "{loosehours} ( in the | in ) {part}", |_, c| {
            within(&c.hours(0)?, c.part(0)?).map(Value::Hours)
        }),
    ]
}

/// Two times that follow each other: what tells the half of the day of one tells that of the other.
pub(super) fn spans(start: &Clock, end: &Clock) -> Option<Vec<(Clock, Clock)>> {
    let pick = |start: Clock, end: Clock| (start, end);
    match (start.open, end.open) {
        (false, false) => {
            let mut end = end.clone();
            // 10am-12am means noon.
            if end.seconds() == 0 && (1..12).contains(&start.hour) && end.minute.is_none() {
                end.hour = 12;
            }
            Some(vec![pick(start.clone(), end)])
        }
        (true, false) => {
            // The latest start that is before the end.
            let mut starts = start.readings();
            starts.sort_by_key(Clock::seconds);
            let before = starts.iter().rfind(|clock| clock.seconds() < end.seconds());
            let chosen = before.or_else(|| starts.last())?;
            Some(vec![pick(chosen.clone(), end.clone())])
        }
        (false, true) => {
            let mut ends = end.readings();
            ends.sort_by_key(Clock::seconds);
            let after = ends.iter().find(|clock| clock.seconds() > start.seconds());
            let chosen = after.or_else(|| ends.first())?;
            Some(vec![pick(start.clone(), chosen.clone())])
        }
        (true, true) => {
            let first = start.at_half(start.hour == 12);
            let early = [end.at_half(false), end.at_half(true)];
            let late = first.at_half(start.hour != 12);
            let close = |clock: &Clock| {
                early
                    .iter()
                    .find(|end| end.seconds() > clock.seconds())
                    .unwrap_or(&early[0])
                    .clone()
            };
            Some(vec![
                pick(first.clone(), close(&first)),
                pick(late.clone(), close(&late)),
            ])
        }
    }
}

fn from_to(_: &Context, c: &Captures) -> Option<Value> {
    let (start, end) = (c.clock(0)?, c.clock(1)?);
    if start == end {
        return None;
    }
    Some(Value::Hours(Hours {
        part: None,
        modifier: None,
        spans: spans(&start, &end)?,
        length: None,
    }))
}

/// The duration between two times, over midnight where the second is the earlier one.
pub(in crate::moment) fn length(start: &Clock, end: &Clock) -> String {
    let seconds = (end.seconds() - start.seconds()).rem_euclid(24 * 3600);
    super::lengths::of_seconds(seconds)
}

fn lasting(_: &Context, c: &Captures) -> Option<Value> {
    let (start, length) = (c.clock(0)?, c.length(0)?);
    if length.parts.iter().any(|(_, unit)| !unit.is_clock()) {
        return None;
    }
    let spans = start
        .readings()
        .into_iter()
        .map(|start| {
            let total = start.seconds() + super::lengths::seconds(&length) as i64;
            let (hour, minute, second) = (total / 3600 % 24, total / 60 % 60, total % 60);
            Clock::new(hour, Some(minute), Some(second), false).map(|end| (start, end))
        })
        .collect::<Option<_>>()?;
    Some(Value::Hours(Hours {
        part: None,
        modifier: None,
        spans,
        length: Some(super::lengths::timex(&length)),
    }))
}

fn whole(part: Part, modifier: Option<Modifier>) -> Option<Value> {
    let (start, end) = part.hours();
    let clock = |time: jiff::civil::Time| {
        Clock::new(
            i64::from(time.hour()),
            Some(i64::from(time.minute())),
            Some(i64::from(time.second())),
            false,
        )
    };
    Some(Value::Hours(Hours {
        part: Some(part),
        modifier,
        spans: vec![(clock(start)?, clock(end)?)],
        length: None,
    }))
}

/// Those hours that are in a part of the day.
pub(super) fn within(hours: &Hours, part: Part) -> Option<Hours> {
    if hours.part.is_some() {
        return None;
    }
    let mut made = hours.clone();
    if hours.spans.len() > 1 {
        let (start, end) = hours.spans.first()?;
        let late = part.is_late() && start.hour != 12;
        let start = start.at_half(late || start.hour == 12);
        // A start before noon can end after it: nine to three.
        let end_late = end.at_half(true);
        let end_early = end.at_half(false);
        let end = if end_early.seconds() > start.seconds() {
            end_early
        } else {
            end_late
        };
        made.spans = vec![(start, end)];
    } else if let Some((start, end)) = made.spans.first_mut() {
        // From 10 at night until 3 in the afternoon: an end that is before its beginning is after noon.
        let early = end.minute.is_none() && (1..8).contains(&end.hour) && part.is_late() && part != Part::Night;
        if early && end.seconds() < start.seconds() {
            end.hour += 12;
        }
    }
    Some(made)
}

/// First or second half of a part of the day.
pub(in crate::moment) fn narrowed(part: Part, modifier: Option<Modifier>) -> (jiff::civil::Time, jiff::civil::Time) {
    let (start, end) = part.hours();
    let middle = |hours: i8| jiff::civil::Time::new(hours, 0, 0, 0).unwrap_or(start);
    match modifier {
        Some("start") => (start, middle(start.hour() + 2)),
        Some("end") => (middle(start.hour() + 2), end),
        _ => (start, end),
    }
}
