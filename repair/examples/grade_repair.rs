//! Grades repairs on tables with known errors: `cargo run --release -p refuel-repair --example grade_repair [FOLDER..]`.
//!
//! A folder has an `all.csv` with columns `dirty_*` and `clean_*`; without folders those of the evaluation data are
//! taken, below `REFUEL_DATA` or `../shared/data`. Twenty rows, chosen by the crate five at a time, are labelled from the
//! clean side; beside them stand none, and five draws of twenty at random. Precision is right repairs of all changed cells,
//! recall right repairs of all wrong cells, over all rows but the labelled. The null model changes nothing.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the table is what this program is for"
)]

use std::path::{Path, PathBuf};
use std::time::Instant;

use refuel_repair::{LabelledRow, Proposal, Remedy, Settings, Table, choose_rows_to_label, repair};

type Rows = Vec<Vec<Option<String>>>;
type Failure = Box<dyn std::error::Error>;

const LABELLED: usize = 20;
const AT_A_TIME: usize = 5;
const DRAWS: usize = 5;

#[derive(Default)]
struct Graded {
    right: f64,
    changed: f64,
    wrong: f64,
}

impl Graded {
    fn add(&mut self, other: &Self) {
        self.right += other.right;
        self.changed += other.changed;
        self.wrong += other.wrong;
    }

    fn sum(of: &[Self]) -> Self {
        let mut sum = Self::default();
        of.iter().for_each(|graded| sum.add(graded));
        sum
    }

    fn scores(&self) -> (f64, f64, f64) {
        let precision = if self.changed > 0.0 {
            self.right / self.changed
        } else {
            0.0
        };
        let recall = if self.wrong > 0.0 { self.right / self.wrong } else { 0.0 };
        let sum = precision + recall;
        (
            precision,
            recall,
            if sum > 0.0 { 2.0 * precision * recall / sum } else { 0.0 },
        )
    }
}

fn read(folder: &Path) -> Result<(Vec<String>, Rows, Rows), Failure> {
    let mut reader = csv::Reader::from_path(folder.join("all.csv"))?;
    let header = reader.headers()?.clone();
    let names: Vec<String> = header
        .iter()
        .filter_map(|name| name.strip_prefix("dirty_"))
        .map(str::to_owned)
        .collect();
    let place = |prefix: &str| -> Vec<usize> {
        let wanted = names.iter().map(|name| format!("{prefix}{name}"));
        wanted
            .filter_map(|name| header.iter().position(|column| column == name))
            .collect()
    };
    let (dirty_at, clean_at) = (place("dirty_"), place("clean_"));
    let (mut dirty, mut clean) = (Vec::new(), Vec::new());
    for record in reader.records() {
        let record = record?;
        let take = |places: &[usize]| -> Vec<Option<String>> {
            let values = places.iter().map(|&at| record.get(at).unwrap_or_default());
            values
                .map(|value| (!value.is_empty()).then(|| value.to_owned()))
                .collect()
        };
        dirty.push(take(&dirty_at));
        clean.push(take(&clean_at));
    }
    Ok((names, dirty, clean))
}

/// F1 at the ends of the 95 % interval, by rows drawn again.
fn interval(rows: &[Graded]) -> (f64, f64) {
    let mut random = fastrand::Rng::with_seed(1);
    let mut scores: Vec<f64> = (0..1000)
        .map(|_| {
            let mut sum = Graded::default();
            for _ in 0..rows.len() {
                sum.add(&rows[random.usize(..rows.len())]);
            }
            sum.scores().2
        })
        .collect();
    scores.sort_by(f64::total_cmp);
    (scores[25], scores[974])
}

/// Repairs a table with labelled rows, and grades each row and each column.
fn repaired(names: &[String], dirty: &Rows, clean: &Rows, labels: &[LabelledRow]) -> Result<[Vec<Graded>; 2], Failure> {
    let table = Table::new(names.iter().cloned(), dirty.clone())?;
    let repairs = repair(&table, labels, &Settings::default())?;
    let mut after = dirty.clone();
    let known = |proposal: &&Proposal| proposal.remedy != Remedy::Unknown;
    for proposal in repairs.proposals.iter().filter(known) {
        after[proposal.row][proposal.column] = proposal.after().map(str::to_owned);
    }
    let mut of_columns: Vec<Graded> = names.iter().map(|_| Graded::default()).collect();
    let mut of_rows = Vec::new();
    for row in (0..dirty.len()).filter(|row| labels.iter().all(|label| label.row != *row)) {
        let mut graded = Graded::default();
        for column in 0..names.len() {
            let changed = f64::from(u8::from(after[row][column] != dirty[row][column]));
            let wrong = f64::from(u8::from(clean[row][column] != dirty[row][column]));
            let right = changed * f64::from(u8::from(after[row][column] == clean[row][column]));
            for sum in [&mut graded, &mut of_columns[column]] {
                sum.add(&Graded { right, changed, wrong });
            }
        }
        of_rows.push(graded);
    }
    Ok([of_rows, of_columns])
}

/// Twenty rows, five at a time, each time with the labels of the former.
fn chosen(table: &Table, clean: &Rows) -> Result<Vec<LabelledRow>, Failure> {
    let mut labels: Vec<LabelledRow> = Vec::new();
    while labels.len() < LABELLED {
        let rows = choose_rows_to_label(table, AT_A_TIME, &labels, &Settings::default())?;
        labels.extend(rows.iter().map(|&row| label(row, clean)));
    }
    Ok(labels)
}

fn label(row: usize, clean: &Rows) -> LabelledRow {
    LabelledRow {
        row,
        values: clean[row].clone(),
    }
}

fn grade(folder: &Path) -> Result<(), Failure> {
    let (names, dirty, clean) = read(folder)?;
    let table = Table::new(names.clone(), dirty.clone())?;
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    for (how, labels) in [("none", Vec::new()), ("20 chosen", chosen(&table, &clean)?)] {
        let started = Instant::now();
        let [of_rows, of_columns] = repaired(&names, &dirty, &clean, &labels)?;
        let seconds = started.elapsed().as_secs_f64();
        let (precision, recall, f1) = Graded::sum(&of_rows).scores();
        let (low, high) = interval(&of_rows);
        println!(
            "{name:<16} {:>6} {how:<16} {precision:>6.3} {recall:>6.3} {f1:>6.3} [{low:.3}, {high:.3}] {:>5.3} {:>8.0}",
            dirty.len(),
            0.0,
            dirty.len() as f64 / seconds
        );
        eprintln!("  {how}:");
        for (name, graded) in names
            .iter()
            .zip(&of_columns)
            .filter(|(_, graded)| graded.changed + graded.wrong > 0.0)
        {
            eprintln!(
                "  {name:<18} {:>5} wrong {:>5} changed {:>5} right",
                graded.wrong, graded.changed, graded.right
            );
        }
    }
    let mut random = fastrand::Rng::with_seed(1);
    let mut scores = Vec::new();
    for _ in 0..DRAWS {
        let mut rows: Vec<usize> = (0..dirty.len()).collect();
        random.shuffle(&mut rows);
        let labels: Vec<LabelledRow> = rows.iter().take(LABELLED).map(|&row| label(row, &clean)).collect();
        let [of_rows, _] = repaired(&names, &dirty, &clean, &labels)?;
        scores.push(Graded::sum(&of_rows).scores().2);
    }
    scores.sort_by(f64::total_cmp);
    println!(
        "{name:<16} {:>6} {:<30} {:>6.3} [{:.3}, {:.3}]",
        dirty.len(),
        "20 at random, mean and range",
        scores.iter().sum::<f64>() / DRAWS as f64,
        scores[0],
        scores[DRAWS - 1]
    );
    Ok(())
}

fn main() -> Result<(), Failure> {
    let mut folders: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    if folders.is_empty() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let data = std::env::var_os("REFUEL_DATA").map_or_else(|| root.join("../shared/data"), PathBuf::from);
        folders = vec![data.join("clean_beers"), data.join("clean_hospital")];
    }
    println!("set                rows labelled rows    precis recall     F1 95 % interval    null   rows/s");
    for folder in folders {
        if folder.join("all.csv").exists() {
            grade(&folder)?;
        } else {
            eprintln!("skipped: no {}", folder.join("all.csv").display());
        }
    }
    Ok(())
}
