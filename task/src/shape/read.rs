//! Reads a piece of a text as a value.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Number, Value};

use super::{Format, Shape, typed};

static GROUPED: LazyLock<Regex> = LazyLock::new(|| known(r"^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$"));
static PLAIN: LazyLock<Regex> = LazyLock::new(|| known(r"^[+-]?\d{1,15}(\.\d{1,9})?$"));
static DATE: LazyLock<Regex> = LazyLock::new(|| known(r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$"));
static TIME: LazyLock<Regex> = LazyLock::new(|| known(r"^([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?(Z|[+-]\d{2}:\d{2})$"));
static DURATION: LazyLock<Regex> =
    LazyLock::new(|| known(r"^P(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?$"));
static HOSTNAME: LazyLock<Regex> =
    LazyLock::new(|| known(r"^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$"));
static LOCAL: LazyLock<Regex> = LazyLock::new(|| known(r"^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+$"));
static URI: LazyLock<Regex> = LazyLock::new(|| known(r"^[A-Za-z][A-Za-z0-9+.-]*:[^\s<>]+$"));
static UUID: LazyLock<Regex> = LazyLock::new(|| known(r"^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"));

fn known(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is one")
}

impl Shape {
    /// The value that a piece of a text stands for: numbers may be grouped by commas and have zeros before them, and texts
    /// of an `enum` may be in upper or lower case. None where the piece has another shape.
    pub fn read(&self, piece: &str) -> Option<Value> {
        let piece = piece.trim();
        let value = match self {
            Self::Text(text) if text.format.is_some_and(|format| !format.fits(piece)) => return None,
            Self::Choice(choices) if !choices.iter().any(|choice| choice == piece) => {
                let lower = piece.to_lowercase();
                let mut alike = choices.iter().filter(|choice| choice.to_lowercase() == lower);
                match (alike.next(), alike.next()) {
                    (Some(choice), None) => Value::from(choice.as_str()),
                    _ => return None,
                }
            }
            Self::Number { .. } | Self::Integer { .. } => Value::Number(number(piece)?),
            _ => Value::from(piece),
        };
        typed(self, &value)
    }
}

/// A number as people write it. What is whole is an integer.
fn number(piece: &str) -> Option<Number> {
    let plain = if GROUPED.is_match(piece) {
        piece.replace(',', "")
    } else {
        piece.to_owned()
    };
    if !PLAIN.is_match(&plain) {
        return None;
    }
    let (whole, rest) = plain.split_once('.').unwrap_or((&plain, ""));
    if rest.bytes().all(|digit| digit == b'0') {
        return whole.parse::<i64>().ok().map(Number::from);
    }
    Number::from_f64(plain.parse().ok()?)
}

impl Format {
    /// Whether a text has this form.
    fn fits(self, text: &str) -> bool {
        match self {
            Self::Date => DATE.is_match(text),
            Self::Time => TIME.is_match(text),
            Self::DateTime => text
                .split_once(['T', 't'])
                .is_some_and(|(date, time)| DATE.is_match(date) && TIME.is_match(time)),
            Self::Duration => text.len() > 1 && !text.ends_with('T') && DURATION.is_match(text),
            Self::Email => text
                .rsplit_once('@')
                .is_some_and(|(local, host)| LOCAL.is_match(local) && host.contains('.') && HOSTNAME.is_match(host)),
            Self::Hostname => HOSTNAME.is_match(text),
            Self::Ipv4 => text.parse::<Ipv4Addr>().is_ok(),
            Self::Ipv6 => text.parse::<Ipv6Addr>().is_ok(),
            Self::Uri => URI.is_match(text),
            Self::Uuid => UUID.is_match(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::TextShape;
    use super::*;

    fn text(format: Format) -> Shape {
        Shape::Text(TextShape {
            format: Some(format),
            ..TextShape::default()
        })
    }

    #[test]
    fn numbers_are_read_as_people_write_them() {
        let shape = Shape::Number {
            least: None,
            most: Some(5_000.0),
        };
        let read = |piece: &str| shape.read(piece).map(|value| value.to_string());
        assert_eq!(read("1,299").as_deref(), Some("1299"));
        assert_eq!(read("59.90").as_deref(), Some("59.9"));
        assert_eq!(read("119.00").as_deref(), Some("119"));
        assert_eq!(read(" 007 ").as_deref(), Some("7"));
        for none in ["12,99", "9000", "seven", "1e3", "", "99999999999999999999", "NaN"] {
            assert_eq!(read(none), None, "{none}");
        }
        let whole = Shape::Integer {
            least: None,
            most: None,
        };
        assert_eq!((whole.read("4.0"), whole.read("4.5")), (Some(4.into()), None));
    }

    #[test]
    fn texts_of_a_list_are_read_in_any_case_where_one_is_meant() {
        let shape = |choices: &[&str]| Shape::Choice(choices.iter().map(|&choice| choice.to_owned()).collect());
        assert_eq!(shape(&["used", "new"]).read("Used"), Some("used".into()));
        assert_eq!(shape(&["us", "US"]).read("US"), Some("US".into()));
        assert_eq!(shape(&["us", "US"]).read("Us"), None);
        assert_eq!(shape(&["used"]).read("unused"), None);
    }

    #[test]
    fn texts_of_a_format_have_it() {
        for (format, fits, fits_not) in [
            (Format::Email, "ann.lee@mail.example.org", "ann at example dot org"),
            (Format::Date, "2026-11-26", "26.11.2026"),
            (Format::Time, "09:30:00Z", "9:30"),
            (Format::DateTime, "2026-11-26T09:30:00+01:00", "2026-11-26"),
            (Format::Duration, "P3DT4H", "PT"),
            (Format::Hostname, "www.example.org", "-a.org"),
            (Format::Ipv4, "192.0.2.1", "192.0.2.256"),
            (Format::Ipv6, "2001:db8::1", "2001:db8"),
            (Format::Uri, "https://example.org/a?b=1", "example.org"),
            (Format::Uuid, "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "f81d4fae"),
        ] {
            assert_eq!(text(format).read(fits), Some(fits.into()));
            assert_eq!(text(format).read(fits_not), None, "{fits_not}");
        }
    }
}
