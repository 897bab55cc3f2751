//! `normalize`, `clean` and `enrich`: by rules alone on a machine without any model, and with a real one for what the rules
//! leave.

use refuel_engine::{Cancel, EngineError, PreparedTask};
use refuel_task::{Answer, RenderedInput, Source, Status, Task};
use serde_json::{Value, json};

use crate::home::{self, DECODER};

const PHONE: &str = "
kind: normalize
input: contact
format: {phone: {region: DE}}
";
const COUNTRY: &str = "
kind: normalize
input: raw
vocabulary: {Germany: [Deutschland, BRD], France: null, Netherlands: Holland, New Zealand: null, New Caledonia: null}
";
const COMMENT: &str = "
kind: clean
input: comment
rules: [mojibake, html, whitespace]
";
const COMPANY: &str = "
kind: enrich
input: [name, city, country]
fields:
  country: two letters of ISO 3166-1
  industry: {enum: [software, retail, bank]}
reference:
  key: name
  items: [{name: Acme, country: DE, industry: software}, {name: Brick, country: FR}]
";

/// An engine whose home has nothing in it, so that whatever needs a model fails.
fn alone(yaml: &str) -> (PreparedTask, Task) {
    let folder = tempfile::tempdir().expect("a folder");
    let task = home::task(yaml);
    let engine = home::engine(folder.path(), 1);
    (engine.prepare(&task, None).expect("it needs no model"), task)
}

fn answers(prepared: &PreparedTask, inputs: &[RenderedInput]) -> Vec<Answer> {
    prepared
        .answer(inputs, &Cancel::default(), &mut |_| {})
        .expect("answers")
}

fn texts(texts: &[&str]) -> Vec<RenderedInput> {
    texts.iter().map(|text| RenderedInput::text(text)).collect()
}

#[test]
fn rules_alone_answer_with_nothing_installed() {
    let (prepared, _) = alone(PHONE);
    let inputs = texts(&["Tel. (030) 901820", "call me", "Tel. (030) 901820"]);
    assert!(prepared.is_ready() && prepared.models().is_empty());
    let estimate = prepared.estimate(&inputs, &Cancel::default()).expect("an estimate");
    assert_eq!(
        (estimate.distinct, estimate.row_tokens, estimate.prefix_tokens),
        (2, 0, 0)
    );
    let made = answers(&prepared, &inputs);
    assert_eq!(made[0].value, "+4930901820");
    assert_eq!((made[0].status, made[0].source), (Status::Ok, Source::Rule));
    assert_eq!((made[0].model.as_str(), prepared.digest()), ("rules@3", "rules@3"));
    assert_eq!(
        (made[1].value.clone(), made[1].status),
        (Value::Null, Status::Abstained)
    );
    assert_eq!(made[1].reason.as_deref(), Some("a telephone number was not found"));
    assert_eq!(made[2].source, Source::Duplicate);
    assert_eq!(answers(&prepared, &inputs)[0].source, Source::Duplicate, "it was kept");
    assert!(matches!(
        prepared.prompts(&inputs, &Cancel::default()),
        Err(EngineError::NoModel { .. })
    ));
}

#[test]
fn what_a_vocabulary_leaves_open_abstains_or_is_the_likeliest() {
    let (prepared, _) = alone(&format!("{COUNTRY}fallback: France\n"));
    let made = answers(&prepared, &texts(&["holland", "Germny", "xyzzy"]));
    assert_eq!(
        (made[0].value.clone(), made[0].status),
        (json!("Netherlands"), Status::Ok)
    );
    assert_eq!(made[1].value, "Germany");
    assert!(made[1].confidence < made[0].confidence);
    assert_eq!(
        (made[2].value.clone(), made[2].status),
        (json!("France"), Status::Abstained),
        "the fallback"
    );
}

#[test]
fn a_text_is_mended_and_the_edit_is_told() {
    let (prepared, _) = alone(COMMENT);
    let made = answers(&prepared, &texts(&["cafÃ©  &amp; bar", "fine"]));
    assert_eq!(made[0].value, "café & bar");
    assert!(
        made[0]
            .reason
            .as_deref()
            .is_some_and(|reason| reason.starts_with("edited by mojibake, html, whitespace: "))
    );
    assert_eq!((made[1].value.clone(), made[1].reason.clone()), (json!("fine"), None));
}

#[test]
fn a_record_is_completed_by_the_reference_and_keeps_what_it_has() {
    let (prepared, task) = alone(COMPANY);
    let rows = [
        json!({"name": "Acme", "city": null, "country": null}),
        json!({"name": "Acme", "city": null, "country": "AT"}),
        json!({"name": "Brick", "city": "Lyon", "country": null}),
    ];
    let inputs: Vec<RenderedInput> = rows
        .iter()
        .map(|row| task.render_input(row.as_object().expect("a row")).expect("it is read"))
        .collect();
    let made = answers(&prepared, &inputs);
    assert_eq!(made[0].value, json!({"country": "DE", "industry": "software"}));
    assert_eq!(made[0].status, Status::Ok);
    assert_eq!(made[1].value, json!({"country": "AT", "industry": "software"}));
    assert_eq!(made[2].value, json!({"country": "FR", "industry": null}));
    assert_eq!(made[2].status, Status::Abstained);
    assert_eq!(made[2].reason.as_deref(), Some("nothing says industry"));
}

/// The task on the model, where it is there.
fn with_model(yaml: &str) -> Option<(PreparedTask, Task)> {
    let home = home::with_model(DECODER)?;
    let task = home::task(&format!("{yaml}model: {DECODER}\n"));
    let prepared = home::engine(&home, 0).prepare(&task, None).expect("it is prepared");
    Some((prepared, task))
}

#[test]
fn what_the_rules_answer_never_loads_the_model() {
    let Some((prepared, _)) = with_model(PHONE) else { return };
    let made = answers(&prepared, &texts(&["030 901820", "0049 30 901820"]));
    assert!(made.iter().all(|answer| answer.source == Source::Rule));
    assert!(prepared.placement().is_none(), "no session was made");
    assert!(prepared.digest().starts_with("rules@3+"), "{}", prepared.digest());
}

#[test]
fn what_a_model_writes_is_a_value_of_the_format_or_none() {
    let yaml = "
kind: normalize
input: a
format: date
examples: [{input: May the fifth of 2024, value: 2024-05-05}, {input: who knows, value: null}]
";
    let Some((prepared, task)) = with_model(yaml) else {
        return;
    };
    let made = answers(
        &prepared,
        &texts(&["the 4th day of july in the year 1999", "never ever", "2025-01-02"]),
    );
    for answer in &made {
        assert_ne!(answer.status, Status::Error, "{answer:?}");
        match answer.status {
            Status::Ok => assert_eq!(task.normalize_expected(&answer.value).as_ref(), Ok(&answer.value)),
            _ => assert!(answer.value.is_null() && answer.reason.is_some(), "{answer:?}"),
        }
    }
    assert_eq!(
        (made[2].value.clone(), made[2].source),
        (json!("2025-01-02"), Source::Rule)
    );
}

#[test]
fn a_model_chooses_among_the_entries_that_are_like_the_value() {
    let Some((prepared, _)) = with_model(COUNTRY) else {
        return;
    };
    let made = answers(&prepared, &texts(&["New", "Caledonia or Zealand", "xyzzy"]));
    for answer in &made[..2] {
        assert_eq!(answer.source, Source::Model);
        let sum: f32 = answer.scores.iter().map(|scored| scored.confidence).sum();
        assert!((sum - 1.0).abs() < 1e-3, "{answer:?}");
        assert!(answer.scores.iter().any(|scored| scored.value == "none of these"));
        assert!(
            answer.value.is_null() || answer.scores[0].value == answer.value,
            "{answer:?}"
        );
    }
    assert_eq!(made[2].source, Source::Rule, "there is nothing to choose among");
}

#[test]
fn an_edit_of_a_model_stays_within_bounds_or_is_left_out() {
    let Some((prepared, _)) = with_model(COMMENT) else {
        return;
    };
    let inputs = texts(&[
        "I recieved  teh parcel on 4 May and paid 20 EUR",
        "Order 4417 is late!!",
        "ok",
    ]);
    let Some(refuel_task::ValueRules::Clean(cleaning)) = prepared.task().value_rules.clone() else {
        panic!("it has rules")
    };
    for (input, answer) in inputs.iter().zip(answers(&prepared, &inputs)) {
        let mended = cleaning.mend(&input.text).text;
        let text = answer.value.as_str().expect("a text");
        match answer.status {
            Status::Ok => assert!(cleaning.judge(&mended, text).is_ok(), "{answer:?}"),
            Status::Abstained => {
                assert_eq!(text, mended, "as the rules left it");
                assert!(answer.reason.expect("why").contains("left out"));
            }
            Status::Error => panic!("{answer:?}"),
        }
    }
}

#[test]
fn a_model_fills_missing_fields_alone() {
    let Some((prepared, task)) = with_model(COMPANY) else {
        return;
    };
    let rows = [
        json!({"name": "Brick", "city": "Lyon", "country": null}),
        json!({"name": "Codeworks", "city": "Wien", "country": "AT"}),
        json!({"name": "Acme", "city": "Ulm", "country": "XX"}),
    ];
    let inputs: Vec<RenderedInput> = rows
        .iter()
        .map(|row| task.render_input(row.as_object().expect("a row")).expect("it is read"))
        .collect();
    let made = answers(&prepared, &inputs);
    let sources: Vec<Source> = made.iter().map(|answer| answer.source).collect();
    assert_eq!(sources, [Source::Model, Source::Model, Source::Rule]);
    let countries: Vec<&Value> = made.iter().map(|answer| &answer.value["country"]).collect();
    assert_eq!(countries, ["FR", "AT", "XX"]);
    for answer in &made[..2] {
        assert!(task.normalize_expected(&answer.value).is_ok(), "{answer:?}");
        let written: Vec<&str> = answer.scores.iter().map(|scored| scored.value.as_str()).collect();
        assert_eq!(written, ["industry"], "what the model was asked for");
    }
}

/// A blank cell is a row like any other: nobody is asked about it, and nothing has failed.
#[test]
fn nothing_is_answered_without_asking() {
    let nothing = [RenderedInput::nothing(), RenderedInput::nothing()];
    for (yaml, value, status) in [
        (COMMENT, json!(""), Status::Ok),
        (PHONE, Value::Null, Status::Abstained),
        (COMPANY, json!({"country": null, "industry": null}), Status::Abstained),
    ] {
        let (prepared, _) = alone(yaml);
        for _ in 0..2 {
            let made = answers(&prepared, &nothing);
            assert_eq!((&made[0].value, made[0].status), (&value, status), "{yaml}");
            assert!(made.iter().all(|answer| answer.source == Source::Rule), "{made:?}");
        }
        let known = prepared.known(&[nothing[0].hash()], refuel_engine::cache::Scores::Wanted);
        assert_eq!(known[0].as_ref().map(|answer| &answer.value), Some(&value));
        assert_eq!(prepared.is_kept(&nothing), [true, true], "nobody needs to be asked");
    }
    let label = "kind: label\ninput: a\nlabels: [x, y]\n";
    let Some((prepared, _)) = with_model(label) else { return };
    let made = answers(&prepared, &nothing);
    assert_eq!((&made[0].value, made[0].status), (&Value::Null, Status::Abstained));
    assert_eq!(made[0].reason.as_deref(), Some("input is empty"));
    assert!(prepared.placement().is_none(), "no session was made");
}
