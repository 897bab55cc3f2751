//! What goes wrong while rows are labelled, done for real: signals, full disks, closed pipes, corrupt files, two processes
//! at once. A real model answers; the tests say so and pass where it is not there.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::{Desk, home_with};

const MODEL: &str = "smollm2-135m-instruct";

const TASK: &str = "\
name: topic
kind: label
guidelines: Decide what the customer writes about.
input: body
labels: [refund, late delivery, product defect, account]
";

/// A home of its own that shares the models and the library of the machine's, and keeps answers for itself.
fn desk(rows: usize) -> Option<Desk> {
    let home = home_with(MODEL)?;
    let desk = Desk::new();
    std::fs::create_dir(desk.path("home")).unwrap();
    for part in ["models", "lib"] {
        std::os::unix::fs::symlink(home.join(part), desk.path("home").join(part)).unwrap();
    }
    desk.write("topic.yml", TASK);
    let mut table = "id,body\n".to_owned();
    for row in 0..rows {
        let texts = [
            "I want my money back",
            "where is my parcel",
            "the zip is broken",
            "I can't sign in",
        ];
        let text = texts[row % texts.len()];
        writeln!(table, "{row},\"{text}, order {}\"", 7000 + row * 13).unwrap();
    }
    desk.write("in.csv", table);
    Some(desk)
}

fn label(desk: &Desk, more: &[&str]) -> Command {
    let mut arguments = vec![
        "label",
        "in.csv",
        "--task",
        "topic.yml",
        "--model",
        MODEL,
        "--threads",
        "2",
    ];
    arguments.extend(more);
    desk.command(&desk.path("home"), &arguments)
}

/// The table without the column that says where an answer came from, which is what differs after going on.
fn answers(desk: &Desk, name: &str) -> Vec<(String, String)> {
    let mut reader = csv::Reader::from_path(desk.path(name)).unwrap();
    let header = reader.headers().unwrap().clone();
    let column = |name: &str| header.iter().position(|column| column == name).unwrap();
    let (id, value, confidence) = (column("id"), column("topic"), column("topic_confidence"));
    let rows = reader.records().map(|record| record.unwrap());
    rows.map(|row| (row[id].to_owned(), format!("{} {}", &row[value], &row[confidence])))
        .collect()
}

fn run(command: &mut Command, desk: &Desk) -> String {
    desk.told(&command.output().unwrap())
}

/// Waits until the unfinished table has rows.
fn until_there_are_rows(child: &mut Child, partial: &Path) {
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        let rows = std::fs::read_to_string(partial).map_or(0, |text| text.lines().count());
        if rows > 2 {
            return;
        }
        assert!(child.try_wait().unwrap().is_none(), "it ended before it was stopped");
        assert!(Instant::now() < deadline, "no rows came");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill")
        .args([name, &child.id().to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
fn a_run_that_is_killed_goes_on_to_the_same_answers() {
    let Some(desk) = desk(320) else { return };
    assert!(run(&mut label(&desk, &["-o", "whole.csv", "--no-cache"]), &desk).starts_with("status: 0"));
    let mut child = label(&desk, &["-o", "out.csv"]).stderr(Stdio::null()).spawn().unwrap();
    until_there_are_rows(&mut child, &desk.path("out.csv.partial"));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(
        !desk.path("out.csv").exists(),
        "an unfinished table does not have the finished one's name"
    );
    let refused = run(&mut label(&desk, &["-o", "out.csv"]), &desk);
    assert!(
        refused.starts_with("status: 2") && refused.contains("--resume"),
        "{refused}"
    );
    let told = run(&mut label(&desk, &["-o", "out.csv", "--resume"]), &desk);
    assert!(told.starts_with("status: 0"), "{told}");
    assert_eq!(answers(&desk, "out.csv"), answers(&desk, "whole.csv"));
    assert!(!desk.path("out.csv.partial").exists());
}

#[test]
fn ctrl_c_leaves_a_valid_table_and_says_how_to_go_on() {
    let Some(desk) = desk(320) else { return };
    let mut child = label(&desk, &["-o", "out.csv"]).stderr(Stdio::piped()).spawn().unwrap();
    until_there_are_rows(&mut child, &desk.path("out.csv.partial"));
    let asked = Instant::now();
    signal(&child, "-INT");
    let mut told = String::new();
    child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{told}");
    assert!(
        asked.elapsed() < Duration::from_secs(15),
        "it took {:?} to stop",
        asked.elapsed()
    );
    assert!(told.contains("--resume"), "{told}");
    let done = answers(&desk, "out.csv.partial");
    assert!(!done.is_empty() && done.len() < 320, "{} rows", done.len());
    assert!(
        done.iter().enumerate().all(|(row, (id, _))| *id == row.to_string()),
        "the first rows, in order"
    );
    let told = run(&mut label(&desk, &["-o", "out.csv", "--resume"]), &desk);
    assert!(told.starts_with("status: 0"), "{told}");
    assert_eq!(answers(&desk, "out.csv").len(), 320);
    assert_eq!(answers(&desk, "out.csv")[..done.len()], done);
}

#[test]
fn a_reader_that_closes_the_pipe_ends_the_run_without_a_failure() {
    let Some(desk) = desk(320) else { return };
    let mut child = label(&desk, &["-o", "-", "--quiet"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().starts_with("id,body,topic,"));
    drop(lines);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_table_that_can_not_be_written_is_told_of() {
    let Some(desk) = desk(20) else { return };
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = label(&desk, &["-o", "-"])
        .stdout(full)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    let told = desk.told(&output);
    assert!(
        told.starts_with("status: 1") && told.contains("No space left on device"),
        "{told}"
    );
}

#[test]
fn a_corrupt_cache_is_set_aside_and_rows_are_answered() {
    let Some(desk) = desk(20) else { return };
    assert!(run(&mut label(&desk, &["-o", "first.csv"]), &desk).starts_with("status: 0"));
    let cache = kept(&desk);
    let mut bytes = std::fs::read(&cache).unwrap();
    bytes[..100].fill(0x5a);
    std::fs::write(&cache, bytes).unwrap();
    let told = run(&mut label(&desk, &["-o", "second.csv"]), &desk);
    assert!(
        told.starts_with("status: 0") && told.contains("is corrupt. It was moved to"),
        "{told}"
    );
    assert_eq!(answers(&desk, "first.csv"), answers(&desk, "second.csv"));
    let told = run(&mut label(&desk, &["-o", "third.csv"]), &desk);
    assert!(
        told.contains("0 asked, 20 kept from earlier"),
        "the new file keeps answers: {told}"
    );
}

/// The file that keeps answers.
fn kept(desk: &Desk) -> PathBuf {
    let files = std::fs::read_dir(desk.path("home/cache"))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files = files.filter(|path| path.extension().is_some_and(|extension| extension == "sqlite3"));
    files.next().expect("answers are kept")
}

#[test]
fn a_disk_that_is_full_under_the_cache_costs_no_answer() {
    let Some(desk) = desk(300) else { return };
    std::fs::create_dir(desk.path("home/cache")).unwrap();
    let label = label(&desk, &["-o", "out.csv"]);
    let script = "mount -t tmpfs -o size=48k tmpfs \"$0\" || exit 77; exec \"$@\"";
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "sh", "-c", script])
        .arg(desk.path("home/cache"));
    command
        .arg(label.get_program())
        .args(label.get_args())
        .current_dir(desk.path(""));
    command.envs(label.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let Ok(output) = command.output() else {
        eprintln!("SKIPPED: there is no `unshare` here");
        return;
    };
    let told = desk.told(&output);
    if output.status.code() == Some(77) || told.contains("unshare:") {
        eprintln!("SKIPPED: a file system can't be mounted here: {told}");
        return;
    }
    assert!(told.starts_with("status: 0"), "{told}");
    assert!(told.contains("answers are not kept for the next run"), "{told}");
    assert_eq!(answers(&desk, "out.csv").len(), 300);
}

#[test]
fn two_processes_share_the_kept_answers() {
    let Some(desk) = desk(200) else { return };
    let start = |name: &str| label(&desk, &["-o", name]).stderr(Stdio::piped()).spawn().unwrap();
    let (first, second) = (start("first.csv"), start("second.csv"));
    for child in [first, second] {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", desk.told(&output));
    }
    assert_eq!(answers(&desk, "first.csv"), answers(&desk, "second.csv"));
    let told = run(&mut label(&desk, &["-o", "third.csv"]), &desk);
    assert!(told.contains("0 asked, 200 kept from earlier"), "{told}");
}
