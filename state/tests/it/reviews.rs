//! People's verdicts.

use std::path::Path;

use jiff::Timestamp;
use refuel_state::{Guess, Input, Review, Verdict, as_record};
use refuel_task::{Source, Task};
use serde_json::{Value, json};

use crate::common::{answer, fresh, hash, keep, version};

fn review(text: &str, verdict: Verdict) -> Review {
    Review {
        task: "topic".to_owned(),
        hash: hash(text),
        input: Input::One(text.to_owned()),
        verdict,
        reviewer: "ada".to_owned(),
        at: Timestamp::from_second(1_700_000_000).unwrap(),
        note: Some("says so in the second line".to_owned()),
        guess: Some(Guess {
            value: json!("refund"),
            confidence: Some(0.4),
            fingerprint: "f1".to_owned(),
            model: "tiny@d1".to_owned(),
        }),
    }
}

#[test]
fn a_verdict_comes_back_as_it_was_given() {
    let fresh = fresh();
    let given = [
        review("a", Verdict::Value(json!("delivery"))),
        review("b", Verdict::Value(json!(["x", "y"]))),
        Review {
            note: None,
            guess: None,
            ..review("c", Verdict::Reject)
        },
    ];
    fresh.state.put_reviews(&given).unwrap();
    let mut kept = fresh.state.reviews(Some("topic")).unwrap();
    kept.sort_by_key(|review| match &review.input {
        Input::One(text) | Input::Two(text, _) => text.clone(),
    });
    assert_eq!(kept, given);
    assert_eq!(fresh.state.reviews(None).unwrap().len(), 3);
    assert!(fresh.state.reviews(Some("tone")).unwrap().is_empty());
    assert_eq!(
        fresh
            .state
            .verdicts("topic", &[hash("c"), hash("z"), hash("a")])
            .unwrap(),
        [Some(Verdict::Reject), None, Some(Verdict::Value(json!("delivery")))]
    );
    assert_eq!(fresh.state.verdicts("tone", &[hash("a")]).unwrap(), [None]);
    assert_eq!(given[0].agrees(), Some(false));
    assert_eq!(review("a", Verdict::Value(json!("refund"))).agrees(), Some(true));
    assert_eq!(given[2].agrees(), None);
}

#[test]
fn verdicts_survive_new_fingerprints_and_pruning() {
    let fresh = fresh();
    let key = fresh.state.task_key(&version("topic", "f1")).unwrap();
    keep(&fresh.state, key, "a", &answer("refund", 0.4));
    fresh
        .state
        .put_reviews(&[review("a", Verdict::Value(json!("delivery")))])
        .unwrap();
    fresh.state.task_key(&version("topic", "f2")).unwrap();
    let future = Timestamp::now() + jiff::SignedDuration::from_hours(1);
    let pruned = fresh
        .state
        .prune(&refuel_state::Prune {
            runs_before: Some(future),
            answers_unused_since: Some(future),
        })
        .unwrap();
    assert_eq!((pruned.answers, pruned.task_versions), (1, 1));
    assert_eq!(fresh.state.input("topic", hash("a")).unwrap(), None);
    let kept = fresh.state.reviews(Some("topic")).unwrap();
    assert_eq!(
        kept,
        [review("a", Verdict::Value(json!("delivery")))],
        "with its own copy of the input"
    );
}

#[test]
fn each_verdict_that_is_given_or_taken_back_can_be_noticed() {
    let fresh = fresh();
    assert!(fresh.state.tasks_with_verdicts().unwrap().is_empty());
    let count = || fresh.state.tasks_with_verdicts().unwrap().get("topic").copied();
    let mut seen = vec![count()];
    fresh.state.put_reviews(&[review("a", Verdict::Reject)]).unwrap();
    seen.push(count());
    fresh
        .state
        .put_reviews(&[review("a", Verdict::Value(json!("refund")))])
        .unwrap();
    seen.push(count());
    let taken = fresh.state.take_review_back("topic", hash("a")).unwrap();
    assert_eq!(taken, Some(review("a", Verdict::Value(json!("refund")))));
    seen.push(count());
    assert_eq!(fresh.state.take_review_back("topic", hash("a")).unwrap(), None);
    assert_eq!(count(), seen[3], "nothing was taken back");
    seen.dedup();
    assert_eq!(seen.len(), 4, "{seen:?}");
    assert_eq!(fresh.state.reviews(None).unwrap(), []);
}

#[test]
fn a_verdict_is_a_sure_answer_of_a_person() {
    let answer = Verdict::Value(json!("refund")).to_answer();
    assert_eq!(
        (answer.value, answer.source, answer.confidence),
        (json!("refund"), Source::Human, Some(1.0))
    );
    assert_eq!(Verdict::Reject.to_answer().value, Value::Null);
}

fn task(yaml: &str) -> Task {
    Task::from_yaml(yaml, "topic.yml", Path::new(".")).unwrap()
}

#[test]
fn verdicts_are_solved_rows_with_the_columns_that_the_task_reads() {
    let fresh = fresh();
    fresh
        .state
        .put_reviews(&[
            review("money back", Verdict::Value(json!("refund"))),
            review("asdf", Verdict::Reject),
        ])
        .unwrap();
    let examples = fresh.state.reviews_as_examples("topic").unwrap();
    assert_eq!(
        examples.len(),
        1,
        "a rejection says what is wrong, and not what is right"
    );
    assert_eq!(examples[0].answer, "refund");

    let one = task("{kind: label, guidelines: Topic?, labels: [refund, delivery], input: body}");
    assert_eq!(
        Value::Object(as_record(&examples[0].input, &one).unwrap()),
        json!({"body": "money back"})
    );

    let object = |json: Value| as_record(&Input::One(json.to_string()), &one).map(Value::Object);
    assert_eq!(object(json!({"body": "hi"})), Ok(json!({"body": "hi"})));
    assert_eq!(
        object(json!({"title": "hi"})),
        Ok(json!({"body": "{\"title\":\"hi\"}"})),
        "a text that happens to be JSON"
    );

    let several = task("{kind: label, guidelines: Topic?, labels: [refund, delivery], input: [subject, body]}");
    let row = Input::One(json!({"subject": "hi", "body": "money", "id": 7}).to_string());
    assert_eq!(
        Value::Object(as_record(&row, &several).unwrap()),
        json!({"subject": "hi", "body": "money"})
    );
    assert_eq!(
        as_record(&examples[0].input, &several).unwrap_err(),
        "the task reads the columns subject, body, and it was given a text"
    );
    assert_eq!(
        as_record(&Input::One(json!({"subject": "hi"}).to_string()), &several).unwrap_err(),
        "the task reads the column body, and it was given none"
    );

    let pair = task("{kind: match, guidelines: Same?, input: {a: left, b: right}}");
    let two = Input::Two("ACME".to_owned(), "Acme Inc".to_owned());
    assert_eq!(
        Value::Object(as_record(&two, &pair).unwrap()),
        json!({"left": "ACME", "right": "Acme Inc"})
    );
    as_record(&two, &one).unwrap_err();
    as_record(&examples[0].input, &pair).unwrap_err();
}
