//! Dates, times, durations and ranges in English text.
//!
//! What is recognised is written as a timex (the notation of `TIMEX3` in *`TimeML` 1.2.1*, where `X` stands for what is open,
//! such as `XXXX-05-12` for 12 May of any year) and resolved against a reference moment. What leaves the year, the week
//! or the half of the day open has several [`Reading`]s: the last one before the reference and the next one after it.
//! Ranges end before the day that they name last.

mod calendar;
mod grammar;
mod lexicon;
mod rules;
mod tokens;
mod value;

use std::cmp::Reverse;
use std::ops::Range;
use std::sync::LazyLock;

use jiff::civil::{DateTime, Time};
use rustc_hash::FxHashMap;
use serde::Serialize;

use calendar::Holiday;
use grammar::{Edge, Grammar, Symbol};
use tokens::Token;
use value::{Both, Clock, Day, Hours, Length, Moment, Open, Period, Repeat, Stretch, Value};

/// What sort of time an expression tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A day.
    Date,
    /// Days.
    DateRange,
    /// A time of day.
    Time,
    /// Hours of a day.
    TimeRange,
    /// A time of a day.
    DateTime,
    /// From one time of a day to another.
    DateTimeRange,
    /// How long.
    Duration,
    /// Again and again.
    Set,
}

/// What an expression can mean.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reading {
    /// What is said, with `X` for what is open.
    pub timex: String,
    /// `before`, `after`, `since`, `until`, `start`, `mid`, `end`, `approx`, `more`, `less`, or two of them with `-`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modifier: Option<String>,
    /// `2016-11-07`, `15:30:00`, `2016-11-07 15:30:00`, or the seconds of a duration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Where a range begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// Before what a range ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
}

/// An expression of time in a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Expression {
    /// Bytes in the text.
    pub span: Range<usize>,
    /// What sort it is.
    pub kind: Kind,
    /// What it can mean: one reading where it is certain.
    pub readings: Vec<Reading>,
}

/// What expressions are resolved against.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    /// Now.
    pub(crate) reference: DateTime,
    /// Whether 03/04 is the third of April.
    pub(crate) day_first: bool,
}

impl Default for Context {
    fn default() -> Self {
        Self {
            reference: DateTime::constant(2000, 1, 1, 0, 0, 0, 0),
            day_first: false,
        }
    }
}

/// A holiday of the lexicon by its number.
fn holiday(index: usize) -> Option<Holiday> {
    ENGLISH.holidays.get(index).copied()
}

/// Words and rules of a language.
struct Language {
    grammar: Grammar,
    holidays: Vec<Holiday>,
    /// Symbols that stand for themselves.
    entities: Vec<Symbol>,
    /// Words of other languages, and those of this one that they stand for.
    foreign: FxHashMap<&'static str, &'static str>,
}

static ENGLISH: LazyLock<Language> = LazyLock::new(|| {
    let (entries, holidays) = lexicon::read(include_str!("../../data/moments_en.txt"));
    let grammar = Grammar::new(entries, rules::english());
    let entities = [
        "set",
        "date",
        "day",
        "period",
        "clock",
        "zonedclock",
        "loneclock",
        "hours",
        "zonedhours",
        "lonehours",
        "loneday",
        "stretch",
        "moment",
        "open",
        "duration",
    ]
    .into_iter()
    .filter_map(|name| grammar.symbol_named(name))
    .collect();
    let foreign = include_str!("../../data/moments_other.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(": "))
        .flat_map(|(word, forms)| forms.split(", ").map(move |form| (form, word)))
        .collect();
    Language {
        grammar,
        holidays,
        entities,
        foreign,
    }
});

/// The expressions of time in a text, from left to right, without overlap: the longest first, then the one that comes first.
pub(crate) fn find(text: &str, context: &Context) -> Vec<Expression> {
    let mut tokens = tokens::tokens(text);
    // Rules may ask that nothing follows.
    tokens.push(Token {
        text: "␃".to_owned(),
        span: text.len()..text.len(),
        spaced: true,
        numeric: false,
    });
    let language = &*ENGLISH;
    translate(&mut tokens, &language.foreign);
    disambiguate(&mut tokens);
    let chart = language.grammar.chart(context, &tokens);
    let mut edges: Vec<&Edge> = chart
        .iter()
        .flatten()
        .filter(|edge| language.entities.contains(&edge.symbol) && !edge.shown.is_empty())
        .filter(|edge| stands_alone(&tokens, edge))
        .collect();
    let rank = |edge: &Edge| language.entities.iter().position(|symbol| *symbol == edge.symbol);
    edges.sort_by_key(|edge| {
        (
            Reverse(edge.shown.len()),
            Reverse(edge.tokens.len()),
            rank(edge),
            edge.shown.start,
            edge.rule,
        )
    });
    let mut taken = vec![false; tokens.len()];
    let mut found = Vec::new();
    for edge in edges {
        if edge.shown.clone().any(|token| taken[token]) {
            continue;
        }
        let Some((kind, readings)) = told(&edge.value) else {
            continue;
        };
        edge.shown.clone().for_each(|token| taken[token] = true);
        // The point of an abbreviation at the end is that of the sentence, but for a.m. and p.m.
        let mut end = edge.shown.end;
        if end - edge.shown.start > 1 && tokens[end - 1].text == "." && tokens[end - 2].text != "m" {
            end -= 1;
        }
        found.push(Expression {
            span: tokens[edge.shown.start].span.start..tokens[end - 1].span.end,
            kind,
            readings,
        });
    }
    found.sort_by_key(|expression| expression.span.start);
    found
}

/// The days of the week that a text names, from Monday (1) to Sunday (7).
pub(crate) fn weekdays(text: &str) -> Vec<i8> {
    let mut tokens = tokens::tokens(text);
    translate(&mut tokens, &ENGLISH.foreign);
    tokens.iter().filter_map(weekday_of).collect()
}

fn weekday_of(token: &Token) -> Option<i8> {
    ENGLISH.grammar.meanings(&token.text).find_map(|value| match value {
        Value::Weekday(day) => Some(*day),
        _ => None,
    })
}

/// Whether a text tells a day by a weekday of the last (-1), this (0) or the next week (1), and by nothing else: "last
/// Monday", "next Friday at 3 pm".
pub(crate) fn weekday_of_week(text: &str) -> Option<(i64, i8)> {
    let tokens = tokens::tokens(text);
    let is_month = |token: &Token| {
        let mut meanings = ENGLISH.grammar.meanings(&token.text);
        token.text.len() > 2 && meanings.any(|value| matches!(value, Value::Month(_)))
    };
    if text.contains('/') || tokens.iter().any(is_month) {
        return None;
    }
    tokens.windows(2).find_map(|pair| {
        let weeks = match pair[0].text.as_str() {
            "last" | "previous" => -1,
            "this" => 0,
            "next" | "following" => 1,
            _ => return None,
        };
        Some((weeks, weekday_of(&pair[1])?))
    })
}

/// Puts the English words of months and weekdays in the place of those of other languages. Short words that are English
/// ones, too, are only changed where a month of that language is near.
fn translate(tokens: &mut [Token], foreign: &FxHashMap<&'static str, &'static str>) {
    let months = tokens.iter().any(|token| {
        token.text.len() > 3
            && foreign
                .get(token.text.as_str())
                .is_some_and(|word| !matches!(*word, "of" | "today" | "tomorrow" | "yesterday"))
    });
    let alone = tokens
        .iter()
        .filter(|token| token.text.chars().any(char::is_alphabetic))
        .count()
        == 1;
    for token in tokens {
        if let Some(word) = foreign.get(token.text.as_str())
            && (months || (alone && token.text.len() > 2))
        {
            (*word).clone_into(&mut token.text);
        }
    }
}

/// Takes words out that their neighbour makes something else: "good night", "will last two hours".
fn disambiguate(tokens: &mut [Token]) {
    const VERBS: [&str; 14] = [
        "will",
        "to",
        "should",
        "shouldn't",
        "would",
        "wouldn't",
        "could",
        "can",
        "may",
        "might",
        "must",
        "not",
        "won't",
        "doesn't",
    ];
    for at in 1..tokens.len() {
        let before = tokens[at - 1].text.as_str();
        let other = match tokens[at].text.as_str() {
            "last" => VERBS.contains(&before),
            "morning" | "afternoon" | "evening" | "night" | "day" => before == "good",
            _ => false,
        };
        if other {
            tokens[at].text.push('*');
        }
    }
}

/// What a number counts that is not time.
const COUNTED: [&str; 7] = ["percent", "%", "degrees", "dollars", "usd", "euros", "eur"];

/// Whether an expression is not a part of something else that is written in one piece, such as a number of many parts,
/// an amount of money or a code.
fn stands_alone(tokens: &[Token], edge: &Edge) -> bool {
    let (first, last) = (edge.shown.start, edge.shown.end - 1);
    let whole_day = match &edge.value {
        Value::Day(day) => day.year.is_some() && edge.shown.len() != 1 || tokens[first].text.len() == 8,
        Value::Moment(moment) => moment.day.year.is_some(),
        _ => false,
    };
    // A round number in front of a plural counts more often than it is a year.
    if edge.shown.len() == 1 && matches!(tokens[last].text.as_str(), "1500" | "2000") {
        let plural = tokens
            .get(last + 1)
            .is_some_and(|next| next.text.len() > 3 && next.text.ends_with('s'));
        if plural {
            return false;
        }
    }
    // A year beside a number with a dash, which is none of a month, is a part of something else: 2015 - 32.
    if let Value::Period(period) = &edge.value
        && edge.shown.len() == 1
        && period.year.is_some()
        && period.month.is_none()
    {
        let short = |at: usize| {
            tokens
                .get(at)
                .is_some_and(|token| token.numeric && token.text.len() < 4)
        };
        let dash = |at: usize| tokens.get(at).is_some_and(|token| token.text == "-");
        if (dash(last + 1) && short(last + 2)) || (first > 1 && dash(first - 1) && short(first - 2)) {
            return false;
        }
    }
    let touches = |at: usize| at < tokens.len() && !tokens[at].spaced;
    if first > 0 && touches(first) {
        let before = &tokens[first - 1];
        let word = before.text.starts_with(char::is_alphanumeric);
        if before.text == "$" || word && !whole_day {
            return false;
        }
        // A mark between two numbers makes one of them.
        let part = matches!(
            before.text.as_str(),
            "." | "," | "/" | "-" | "+" | "*" | ":" | "_" | "#" | "="
        );
        let number = first > 1 && touches(first - 1) && tokens[first - 2].numeric;
        if tokens[first].numeric && tokens[first].text.len() < 4 && number && matches!(before.text.as_str(), "." | ",")
        {
            return false;
        }
        let inner = first > 1 && touches(first - 1) && tokens[first - 2].text.starts_with(char::is_alphanumeric);
        if tokens[first].numeric && part && !whole_day {
            let list =
                matches!(before.text.as_str(), "," | ":" | "-") && first > 1 && !tokens[first - 2].numeric && inner;
            if (inner && !list) || matches!(before.text.as_str(), "+" | "*" | "#" | "=") {
                return false;
            }
        }
    }
    if first > 0 && tokens[first].numeric && matches!(tokens[first - 1].text.as_str(), "$" | "€" | "£" | "#") {
        return false;
    }
    if tokens[last].numeric
        && tokens
            .get(last + 1)
            .is_some_and(|after| COUNTED.contains(&after.text.as_str()))
    {
        return false;
    }
    if touches(last + 1) {
        let after = &tokens[last + 1];
        let suffix = matches!(after.text.as_str(), "st" | "nd" | "rd" | "th");
        if after.text.starts_with(char::is_alphanumeric) && (!whole_day || suffix) {
            return false;
        }
        let part = matches!(after.text.as_str(), "." | "," | "/" | "-" | "+" | "*" | ":" | "_" | "=");
        if tokens[last].numeric && part && touches(last + 2) && tokens[last + 2].numeric {
            return false;
        }
        if tokens[last].numeric && matches!(after.text.as_str(), "%" | "°") {
            return false;
        }
    }
    true
}

/// `15:30:00`.
fn time_text(time: Time) -> String {
    time.strftime("%H:%M:%S").to_string()
}

/// `2016-11-07 15:30:00`.
fn date_time_text(moment: DateTime) -> String {
    moment.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

fn reading(timex: String, modifier: Option<&str>) -> Reading {
    Reading {
        timex,
        modifier: modifier.map(str::to_owned),
        value: None,
        start: None,
        end: None,
    }
}

fn told(value: &Value) -> Option<(Kind, Vec<Reading>)> {
    Some(match value {
        Value::Day(day) => (Kind::Date, day_readings(day)),
        Value::Period(period) => (Kind::DateRange, period_readings(period)),
        Value::Clock(clock) => (Kind::Time, clock_readings(clock)),
        Value::Hours(hours) => (Kind::TimeRange, hours_readings(hours)),
        Value::Moment(moment) => (Kind::DateTime, moment_readings(moment)),
        Value::Stretch(stretch) => (Kind::DateTimeRange, stretch_readings(stretch)),
        Value::Length(length) => (Kind::Duration, length_readings(length)),
        Value::Repeat(Repeat { timex }) => (Kind::Set, vec![reading(timex.clone(), None)]),
        Value::Open(open) => (open.kind, open_readings(open)),
        _ => return None,
    })
}

fn of_both<T: Copy + PartialEq>(both: Both<T>, read: impl Fn(T) -> Reading) -> Vec<Reading> {
    if both.past == both.future {
        vec![read(both.future)]
    } else {
        vec![read(both.past), read(both.future)]
    }
}

fn day_readings(day: &Day) -> Vec<Reading> {
    let Some(at) = day.at else {
        return vec![reading(day.timex.clone(), day.modifier)];
    };
    of_both(at, |date| Reading {
        value: Some(date.to_string()),
        ..reading(day.timex.clone(), day.modifier)
    })
}

fn period_readings(period: &Period) -> Vec<Reading> {
    let Some(at) = period.at else {
        return vec![reading(period.timex.clone(), period.modifier)];
    };
    let mut found = of_both(at, |(start, end)| Reading {
        start: Some(start.to_string()),
        end: Some(end.to_string()),
        ..reading(period.timex.clone(), period.modifier)
    });
    if let (Some(later), [_, last]) = (&period.later, found.as_mut_slice()) {
        last.timex.clone_from(later);
    }
    found
}

fn clock_readings(clock: &Clock) -> Vec<Reading> {
    let read = |clock: Clock| Reading {
        value: Some(time_text(clock.time())),
        ..reading(clock.timex(), clock.modifier)
    };
    clock.readings().into_iter().map(read).collect()
}

fn hours_readings(hours: &Hours) -> Vec<Reading> {
    if let Some(part) = hours.part {
        let (start, end) = rules::narrowed(part, hours.modifier);
        return vec![Reading {
            start: Some(time_text(start)),
            end: Some(time_text(end)),
            ..reading(part.timex().to_owned(), hours.modifier)
        }];
    }
    let read = |(start, end): &(Clock, Clock)| {
        let length = hours.length.clone().unwrap_or_else(|| rules::length(start, end));
        Reading {
            start: Some(time_text(start.time())),
            end: Some(time_text(end.time())),
            ..reading(format!("({},{},{length})", start.timex(), end.timex()), hours.modifier)
        }
    };
    hours.spans.iter().map(read).collect()
}

fn moment_readings(moment: &Moment) -> Vec<Reading> {
    let modifier = moment.modifier.or(moment.day.modifier);
    let Some(readings) = rules::moment_readings(moment) else {
        return vec![reading(
            format!("{}{}", moment.day.timex, moment.clock.timex()),
            modifier,
        )];
    };
    readings
        .into_iter()
        .flat_map(|(timex, at)| {
            of_both(at, |moment| Reading {
                value: Some(date_time_text(moment)),
                ..reading(timex.clone(), modifier)
            })
        })
        .collect()
}

fn stretch_readings(stretch: &Stretch) -> Vec<Reading> {
    stretch
        .reaches
        .iter()
        .map(|reach| Reading {
            start: reach.start.map(date_time_text),
            end: reach.end.map(date_time_text),
            ..reading(reach.timex.clone(), stretch.modifier)
        })
        .collect()
}

fn length_readings(length: &Length) -> Vec<Reading> {
    let seconds = rules::seconds(length);
    vec![Reading {
        value: Some(format!("{seconds}")),
        ..reading(rules::timex(length), length.modifier)
    }]
}

fn open_readings(open: &Open) -> Vec<Reading> {
    open.ends
        .iter()
        .map(|(timex, start, end)| Reading {
            start: start.clone(),
            end: end.clone(),
            ..reading(timex.clone(), Some(&open.modifier))
        })
        .collect()
}
