//! One step of writing a value anew.

use std::fmt;
use std::sync::Arc;

/// One step: text to text. A step that does nothing to a text gives the text back.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Operation {
    /// White space around goes, and what is inside becomes one space.
    Trim,
    /// The first number in the text.
    FirstNumber,
    /// A number without zeros and separators that say nothing, and without the noise of binary fractions: `12.0` is `12`,
    /// `1,200` is `1200`, `0.056999999999999995` is `0.057`.
    PlainNumber,
    /// A whole number with a comma after each thousand.
    GroupThousands,
    /// Digits with zeros before them, up to a length.
    PadZeros(usize),
    /// Small letters.
    Lower,
    /// Capitals.
    Upper,
    /// A capital at the start of each word.
    Title,
    /// A text goes, wherever it stands.
    Remove(Arc<str>),
    /// A text stands for another, wherever it stands.
    Replace(Arc<str>, Arc<str>),
    /// What stands before the first of a text.
    Before(Arc<str>),
    /// What stands after the last of a text.
    After(Arc<str>),
    /// A text is put before.
    Prefix(Arc<str>),
    /// A text is put after.
    Suffix(Arc<str>),
    /// `Last, First` is `First Last`.
    TurnRound,
}

impl Operation {
    /// How much the step presumes: of two programs that do as well, the one that presumes less is meant. Where a text is
    /// cut says less of why than what kind of text is kept.
    pub(crate) fn presumes(&self) -> f32 {
        match self {
            Self::Trim => 0.3,
            Self::PlainNumber | Self::GroupThousands | Self::PadZeros(_) => 0.6,
            Self::Lower | Self::Upper | Self::Title => 0.7,
            Self::FirstNumber | Self::Remove(_) => 1.0,
            Self::Prefix(_) | Self::Suffix(_) | Self::TurnRound => 1.2,
            Self::Replace(..) => 1.5,
            Self::Before(_) | Self::After(_) => 2.0,
        }
    }

    /// Applies the step. None where it has no meaning for the text.
    pub(crate) fn apply(&self, text: &str) -> Option<String> {
        match self {
            Self::Trim => Some(text.split_whitespace().collect::<Vec<_>>().join(" ")),
            Self::FirstNumber => first_number(text).map(str::to_owned),
            Self::PlainNumber => plain_number(text),
            Self::GroupThousands => group_thousands(text),
            Self::PadZeros(length) => {
                let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
                (digits && text.len() < *length).then(|| format!("{text:0>length$}"))
            }
            Self::Lower => Some(text.to_lowercase()),
            Self::Upper => Some(text.to_uppercase()),
            Self::Title => Some(title(text)),
            Self::Remove(part) => text.contains(&**part).then(|| text.replace(&**part, "")),
            Self::Replace(part, other) => text.contains(&**part).then(|| text.replace(&**part, other)),
            Self::Before(part) => text.split_once(&**part).map(|(before, _)| before.to_owned()),
            Self::After(part) => text.rsplit_once(&**part).map(|(_, after)| after.to_owned()),
            Self::Prefix(part) => (!text.starts_with(&**part)).then(|| format!("{part}{text}")),
            Self::Suffix(part) => (!text.ends_with(&**part)).then(|| format!("{text}{part}")),
            Self::TurnRound => {
                let (last, first) = text.split_once(", ")?;
                (!first.contains(',')).then(|| format!("{first} {last}"))
            }
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trim => f.write_str("trim white space"),
            Self::FirstNumber => f.write_str("keep the first number"),
            Self::PlainNumber => f.write_str("write the number plainly"),
            Self::GroupThousands => f.write_str("separate thousands by commas"),
            Self::PadZeros(length) => write!(f, "put zeros before, up to {length} digits"),
            Self::Lower => f.write_str("write in small letters"),
            Self::Upper => f.write_str("write in capitals"),
            Self::Title => f.write_str("capitalize words"),
            Self::Remove(part) => write!(f, "remove \"{part}\""),
            Self::Replace(part, other) => write!(f, "replace \"{part}\" by \"{other}\""),
            Self::Before(part) => write!(f, "keep what is before \"{part}\""),
            Self::After(part) => write!(f, "keep what is after \"{part}\""),
            Self::Prefix(part) => write!(f, "put \"{part}\" before"),
            Self::Suffix(part) => write!(f, "put \"{part}\" after"),
            Self::TurnRound => f.write_str("turn round what is before and after the comma"),
        }
    }
}

/// The first number: digits, with separators between digits, and a sign directly before.
fn first_number(text: &str) -> Option<&str> {
    let bytes = text.as_bytes();
    let start = bytes.iter().position(u8::is_ascii_digit)?;
    let mut end = start;
    while end < bytes.len() {
        let inner = matches!(bytes[end], b'.' | b',') && bytes.get(end + 1).is_some_and(u8::is_ascii_digit);
        if !(bytes[end].is_ascii_digit() || inner) {
            break;
        }
        end += 1;
    }
    let fraction = start > 0 && bytes[start - 1] == b'.';
    let start = start - usize::from(fraction);
    let signed = start > 0 && bytes[start - 1] == b'-' && (start == 1 || !bytes[start - 2].is_ascii_alphanumeric());
    Some(&text[start - usize::from(signed)..end])
}

/// The number that the text is, written plainly.
fn plain_number(text: &str) -> Option<String> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty()
        || !digits
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b','))
    {
        return None;
    }
    let text = text.strip_prefix('+').unwrap_or(text).replace(',', "");
    let number: f64 = text.parse().ok()?;
    let significant = text
        .bytes()
        .filter(u8::is_ascii_digit)
        .skip_while(|&digit| digit == b'0')
        .count();
    // A binary fraction has 15 digits that say something; where more are written, the last ones are noise.
    let text = if text.contains('.') && significant > 15 {
        format!("{number:.14e}").parse::<f64>().ok()?.to_string()
    } else {
        text
    };
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        &text
    };
    Some(if text.starts_with('.') {
        format!("0{text}")
    } else {
        text.to_owned()
    })
    .filter(|text| !text.is_empty())
}

/// A whole number with its thousands separated.
fn group_thousands(text: &str) -> Option<String> {
    if text.is_empty() || text.starts_with('0') || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut grouped = String::with_capacity(text.len() + text.len() / 3);
    for (at, digit) in text.chars().enumerate() {
        if at > 0 && (text.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    Some(grouped)
}

fn title(text: &str) -> String {
    let mut inside = false;
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        if inside {
            out.extend(letter.to_lowercase());
        } else {
            out.extend(letter.to_uppercase());
        }
        inside = letter.is_alphanumeric() || letter == '\'';
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Operation, first_number, plain_number};

    #[test]
    fn numbers_are_found_and_written_plainly() {
        assert_eq!(first_number("12.0 oz."), Some("12.0"));
        assert_eq!(first_number("EUR 1,200.50, paid"), Some("1,200.50"));
        assert_eq!(first_number("at -3 degrees"), Some("-3"));
        assert_eq!(first_number("none"), None);
        assert_eq!(plain_number("12.0").as_deref(), Some("12"));
        assert_eq!(plain_number("1,200.50").as_deref(), Some("1200.5"));
        assert_eq!(plain_number(".05").as_deref(), Some("0.05"));
        assert_eq!(plain_number("100").as_deref(), Some("100"));
        assert_eq!(plain_number("0.056999999999999995").as_deref(), Some("0.057"));
        assert_eq!(plain_number("0.07200000000000001").as_deref(), Some("0.072"));
        assert_eq!(plain_number("12 oz"), None);
    }

    #[test]
    fn thousands_are_separated() {
        let grouped = |text| Operation::GroupThousands.apply(text);
        assert_eq!(grouped("1234567").as_deref(), Some("1,234,567"));
        assert_eq!(grouped("123").as_deref(), Some("123"));
        assert_eq!(grouped("12.5"), None);
    }

    #[test]
    fn zeros_are_put_before() {
        let padded = |text| Operation::PadZeros(5).apply(text);
        assert_eq!(padded("1907").as_deref(), Some("01907"));
        assert_eq!(padded("60601"), None);
        assert_eq!(padded("19-7"), None);
    }

    #[test]
    fn names_are_turned_round() {
        assert_eq!(Operation::TurnRound.apply("Ng, Andrew").as_deref(), Some("Andrew Ng"));
        assert_eq!(Operation::TurnRound.apply("a, b, c"), None);
    }
}
