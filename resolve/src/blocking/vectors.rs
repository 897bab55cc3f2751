//! The records whose embeddings are nearest to each record's.

use ndarray::{Array2, ArrayView2, Axis, s};
use rayon::prelude::*;

use crate::error::ResolveError;
use crate::sources::Sources;

/// Up to so many vectors are all compared with each other; above, those of near cells are.
const EXACT_LIMIT: usize = 20_000;
/// How many rows are multiplied at a time: what a core's cache holds.
const ROWS: usize = 256;
/// How many cells near a vector are looked through. With as many cells as the square root of the vectors this finds
/// nearly all of the nearest ones (inverted file: Jégou, Douze and Schmid, 2011).
const PROBES: usize = 16;
/// Rounds of k-means, on a sample: cells need not be good, only even.
const ROUNDS: usize = 4;

/// Embeddings of records, one each, as rows of length 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Vectors {
    rows: Array2<f32>,
}

impl Vectors {
    /// From numbers, row by row. Each row is scaled to length 1; one of zeros stays as it is and is near nothing.
    ///
    /// # Errors
    /// Numbers that do not make so many rows of one width, or are not finite.
    pub fn new(numbers: Vec<f32>, rows: usize) -> Result<Self, ResolveError> {
        let count = numbers.len();
        let wrong = ResolveError::Vectors { numbers: count, rows };
        if rows == 0 || count == 0 || !count.is_multiple_of(rows) || numbers.iter().any(|number| !number.is_finite()) {
            return Err(wrong);
        }
        let mut rows = Array2::from_shape_vec((rows, count / rows), numbers).map_err(|_| wrong)?;
        for mut row in rows.rows_mut() {
            let norm = row.dot(&row).sqrt();
            if norm > 0.0 {
                row.mapv_inplace(|number| number / norm);
            }
        }
        Ok(Self { rows })
    }

    /// The first of them.
    ///
    /// # Errors
    /// Where there are fewer, or none is wanted.
    pub fn first(&self, count: usize) -> Result<Self, ResolveError> {
        if count == 0 || count > self.len() {
            return Err(ResolveError::Count {
                what: "vectors",
                found: self.len(),
                expected: count,
            });
        }
        Ok(Self {
            rows: self.rows.slice(s![..count, ..]).to_owned(),
        })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.nrows()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.nrows() == 0
    }

    /// The cosine of two of them, from -1 to 1.
    pub fn cosine(&self, a: u32, b: u32) -> f32 {
        self.rows
            .row(a as usize)
            .dot(&self.rows.row(b as usize))
            .clamp(-1.0, 1.0)
    }

    /// For each vector those with the highest cosine above 0, best first.
    pub(crate) fn nearest(&self, count: usize, sources: &Sources) -> Vec<Vec<u32>> {
        if self.len() <= EXACT_LIMIT {
            let all: Vec<u32> = (0..self.len() as u32).collect();
            return self
                .nearest_among(&all, &self.rows.view(), &all, count, sources)
                .into_iter()
                .map(ranked)
                .collect();
        }
        self.nearest_by_cells(count, sources)
    }

    /// The nearest of some vectors to each of others, with their cosines.
    fn nearest_among(
        &self,
        queries: &[u32],
        candidates: &ArrayView2<'_, f32>,
        names: &[u32],
        count: usize,
        sources: &Sources,
    ) -> Vec<Vec<(f32, u32)>> {
        queries
            .par_chunks(ROWS)
            .flat_map_iter(|queries| {
                let rows: Vec<usize> = queries.iter().map(|query| *query as usize).collect();
                let rows = self.rows.select(Axis(0), &rows);
                let mut best: Vec<Vec<(f32, u32)>> = vec![Vec::new(); queries.len()];
                for start in (0..names.len()).step_by(ROWS * 8) {
                    let end = (start + ROWS * 8).min(names.len());
                    let cosines = rows.dot(&candidates.slice(s![start..end, ..]).t());
                    for ((query, best), cosines) in queries.iter().zip(&mut best).zip(cosines.rows()) {
                        for (cosine, name) in cosines.iter().zip(&names[start..end]) {
                            if *cosine > 0.0 && sources.comparable(*query, *name) {
                                best.push((*cosine, *name));
                            }
                        }
                        keep_best(best, count);
                    }
                }
                best
            })
            .collect()
    }

    /// The same among the vectors of the cells that are near.
    fn nearest_by_cells(&self, count: usize, sources: &Sources) -> Vec<Vec<u32>> {
        let centres = self.centres();
        let everything = Sources::one_table(self.len() + centres.nrows());
        let offset = self.len() as u32;
        let names: Vec<u32> = (0..centres.nrows() as u32).map(|cell| offset + cell).collect();
        let all: Vec<u32> = (0..offset).collect();
        let near = self.nearest_among(&all, &centres.view(), &names, PROBES, &everything);
        let mut members: Vec<Vec<u32>> = vec![Vec::new(); centres.nrows()];
        let mut visitors: Vec<Vec<u32>> = vec![Vec::new(); centres.nrows()];
        for (vector, cells) in near.iter().enumerate() {
            for (rank, (_, cell)) in cells.iter().enumerate() {
                let cell = (cell - offset) as usize;
                visitors[cell].push(vector as u32);
                if rank == 0 {
                    members[cell].push(vector as u32);
                }
            }
        }
        let mut best: Vec<Vec<(f32, u32)>> = vec![Vec::new(); self.len()];
        for (members, visitors) in members.iter().zip(&visitors) {
            let rows: Vec<usize> = members.iter().map(|member| *member as usize).collect();
            let candidates = self.rows.select(Axis(0), &rows);
            let found = self.nearest_among(visitors, &candidates.view(), members, count, sources);
            for (visitor, found) in visitors.iter().zip(found) {
                let best = &mut best[*visitor as usize];
                best.extend(found);
                keep_best(best, count);
            }
        }
        best.into_iter().map(ranked).collect()
    }

    /// Centres of cells by spherical k-means on an even sample, begun at vectors that stand evenly in the list. Nothing is
    /// random, so that the same records have the same neighbours again.
    fn centres(&self) -> Array2<f32> {
        let cells = (self.len() as f64).sqrt() as usize;
        let even = |count: usize| -> Vec<usize> { (0..count).map(|i| i * self.len() / count).collect() };
        let sample = even((cells * 40).min(self.len()));
        let sampled: Vec<u32> = sample.iter().map(|index| *index as u32).collect();
        let mut centres = self.rows.select(Axis(0), &even(cells));
        let names: Vec<u32> = (0..cells as u32).map(|cell| self.len() as u32 + cell).collect();
        let everything = Sources::one_table(self.len() + cells);
        for _ in 0..ROUNDS {
            let assigned = self.nearest_among(&sampled, &centres.view(), &names, 1, &everything);
            let mut sums = Array2::<f32>::zeros(centres.raw_dim());
            for (vector, cell) in sampled.iter().zip(&assigned) {
                if let Some((_, cell)) = cell.first() {
                    let mut sum = sums.row_mut(*cell as usize - self.len());
                    sum += &self.rows.row(*vector as usize);
                }
            }
            for (mut centre, sum) in centres.rows_mut().into_iter().zip(sums.rows()) {
                let norm = sum.dot(&sum).sqrt();
                if norm > 0.0 {
                    centre.assign(&sum);
                    centre.mapv_inplace(|number| number / norm);
                }
            }
        }
        centres
    }
}

fn better(a: &(f32, u32), b: &(f32, u32)) -> std::cmp::Ordering {
    b.0.total_cmp(&a.0).then(a.1.cmp(&b.1))
}

fn keep_best(best: &mut Vec<(f32, u32)>, count: usize) {
    if best.len() > count && count > 0 {
        best.select_nth_unstable_by(count - 1, better);
        best.truncate(count);
    }
    best.sort_unstable_by(better);
}

fn ranked(best: Vec<(f32, u32)>) -> Vec<u32> {
    best.into_iter().map(|(_, name)| name).collect()
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "what is compared here is exact")]
mod tests {
    use super::*;

    /// Vectors around so many centres, from a fixed seed.
    fn vectors(count: usize, width: usize, centres: usize) -> Vectors {
        let mut random = fastrand::Rng::with_seed(3);
        let middle: Vec<Vec<f32>> = (0..centres)
            .map(|_| (0..width).map(|_| random.f32() - 0.5).collect())
            .collect();
        let numbers: Vec<f32> = (0..count)
            .flat_map(|i| {
                middle[i % centres]
                    .iter()
                    .map(|x| x + 0.3 * (random.f32() - 0.5))
                    .collect::<Vec<_>>()
            })
            .collect();
        Vectors::new(numbers, count).unwrap()
    }

    #[test]
    fn numbers_must_make_rows() {
        assert_eq!(Vectors::new(vec![1.0; 7], 2).unwrap_err().code(), "RF1904");
        assert_eq!(Vectors::new(vec![f32::NAN; 2], 2).unwrap_err().code(), "RF1904");
        let vectors = Vectors::new(vec![3.0, 4.0, 0.0, 0.0], 2).unwrap();
        assert!((vectors.cosine(0, 0) - 1.0).abs() < 1e-6);
        assert_eq!(vectors.cosine(0, 1), 0.0);
    }

    #[test]
    fn the_nearest_is_first() {
        let vectors = Vectors::new(vec![1.0, 0.0, 0.9, 0.1, 0.0, 1.0, 0.5, 0.5], 4).unwrap();
        let nearest = vectors.nearest(2, &Sources::one_table(4));
        assert_eq!(nearest[0], [1, 3]);
        assert_eq!(nearest[2], [3, 1]);
    }

    #[test]
    fn cells_find_nearly_all_that_comparing_everything_finds() {
        let vectors = vectors(4000, 24, 50);
        let sources = Sources::one_table(4000);
        let exact = vectors.nearest(10, &sources);
        let by_cells = vectors.nearest_by_cells(10, &sources);
        let found: usize = exact
            .iter()
            .zip(&by_cells)
            .map(|(a, b)| a.iter().filter(|name| b.contains(name)).count())
            .sum();
        assert!(found as f64 >= 0.95 * 40_000.0, "{found} of 40000 were found");
    }
}
