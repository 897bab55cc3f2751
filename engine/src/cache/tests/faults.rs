//! What goes wrong on disks, done for real.

use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::process::Command;

use super::super::place::FILE;
use super::processes::{child, child_line};
use super::*;

fn told(cache: &AnswerCache, folder: &Path) -> String {
    let text = cache.warnings().join("\n").replace(folder.to_str().unwrap(), "");
    assert_eq!(cache.warnings(), Vec::<String>::new(), "nothing is told twice");
    text
}

/// Writes over bytes of the closed file.
fn scribble(folder: &Path, at: u64, bytes: &[u8]) {
    let mut file = fs_err::OpenOptions::new().write(true).open(folder.join(FILE)).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(bytes).unwrap();
}

#[test]
fn a_file_that_is_no_database_is_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    fs_err::write(
        folder.path().join(FILE),
        "this is no database, and it is long enough to tell ".repeat(100),
    )
    .unwrap();
    let cache = open(folder.path());
    insta::assert_snapshot!(told(&cache, folder.path()), @"the answers in `/answers-1.sqlite3` could not be read: the file is corrupt. It was moved to `/answers-1.sqlite3.corrupt`, and answers are kept anew");
    cache.put_many(&rows(0..10));
    drop(cache);
    let cache = open(folder.path());
    assert_eq!(there(&cache, 0..10).len(), 10);
    assert_eq!(told(&cache, folder.path()), "");
    let aside = fs_err::read_to_string(folder.path().join(format!("{FILE}.corrupt"))).unwrap();
    assert!(aside.starts_with("this is no database"));
}

#[test]
fn a_file_that_turns_out_corrupt_in_use_is_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).put_many(&rows(0..20_000));
    let length = fs_err::metadata(folder.path().join(FILE)).unwrap().len();
    assert!(length > 1 << 20);
    scribble(folder.path(), 5 * 4096, &vec![0xa5; (length - 5 * 4096) as usize]);
    let cache = open(folder.path());
    assert_eq!(told(&cache, folder.path()), "", "its beginning is well");
    assert_eq!(there(&cache, 0..20_000).len(), 0);
    insta::assert_snapshot!(told(&cache, folder.path()), @"the answers in `/answers-1.sqlite3` could not be read: the file is corrupt. It was moved to `/answers-1.sqlite3.corrupt`, and answers are kept anew");
    cache.put_many(&rows(0..10));
    assert_eq!(there(&open(folder.path()), 0..10).len(), 10);
}

#[test]
fn a_file_that_was_cut_short_is_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).put_many(&rows(0..20_000));
    let file = fs_err::OpenOptions::new()
        .write(true)
        .open(folder.path().join(FILE))
        .unwrap();
    file.set_len(40 * 4096 + 100).unwrap();
    drop(file);
    let cache = open(folder.path());
    assert!(there(&cache, 0..20_000).len() < 20_000);
    assert!(told(&cache, folder.path()).contains("the file is corrupt"));
    cache.put_many(&rows(0..20_000));
    assert_eq!(there(&open(folder.path()), 0..20_000).len(), 20_000);
}

#[test]
fn an_answer_that_is_damaged_is_asked_and_kept_again() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).put_many(&rows(0..100));
    let connection = rusqlite::Connection::open(folder.path().join(FILE)).unwrap();
    let damage = "UPDATE answers_1 SET answer = substr(answer, 1, 30) || x'ff' || substr(answer, 32) WHERE id = ?1";
    assert_eq!(connection.execute(damage, [key(7).row]).unwrap(), 1);
    drop(connection);
    let cache = open(folder.path());
    assert_eq!(there(&cache, 0..100).len(), 99);
    insta::assert_snapshot!(told(&cache, folder.path()), @"some answers in `/answers-1.sqlite3` are damaged; their inputs are asked again");
    cache.put_many(&rows([7]));
    assert_eq!(there(&open(folder.path()), [7]), [7]);
}

#[test]
fn a_file_that_is_cleared_in_use_does_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let running = open(folder.path());
    running.put_many(&rows(0..10));
    for entry in fs_err::read_dir(folder.path()).unwrap() {
        fs_err::remove_file(entry.unwrap().path()).unwrap();
    }
    let next = open(folder.path());
    next.put_many(&rows(100..200));
    running.put_many(&rows(10..20));
    assert_eq!(there(&running, 0..20).len(), 20);
    // The log of the other file has the same name.
    drop(running);
    assert_eq!(there(&open(folder.path()), 100..200).len(), 100);
    drop(next);
    assert_eq!(there(&open(folder.path()), 100..200).len(), 100);
}

#[test]
fn a_place_that_can_not_be_written_to_keeps_answers_in_memory() {
    // Not even the superuser makes a folder here.
    let cache = open(Path::new("/proc/refuel"));
    insta::assert_snapshot!(cache.warnings().join("\n"), @"answers are not kept for the next run: failed to create directory `/proc/refuel`: No such file or directory (os error 2)");
    cache.put_many(&rows(0..10));
    assert_eq!(there(&cache, 0..20).len(), 10);
    assert_eq!(cache.file(), None);
}

/// Runs a child of this test on a file system of its own, mounted as `mount` says. None where that isn't allowed.
fn on_mount(folder: &Path, mount: &str, work: &str) -> Option<String> {
    let allowed = Command::new("unshare")
        .args(["-rm", "mount", "-t", "tmpfs", "none", "/mnt"])
        .output();
    if !allowed.is_ok_and(|output| output.status.success()) {
        writeln!(
            std::io::stderr(),
            "skipped: this user can't mount a file system of its own"
        )
        .unwrap();
        return None;
    }
    let mut line = Command::new("unshare");
    line.args(["-rm", "sh", "-c", &format!("{mount} && exec \"$@\""), "sh"]);
    Some(child(&mut line, folder, work))
}

#[test]
fn a_full_disk_is_told_once_and_answers_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let mount = format!("mount -t tmpfs -o size=1m none {}", folder.path().display());
    let Some(said) = on_mount(folder.path(), &mount, "fill") else {
        return;
    };
    insta::assert_snapshot!(said, @"answers are not kept for the next run: `/answers-1.sqlite3`: database or disk is full");
}

#[test]
fn a_disk_that_was_full_from_the_start_is_told_once_and_answers_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().display();
    let mount =
        format!("mount -t tmpfs -o size=16k none {place} && dd if=/dev/zero of={place}/x bs=4k count=4 status=none");
    let Some(said) = on_mount(folder.path(), &mount, "fill") else {
        return;
    };
    insta::assert_snapshot!(said, @"answers are not kept for the next run: `/answers-1.sqlite3`: database or disk is full");
}

#[test]
fn a_folder_that_can_not_be_written_to_is_read() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).put_many(&rows(0..10));
    let place = folder.path().display();
    let mount = format!("mount --bind {place} {place} && mount -o remount,bind,ro {place}");
    let Some(said) = on_mount(folder.path(), &mount, "read") else {
        return;
    };
    insta::assert_snapshot!(said, @r"
    20 answers
    answers are not kept for the next run: `/answers-1.sqlite3`: attempt to write a readonly database
    ");
}

#[test]
fn a_write_that_the_system_refuses_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut line = Command::new("sh");
    // In blocks of 512 bytes. The signal is ignored, so that the write fails.
    line.args(["-c", "trap '' XFSZ; ulimit -f 1024; exec \"$@\"", "sh"]);
    let said = child(&mut line, folder.path(), "fill");
    insta::assert_snapshot!(said, @"answers are not kept for the next run: `/answers-1.sqlite3`: disk I/O error");
    let cache = open(folder.path());
    assert_eq!(told(&cache, folder.path()), "", "what was kept until then is whole");
    assert!(there(&cache, 0..20_000).len() > 100);
}

#[test]
fn a_process_that_is_killed_leaves_a_file_that_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..3 {
        let mut running = child_line(&mut Command::new("env"), folder.path(), "write forever")
            .spawn()
            .unwrap();
        while there(&open(folder.path()), 0..1000).len() < 500 {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        running.kill().unwrap();
        running.wait().unwrap();
        let cache = open(folder.path());
        assert!(there(&cache, 0..1_000).len() >= 500);
        assert_eq!(cache.warnings(), Vec::<String>::new());
    }
}
