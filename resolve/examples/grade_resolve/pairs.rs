//! Sets of labelled pairs.

use std::collections::BTreeMap;
use std::time::Instant;

use refuel_resolve::{Agreements, Comparator, FellegiSunter, Mode, Profile, Record};

use crate::logistic::Logistic;
use crate::metrics::{Counts, auroc, bootstrap};

/// A labelled pair.
pub(crate) struct Pair {
    pub(crate) left: Record,
    pub(crate) right: Record,
    pub(crate) same: bool,
}

/// How a set writes its pairs.
pub(crate) enum Form {
    /// `left_*`, `right_*`, `label` 1 or 0.
    Sides,
    /// `*_entity1`, `*_entity2`, `label` "duplicate" or not.
    Entities,
}

/// Reads the pairs of a file.
pub(crate) fn read(text: &str, form: &Form) -> Vec<Pair> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    reader
        .records()
        .map(|row| {
            let row = row.unwrap();
            let (mut left, mut right, mut same) = (Vec::new(), Vec::new(), false);
            for (column, value) in header.iter().zip(row.iter()) {
                let (side, name) = match form {
                    Form::Sides => match column.split_once('_') {
                        Some(("left", name)) => (Some(&mut left), name),
                        Some(("right", name)) => (Some(&mut right), name),
                        _ => (None, ""),
                    },
                    Form::Entities => match column.rsplit_once('_') {
                        Some((name, "entity1")) => (Some(&mut left), name),
                        Some((name, "entity2")) => (Some(&mut right), name),
                        _ => (None, ""),
                    },
                };
                if let Some(side) = side {
                    side.push((name.to_owned(), value.to_owned()));
                }
                if column == "label" {
                    same = value == "1" || value == "duplicate";
                }
            }
            Pair {
                left: Record::new(left),
                right: Record::new(right),
                same,
            }
        })
        .collect()
}

/// Penalties that cross-validation chooses from.
const PENALTIES: [f32; 5] = [0.001, 0.003, 0.01, 0.03, 0.1];

/// Trains on the examples, grades the rows, and prints a line. `rest` grades further rows, for a narrower interval.
pub(crate) fn grade(name: &str, examples: &[Pair], graded: &[Pair], unlabelled: &[Pair], verbose: bool) {
    let records: Vec<Record> = examples
        .iter()
        .chain(graded)
        .chain(unlabelled)
        .flat_map(|pair| [pair.left.clone(), pair.right.clone()])
        .collect();
    let comparator = Comparator::new(Profile::fit(&records, &BTreeMap::new()).unwrap(), false);
    if verbose {
        for column in comparator.profile().columns() {
            eprintln!(
                "  {}: {:?}, {:.2} filled, {} distinct",
                column.name, column.role, column.filled, column.distinct
            );
        }
    }
    let features = |pairs: &[Pair]| -> Vec<Vec<f32>> {
        pairs
            .iter()
            .map(|pair| comparator.compare(&comparator.prepare(&pair.left), &comparator.prepare(&pair.right), None))
            .collect()
    };
    let training = features(examples);
    let labels: Vec<bool> = examples.iter().map(|pair| pair.same).collect();
    let out_of_fold = |penalty: f32| -> Vec<f32> {
        let mut probabilities = vec![0.0; training.len()];
        for fold in 0..10 {
            let kept: Vec<usize> = (0..training.len()).filter(|i| i % 10 != fold).collect();
            let rows: Vec<&[f32]> = kept.iter().map(|i| training[*i].as_slice()).collect();
            let kept_labels: Vec<bool> = kept.iter().map(|i| labels[*i]).collect();
            let model = Logistic::fit(comparator.features(), &rows, &kept_labels, penalty);
            for i in (fold..training.len()).step_by(10) {
                probabilities[i] = model.probability(&training[i]);
            }
        }
        probabilities
    };
    let loss = |probabilities: &[f32]| -> f32 {
        let of = |(p, label): (&f32, &bool)| -(if *label { *p } else { 1.0 - p }).max(1e-6).ln();
        probabilities.iter().zip(&labels).map(of).sum::<f32>() / labels.len() as f32
    };
    let (penalty, held_out) = PENALTIES
        .iter()
        .map(|penalty| (*penalty, out_of_fold(*penalty)))
        .min_by(|a, b| loss(&a.1).total_cmp(&loss(&b.1)))
        .unwrap();
    let decide = |probabilities: &[f32], threshold: f32, pairs: &[Pair]| -> Vec<(bool, bool)> {
        probabilities
            .iter()
            .zip(pairs)
            .map(|(p, pair)| (*p >= threshold, pair.same))
            .collect()
    };
    // The threshold too comes from the examples alone.
    let threshold = (4..=16)
        .map(|step| step as f32 / 20.0)
        .max_by(|a, b| {
            let f1 = |t: f32| Counts::of(decide(&held_out, t, examples).into_iter()).f1();
            f1(*a)
                .total_cmp(&f1(*b))
                .then((b - 0.5).abs().total_cmp(&(a - 0.5).abs()))
        })
        .unwrap();
    let rows: Vec<&[f32]> = training.iter().map(Vec::as_slice).collect();
    let model = Logistic::fit(comparator.features(), &rows, &labels, penalty);
    let cross_validated = decide(&held_out, threshold, examples);
    let scored: Vec<(f32, bool)> = held_out.iter().copied().zip(labels.iter().copied()).collect();
    if verbose {
        eprintln!(
            "  {} examples: cross-validated F1 {:.3} [{:.3}, {:.3}], AUROC {:.3}, loss {:.3}, penalty {penalty}, threshold {threshold}",
            examples.len(),
            Counts::of(cross_validated.iter().copied()).f1(),
            bootstrap(&cross_validated, Counts::f1).0,
            bootstrap(&cross_validated, Counts::f1).1,
            auroc(&scored),
            loss(&held_out),
        );
        for (feature, weight) in model.heaviest(comparator.features(), 14) {
            eprintln!("    {feature:32} {weight:+.2}");
        }
        errors(examples, &held_out, threshold);
    }
    if verbose {
        unsupervised(
            &comparator,
            &training,
            &labels,
            examples.iter().chain(graded).chain(unlabelled),
        );
    }
    if std::env::args().any(|argument| argument == "--examples") {
        return;
    }
    let started = Instant::now();
    let probabilities: Vec<f32> = features(graded).iter().map(|row| model.probability(row)).collect();
    let rate = graded.len() as f64 / started.elapsed().as_secs_f64();
    let decided = decide(&probabilities, threshold, graded);
    let counts = Counts::of(decided.iter().copied());
    let scored: Vec<(f32, bool)> = probabilities
        .iter()
        .copied()
        .zip(graded.iter().map(|pair| pair.same))
        .collect();
    // Confidence in what was said, against whether it was right.
    let confident: Vec<(f32, bool)> = probabilities
        .iter()
        .zip(&decided)
        .map(|(p, (said, truth))| (if *said { *p } else { 1.0 - p }, said == truth))
        .collect();
    let same = graded.iter().filter(|pair| pair.same).count() as f64 / graded.len() as f64;
    let null = Counts::of(graded.iter().map(|pair| (true, pair.same))).f1();
    let ((f_low, f_high), (a_low, a_high)) = (bootstrap(&decided, Counts::f1), bootstrap(&decided, Counts::accuracy));
    println!(
        "{name:28} {:5} rows  F1 {:.3} [{f_low:.3}, {f_high:.3}] (all same: {null:.3})  accuracy {:.3} [{a_low:.3}, {a_high:.3}] (majority: {:.3})  AUROC of match {:.3}, of confidence {:.3}  {rate:.0} rows/s",
        graded.len(),
        counts.f1(),
        counts.accuracy(),
        same.max(1.0 - same),
        auroc(&scored),
        auroc(&confident),
    );
}

/// How a scorer does that sees no label, on the examples.
fn unsupervised<'a>(
    comparator: &Comparator,
    rows: &[Vec<f32>],
    labels: &[bool],
    pairs: impl Iterator<Item = &'a Pair>,
) {
    let mut candidates = Agreements::new(comparator.features());
    let (mut left, mut right) = (Vec::new(), Vec::new());
    let mut numbers: BTreeMap<String, u32> = BTreeMap::new();
    for pair in pairs {
        let (a, b) = (comparator.prepare(&pair.left), comparator.prepare(&pair.right));
        let mut number = |side: &str, record: &Record| {
            let next = numbers.len() as u32;
            *numbers.entry(format!("{side}{record:?}")).or_insert(next)
        };
        let (i, j) = (number("left", &pair.left), number("right", &pair.right));
        candidates.add(i, j, &comparator.compare(&a, &b, None));
        left.push(a);
        right.push(b);
    }
    let mut random = Agreements::new(comparator.features());
    for step in 1..40 {
        for (number, a) in left.iter().enumerate() {
            random.add(
                0,
                1,
                &comparator.compare(a, &right[(number + 7 * step) % right.len()], None),
            );
        }
    }
    let model = FellegiSunter::fit(&candidates, &random, &[], Mode::Link).unwrap();
    let scored: Vec<(f32, bool)> = rows
        .iter()
        .map(|row| model.probability(row))
        .zip(labels.iter().copied())
        .collect();
    let counts = Counts::of(scored.iter().map(|(probability, same)| (*probability >= 0.5, *same)));
    eprintln!(
        "  unsupervised: F1 {:.3} ({} right, {} wrong, {} missed), AUROC {:.3}, {:.0} matches estimated",
        counts.f1(),
        counts.true_positives,
        counts.false_positives,
        counts.false_negatives,
        auroc(&scored),
        model.matches(),
    );
}

/// The examples that were furthest off, to see what is missing.
fn errors(pairs: &[Pair], probabilities: &[f32], threshold: f32) {
    if !std::env::args().any(|argument| argument == "--errors") {
        return;
    }
    for (pair, probability) in pairs.iter().zip(probabilities) {
        if (*probability >= threshold) != pair.same {
            eprintln!("    {} at {probability:.2}", if pair.same { "missed" } else { "wrong" });
            for record in [&pair.left, &pair.right] {
                let fields: Vec<String> = record
                    .fields()
                    .map(|(column, text)| format!("{column}: {text:.110}"))
                    .collect();
                eprintln!("      {}", fields.join(" | "));
            }
        }
    }
}
