//! What may be in the way of a table, and what stays when a run goes wrong.

use std::os::unix::fs::symlink;
use std::process::Command as Process;
use std::sync::Arc;
use std::thread;

use refuel_tables::{Chunk, IoError, Reader};

use super::super::{flow, sink, tally, target};
use super::*;
use crate::progress::{Progress, Unit};

/// Dies where a table has its first row.
struct Dying;

impl Reader for Dying {
    fn columns(&self) -> Option<&[String]> {
        None
    }

    fn next_chunk(&mut self, _rows: usize) -> Result<Option<Chunk>, IoError> {
        panic!("a library has a mistake")
    }

    fn skip(&mut self, _rows: u64) -> Result<u64, IoError> {
        Ok(0)
    }
}

impl Desk {
    fn files(&self) -> Vec<String> {
        let mut names: Vec<String> = fs_err::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// Labels `in.csv` with nothing in the way.
    fn plain(&self, output: &str, more: &[&str]) -> Result<ExitStatus, Failure> {
        self.label(&Scripted::new(), &Interrupt::default(), "in.csv", output, more)
    }
}

#[test]
fn a_reader_that_dies_is_not_the_end_of_the_table() {
    let desk = Desk::new();
    desk.rows("in.csv", 3);
    let line = [
        "refuel",
        "--quiet",
        "label",
        "in.csv",
        "-t",
        "topic.yml",
        "-o",
        "out.csv",
    ];
    let line = line.map(|word| {
        if word.contains('.') {
            desk.path(word).display().to_string()
        } else {
            word.to_owned()
        }
    });
    let cli = Cli::try_parse_from(line).unwrap();
    let context = Context::new(&cli.global);
    let Command::Label(arguments) = cli.command else {
        unreachable!()
    };
    let job = Job::settle(&arguments, &context).unwrap();
    let scripted = Scripted::new();
    let start = job.start(None, &scripted, context.printer).unwrap();
    let reader = job.open_input().unwrap();
    let writer = refuel_tables::create(
        &job.target.written(),
        job.output_layout,
        reader.as_ref(),
        job.columns.clone(),
        None,
    );
    let failed = flow::run(
        &flow::Rules {
            task: Arc::clone(&job.task),
            on_error: job.on_error,
            limit: None,
            start: 0,
        },
        &scripted,
        Box::new(Dying),
        sink::Sink::new(writer.unwrap(), start.ledger, 0),
        &Interrupt::default(),
        &mut tally::Tally::new(&job.task, 0),
        &mut Progress::new(context.printer, Unit::Rows, "", None),
    );
    let failed = failed.unwrap_err();
    assert_eq!(code(&failed.failure), ("RF0606", ExitStatus::Failure));
    assert!(!failed.has_rows);
    assert!(!desk.path("out.csv").exists(), "no table is called complete");
}

#[test]
fn a_run_that_fails_before_its_first_row_leaves_nothing_in_the_way() {
    let desk = Desk::new();
    desk.rows("in.csv", 3);
    let unfit = Scripted {
        unfit: true,
        ..Scripted::new()
    };
    for output in ["out.csv", "out.jsonl", "out.parquet"] {
        let failure = desk
            .label(&unfit, &Interrupt::default(), "in.csv", output, &[])
            .unwrap_err();
        assert_eq!(code(&failure), ("RF0505", ExitStatus::Usage));
        assert_eq!(desk.files(), ["in.csv", "topic.yml"]);
    }
    desk.plain("out.csv", &[]).unwrap();
    assert_eq!(desk.read("out.csv").lines().count(), 4);
}

#[test]
fn a_run_that_is_stopped_before_its_first_row_is_not_in_the_way() {
    let desk = Desk::new();
    desk.rows("in.csv", 3);
    let interrupt = Interrupt::default();
    let stopped = Scripted {
        interrupt_after: Some((1, interrupt.clone())),
        ..Scripted::new()
    };
    let status = desk.label(&stopped, &interrupt, "in.csv", "out.csv", &[]).unwrap();
    assert_eq!(status, ExitStatus::Interrupted);
    assert_eq!(desk.read("out.csv.partial").lines().count(), 1, "the header alone");
    desk.plain("out.csv", &[]).unwrap();
    assert_eq!(desk.files(), ["in.csv", "out.csv", "topic.yml"]);

    // Of an input that can be read only once, no run could go on with a table.
    let pipe = desk.path("pipe.csv");
    assert!(Process::new("mkfifo").arg(&pipe).status().unwrap().success());
    let writing = thread::spawn(move || fs_err::write(pipe, "text\na\nb\n").unwrap());
    let interrupt = Interrupt::default();
    let stopped = Scripted {
        interrupt_after: Some((1, interrupt.clone())),
        ..Scripted::new()
    };
    let status = desk.label(&stopped, &interrupt, "pipe.csv", "new.csv", &[]).unwrap();
    writing.join().unwrap();
    assert_eq!(status, ExitStatus::Interrupted);
    assert_eq!(desk.files(), ["in.csv", "out.csv", "pipe.csv", "topic.yml"]);
}

#[test]
fn what_can_not_be_a_table_is_refused_first() {
    let desk = Desk::new();
    desk.rows("in.csv", 3);
    fs_err::create_dir(desk.path("folder.csv")).unwrap();
    for more in [&[][..], &["--force"], &["--resume"]] {
        let refused = desk.plain("folder.csv", more).unwrap_err();
        assert_eq!(code(&refused), ("RF0627", ExitStatus::Usage));
        let refused = desk.plain("none/out.csv", more).unwrap_err();
        assert_eq!(code(&refused), ("RF0628", ExitStatus::Usage));
    }
    assert_eq!(desk.files(), ["folder.csv", "in.csv", "topic.yml"]);
}

#[test]
fn a_table_that_another_run_writes_is_left_alone() {
    let desk = Desk::new();
    desk.rows("in.csv", 3);
    let other = target::Claim::take(&desk.path("out.csv")).unwrap();
    for more in [&[][..], &["--force"], &["--resume"]] {
        let refused = desk.plain("out.csv", more).unwrap_err();
        assert_eq!(code(&refused), ("RF0629", ExitStatus::Failure));
    }
    drop(other);
    desk.plain("out.csv", &[]).unwrap();
    assert_eq!(desk.files(), ["in.csv", "out.csv", "topic.yml"]);
}

#[test]
fn a_link_stays_and_the_file_behind_it_is_the_table() {
    let desk = Desk::new();
    desk.rows("in.csv", 3);
    desk.write("behind.csv", "precious");
    symlink("behind.csv", desk.path("link.csv")).unwrap();
    let refused = desk.plain("link.csv", &[]).unwrap_err();
    assert_eq!(code(&refused), ("RF0621", ExitStatus::Usage));
    desk.plain("link.csv", &["--force"]).unwrap();
    assert_eq!(
        fs_err::read_link(desk.path("link.csv")).unwrap(),
        Path::new("behind.csv")
    );
    assert_eq!(desk.read("behind.csv").lines().count(), 4);
    // The input behind a link is the input all the same.
    symlink("in.csv", desk.path("input.csv")).unwrap();
    let refused = desk.plain("input.csv", &["--force"]).unwrap_err();
    assert_eq!(code(&refused), ("RF0623", ExitStatus::Usage));
}

#[test]
fn rows_go_through_a_pipe_that_stays_one() {
    let desk = Desk::new();
    desk.rows("in.csv", 700);
    desk.whole("in.csv", "whole.csv");
    assert!(
        Process::new("mkfifo")
            .arg(desk.path("fifo.csv"))
            .status()
            .unwrap()
            .success()
    );
    let pipe = desk.path("fifo.csv");
    let reading = thread::spawn(move || fs_err::read_to_string(pipe).unwrap());
    desk.plain("fifo.csv", &[]).unwrap();
    assert_eq!(reading.join().unwrap(), desk.read("whole.csv"));
    let refused = desk.plain("fifo.csv", &["--resume"]).unwrap_err();
    assert_eq!(code(&refused), ("RF0625", ExitStatus::Usage));
    assert_eq!(desk.files(), ["fifo.csv", "in.csv", "topic.yml", "whole.csv"]);
    desk.plain("/dev/null", &["--output-format", "csv", "--force"]).unwrap();
    assert!(!fs_err::metadata("/dev/null").unwrap().is_file(), "a device stays one");
}

#[test]
fn the_input_is_not_taken_for_an_unfinished_table() {
    let desk = Desk::new();
    desk.rows("in.csv", 3);
    fs_err::rename(desk.path("in.csv"), desk.path("out.csv.partial")).unwrap();
    let line = ["--input-format", "csv", "--force"];
    let refused = desk
        .label(
            &Scripted::new(),
            &Interrupt::default(),
            "out.csv.partial",
            "out.csv",
            &line,
        )
        .unwrap_err();
    assert_eq!(code(&refused), ("RF0623", ExitStatus::Usage));
    assert_eq!(desk.read("out.csv.partial").lines().count(), 4);
}
