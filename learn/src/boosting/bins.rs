//! Values of columns in few bins.

use ndarray::{Array2, Axis};

/// Most bins a column, the one for missing values not counted.
const MOST_BINS: usize = 254;
/// The bin of a value that is missing.
pub(super) const MISSING: u8 = 255;

/// Columns in bins.
pub(super) struct Bins {
    /// By columns: the bin of each row.
    pub(super) columns: Vec<Vec<u8>>,
    /// By columns: a value goes into the first bin whose border it does not exceed, or into the last, which has none.
    pub(super) borders: Vec<Vec<f32>>,
}

impl Bins {
    /// Borders lie half-way between neighbouring values; where there are too many, at even shares of the rows.
    pub(super) fn of(table: &Array2<f32>) -> Self {
        let borders: Vec<Vec<f32>> = table
            .axis_iter(Axis(1))
            .map(|column| {
                let mut values: Vec<f32> = column.iter().copied().filter(|value| !value.is_nan()).collect();
                values.sort_by(f32::total_cmp);
                let every = values.len().div_ceil(MOST_BINS).max(1);
                let mut distinct = values.clone();
                distinct.dedup();
                let taken: Vec<f32> = if distinct.len() <= MOST_BINS {
                    distinct
                } else {
                    let mut taken: Vec<f32> = values.into_iter().step_by(every).collect();
                    taken.dedup();
                    taken
                };
                // Rounding may put the middle on the upper of two numbers: then the lower one is the border.
                let middle = |pair: &[f32]| {
                    let middle = f32::midpoint(pair[0], pair[1]);
                    if middle < pair[1] { middle } else { pair[0] }
                };
                taken.windows(2).map(middle).collect()
            })
            .collect();
        let columns = table
            .axis_iter(Axis(1))
            .zip(&borders)
            .map(|(column, borders)| {
                let bin = |value: &f32| {
                    if value.is_nan() {
                        MISSING
                    } else {
                        borders.partition_point(|border| border < value) as u8
                    }
                };
                column.iter().map(bin).collect()
            })
            .collect();
        Self { columns, borders }
    }
}
