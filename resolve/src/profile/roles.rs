//! What is in a column.

use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};

use crate::text::{parse_date, parse_number};

/// What is in a column, which decides how its values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A name, title or address: a few words, of which each counts.
    Name,
    /// An identifier, model number, phone number or postal code: letters and digits without a meaning of their own.
    Code,
    /// A price, an amount, a year: numbers that can be near each other.
    Number,
    /// A date.
    Date,
    /// A description: many words.
    Text,
    /// One of a few values.
    Category,
}

/// How many values are looked at.
const SAMPLE: usize = 2000;

impl Role {
    /// The role of a column with these values, which are normalized and not empty.
    pub(crate) fn infer(texts: &[String]) -> Self {
        let step = texts.len().div_ceil(SAMPLE).max(1);
        let sample: Vec<&str> = texts.iter().step_by(step).map(String::as_str).collect();
        let share = |holds: &dyn Fn(&str) -> bool| {
            sample.iter().filter(|text| holds(text)).count() as f64 / sample.len() as f64
        };
        let mean = |measure: &dyn Fn(&str) -> usize| {
            sample.iter().map(|text| measure(text)).sum::<usize>() as f64 / sample.len() as f64
        };
        let distinct = sample.iter().collect::<FxHashSet<_>>().len() as f64 / sample.len() as f64;
        if share(&|text| parse_date(text).is_some()) >= 0.8 {
            return Self::Date;
        }
        if share(&|text| parse_number(text).is_some()) >= 0.9 {
            return if digits_without_a_value(&sample) {
                Self::Code
            } else {
                Self::Number
            };
        }
        if share(&|text| is_dialled(text)) >= 0.8 {
            return Self::Code;
        }
        let words = mean(&|text| text.split(' ').count());
        let characters = mean(&|text| text.len());
        let has_digits = |text: &str| {
            let digits = text.bytes().filter(u8::is_ascii_digit).count();
            digits >= 2 && digits * 4 >= text.len()
        };
        if words <= 2.5 && share(&has_digits) >= 0.6 {
            return Self::Code;
        }
        if words > 12.0 || characters > 90.0 {
            return Self::Text;
        }
        if distinct <= 0.25 && words <= 5.0 && sample.len() >= 40 {
            return Self::Category;
        }
        Self::Name
    }
}

/// Whether a text is digits with what people put between those of a telephone number: at least seven, some of them apart.
fn is_dialled(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let marks = text.bytes().filter(|byte| b" -./()+".contains(byte)).count();
    digits >= 7 && marks > 0 && digits + marks == text.len()
}

/// How many of the numbers of a column must have as many digits as each other to be names. Of amounts that are spread evenly
/// up to a power of ten nine in ten have.
const SAME_LENGTH: f64 = 0.95;

/// Whether numbers are names: whole, at least four digits, nearly all with as many digits as each other or some with a zero
/// in front, and spread over more than years are.
fn digits_without_a_value(sample: &[&str]) -> bool {
    let whole = |text: &&&str| text.bytes().all(|byte| byte.is_ascii_digit());
    let plain: Vec<&&str> = sample.iter().filter(whole).collect();
    if (plain.len() as f64) < 0.9 * sample.len() as f64 {
        return false;
    }
    let mut lengths = [0usize; 32];
    for text in &plain {
        lengths[text.len().min(31)] += 1;
    }
    let (length, count) = lengths
        .iter()
        .enumerate()
        .max_by_key(|(_, count)| **count)
        .unwrap_or((0, &0));
    let years = plain
        .iter()
        .filter(|text| text.parse::<u32>().is_ok_and(|year| (1700..=2100).contains(&year)))
        .count();
    let needed = if plain.iter().any(|text| text.len() > 1 && text.starts_with('0')) {
        0.9
    } else {
        SAME_LENGTH
    };
    length >= 4 && *count as f64 >= needed * plain.len() as f64 && (years as f64) < 0.9 * plain.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn infer<T: Into<String>>(values: impl IntoIterator<Item = T>) -> Role {
        Role::infer(&values.into_iter().map(Into::into).collect::<Vec<_>>())
    }

    #[test]
    fn roles_follow_from_the_values() {
        assert_eq!(infer(["19.99", "5", "1,200.00"]), Role::Number);
        assert_eq!(infer(["1998", "2003", "1995"]), Role::Number);
        assert_eq!(infer(["2167", "9134", "4011", "6060"]), Role::Code);
        assert_eq!(infer(["1994-08-02", "2001-01-01"]), Role::Date);
        assert_eq!(infer(["19400222", "19621130"]), Role::Date);
        assert_eq!(infer(["213-555-0123", "212/555-9876"]), Role::Code);
        assert_eq!(infer(["617 555 0101", "(617) 555-0190", "978 555 0133"]), Role::Code);
        assert_eq!(infer(["+49 30 1234567", "030/7654321"]), Role::Code);
        assert_eq!(infer(["1 200 000", "35 000", "7 500"]), Role::Number);
        assert_eq!(
            infer((1..2000u32).map(|i| (i * 7919 % 99_999).to_string())),
            Role::Number
        );
        assert_eq!(
            infer((1..2000u32).map(|i| format!("{:05}", i * 7919 % 99_999))),
            Role::Code
        );
        assert_eq!(infer(["tew-690ap", "dsc w300", "4548b001"]), Role::Code);
        assert_eq!(infer(["ritz-carlton cafe", "rose pistola"]), Role::Name);
        assert_eq!(
            infer(["a long text ".repeat(9), "another one of those ".repeat(8)]),
            Role::Text
        );
        assert_eq!(infer((0..100).map(|i| ["red", "green", "blue"][i % 3])), Role::Category);
        assert_eq!(infer((0..100).map(|i| format!("family name {i}"))), Role::Name);
    }
}
