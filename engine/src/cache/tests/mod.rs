//! What a cache promises, with one handle.

mod faults;
mod processes;
mod speed;

use std::path::Path;

use refuel_task::{Answer, InputHash, Scored, Source, Status};

use super::{AnswerCache, CacheError, CacheKey, CacheLimits, LEAST_DISK_BYTES, Scores};

fn limits(disk_bytes: u64) -> CacheLimits {
    CacheLimits {
        memory_bytes: 16 << 20,
        disk_bytes,
    }
}

fn open(folder: &Path) -> AnswerCache {
    AnswerCache::open(folder, limits(1 << 30)).unwrap()
}

/// The key of an input that is only a number.
fn key(number: usize) -> CacheKey {
    let hash = blake3::hash(&number.to_le_bytes());
    let mut input = [0; 16];
    input.copy_from_slice(&hash.as_bytes()[..16]);
    CacheKey::for_task("fingerprint", "sha256:0123").with_input(InputHash(input))
}

fn keys(numbers: impl IntoIterator<Item = usize>) -> Vec<CacheKey> {
    numbers.into_iter().map(key).collect()
}

fn answer(number: usize) -> Answer {
    let value = format!("label {}", number % 77);
    Answer {
        confidence: Some(0.5),
        raw_confidence: Some(0.25),
        status: Status::Ok,
        reason: None,
        scores: vec![Scored {
            value: value.clone(),
            confidence: 0.5,
            raw_confidence: 0.25,
            span: None,
        }],
        value: value.into(),
        input_tokens: number as u32,
        ..Answer::error("model@0123456789ab", "")
    }
}

fn rows(numbers: impl IntoIterator<Item = usize>) -> Vec<(CacheKey, Answer)> {
    numbers
        .into_iter()
        .map(|number| (key(number), answer(number)))
        .collect()
}

/// The numbers whose answers are there, each checked to be the right one.
fn there(cache: &AnswerCache, numbers: impl IntoIterator<Item = usize>) -> Vec<usize> {
    let numbers: Vec<usize> = numbers.into_iter().collect();
    let answers = cache.get_many(&keys(numbers.iter().copied()), Scores::Wanted);
    assert_eq!(answers.len(), numbers.len());
    let mut found = Vec::new();
    for (number, kept) in numbers.into_iter().zip(answers) {
        let Some(kept) = kept else { continue };
        let right = Answer {
            source: kept.source,
            ..answer(number)
        };
        assert_eq!(kept, right);
        found.push(number);
    }
    found
}

#[test]
fn an_answer_of_this_process_is_a_duplicate_and_one_of_earlier_is_from_the_cache() {
    let folder = tempfile::tempdir().unwrap();
    let cache = open(folder.path());
    cache.put_many(&rows([1]));
    let source = |cache: &AnswerCache| {
        cache.get_many(&[key(1)], Scores::Wanted)[0]
            .as_ref()
            .map(|kept| kept.source)
    };
    assert_eq!(source(&cache), Some(Source::Duplicate));
    drop(cache);
    assert_eq!(source(&open(folder.path())), Some(Source::Cache));
}

/// Bytes of all files in a folder.
fn bytes(folder: &Path) -> u64 {
    fs_err::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum()
}

#[test]
fn answers_come_back_in_the_order_of_the_keys() {
    let folder = tempfile::tempdir().unwrap();
    for cache in [AnswerCache::in_memory(1 << 20), open(folder.path())] {
        assert_eq!(there(&cache, 0..10), Vec::<usize>::new());
        cache.put_many(&rows((0..100).step_by(2)));
        assert_eq!(there(&cache, [9, 8, 200, 4, 4, 1, 0]), [8, 4, 4, 0]);
        assert_eq!(cache.warnings(), Vec::<String>::new());
    }
}

#[test]
fn answers_are_there_in_the_next_run() {
    let folder = tempfile::tempdir().unwrap();
    let below = folder.path().join("a/b");
    open(&below).put_many(&rows(0..3000));
    let again = open(&below);
    assert_eq!(there(&again, 0..3001).len(), 3000);
    assert_eq!(there(&again, 0..3001).len(), 3000, "from memory as from the file");
    assert!(again.file().unwrap().starts_with(&below));
}

#[test]
fn failures_are_never_kept() {
    let folder = tempfile::tempdir().unwrap();
    for cache in [AnswerCache::in_memory(1 << 20), open(folder.path())] {
        cache.put_many(&[(key(1), Answer::error("m@1", "input is empty")), (key(2), answer(2))]);
        assert_eq!(there(&cache, 1..3), [2]);
    }
    assert_eq!(there(&open(folder.path()), 1..3), [2]);
}

#[test]
fn the_first_answer_given_is_the_one_that_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let later = Answer {
        value: "later".into(),
        ..answer(1)
    };
    for cache in [AnswerCache::in_memory(1 << 20), open(folder.path())] {
        cache.put_many(&[(key(1), answer(1)), (key(1), later.clone())]);
        cache.put_many(&[(key(1), later.clone())]);
        assert_eq!(there(&cache, [1]), [1]);
    }
    // Two handles, as two processes have: the second keeps nothing of its own in memory either.
    let (one, other) = (open(folder.path()), open(folder.path()));
    one.put_many(&rows([2]));
    other.put_many(&[(
        key(2),
        Answer {
            value: "later".into(),
            ..answer(2)
        },
    )]);
    assert_eq!(there(&other, [2]), [2]);
    assert_eq!(there(&one, [2]), [2]);
}

#[test]
fn two_inputs_with_one_row_number_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let cache = open(folder.path());
    let twin = CacheKey {
        check: [1; 16],
        ..key(1)
    };
    cache.put_many(&rows([1]));
    cache.put_many(&[(twin, answer(2))]);
    let again = open(folder.path());
    assert_eq!(there(&again, [1]), [1]);
    assert_eq!(again.get_many(&[twin], Scores::Wanted), [None]);
    assert_eq!(again.warnings(), Vec::<String>::new());
}

#[test]
fn the_folder_stays_under_the_limit_and_what_was_not_used_goes_first() {
    let folder = tempfile::tempdir().unwrap();
    let cache = AnswerCache::open(
        folder.path(),
        CacheLimits {
            memory_bytes: 1000,
            disk_bytes: LEAST_DISK_BYTES,
        },
    )
    .unwrap();
    let (batch, batches) = (500, 160);
    let mut most = 0;
    for at in 0..batches {
        cache.put_many(&rows(at * batch..(at + 1) * batch));
        // These stay in use all the time.
        there(&cache, 0..50);
        most = most.max(bytes(folder.path()));
    }
    assert!(most <= LEAST_DISK_BYTES, "{most} bytes");
    let all = batch * batches;
    let kept = there(&cache, 0..all);
    assert!(
        kept.len() < all / 2,
        "{} of {all} are there, so that the limit was tested",
        kept.len()
    );
    assert!(kept.len() > 5000, "{} are there", kept.len());
    assert_eq!(
        kept.iter().filter(|number| **number < 50).count(),
        50,
        "what is used stays"
    );
    assert_eq!(there(&cache, all - 5000..all).len(), 5000, "the latest stay");
    let unused = kept.iter().find(|number| **number >= 50).unwrap();
    assert_eq!(
        there(&cache, *unused..all).len(),
        all - unused,
        "what goes is the oldest"
    );
    assert_eq!(cache.warnings(), Vec::<String>::new());
}

#[test]
fn answers_of_any_size_stay_under_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let cache = AnswerCache::open(
        folder.path(),
        CacheLimits {
            memory_bytes: 1000,
            disk_bytes: LEAST_DISK_BYTES,
        },
    )
    .unwrap();
    let mut most = 0;
    for at in 0..400 {
        let text = Answer {
            value: "x".repeat(at * 1000).into(),
            ..answer(at)
        };
        cache.put_many(&[(key(at), text)]);
        most = most.max(bytes(folder.path()));
    }
    assert!(most <= LEAST_DISK_BYTES, "{most} bytes");
    let lengths = |number| {
        let kept = cache.get_many(&[key(number)], Scores::Wanted).remove(0)?;
        Some(kept.value.as_str()?.len())
    };
    assert_eq!(lengths(261), Some(261_000));
    assert_eq!(
        lengths(399),
        None,
        "one that takes more than a sixteenth of the limit is not kept"
    );
    assert_eq!(cache.warnings(), Vec::<String>::new());
}

#[test]
fn a_lower_limit_makes_the_file_smaller() {
    let folder = tempfile::tempdir().unwrap();
    let large = AnswerCache::open(folder.path(), limits(16 << 20)).unwrap();
    for at in 0..40 {
        large.put_many(&rows(at * 1000..(at + 1) * 1000));
    }
    drop(large);
    assert!(bytes(folder.path()) > LEAST_DISK_BYTES);
    let small = AnswerCache::open(folder.path(), limits(LEAST_DISK_BYTES)).unwrap();
    assert_eq!(small.warnings(), Vec::<String>::new());
    small.put_many(&rows(40_000..40_100));
    assert!(
        bytes(folder.path()) <= LEAST_DISK_BYTES,
        "{} bytes",
        bytes(folder.path())
    );
    assert_eq!(there(&small, 40_000..40_100).len(), 100);
    assert_eq!(there(&small, 0..40).len(), 0);
}

#[test]
fn memory_is_bounded() {
    let cache = AnswerCache::in_memory(100_000);
    cache.put_many(&rows(0..10_000));
    let kept = there(&cache, 0..10_000).len();
    assert!(
        (100..1000).contains(&kept),
        "{kept} answers of about 170 bytes are there"
    );
}

#[test]
fn what_can_not_be_is_said_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs_err::write(&file, "precious").unwrap();
    let said = |error: CacheError| {
        let text = format!("{}: {error}; {}", error.code(), error.hint().unwrap());
        text.replace(folder.path().to_str().unwrap(), "")
    };
    let error = |folder: &Path, bytes| said(AnswerCache::open(folder, limits(bytes)).err().unwrap());
    insta::assert_snapshot!(error(&file, 1 << 30), @"RF0520: answers can't be kept in `/file`: it is not a folder; move `/file` away, or use another home folder");
    insta::assert_snapshot!(error(folder.path(), 1000), @"RF0521: answers can't be kept in 1000 bytes; at least 4194304 are needed; raise the limit, or keep no answers on disk");
    assert_eq!(fs_err::read(&file).unwrap(), b"precious");
}
