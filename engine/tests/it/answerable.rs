//! Heads that judge what a language model answers to questions about texts.

use std::path::Path;

use refuel_engine::EngineError;
use refuel_task::{Answer, NO_ANSWER, RenderedInput, Status, Task};
use serde_json::{Value, json};

use crate::heads::{own_home, train};
use crate::home;

const BUILDINGS: [(&str, &str, &str, &str); 14] = [
    ("mill", "Aarau", "1871", "Jonas Berg"),
    ("bridge", "Olten", "1902", "Anna Keller"),
    ("theatre", "Basel", "1834", "Paul Winter"),
    ("library", "Chur", "1955", "Maria Brunner"),
    ("station", "Thun", "1859", "Karl Etzel"),
    ("tower", "Genf", "1699", "Louis Favre"),
    ("school", "Zug", "1968", "Elsa Burckhardt"),
    ("church", "Brig", "1723", "Hans Studer"),
    ("harbour", "Lugano", "1886", "Pietro Rossi"),
    ("dam", "Sion", "1961", "Alfred Stucky"),
    ("market hall", "Bern", "1913", "Otto Ingold"),
    ("museum", "Vevey", "1897", "Emil Vogt"),
    ("prison", "Lenzburg", "1864", "Robert Moser"),
    ("hotel", "Davos", "1905", "Rosa Gubler"),
];

/// Questions about texts, half of which the texts answer, with the answers.
fn asked() -> Vec<(RenderedInput, Value)> {
    let of = |&(what, town, year, who): &(&str, &str, &str, &str)| {
        let context = format!("The {what} of {town} was built in {year} by {who}, and is open on Sundays.");
        [
            (format!("Who built the {what}?"), json!(who)),
            (format!("When was the {what} built?"), json!(year)),
            (format!("Who sold the {what}?"), Value::Null),
            (format!("When did the {what} burn down?"), Value::Null),
        ]
        .map(|(question, answer)| (RenderedInput::two(&context, &question), answer))
    };
    BUILDINGS.iter().flat_map(of).collect()
}

fn task(more: &Value, examples: &[(RenderedInput, Value)]) -> Task {
    let items: Vec<Value> = examples
        .iter()
        .map(|(input, answer)| {
            let [context, question] = input.sides.clone().expect("two sides");
            json!({"input": {"context": context, "question": question}, "answer": answer})
        })
        .collect();
    let mut value = json!({
        "name": "buildings", "kind": "answer", "input": {"context": "context", "question": "question"},
        "examples": {"items": items, "count": 4}, "model": home::DECODER, "max_tokens": 12,
    });
    for (key, given) in more.as_object().expect("an object") {
        value[key] = given.clone();
    }
    Task::from_json(&value, "test", Path::new(".")).expect("a task")
}

fn right_about_none(answers: &[Answer], asked: &[(RenderedInput, Value)]) -> usize {
    let pairs = answers.iter().zip(asked);
    pairs
        .filter(|(answer, (_, right))| answer.value.is_null() == right.is_null())
        .count()
}

#[test]
fn a_head_tells_questions_without_an_answer_from_others() {
    let Some(own) = own_home() else { return };
    let engine = home::engine(own.path(), 2);
    let all = asked();
    let (taught, held) = all.split_at(10 * 4);
    let inputs: Vec<RenderedInput> = held.iter().map(|(input, _)| input.clone()).collect();
    let ask = |task: &Task| {
        let prepared = engine.prepare(task, None).expect("it can be prepared");
        let answers = prepared.answer(&inputs, &refuel_engine::Cancel::new(), &mut |_| {});
        (answers.expect("answers"), prepared.digest().to_owned())
    };
    let judged = task(&json!({"strategy": "head"}), taught);
    assert!(matches!(engine.prepare(&judged, None), Err(EngineError::NoHead { .. })));
    let training = train(&engine, &judged).expect("a head");
    assert_eq!(
        (training.held_out.rows, training.labels),
        (36, 0),
        "those of the prompt are left out"
    );
    assert!(
        training
            .no_answer_threshold
            .is_some_and(|threshold| (0.0..1.0).contains(&threshold))
    );
    assert_eq!(training.examples, 36, "rows that were learned from");
    assert!(training.embedding_model.is_none(), "it embeds nothing");
    let read = training.language_model.as_deref().expect("it reads a model's states");
    assert!(read.starts_with(home::DECODER));
    let shown = engine
        .registry()
        .get(&training.head)
        .expect("it is there")
        .manifest
        .description;
    assert_eq!(
        (
            shown.notes.get("language model").map(String::as_str),
            shown.notes["examples"].as_str()
        ),
        (Some(read), "36")
    );
    assert!(!shown.notes.contains_key("embedding model"));
    let again = train(&engine, &judged).expect("a head");
    assert_eq!(training.digest, again.digest, "equal rows make an equal head");

    let (by_head, digest) = ask(&judged);
    let (by_model, without) = ask(&task(&json!({}), taught));
    assert_ne!(digest, without, "what a head judged is not kept as what the model said");
    assert!(digest.contains(training.digest.trim_start_matches("sha256:")));
    assert!(right_about_none(&by_head, held) >= 12, "of 16: {by_head:#?}");
    assert!(right_about_none(&by_head, held) >= right_about_none(&by_model, held));
    for answer in &by_head {
        assert_eq!(answer.status, Status::Ok);
        assert_eq!(
            answer.scores.len(),
            2,
            "what is said, and what else could be: {answer:?}"
        );
        let none = answer
            .scores
            .iter()
            .find(|scored| scored.value == NO_ANSWER)
            .expect("there is always none");
        assert_eq!(answer.value.is_null(), none.raw_confidence >= 0.5);
        assert_eq!(answer.confidence, Some(answer.scores[0].confidence));
    }
    let never = task(&json!({"strategy": "head", "no_answer_threshold": 1}), taught);
    assert!(ask(&never).0.iter().all(|answer| answer.value.is_string()));
}

#[test]
fn a_head_of_another_kind_and_one_of_another_model_are_refused() {
    let Some(own) = own_home() else { return };
    let engine = home::engine(own.path(), 2);
    let all = asked();
    let labels = json!({
        "name": "buildings", "kind": "label", "input": "text", "labels": ["who", "when"], "strategy": "head",
        "examples": {"items": all.iter().map(|(input, _)| {
            let question = &input.sides.as_ref().expect("two sides")[1];
            json!({"input": question, "label": if question.starts_with("Who") { "who" } else { "when" }})
        }).collect::<Vec<_>>()},
    });
    let labels = Task::from_json(&labels, "test", Path::new(".")).expect("a task");
    train(&engine, &labels).expect("a head");
    let error = engine.prepare(&task(&json!({"strategy": "head"}), &all), None).err();
    assert!(matches!(error, Some(EngineError::HeadUnfit { .. })), "{error:?}");
}

#[test]
fn too_few_questions_without_an_answer_are_said() {
    let Some(own) = own_home() else { return };
    let engine = home::engine(own.path(), 2);
    let answered: Vec<(RenderedInput, Value)> = asked().into_iter().filter(|(_, answer)| !answer.is_null()).collect();
    let error = train(&engine, &task(&json!({"strategy": "head"}), &answered)).err();
    assert!(matches!(error, Some(EngineError::Learn(_))), "{error:?}");
}
