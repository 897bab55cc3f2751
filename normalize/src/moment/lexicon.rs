//! The words of a language, out of a file.

use super::Context;
use super::calendar::Holiday;
use super::value::{Part, Unit, Value};

/// What a line of a lexicon says: symbol, words, value.
pub(super) type Entry = (String, Vec<String>, Value);

/// Reads a lexicon, and the holidays that it names.
pub(super) fn read(text: &str) -> (Vec<Entry>, Vec<Holiday>) {
    let mut entries = Vec::new();
    let mut holidays = Vec::new();
    for line in text.lines() {
        let Some((head, forms)) = line.split_once(": ").filter(|_| !line.starts_with('#')) else {
            continue;
        };
        let Some((symbol, word)) = head.split_once(' ') else {
            continue;
        };
        let number: i64 = word.parse().unwrap_or_default();
        let value = match symbol {
            "month" | "weakmonth" => Value::Month(number as i8),
            "weekday" | "weakday" | "manydays" => Value::Weekday(number as i8),
            "unit" | "plural" | "letter" | "often" | "singular" => unit(word).map_or(Value::Word, Value::Unit),
            "part" | "meal" | "manyparts" => part(word).map_or(Value::Word, Value::Part),
            "season" | "weakseason" => season(word).map_or(Value::Word, Value::Season),
            "relative" | "shift" | "ahead" | "behind" => Value::Relative(number),
            "offset" => Value::Offset(number),
            "stage" => stage(word).map_or(Value::Word, Value::Stage),
            "ordinalword" => Value::Ordinal(number),
            "holiday" => {
                let Some(holiday) = Holiday::read(word) else { continue };
                holidays.push(holiday);
                Value::Holiday(holidays.len() - 1)
            }
            _ => Value::Integer(number),
        };
        for form in forms.split(',') {
            let words = super::tokens::tokens(form)
                .into_iter()
                .map(|token| token.text)
                .collect();
            entries.push((symbol.to_owned(), words, value.clone()));
        }
    }
    (entries, holidays)
}

fn unit(word: &str) -> Option<Unit> {
    Some(match word {
        "second" => Unit::Second,
        "minute" => Unit::Minute,
        "hour" => Unit::Hour,
        "day" => Unit::Day,
        "businessday" => Unit::BusinessDay,
        "weekday" => Unit::Weekday,
        "weekend" => Unit::Weekend,
        "week" => Unit::Week,
        "fortnight" => Unit::Fortnight,
        "month" => Unit::Month,
        "quarter" => Unit::Quarter,
        "year" => Unit::Year,
        "decade" => Unit::Decade,
        "century" => Unit::Century,
        _ => return None,
    })
}

fn part(word: &str) -> Option<Part> {
    Some(match word {
        "morning" => Part::Morning,
        "afternoon" => Part::Afternoon,
        "evening" => Part::Evening,
        "night" => Part::Night,
        "nighttime" => Part::NightTime,
        "daytime" => Part::Daytime,
        "businesshours" => Part::BusinessHours,
        "breakfast" => Part::Breakfast,
        "brunch" => Part::Brunch,
        "lunch" => Part::Lunch,
        "dinner" => Part::Dinner,
        _ => return None,
    })
}

fn season(word: &str) -> Option<&'static str> {
    ["SP", "SU", "FA", "WI"].into_iter().find(|season| *season == word)
}

fn stage(word: &str) -> Option<&'static str> {
    ["start", "mid", "end"].into_iter().find(|stage| *stage == word)
}

/// What a number written in digits can be: symbol and value.
pub(super) fn numbers(_: &Context, digits: &str) -> Vec<(&'static str, Value)> {
    let mut found = Vec::new();
    let Ok(number) = digits.parse::<i64>() else {
        return found;
    };
    match digits.len() {
        1 | 2 => {
            found.push(("dd", Value::Integer(number)));
            found.push(("num", Value::Integer(number)));
            if digits.len() == 2 {
                found.push(("yy", Value::Integer(number)));
            }
        }
        3 => {
            found.push(("num", Value::Integer(number)));
            if (1..=9).contains(&(number / 100)) && number % 100 < 60 {
                found.push(("hmm", Value::Integer(number)));
            }
        }
        4 => {
            found.push(("num", Value::Integer(number)));
            if (1500..2200).contains(&number) {
                found.push(("year", Value::Integer(number)));
            }
            // What can be a year is one.
            if !(1500..2200).contains(&number) && number / 100 <= 24 && number % 100 < 60 {
                found.push(("hhmm", Value::Integer(number)));
            }
        }
        5 | 6 => found.push(("num", Value::Integer(number))),
        8 if (1500..2200).contains(&(number / 10000)) => found.push(("compact", Value::Integer(number))),
        _ => {}
    }
    found
}
