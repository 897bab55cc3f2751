//! Several processes at one file.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::*;

/// What a child is asked to do, and where.
const WORK: &str = "REFUEL_TEST_CACHE_WORK";
const FOLDER: &str = "REFUEL_TEST_CACHE_FOLDER";

/// A line that runs this test's binary as a child, behind the words of `line`.
pub(super) fn child_line<'a>(line: &'a mut Command, folder: &Path, work: &str) -> &'a mut Command {
    let binary = std::env::current_exe().unwrap();
    line.arg(binary).args([
        "--exact",
        "cache::tests::processes::child_work",
        "--ignored",
        "--nocapture",
    ]);
    line.env(WORK, work)
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
}

/// Runs a child to its end and gives what it said.
pub(super) fn child(line: &mut Command, folder: &Path, work: &str) -> String {
    let output = child_line(line, folder, work).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    said.replace(folder.to_str().unwrap(), "")
}

fn say(text: impl std::fmt::Display) {
    writeln!(std::io::stderr(), "{text}").unwrap();
}

#[test]
#[ignore = "what other tests run as a process of their own"]
fn child_work() {
    let (work, folder) = (
        std::env::var(WORK).unwrap(),
        PathBuf::from(std::env::var(FOLDER).unwrap()),
    );
    let cache = open(&folder);
    match work.as_str() {
        "fill" => {
            for at in 0..20 {
                cache.put_many(&rows(at * 1000..(at + 1) * 1000));
                assert_eq!(
                    there(&cache, at * 1000..(at + 1) * 1000).len(),
                    1000,
                    "from memory where not from disk"
                );
            }
        }
        "read" => {
            cache.put_many(&rows(10..20));
            say(format!("{} answers", there(&cache, 0..30).len()));
        }
        "write forever" => {
            for at in 0.. {
                cache.put_many(&rows(at * 100..(at + 1) * 100));
            }
        }
        rival => {
            for at in 0..40 {
                let mine: Vec<(CacheKey, Answer)> = (at * 100..(at + 1) * 100)
                    .map(|number| {
                        (
                            key(number),
                            Answer {
                                model: rival.to_owned(),
                                ..answer(number)
                            },
                        )
                    })
                    .collect();
                cache.put_many(&mine);
            }
            // What this process would use from now on.
            let kept = cache.get_many(&keys(0..4000), Scores::Wanted);
            say(kept
                .into_iter()
                .map(|answer| answer.unwrap().model)
                .collect::<Vec<String>>()
                .join(","));
        }
    }
    cache.warnings().iter().for_each(say);
}

/// Processes that keep other answers to the same inputs at the same time.
fn rivals(folder: &Path) -> Vec<Child> {
    ["a", "b", "c", "d"]
        .iter()
        .map(|name| child_line(&mut Command::new("env"), folder, name).spawn().unwrap())
        .collect()
}

#[test]
fn rivals_agree_on_the_first_answer() {
    let folder = tempfile::tempdir().unwrap();
    let rivals = rivals(folder.path());
    let said: Vec<String> = rivals
        .into_iter()
        .map(|rival| {
            let output = rival.wait_with_output().unwrap();
            assert!(output.status.success());
            String::from_utf8(output.stderr).unwrap()
        })
        .collect();
    assert!(said.iter().all(|other| *other == said[0]), "{}", said.join("\n"));
    let kept = open(folder.path()).get_many(&keys(0..4000), Scores::Wanted);
    let kept: Vec<String> = kept.into_iter().map(|answer| answer.unwrap().model).collect();
    assert_eq!(kept.join(","), said[0].trim_end());
}

#[test]
fn threads_share_a_handle() {
    let folder = tempfile::tempdir().unwrap();
    let cache = open(folder.path());
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let cache = &cache;
            scope.spawn(move || {
                for at in (thread..40).step_by(4) {
                    cache.put_many(&rows(at * 100..(at + 1) * 100));
                    assert_eq!(there(cache, at * 100..(at + 1) * 100).len(), 100);
                }
            });
        }
    });
    assert_eq!(there(&open(folder.path()), 0..4000).len(), 4000);
}

#[test]
fn processes_that_find_a_corrupt_file_at_once_set_it_aside_once() {
    let folder = tempfile::tempdir().unwrap();
    fs_err::write(
        folder.path().join(super::super::place::FILE),
        "no database ".repeat(1000),
    )
    .unwrap();
    let rivals = rivals(folder.path());
    let mut warned = 0;
    for rival in rivals {
        let output = rival.wait_with_output().unwrap();
        assert!(output.status.success());
        warned += usize::from(String::from_utf8(output.stderr).unwrap().contains("corrupt"));
    }
    assert_eq!(warned, 1);
    let kept = open(folder.path()).get_many(&keys(0..4000), Scores::Wanted);
    assert!(kept.iter().all(Option::is_some));
}
