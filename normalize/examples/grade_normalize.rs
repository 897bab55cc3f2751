//! Grades the formats and vocabularies on the labelled sets: `cargo run --release --example grade_normalize [FOLDER]`.
//!
//! The folder is that of the sets, or `REFUEL_EVALUATION_DATA`, or `../shared/data`. The first 200 rows of each set are
//! graded; nothing is learnt from them, and entries of vocabularies come from the rows behind them.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "an example talks to its user")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use refuel_engine::evaluate::{Interval, wilson};
use refuel_normalize::vocabulary::Vocabulary;
use refuel_normalize::{Format, Settings, moments};

/// Rows of a set that are graded.
const GRADED: usize = 200;

/// How a set went.
struct Grade {
    set: &'static str,
    metric: &'static str,
    right: usize,
    rows: usize,
    null: f64,
    time: Duration,
}

impl Grade {
    fn new(set: &'static str, metric: &'static str, null: f64) -> Self {
        Self {
            set,
            metric,
            right: 0,
            rows: 0,
            null,
            time: Duration::ZERO,
        }
    }

    fn row(&mut self, right: bool) {
        self.rows += 1;
        self.right += usize::from(right);
    }

    fn print(&self) {
        let rows = self.rows.max(1) as f64;
        let Interval(low, high) = wilson(self.right as u64, self.rows as u64).unwrap_or(Interval(0.0, 1.0));
        println!(
            "{:<20} {:>5} {:<28} {:.3} [{low:.3}, {high:.3}] null {:.3} {:>8.0} rows/s",
            self.set,
            self.rows,
            self.metric,
            self.right as f64 / rows,
            self.null,
            rows / self.time.as_secs_f64().max(1e-9),
        );
    }
}

fn main() {
    let folder = std::env::args()
        .nth(1)
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("REFUEL_EVALUATION_DATA").map(PathBuf::from))
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"));
    for grade in [phones, moments_in_english, organizations, countries] {
        match grade(&folder) {
            Ok(grades) => grades.iter().for_each(Grade::print),
            Err(error) => eprintln!("skipped: {error}"),
        }
    }
}

fn read(folder: &Path, set: &str) -> Result<Vec<csv::StringRecord>, csv::Error> {
    let file = folder.join(set).join("all.csv");
    csv::ReaderBuilder::new()
        .flexible(true)
        .from_path(file)?
        .records()
        .collect()
}

/// The texts of the results of a row.
fn results(row: &csv::StringRecord) -> Vec<serde_json::Value> {
    serde_json::from_str(&row[3]).unwrap_or_default()
}

fn phones(folder: &Path) -> Result<Vec<Grade>, csv::Error> {
    let rows = read(folder, "norm_phone_numbers")?;
    let graded = &rows[..GRADED.min(rows.len())];
    let none = graded.iter().filter(|row| results(row).is_empty()).count();
    let mut grade = Grade::new(
        "norm_phone_numbers",
        "accuracy, all numbers",
        none as f64 / graded.len() as f64,
    );
    // The library reads what it knows of countries once.
    Format::Phone.find("+4930901820", &Settings::default());
    for row in graded {
        let started = Instant::now();
        let found = Format::Phone.find(&row[1], &Settings::default());
        grade.time += started.elapsed();
        let mut found: Vec<&str> = found.into_iter().map(|found| &row[1][found.span]).collect();
        let wanted = results(row);
        let mut wanted: Vec<&str> = wanted
            .iter()
            .filter_map(|result| result["Resolution"]["value"].as_str())
            .collect();
        found.sort_unstable();
        wanted.sort_unstable();
        grade.row(found == wanted);
    }
    Ok(vec![grade])
}

fn moments_in_english(folder: &Path) -> Result<Vec<Grade>, csv::Error> {
    let rows = read(folder, "norm_datetime_en")?;
    let graded = &rows[..GRADED.min(rows.len())];
    let none = graded.iter().filter(|row| results(row).is_empty()).count() as f64 / graded.len() as f64;
    let mut all = Grade::new("norm_datetime_en", "accuracy, text and values", none);
    let mut timex = Grade::new("norm_datetime_en", "accuracy, text and timex", none);
    let mut values = Grade::new("norm_datetime_en", "accuracy, values", none);
    for row in graded {
        let reference = row[2].parse().unwrap_or(jiff::civil::datetime(2019, 1, 1, 0, 0, 0, 0));
        let started = Instant::now();
        let found = moments(&row[1], reference, false);
        let spent = started.elapsed();
        let mut got: BTreeSet<[String; 6]> = BTreeSet::new();
        for expression in &found {
            for reading in &expression.readings {
                let or_empty = |value: &Option<String>| value.clone().unwrap_or_default();
                got.insert([
                    row[1][expression.span.clone()].to_lowercase(),
                    reading.timex.clone(),
                    or_empty(&reading.modifier),
                    or_empty(&reading.value),
                    or_empty(&reading.start),
                    or_empty(&reading.end),
                ]);
            }
        }
        let mut wanted: BTreeSet<[String; 6]> = BTreeSet::new();
        for result in results(row) {
            for value in result["Resolution"]["values"].as_array().into_iter().flatten() {
                let get = |key: &str| {
                    value[key]
                        .as_str()
                        .filter(|text| *text != "not resolved")
                        .unwrap_or_default()
                        .to_owned()
                };
                let text = result["Text"].as_str().unwrap_or_default().to_lowercase();
                wanted.insert([text, get("timex"), get("Mod"), get("value"), get("start"), get("end")]);
            }
        }
        let some = |set: &BTreeSet<[String; 6]>, fields: &[usize]| -> BTreeSet<Vec<String>> {
            set.iter()
                .map(|row| fields.iter().map(|field| row[*field].clone()).collect())
                .collect()
        };
        for (grade, fields) in [
            (&mut all, &[0, 1, 2, 3, 4, 5][..]),
            (&mut timex, &[0, 1]),
            (&mut values, &[3, 4, 5]),
        ] {
            grade.time += spent;
            grade.row(some(&got, fields) == some(&wanted, fields));
        }
    }
    Ok(vec![all, timex, values])
}

/// The registry isn't there: its entries are made of the rows that are not graded, so that only rows whose entry is among
/// those can be right.
fn organizations(folder: &Path) -> Result<Vec<Grade>, csv::Error> {
    let rows = read(folder, "norm_org_names_ror")?;
    let (graded, others) = rows.split_at(GRADED.min(rows.len()));
    let mut entries: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for row in others.iter().filter(|row| row.len() == 2) {
        entries.entry(&row[1]).or_default().push(&row[0]);
    }
    let listed = entries.iter().map(|(id, names)| (*id, names[0], names[1..].to_vec()));
    let Ok(vocabulary) = Vocabulary::build(listed) else {
        return Ok(Vec::new());
    };
    let most = graded
        .iter()
        .map(|row| graded.iter().filter(|other| other.get(1) == row.get(1)).count())
        .max()
        .unwrap_or(0);
    let null = most as f64 / graded.len() as f64;
    let mut all = Grade::new("norm_org_names_ror", "accuracy, every row", null);
    let mut known = Grade::new("norm_org_names_ror", "accuracy, entry is listed", null);
    for row in graded.iter().filter(|row| row.len() == 2) {
        let started = Instant::now();
        let found = vocabulary.lookup(&row[0], 2);
        let spent = started.elapsed();
        let right = found.first().is_some_and(|candidate| candidate.id == row[1]);
        all.time += spent;
        all.row(right);
        if entries.contains_key(&row[1]) {
            known.time += spent;
            known.row(right);
        }
    }
    Ok(vec![all, known])
}

/// The country that a legal form is most usual in, beside the name's own words.
fn countries(folder: &Path) -> Result<Vec<Grade>, csv::Error> {
    let rows = read(folder, "norm_company_country")?;
    let graded = &rows[..GRADED.min(rows.len())];
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    graded.iter().for_each(|row| *counts.entry(&row[1]).or_default() += 1);
    let most = counts.values().copied().max().unwrap_or(0) as f64 / graded.len() as f64;
    let mut first = Grade::new("norm_company_country", "accuracy, likeliest country", most);
    let mut among = Grade::new("norm_company_country", "share, country is listed", most);
    let settings = Settings::default();
    for row in graded {
        let wanted = Format::Country.normalize(&row[1], &settings);
        let started = Instant::now();
        let found = Format::Company.find(&row[0], &settings);
        let spent = started.elapsed();
        let listed: Vec<String> = found
            .iter()
            .flat_map(|found| found.outcome.candidates())
            .filter_map(|candidate| candidate.parts["countries"].as_array())
            .flatten()
            .filter_map(|country| country.as_str().map(str::to_owned))
            .collect();
        let wanted = wanted.value().unwrap_or("-");
        first.time += spent;
        first.row(listed.first().is_some_and(|country| country == wanted));
        among.time += spent;
        among.row(listed.iter().any(|country| country == wanted));
    }
    Ok(vec![first, among])
}
