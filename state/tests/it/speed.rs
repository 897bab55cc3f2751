//! Bulk look-ups among many answers.

use std::time::Instant;

use crate::common::{fresh, hash, keep_many, version};

/// The bound is several times what it takes, for machines that do other things too. `speed_among_a_million` measures.
#[test]
fn ten_thousand_answers_are_looked_up_at_once() {
    let fresh = fresh();
    let key = fresh.state.task_key(&version("topic", "f1")).unwrap();
    keep_many(&fresh.state, key, 0..20_000);
    let hashes: Vec<_> = (15_000..25_000).map(|row| hash(&format!("row {row}"))).collect();
    let started = Instant::now();
    let known = fresh.state.known(key, &hashes).unwrap();
    let took = started.elapsed();
    assert_eq!(known.iter().filter(|known| known.is_some()).count(), 5000);
    assert!(known[4999].is_some() && known[5000].is_none());
    assert!(took.as_millis() < 500, "{took:?}");
}

#[test]
#[ignore = "takes a minute; prints what it measured"]
fn speed_among_a_million() {
    let fresh = fresh();
    let key = fresh.state.task_key(&version("topic", "f1")).unwrap();
    let started = Instant::now();
    keep_many(&fresh.state, key, 0..1_000_000);
    println!("1,000,000 answers kept in {:?}", started.elapsed());
    for step in [1, 97] {
        let hashes: Vec<_> = (0..10_000).map(|row| hash(&format!("row {}", row * step))).collect();
        for _ in 0..3 {
            let started = Instant::now();
            let known = fresh.state.known(key, &hashes).unwrap();
            assert!(known.iter().all(Option::is_some));
            println!("10,000 of them looked up in {:?}", started.elapsed());
        }
    }
    let size = std::fs::metadata(fresh.state.path()).unwrap().len();
    println!("{} MB", size >> 20);
}
