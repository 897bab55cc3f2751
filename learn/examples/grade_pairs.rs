//! Grades classifiers of pairs on real data: the first 200 rows of each set, with 500 labelled pairs from its end, or its
//! seed rows. Features are those of `refuel-resolve`.
//!
//! `REFUEL_DATA` is the folder of the data (`../shared/data`). Arguments name the sets to grade, all without any.

#![expect(clippy::print_stdout, reason = "the table is what it is for")]
#![expect(clippy::print_stderr, reason = "what is left out is said beside the table")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use ndarray::Array2;
use refuel_engine::evaluate::{auroc, wilson};
use refuel_learn::train_pairs;
use refuel_resolve::{Comparator, Profile, Record};

const GRADED: usize = 200;
const EXAMPLES: usize = 500;

struct Pair {
    left: Record,
    right: Record,
    same: bool,
}

/// Reads pairs whose columns are called `left_*` and `right_*`, or `*_entity1` and `*_entity2`.
fn read(path: &Path) -> Option<Vec<Pair>> {
    let mut reader = csv::Reader::from_path(path).ok()?;
    let header: Vec<String> = reader.headers().ok()?.iter().map(str::to_owned).collect();
    let side = |column: &str| -> Option<(usize, String)> {
        let left = column.strip_prefix("left_").or_else(|| column.strip_suffix("_entity1"));
        let right = column
            .strip_prefix("right_")
            .or_else(|| column.strip_suffix("_entity2"));
        left.map(|name| (0, name.to_owned()))
            .or_else(|| right.map(|name| (1, name.to_owned())))
    };
    let pairs = reader.records().flatten().map(|row| {
        let mut sides = [Vec::new(), Vec::new()];
        let mut same = false;
        for (column, value) in header.iter().zip(row.iter()) {
            if let Some((side, name)) = side(column) {
                sides[side].push((name, value.to_owned()));
            } else if column == "label" {
                same = value == "1" || value == "duplicate";
            }
        }
        let [left, right] = sides.map(Record::new);
        Pair { left, right, same }
    });
    Some(pairs.collect())
}

/// Rows of examples and rows to grade.
fn rows(folder: &Path) -> Option<(Vec<Pair>, Vec<Pair>)> {
    if let (Some(examples), Some(mut graded)) = (read(&folder.join("seed.csv")), read(&folder.join("test.csv"))) {
        graded.truncate(GRADED);
        return Some((examples, graded));
    }
    let mut graded = read(&folder.join("all.csv"))?;
    let mut rest = graded.split_off(GRADED.min(graded.len()));
    let examples = rest.split_off(rest.len().saturating_sub(EXAMPLES));
    Some((examples, graded))
}

fn main() {
    let data = std::env::var_os("REFUEL_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
        PathBuf::from,
    );
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    for name in [
        "autolabel_walmart_amazon",
        "er_abt_buy",
        "er_dblp_acm",
        "er_walmart_amazon_dirty",
    ] {
        if !wanted.is_empty() && !wanted.iter().any(|wanted| name.contains(wanted.as_str())) {
            continue;
        }
        let Some((examples, graded)) = rows(&data.join(name)) else {
            eprintln!("SKIPPED: {name} is not in {}", data.display());
            continue;
        };
        let records: Vec<Record> = examples
            .iter()
            .flat_map(|pair| [pair.left.clone(), pair.right.clone()])
            .collect();
        let profile = Profile::fit(&records, &BTreeMap::new()).expect("there are records");
        let comparator = Comparator::new(profile, false);
        let table = |pairs: &[Pair]| -> Array2<f32> {
            let rows: Vec<Vec<f32>> = pairs
                .iter()
                .map(|pair| comparator.compare(&comparator.prepare(&pair.left), &comparator.prepare(&pair.right), None))
                .collect();
            let columns = rows.first().map_or(0, Vec::len);
            Array2::from_shape_vec((rows.len(), columns), rows.concat()).expect("rows are alike")
        };
        let same: Vec<bool> = examples.iter().map(|pair| pair.same).collect();
        let start = Instant::now();
        let trained = train_pairs(&table(&examples), &same, None, 17).expect("there are examples");
        let seconds = start.elapsed().as_secs_f64();
        let start = Instant::now();
        let probabilities = trained
            .model
            .probabilities(&table(&graded))
            .expect("features are alike");
        let rate = graded.len() as f64 / start.elapsed().as_secs_f64();
        let mut counts = [0u64; 4];
        let mut scored = Vec::new();
        for (probability, pair) in probabilities.iter().zip(&graded) {
            let found = *probability > 0.5;
            counts[2 * usize::from(found) + usize::from(pair.same)] += 1;
            scored.push((f64::from(probability.max(1.0 - probability)), found == pair.same));
        }
        let [true_no, missed, wrong, hits] = counts;
        let accuracy = wilson(true_no + hits, graded.len() as u64).expect("there are rows");
        let same = (missed + hits) as f64 / graded.len() as f64;
        println!(
            "{name:<25} {} rows F1 {:.3} (all same {:.3}) accuracy {:.3} [{:.3}, {:.3}] (majority {:.3}) AUROC of confidence {:.3} {rate:.0} rows/s, trained in {seconds:.1} s on {} pairs of {} columns",
            graded.len(),
            2.0 * hits as f64 / (2 * hits + wrong + missed).max(1) as f64,
            2.0 * same / (1.0 + same),
            (true_no + hits) as f64 / graded.len() as f64,
            accuracy.0,
            accuracy.1,
            same.max(1.0 - same),
            auroc(&scored).unwrap_or(f64::NAN),
            examples.len(),
            table(&examples).ncols(),
        );
        for (way, loss) in &trained.tried {
            println!("  {way:<30} held-out cross-entropy {loss:.4}");
        }
    }
}
