//! What a head reads of a row: an embedding, and weights of terms.

use ndarray::{Array2, Axis};

use crate::error::LearnError;

/// Rows of few columns that are not zero each: compressed sparse rows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TermRows {
    columns: usize,
    /// Where each row begins, and where the last ends.
    starts: Vec<usize>,
    terms: Vec<u32>,
    weights: Vec<f32>,
}

impl TermRows {
    /// No rows yet, of `columns` columns.
    pub fn new(columns: usize) -> Self {
        Self {
            columns,
            starts: vec![0],
            ..Self::default()
        }
    }

    /// Adds a row: columns, each once, with their values. Columns that don't exist are left out.
    pub fn push(&mut self, row: impl IntoIterator<Item = (u32, f32)>) {
        for (term, weight) in row {
            if (term as usize) < self.columns {
                self.terms.push(term);
                self.weights.push(weight);
            }
        }
        self.starts.push(self.terms.len());
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The columns of a row that are not zero, with their values.
    pub fn row(&self, row: usize) -> impl Iterator<Item = (usize, f32)> + '_ {
        let range = self.starts[row]..self.starts[row + 1];
        self.terms[range.clone()]
            .iter()
            .zip(&self.weights[range])
            .map(|(term, weight)| (*term as usize, *weight))
    }

    /// Some of the rows, in the order that is asked for.
    #[must_use]
    pub fn select(&self, rows: &[usize]) -> Self {
        let mut selected = Self::new(self.columns);
        for &row in rows {
            selected.push(self.row(row).map(|(term, weight)| (term as u32, weight)));
        }
        selected
    }

    /// The same with every value times `scale`.
    #[must_use]
    pub fn scaled(&self, scale: f32) -> Self {
        Self {
            weights: self.weights.iter().map(|weight| weight * scale).collect(),
            ..self.clone()
        }
    }

    /// The same rows without the columns that are zero in all of them, and the columns that are left, in ascending order.
    pub(crate) fn compacted(&self) -> (Self, Vec<u32>) {
        let mut numbers = vec![u32::MAX; self.columns];
        self.terms.iter().for_each(|&term| numbers[term as usize] = 0);
        let used: Vec<u32> = (0..self.columns as u32)
            .filter(|&term| numbers[term as usize] == 0)
            .collect();
        (0..)
            .zip(&used)
            .for_each(|(number, &term)| numbers[term as usize] = number);
        let compacted = Self {
            columns: used.len(),
            terms: self.terms.iter().map(|&term| numbers[term as usize]).collect(),
            ..self.clone()
        };
        (compacted, used)
    }

    /// Columns as rows and rows as columns.
    pub(crate) fn transposed(&self) -> Self {
        let mut starts = vec![0; self.columns + 1];
        self.terms.iter().for_each(|&term| starts[term as usize + 1] += 1);
        (1..starts.len()).for_each(|term| starts[term] += starts[term - 1]);
        let mut next = starts.clone();
        let mut terms = vec![0; self.terms.len()];
        let mut weights = vec![0.0; self.terms.len()];
        for row in 0..self.rows() {
            for (term, weight) in self.row(row) {
                terms[next[term]] = row as u32;
                weights[next[term]] = weight;
                next[term] += 1;
            }
        }
        Self {
            columns: self.rows(),
            starts,
            terms,
            weights,
        }
    }

    /// Adds the rows of another one, of the same columns.
    pub(crate) fn extend(&mut self, other: &Self) {
        let end = self.terms.len();
        self.terms.extend(&other.terms);
        self.weights.extend(&other.weights);
        self.starts.extend(other.starts.iter().skip(1).map(|start| end + start));
    }

    /// The same rows with all their zeros: `[rows, columns]`.
    pub fn to_dense(&self) -> Array2<f32> {
        let mut dense = Array2::zeros((self.rows(), self.columns));
        for row in 0..self.rows() {
            for (term, weight) in self.row(row) {
                dense[[row, term]] = weight;
            }
        }
        dense
    }
}

/// What a head reads of each row.
#[derive(Debug, Clone, PartialEq)]
pub struct Features {
    /// Embeddings, `[rows, dimensions]`. Heads are made for rows of length 1; other lengths want other penalties.
    pub dense: Array2<f32>,
    /// Weights of terms, `[rows, terms]`, where a head reads them too.
    pub terms: Option<TermRows>,
}

impl Features {
    /// Embeddings alone, `[rows, dimensions]`.
    pub fn dense(dense: Array2<f32>) -> Self {
        Self { dense, terms: None }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.dense.nrows()
    }

    /// Columns of the embeddings and of the terms together.
    pub fn columns(&self) -> usize {
        self.dense.ncols() + self.terms.as_ref().map_or(0, TermRows::columns)
    }

    /// Some of the rows, in the order that is asked for.
    #[must_use]
    pub fn select(&self, rows: &[usize]) -> Self {
        Self {
            dense: self.dense.select(Axis(0), rows),
            terms: self.terms.as_ref().map(|terms| terms.select(rows)),
        }
    }

    /// The same with the terms' weights times `scale`; at 0 without the terms.
    #[must_use]
    pub fn with_terms_scaled(&self, scale: f32) -> Self {
        Self {
            dense: self.dense.clone(),
            terms: (scale != 0.0)
                .then(|| self.terms.as_ref().map(|terms| terms.scaled(scale)))
                .flatten(),
        }
    }

    /// Checks that the parts have the same rows and hold numbers.
    ///
    /// # Errors
    /// [`LearnError::Shape`] and [`LearnError::NotFinite`].
    pub fn check(&self) -> Result<(), LearnError> {
        if let Some(terms) = self.terms.as_ref().filter(|terms| terms.rows() != self.rows()) {
            return Err(LearnError::Shape {
                what: "rows of terms",
                expected: self.rows(),
                found: terms.rows(),
            });
        }
        for (row, values) in self.dense.rows().into_iter().enumerate() {
            if let Some(value) = values.iter().find(|value| !value.is_finite()) {
                return Err(LearnError::NotFinite {
                    what: "the embedding",
                    row,
                    value: *value,
                });
            }
        }
        Ok(())
    }
}

/// Divides every row by its length; a row of zeros stays.
pub fn normalize_rows(rows: &mut Array2<f32>) {
    for mut row in rows.rows_mut() {
        let length = row.iter().map(|value| value * value).sum::<f32>().sqrt();
        if length > 0.0 {
            row /= length;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_can_be_turned_and_lose_columns_that_none_has() {
        let mut rows = TermRows::new(5);
        rows.push([(4, 0.5), (1, 2.0)]);
        rows.push([]);
        rows.push([(1, -1.0)]);
        let (compacted, used) = rows.compacted();
        assert_eq!((used, compacted.columns()), (vec![1, 4], 2));
        assert_eq!(compacted.row(0).collect::<Vec<_>>(), [(1, 0.5), (0, 2.0)]);
        assert_eq!(rows.transposed().to_dense(), rows.to_dense().reversed_axes());
        let mut twice = rows.clone();
        twice.extend(&rows);
        assert_eq!(twice, rows.select(&[0, 1, 2, 0, 1, 2]));
    }
}
