//! Several processes, and processes that are killed. The child is this test binary, told by the environment what to do.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use refuel_state::{BATCH, BatchName, Input, NewAnswer, NodeStatus, RunStatus, State, StateError};

use crate::common::{answer, begin, hash, version};

/// The file that a child works on.
const FILE: &str = "REFUEL_STATE_TEST_FILE";

fn child(name: &str, file: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", &format!("processes::{name}"), "--nocapture"])
        .env(FILE, file)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    command
}

/// What the child says on a line of its own, up to the end.
fn said(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines
        .map_while(Result::ok)
        .filter_map(|line| line.strip_prefix("child: ").map(str::to_owned))
}

fn say(text: impl std::fmt::Display) {
    // The name of the test stands on the line already.
    println!("\nchild: {text}");
    std::io::stdout().flush().unwrap();
}

fn file_of_child() -> Option<PathBuf> {
    std::env::var_os(FILE).map(PathBuf::from)
}

/// Keeps batches of answers until it can't any more, or is killed.
#[test]
fn child_keeps_answers() {
    let Some(file) = file_of_child() else { return };
    let state = State::open(file).unwrap();
    let (_lock, run) = begin(&state, "dev");
    state.node_started(&run, "model.p.a").unwrap();
    let key = state.task_key(&version("topic", "f1")).unwrap();
    let answer = answer("refund", 0.75);
    let from = state.count_answers(key).unwrap() as usize / BATCH;
    say(format!("begins at {from}"));
    for number in from..1_000_000 {
        let texts: Vec<String> = (number * BATCH..(number + 1) * BATCH)
            .map(|row| format!("row {row}"))
            .collect();
        let inputs: Vec<Input> = texts.iter().cloned().map(Input::One).collect();
        let new: Vec<NewAnswer<'_>> = texts
            .iter()
            .zip(&inputs)
            .map(|(text, input)| NewAnswer {
                hash: hash(text),
                input,
                answer: &answer,
            })
            .collect();
        let batch = BatchName {
            unique_id: "model.p.a",
            stage: 0,
            number: number as u32,
        };
        let kept = state
            .batch_asked(&run, &batch, BATCH as u64)
            .and_then(|()| state.put_answers(Some(&run), key, &new, Some(&batch)));
        if let Err(error) = kept {
            say(format!(
                "{}: {error}; {}",
                error.code(),
                error.hint().unwrap_or_default()
            ));
            state.known(key, &[hash("row 0")]).unwrap();
            return;
        }
        say(format!("kept {}", number + 1));
    }
}

/// Holds the lock until its standard input ends.
#[test]
fn child_holds_the_lock() {
    let Some(file) = file_of_child() else { return };
    let state = State::open(file).unwrap();
    let (_lock, _run) = begin(&state, "dev");
    say("locked");
    let _ = std::io::stdin().read_line(&mut String::new());
}

fn is_whole(file: &Path) {
    let connection = rusqlite::Connection::open(file).unwrap();
    let found: String = connection
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(found, "ok");
}

#[test]
fn a_process_that_is_killed_loses_nothing_that_it_was_told_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.sqlite3");
    let mut kept = 0;
    for round in 0..6u64 {
        let mut child = child("child_keeps_answers", &file).spawn().unwrap();
        let mut said = said(&mut child);
        assert_eq!(said.next().unwrap(), format!("begins at {kept}"));
        for _ in 0..3 + round {
            said.next().unwrap();
        }
        // Somewhere in the midst of the next batches.
        std::thread::sleep(Duration::from_micros(300 + 1700 * round));
        child.kill().unwrap();
        let last = said
            .filter_map(|line| {
                line.strip_prefix("kept ")
                    .map(|number| number.parse::<usize>().unwrap())
            })
            .last();
        child.wait().unwrap();

        let state = State::open(&file).unwrap();
        assert_eq!(state.interrupted().len(), 1);
        let key = state.task_key(&version("topic", "f1")).unwrap();
        let there = state.count_answers(key).unwrap() as usize;
        assert_eq!(there % BATCH, 0, "a batch is kept whole or not at all");
        let told = last.unwrap_or(kept + 3 + round as usize);
        // One may be kept whose line was not written any more.
        assert!((told..=told + 1).contains(&(there / BATCH)), "{told} {there}");
        kept = there / BATCH;
        let hashes: Vec<_> = (0..there).map(|row| hash(&format!("row {row}"))).collect();
        assert!(state.known(key, &hashes).unwrap().iter().all(Option::is_some));

        let resume = state.resume("dev").unwrap().unwrap();
        assert_eq!(resume.run.status, RunStatus::Interrupted);
        assert_eq!(resume.results[0].status, NodeStatus::Interrupted);
        drop(state);
        is_whole(&file);
    }
}

#[test]
fn two_processes_do_not_run_a_target_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.sqlite3");
    let mut child = child("child_holds_the_lock", &file).spawn().unwrap();
    assert_eq!(said(&mut child).next().unwrap(), "locked");
    let state = State::open(&file).unwrap();
    assert!(state.interrupted().is_empty(), "the run goes on");
    let error = state.lock("dev", "refuel build").unwrap_err();
    let StateError::Locked {
        holder: Some(holder), ..
    } = &error
    else {
        panic!("{error:?}")
    };
    assert_eq!((holder.pid, holder.command.as_str()), (child.id(), "refuel build"));
    assert_eq!(error.code(), "RF1412");
    assert_eq!(
        error.hint().unwrap(),
        format!("wait until it is done, or end process {}", child.id())
    );
    assert_eq!(state.holder("dev").unwrap().pid, child.id());
    let (_lock, _run) = begin(&state, "prod");

    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(state.holder("dev"), None);
    let _lock = state
        .lock("dev", "refuel build")
        .expect("the lock goes with the process");
    let last = state.last_run("dev").unwrap().unwrap();
    assert_eq!(last.status, RunStatus::Interrupted);
    assert_eq!(last.message.as_deref(), Some("the process ended before the run did"));
    assert_eq!(state.last_run("prod").unwrap().unwrap().status, RunStatus::Running);
}

#[test]
fn processes_and_threads_that_begin_a_state_at_once_all_get_it() {
    for _ in 0..5 {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("deep/state.sqlite3");
        std::thread::scope(|scope| {
            let opened: Vec<_> = (0..8).map(|_| scope.spawn(|| State::open(&file))).collect();
            for opened in opened {
                opened.join().unwrap().unwrap();
            }
        });
    }
}

/// The size of files is limited instead of the disk: SQLite sees a write that fails either way.
#[test]
fn a_full_disk_is_said_and_what_was_kept_stays() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.sqlite3");
    let begun = Instant::now();
    let inner = child("child_keeps_answers", &file);
    let mut child = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 4096; exec \"$@\"", "sh"])
        .arg(inner.get_program())
        .args(inner.get_args())
        .env(FILE, &file)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let said: Vec<String> = said(&mut child).collect();
    assert!(child.wait().unwrap().success());
    assert!(begun.elapsed() < Duration::from_mins(1));
    let (last, kept) = said.split_last().unwrap();
    let expected = format!(
        "RF1407: there is no room on the disk for the state in `{}`; make room",
        file.display()
    );
    assert!(last.starts_with(&expected), "{last}");
    let state = State::open(&file).unwrap();
    let key = state.task_key(&version("topic", "f1")).unwrap();
    assert_eq!(state.count_answers(key).unwrap() as usize, (kept.len() - 1) * BATCH);
    assert!(kept.len() > 3, "{kept:?}");
    drop(state);
    is_whole(&file);
}
