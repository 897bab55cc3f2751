//! Dates as data writes them.

use jiff::civil::Date;
use jiff::fmt::strtime;

/// Formats in the order they are tried: what is unambiguous first, then day before month.
const FORMATS: [&str; 12] = [
    "%Y-%m-%d",
    "%Y%m%d",
    "%Y/%m/%d",
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d %B %Y",
    "%B %d, %Y",
    "%d %b %Y",
    "%b %d, %Y",
    "%d-%b-%Y",
    "%d-%m-%Y",
];

/// A date from 1700 to 2200; a time behind it (`2020-01-05T10:00`) is left aside.
pub(crate) fn parse_date(normalized: &str) -> Option<Date> {
    let digits = normalized.bytes().filter(u8::is_ascii_digit).count();
    if !(5..=20).contains(&digits) || normalized.len() > 32 {
        return None;
    }
    let text = match normalized.get(..10) {
        Some(day) if day.as_bytes()[4] == b'-' && normalized.len() > 10 => day,
        _ => normalized,
    };
    FORMATS
        .iter()
        .filter(|format| **format != "%Y%m%d" || (text.len() == 8 && digits == 8))
        .find_map(|format| strtime::parse(format, text).ok()?.to_date().ok())
        .filter(|date| (1700..=2200).contains(&date.year()))
}

/// Days since an arbitrary day; only differences mean something.
pub(crate) fn day_number(date: Date) -> f64 {
    const START: Date = jiff::civil::date(1970, 1, 1);
    date.since(START).map_or(0.0, |span| f64::from(span.get_days()))
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "what is compared here is exact")]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn dates_are_read_in_the_usual_forms() {
        for text in [
            "1994-08-02",
            "19940802",
            "1994/08/02",
            "02.08.1994",
            "02/08/1994",
            "2 august 1994",
            "aug 2, 1994",
            "02-aug-1994",
            "1994-08-02t10:00:00z",
        ] {
            assert_eq!(parse_date(text), Some(date(1994, 8, 2)), "{text}");
        }
        assert_eq!(
            parse_date("08/25/1994"),
            Some(date(1994, 8, 25)),
            "no month has the number 25"
        );
        for text in ["", "19941302", "12345678", "1994", "3.5", "august"] {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }

    #[test]
    fn days_are_counted_across_months_and_years() {
        assert_eq!(day_number(date(2020, 3, 1)) - day_number(date(2020, 2, 1)), 29.0);
        assert_eq!(day_number(date(1969, 12, 31)), -1.0);
    }
}
