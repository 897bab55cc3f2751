//! Days, times, moments and durations as raw values: what the expressions of time in a text come to.

use jiff::civil::{Date, DateTime};
use serde_json::json;

use crate::iso::{self, Zone};
use crate::moment::{self, Context, Expression, Kind, Reading};
use crate::outcome::{Canonical, Found, Outcome, Refusal};
use crate::settings::Settings;

/// Two moments that have nothing in common: what comes out alike for both doesn't depend on now.
const SOME: [DateTime; 2] = [
    DateTime::constant(2003, 3, 5, 10, 0, 0, 0),
    DateTime::constant(2018, 10, 21, 17, 30, 0, 0),
];

/// A duration that is written as ISO 8601 has it, with the units that are added to it here: business days (`BD`), weekdays
/// (`WD`) and weekends (`WE`).
fn iso_duration(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('P') else {
        return false;
    };
    let (date, time) = rest.split_once('T').unwrap_or((rest, ""));
    let units = |part: &str, allowed: &[&str]| {
        let mut rest = part;
        while !rest.is_empty() {
            let number = leading_number(rest);
            let amount: Result<f64, _> = rest[..number].parse();
            let unit = allowed.iter().find(|unit| rest[number..].starts_with(**unit));
            let (Ok(_), Some(unit)) = (amount, unit) else {
                return false;
            };
            rest = &rest[number + unit.len()..];
        }
        true
    };
    let empty = date.is_empty() && time.is_empty();
    let ends_early = rest.contains('T') && time.is_empty();
    !empty && !ends_early && units(date, &["BD", "WD", "WE", "W", "Y", "M", "D"]) && units(time, &["H", "M", "S"])
}

/// How many bytes of the text are a number that it begins with.
fn leading_number(text: &str) -> usize {
    let rest = text.trim_start_matches(|digit: char| digit.is_ascii_digit() || digit == '.');
    text.len() - rest.len()
}

/// A duration in the one form of all that last as long: hours, minutes and seconds carried, months in years, weeks in days.
fn canonical_duration(timex: &str) -> String {
    let rest = timex.strip_prefix('P').unwrap_or(timex);
    let (date, time) = rest.split_once('T').unwrap_or((rest, ""));
    let (mut months, mut days, mut seconds) = (0.0, 0.0, 0.0);
    let mut others = String::new();
    for (part, in_time) in [(date, false), (time, true)] {
        let mut rest = part;
        while !rest.is_empty() {
            let number = leading_number(rest);
            let unit = rest.len() - rest[number..].trim_start_matches(char::is_alphabetic).len();
            let Ok(amount) = rest[..number].parse::<f64>() else {
                return timex.to_owned();
            };
            match (&rest[number..unit], in_time) {
                ("Y", false) => months += amount * 12.0,
                ("M", false) => months += amount,
                ("W", false) => days += amount * 7.0,
                ("D", false) => days += amount,
                ("H", true) => seconds += amount * 3600.0,
                ("M", true) => seconds += amount * 60.0,
                ("S", true) => seconds += amount,
                _ => others.push_str(&rest[..unit]),
            }
            rest = &rest[unit..];
        }
    }
    let mut text = String::from("P");
    let mut push = |amount: f64, unit: &str| {
        if amount > 0.0 {
            text.push_str(&format!("{amount}{unit}"));
        }
    };
    let years = (months / 12.0_f64).trunc();
    push(years, "Y");
    push(months - years * 12.0, "M");
    push(days, "D");
    text.push_str(&others);
    let (hours, minutes) = ((seconds / 3600.0_f64).trunc(), (seconds % 3600.0 / 60.0).trunc());
    let rest = seconds - hours * 3600.0 - minutes * 60.0;
    let mut clock = String::new();
    for (amount, unit) in [(hours, 'H'), (minutes, 'M'), (rest, 'S')] {
        if amount > 0.0 {
            clock.push_str(&format!("{amount}{unit}"));
        }
    }
    if !clock.is_empty() {
        text.push('T');
        text.push_str(&clock);
    }
    if text == "P" { "PT0S".to_owned() } else { text }
}

/// `1:30:00` as a duration: hours, minutes and seconds; of two parts it is open which they are.
fn counted(text: &str, span: &std::ops::Range<usize>) -> Option<Found> {
    let shown = &text[span.clone()];
    let parts: Vec<u32> = shown.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let small = |parts: &[u32]| parts.iter().all(|part| *part < 60);
    let candidate = |value: String, confidence: f32| Canonical {
        value: canonical_duration(&value),
        parts: json!({ "timex": value, "modifier": null }),
        confidence,
        span: span.clone(),
    };
    let outcome = match parts.as_slice() {
        [hours, rest @ ..] if rest.len() == 2 && small(rest) => {
            Outcome::Canonical(candidate(format!("PT{hours}H{}M{}S", rest[0], rest[1]), 0.9))
        }
        [first, second] if *second < 60 => Outcome::Ambiguous {
            candidates: vec![
                candidate(format!("PT{first}H{second}M"), 0.5),
                candidate(format!("PT{first}M{second}S"), 0.5),
            ],
            reason: "hours and minutes, or minutes and seconds",
        },
        _ => return None,
    };
    Some(Found {
        span: span.clone(),
        outcome,
    })
}

/// The expressions of a text that have a value of the wanted kind.
pub(crate) fn find(text: &str, settings: &Settings, kind: Kind) -> Vec<Found> {
    let whole = crate::names::trimmed(text);
    if kind == Kind::Duration && iso_duration(&text[whole.clone()]) {
        let written = &text[whole.clone()];
        let parts = json!({ "timex": written, "modifier": null });
        return vec![Found::one(canonical_duration(written), parts, 0.99, whole)];
    }
    if kind == Kind::Duration
        && let Some(found) = counted(text, &whole)
    {
        return vec![found];
    }
    let written = &text[whole.clone()];
    let in_iso = match kind {
        Kind::Date => iso::week_day(written),
        _ => iso::moment(written, kind),
    };
    if let Some(value) = in_iso {
        let parts = json!({ "timex": value, "modifier": null });
        return vec![Found::one(value, parts, 0.98, whole)];
    }
    let found = expressions(text, settings, kind);
    if found.is_empty()
        && kind == Kind::Duration
        && let Some(duration) = iso::compact_duration(written)
    {
        let parts = json!({ "timex": duration, "modifier": null });
        return vec![Found::one(canonical_duration(&duration), parts, 0.9, whole)];
    }
    found
}

/// The expressions of time of a text that have a value of the wanted kind.
fn expressions(text: &str, settings: &Settings, kind: Kind) -> Vec<Found> {
    let orders = match settings.day_first() {
        Some(day_first) => vec![day_first],
        None => vec![true, false],
    };
    let contexts: Vec<Context> = orders
        .iter()
        .flat_map(|&day_first| {
            let references = settings.reference.map_or(SOME.to_vec(), |reference| vec![reference]);
            references
                .into_iter()
                .map(move |reference| Context { reference, day_first })
        })
        .collect();
    let Some(first) = contexts.first() else {
        return Vec::new();
    };
    let found = moment::find(text, first);
    let others: Vec<Vec<Expression>> = contexts[1..]
        .iter()
        .map(|context| moment::find(text, context))
        .collect();
    found
        .into_iter()
        .filter(|expression| fits(expression.kind, kind))
        .map(|expression| {
            let mut all = vec![expression.clone()];
            all.extend(
                others
                    .iter()
                    .flatten()
                    .filter(|other| other.span == expression.span)
                    .cloned(),
            );
            let found = Found {
                outcome: outcome(text, &all, settings, kind),
                span: expression.span,
            };
            if matches!(kind, Kind::Time | Kind::DateTime) {
                with_zone(text, found)
            } else {
                found
            }
        })
        .collect()
}

/// What was found with the time zone that is told behind it: an offset from UTC belongs to the value, and of a zone by name
/// it is open which it is.
fn with_zone(text: &str, found: Found) -> Found {
    // Some names are a part of the expression.
    let shown = &text[found.span.clone()];
    let last = shown
        .rfind(' ')
        .map_or(found.span.end, |space| found.span.start + space);
    let told = iso::zone_after(text, found.span.end).or_else(|| iso::zone_after(text, last));
    let Some((zone, range)) = told else { return found };
    let span = found.span.start..range.end.max(found.span.end);
    let mut candidates = found.outcome.candidates().to_vec();
    for canonical in &mut candidates {
        canonical.span = span.clone();
        if let Zone::Offset(offset) = &zone {
            canonical.value.push_str(offset);
        }
    }
    let outcome = match (zone, found.outcome) {
        (_, Outcome::Refused { reason }) => Outcome::Refused { reason },
        (Zone::Offset(_), Outcome::Canonical(_)) => Outcome::Canonical(candidates.remove(0)),
        (Zone::Offset(_), Outcome::Ambiguous { reason, .. }) => Outcome::Ambiguous { candidates, reason },
        (Zone::Named, _) => {
            candidates.iter_mut().for_each(|canonical| canonical.confidence = 0.5);
            let reason = "its time zone has a name, which does not tell the offset from UTC";
            Outcome::Ambiguous { candidates, reason }
        }
    };
    Found { span, outcome }
}

/// A moment has a day and a time, too; and nothing else has.
fn fits(found: Kind, wanted: Kind) -> bool {
    found == wanted || (found == Kind::DateTime && matches!(wanted, Kind::Date | Kind::Time))
}

/// The part of a reading that the wanted kind is: `2016-11-07`, `15:30:00`, `2016-11-07T15:30:00`, `PT3H`.
fn value(reading: &Reading, wanted: Kind) -> Option<String> {
    if wanted == Kind::Duration {
        return Some(canonical_duration(&reading.timex));
    }
    let value = reading.value.as_ref()?;
    let (date, time) = value.split_once(' ').unwrap_or((value, value));
    // Years of less than four digits come of sums that nobody meant.
    if wanted != Kind::Time && date.starts_with(['0', '-']) {
        return None;
    }
    Some(match wanted {
        Kind::Date => date.to_owned(),
        Kind::Time => time.to_owned(),
        _ => value.replace(' ', "T"),
    })
}

fn outcome(text: &str, all: &[Expression], settings: &Settings, wanted: Kind) -> Outcome {
    let mut values: Vec<(String, &Reading)> = Vec::new();
    for expression in all {
        for reading in &expression.readings {
            if let Some(value) = value(reading, wanted)
                && !values.iter().any(|(known, _)| *known == value)
            {
                values.push((value, reading));
            }
        }
    }
    if values.is_empty() {
        return Outcome::Refused {
            reason: Refusal::Invalid,
        };
    }
    let first = &all[0];
    let shown = &text[first.span.clone()];
    if wanted == Kind::Duration && is_negative(&text[..first.span.start]) {
        return Outcome::Refused {
            reason: Refusal::Invalid,
        };
    }
    if wanted != Kind::Time && wanted != Kind::Duration {
        // The day of the week must be that of the date, where the date is told whole.
        if let [weekday] = moment::weekdays(shown)[..] {
            values.retain(|(value, _)| !shown.contains(&value[..4]) || weekday_of(value) == Some(weekday));
        }
        if values.is_empty() {
            return Outcome::Refused {
                reason: Refusal::Invalid,
            };
        }
    }
    let open = wanted != Kind::Duration
        && wanted != Kind::Time
        && first.readings.iter().any(|reading| reading.timex.contains('X'));
    let relative = settings.reference.is_none()
        && all
            .chunks(2)
            .any(|pair| matches!(pair, [one, two] if one.readings != two.readings));
    if relative && !open {
        return Outcome::Refused {
            reason: Refusal::NeedsReference,
        };
    }
    if relative {
        // The year is open, and without now there is nothing to choose from.
        return Outcome::Ambiguous {
            candidates: Vec::new(),
            reason: why_open(&first.readings),
        };
    }
    // Of a time with a colon it is likely that it counts to 24.
    let clock = wanted == Kind::Time && shown.contains(':') && values.len() == 2;
    let sure = if first.span.len() == text.trim().len() {
        0.98
    } else {
        0.92
    };
    if clock {
        values.truncate(1);
    }
    let is_in_other_week = |value: &str| {
        let reference = settings.reference.map(DateTime::date);
        wanted != Kind::Time && reference.is_some_and(|today| can_be_another_week(shown, value, today))
    };
    let confidence = if clock {
        0.75
    } else if values.len() == 1 && is_in_other_week(&values[0].0) {
        OTHER_WEEK
    } else if values.len() == 1 {
        sure
    } else {
        1.0 / values.len() as f32
    };
    let reason = if open {
        why_open(&first.readings)
    } else {
        why_several(&values)
    };
    let mut candidates: Vec<Canonical> = values
        .into_iter()
        .map(|(value, reading)| Canonical {
            parts: json!({ "timex": reading.timex, "modifier": reading.modifier }),
            value,
            confidence,
            span: first.span.clone(),
        })
        .collect();
    if candidates.len() == 1 {
        return Outcome::Canonical(candidates.remove(0));
    }
    if open {
        // What is to come is meant more often.
        candidates.reverse();
    }
    Outcome::Ambiguous { candidates, reason }
}

/// The confidence of a weekday of the week before or after this one, where many mean the nearest such day: said on a
/// Thursday, "last Monday" is that of this week to some and that of the week before to others.
const OTHER_WEEK: f32 = 0.6;

/// Whether a value is told as a weekday of a week, such as "last Monday", and the nearest such day is another one.
fn can_be_another_week(shown: &str, value: &str, today: Date) -> bool {
    let Some((weeks, weekday)) = moment::weekday_of_week(shown) else {
        return false;
    };
    let Some(date) = value.get(..10).and_then(|date| date.parse::<Date>().ok()) else {
        return false;
    };
    let Ok(weekday) = jiff::civil::Weekday::from_monday_one_offset(weekday) else {
        return false;
    };
    let nearest = match weeks {
        // "This Monday" that is over may be the one to come.
        0 if date >= today => Ok(date),
        -1 => today.nth_weekday(-1, weekday),
        _ => today.nth_weekday(1, weekday),
    };
    nearest.is_ok_and(|nearest| nearest != date)
}

/// Whether a minus stands at the end of what comes before a number.
fn is_negative(before: &str) -> bool {
    let without = before.trim_end_matches(['-', '−', '–']);
    without.len() < before.len() && without.chars().next_back().is_none_or(char::is_whitespace)
}

/// The day of the week of a value that begins with a date, from Monday (1).
fn weekday_of(value: &str) -> Option<i8> {
    let date: Date = value.get(..10)?.parse().ok()?;
    Some(date.weekday().to_monday_one_offset())
}

/// What a timex with something open leaves open.
fn why_open(readings: &[Reading]) -> &'static str {
    let timex = readings.first().map_or("", |reading| reading.timex.as_str());
    if timex.starts_with("XXXX-W") {
        "the week is not told"
    } else if timex.starts_with("XXXX-XX") {
        "the month is not told"
    } else if timex.starts_with("XXXX") {
        "the year is not told"
    } else {
        "the century is not told"
    }
}

/// Why there are several values, of which nothing is open.
fn why_several(values: &[(String, &Reading)]) -> &'static str {
    let date = |value: &str| value.split_once('T').map_or(String::new(), |(date, _)| date.to_owned());
    let is_one_day = values.windows(2).all(|pair| date(&pair[0].0) == date(&pair[1].0));
    if values.iter().all(|(value, _)| value.contains(':')) && is_one_day {
        "the half of the day is not told"
    } else {
        "which number is the day and which the month is not told"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, kind: Kind) -> String {
        let found = find(text, &Settings::default(), kind);
        match found.first().map(|found| &found.outcome) {
            None => "-".to_owned(),
            Some(Outcome::Canonical(canonical)) => canonical.value.clone(),
            Some(Outcome::Ambiguous { reason, .. }) => (*reason).to_owned(),
            Some(Outcome::Refused { reason }) => format!("{reason:?}"),
        }
    }

    #[test]
    fn a_time_zone_is_never_dropped() {
        assert_eq!(of("15:30 UTC", Kind::Time), "15:30:00Z");
        assert_eq!(of("15:30+02:00", Kind::Time), "15:30:00+02:00");
        let named = "its time zone has a name, which does not tell the offset from UTC";
        assert_eq!(of("15:30 CET", Kind::Time), named);
        assert_eq!(of("3 pm PST", Kind::Time), named);
        assert_eq!(of("2024-03-05T15:30:00Z", Kind::DateTime), "2024-03-05T15:30:00Z");
        assert_eq!(
            of("Tue, 5 Mar 2024 15:30:00 +0200", Kind::DateTime),
            "2024-03-05T15:30:00+02:00"
        );
        assert_eq!(of("2024-03-05T15:30:00Z", Kind::Date), "2024-03-05");
    }

    #[test]
    fn a_day_of_the_week_that_is_not_that_of_the_date_is_a_contradiction() {
        assert_eq!(of("Monday, March 5, 2024", Kind::Date), "Invalid");
        assert_eq!(of("Tuesday, March 5, 2024", Kind::Date), "2024-03-05");
        assert_eq!(of("Dienstag, 5. März 2024", Kind::Date), "2024-03-05");
        assert_eq!(
            of("Tue 03/05/2024", Kind::Date),
            "2024-03-05",
            "it tells which is the month"
        );
    }

    #[test]
    fn what_is_open_is_told() {
        assert_eq!(of("3 April", Kind::Date), "the year is not told");
        assert_eq!(
            of("03/04/2025", Kind::Date),
            "which number is the day and which the month is not told"
        );
        assert_eq!(of("at 7 o'clock", Kind::Time), "the half of the day is not told");
        assert_eq!(of("-5 min", Kind::Duration), "Invalid");
    }

    #[test]
    fn behind_a_year_the_month_comes_first_or_there_is_no_such_day() {
        for text in ["2024-13-01", "2024-31-12", "2024/13/01", "2024.31.12", "2024-02-30"] {
            assert_eq!(of(text, Kind::Date), "Invalid", "{text}");
        }
        assert_eq!(of("2024-12-31", Kind::Date), "2024-12-31");
    }

    #[test]
    fn the_first_of_a_month_is_read_in_french() {
        for text in ["1er mars 2024", "le 1er mars 2024", "vendredi 1er mars 2024"] {
            assert_eq!(of(text, Kind::Date), "2024-03-01", "{text}");
        }
        assert_eq!(of("14 juillet 2021", Kind::Date), "2021-07-14");
    }

    #[test]
    fn a_weekday_of_another_week_is_not_sure_where_the_nearest_is_another_day() {
        // A Thursday.
        let settings = Settings {
            reference: "2026-11-26T09:00:00".parse().ok(),
            ..Settings::default()
        };
        let read = |text: &str, kind: Kind| {
            let found = find(text, &settings, kind);
            let canonical = found[0].outcome.candidates()[0].clone();
            (canonical.value, canonical.confidence)
        };
        for (text, value) in [
            ("last Monday", "2026-11-16"),
            ("previous Monday", "2026-11-16"),
            ("next Friday", "2026-12-04"),
            ("this Monday", "2026-11-23"),
        ] {
            assert_eq!(read(text, Kind::Date), (value.to_owned(), OTHER_WEEK), "{text}");
        }
        assert_eq!(
            read("next Friday at 3pm", Kind::DateTime),
            ("2026-12-04T15:00:00".to_owned(), OTHER_WEEK)
        );
        // Both mean the same day.
        for (text, value) in [
            ("next Monday", "2026-11-30"),
            ("last Friday", "2026-11-20"),
            ("this Friday", "2026-11-27"),
        ] {
            let (read, confidence) = read(text, Kind::Date);
            assert_eq!(read, value);
            assert!(confidence > 0.9, "{text}: {confidence}");
        }
    }

    #[test]
    fn compact_forms_are_read() {
        assert_eq!(of("2024-W10-2", Kind::Date), "2024-03-05");
        assert_eq!(of("1.5 h", Kind::Duration), "PT1H30M");
        assert_eq!(of("1h30", Kind::Duration), "PT1H30M");
    }
}
