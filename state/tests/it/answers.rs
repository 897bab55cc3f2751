//! Answers, and what of them waits for a person.

use refuel_state::{Input, NewAnswer, QueueOrder, QueueTask, Review, Verdict};
use refuel_task::{Answer, Confidence, Gate, Source, Status};
use serde_json::json;

use crate::common::{answer, fresh, hash, keep, version};

fn task(name: &str, threshold: Option<f32>) -> QueueTask {
    QueueTask {
        name: name.to_owned(),
        gate: Gate {
            threshold,
            ..Gate::default()
        },
    }
}

#[test]
fn what_was_answered_is_known_in_the_order_that_is_asked_for() {
    let fresh = fresh();
    let key = fresh.state.task_key(&version("topic", "f1")).unwrap();
    keep(&fresh.state, key, "money back", &answer("refund", 0.9));
    keep(&fresh.state, key, "where is it", &answer("delivery", 0.8));
    let known = fresh
        .state
        .known(
            key,
            &[
                hash("where is it"),
                hash("hello"),
                hash("money back"),
                hash("where is it"),
            ],
        )
        .unwrap();
    let values: Vec<Option<&serde_json::Value>> = known.iter().map(|known| known.as_ref().map(|a| &a.value)).collect();
    assert_eq!(
        values,
        [
            Some(&json!("delivery")),
            None,
            Some(&json!("refund")),
            Some(&json!("delivery"))
        ]
    );
    let first = known[2].clone().unwrap();
    assert_eq!(
        first,
        Answer {
            source: Source::Cache,
            scores: Vec::new(),
            ..answer("refund", 0.9)
        }
    );
    assert_eq!(
        fresh.state.input("topic", hash("money back")).unwrap(),
        Some(Input::One("money back".to_owned()))
    );
    assert_eq!(fresh.state.count_answers(key).unwrap(), 2);
}

#[test]
fn the_first_answer_is_the_one_that_is_kept() {
    let fresh = fresh();
    let key = fresh.state.task_key(&version("topic", "f1")).unwrap();
    assert_eq!(keep(&fresh.state, key, "a", &answer("refund", 0.9)), 1);
    assert_eq!(keep(&fresh.state, key, "a", &answer("delivery", 0.8)), 0);
    assert_eq!(
        fresh.state.known(key, &[hash("a")]).unwrap()[0].as_ref().unwrap().value,
        "refund"
    );
}

#[test]
fn a_failure_is_not_known_and_makes_way_for_an_answer() {
    let fresh = fresh();
    let key = fresh.state.task_key(&version("topic", "f1")).unwrap();
    keep(&fresh.state, key, "a", &Answer::error("tiny@d1", "input is too long"));
    assert_eq!(fresh.state.known(key, &[hash("a")]).unwrap(), [None]);
    assert_eq!(
        fresh.state.history("topic", hash("a")).unwrap()[0].answer.status,
        Status::Error
    );
    keep(&fresh.state, key, "a", &answer("refund", 0.9));
    assert_eq!(
        fresh.state.known(key, &[hash("a")]).unwrap()[0].as_ref().unwrap().value,
        "refund"
    );
}

#[test]
fn another_fingerprint_or_model_is_asked_anew_and_the_history_has_both() {
    let fresh = fresh();
    let old = fresh.state.task_key(&version("topic", "f1")).unwrap();
    keep(&fresh.state, old, "a", &answer("refund", 0.9));
    let new = fresh.state.task_key(&version("topic", "f2")).unwrap();
    assert_ne!(old, new);
    assert_eq!(fresh.state.known(new, &[hash("a")]).unwrap(), [None]);
    keep(&fresh.state, new, "a", &answer("delivery", 0.6));
    let other_model = refuel_state::TaskVersion {
        model_digest: "d2".to_owned(),
        ..version("topic", "f2")
    };
    let third = fresh.state.task_key(&other_model).unwrap();
    assert_eq!(fresh.state.known(third, &[hash("a")]).unwrap(), [None]);
    assert_eq!(
        fresh.state.task_key(&version("topic", "f1")).unwrap(),
        old,
        "a key stays what it is"
    );

    let history = fresh.state.history("topic", hash("a")).unwrap();
    let seen: Vec<(&str, &serde_json::Value)> = history
        .iter()
        .map(|kept| (kept.fingerprint.as_str(), &kept.answer.value))
        .collect();
    assert_eq!(seen, [("f1", &json!("refund")), ("f2", &json!("delivery"))]);
    assert_eq!(history[0].answer.source, Source::Model);
    assert_eq!(history[0].answer.scores.len(), 2);
    assert!(fresh.state.history("another task", hash("a")).unwrap().is_empty());
}

#[test]
fn one_text_is_the_input_of_two_tasks_in_the_form_that_each_was_given() {
    let fresh = fresh();
    let label = fresh.state.task_key(&version("topic", "f1")).unwrap();
    let same = fresh.state.task_key(&version("same_vendor", "f1")).unwrap();
    let (one, two) = (Input::One("a".to_owned()), Input::Two("a".to_owned(), String::new()));
    for (key, input) in [(label, &one), (same, &two)] {
        let new = NewAnswer {
            hash: hash("a"),
            input,
            answer: &answer("x", 0.5),
        };
        fresh.state.put_answers(None, key, &[new], None).unwrap();
    }
    assert_eq!(fresh.state.input("topic", hash("a")).unwrap(), Some(one));
    assert_eq!(fresh.state.input("same_vendor", hash("a")).unwrap(), Some(two));
}

#[test]
fn a_person_is_shown_what_the_gate_does_not_let_through_and_nothing_else() {
    let fresh = fresh();
    let key = fresh.state.task_key(&version("topic", "f1")).unwrap();
    for (text, confidence) in [
        ("sure", 0.9),
        ("at the threshold", 0.7),
        ("unsure", 0.4),
        ("less sure", 0.2),
    ] {
        keep(&fresh.state, key, text, &answer("refund", confidence));
    }
    keep(
        &fresh.state,
        key,
        "failed",
        &Answer::error("tiny@d1", "input is too long"),
    );
    let other = fresh.state.task_key(&version("tone", "f1")).unwrap();
    keep(&fresh.state, other, "rude", &answer("rude", 0.3));

    let shown = |tasks: &[QueueTask], order| -> Vec<String> {
        let queue = fresh.state.queue(tasks, order, 100).unwrap();
        queue
            .into_iter()
            .map(|pending| match pending.input {
                Input::One(text) | Input::Two(text, _) => text,
            })
            .collect()
    };
    let both = [
        task("topic", Some(0.7)),
        task("tone", Some(0.5)),
        task("unknown", Some(0.5)),
    ];
    assert_eq!(
        shown(&both, QueueOrder::LeastSure),
        ["failed", "less sure", "rude", "unsure"]
    );
    assert_eq!(
        shown(&both, QueueOrder::Oldest),
        ["unsure", "less sure", "failed", "rude"]
    );
    assert_eq!(shown(&both, QueueOrder::Random(7)), shown(&both, QueueOrder::Random(7)));
    assert_eq!(shown(&both, QueueOrder::Random(7)).len(), 4);
    assert_eq!(shown(&[task("topic", None)], QueueOrder::LeastSure), ["failed"]);
    assert_eq!(fresh.state.queue_lengths(&both).unwrap(), [3, 1, 0]);
    let raw = QueueTask {
        gate: Gate {
            threshold: Some(0.4),
            confidence: Confidence::Raw,
            fallback: None,
            calibrated: None,
        },
        ..task("topic", None)
    };
    assert_eq!(
        shown(&[raw], QueueOrder::LeastSure),
        ["failed", "less sure", "unsure", "at the threshold"],
        "the raw confidence is half of the other here"
    );
}

#[test]
fn the_queue_is_that_of_the_version_that_was_used_last_without_what_has_a_verdict() {
    let fresh = fresh();
    let old = fresh.state.task_key(&version("topic", "f1")).unwrap();
    keep(&fresh.state, old, "only of the old version", &answer("refund", 0.1));
    let new = fresh.state.task_key(&version("topic", "f2")).unwrap();
    keep(&fresh.state, new, "a", &answer("refund", 0.1));
    keep(&fresh.state, new, "b", &answer("refund", 0.2));
    let tasks = [task("topic", Some(0.5))];
    let queue = fresh.state.queue(&tasks, QueueOrder::LeastSure, 100).unwrap();
    assert_eq!(queue.len(), 2);
    let review = Review {
        task: "topic".to_owned(),
        hash: hash("a"),
        input: Input::One("a".to_owned()),
        verdict: Verdict::Reject,
        reviewer: "ada".to_owned(),
        at: jiff::Timestamp::now(),
        note: None,
        guess: None,
    };
    fresh.state.put_reviews(&[review]).unwrap();
    let queue = fresh.state.queue(&tasks, QueueOrder::LeastSure, 100).unwrap();
    assert_eq!(
        queue.iter().map(|pending| pending.hash).collect::<Vec<_>>(),
        [hash("b")]
    );
    assert_eq!(queue[0].answer.scores.len(), 2, "a person sees what else it could be");
    // The version before is used again.
    fresh.state.task_key(&version("topic", "f1")).unwrap();
    let queue = fresh.state.queue(&tasks, QueueOrder::LeastSure, 100).unwrap();
    assert_eq!(queue[0].hash, hash("only of the old version"));
}
