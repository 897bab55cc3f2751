//! How long a head takes: 10,000 examples of 384 dimensions by default, or as many examples, dimensions and labels as the
//! arguments say. The numbers are by chance, around one point a label.

#![expect(clippy::print_stdout, reason = "the table is what it is for")]

use std::time::Instant;

use ndarray::Array2;
use refuel_learn::{Features, HeadOptions, Targets, normalize_rows, train_head};

fn main() {
    let sizes: Vec<usize> = std::env::args().skip(1).filter_map(|size| size.parse().ok()).collect();
    let [rows, dimensions, labels] = sizes.try_into().unwrap_or([10_000, 384, 77]);
    let mut random = fastrand::Rng::with_seed(1);
    let points = Array2::from_shape_simple_fn((labels, dimensions), || random.f32() - 0.5);
    let right: Vec<usize> = (0..rows).map(|row| row % labels).collect();
    let mut dense = Array2::from_shape_fn((rows, dimensions), |(row, column)| {
        points[[right[row], column]] + 4.0 * (random.f32() - 0.5)
    });
    normalize_rows(&mut dense);
    let targets = Targets::single(&right, labels).expect("labels are known");
    let start = Instant::now();
    let trained = train_head(
        &Features::dense(dense),
        &targets,
        None,
        None,
        &HeadOptions::default(),
        &|| false,
    )
    .expect("there are examples");
    println!(
        "{rows} examples, {dimensions} dimensions, {labels} labels: {:.1} s, held-out accuracy {:.3}, penalty {:e}",
        start.elapsed().as_secs_f64(),
        trained.accuracy,
        trained.choice.penalty
    );
}
