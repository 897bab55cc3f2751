//! What the values of a column are, told by their text.

use jiff::civil::{Date, Time};
use refuel_staging::Dialect;
use refuel_tables::ColumnType;

use crate::Value;
use crate::types::{self, Affinity};

/// Significant digits that a number of 64 bits always keeps.
const DIGITS: usize = 15;

/// What the values of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Integer,
    Real,
    Boolean,
    Date,
    Timestamp,
    ZonedTimestamp,
    Decimal,
    Json,
    Text,
    /// Of a type that the database alone knows: the text is left to it.
    Other,
}

/// The kinds that are told by text, the narrowest first.
const TOLD: [Kind; 6] = [
    Kind::Integer,
    Kind::Real,
    Kind::Boolean,
    Kind::Date,
    Kind::Timestamp,
    Kind::ZonedTimestamp,
];

impl Kind {
    /// That of a format with types.
    pub(super) fn of(column_type: ColumnType) -> Self {
        match column_type {
            ColumnType::Boolean => Self::Boolean,
            ColumnType::Integer => Self::Integer,
            ColumnType::Real => Self::Real,
            ColumnType::Decimal => Self::Decimal,
            ColumnType::Date => Self::Date,
            ColumnType::Timestamp => Self::Timestamp,
            ColumnType::ZonedTimestamp => Self::ZonedTimestamp,
            ColumnType::Nested => Self::Json,
            ColumnType::Untyped | ColumnType::Text => Self::Text,
        }
    }

    /// That of a type in the database's words.
    pub(super) fn declared(dialect: Dialect, data_type: &str) -> Self {
        let name = types::normalized(dialect, data_type);
        let base = name.split('(').next().unwrap_or_default().trim();
        match base {
            "integer" | "bigint" | "smallint" | "int" | "tinyint" => Self::Integer,
            "real" | "double precision" | "double" | "float" => Self::Real,
            "numeric" | "decimal" => Self::Decimal,
            "boolean" | "bool" => Self::Boolean,
            "date" => Self::Date,
            "json" | "jsonb" => Self::Json,
            "text" | "character varying" | "character" | "varchar" | "char" => Self::Text,
            _ if base.starts_with("timestamp") || base == "datetime" => {
                if name.contains("with time zone") || base == "timestamptz" {
                    Self::ZonedTimestamp
                } else {
                    Self::Timestamp
                }
            }
            _ if dialect == Dialect::Sqlite && Affinity::of(base) == Affinity::Text => Self::Text,
            _ => Self::Other,
        }
    }

    /// The type that a column of this kind gets.
    pub(super) fn data_type(self, dialect: Dialect) -> &'static str {
        let (sqlite, postgres) = match self {
            Self::Integer => ("integer", "bigint"),
            Self::Real => ("real", "double precision"),
            Self::Boolean => ("boolean", "boolean"),
            Self::Date => ("date", "date"),
            Self::Timestamp => ("timestamp", "timestamp"),
            Self::ZonedTimestamp => ("timestamp", "timestamptz"),
            Self::Decimal => ("numeric", "numeric"),
            Self::Json => ("text", "jsonb"),
            Self::Text | Self::Other => ("text", "text"),
        };
        match dialect {
            Dialect::Sqlite => sqlite,
            Dialect::Postgres => postgres,
        }
    }

    /// Whether a text can only mean a value of this kind, so that nothing is lost when it becomes one.
    fn is_told_by(self, text: &str) -> bool {
        match self {
            Self::Integer => is_integer(text) && text.parse::<i64>().is_ok(),
            Self::Real => is_real(text),
            Self::Boolean => text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false"),
            Self::Date => is_date(text),
            Self::Timestamp => timestamp(text) == Some(false),
            Self::ZonedTimestamp => timestamp(text) == Some(true),
            _ => true,
        }
    }

    /// The value that a text has as this kind; `None` where it has none. More is taken than can be told: somebody has
    /// said what the column is.
    pub(super) fn value(self, text: &str) -> Option<Value> {
        let trimmed = text.trim();
        match self {
            Self::Integer => trimmed.parse().ok().map(Value::Integer),
            Self::Real => trimmed.parse().ok().map(Value::Real),
            Self::Decimal => trimmed.parse::<f64>().is_ok().then(|| trimmed.into()),
            Self::Boolean => boolean(trimmed).map(Value::Boolean),
            Self::Date => is_date(trimmed).then(|| trimmed.into()),
            Self::Timestamp | Self::ZonedTimestamp => {
                (is_date(trimmed) || timestamp(trimmed).is_some()).then(|| trimmed.into())
            }
            Self::Json => serde_json::from_str::<serde_json::Value>(text)
                .is_ok()
                .then(|| Value::Json(text.to_owned())),
            Self::Text | Self::Other => Some(text.into()),
        }
    }
}

/// The kinds that every value of a column has so far.
#[derive(Debug, Clone)]
pub(super) struct Kinds {
    left: [bool; TOLD.len()],
    /// Whether there was any value.
    is_any: bool,
}

impl Default for Kinds {
    fn default() -> Self {
        Self {
            left: [true; TOLD.len()],
            is_any: false,
        }
    }
}

impl Kinds {
    /// Takes a value in. An empty one says nothing.
    pub(super) fn take(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.is_any = true;
        for (left, kind) in self.left.iter_mut().zip(TOLD) {
            *left = *left && kind.is_told_by(text);
        }
    }

    /// The narrowest kind.
    pub(super) fn narrowest(&self) -> Kind {
        let left = self.left.iter().zip(TOLD).find(|(left, _)| **left);
        left.filter(|_| self.is_any).map_or(Kind::Text, |(_, kind)| kind)
    }
}

/// Digits with no zero that means nothing before them, and perhaps a sign.
fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_plain && (digits == "0" && text == "0" || !digits.starts_with('0'))
}

/// The same with a point and digits behind it, all of which 64 bits keep; a power of ten only behind those, since
/// `12E4` is as likely the number of a part.
fn is_real(text: &str) -> bool {
    let Some((whole, rest)) = text.split_once('.') else {
        return is_integer(text) && text.trim_start_matches('-').len() <= DIGITS;
    };
    let (fraction, exponent) = match rest.split_once(['e', 'E']) {
        Some((fraction, exponent)) => (fraction, Some(exponent)),
        None => (rest, None),
    };
    let is_digits = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let exponent = exponent.is_none_or(|power| is_digits(power.trim_start_matches(['+', '-'])));
    let significant = [whole, fraction].concat();
    let significant = significant.trim_start_matches(['-', '0']).len();
    let is_whole = is_integer(whole) || whole == "-0";
    is_whole && is_digits(fraction) && exponent && significant <= DIGITS && text.parse().is_ok_and(f64::is_finite)
}

/// What Postgres takes for true and false (<https://www.postgresql.org/docs/current/datatype-boolean.html>).
fn boolean(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "on" | "1" => Some(true),
        "false" | "f" | "no" | "n" | "off" | "0" => Some(false),
        _ => None,
    }
}

/// A day of the calendar, as `2024-02-29`.
fn is_date(text: &str) -> bool {
    text.len() == 10 && text.as_bytes()[4] == b'-' && text.as_bytes()[7] == b'-' && text.parse::<Date>().is_ok()
}

/// Whether a day with a time behind it has a time zone too; `None` where the text is no such thing.
fn timestamp(text: &str) -> Option<bool> {
    let (day, rest) = text.split_at_checked(10)?;
    let time = rest.strip_prefix(['T', ' '])?;
    let (time, is_zoned) = match time.find(['Z', 'z', '+', '-']) {
        Some(at) => (&time[..at], Some(is_zone(&time[at..]))),
        None => (time, None),
    };
    let is_time = time.len() >= 5 && time.as_bytes()[2] == b':' && time.parse::<Time>().is_ok();
    (is_date(day) && is_time && is_zoned != Some(false)).then_some(is_zoned.is_some())
}

/// `Z`, or hours with perhaps minutes and a sign.
fn is_zone(text: &str) -> bool {
    let Some(rest) = text.strip_prefix(['+', '-']) else {
        return text.eq_ignore_ascii_case("z");
    };
    let digits = rest.bytes().filter(u8::is_ascii_digit).count();
    matches!((digits, rest.len()), (2, 2) | (4, 4))
        || digits == 4 && rest.as_bytes().get(2) == Some(&b':') && rest.len() == 5
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(values: &[&str]) -> Kind {
        let mut kinds = Kinds::default();
        values.iter().for_each(|value| kinds.take(value));
        kinds.narrowest()
    }

    #[test]
    fn a_column_is_what_all_its_values_are() {
        assert_eq!(kind(&["1", "-20", "", "0"]), Kind::Integer);
        assert_eq!(kind(&["1", "2.50", "-0.5", "1.5e-3"]), Kind::Real);
        assert_eq!(kind(&["true", "FALSE"]), Kind::Boolean);
        assert_eq!(kind(&["2024-02-29"]), Kind::Date);
        assert_eq!(kind(&["2024-02-29 12:00", "2024-02-29T12:00:01.5"]), Kind::Timestamp);
        assert_eq!(
            kind(&["2024-02-29T12:00:00Z", "2024-02-29 12:00:00+01:00"]),
            Kind::ZonedTimestamp
        );
    }

    #[test]
    fn what_would_lose_something_stays_text() {
        for values in [
            &["01234", "99999"][..],
            &["007"],
            &["-0"],
            &["+1"],
            &["1,204"],
            &["12E4"],
            &["1."],
            &[" 1"],
            &["12345678901234567890"],
            &["0.1234567890123456789"],
            &["NaN", "inf"],
            &["1", "true"],
            &["yes", "no"],
            &["2023-02-29"],
            &["2024-2-9"],
            &["29.02.2024"],
            &["2024-02-29", "2024-02-29 12:00"],
            &["2024-02-29 12:00", "2024-02-29 12:00Z"],
            &["2024-02-29 12:00 o'clock"],
            &["", ""],
            &[],
        ] {
            assert_eq!(kind(values), Kind::Text, "{values:?}");
        }
    }

    #[test]
    fn a_declared_type_takes_more() {
        assert_eq!(Kind::Integer.value(" 007"), Some(Value::Integer(7)));
        assert_eq!(Kind::Boolean.value("Yes"), Some(Value::Boolean(true)));
        assert_eq!(Kind::Decimal.value("1.10"), Some("1.10".into()));
        assert_eq!(Kind::Integer.value("seven"), None);
        assert_eq!(Kind::Date.value("29.02.2024"), None);
        assert_eq!(Kind::declared(Dialect::Postgres, "VARCHAR(20)"), Kind::Text);
        assert_eq!(Kind::declared(Dialect::Postgres, "timestamptz"), Kind::ZonedTimestamp);
        assert_eq!(Kind::declared(Dialect::Sqlite, "INT"), Kind::Integer);
        assert_eq!(Kind::declared(Dialect::Postgres, "inet"), Kind::Other);
    }
}
