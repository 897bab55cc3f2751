//! What waits, or what was decided, for a person to read or a program to use.

use refuel_state::{Input, Review, Verdict};
use serde_json::{Value, json};

use super::queue::Tasks;
use super::session::{Item, shown_input, shown_value};
use crate::table::{Grid, Side, Text, Tone};
use crate::words;

/// Characters of an input that a table shows.
const SHOWN: usize = 60;

/// What waits, as a table.
pub(super) fn waiting_text(items: &[Item]) -> String {
    let mut grid = Grid::new([
        ("task", Side::Left),
        ("confidence", Side::Right),
        ("model says", Side::Left),
        ("input", Side::Left),
    ]);
    for item in items {
        let answer = &item.pending.answer;
        let (confidence, said) = match item.guess() {
            Some(value) => (
                answer.confidence.map_or(String::new(), |sure| format!("{sure:.3}")),
                Text::new(words::one_line(&shown_value(value), 30), Tone::Unsure),
            ),
            None => (
                "failed".to_owned(),
                Text::new(
                    words::one_line(answer.reason.as_deref().unwrap_or_default(), 30),
                    Tone::Bad,
                ),
            ),
        };
        let input = shown_input(&item.pending.input, &item.task);
        grid.row([
            item.pending.task.as_str().into(),
            confidence.into(),
            said,
            words::one_line(&input, SHOWN).into(),
        ]);
    }
    grid.render()
}

/// What waits, as JSON.
pub(super) fn waiting_json(items: &[Item]) -> Value {
    let items = items.iter().map(|item| {
        let answer = &item.pending.answer;
        json!({
            "task": item.pending.task,
            "input_hash": item.pending.hash.to_string(),
            "input": item.pending.input,
            "guess": item.guess(),
            "confidence": answer.confidence,
            "raw_confidence": answer.raw_confidence,
            "status": item.task.gate().apply(answer.clone()).status,
            "reason": answer.reason,
            "scores": answer.scores,
            "model": answer.model,
            "fingerprint": item.pending.fingerprint,
            "at": item.pending.at,
        })
    });
    Value::Array(items.collect())
}

/// What was decided, as a table.
pub(super) fn decided_text(reviews: &[Review], tasks: &Tasks) -> String {
    let mut grid = Grid::new([
        ("task", Side::Left),
        ("verdict", Side::Left),
        ("model said", Side::Left),
        ("by", Side::Left),
        ("at", Side::Left),
        ("input", Side::Left),
    ]);
    for review in reviews {
        let verdict = match &review.verdict {
            Verdict::Value(value) => Text::new(words::one_line(&shown_value(value), 30), Tone::Good),
            Verdict::Reject => Text::new("rejected", Tone::Bad),
        };
        let said = review
            .guess
            .as_ref()
            .map_or(String::new(), |guess| shown_value(&guess.value));
        let input = match (tasks.get(&review.task), &review.input) {
            (Some(task), input) => shown_input(input, task),
            (None, Input::One(text)) => text.clone(),
            (None, Input::Two(a, b)) => format!("{a} / {b}"),
        };
        grid.row([
            review.task.as_str().into(),
            verdict,
            words::one_line(&said, 30).into(),
            review.reviewer.as_str().into(),
            review.at.strftime("%Y-%m-%d %H:%M").to_string().into(),
            words::one_line(&input, SHOWN).into(),
        ]);
    }
    grid.render()
}

/// What was decided, as JSON.
pub(super) fn decided_json(reviews: &[Review]) -> Value {
    let reviews = reviews.iter().map(|review| {
        let (verdict, value) = match &review.verdict {
            Verdict::Value(value) => ("value", value),
            Verdict::Reject => ("reject", &Value::Null),
        };
        json!({
            "task": review.task,
            "input_hash": review.hash.to_string(),
            "input": review.input,
            "verdict": verdict,
            "value": value,
            "reviewer": review.reviewer,
            "at": review.at,
            "note": review.note,
            "guess": review.guess,
        })
    });
    Value::Array(reviews.collect())
}
