use std::path::Path;
use std::sync::Arc;

use refuel_state::Pending;
use refuel_task::{Answer, RenderedInput, Scored, Source};
use serde_json::json;

use super::*;
use crate::error::Failure;

fn task(name: &str, yaml: &str) -> Arc<Task> {
    Arc::new(Task::from_yaml(yaml, &format!("{name}.yml"), Path::new(".")).unwrap())
}

fn tasks() -> Tasks {
    Tasks(vec![
        task(
            "topic",
            "{kind: label, guidelines: Topic?, labels: [refund, {name: late delivery, aliases: [late]}], input: body, threshold: 0.7}",
        ),
        task(
            "tags",
            "{kind: multilabel, guidelines: Tags?, labels: [a, b, c], input: body}",
        ),
        task("same_vendor", "{kind: match, guidelines: Same?, input: {a: x, b: y}}"),
        task("summary", "{kind: complete, guidelines: Sum up, input: body}"),
    ])
}

fn hash(text: &str) -> InputHash {
    RenderedInput::text(text).hash()
}

fn item(task: &str, input: Input, value: Value) -> Item {
    let (Input::One(text) | Input::Two(text, _)) = &input;
    let tasks = tasks();
    Item {
        task: tasks.get(task).unwrap().clone(),
        pending: Pending {
            task: task.to_owned(),
            hash: hash(text),
            answer: Answer {
                value,
                confidence: Some(0.4),
                status: refuel_task::Status::Ok,
                source: Source::Model,
                scores: vec![Scored {
                    value: "refund".to_owned(),
                    confidence: 0.4,
                    raw_confidence: 0.2,
                    span: None,
                }],
                ..Answer::error("tiny@d1", "unused")
            },
            input,
            fingerprint: "f1".to_owned(),
            at: Timestamp::UNIX_EPOCH,
        },
    }
}

fn items() -> Vec<Item> {
    vec![
        item(
            "topic",
            Input::One("money, \"back\"\nplease".to_owned()),
            json!("refund"),
        ),
        item("tags", Input::One("tagged".to_owned()), json!(["a", "c"])),
        item(
            "same_vendor",
            Input::Two("ACME".to_owned(), "Acme Inc".to_owned()),
            json!(true),
        ),
        item("summary", Input::One("long".to_owned()), json!("short; text")),
    ]
}

/// Knows every input that was asked above.
#[expect(
    clippy::unnecessary_wraps,
    reason = "it stands for a look into the state, which can fail"
)]
fn known(_: &str, hash: InputHash) -> Result<Option<Known>, Failure> {
    let found = items().into_iter().find(|item| item.pending.hash == hash);
    Ok(found.map(|item| Known {
        guess: item.guess().map(|value| Guess {
            value: value.clone(),
            confidence: item.pending.answer.confidence,
            fingerprint: item.pending.fingerprint.clone(),
            model: item.pending.answer.model.clone(),
        }),
        input: item.pending.input,
    }))
}

fn taken(text: &str) -> Result<Taken, String> {
    taken_of(text, &tasks())
}

fn taken_of(text: &str, tasks: &Tasks) -> Result<Taken, String> {
    let by = ("ada", Timestamp::UNIX_EPOCH);
    read(text, Path::new("queue.csv"), tasks, by, known).map_err(|failure| match failure {
        Failure::Reported(report) => format!("{}: {}", report.code, report.message),
        Failure::OutputClosed => unreachable!(),
    })
}

fn exported() -> String {
    let mut text = Vec::new();
    write_waiting(&items(), &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

/// The exported table with verdicts in place of the empty cells.
fn filled(verdicts: [&str; 4]) -> String {
    let exported = exported();
    let mut reader = csv::Reader::from_reader(exported.as_bytes());
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(reader.headers().unwrap()).unwrap();
    for (row, verdict) in reader.records().zip(verdicts) {
        let row = row.unwrap();
        let cells = row.iter().enumerate().map(|(at, cell)| match at {
            5 => verdict,
            6 if verdict == "late" => "says so",
            _ => cell,
        });
        writer.write_record(cells.collect::<Vec<_>>()).unwrap();
    }
    String::from_utf8(writer.into_inner().unwrap()).unwrap()
}

#[test]
fn what_waits_is_a_table_with_an_empty_column_for_verdicts() {
    insta::assert_snapshot!(exported());
}

#[test]
fn a_table_that_was_not_filled_in_decides_nothing() {
    let taken = taken(&exported()).unwrap();
    assert_eq!((taken.reviews.len(), taken.undecided), (0, 4));
}

#[test]
fn verdicts_come_back_in_the_form_of_their_kind() {
    let taken = taken(&filled(["late", "b; a", "no", "!reject"])).unwrap();
    let verdicts: Vec<&Verdict> = taken.reviews.iter().map(|review| &review.verdict).collect();
    assert_eq!(
        verdicts,
        [
            &Verdict::Value(json!("late delivery")),
            &Verdict::Value(json!(["a", "b"])),
            &Verdict::Value(json!(false)),
            &Verdict::Reject
        ]
    );
    let first = &taken.reviews[0];
    assert_eq!(first.input, Input::One("money, \"back\"\nplease".to_owned()));
    assert_eq!(
        (first.reviewer.as_str(), first.note.as_deref()),
        ("ada", Some("says so"))
    );
    assert_eq!(first.guess.as_ref().unwrap().value, json!("refund"));
    assert_eq!(taken.undecided, 0);
}

#[test]
fn what_was_decided_is_written_in_the_same_form() {
    let given = taken(&filled(["late", "b; a", "no", "!reject"])).unwrap().reviews;
    let mut text = Vec::new();
    write_decided(&given, &tasks(), &mut text).unwrap();
    let again = taken(&String::from_utf8(text).unwrap()).unwrap().reviews;
    assert_eq!(again, given);
}

#[test]
fn every_verdict_that_can_not_be_taken_is_told_with_its_line() {
    let good = filled(["late", "b", "yes", "short"]);
    let mut text = filled(["refnd", "a; bb", "perhaps", "short"]);
    let topic = good.lines().nth(1).unwrap().split(',').nth(1).unwrap();
    text.push_str(&format!("topik,{topic},,,,refund,\n"));
    text.push_str("topic,0123,,,,refund,\n");
    text.push_str("topic,00000000000000000000000000000000,,,,refund,\n");
    text.push_str(&format!("topic,{topic},,,,refund,\ntopic,{topic},,,,late,\n"));
    insta::assert_snapshot!(taken(&text).unwrap_err());
}

#[test]
fn columns_may_stand_in_any_order_and_a_lone_task_need_not_be_named() {
    let hash = hash("tagged");
    let one = Tasks(vec![tasks().get("tags").unwrap().clone()]);
    let text = format!("\u{feff}verdict,input_hash\nc,{hash}\n");
    assert_eq!(
        taken_of(&text, &one).unwrap().reviews[0].verdict,
        Verdict::Value(json!(["c"]))
    );
    assert_eq!(
        taken(&text).unwrap_err(),
        "RF0687: `queue.csv` has no column `task`; it has `verdict`, `input_hash`"
    );
    assert!(
        taken_of("input_hash,verdct\n", &one)
            .unwrap_err()
            .starts_with("RF0687: `queue.csv` has no column `verdict`")
    );
}

#[test]
fn a_table_that_is_none_is_told_with_its_line() {
    let text = format!("{}a,b\n", filled(["late", "b", "yes", "short"]));
    assert_eq!(
        taken(&text).unwrap_err(),
        "RF0686: queue.csv:9: this row has 2 fields, the first line has 7"
    );
}

#[test]
fn lines_are_counted_as_an_editor_counts_them() {
    let hash = hash("tagged");
    // The first row holds a line end, an empty line follows it, and the row that is wrong begins in line 5.
    let text = format!("task,input_hash,verdict,note\ntags,{hash},,\"two\nlines\"\n\ntags,{hash},d,\n");
    let wrong = |text: &str| taken(text).unwrap_err();
    let told = wrong(&text);
    assert!(told.contains("\n  line 5: "), "{told}");
    assert_eq!(wrong(&text.replace('\n', "\r\n")), told, "as spreadsheets write it");
    assert_eq!(wrong(&format!("\u{feff}{}", text.replace('\n', "\r\n"))), told);
    let short = |text: &str| taken(&text.replace(",d,", ",d")).unwrap_err();
    assert_eq!(short(&text), short(&text.replace('\n', "\r\n")));
    assert!(short(&text).starts_with("RF0686: queue.csv:5: "), "{}", short(&text));
}

#[test]
fn a_table_may_be_set_apart_by_what_spreadsheets_use() {
    for separator in [";", "\t"] {
        let text = format!("task,input_hash,verdict\ntags,{},c\n", hash("tagged")).replace(',', separator);
        let taken = taken(&text).unwrap();
        assert_eq!(taken.reviews[0].verdict, Verdict::Value(json!(["c"])), "{separator:?}");
    }
}

#[test]
fn no_cell_is_run_as_a_formula_and_all_come_back_as_they_were() {
    let text = "=cmd|'/c calc'!A1";
    let items = vec![item("summary", Input::One(text.to_owned()), json!("+1"))];
    let mut written = Vec::new();
    write_waiting(&items, &mut written).unwrap();
    let written = String::from_utf8(written).unwrap();
    assert!(written.contains(",'=cmd|'/c calc'!A1,'+1,"), "{written}");
    for verdict in ["-1", "'-1", "''=x", "'quoted'", "plain", "@here"] {
        assert_eq!(unguarded(&guarded(verdict)), verdict);
        assert!(!guarded(verdict).starts_with(FORMULA), "{verdict}");
    }
}
