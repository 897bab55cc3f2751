//! Labelling with scripted answers: what reaches the table, whatever stops the run on the way.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::Parser;
use refuel_engine::{Cancel, EngineError, Estimate};
use refuel_task::{Answer, RenderedInput, Source, Status};
use serde_json::{Value, json};

use super::job::Job;
use super::{checkpoint, execute};
use crate::answerer::Answerer;
use crate::cli::{Cli, Command};
use crate::commands::ExitStatus;
use crate::context::Context;
use crate::error::Failure;
use crate::interrupt::Interrupt;

mod outputs;

/// Answers each input with its own first word, in upper case.
struct Scripted {
    /// Rows that were asked, in the order in which they were.
    asked: Mutex<Vec<String>>,
    /// Interrupts after so many rows.
    interrupt_after: Option<(usize, Interrupt)>,
    /// Whether answers given before a stop would be there afterwards.
    keeps: bool,
    /// Whether the model is none for the task.
    unfit: bool,
    calls: AtomicUsize,
    model: &'static str,
}

impl Scripted {
    fn new() -> Self {
        Self {
            asked: Mutex::default(),
            interrupt_after: None,
            keeps: true,
            unfit: false,
            calls: AtomicUsize::new(0),
            model: "scripted@0",
        }
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

impl Answerer for Scripted {
    fn model(&self) -> &str {
        self.model
    }

    fn digest(&self) -> &'static str {
        "scripted"
    }

    fn fingerprint(&self) -> &'static str {
        "f"
    }

    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    fn keeps_answers(&self) -> bool {
        self.keeps
    }

    fn estimate(&self, inputs: &[RenderedInput], _cancel: &Cancel) -> Result<Estimate, EngineError> {
        Ok(Estimate {
            rows: inputs.len(),
            distinct: inputs.len(),
            cached: usize::from(inputs.iter().any(|input| input.text == "known")),
            prefix_tokens: 100,
            row_tokens: inputs.iter().map(|input| input.text.len()).sum(),
            seconds: 1.5,
        })
    }

    fn answer(
        &self,
        inputs: &[RenderedInput],
        cancel: &Cancel,
        on_rows: &mut dyn FnMut(usize),
    ) -> Result<Vec<Answer>, EngineError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        if self.unfit {
            return Err(EngineError::WrongRole {
                model: self.model.to_owned(),
                is: "an embedder",
                kind: "label".to_owned(),
                needs: "a language model",
            });
        }
        let mut answers = Vec::new();
        for input in inputs {
            if cancel.is_cancelled() {
                return Err(EngineError::Cancelled);
            }
            let count = {
                let mut asked = self.asked.lock().unwrap();
                asked.push(input.text.clone());
                asked.len()
            };
            if let Some((after, interrupt)) = &self.interrupt_after
                && count == *after
            {
                interrupt.request();
            }
            let word = input.text.split_whitespace().next().unwrap_or_default();
            answers.push(if input.is_nothing() {
                Answer {
                    status: Status::Abstained,
                    ..Answer::unasked(self.model, "input is empty")
                }
            } else if word == "fails" {
                Answer::error(self.model, "the model said no")
            } else {
                Answer {
                    value: json!(word.to_uppercase()),
                    confidence: Some(0.5),
                    raw_confidence: Some(0.25),
                    status: Status::Ok,
                    reason: (word == "long").then(|| "truncated: 5 of 9 tokens kept".to_owned()),
                    source: Source::Model,
                    ..Answer::error(self.model, "")
                }
            });
            on_rows(1);
        }
        Ok(answers)
    }
}

/// A folder with a task and an input.
struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let desk = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        desk.write(
            "topic.yml",
            "name: topic\nkind: label\nguidelines: Say it.\nlabels: [A, B]\ninput: text\n",
        );
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs_err::write(&path, content).unwrap();
        path
    }

    fn read(&self, name: &str) -> String {
        fs_err::read_to_string(self.path(name)).unwrap()
    }

    /// A table of `rows` rows, alternately of `a` and `b`.
    fn rows(&self, name: &str, rows: usize) -> PathBuf {
        let lines: String = (0..rows)
            .map(|row| {
                let word = if row % 2 == 0 { "a" } else { "b" };
                if name.ends_with("csv") {
                    format!("{row},{word} {row}\n")
                } else {
                    format!("{{\"id\":{row},\"text\":\"{word} {row}\"}}\n")
                }
            })
            .collect();
        let header = if name.ends_with("csv") { "id,text\n" } else { "" };
        self.write(name, format!("{header}{lines}"))
    }

    fn label(
        &self,
        answerer: &Scripted,
        interrupt: &Interrupt,
        input: &str,
        output: &str,
        more: &[&str],
    ) -> Result<ExitStatus, Failure> {
        let (input, output, task) = (self.path(input), self.path(output), self.path("topic.yml"));
        let mut line: Vec<&str> = vec!["refuel", "--quiet", "label", input.to_str().unwrap()];
        line.extend(["--task", task.to_str().unwrap(), "-o", output.to_str().unwrap()]);
        line.extend(more);
        let cli = Cli::try_parse_from(line).unwrap();
        let context = Context::new(&cli.global);
        let Command::Label(arguments) = cli.command else {
            unreachable!()
        };
        let job = Job::settle(&arguments, &context)?;
        job.check_input()?;
        let _claim = job.claim_output()?;
        execute(&arguments, &job, answerer, interrupt, &context)
    }

    fn whole(&self, input: &str, output: &str) {
        let status = self.label(&Scripted::new(), &Interrupt::default(), input, output, &[]);
        assert_eq!(status.unwrap(), ExitStatus::Success);
        let path = self.path(output);
        assert!(!checkpoint::partial_path(&path).exists());
        assert!(!checkpoint::sidecar(&checkpoint::partial_path(&path)).exists());
    }
}

fn code(failure: &Failure) -> (&str, ExitStatus) {
    match failure {
        Failure::Reported(report) => (&report.code, report.status),
        Failure::OutputClosed => ("closed", ExitStatus::Success),
    }
}

#[test]
fn every_row_keeps_its_columns_and_gets_its_answer() {
    let desk = Desk::new();
    desk.write(
        "in.csv",
        "text,id\na cat,1\n\"b, dog\",2\nlong story,3\n,4\nfails here,5\nc\n",
    );
    desk.whole("in.csv", "out.csv");
    insta::assert_snapshot!(desk.read("out.csv"));
}

#[test]
fn a_long_table_is_answered_in_order_through_windows() {
    let desk = Desk::new();
    let rows = 2500;
    desk.rows("in.jsonl", rows);
    let scripted = Scripted::new();
    desk.label(&scripted, &Interrupt::default(), "in.jsonl", "out.jsonl", &[])
        .unwrap();
    assert_eq!(
        scripted.calls.load(Ordering::SeqCst),
        7,
        "up to 64, 256, 512, 1024, 1536, 2048 and the rest"
    );
    let text = desk.read("out.jsonl");
    assert_eq!(text.lines().count(), rows);
    for (row, line) in text.lines().enumerate() {
        let value: Value = serde_json::from_str(line).unwrap();
        assert_eq!(value["id"], json!(row));
        assert_eq!(value["topic"], json!(if row % 2 == 0 { "A" } else { "B" }));
    }
}

#[test]
fn a_run_that_is_stopped_leaves_a_valid_table_and_goes_on_to_the_same_bytes() {
    // Answers that would be lost are waited for, the others are dropped at once.
    for (keeps, rows_kept) in [(true, 64), (false, 256)] {
        for format in ["csv", "jsonl"] {
            let desk = Desk::new();
            let (input, output) = (format!("in.{format}"), format!("out.{format}"));
            desk.rows(&input, 1500);
            desk.whole(&input, &format!("whole.{format}"));

            let interrupt = Interrupt::default();
            let stopped = Scripted {
                interrupt_after: Some((100, interrupt.clone())),
                keeps,
                ..Scripted::new()
            };
            let status = desk.label(&stopped, &interrupt, &input, &output, &[]).unwrap();
            assert_eq!(status, ExitStatus::Interrupted);
            assert!(!desk.path(&output).exists());
            let partial = desk.read(&format!("{output}.partial"));
            let header = usize::from(format == "csv");
            assert_eq!(partial.lines().count(), rows_kept + header);
            let whole = desk.read(&format!("whole.{format}"));
            assert!(whole.starts_with(&partial));

            let refused = desk
                .label(&Scripted::new(), &Interrupt::default(), &input, &output, &[])
                .unwrap_err();
            assert_eq!(code(&refused), ("RF0622", ExitStatus::Usage));
            let again = Scripted::new();
            desk.label(&again, &Interrupt::default(), &input, &output, &["--resume"])
                .unwrap();
            assert_eq!(again.asked(), 1500 - rows_kept, "no row of the table is asked twice");
            assert_eq!(desk.read(&output), whole);
        }
    }
}

#[test]
fn parquet_goes_on_where_it_was_closed() {
    let desk = Desk::new();
    desk.rows("in.csv", 600);
    desk.whole("in.csv", "whole.jsonl");
    let interrupt = Interrupt::default();
    let stopped = Scripted {
        interrupt_after: Some((70, interrupt.clone())),
        ..Scripted::new()
    };
    desk.label(&stopped, &interrupt, "in.csv", "out.parquet", &[]).unwrap();
    let again = Scripted::new();
    desk.label(&again, &Interrupt::default(), "in.csv", "out.parquet", &["--resume"])
        .unwrap();
    assert_eq!(again.asked(), 600 - 64);
    fs_err::rename(desk.path("out.parquet"), desk.path("done.parquet")).unwrap();
    let answers = refuel_tables::open(
        &refuel_tables::Input::new(&desk.path("done.parquet")),
        refuel_tables::Layout::new(refuel_tables::Format::Parquet, None),
        &["id".to_owned(), "topic".to_owned()],
    );
    let mut reader = answers.unwrap();
    let mut row = 0;
    while let Some(chunk) = reader.next_chunk(100).unwrap() {
        for at in 0..chunk.rows() {
            assert_eq!(chunk.value(at, 0), json!(row.to_string()));
            assert_eq!(chunk.value(at, 1), json!(if row % 2 == 0 { "A" } else { "B" }));
            row += 1;
        }
    }
    assert_eq!(row, 600);
}

#[test]
fn rows_behind_a_torn_write_are_done_again() {
    let desk = Desk::new();
    desk.rows("in.csv", 700);
    desk.whole("in.csv", "whole.csv");
    let interrupt = Interrupt::default();
    let stopped = Scripted {
        interrupt_after: Some((10, interrupt.clone())),
        ..Scripted::new()
    };
    desk.label(&stopped, &interrupt, "in.csv", "out.csv", &[]).unwrap();
    // A killed run leaves bytes behind what its checkpoint counts.
    let mut torn = desk.read("out.csv.partial");
    torn.push_str("64,\"a 6");
    desk.write("out.csv.partial", torn);
    desk.label(
        &Scripted::new(),
        &Interrupt::default(),
        "in.csv",
        "out.csv",
        &["--resume"],
    )
    .unwrap();
    assert_eq!(desk.read("out.csv"), desk.read("whole.csv"));
}

#[test]
fn going_on_with_something_else_is_refused() {
    let desk = Desk::new();
    desk.rows("in.csv", 700);
    let stop = || {
        let interrupt = Interrupt::default();
        let stopped = Scripted {
            interrupt_after: Some((10, interrupt.clone())),
            ..Scripted::new()
        };
        desk.label(&stopped, &interrupt, "in.csv", "out.csv", &["--force"])
            .unwrap();
    };
    let go_on = |answerer: &Scripted, more: &[&str]| {
        let line = [&["--resume"], more].concat();
        match desk.label(answerer, &Interrupt::default(), "in.csv", "out.csv", &line) {
            Ok(status) => format!("{status:?}"),
            Err(Failure::Reported(report)) => report.message.replace(desk.folder.path().to_str().unwrap(), ""),
            Err(Failure::OutputClosed) => unreachable!(),
        }
    };
    stop();
    insta::assert_snapshot!(go_on(&Scripted { model: "other@1", ..Scripted::new() }, &[]), @"can't go on with `/out.csv`: the model is not what it was");
    insta::assert_snapshot!(go_on(&Scripted::new(), &["--prefix", "other"]), @"can't go on with `/out.csv`: the answers' columns is not what it was");
    insta::assert_snapshot!(go_on(&Scripted::new(), &["--output-format", "jsonl"]), @"can't go on with `/out.csv`: the output's format is not what it was");
    desk.rows("in.csv", 701);
    insta::assert_snapshot!(go_on(&Scripted::new(), &[]), @"can't go on with `/out.csv`: the input's content is not what it was");
    desk.rows("in.csv", 700);
    assert_eq!(go_on(&Scripted::new(), &[]), "Success");
    insta::assert_snapshot!(go_on(&Scripted::new(), &[]), @"`/out.csv` is there, and no run left it unfinished; there is nothing to go on with");
}

#[test]
fn a_row_that_fails_does_what_the_policy_says() {
    let desk = Desk::new();
    desk.write("in.csv", "text\na\nfails\nb\n");
    let run = |policy: &str| {
        let line = ["--on-error", policy, "--force"];
        desk.label(&Scripted::new(), &Interrupt::default(), "in.csv", "out.csv", &line)
    };
    run("null").unwrap();
    assert!(
        desk.read("out.csv").contains("\nfails,,,,error,,model,"),
        "{}",
        desk.read("out.csv")
    );
    run("capture").unwrap();
    assert!(
        desk.read("out.csv")
            .contains("\nfails,,,,error,the model said no,model,")
    );
    let Failure::Reported(report) = run("fail").unwrap_err() else {
        unreachable!()
    };
    assert_eq!((&*report.code, report.status), ("RF0626", ExitStatus::Failure));
    assert_eq!(report.message, "line 3 of the input failed: the model said no");
    assert_eq!(
        desk.read("out.csv.partial").lines().count(),
        2,
        "the rows before are kept"
    );
    // The policy may change on the way.
    let line = ["--on-error", "capture", "--resume"];
    let again = Scripted::new();
    desk.label(&again, &Interrupt::default(), "in.csv", "out.csv", &line)
        .unwrap();
    assert_eq!(again.asked(), 2);
    assert_eq!(desk.read("out.csv").lines().count(), 4);
}

#[test]
fn a_limit_takes_the_first_rows() {
    let desk = Desk::new();
    desk.rows("in.csv", 700);
    desk.label(
        &Scripted::new(),
        &Interrupt::default(),
        "in.csv",
        "out.csv",
        &["--limit", "65"],
    )
    .unwrap();
    assert_eq!(desk.read("out.csv").lines().count(), 66);
}

#[test]
fn what_is_there_is_not_written_over() {
    let desk = Desk::new();
    desk.rows("in.csv", 3);
    desk.write("out.csv", "precious");
    let run = |output: &str, more: &[&str]| desk.label(&Scripted::new(), &Interrupt::default(), "in.csv", output, more);
    assert_eq!(code(&run("out.csv", &[]).unwrap_err()), ("RF0621", ExitStatus::Usage));
    assert_eq!(desk.read("out.csv"), "precious");
    assert_eq!(
        code(&run("in.csv", &["--force"]).unwrap_err()),
        ("RF0623", ExitStatus::Usage)
    );
    run("out.csv", &["--force"]).unwrap();
    assert_eq!(desk.read("out.csv").lines().count(), 4);
}

#[test]
fn a_column_that_is_not_there_is_named_with_the_nearest() {
    let desk = Desk::new();
    desk.write("in.csv", "id,texts\n1,a\n");
    let failure = desk
        .label(&Scripted::new(), &Interrupt::default(), "in.csv", "out.csv", &[])
        .unwrap_err();
    let Failure::Reported(report) = failure else {
        unreachable!()
    };
    assert_eq!((&*report.code, report.status), ("RF0614", ExitStatus::Usage));
    assert_eq!(report.hint.as_deref(), Some("did you mean `texts`?"));
    assert!(!desk.path("out.csv.partial").exists(), "nothing was begun");
}

#[test]
fn rows_with_long_text_do_not_pile_up() {
    let desk = Desk::new();
    let long = "word ".repeat(20_000);
    let text: String = std::iter::repeat_n(format!("{long}\n"), 300).collect();
    desk.write("in.csv", format!("text\n{text}"));
    let scripted = Scripted::new();
    desk.label(&scripted, &Interrupt::default(), "in.csv", "out.csv", &[])
        .unwrap();
    assert!(
        scripted.calls.load(Ordering::SeqCst) >= 7,
        "30 MB go through in windows of about 4 MiB"
    );
    assert_eq!(desk.read("out.csv").lines().count(), 301);
}

#[test]
fn a_line_that_is_no_json_fails_alone() {
    let desk = Desk::new();
    desk.rows("in.jsonl", 300);
    let mut text = desk.read("in.jsonl");
    text.push_str("{\"text\": \n{\"text\": \"b\"}\n");
    desk.write("in.jsonl", text);
    let scripted = Scripted::new();
    desk.label(&scripted, &Interrupt::default(), "in.jsonl", "out.jsonl", &[])
        .unwrap();
    assert_eq!(scripted.asked(), 301);
    let table = desk.read("out.jsonl");
    let rows: Vec<Value> = table.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let failed = rows.iter().filter(|row| row["topic_status"] == "error").count();
    assert_eq!((rows.len(), failed), (302, 1));
}

#[test]
fn a_dry_run_counts_and_writes_nothing() {
    let desk = Desk::new();
    desk.write("in.csv", "text\na\nb\na\nknown\n\"\"\n");
    let (input, task) = (desk.path("in.csv"), desk.path("topic.yml"));
    let line = [
        "refuel",
        "label",
        input.to_str().unwrap(),
        "--task",
        task.to_str().unwrap(),
    ];
    let cli = Cli::try_parse_from(line).unwrap();
    let context = Context::new(&cli.global);
    let Command::Label(arguments) = cli.command else {
        unreachable!()
    };
    let job = Job::settle(&arguments, &context).unwrap();
    let scripted = Scripted::new();
    let mut progress = crate::progress::Progress::new(context.printer, crate::progress::Unit::Rows, "", None);
    let forecast = super::dry_run::forecast(
        &job.task,
        &scripted,
        job.open_input().unwrap().as_mut(),
        None,
        &Interrupt::default(),
        &mut progress,
    );
    insta::assert_json_snapshot!(forecast.unwrap().unwrap());
    assert_eq!(scripted.asked(), 0);
}
