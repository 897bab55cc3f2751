//! Calibration with scripted answers: what is learned, what is written, and what is refused.

use std::path::PathBuf;

use clap::Parser;
use fs_err as fs;
use refuel_engine::{Cancel, EngineError, Estimate};
use refuel_task::{Answer, RenderedInput, Status, Task};

use super::*;
use crate::cli::{Cli, Command};

/// Says `a`, as sure as the input says.
struct Scripted {
    fingerprint: String,
}

impl Answerer for Scripted {
    fn model(&self) -> &'static str {
        "scripted@71b892bd0266"
    }

    fn digest(&self) -> &'static str {
        "71b892bd0266aaaa"
    }

    fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    fn notes(&self) -> Vec<String> {
        Vec::new()
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
        _cancel: &Cancel,
        on_rows: &mut dyn FnMut(usize),
    ) -> Result<Vec<Answer>, EngineError> {
        let answers = inputs.iter().map(|input| {
            on_rows(1);
            let sure: f32 = input.text.rsplit_once(' ').unwrap().1.parse().unwrap();
            Answer {
                value: "a".into(),
                confidence: Some(sure),
                raw_confidence: Some(sure / 2.0),
                status: Status::Ok,
                reason: None,
                ..Answer::error("scripted@71b892bd0266", "")
            }
        });
        Ok(answers.collect())
    }
}

const TASK: &str = "# What is it?\nkind: label\ninput: text\nlabels: [a, b]\n";

/// A folder with a task and 300 rows of which the model is surer than it should be.
struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn new(more: &str) -> Self {
        let desk = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        fs::write(desk.path("topic.yml"), format!("{TASK}{more}")).unwrap();
        let mut table = "text,right\n".to_owned();
        for row in 0..300 {
            // Of a third each 0.99, 0.9 and 0.7, of which all but one in fifty, six in ten and three in ten are right.
            let (sure, right) = match row % 3 {
                0 => (0.99, row % 150 != 0),
                1 => (0.9, row % 10 < 6),
                _ => (0.7, row % 10 < 3),
            };
            table.push_str(&format!("row {row} {sure},{}\n", if right { "a" } else { "b" }));
        }
        fs::write(desk.path("rows.csv"), table).unwrap();
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn calibrate(&self, more: &[&str]) -> Result<ExitStatus, Failure> {
        let (task, rows) = (self.path("topic.yml"), self.path("rows.csv"));
        let mut line = vec![
            "refuel",
            "--quiet",
            "calibrate",
            task.to_str().unwrap(),
            rows.to_str().unwrap(),
        ];
        line.extend(["--expected", "right"]);
        line.extend(more);
        let cli = Cli::try_parse_from(line).unwrap();
        let context = Context::new(&cli.global);
        let Command::Calibrate(arguments) = cli.command else {
            unreachable!()
        };
        let task = read_task(&arguments)?;
        let cases = read_cases(&arguments, &task)?;
        let answerer = Scripted {
            fingerprint: task.fingerprint(),
        };
        calibrate(
            &arguments,
            &task,
            &cases,
            &answerer,
            &Interrupt::default(),
            context.printer,
        )
    }

    fn file(&self) -> String {
        fs::read_to_string(self.path("topic.yml")).unwrap()
    }

    fn task(&self) -> Task {
        Task::from_file(self.path("topic.yml")).unwrap()
    }
}

fn refusal(result: Result<ExitStatus, Failure>) -> (String, ExitStatus, String) {
    match result {
        Err(Failure::Reported(report)) => (report.code.into_owned(), report.status, report.message),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_learned_is_written_and_gates_answers() {
    let desk = Desk::new("threshold: auto\ntarget_precision: 0.9\n");
    let before = Task::to_calibrate(desk.path("topic.yml")).unwrap();
    assert_eq!(desk.calibrate(&[]).unwrap(), ExitStatus::Success);
    assert!(
        !desk.file().contains("calibrated"),
        "nothing is written unless it is asked for"
    );
    assert_eq!(desk.calibrate(&["--write"]).unwrap(), ExitStatus::Success);
    assert!(desk.file().starts_with(TASK), "{}", desk.file());
    let task = desk.task();
    assert_eq!(task.fingerprint(), before.fingerprint());
    let calibrated = task.calibrated.clone().unwrap();
    assert_eq!(
        (calibrated.model.as_deref(), calibrated.rows),
        (Some("71b892bd0266"), 300)
    );
    let chosen = calibrated.threshold.unwrap();
    assert_eq!(chosen.accepted, 100, "only the surest third is right often enough");
    assert!((chosen.precision - 0.98).abs() < 1e-9 && chosen.at_least >= 0.9);
    let (settled, note) = task.settled("71b892bd0266aaaa", &before.fingerprint()).unwrap();
    assert_eq!(note, None);
    let gated = |sure: f32| {
        settled.gate().apply(Answer {
            value: "a".into(),
            confidence: Some(sure),
            status: Status::Ok,
            reason: None,
            ..Answer::error("m", "")
        })
    };
    assert_eq!([gated(0.99).status, gated(0.9).status], [Status::Ok, Status::Abstained]);
    let said = gated(0.9).confidence.unwrap();
    assert!((0.5..0.75).contains(&said), "six in ten are right: {said}");
}

#[test]
fn a_precision_that_is_not_shown_is_said_and_nothing_is_written() {
    let desk = Desk::new("threshold: auto\ntarget_precision: 0.99\n");
    let (code, status, message) = refusal(desk.calibrate(&["--write"]));
    assert_eq!((&*code, status), ("RF0652", ExitStatus::Failure));
    insta::assert_snapshot!(message, @"no threshold is shown to keep a precision of 0.99 on 300 rows; the most that is shown is 0.938, of 100 answers with 0.960 or more, 98.0 % of which are right");
    assert!(!desk.file().contains("calibrated"));
}

#[test]
fn a_task_without_a_target_keeps_its_threshold() {
    let desk = Desk::new("threshold: 0.5\n");
    desk.calibrate(&["--write"]).unwrap();
    let task = desk.task();
    assert_eq!((task.threshold, task.calibrated.unwrap().threshold), (Some(0.5), None));
}

#[test]
fn few_rows_are_too_few() {
    let desk = Desk::new("");
    assert_eq!(
        desk.calibrate(&["--limit", "20", "--write"]).unwrap(),
        ExitStatus::Success
    );
    assert_eq!(desk.task().calibrated.unwrap().map.method(), "none");
}

#[test]
fn what_can_not_be_calibrated_is_said() {
    let desk = Desk::new("");
    fs::write(desk.path("topic.yml"), "kind: embed\ninput: text\n").unwrap();
    assert_eq!(refusal(desk.calibrate(&[])).0, "RF0650");
    fs::write(desk.path("topic.yml"), "{kind: label, input: text, labels: [a, b]}").unwrap();
    let (code, _, message) = refusal(desk.calibrate(&["--write"]));
    assert_eq!(code, "RF0406", "{message}");
}

#[test]
fn the_report_is_for_people() {
    let desk = Desk::new("threshold: auto\ntarget_precision: 0.9\n");
    let task = Task::to_calibrate(desk.path("topic.yml")).unwrap();
    let arguments = |path: PathBuf| {
        let line = [
            "refuel",
            "calibrate",
            "topic.yml",
            path.to_str().unwrap(),
            "--expected",
            "right",
        ];
        match Cli::try_parse_from(line).unwrap().command {
            Command::Calibrate(arguments) => arguments,
            _ => unreachable!(),
        }
    };
    let cases = read_cases(&arguments(desk.path("rows.csv")), &task).unwrap();
    let answerer = Scripted {
        fingerprint: task.fingerprint(),
    };
    let inputs: Vec<RenderedInput> = cases.rows.iter().map(|case| case.input.clone().unwrap()).collect();
    let answers = answerer.answer(&inputs, &Cancel::default(), &mut |_| {}).unwrap();
    let digest = "71b892bd0266aaaa";
    let fit = Fit::of(&task, &cases.rows, &answers, digest, "0a1b2c3d4e5f").unwrap();
    let report = Report {
        task: "topic",
        model: "scripted@71b892bd0266",
        written: false,
        fit: &fit,
        left_out: &LeftOut::of(&cases),
    };
    let shown = text::text(&report);
    insta::assert_snapshot!(anstream::adapter::strip_str(&shown).to_string());
}
