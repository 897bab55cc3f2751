//! Tests, unit tests and evaluations.

use refuel_engine::Cancel;
use refuel_runs::{Command, Event, NodeStatus, RunRequest, execute};
use refuel_state::Verdict;

use crate::common::{Recorder, Shop, lines, node, status};

const REPORT: &str = "model.shop.report";

fn properties(text: &str) -> (&'static str, String) {
    ("models/properties.yml", text.to_owned())
}

fn shop(text: &str) -> Shop {
    let (path, text) = properties(text);
    Shop::with(&[(path, &text)])
}

#[test]
fn a_test_that_fails_holds_up_what_is_downstream_and_says_so() {
    let shop =
        shop("models:\n  - name: cleaned\n    columns:\n      - name: body\n        tests: [not_null, unique]\n");
    let report = shop.build();
    insta::assert_snapshot!(lines(&report), @r"
    model.shop.cleaned success
    model.shop.labelled skipped test not_null_cleaned_body failed
    model.shop.report skipped test not_null_cleaned_body failed
    seed.shop.messages success
    test.shop.not_null_cleaned_body fail 1 row that must not be
    test.shop.unique_cleaned_body fail 1 row that must not be
    ");
    assert!(!report.is_success());
    assert_eq!(shop.models.asked(), [""; 0]);
}

#[test]
fn a_test_that_only_warns_lets_everything_go_on() {
    let shop = shop(
        "models:\n  - name: cleaned\n    columns:\n      - name: body\n        tests:\n          - not_null:\n              config: {severity: warn}\n",
    );
    let report = shop.build();
    assert!(report.is_success(), "{}", lines(&report));
    assert_eq!(status(&report, "test.shop.not_null_cleaned_body"), NodeStatus::Warn);
    assert_eq!(status(&report, REPORT), NodeStatus::Success);
    let again = shop.build();
    assert_eq!(
        status(&again, "test.shop.not_null_cleaned_body"),
        NodeStatus::Warn,
        "it is said each time"
    );
}

#[test]
fn rows_that_fail_are_kept_where_that_is_asked_for() {
    let shop = shop(
        "models:\n  - name: cleaned\n    columns:\n      - name: body\n        tests:\n          - not_null:\n              config: {store_failures: true}\n",
    );
    let report = shop.build();
    let test = node(&report, "test.shop.not_null_cleaned_body");
    assert_eq!(test.status, NodeStatus::Fail);
    assert_eq!(test.failures, Some(1));
    assert_eq!(shop.table("SELECT count(*) FROM not_null_cleaned_body"), "1");
}

const UNIT: &str = "\
unit_tests:
  - name: sorts
    model: labelled
    given:
      - input: ref('cleaned')
        rows:
          - {id: 1, body: Send it back}
          - {id: 2, body: Where is it}
          - {id: 3, body: null}
    answers:
      - {task: topic, input: Send it back, value: refund, confidence: 0.9}
      - {task: topic, input: Where is it, value: delivery, confidence: 0.2}
    expect:
      rows:
        - {id: 1, topic: refund}
        - {id: 2, topic: EXPECTED}
        - {id: 3, topic: null}
";

#[test]
fn a_unit_test_runs_a_model_on_given_rows_with_given_answers() {
    let shop = shop(&UNIT.replace("EXPECTED", "null"));
    let report = shop.build();
    assert!(report.is_success(), "{}", lines(&report));
    assert_eq!(status(&report, "unit_test.shop.labelled.sorts"), NodeStatus::Success);
    assert_eq!(shop.models.asked().len(), 4, "those of the build alone");
    assert_eq!(
        shop.table("SELECT count(*) FROM sqlite_schema WHERE name LIKE '%given%' OR name LIKE '%unit%'"),
        "0"
    );
    let again = shop.build();
    assert_eq!(status(&again, "unit_test.shop.labelled.sorts"), NodeStatus::Reused);
}

#[test]
fn a_unit_test_that_fails_shows_the_cell_and_its_model_is_not_built() {
    let shop = shop(&UNIT.replace("EXPECTED", "delivery"));
    let report = shop.build();
    let test = node(&report, "unit_test.shop.labelled.sorts");
    assert_eq!(test.status, NodeStatus::Fail);
    insta::assert_snapshot!(test.message.as_deref().unwrap(), @r"
    1 row not as expected
      | id | topic
    ~ | 2  | delivery → NULL
      (~ expected → found; 2 more as expected)
    ");
    assert_eq!(
        status(&report, "model.shop.labelled"),
        NodeStatus::Skipped,
        "{}",
        lines(&report)
    );
    assert_eq!(shop.models.asked(), [""; 0]);
}

#[test]
fn a_unit_test_asks_the_model_for_what_it_gives_no_answer_to() {
    let text = "unit_tests:\n  - name: sorts\n    model: labelled\n    given:\n      - input: ref('cleaned')\n        rows: [{id: 1, body: my refund!!}]\n    expect:\n      rows: [{id: 1, topic: refund}]\n";
    let shop = shop(text);
    let report = shop.run(Command::Test);
    assert!(report.is_success(), "{}", lines(&report));
    assert_eq!(shop.models.asked(), ["my refund!!"]);
}

#[test]
fn a_unit_test_gives_records_and_that_there_is_no_answer() {
    let shop = shop(
        "\
unit_tests:
  - name: reads
    model: read
    given:
      - input: ref('cleaned')
        rows: [{id: 1, body: Acme kettle}, {id: 2, body: a hose}]
    answers:
      - {task: parts, input: Acme kettle, value: {brand: Acme, sizes: [1, 2]}, confidence: 0.9}
      - {task: parts, input: a hose, error: too short}
      - {task: found, input: [Acme kettle, which?], value: kettle, confidence: 0.9}
      - {task: found, input: [a hose, which?], value: null, confidence: 0.8}
    expect:
      rows:
        - {id: 1, fields: {sizes: [1, 2], brand: Acme}, found: kettle}
        - {id: 2, fields: null, found: null}
",
    );
    shop.write(
        "tasks/parts.yml",
        "kind: extract\ninput: body\nfields: {brand: who makes it, sizes: {items: integer}}\n",
    );
    shop.write(
        "tasks/found.yml",
        "kind: answer\ninput: {context: body, question: asked}\n",
    );
    shop.write(
        "models/read.sql",
        "SELECT id, refuel_extract(body, 'parts') AS fields, refuel_answer(body, 'which?', 'found') AS found\n\
         FROM {{ ref('cleaned') }}\n",
    );
    let report = shop.run(Command::Test);
    assert!(report.is_success(), "{}", lines(&report));
    assert_eq!(shop.models.asked(), [""; 0]);
}

const EVALUATION: &str = "\
models:
  - name: labelled
    evaluations:
      - name: good_enough
        task: topic
        on: seeds/gold.csv
        truth: topic
        metrics: {accuracy: '>= BOUND'}
";

/// Four rows, three of which the model gets right above its threshold; the fourth is right below it.
const GOLD: &str = "body,topic\nrefund!,refund\ndelivery!,delivery\nwhere is it!,other\nnot this refund!,delivery\n";

#[test]
fn an_evaluation_below_its_bound_holds_up_what_is_downstream() {
    let shop = shop(&EVALUATION.replace("BOUND", "0.8"));
    shop.write("seeds/gold.csv", GOLD);
    let report = shop.build();
    let evaluation = node(&report, "evaluation.shop.labelled.good_enough");
    assert_eq!(evaluation.status, NodeStatus::Fail, "{}", lines(&report));
    let message = evaluation.message.as_deref().unwrap();
    assert!(message.starts_with("accuracy 0.75 ["), "{message}");
    assert!(
        message.ends_with("must be >= 0.8; always the most frequent answer gets 0.5"),
        "{message}"
    );
    assert_eq!(status(&report, REPORT), NodeStatus::Skipped);
    assert_eq!(status(&report, "model.shop.labelled"), NodeStatus::Success);
}

#[test]
fn an_evaluation_above_its_bound_lets_the_run_go_on() {
    let shop = shop(&EVALUATION.replace("BOUND", "0.7"));
    shop.write("seeds/gold.csv", GOLD);
    let report = shop.build();
    assert!(report.is_success(), "{}", lines(&report));
    let metric = &node(&report, "evaluation.shop.labelled.good_enough").metrics[0];
    assert_eq!((metric.metric.as_str(), metric.value), ("accuracy", Some(0.75)));
}

/// Answers in the model are held against rows that people checked, whatever both call the column.
#[test]
fn an_evaluation_by_key_holds_the_answers_of_the_model_against_checked_rows() {
    let text = "models:\n  - name: labelled\n    evaluations:\n      - name: checked\n        on: {relation: seeds/gold.csv, key: id, prediction: topic, truth: topic}\n        metrics: {accuracy: '>= 0.9'}\n";
    let shop = shop(text);
    shop.write(
        "seeds/messages.csv",
        "id,body\n1,refund!\n2,delivery!\n3,refund again!\n",
    );
    shop.write("seeds/gold.csv", "id,topic\n1,refund\n2,refund\n9,other\n");
    let report = shop.build();
    let evaluation = node(&report, "evaluation.shop.labelled.checked");
    assert_eq!(evaluation.status, NodeStatus::Fail, "{}", lines(&report));
    let metric = &evaluation.metrics[0];
    assert_eq!(
        (metric.value, metric.rows),
        (Some(0.5), 2),
        "two of three rows were checked"
    );
}

/// An evaluation of how alike labels stay.
const STEADY: &str = "\
models:
  - name: labelled
    evaluations:
      - name: steady
        prediction: topic
        drift: {psi: '< 0.2'}
";
const STEADY_ID: &str = "evaluation.shop.labelled.steady";

/// A seed with so many messages of two kinds.
fn many(refunds: usize, deliveries: usize) -> String {
    let mut seed = "id,body\n".to_owned();
    (0..refunds).for_each(|at| seed.push_str(&format!("{at},refund {at}!\n")));
    (0..deliveries).for_each(|at| seed.push_str(&format!("{},delivery {at}!\n", 1000 + at)));
    seed
}

#[test]
fn labels_that_drift_are_found_against_the_run_before() {
    let (shop, id) = (shop(STEADY), STEADY_ID);
    shop.write("seeds/messages.csv", &many(50, 50));
    let first = shop.build();
    assert_eq!(status(&first, id), NodeStatus::Success, "{}", lines(&first));
    shop.write("seeds/messages.csv", &many(52, 50));
    assert_eq!(status(&shop.build(), id), NodeStatus::Success);
    shop.write("seeds/messages.csv", &many(95, 5));
    let drifted = shop.build();
    assert_eq!(status(&drifted, id), NodeStatus::Fail, "{}", lines(&drifted));
    assert!(node(&drifted, id).message.as_deref().unwrap().starts_with("psi "));
    let again = shop.build();
    assert_eq!(
        status(&again, id),
        NodeStatus::Fail,
        "what drifted is no measure for the next run"
    );
}

#[test]
fn a_misspelt_column_of_an_evaluation_is_told_with_the_nearest() {
    let of = |on: &str| {
        let shop = shop(&format!(
            "models:\n  - name: labelled\n    evaluations:\n      - name: good\n        task: topic\n        on: {on}\n        metrics: {{accuracy: '>= 0.1'}}\n"
        ));
        let report = shop.build();
        let evaluation = node(&report, "evaluation.shop.labelled.good");
        assert_eq!(evaluation.status, NodeStatus::Error, "{}", lines(&report));
        format!(
            "{}\n{}",
            evaluation.message.as_deref().unwrap(),
            evaluation.hint.as_deref().unwrap()
        )
    };
    insta::assert_snapshot!(of("{prediction: topik, truth: body}"), @r#"
    models/properties.yml:4:9: "good" reads the column "topik", which labelled doesn't have
    did you mean "topic"?
    "#);
    insta::assert_snapshot!(of("{prediction: topic, truth: bdy}"), @r#"
    models/properties.yml:4:9: "good" reads the column "bdy", which labelled doesn't have
    did you mean "body"?
    "#);
}

/// A report says what was measured where all is well too, and so does the file that other tools read.
#[test]
fn an_evaluation_that_passes_tells_its_measures() {
    let shop = shop(&EVALUATION.replace("BOUND", "0.7"));
    shop.write("seeds/gold.csv", GOLD);
    let report = shop.build();
    let id = "evaluation.shop.labelled.good_enough";
    let message = node(&report, id).message.clone().unwrap();
    assert!(message.starts_with("accuracy 0.75 ["), "{message}");
    assert!(message.contains("as it must be >= 0.7"), "{message}");
    assert_eq!(node(&report, id).failures, None, "measures are no rows");
    let file = std::fs::read_to_string(shop.path().join("target/run_results.json")).unwrap();
    let file: serde_json::Value = serde_json::from_str(&file).unwrap();
    let results = file["results"].as_array().unwrap();
    let result = results.iter().find(|result| result["unique_id"] == id).unwrap();
    let metric = &result["adapter_response"]["metrics"][0];
    assert_eq!(
        (&metric["metric"], &metric["value"]),
        (&"accuracy".into(), &0.75.into())
    );
    assert!(metric["interval"].is_array(), "{metric}");
}

/// The first three messages are labelled rightly by the model; a person says otherwise of one.
#[test]
fn rows_that_a_person_answered_are_left_out_of_a_measure_of_the_model() {
    let text = "models:\n  - name: labelled\n    evaluations:\n      - name: checked\n        task: topic\n        on: {prediction: topic, truth: right_topic}\n        metrics: {accuracy: '>= 0.1'}\n";
    let shop = shop(text);
    shop.write(
        "models/labelled.sql",
        "SELECT id, body, CASE WHEN id < 3 THEN 'refund' ELSE 'other' END AS right_topic, refuel_label(body, 'topic') AS topic\nFROM {{ ref('messages') }}\n",
    );
    shop.write(
        "seeds/messages.csv",
        "id,body\n1,refund!\n2,refund again!\n3,delivery!\n4,delivery again!\n",
    );
    let measured = |report: &refuel_runs::RunReport| {
        let metric = &node(report, "evaluation.shop.labelled.checked").metrics[0];
        (metric.value, metric.rows)
    };
    let first = shop.build();
    assert_eq!(measured(&first), (Some(0.5), 4), "{}", lines(&first));
    crate::verdicts::review(&shop, "delivery!", Verdict::Value("other".into()));
    let recorder = Recorder::default();
    let workspace = shop.open();
    let request = RunRequest::new(Command::Build, Shop::all(&workspace));
    let second = execute(&workspace, &request, &recorder, &Cancel::new()).unwrap();
    assert_eq!(shop.table("SELECT topic FROM labelled WHERE id = 3"), "other");
    assert_eq!(measured(&second), (Some(2.0 / 3.0), 3), "{}", lines(&second));
    let events = recorder.0.lock().unwrap();
    let is_told = events.iter().any(|event| {
        matches!(event, Event::Note { message, .. } if message.starts_with("1 row with a person's verdict left out"))
    });
    assert!(is_told, "{events:#?}");
}

#[test]
fn a_full_refresh_takes_labels_that_drifted_for_right() {
    let (shop, id) = (shop(STEADY), STEADY_ID);
    shop.write("seeds/messages.csv", &many(50, 50));
    shop.build();
    shop.write("seeds/messages.csv", &many(95, 5));
    let drifted = shop.build();
    let message = node(&drifted, id).message.clone().unwrap();
    assert!(
        message.ends_with("`refuel test --select steady --full-refresh` makes them the measure"),
        "{message}"
    );
    let taken = shop
        .try_run(Command::Test, |request| request.full_refresh = true)
        .unwrap();
    assert_eq!(status(&taken, id), NodeStatus::Success, "{}", lines(&taken));
    assert!(
        node(&taken, id).metrics[0].value.unwrap() > 0.2,
        "it is measured all the same"
    );
    shop.write("seeds/messages.csv", &many(94, 6));
    assert_eq!(
        status(&shop.build(), id),
        NodeStatus::Success,
        "and is what later runs are held against"
    );
}

#[test]
fn an_evaluation_whose_file_is_missing_is_an_error_of_its_own() {
    let text = "models:\n  - name: labelled\n    evaluations:\n      - name: checked\n        on: {relation: seeds/gone.csv, key: id, prediction: topic, truth: topic}\n        metrics: {accuracy: '>= 0.9'}\n";
    let report = shop(text).build();
    assert_eq!(
        status(&report, "model.shop.labelled"),
        NodeStatus::Success,
        "{}",
        lines(&report)
    );
    let evaluation = node(&report, "evaluation.shop.labelled.checked");
    assert_eq!(evaluation.status, NodeStatus::Error, "{}", lines(&report));
    let message = evaluation.message.as_deref().unwrap();
    assert!(message.contains("gone.csv"), "{message}");
    assert!(message.starts_with("models/"), "{message}");
}

/// The file isn't there when the project is read; what doesn't need it is built.
#[test]
fn a_source_whose_file_is_missing_is_an_error_of_its_own() {
    let shop = shop("sources: [{name: raw, tables: [{name: late, path: data/late.csv}]}]\n");
    shop.write("models/reads_it.sql", "SELECT * FROM {{ source('raw', 'late') }}");
    let report = shop.build();
    assert_eq!(status(&report, REPORT), NodeStatus::Success, "{}", lines(&report));
    assert_eq!(status(&report, "source.shop.raw.late"), NodeStatus::Error);
    assert_eq!(status(&report, "model.shop.reads_it"), NodeStatus::Skipped);
    let source = node(&report, "source.shop.raw.late");
    assert!(source.message.as_deref().unwrap().contains("late.csv"), "{source:?}");
}

#[test]
fn what_is_not_built_yet_is_told_with_what_builds_it() {
    let shop = shop("models:\n  - name: report\n    columns: [{name: topic, data_tests: [unique]}]\n");
    let told = |report: &refuel_runs::RunReport, id: &str| {
        let node = node(report, id);
        let message = node.message.as_deref().unwrap();
        format!(
            "{} {message}\n{}",
            node.code.as_deref().unwrap(),
            node.hint.as_deref().unwrap_or_default()
        )
    };
    let only = |id: &str, command| {
        let id = id.to_owned();
        shop.try_run(command, |request| request.selection.retain(|node| node.as_str() == id))
            .unwrap()
    };
    let ran = only("model.shop.cleaned", Command::Run);
    insta::assert_snapshot!(told(&ran, "model.shop.cleaned"), @r#"
    RF1512 models/cleaned.sql:1:1: seed "messages" is not built in target "dev" yet
    `refuel build --select +cleaned` builds it first
    "#);
    let tested = only("test.shop.unique_report_topic", Command::Test);
    insta::assert_snapshot!(told(&tested, "test.shop.unique_report_topic"), @r#"
    RF1512 models/properties.yml:3:42: model "report" is not built in target "dev" yet
    `refuel build --select +report` builds it first
    "#);
}

#[test]
fn a_plan_of_a_part_says_what_it_can_not_count_and_why() {
    let shop = Shop::new();
    let workspace = shop.open();
    let labelled: Vec<_> = Shop::all(&workspace)
        .into_iter()
        .filter(|id| id.as_str() == "model.shop.labelled")
        .collect();
    let request = RunRequest::new(Command::Build, labelled);
    let report = refuel_runs::plan(&workspace, &request, &Cancel::new()).unwrap();
    let node = report.nodes.iter().find(|node| node.name == "labelled").unwrap();
    insta::assert_snapshot!(node.unknown.as_deref().unwrap(), @r#"model "cleaned" is not built in target "dev" yet: select +labelled to count it with what it reads"#);
}
