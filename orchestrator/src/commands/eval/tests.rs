//! Evaluation with scripted answers: what is measured, what is said of it, and what is refused.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::Parser;
use refuel_engine::{Cancel, EngineError, Estimate};
use refuel_task::{Answer, Calibration, RenderedInput, Scored, Source, Status, Task};
use serde_json::{Value, json};

use super::report::Report;
use super::{Job, text};
use crate::answerer::Answerer;
use crate::cli::{Cli, Command, EvalArgs};
use crate::commands::ExitStatus;
use crate::context::Context;
use crate::error::Failure;
use crate::interrupt::Interrupt;

/// Says what the input says behind `->`, as sure as it says behind that: `text -> label 0.8`. A calibrated one says `a`
/// whatever it reads, and keeps no answer.
struct Scripted {
    calibrated: bool,
    threshold: Option<f32>,
}

impl Scripted {
    fn answer_one(&self, input: &RenderedInput) -> Answer {
        let Some((_, said)) = input.text.split_once("-> ") else {
            return Answer::error("m@1", "the model said no");
        };
        let (value, confidence) = said.rsplit_once(' ').unwrap();
        let confidence: f32 = confidence.parse().unwrap();
        let value: Value = match value {
            _ if self.calibrated => "a".into(),
            "true" => true.into(),
            "false" => false.into(),
            list if list.starts_with('[') => serde_json::from_str(list).unwrap(),
            text => text.into(),
        };
        Answer {
            scores: vec![Scored {
                value: "a".to_owned(),
                confidence,
                raw_confidence: 0.1,
                span: None,
            }],
            value,
            confidence: Some(confidence),
            raw_confidence: Some(confidence / 2.0),
            status: Status::Ok,
            reason: None,
            source: if input.text.starts_with("known") && !self.calibrated {
                Source::Cache
            } else {
                Source::Model
            },
            ..Answer::error("m@1", "")
        }
    }
}

impl Answerer for Scripted {
    fn model(&self) -> &'static str {
        "scripted@0"
    }

    fn digest(&self) -> &'static str {
        "scripted"
    }

    fn fingerprint(&self) -> &'static str {
        "f"
    }

    fn notes(&self) -> Vec<String> {
        vec!["two labels are the same tokens to the model".to_owned()]
    }

    fn keeps_answers(&self) -> bool {
        true
    }

    fn estimate(&self, _inputs: &[RenderedInput], _cancel: &Cancel) -> Result<Estimate, EngineError> {
        unreachable!("nothing is estimated")
    }

    fn answer(
        &self,
        inputs: &[RenderedInput],
        cancel: &Cancel,
        on_rows: &mut dyn FnMut(usize),
    ) -> Result<Vec<Answer>, EngineError> {
        assert_eq!(
            self.threshold, None,
            "answers are gated behind the model, so that what it said can be measured"
        );
        let mut answers = Vec::new();
        for input in inputs {
            if cancel.is_cancelled() {
                return Err(EngineError::Cancelled);
            }
            answers.push(self.answer_one(input));
            on_rows(1);
        }
        Ok(answers)
    }
}

/// A folder with a task and a table.
struct Desk {
    folder: tempfile::TempDir,
    asked: AtomicUsize,
}

impl Desk {
    fn new(task: &str, table: &str) -> Self {
        let desk = Self {
            folder: tempfile::tempdir().unwrap(),
            asked: AtomicUsize::new(0),
        };
        fs_err::write(desk.path("topic.yml"), format!("name: topic\ninput: text\n{task}")).unwrap();
        fs_err::write(desk.path("in.csv"), table).unwrap();
        desk
    }

    /// A task with three labels, and rows of which a model gets some wrong and fails on some.
    fn labels(more: &str) -> Self {
        let mut table = "text,right,shop\n".to_owned();
        for row in 0..60 {
            let right = if row % 2 == 0 {
                "a"
            } else if row % 3 == 0 {
                "c"
            } else {
                "b"
            };
            let (said, confidence) = match row % 10 {
                9 => ("b", 0.55),
                7 => ("a", 0.95),
                _ => (right, 0.5 + f64::from(row) / 150.0),
            };
            let shop = if row % 10 == 7 { "north" } else { "south" };
            let asked = if row % 4 == 0 { "known" } else { "new" };
            let line = if row == 20 || row == 43 {
                format!("this one fails {row},{right},{shop}\n")
            } else {
                format!("{asked} {row} -> {said} {confidence:.2},{right},{shop}\n")
            };
            table.push_str(&line);
        }
        Self::new(
            &format!("kind: label\nguidelines: Say it.\nlabels: [a, b, c]\n{more}"),
            &table,
        )
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn arguments(&self, more: &[&str]) -> (Box<EvalArgs>, Context) {
        let (input, task) = (self.path("in.csv"), self.path("topic.yml"));
        let mut line = vec![
            "refuel",
            "--quiet",
            "eval",
            input.to_str().unwrap(),
            "--task",
            task.to_str().unwrap(),
        ];
        line.extend(["--expected", "right"]);
        line.extend(more);
        let cli = Cli::try_parse_from(line).unwrap();
        let context = Context::new(&cli.global);
        let Command::Eval(arguments) = cli.command else {
            unreachable!()
        };
        (arguments, context)
    }

    fn eval_with(&self, more: &[&str], interrupt: &Interrupt) -> Result<Option<Report>, Failure> {
        let (arguments, context) = self.arguments(more);
        let job = Job::settle(&arguments)?;
        let prepare = |task: &Task, _model: Option<&str>| -> Result<Box<dyn Answerer>, Failure> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            Ok(Box::new(Scripted {
                calibrated: task.calibration == Calibration::Contextual,
                threshold: task.threshold,
            }))
        };
        let report = job.evaluate(&arguments, &prepare, interrupt, context.printer)?;
        Ok(report.map(|mut report| {
            for measured in report.measured_mut() {
                measured.seconds = 0.75;
                measured.rows_per_second = 80.0;
                measured.peak_memory_bytes = Some(412_000_000);
            }
            report
        }))
    }

    fn eval(&self, more: &[&str]) -> Report {
        self.eval_with(more, &Interrupt::default()).unwrap().unwrap()
    }

    fn text(&self, more: &[&str]) -> String {
        let shown = text::text(&self.eval(more), more.contains(&"--threshold-table"));
        anstream::adapter::strip_str(&shown).to_string()
    }

    fn json(&self, more: &[&str]) -> Value {
        serde_json::to_value(self.eval(more)).unwrap()
    }

    fn refused(&self, more: &[&str]) -> (String, ExitStatus, String) {
        match self.eval_with(more, &Interrupt::default()) {
            Err(Failure::Reported(report)) => {
                let text = report.message.replace(self.folder.path().to_str().unwrap(), "");
                (
                    report.code.into_owned(),
                    report.status,
                    format!("{text}; {}", report.hint.unwrap_or_default()),
                )
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_report_says_how_good_the_answers_are_and_where_they_are_not() {
    insta::assert_snapshot!(Desk::labels("").text(&["--slice", "shop", "--threshold-table"]));
}

#[test]
fn a_report_as_json_keeps_its_keys() {
    let report = Desk::labels("").json(&["--slice", "shop"]);
    for key in [
        "rows",
        "completion_rate",
        "accuracy",
        "accuracy_ci95",
        "majority_rate",
        "f1_macro",
        "f1_micro",
        "auroc",
        "ece",
        "rows_per_second",
        "peak_memory_bytes",
    ] {
        assert!(report.get(key).is_some(), "{key}");
    }
    insta::assert_snapshot!(serde_json::to_string_pretty(&report).unwrap());
}

#[test]
fn rows_that_fail_count_as_wrong_ones() {
    let desk = Desk::new(
        "kind: label\nlabels: [a, b]\nguidelines: Say it.\n",
        "text,right\nx -> a 0.9,a\ny -> b 0.9,b\nfails,a\n,b\n",
    );
    let report = desk.json(&[]);
    assert_eq!(
        (&report["accuracy"], &report["accuracy_of_completed"]),
        (&json!(0.5), &json!(1.0))
    );
    assert_eq!(
        (&report["failed"], &report["completion_rate"]),
        (&json!(2), &json!(0.5))
    );
    assert_eq!(
        report["reasons"].as_array().unwrap().len(),
        1,
        "a blank row has nothing to fail with"
    );
    assert!(desk.text(&[]).contains("of completed rows alone"));
}

#[test]
fn answers_no_better_than_the_most_frequent_one_are_said_to_be_so() {
    let line = |row: usize| format!("{row} -> {} 0.5,a", if row < 15 { "a" } else { "b" });
    let lines: Vec<String> = std::iter::once("text,right".to_owned())
        .chain((0..20).map(line))
        .collect();
    let desk = Desk::new("kind: label\nguidelines: Say it.\nlabels: [a, b]\n", &lines.join("\n"));
    let text = desk.text(&[]);
    assert!(
        text.contains("No better than always answering \"a\", which is right for 100.0 %"),
        "{text}"
    );
    assert_eq!(desk.json(&[])["beats_majority"], "not_better");
}

#[test]
fn variants_are_shown_side_by_side_and_tested_against_the_first() {
    let desk = Desk::labels("");
    insta::assert_snapshot!(desk.text(&["--compare", "calibration=off,on"]));
    let report = desk.json(&["--compare", "calibration=off,on"]);
    assert_eq!(report.get("accuracy"), None);
    let single = desk.json(&[]);
    for variant in report["variants"].as_array().unwrap() {
        let missing: Vec<&String> = ["task", "kind", "expected", "unusable_rows", "unusable", "shown_rows"]
            .iter()
            .fold(
                single.as_object().unwrap().keys().collect(),
                |keys: Vec<&String>, own| keys.into_iter().filter(|key| key != own).collect(),
            )
            .into_iter()
            .filter(|key| variant.get(key.as_str()).is_none())
            .collect();
        assert_eq!(missing, Vec::<&String>::new(), "each has the keys of a report of one");
    }
    insta::assert_json_snapshot!(report["comparisons"]);
}

/// An interval for large samples would leave 0 out here, and the exact test doesn't tell the two apart.
#[test]
fn a_difference_that_the_test_does_not_show_has_an_interval_with_zero() {
    let mut table = "text,right\n".to_owned();
    for (rows, right, said) in [(5, "a", "b"), (14, "b", "b"), (39, "a", "a")] {
        (0..rows).for_each(|row| table.push_str(&format!("{right}{row} -> {said} 0.5,{right}\n")));
    }
    let desk = Desk::new("kind: label\nguidelines: Say it.\nlabels: [a, b]\n", &table);
    let text = desk.text(&["--compare", "calibration=off,on"]);
    let line = text.lines().find(|line| line.contains("McNemar")).unwrap();
    insta::assert_snapshot!(line, @" on is not shown to differ from off: -15.5 points of accuracy (-29.1 to +0.0); 5 rows gained, 14 lost; p = 0.064 (McNemar)");
}

#[test]
fn a_threshold_takes_answers_and_not_what_they_are_measured_by() {
    let desk = Desk::labels("threshold: 0.6\nfallback: c\n");
    let report = desk.json(&["--compare", "threshold=none,0.6"]);
    let (open, gated) = (&report["variants"][0], &report["variants"][1]);
    assert_eq!((&open["abstained"], &gated["abstained"]), (&json!(0), &json!(19)));
    assert_eq!(open["auroc"], gated["auroc"]);
    assert_eq!(open["thresholds"], gated["thresholds"]);
    // A fallback that is right counts as right: `c` is, for rows 3 and 9.
    let expected = |row: usize| {
        if row.is_multiple_of(2) {
            'a'
        } else if row.is_multiple_of(3) {
            'c'
        } else {
            'b'
        }
    };
    let abstains = |row: usize| row % 10 == 9 || (row % 10 != 7 && row != 43 && row != 20 && row < 15);
    let right = (0..60).filter(|&row| match row {
        20 | 43 => false,
        _ if abstains(row) => expected(row) == 'c',
        _ => row % 10 != 7,
    });
    assert!((gated["accuracy"].as_f64().unwrap() - right.count() as f64 / 60.0).abs() < 1e-12);
    assert_eq!(desk.asked.load(Ordering::SeqCst), 2);
}

#[test]
fn a_match_and_several_labels_are_measured_as_what_they_are() {
    let desk = Desk::new(
        "kind: match\nguidelines: Say it.\n",
        "a,b,right\nx,y -> true 0.9,yes\nx,z -> false 0.8,1\nx,w -> false 0.7,no\nx,v -> false 0.6,0\n",
    );
    fs_err::write(
        desk.path("topic.yml"),
        "name: topic\nkind: match\nguidelines: Say it.\ninput: {a: a, b: b}\n",
    )
    .unwrap();
    let report = desk.json(&[]);
    assert_eq!(
        (&report["accuracy"], &report["majority_value"]),
        (&json!(0.75), &json!("false"))
    );
    assert_eq!(report["labels"][0]["label"], "false");
    assert_eq!(
        report["confusion"][0],
        json!({"expected": "false", "given": "false", "rows": 2})
    );

    let table = "text,right\n\"x -> [\"\"b\"\",\"\"a\"\"] 0.9\",a; b\ny -> [] 0.8,\n\"z -> [\"\"a\"\"] 0.7\",a; c\n";
    let desk = Desk::new("kind: multilabel\nguidelines: Say it.\nlabels: [a, b, c]\n", table);
    let report = desk.json(&[]);
    let near = |key: &str, expected: f64| (report[key].as_f64().unwrap() - expected).abs() < 1e-12;
    assert!(
        near("accuracy", 2.0 / 3.0),
        "of whole sets, in any order, the empty one too"
    );
    assert!(near("f1_micro", 6.0 / 7.0));
    assert_eq!(report["confusion"], json!([]));
}

#[test]
fn text_is_right_when_it_is_the_same() {
    let desk = Desk::new(
        "kind: complete\nguidelines: Say it.\n",
        "text,right\nx -> Berlin 0.9,Berlin\ny -> Bonn 0.8,Köln\n",
    );
    let report = desk.json(&[]);
    assert_eq!((&report["accuracy"], &report["f1_macro"]), (&json!(0.5), &Value::Null));
    let text = desk.text(&[]);
    assert!(!text.contains("F1"), "{text}");
}

#[test]
fn rows_that_prove_nothing_are_left_out_and_counted() {
    let desk = Desk::new(
        "kind: label\nguidelines: Say it.\nlabels: [a, b]\nexamples:\n- {input: shown, label: a}\n",
        "text,right\nx -> a 0.9,a\ny -> a 0.9,q\nz -> a 0.9,q\nw -> a 0.9,\nshown,a\n",
    );
    let report = desk.json(&[]);
    assert_eq!(
        (&report["rows"], &report["unusable_rows"], &report["shown_rows"]),
        (&json!(1), &json!(3), &json!(1))
    );
    let unusable: HashMap<&str, u64> = report["unusable"]
        .as_array()
        .unwrap()
        .iter()
        .map(|value| (value["value"].as_str().unwrap(), value["rows"].as_u64().unwrap()))
        .collect();
    assert_eq!(unusable, HashMap::from([("q", 2), ("", 1)]));
}

#[test]
fn what_can_not_be_evaluated_is_said() {
    let task = "kind: label\nguidelines: Say it.\nlabels: [a, b]\nexamples:\n- {input: shown, label: a}\n";
    let (code, status, text) = Desk::new(task, "text,right\nx,q\n").refused(&[]);
    assert_eq!((&*code, status), ("RF0632", ExitStatus::Usage));
    insta::assert_snapshot!(text, @r#"no row of the column `right` has a value that the task can answer with; the first is "q", which is not in the list of labels; the column has to hold what the task answers with: names or aliases of its labels, or true and false"#);
    let (code, status, text) = Desk::new(task, "text,right\nshown,a\n").refused(&[]);
    assert_eq!((&*code, status), ("RF0634", ExitStatus::Usage));
    insta::assert_snapshot!(text, @"`/in.csv` has no row to evaluate: every one is an example of the task, which is shown or learned from with its answer; evaluate on rows that are no examples of the task");
    insta::assert_snapshot!(Desk::new(task, "text,right\n").refused(&[]).2, @"`/in.csv` has no row to evaluate; ");
    let (code, status, _) = Desk::new(task, "text,rigth\nx,a\n").refused(&[]);
    assert_eq!((&*code, status), ("RF0614", ExitStatus::Usage));
    assert_eq!(
        Desk::new(task, "text,right\nx,a\n")
            .refused(&["--compare", "colour=red,blue"])
            .0,
        "RF0631"
    );
    assert_eq!(Desk::new("kind: embed\n", "text,right\nx,a\n").refused(&[]).0, "RF0632");
}

#[test]
fn a_limit_takes_the_first_rows_and_ctrl_c_stops() {
    let desk = Desk::labels("");
    assert_eq!(desk.json(&["--limit", "7"])["rows"], 7);
    let interrupt = Interrupt::default();
    interrupt.request();
    assert!(desk.eval_with(&[], &interrupt).unwrap().is_none());
}

/// What differs from run to run is settled already; the day is given.
fn page(desk: &Desk, more: &[&str]) -> String {
    super::html::page(&desk.eval(more), jiff::civil::date(2026, 1, 31))
}

#[test]
fn a_page_shows_what_a_report_says() {
    let page = page(&Desk::labels("threshold: 0.6\n"), &["--slice", "shop"]);
    // The style and the plots have tests of their own.
    let (before, rest) = page.split_once("<style>").unwrap();
    let (style, rest) = rest.split_once("</style>").unwrap();
    assert!(style.contains("prefers-color-scheme: dark") && style.contains("@media print"));
    let mut shown = before.to_owned();
    for (at, part) in rest.split("<svg").enumerate() {
        shown.push_str(if at == 0 {
            part
        } else {
            part.split_once("</svg>").unwrap().1
        });
    }
    insta::assert_snapshot!(shown.replace(concat!("refuel ", env!("CARGO_PKG_VERSION")), "refuel VERSION"));
    assert_eq!(rest.matches("<svg").count(), 2);
    for fetched in ["<script", "http://", "https://", "<link", "src=", "@import", "url("] {
        assert!(!page.contains(fetched), "{fetched}");
    }
}

#[test]
fn texts_on_a_page_are_escaped() {
    let table = "text,right,shop\n\"<script>alert(1)</script> & \"\"more\"\" -> b 0.9\",a,<b>x</b>\n";
    let rows: Vec<String> = (0..9).map(|row| format!("{row} -> b 0.8,a,<b>x</b>")).collect();
    let desk = Desk::new(
        "kind: label\nguidelines: Say it.\nlabels: [a, '<i>b</i>', b]\n",
        &format!("{table}{}\n", rows.join("\n")),
    );
    let page = page(&desk, &["--slice", "shop"]);
    assert!(page.contains("&lt;script&gt;alert(1)"), "{page}");
    assert!(
        !page.contains("<script>") && !page.contains("<b>x") && !page.contains("<i>b"),
        "{page}"
    );
}

#[test]
fn a_page_of_variants_compares_them() {
    let page = page(&Desk::labels(""), &["--compare", "calibration=off,on"]);
    assert!(page.contains("(McNemar)") && page.matches("class=\"variant\"").count() == 2);
}

#[test]
fn records_and_answers_out_of_texts_are_graded_by_their_parts() {
    let table = "context,question,right\nx,-> Paris 0.9,Paris\ny,-> the Paris 0.8,Paris France\nz,-> Rome 0.7,\n";
    let desk = Desk::new("kind: complete\n", table);
    fs_err::write(
        desk.path("topic.yml"),
        "name: topic\nkind: answer\ninput: {context: context, question: question}\n",
    )
    .unwrap();
    let report = desk.json(&[]);
    let reading = &report["reading"];
    assert!(
        (reading["token_f1"].as_f64().unwrap() - (1.0 + 2.0 / 3.0) / 3.0).abs() < 1e-9,
        "{reading}"
    );
    assert_eq!(
        (&reading["answerable_rows"], &reading["unanswerable_right"]),
        (&json!(2), &json!(0.0))
    );
    assert!(desk.text(&[]).contains("never answering"));
    assert!(page(&desk, &[]).contains("F1 of words"));
}

#[test]
fn calibrated_confidence_is_measured_beside_the_models_own() {
    let calibrated = "calibrated:\n  map: {method: platt, slope: 0.5, intercept: 0.2}\n";
    let report = Desk::labels(calibrated).json(&[]);
    let plain = Desk::labels("").json(&[]);
    assert_eq!(report["uncalibrated"]["ece"], plain["ece"]);
    assert_ne!(report["ece"], plain["ece"]);
    assert_eq!(report["auroc"], plain["auroc"], "the order stays");
    let compared = Desk::labels(calibrated).json(&["--compare", "calibrated=off,on"]);
    assert_eq!(compared["variants"][0]["ece"], plain["ece"]);
    assert_eq!(compared["variants"][1]["ece"], report["ece"]);
    // The threshold is one of calibrated confidence, and so are what it accepts.
    let other =
        Desk::labels("threshold: 0.6\ncalibrated:\n  model: \"ffffffffffff\"\n  map: {method: none}\n").json(&[]);
    assert!(
        other["notes"][0].as_str().unwrap().contains("another model"),
        "{}",
        other["notes"]
    );
}
