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

/// Sends Ctrl-C, and gives what the process says until it ends, in `most` at the longest.
fn interrupted(mut child: Child, most: Duration) -> String {
    let asked = Instant::now();
    signal(&child, "-INT");
    let mut told = String::new();
    child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{told}");
    assert!(asked.elapsed() < most, "it took {:?} to stop", asked.elapsed());
    told
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
    let options = [
        "-o",
        "out.tab",
        "--output-format",
        "csv",
        "--limit",
        "300",
        "--prefix",
        "my topic",
    ];
    let mut child = label(&desk, &options).stderr(Stdio::piped()).spawn().unwrap();
    until_there_are_rows(&mut child, &desk.path("out.tab.partial"));
    let told = interrupted(child, Duration::from_secs(15));
    let done = ids(&desk, "out.tab.partial");
    assert!(!done.is_empty() && done.len() < 300, "{} rows", done.len());
    let rows: Vec<String> = (0..300).map(|row| row.to_string()).collect();
    assert_eq!(done, rows[..done.len()], "the first rows, in order");

    // What it says to give is given as it is.
    let (_, command) = told.split_once("Go on with\n  ").expect("it says how to go on");
    let command = command.lines().next().unwrap().strip_prefix("refuel ").unwrap();
    let program = label(&desk, &[]);
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &format!("\"$0\" {command}")])
        .arg(program.get_program())
        .current_dir(desk.path(""))
        .envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let told = run(&mut shell, &desk);
    assert!(
        told.starts_with("status: 0") && told.contains("going on behind row"),
        "{told}"
    );
    assert_eq!(ids(&desk, "out.tab"), rows);
}

#[test]
fn ctrl_c_ends_rows_that_run_for_long_though_their_answers_are_lost() {
    let Some(desk) = desk(64) else { return };
    let task = "name: reply\nkind: complete\nguidelines: Write a long reply.\ninput: body\nmax_tokens: 256\n";
    desk.write("topic.yml", task);
    let options = ["-o", "out.csv", "--no-cache"];
    let child = label(&desk, &options).stderr(Stdio::piped()).spawn().unwrap();
    let partial = desk.path("out.csv.partial");
    let deadline = Instant::now() + Duration::from_mins(1);
    while !partial.exists() {
        assert!(Instant::now() < deadline, "nothing was begun");
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_secs(2));
    interrupted(child, Duration::from_secs(12));
    assert!(ids(&desk, "out.csv.partial").len() < 64);
}

#[test]
fn a_table_that_is_being_written_is_not_begun_again() {
    let Some(desk) = desk(320) else { return };
    let mut child = label(&desk, &["-o", "out.csv"]).stderr(Stdio::piped()).spawn().unwrap();
    until_there_are_rows(&mut child, &desk.path("out.csv.partial"));
    for more in [
        &["-o", "out.csv"][..],
        &["-o", "out.csv", "--force"],
        &["-o", "out.csv", "--resume"],
    ] {
        let told = run(&mut label(&desk, more), &desk);
        assert!(
            told.starts_with("status: 1") && told.contains("error[RF0629]"),
            "{told}"
        );
    }
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", desk.told(&output));
    assert_eq!(ids(&desk, "out.csv").len(), 320);
    assert_eq!(left_of(&desk, "out.csv"), Vec::<String>::new());
}

#[test]
fn a_pipe_gets_the_rows_and_stays_a_pipe() {
    let Some(desk) = desk(20) else { return };
    assert!(run(&mut label(&desk, &["-o", "whole.csv"]), &desk).starts_with("status: 0"));
    let pipe = desk.path("pipe.csv");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let reading = std::thread::spawn(move || std::fs::read_to_string(pipe).unwrap());
    let told = run(&mut label(&desk, &["-o", "pipe.csv"]), &desk);
    assert!(told.starts_with("status: 0"), "{told}");
    desk.write("read.csv", reading.join().unwrap());
    assert_eq!(answers(&desk, "read.csv"), answers(&desk, "whole.csv"));
    assert!(!std::fs::metadata(desk.path("pipe.csv")).unwrap().is_file());
    assert_eq!(left_of(&desk, "pipe.csv"), Vec::<String>::new());
}

#[test]
fn a_model_that_can_not_do_the_task_leaves_nothing_in_the_way() {
    let Some(desk) = desk(20) else { return };
    if home_with("all-minilm-l6-v2").is_none() {
        return;
    }
    let mut wrong = desk.command(
        &desk.path("home"),
        &[
            "label",
            "in.csv",
            "-t",
            "topic.yml",
            "-m",
            "all-minilm-l6-v2",
            "-o",
            "out.csv",
        ],
    );
    let told = run(&mut wrong, &desk);
    assert!(
        told.starts_with("status: 2") && told.contains("error[RF0505]"),
        "{told}"
    );
    assert_eq!(left_of(&desk, "out.csv"), Vec::<String>::new());
    let told = run(&mut label(&desk, &["-o", "out.csv"]), &desk);
    assert!(told.starts_with("status: 0"), "{told}");
}

#[test]
fn a_damaged_page_of_parquet_is_not_the_end_of_the_table() {
    let Some(desk) = desk(1) else { return };
    desk.write("damaged.parquet", damaged_parquet());
    let mut command = desk.command(
        &desk.path("home"),
        &[
            "label",
            "damaged.parquet",
            "-t",
            "topic.yml",
            "-m",
            MODEL,
            "-o",
            "out.csv",
        ],
    );
    let told = run(&mut command, &desk);
    assert!(!told.starts_with("status: 0") && told.contains("error[RF06"), "{told}");
    assert!(!desk.path("out.csv").exists(), "no table is called complete: {told}");
    assert!(
        !told.contains("--resume"),
        "going on would fail in the same way: {told}"
    );
}

/// A table of 30 rows whose pages say that they have a number of rows below zero.
fn damaged_parquet() -> Vec<u8> {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, RecordBatch, StringArray};

    let texts = (0..30).map(|row| (row % 7 > 0).then(|| format!("where is order {row}")));
    let column: ArrayRef = Arc::new(texts.collect::<StringArray>());
    let batch = RecordBatch::try_from_iter([("body", column)]).unwrap();
    let mut bytes = Vec::new();
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    // The header of a data page (field 5, a structure) begins with its number of values, 30, in Thrift's zigzag form.
    let header = [0x2c, 0x15, 0x3c];
    let at = bytes.windows(header.len()).position(|window| window == header);
    bytes[at.expect("a page has 30 values") + 2] = 0x5b;
    bytes
}

/// The column `id` of a table.
fn ids(desk: &Desk, name: &str) -> Vec<String> {
    let mut reader = csv::Reader::from_path(desk.path(name)).unwrap();
    let column = reader
        .headers()
        .unwrap()
        .iter()
        .position(|column| column == "id")
        .unwrap();
    reader
        .records()
        .map(|record| record.unwrap()[column].to_owned())
        .collect()
}

/// The files beside a table that have its name with more behind it.
fn left_of(desk: &Desk, name: &str) -> Vec<String> {
    let files = std::fs::read_dir(desk.path("")).unwrap();
    files
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|file| file.starts_with(name) && file != name)
        .collect()
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
