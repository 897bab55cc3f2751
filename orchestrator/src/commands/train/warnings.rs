//! What somebody should know before a head is let answer.

use std::collections::HashMap;

use refuel_engine::evaluate::Interval;
use refuel_task::Example;
use serde_json::Value;

use crate::commands::label::plain;
use crate::words;

/// Characters of an input that a warning shows.
const SHOWN: usize = 60;

/// That something is right no more often than always giving the most frequent answer, or not shown to be; none where it is.
/// `what` is told with the share of rows that it is for, such as `the head is right`.
pub(in crate::commands) fn no_better(
    what: &str,
    accuracy: f64,
    interval: Option<Interval>,
    null_model: f64,
) -> Option<String> {
    let rates = format!(
        "{what} for {} of the rows that it wasn't shown, and always giving the most frequent answer for {}",
        words::share(accuracy),
        words::share(null_model)
    );
    if accuracy <= null_model {
        return Some(format!(
            "{rates}: it is no better than knowing nothing, and more labelled rows are needed"
        ));
    }
    let is_shown = interval.is_some_and(|interval| interval.0 > null_model);
    (!is_shown).then(|| format!("{rates}: it is not shown to be better, and more labelled rows would tell"))
}

/// That equal inputs have different answers, with how many and one of them; none where no two have.
pub(in crate::commands) fn contradictions(examples: &[Example]) -> Option<String> {
    let mut answers: HashMap<_, (&Example, Vec<&Value>)> = HashMap::new();
    for example in examples {
        let (_, known) = answers
            .entry(example.input.hash())
            .or_insert_with(|| (example, Vec::new()));
        if !known.contains(&&example.answer) {
            known.push(&example.answer);
        }
    }
    let mut several: Vec<(&Example, Vec<&Value>)> =
        answers.into_values().filter(|(_, answers)| answers.len() > 1).collect();
    several.sort_by(|one, other| one.0.input.text.cmp(&other.0.input.text));
    let (first, answers) = several.first()?;
    let answers: Vec<String> = answers.iter().map(|answer| format!("\"{}\"", plain(answer))).collect();
    Some(format!(
        "{} more than one answer in the labelled rows, such as \"{}\": {}",
        words::counted(several.len() as u64, "input has", "inputs have"),
        words::one_line(&first.input.text, SHOWN),
        answers.join(" and ")
    ))
}

#[cfg(test)]
mod tests {
    use refuel_task::RenderedInput;

    use super::*;

    #[test]
    fn what_is_no_better_than_the_most_frequent_answer_is_told() {
        let told = |accuracy, interval| no_better("the head is right", accuracy, interval, 0.5);
        insta::assert_snapshot!(told(0.333, Some(Interval(0.06, 0.79))).unwrap(), @"the head is right for 33.3 % of the rows that it wasn't shown, and always giving the most frequent answer for 50.0 %: it is no better than knowing nothing, and more labelled rows are needed");
        insta::assert_snapshot!(told(0.6, Some(Interval(0.45, 0.73))).unwrap(), @"the head is right for 60.0 % of the rows that it wasn't shown, and always giving the most frequent answer for 50.0 %: it is not shown to be better, and more labelled rows would tell");
        assert_eq!(told(0.9, Some(Interval(0.8, 0.95))), None);
    }

    #[test]
    fn equal_inputs_with_different_answers_are_counted() {
        let example = |input: &str, answer: &str| Example {
            input: RenderedInput::text(input),
            answer: answer.into(),
        };
        let mut examples = vec![example("foo", "DESC"), example("bar", "HUM"), example("bar", "HUM")];
        assert_eq!(contradictions(&examples), None);
        examples.push(example("foo", "ENTY"));
        assert_eq!(
            contradictions(&examples).unwrap(),
            "1 input has more than one answer in the labelled rows, such as \"foo\": \"DESC\" and \"ENTY\""
        );
    }
}
