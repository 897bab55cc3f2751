//! A task file and what a catalog keeps of it are the same task.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use refuel_task::Task;
use serde_json::{Value, json};

/// What `jsonb` makes of a value: keys sorted by length and then by bytes.
fn as_jsonb(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(as_jsonb).collect(),
        Value::Object(fields) => {
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_by_key(|(key, _)| (key.len(), key.as_bytes().to_vec()));
            let sorted = sorted.into_iter().map(|(key, value)| (key.clone(), as_jsonb(value)));
            Value::Object(sorted.collect())
        }
        other => other.clone(),
    }
}

/// Everything that a task says, beside the fingerprint, that a catalog must keep.
fn said(task: &Task) -> String {
    let mut task = task.clone();
    task.version = None;
    format!("{task:?}")
}

#[track_caller]
fn assert_kept(path: &Path) -> Value {
    let spec = Task::export(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let file = Task::from_file(path).expect("it was exported");
    let kept = Task::from_catalog(&as_jsonb(&spec), "catalog").expect("a catalog takes it");
    assert_eq!(kept.fingerprint(), file.fingerprint(), "{}\n{spec:#}", path.display());
    assert_eq!(said(&kept), said(&file), "{}", path.display());
    assert!(!spec.to_string().contains("\"from\""), "{spec:#}");
    spec
}

fn task_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            task_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "yml")
            && std::fs::read_to_string(&path).is_ok_and(|text| text.contains("\nkind: "))
        {
            found.push(path);
        }
    }
}

#[test]
fn every_task_of_the_repository_is_the_same_in_a_catalog() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    for folder in ["dags", "bench/tasks", "tests"] {
        task_files(&root.join(folder), &mut files);
    }
    assert!(files.len() >= 3, "{files:?}");
    for file in files {
        assert_kept(&file);
    }
}

/// Files that hold the same two solved rows, in every form.
const ROWS: [(&str, &str); 4] = [
    (
        "rows.csv",
        "subject,body,right,same,tags\nHello,\"Where, please?\",delivery,yes,delivery\nMoney,\" back \\ 'now' \",refund,0,refund; delivery\n",
    ),
    (
        "rows.tsv",
        "subject\tbody\tright\tsame\ttags\nHello\tWhere, please?\tdelivery\ttrue\t\nMoney\tback\trefund\tn\trefund;delivery\n",
    ),
    (
        "rows.jsonl",
        "{\"subject\": \"Hello\", \"body\": {\"zeta\": 1, \"a\": [true, 1.50]}, \"right\": \"where\", \"same\": true, \"tags\": null}\n\
         {\"subject\": null, \"body\": 7, \"right\": \"refund\", \"same\": 0, \"tags\": [\"where\", \"refund\"]}\n",
    ),
    (
        "rows.ndjson",
        "{\"subject\": \"Hello\", \"body\": \"Where?\", \"right\": \"delivery\", \"same\": \"different\", \"tags\": \"[\\\"refund\\\"]\"}\n\n",
    ),
];

const LABELS: &str = "labels:\n  - {name: refund, description: money back}\n  - {name: delivery, aliases: [where]}\n";

#[test]
fn examples_of_a_file_are_taken_in_for_every_kind_and_form() {
    let folder = tempfile::tempdir().unwrap();
    for (file, rows) in ROWS {
        std::fs::write(folder.path().join(file), rows).unwrap();
        let set = |answer: &str, more: &str| format!("examples: {{from: {file}, {answer}{more}}}\n");
        let tasks = [
            format!("kind: label\ninput: body\n{LABELS}{}", set("label: right", "")),
            format!(
                "kind: label\ninput: [subject, body]\n{LABELS}{}",
                set("label: right", ", select: similar, count: 1, model: minilm@abcdef")
            ),
            format!(
                "kind: label\ninput: {{template: '{{{{ subject }}}}: {{{{ body }}}}'}}\n{LABELS}{}",
                set("label: right", ", balance: false, count: 1")
            ),
            format!(
                "kind: label\ninput: text\n{LABELS}{}",
                set("label: right", ", input: body, select: diverse")
            ),
            format!("kind: multilabel\ninput: body\n{LABELS}{}", set("labels: tags", "")),
            format!(
                "kind: match\ninput: {{a: [subject, body], b: body}}\n{}",
                set("match: same", "")
            ),
            format!(
                "kind: match\ninput: {{a: {{template: '{{{{ subject }}}}/{{{{ body }}}}'}}, b: body}}\n{}",
                set("match: same", "")
            ),
            format!(
                "kind: match\ninput: {{a: b, b: a}}\n{}",
                set("match: same", ", input: {a: body, b: body}")
            ),
            format!("kind: complete\ninput: body\n{}", set("output: right", "")),
        ];
        for (number, task) in tasks.iter().enumerate() {
            let path = folder.path().join(format!("task_{number}.yml"));
            std::fs::write(&path, task).unwrap();
            let spec = assert_kept(&path);
            assert_eq!(spec["name"], format!("task_{number}"), "the file gives no name");
            assert!(
                spec["examples"]["items"]
                    .as_array()
                    .is_some_and(|items| !items.is_empty())
            );
        }
    }
}

#[test]
fn what_is_exported_is_what_was_written_but_for_the_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("solved.csv"),
        "id,text,intent\n1, Where is it? ,DEL\n2,Money back,refund\n",
    )
    .unwrap();
    let path = folder.path().join("topic.yml");
    std::fs::write(
        &path,
        "kind: label\nversion: 4\ninput: body\nowner: shop\ntags: [a]\non_error: null\nthreshold: 0.50\n\
         labels: {refund: wants money back, delivery: where it is, other: }\n\
         examples: {select: fixed, from: solved.csv, label: intent, count: 2, input: text}\n",
    )
    .unwrap();
    let failed = Task::export(&path).unwrap_err().to_string();
    assert!(failed.contains("\"DEL\" is not in the list of labels"), "{failed}");
    std::fs::write(
        folder.path().join("solved.csv"),
        "id,text,intent\n1, Where is it? ,delivery\n2,Money back,refund\n",
    )
    .unwrap();
    assert_eq!(
        assert_kept(&path),
        json!({
            "name": "topic",
            "kind": "label",
            "version": 4,
            "input": "body",
            "owner": "shop",
            "tags": ["a"],
            "on_error": null,
            "threshold": 0.5,
            "labels": [
                {"name": "refund", "description": "wants money back"},
                {"name": "delivery", "description": "where it is"},
                "other",
            ],
            "examples": {
                "items": [
                    {"input": "Where is it?", "label": "delivery"},
                    {"input": "Money back", "label": "refund"},
                ],
                "select": "fixed",
                "count": 2,
                "input": "text",
            },
        })
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_rows_of_any_file_make_the_same_task(
        rows in prop::collection::vec((".{0,20}", "[^\0]{1,40}", any::<bool>()), 1..6),
        two in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut file = csv::Writer::from_path(folder.path().join("rows.csv")).unwrap();
        file.write_record(["subject", "body", "answer"]).unwrap();
        for (subject, body, answer) in &rows {
            // A row that is blank is refused, in a file as in a catalog.
            let (subject, body) = (format!("s{subject}"), format!("b{body}"));
            let answer = match (two, answer) {
                (true, true) => "yes",
                (true, false) => "no",
                (false, true) => "refund",
                (false, false) => "delivery",
            };
            file.write_record([subject.as_str(), body.as_str(), answer]).unwrap();
        }
        file.flush().unwrap();
        let path = folder.path().join("task.yml");
        let task = if two {
            "kind: match\ninput: {a: subject, b: body}\nexamples: {from: rows.csv, match: answer}\n".to_owned()
        } else {
            format!("kind: label\ninput: [subject, body]\n{LABELS}examples: {{from: rows.csv, label: answer}}\n")
        };
        std::fs::write(&path, task).unwrap();
        assert_kept(&path);
    }
}
