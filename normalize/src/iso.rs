//! Dates, times and durations as ISO 8601 has them, the compact forms that are near to it, and time zones.

use std::ops::Range;

use jiff::civil::{DateTime, ISOWeekDate, Time};
use jiff::fmt::temporal::{DateTimeParser, Pieces, PiecesOffset};

use crate::moment::Kind;

/// A whole text that is a time or a time of a day as ISO 8601 or RFC 3339 has it, in its one form: with the offset from
/// UTC where one is told, and fractions of a second where there are any.
pub(crate) fn moment(text: &str, kind: Kind) -> Option<String> {
    static PARSER: DateTimeParser = DateTimeParser::new();
    let begins = |count: usize| {
        text.get(..count)
            .is_some_and(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    match kind {
        Kind::DateTime if begins(4) && text.contains(':') => {
            let pieces: Pieces<'_> = PARSER
                .parse_pieces(text.replacen(' ', "T", 1).as_str())
                .ok()
                .map(Pieces::into_owned)?;
            if pieces.time_zone_annotation().is_some() {
                return None;
            }
            let at = DateTime::from_parts(pieces.date(), pieces.time()?);
            let offset = match pieces.offset() {
                Some(offset) => offset_of(offset)?,
                None => String::new(),
            };
            Some(format!("{}T{}{offset}", at.date(), clock(at.time())))
        }
        Kind::Time if begins(2) && text.contains(':') => {
            let (written, offset) = split_offset(text)?;
            let time: Time = PARSER.parse_time(written).ok()?;
            Some(format!("{}{offset}", clock(time)))
        }
        _ => None,
    }
}

/// `15:30:00`, with fractions where there are any.
fn clock(time: Time) -> String {
    time.strftime("%H:%M:%S%.f").to_string()
}

fn offset_of(offset: PiecesOffset) -> Option<String> {
    Some(match offset {
        PiecesOffset::Zulu => "Z".to_owned(),
        PiecesOffset::Numeric(numeric) => {
            let seconds = numeric.offset().seconds();
            let sign = if seconds < 0 || numeric.is_negative() { '-' } else { '+' };
            written_offset(sign, seconds.abs() / 60)
        }
        _ => return None,
    })
}

fn written_offset(sign: char, minutes: i32) -> String {
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

/// A time and the offset behind it, as it is written in the one form. The time alone is none of this: its reading is that
/// of a text.
fn split_offset(text: &str) -> Option<(&str, String)> {
    if let Some(written) = text.strip_suffix(['Z', 'z']) {
        return Some((written, "Z".to_owned()));
    }
    let at = text.rfind(['+', '-'])?;
    let offset = numeric_offset(&text[at..])?;
    // 10:00-12:00 are hours of a day more often.
    let surely = text[at..].starts_with('+') || text[..at].matches(':').count() == 2;
    surely.then_some((&text[..at], offset))
}

/// `+02:00` of `+02:00`, `+0200` and `+02`.
fn numeric_offset(text: &str) -> Option<String> {
    let sign = text.chars().next().filter(|sign| matches!(sign, '+' | '-'))?;
    let digits: String = text[1..].chars().filter(|character| *character != ':').collect();
    if !matches!(digits.len(), 2 | 4) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let hours: i32 = digits[..2].parse().ok()?;
    let minutes: i32 = digits
        .get(2..)
        .filter(|rest| !rest.is_empty())
        .map_or(Some(0), |rest| rest.parse().ok())?;
    (hours <= 14 && minutes < 60).then(|| written_offset(sign, hours * 60 + minutes))
}

/// A time zone that follows a time in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Zone {
    /// `Z`, or `+02:00`.
    Offset(String),
    /// A name such as CET, which doesn't tell everybody the same.
    Named,
}

/// Names of time zones. Those in lower case are words too often.
const ZONES: [&str; 34] = [
    "CET", "CEST", "MEZ", "MESZ", "EET", "EEST", "WET", "WEST", "BST", "IST", "MSK", "EST", "EDT", "ET", "CST", "CDT",
    "CT", "MST", "MDT", "MT", "PST", "PDT", "PT", "AKST", "HST", "JST", "KST", "AEST", "AEDT", "ACST", "AWST", "NZST",
    "NZDT", "SGT",
];

/// The time zone directly behind a time that ends at `end`.
pub(crate) fn zone_after(text: &str, end: usize) -> Option<(Zone, Range<usize>)> {
    let rest = &text[end..];
    let start = end + (rest.len() - rest.trim_start_matches(' ').len());
    let rest = &text[start..];
    let letters = rest.len()
        - rest
            .trim_start_matches(|letter: char| letter.is_ascii_alphabetic())
            .len();
    let word = &rest[..letters];
    let utc = matches!(word, "Z" | "UTC" | "GMT" | "z" | "utc" | "gmt");
    let behind = &rest[letters..];
    let length = behind.len()
        - behind
            .trim_start_matches(|mark: char| mark.is_ascii_digit() || "+-:".contains(mark))
            .len();
    let written = &behind[..length];
    let numeric = if utc {
        numeric_offset(written)
            .or_else(|| numeric_offset(&written.replacen(['+', '-'], &format!("{}0", &written[..length.min(1)]), 1)))
    } else {
        numeric_offset(written).filter(|_| behind.starts_with('+'))
    };
    if let Some(offset) = numeric.filter(|_| utc || letters == 0) {
        return Some((Zone::Offset(offset), start..start + letters + length));
    }
    let goes_on = behind.starts_with(|next: char| next.is_alphanumeric() || next == '_');
    if goes_on || word.is_empty() {
        return None;
    }
    if utc && behind.starts_with(['+', '-']) {
        return Some((Zone::Named, start..start + letters));
    }
    if utc {
        return Some((Zone::Offset("Z".to_owned()), start..start + letters));
    }
    ZONES.contains(&word).then(|| (Zone::Named, start..start + letters))
}

/// A day of a week as ISO 8601 has it: `2024-W10-2`.
pub(crate) fn week_day(text: &str) -> Option<String> {
    let (year, rest) = text.split_once("-W").or_else(|| text.split_once('W'))?;
    let rest = rest.replacen('-', "", 1);
    if year.len() != 4 || rest.len() != 3 || !rest.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let weekday = jiff::civil::Weekday::from_monday_one_offset(rest[2..].parse().ok()?).ok()?;
    let date = ISOWeekDate::new(year.parse().ok()?, rest[..2].parse().ok()?, weekday).ok()?;
    Some(date.date().to_string())
}

/// The units of durations in short.
const UNITS: [(&str, f64, &[&str]); 5] = [
    ("w", 604_800.0, &["w", "wk", "wks", "week", "weeks"]),
    ("d", 86_400.0, &["d", "day", "days"]),
    ("h", 3600.0, &["h", "hr", "hrs", "hour", "hours", "std"]),
    ("m", 60.0, &["m", "min", "mins", "minute", "minutes"]),
    ("s", 1.0, &["s", "sec", "secs", "second", "seconds"]),
];

/// A whole text that is a duration of numbers with their units, the greatest first: `1.5 h`, `1h30`, `2 h 5 min`. A lone `m`
/// may be months, and is none.
pub(crate) fn compact_duration(text: &str) -> Option<String> {
    let lower = text.trim().to_lowercase();
    let mut rest = lower.as_str();
    let mut last = 0;
    let mut parts: Vec<(f64, usize, &str)> = Vec::new();
    while !rest.is_empty() {
        let number = rest.len()
            - rest
                .trim_start_matches(|mark: char| mark.is_ascii_digit() || matches!(mark, '.' | ','))
                .len();
        let written = rest[..number].replace(',', ".");
        let amount: f64 = written.parse().ok()?;
        // Three digits behind a mark may be thousands.
        let decimals = written.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        if decimals > 2 || amount > 1e6 {
            return None;
        }
        rest = rest[number..].trim_start();
        let letters = rest.len()
            - rest
                .trim_start_matches(|letter: char| letter.is_ascii_alphabetic())
                .len();
        let word = &rest[..letters];
        rest = rest[letters..].trim_start_matches(['.', ' ']);
        let unit = if word.is_empty() {
            // 1h30: minutes behind hours.
            let after_hours = parts.last().is_some_and(|(_, unit, _)| *unit == 2) && number == 2 && amount < 60.0;
            (after_hours && rest.is_empty()).then_some(3)?
        } else {
            UNITS.iter().position(|(_, _, forms)| forms.contains(&word))?
        };
        if !parts.is_empty() && unit <= last {
            return None;
        }
        last = unit;
        parts.push((amount, unit, word));
    }
    if parts.is_empty() || matches!(parts.as_slice(), [(_, 3, "m")]) {
        return None;
    }
    let days: f64 = parts
        .iter()
        .filter(|(_, unit, _)| *unit < 2)
        .map(|(amount, unit, _)| amount * UNITS[*unit].1)
        .sum();
    let seconds: f64 = parts
        .iter()
        .filter(|(_, unit, _)| *unit >= 2)
        .map(|(amount, unit, _)| amount * UNITS[*unit].1)
        .sum();
    let days = days / 86_400.0;
    let date = if days > 0.0 { format!("{days}D") } else { String::new() };
    let time = if seconds > 0.0 || days == 0.0 {
        format!("T{seconds}S")
    } else {
        String::new()
    };
    Some(format!("P{date}{time}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_is_kept_and_a_zone_by_name_is_told() {
        let of = |text| moment(text, Kind::DateTime);
        assert_eq!(of("2024-03-05T15:30:00Z").as_deref(), Some("2024-03-05T15:30:00Z"));
        assert_eq!(
            of("2024-03-05 15:30:00+0200").as_deref(),
            Some("2024-03-05T15:30:00+02:00")
        );
        assert_eq!(
            of("2024-03-05T15:30:00.250-05:00").as_deref(),
            Some("2024-03-05T15:30:00.25-05:00")
        );
        assert_eq!(of("5 March"), None);
        assert_eq!(moment("15:30+02:00", Kind::Time).as_deref(), Some("15:30:00+02:00"));
        assert_eq!(moment("10:00-12:00", Kind::Time), None);
        assert_eq!(zone_after("at 15:30 CET.", 8), Some((Zone::Named, 9..12)));
        assert_eq!(
            zone_after("at 15:30 UTC+2:00", 8),
            Some((Zone::Offset("+02:00".to_owned()), 9..17))
        );
        assert_eq!(
            zone_after("at 15:30 UTC+02", 8),
            Some((Zone::Offset("+02:00".to_owned()), 9..15))
        );
        assert_eq!(
            zone_after("at 15:30 GMT", 8),
            Some((Zone::Offset("Z".to_owned()), 9..12))
        );
        assert_eq!(zone_after("at 15:30 CETERA", 8), None);
    }

    #[test]
    fn compact_forms() {
        for (text, value) in [
            ("1.5 h", Some("PT5400S")),
            ("1h30", Some("PT5400S")),
            ("2 h 5 min", Some("PT7500S")),
            ("1d 12h", Some("P1DT43200S")),
            ("5 m", None),
            ("30 min 1 h", None),
            ("1.500 h", None),
            ("h", None),
        ] {
            assert_eq!(compact_duration(text).as_deref(), value, "{text}");
        }
        assert_eq!(week_day("2024-W10-2").as_deref(), Some("2024-03-05"));
        assert_eq!(week_day("2024-W60-2"), None);
    }
}
