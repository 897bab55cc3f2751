//! How long a head takes, and how right it is. Arguments are numbers: examples, dimensions and labels of which rows are made
//! by chance, around one point a label (10,000, 384 and 77 unless told).
//!
//! Or files of JSON lines, each a `text`, its `label` and the `vector` of an embedding model; with `about` where the text says
//! what the label is. The first `GRADED` rows (200 unless the variable says so) are held back, and the head is trained on
//! as many behind them as `TRAINED` says, or on all.

#![expect(clippy::print_stdout, reason = "the table is what it is for")]

use std::time::Instant;

use ndarray::Array2;
use refuel_learn::{
    Features, HeadOptions, LabelTexts, Targets, TermOptions, TermVocabulary, TrainedHead, best_of, normalize_rows,
    train_head,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Row {
    text: String,
    label: String,
    vector: Vec<f32>,
    #[serde(default)]
    about: bool,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let sizes: Result<Vec<usize>, _> = arguments.iter().map(|size| size.parse()).collect();
    match sizes {
        Ok(sizes) => by_chance(sizes.try_into().unwrap_or([10_000, 384, 77])),
        Err(_) => arguments.iter().for_each(|file| of_file(file)),
    }
}

fn setting(name: &str) -> Option<usize> {
    std::env::var(name).ok()?.parse().ok()
}

fn trained(features: &Features, targets: &Targets, texts: Option<&LabelTexts>) -> (TrainedHead, f64) {
    let start = Instant::now();
    let trained = train_head(features, targets, texts, None, &HeadOptions::default(), &|| false);
    (trained.expect("there are examples"), start.elapsed().as_secs_f64())
}

fn by_chance([rows, dimensions, labels]: [usize; 3]) {
    let mut random = fastrand::Rng::with_seed(1);
    let points = Array2::from_shape_simple_fn((labels, dimensions), || random.f32() - 0.5);
    let right: Vec<usize> = (0..rows).map(|row| row % labels).collect();
    let mut dense = Array2::from_shape_fn((rows, dimensions), |(row, column)| {
        points[[right[row], column]] + 4.0 * (random.f32() - 0.5)
    });
    normalize_rows(&mut dense);
    let targets = Targets::single(&right, labels).expect("labels are known");
    let (head, seconds) = trained(&Features::dense(dense), &targets, None);
    println!(
        "{rows} examples, {dimensions} dimensions, {labels} labels: {seconds:.1} s, held-out accuracy {:.3}, penalty {:e}",
        head.accuracy, head.choice.penalty
    );
}

fn of_file(file: &str) {
    let text = std::fs::read_to_string(file).expect("the file can be read");
    let rows = text.lines().map(|line| serde_json::from_str(line).expect("a row"));
    let (about, rows): (Vec<Row>, Vec<Row>) = rows.partition(|row: &Row| row.about);
    let mut labels: Vec<&str> = about.iter().chain(&rows).map(|row| row.label.as_str()).collect();
    labels.sort_unstable();
    labels.dedup();
    let (graded, rest) = rows.split_at(setting("GRADED").unwrap_or(200).min(rows.len()));
    let examples = &rest[..setting("TRAINED").unwrap_or(rest.len()).min(rest.len())];
    let texts: Vec<&str> = examples.iter().map(|row| row.text.as_str()).collect();
    let vocabulary = TermVocabulary::fit(&texts, &TermOptions::default());
    let features = |rows: &[Row]| {
        let texts: Vec<&str> = rows.iter().map(|row| row.text.as_str()).collect();
        let dimensions = rows.first().map_or(0, |row| row.vector.len());
        let numbers = rows.iter().flat_map(|row| row.vector.iter().copied()).collect();
        Features {
            dense: Array2::from_shape_vec((rows.len(), dimensions), numbers).expect("vectors are of one length"),
            terms: Some(vocabulary.rows(&texts)),
        }
    };
    let number = |row: &Row| labels.binary_search(&row.label.as_str()).unwrap_or_default();
    let numbers = |rows: &[Row]| rows.iter().map(number).collect::<Vec<usize>>();
    let label_texts = (!about.is_empty()).then(|| LabelTexts {
        features: features(&about),
        labels: numbers(&about),
    });
    let targets = Targets::single(&numbers(examples), labels.len()).expect("labels are known");
    let (head, seconds) = trained(&features(examples), &targets, label_texts.as_ref());
    let found = best_of(&head.head.logits(&features(graded)).expect("features are alike"));
    let right = found
        .iter()
        .zip(numbers(graded))
        .filter(|(found, right)| **found == *right);
    println!(
        "{file}: {} examples, {} labels, {seconds:.1} s; held out {:.4}, loss {:.4}; {} others {:.4}; {:?}",
        examples.len(),
        labels.len(),
        head.accuracy,
        head.log_loss,
        graded.len(),
        right.count() as f64 / graded.len() as f64,
        head.choice
    );
}
