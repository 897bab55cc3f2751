//! Whole tables, resolved without a label.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use refuel_resolve::{
    Comparator, Figures, Mode, Profile, Record, ResolveOptions, Scorer, Sources, assignment, compare_clusters, resolve,
};

/// A table with the truth about it.
pub(crate) struct Table {
    pub(crate) records: Vec<Record>,
    pub(crate) sources: Sources,
    /// The number of the true cluster of each record.
    pub(crate) truth: Vec<u32>,
}

fn rows(text: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let rows = reader
        .records()
        .map(|row| row.unwrap().iter().map(str::to_owned).collect())
        .collect();
    (header, rows)
}

fn record(header: &[String], row: &[String], without: &[&str]) -> Record {
    let fields = header
        .iter()
        .zip(row)
        .filter(|(column, _)| !without.contains(&column.as_str()));
    Record::new(fields.map(|(column, value)| (column.clone(), value.clone())))
}

/// Two tables in one file, told apart by `source`, and pairs of their ids in another.
pub(crate) fn linked(text: &str, matches: &str) -> Table {
    let (header, rows_of_both) = rows(text);
    let column = |name: &str| header.iter().position(|column| column == name).unwrap();
    let (source, id) = (column("source"), column("id"));
    let first = rows_of_both[0][source].clone();
    let index: BTreeMap<(bool, &str), u32> = rows_of_both
        .iter()
        .enumerate()
        .map(|(i, row)| ((row[source] == first, row[id].as_str()), i as u32))
        .collect();
    let mut truth: Vec<u32> = (0..rows_of_both.len() as u32).collect();
    for pair in rows(matches).1 {
        truth[index[&(false, pair[1].as_str())] as usize] = index[&(true, pair[0].as_str())];
    }
    let of = rows_of_both.iter().map(|row| u32::from(row[source] != first)).collect();
    Table {
        records: rows_of_both
            .iter()
            .map(|row| record(&header, row, &["source", "id"]))
            .collect(),
        sources: Sources::tables(Mode::Link, of).unwrap(),
        truth,
    }
}

/// One table with the number of the cluster in a column.
pub(crate) fn deduplicated(text: &str) -> Table {
    let (header, all) = rows(text);
    let cluster = header.iter().position(|column| column == "cluster").unwrap();
    Table {
        records: all
            .iter()
            .map(|row| record(&header, row, &["cluster", "rec_id"]))
            .collect(),
        sources: Sources::one_table(all.len()),
        truth: all.iter().map(|row| row[cluster].parse().unwrap()).collect(),
    }
}

fn true_pairs(clusters: &[u32]) -> Vec<(u32, u32)> {
    let mut by_cluster: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (record, cluster) in clusters.iter().enumerate() {
        by_cluster.entry(*cluster).or_default().push(record as u32);
    }
    by_cluster
        .values()
        .flat_map(|members| {
            members
                .iter()
                .enumerate()
                .flat_map(|(i, a)| members[i + 1..].iter().map(|b| (*a, *b)).collect::<Vec<_>>())
        })
        .collect()
}

/// Resolves a table and prints a line.
pub(crate) fn grade(name: &str, table: &Table, verbose: bool) {
    let started = Instant::now();
    let comparator = Comparator::new(Profile::fit(&table.records, &BTreeMap::new()).unwrap(), false);
    let options = ResolveOptions::default();
    let watch = |step, done, all| {
        if verbose {
            eprintln!("  {:5.1} s: {step:?} {done} of {all}", started.elapsed().as_secs_f64());
        }
        true
    };
    let resolution = resolve(
        &table.records,
        &table.sources,
        &comparator,
        None,
        Scorer::Unsupervised,
        &options,
        &watch,
    )
    .unwrap();
    let seconds = started.elapsed().as_secs_f64();
    let clusters: Vec<_> = resolution
        .entities
        .iter()
        .map(|entity| entity.cluster.clone())
        .collect();
    let found = assignment(&clusters, table.records.len()).unwrap();
    let figures = compare_clusters(&found, &table.truth).unwrap();
    let known = true_pairs(&table.truth);
    let recall = resolution
        .blocking
        .recall(&resolution.candidates, &known, table.records.len())
        .unwrap();
    if verbose {
        for column in comparator.profile().columns() {
            eprintln!(
                "  {}: {:?}, {:.2} filled, {} distinct",
                column.name, column.role, column.filled, column.distinct
            );
        }
        for (rule, found) in resolution.blocking.rules.iter().zip(&recall.by_rule) {
            eprintln!(
                "  {:?}: {} pairs, {} alone, {found} matches",
                rule.rule, rule.pairs, rule.alone
            );
        }
    }
    let Figures {
        precision,
        recall: share,
        f1,
    } = figures.pairwise;
    let (low, high) = interval(&true_pairs(&found), &known);
    println!(
        "{name:28} {:5} rows  pairwise F1 {f1:.3} [{low:.3}, {high:.3}] (all alone: 0, precision {precision:.3}, recall {share:.3})  B3 F1 {:.3}  exact clusters F1 {:.3}  ARI {:.3}  blocking recall {:.4} (estimated {:.3}) with {:.2} % of the pairs  {:.0} rows/s",
        table.records.len(),
        figures.b_cubed.f1,
        figures.exact.f1,
        figures.adjusted_rand,
        recall.share().unwrap_or(1.0),
        resolution.estimated_recall.unwrap_or(f64::NAN),
        100.0 * (1.0 - resolution.blocking.reduction()),
        table.records.len() as f64 / seconds,
    );
}

/// The middle 95 % of the F1 over resamples of the pairs that were found or are true.
fn interval(found: &[(u32, u32)], known: &[(u32, u32)]) -> (f64, f64) {
    let ordered =
        |pairs: &[(u32, u32)]| -> BTreeSet<(u32, u32)> { pairs.iter().map(|(a, b)| (*a.min(b), *a.max(b))).collect() };
    let (found, known) = (ordered(found), ordered(known));
    let all: Vec<(bool, bool)> = found
        .union(&known)
        .map(|pair| (found.contains(pair), known.contains(pair)))
        .collect();
    crate::metrics::bootstrap(&all, crate::metrics::Counts::f1)
}

/// People made up from a seed, a tenth of them a second time with errors: for the time that many records take.
pub(crate) fn made_up(count: usize) -> Table {
    let mut random = fastrand::Rng::with_seed(1);
    let word = |random: &mut fastrand::Rng, length: usize| -> String {
        (0..length)
            .map(|_| char::from(*random.choice(b"abcdefghiklmnoprstuw").unwrap()))
            .collect()
    };
    let list = |random: &mut fastrand::Rng, count: usize, length: usize| -> Vec<String> {
        (0..count)
            .map(|_| {
                let more = random.usize(0..4);
                word(random, length + more)
            })
            .collect()
    };
    let (firsts, lasts) = (list(&mut random, 800, 4), list(&mut random, 8000, 5));
    let (streets, cities) = (list(&mut random, 5000, 6), list(&mut random, 600, 5));
    let (mut records, mut truth) = (Vec::new(), Vec::new());
    let mut number = 0;
    while records.len() < count {
        // A few names are frequent, as names are.
        let mut pick = |list: &[String]| list[(random.f64().powi(2) * list.len() as f64) as usize].clone();
        let (first, last, street, city) = (pick(&firsts), pick(&lasts), pick(&streets), pick(&cities));
        let row = [
            first,
            last,
            format!("{} {street} street", random.u32(1..300)),
            city,
            format!("{:06}", random.u32(0..1_000_000)),
        ];
        let copies = if random.u32(0..10) == 0 { 2 } else { 1 };
        for copy in 0..copies {
            let mut row = row.clone();
            if copy > 0 {
                let value = random.choice(row.iter_mut()).unwrap();
                let at = random.usize(0..value.len());
                value.replace_range(at..=at, "x");
            }
            let columns = ["first", "last", "street", "city", "number"];
            records.push(Record::new(columns.into_iter().zip(row)));
            truth.push(number);
        }
        number += 1;
    }
    Table {
        sources: Sources::one_table(records.len()),
        records,
        truth,
    }
}
