//! What a task of kind `answer` reads, and how it is asked.

use refuel_task::{Plan, RenderedInput, Task, TaskError};
use serde_json::{Value, json};

use crate::{read, task};

const CLAUSES: &str = "
name: clause
kind: answer
input: {context: clause, question: {template: 'What of {{ topic }}?'}}
guidelines: The texts are contracts.
examples:
  - {input: {context: Notice is 30 days., question: How long is the notice?}, answer: 30 days}
  - {input: {clause: Notice is 30 days., topic: costs}, answer: null}
";

#[test]
fn context_and_question_are_read_and_null_is_an_answer() {
    let task = task(CLAUSES);
    assert_eq!(task.columns(), ["clause", "topic"]);
    assert_eq!((task.no_answer_threshold, task.generation.max_tokens), (0.5, 64));
    let examples = &task.examples.as_ref().expect("examples").items;
    assert_eq!(
        examples[0].input,
        RenderedInput::two("Notice is 30 days.", "How long is the notice?")
    );
    assert_eq!(
        examples[1].input,
        RenderedInput::two("Notice is 30 days.", "What of costs?")
    );
    assert_eq!(
        (&examples[0].answer, &examples[1].answer),
        (&json!("30 days"), &Value::Null)
    );
    for (given, read) in [
        (json!(" 30 days"), json!("30 days")),
        (json!(""), Value::Null),
        (json!("Unanswerable"), Value::Null),
        (Value::Null, Value::Null),
    ] {
        assert_eq!(task.normalize_expected(&given), Ok(read));
    }
    assert!(task.normalize_expected(&json!(30)).is_err());
}

#[test]
fn the_model_is_told_to_copy_or_to_say_that_there_is_nothing() {
    let task = task(CLAUSES);
    let examples: Vec<_> = task.examples.as_ref().expect("examples").items.iter().collect();
    let plan = Plan::new(&task, None, &examples).expect("a plan");
    let text = |segments: &[refuel_task::Segment]| segments.iter().map(refuel_task::Segment::text).collect::<String>();
    let row = plan.row(&RenderedInput::two("The rent is due monthly.", "When is the rent due?"));
    insta::assert_snapshot!(text(&plan.prefix) + &text(&row), @r"
    The texts are contracts.

    Answer the question with words of the text: copy the shortest piece of it that answers, as it is written. Where the text does not answer, write unanswerable.

    Input: Text: Notice is 30 days.
    Question: How long is the notice?
    Answer: 30 days
    Input: Text: Notice is 30 days.
    Question: What of costs?
    Answer: unanswerable
    Input: Text: The rent is due monthly.
    Question: When is the rent due?
    Answer:
    ");
}

#[test]
fn an_empty_side_is_named() {
    let task = task(CLAUSES);
    let record = json!({"clause": " ", "topic": "costs"});
    let error = task
        .render_input(record.as_object().expect("a record"))
        .expect_err("nothing to read");
    assert_eq!(error.to_string(), "input is empty on side \"context\"");
    let error = read("kind: answer\ninput: body\n").expect_err("one side only");
    insta::assert_snapshot!(error, @r#"tickets.yml:2:8: "input" must be a map with "context" and "question", the two sides, not text"#);
    let error = read("kind: answer\ninput: {context: body}\n").expect_err("no question");
    insta::assert_snapshot!(error, @r#"tickets.yml:2:8: missing key "question" in "input""#);
}

#[test]
fn a_catalog_keeps_examples_without_an_answer() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("clause.yml");
    std::fs::write(&path, CLAUSES).expect("it is written");
    let exported = Task::export(&path).expect("it is exported");
    let back = Task::from_catalog(&exported, "catalog").expect("it is read");
    assert_eq!(back.fingerprint(), task(CLAUSES).fingerprint());
    assert!(matches!(
        read(&CLAUSES.replace(", answer: null", "")),
        Err(TaskError::MissingKey { .. })
    ));
}
