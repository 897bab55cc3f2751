//! Answers that are pieces of a text.

use std::collections::HashMap;

use serde::Serialize;

use super::bootstrap::percentile_interval;
use super::proportion::{Interval, wilson};

/// The words of an answer without case, punctuation and articles, which is how reading comprehension is graded (Rajpurkar
/// et al. 2016, "`SQuAD`: 100,000+ questions for machine comprehension of text", section 6.1). Nothing where there is no
/// answer.
pub fn bare_words(text: &str) -> String {
    let lower = text.to_lowercase();
    let letters: String = lower.chars().filter(|letter| !letter.is_ascii_punctuation()).collect();
    let words = letters
        .split_whitespace()
        .filter(|word| !["a", "an", "the"].contains(word));
    words.collect::<Vec<_>>().join(" ")
}

/// F1 of the words of an answer against those of the right one, both as [`bare_words`] leaves them, each word as often as it
/// is there. Where one of them is no answer, 1 if both are and else 0 (the evaluation script of `SQuAD` 2.0; Rajpurkar, Jia
/// and Liang 2018, "Know what you don't know").
pub fn token_f1(expected: &str, given: &str) -> f64 {
    let (expected, given) = (bare_words(expected), bare_words(given));
    if expected.is_empty() || given.is_empty() {
        return f64::from(u8::from(expected == given));
    }
    let mut left: HashMap<&str, u64> = HashMap::new();
    for word in expected.split(' ') {
        *left.entry(word).or_default() += 1;
    }
    let mut same = 0u64;
    for word in given.split(' ') {
        if let Some(count) = left.get_mut(word).filter(|count| **count > 0) {
            *count -= 1;
            same += 1;
        }
    }
    2.0 * same as f64 / (expected.split(' ').count() + given.split(' ').count()) as f64
}

/// How one answer fares.
struct Graded {
    /// Whether there is an answer to be found.
    is_there: bool,
    exact: bool,
    f1: f64,
}

/// How well questions were answered from texts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reading {
    /// Share of rows whose answer is the right one, word for word.
    pub exact_match: f64,
    /// Its 95 % interval.
    pub exact_match_ci95: Interval,
    /// Mean of [`token_f1`].
    pub token_f1: f64,
    /// Its 95 % interval, by bootstrap.
    pub token_f1_ci95: Interval,
    /// What always saying that there is no answer would get, by either measure: the share of rows without one.
    pub never_answering: f64,
    /// Rows with an answer.
    pub answerable_rows: u64,
    /// Share of them that was answered word for word. None where there are none.
    pub answerable_exact_match: Option<f64>,
    /// Mean of [`token_f1`] over them.
    pub answerable_token_f1: Option<f64>,
    /// Rows without an answer.
    pub unanswerable_rows: u64,
    /// Share of them for which that was said.
    pub unanswerable_right: Option<f64>,
}

impl Reading {
    /// From right answers and those that came out; the right one is empty where there is no answer, the other is None where
    /// nothing came out, which is wrong. None without rows.
    pub fn of<'a>(rows: impl IntoIterator<Item = (&'a str, Option<&'a str>)>) -> Option<Self> {
        let graded: Vec<Graded> = rows
            .into_iter()
            .map(|(expected, given)| {
                let is_there = !bare_words(expected).is_empty();
                let Some(given) = given else {
                    return Graded {
                        is_there,
                        exact: false,
                        f1: 0.0,
                    };
                };
                Graded {
                    is_there,
                    exact: bare_words(expected) == bare_words(given),
                    f1: token_f1(expected, given),
                }
            })
            .collect();
        let all = graded.len() as u64;
        let exact = graded.iter().filter(|row| row.exact).count() as u64;
        let mean = |of: &dyn Fn(&Graded) -> Option<f64>| {
            let values: Vec<f64> = graded.iter().filter_map(of).collect();
            (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
        };
        let is = |is: bool| f64::from(u8::from(is));
        let answerable = graded.iter().filter(|row| row.is_there).count() as u64;
        Some(Self {
            exact_match: exact as f64 / all.max(1) as f64,
            exact_match_ci95: wilson(exact, all)?,
            token_f1: mean(&|row| Some(row.f1))?,
            token_f1_ci95: percentile_interval(graded.len(), |drawn| {
                let sum: f64 = graded
                    .iter()
                    .zip(drawn)
                    .map(|(row, times)| row.f1 * f64::from(*times))
                    .sum();
                sum / graded.len() as f64
            })?,
            never_answering: (all - answerable) as f64 / all as f64,
            answerable_rows: answerable,
            answerable_exact_match: mean(&|row| row.is_there.then_some(is(row.exact))),
            answerable_token_f1: mean(&|row| row.is_there.then_some(row.f1)),
            unanswerable_rows: all - answerable,
            unanswerable_right: mean(&|row| (!row.is_there).then_some(is(row.exact))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `compute_exact` and `compute_f1` of `SQuAD`'s `evaluate-v2.0.py`.
    #[test]
    fn words_are_compared_as_the_script_does() {
        let near = |expected: &str, given: &str, f1: f64| {
            let found = token_f1(expected, given);
            assert!((found - f1).abs() < 1e-9, "{expected} / {given}: {found}");
        };
        near("The Normans", "normans", 1.0);
        near(
            "in the 10th century",
            "10th and 11th century",
            2.0 * 0.5 * (2.0 / 3.0) / (0.5 + 2.0 / 3.0),
        );
        near("1,000", "1000", 1.0);
        near("", "France", 0.0);
        near("France", "", 0.0);
        near("", "", 1.0);
        near("", "the", 1.0);
        near("a b b", "b b b", 0.8);
        assert_eq!(bare_words("  The \"Battle\" of  Hastings. "), "battle of hastings");
    }

    #[test]
    fn rows_with_and_without_an_answer_are_told_apart() {
        let rows = [
            ("Paris", Some("Paris")),
            ("the city of Paris", Some("Paris")),
            ("Berlin", None),
            ("", Some("")),
            ("", Some("Rome")),
        ];
        let reading = Reading::of(rows).unwrap();
        let near = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-9, "{found} {expected}");
        near(reading.exact_match, 0.4);
        // city of Paris against Paris: precision 1, recall 1/3.
        near(reading.token_f1, (1.0 + 0.5 + 0.0 + 1.0 + 0.0) / 5.0);
        near(reading.never_answering, 0.4);
        assert_eq!((reading.answerable_rows, reading.unanswerable_rows), (3, 2));
        near(reading.answerable_token_f1.unwrap(), 0.5);
        near(reading.unanswerable_right.unwrap(), 0.5);
        assert!(reading.token_f1_ci95.contains(reading.token_f1));
        assert_eq!(Reading::of([]), None);
    }
}
