//! Grades spelling on single misspelled words: `cargo run --release -p refuel-clean --example grade_clean`.
//!
//! The words are read from `clean_spelling_norvig` below `REFUEL_DATA` or `../shared/data`; the first 200 rows are graded,
//! and all of them beside. The dictionary has nothing to do with them: `REFUEL_WORDS` names a list, one word a line with its
//! count where it is known, and `/usr/share/dict/american-english` (Debian's `wamerican`) is read without it, in which each
//! word counts once. The null model changes nothing. Beside it stand the corrections that the rule makes unless told
//! otherwise: of how many words, and how many of those are right.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the table is what this program is for"
)]

use std::cmp::Ordering;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use refuel_clean::{Dictionary, Rule, Rules, Speller};

type Failure = Box<dyn std::error::Error>;

/// The Wilson interval of a share.
fn interval(right: usize, of: usize) -> (f64, f64) {
    let (n, p, z) = (of as f64, right as f64 / of as f64, 1.96_f64);
    let middle = p + z * z / (2.0 * n);
    let width = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    let all = 1.0 + z * z / n;
    ((middle - width) / all, (middle + width) / all)
}

fn main() -> Result<(), Failure> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let data = std::env::var_os("REFUEL_DATA").map_or_else(|| root.join("../shared/data"), PathBuf::from);
    let words =
        std::env::var_os("REFUEL_WORDS").map_or_else(|| "/usr/share/dict/american-english".into(), PathBuf::from);
    let set = data.join("clean_spelling_norvig/all.csv");
    for path in [&set, &words] {
        if !path.exists() {
            eprintln!("skipped: no {}", path.display());
            return Ok(());
        }
    }
    let started = Instant::now();
    let dictionary = Arc::new(Dictionary::parse(&std::fs::read_to_string(&words)?)?);
    eprintln!(
        "{} words of {} in {:.2} s",
        dictionary.len(),
        words.display(),
        started.elapsed().as_secs_f64()
    );
    let mut reader = csv::Reader::from_path(&set)?;
    let header = reader.headers()?.clone();
    let column = |name: &str| {
        header
            .iter()
            .position(|column| column == name)
            .ok_or(format!("no column {name}"))
    };
    let (misspelling, correct) = (column("misspelling")?, column("correct")?);
    let mut pairs = Vec::new();
    for record in reader.records() {
        let record = record?;
        pairs.push((record[misspelling].to_lowercase(), record[correct].to_lowercase()));
    }
    let rules = Rules::new(vec![Rule::Spelling(Speller::new(dictionary.clone()))])?;
    println!(
        "set                      rows right 95 % interval  null  in dictionary  words/s   rule: changed  right  AUROC"
    );
    for rows in [200, pairs.len()] {
        let pairs = &pairs[..rows.min(pairs.len())];
        let started = Instant::now();
        let right = pairs
            .iter()
            .filter(|(misspelling, correct)| {
                let best = dictionary.suggest(misspelling, 1);
                best.first().is_some_and(|best| best.word == *correct)
            })
            .count();
        let seconds = started.elapsed().as_secs_f64();
        let (low, high) = interval(right, pairs.len());
        let known = pairs.iter().filter(|(_, correct)| dictionary.contains(correct)).count();
        let unchanged = pairs
            .iter()
            .filter(|(misspelling, correct)| misspelling == correct)
            .count();
        let cleaned: Vec<bool> = pairs
            .iter()
            .filter_map(|(misspelling, correct)| {
                let cleaned = rules.apply(misspelling);
                (!cleaned.edits.is_empty()).then(|| cleaned.text == *correct)
            })
            .collect();
        let graded: Vec<(f32, bool)> = pairs
            .iter()
            .map(|(misspelling, correct)| {
                let cleaned = rules.apply(misspelling);
                (rules.confidence(&cleaned), cleaned.text == *correct)
            })
            .collect();
        println!(
            "clean_spelling_norvig {:>7} {:.3} [{low:.3}, {high:.3}] {:>5.3} {:>14.3} {:>8.0} {:>15.3} {:>6.3} {:>6.3}",
            pairs.len(),
            right as f64 / pairs.len() as f64,
            unchanged as f64 / pairs.len() as f64,
            known as f64 / pairs.len() as f64,
            pairs.len() as f64 / seconds,
            cleaned.len() as f64 / pairs.len() as f64,
            cleaned.iter().filter(|&&right| right).count() as f64 / cleaned.len().max(1) as f64,
            auroc(&graded),
        );
    }
    Ok(())
}

/// The share of pairs of a right and a wrong text of which the right one has the greater confidence; ties count half.
fn auroc(graded: &[(f32, bool)]) -> f64 {
    let of = |wanted: bool| {
        graded
            .iter()
            .filter(move |(_, right)| *right == wanted)
            .map(|(confidence, _)| *confidence)
    };
    let pairs = of(true).count() * of(false).count();
    let won: f64 = of(true)
        .flat_map(|right| {
            of(false).map(move |wrong| match right.total_cmp(&wrong) {
                Ordering::Greater => 1.0,
                Ordering::Equal => 0.5,
                Ordering::Less => 0.0,
            })
        })
        .sum();
    won / pairs.max(1) as f64
}
