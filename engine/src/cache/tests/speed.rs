//! How fast answers are found. Run by hand:
//! `cargo test --release -p refuel-engine --lib cache::tests::speed -- --ignored --nocapture`.

use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use super::*;

const ROWS: usize = 200_000;

/// An answer as a task with 77 labels gives it.
fn typical(number: usize) -> Answer {
    let scores: Vec<Scored> = (0..10)
        .map(|rank| Scored {
            value: format!("card_payment_not_recognised_{}", (number + rank) % 77),
            confidence: 0.5 / (rank + 1) as f32,
            raw_confidence: 0.25 / (rank + 1) as f32,
            span: None,
        })
        .collect();
    Answer {
        value: scores[0].value.clone().into(),
        scores,
        ..answer(number)
    }
}

/// When something began.
struct Start {
    wall: Instant,
    processor: u64,
}

impl Start {
    fn now() -> Self {
        Self {
            wall: Instant::now(),
            processor: on_processor(),
        }
    }
}

/// Nanoseconds that this thread has run: on a machine that does other things too, the steadier number.
fn on_processor() -> u64 {
    let text = fs_err::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}

#[test]
#[ignore = "a measurement"]
fn rows_a_second() {
    let say = |what: &str, start: Start| {
        let speed = ROWS as f64 / start.wall.elapsed().as_secs_f64();
        let microseconds = (on_processor() - start.processor) as f64 / 1e3 / ROWS as f64;
        writeln!(
            std::io::stderr(),
            "{what}: {speed:.0} a second, {microseconds:.2} us of a processor each"
        )
        .unwrap();
    };
    let kept = std::env::var_os("REFUEL_TEST_CACHE_FOLDER").map(PathBuf::from);
    let own = tempfile::tempdir().unwrap();
    let folder = kept.as_deref().unwrap_or(own.path());
    let all: Vec<CacheKey> = keys(0..ROWS);
    if !folder.join(super::super::place::FILE).exists() {
        let rows: Vec<(CacheKey, Answer)> = (0..ROWS).map(|number| (key(number), typical(number))).collect();
        let start = Start::now();
        let cache = open(folder);
        rows.chunks(512).for_each(|rows| cache.put_many(rows));
        drop(cache);
        say("put", start);
        writeln!(std::io::stderr(), "{} bytes a row", bytes(folder) / ROWS as u64).unwrap();
    }
    for chunk in [512, 8192, ROWS] {
        let cache = open(folder);
        let start = Start::now();
        let found: usize = all
            .chunks(chunk)
            .map(|keys| cache.get_many(keys, Scores::Wanted).iter().flatten().count())
            .sum();
        say(&format!("get from the file, {chunk} at once"), start);
        assert_eq!(found, ROWS);
    }
    let cache = AnswerCache::in_memory(1 << 30);
    let rows: Vec<(CacheKey, Answer)> = (0..ROWS).map(|number| (key(number), typical(number))).collect();
    cache.put_many(&rows);
    let start = Start::now();
    let found: usize = all
        .chunks(512)
        .map(|keys| cache.get_many(keys, Scores::Wanted).iter().flatten().count())
        .sum();
    say("get from memory, 512 at once", start);
    assert_eq!(found, ROWS);
}
