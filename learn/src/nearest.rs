//! The labels of the examples that are most alike.

use ndarray::{Array2, ArrayView1, s};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::checks;
use crate::error::LearnError;
use crate::features::normalize_rows;

/// Cross-entropy an example, in nats, that makes no difference.
const NEXT_TO_NOTHING: f64 = 0.005;
/// The greatest exponent of a weight: what is more is as good as everything.
const EXPONENT: f32 = 60.0;
/// Rows that one thread compares at a time.
const BLOCK: usize = 64;
const COUNTS: [usize; 6] = [1, 3, 5, 8, 13, 21];
const TEMPERATURES: [f32; 4] = [0.02, 0.05, 0.1, 0.2];
/// Cosines that the vote for nobody is tried with.
const BACKGROUNDS: [f32; 6] = [-1.0, 0.0, 0.2, 0.4, 0.6, 0.8];

/// How neighbours vote.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Voting {
    /// How many of the nearest examples vote.
    pub count: usize,
    /// A vote weighs `exp(cosine / temperature)`.
    pub temperature: f32,
    /// The cosine of one more vote, which is for every label alike: neighbours that are less alike than this say little.
    pub background: f32,
}

/// An example that is near to a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbour {
    /// Which example.
    pub example: usize,
    /// The cosine of the angle between the two embeddings.
    pub cosine: f32,
}

/// Examples with their labels.
#[derive(Debug, Clone)]
pub struct NearestNeighbours {
    /// `[examples, dimensions]`, of length 1.
    examples: Array2<f32>,
    labels: Vec<usize>,
    count: usize,
    /// How neighbours vote.
    pub voting: Voting,
}

/// The way of voting with the least loss; of equals the first.
fn least(ways: impl IntoIterator<Item = Voting>, loss: impl Fn(Voting) -> f64) -> Option<Voting> {
    let weighed = ways.into_iter().map(|voting| (loss(voting), voting));
    let best = weighed.reduce(|best, other| if other.0 < best.0 { other } else { best });
    best.map(|(_, voting)| voting)
}

impl NearestNeighbours {
    /// Keeps examples, `[examples, dimensions]`, with their labels' numbers below `count`, and chooses how neighbours
    /// vote: with the least cross-entropy when each example is asked for with itself left out, and with it those of its
    /// group. First who votes, which decides what the answers are, and then against what, which decides how sure they are.
    ///
    /// # Errors
    /// [`LearnError::Shape`], [`LearnError::UnknownLabel`], and [`LearnError::TooFewExamples`] without any.
    pub fn new(
        mut examples: Array2<f32>,
        labels: Vec<usize>,
        count: usize,
        groups: Option<&[u64]>,
    ) -> Result<Self, LearnError> {
        let beside = [labels.len(), groups.map_or(labels.len(), <[u64]>::len)];
        checks::lengths("labels and groups of examples", examples.nrows(), beside)?;
        checks::labels("a search for neighbours", &labels, count)?;
        normalize_rows(&mut examples);
        let mut nearest = Self {
            examples,
            labels,
            count,
            voting: Voting {
                count: COUNTS[2],
                temperature: TEMPERATURES[1],
                background: BACKGROUNDS[0],
            },
        };
        let most = COUNTS[COUNTS.len() - 1];
        let own = |example: usize| groups.map_or(example as u64, |groups| groups[example]);
        let others = nearest.search(&nearest.examples, most, |row, example| own(row) != own(example));
        let loss = |voting: Voting| {
            let losses = others.iter().zip(&nearest.labels).map(|(others, &label)| {
                let votes = nearest.votes(others, voting);
                // A label that nobody votes for is as likely as any other in one more vote.
                let count = nearest.count as f64;
                -((f64::from(votes[label]) * 20.0 + 1.0 / count) / 21.0).ln()
            });
            losses.sum::<f64>()
        };
        let background = BACKGROUNDS[0];
        let who = COUNTS.into_iter().flat_map(|count| {
            TEMPERATURES.map(|temperature| Voting {
                count,
                temperature,
                background,
            })
        });
        let chosen = least(who, loss).unwrap_or(nearest.voting);
        let against = BACKGROUNDS.map(|background| Voting { background, ..chosen });
        let best = least(against, loss).map_or(f64::INFINITY, loss);
        // Rows may be less like the examples than these are like each other: of what costs next to nothing it is the greatest.
        let may = best + NEXT_TO_NOTHING * nearest.labels.len() as f64;
        let greatest = against.into_iter().rev().find(|voting| loss(*voting) <= may);
        nearest.voting = greatest.unwrap_or(chosen);
        Ok(nearest)
    }

    /// The examples nearest to each row, `[rows, dimensions]`, from the nearest; of equals the first.
    pub fn neighbours(&self, rows: &Array2<f32>, most: usize) -> Vec<Vec<Neighbour>> {
        let mut rows = rows.clone();
        normalize_rows(&mut rows);
        self.search(&rows, most, |_, _| true)
    }

    /// Share of the votes of each row for each label, `[rows, labels]`: the greatest is the answer, and its confidence. Of
    /// few examples it is never great: one vote for every label alike stands beside as many as there are examples.
    pub fn probabilities(&self, rows: &Array2<f32>) -> Array2<f32> {
        let mut shares = Array2::zeros((rows.nrows(), self.count));
        let neighbours = self.neighbours(rows, self.voting.count);
        for (mut row, neighbours) in shares.rows_mut().into_iter().zip(&neighbours) {
            row.assign(&ArrayView1::from(&self.shares(neighbours)));
        }
        shares
    }

    /// The same of each example with itself left out, and with it those of its group, `[examples, labels]`: what confidence
    /// is calibrated on.
    pub fn left_out(&self, groups: Option<&[u64]>) -> Array2<f32> {
        let own = |example: usize| groups.map_or(example as u64, |groups| groups[example]);
        let others = self.search(&self.examples, self.voting.count, |row, example| {
            own(row) != own(example)
        });
        let mut shares = Array2::zeros((others.len(), self.count));
        for (mut row, others) in shares.rows_mut().into_iter().zip(&others) {
            row.assign(&ArrayView1::from(&self.shares(others)));
        }
        shares
    }

    /// See [`Self::probabilities`].
    fn shares(&self, neighbours: &[Neighbour]) -> Vec<f32> {
        let mut shares = self.votes(neighbours, self.voting);
        let examples = self.labels.len() as f32;
        let even = 1.0 / self.count as f32;
        shares
            .iter_mut()
            .for_each(|share| *share = (*share * examples + even) / (examples + 1.0));
        shares
    }

    fn votes(&self, neighbours: &[Neighbour], voting: Voting) -> Vec<f32> {
        let nearest = neighbours.first().map_or(0.0, |neighbour| neighbour.cosine);
        let mut whole = ((voting.background - nearest) / voting.temperature).min(EXPONENT).exp();
        let mut votes = vec![whole / self.count as f32; self.count];
        for neighbour in neighbours.iter().take(voting.count) {
            let weight = ((neighbour.cosine - nearest) / voting.temperature).exp();
            votes[self.labels[neighbour.example]] += weight;
            whole += weight;
        }
        if whole > 0.0 {
            votes.iter_mut().for_each(|vote| *vote /= whole);
        }
        votes
    }

    fn search(
        &self,
        rows: &Array2<f32>,
        most: usize,
        may: impl Fn(usize, usize) -> bool + Sync,
    ) -> Vec<Vec<Neighbour>> {
        let starts: Vec<usize> = (0..rows.nrows()).step_by(BLOCK).collect();
        let blocks: Vec<Vec<Vec<Neighbour>>> = starts
            .par_iter()
            .map(|&start| {
                let end = rows.nrows().min(start + BLOCK);
                let cosines = rows.slice(s![start..end, ..]).dot(&self.examples.t());
                let found = cosines.rows().into_iter().enumerate().map(|(at, cosines)| {
                    let mut all: Vec<Neighbour> = cosines
                        .iter()
                        .enumerate()
                        .filter(|(example, _)| may(start + at, *example))
                        .map(|(example, cosine)| Neighbour {
                            example,
                            cosine: *cosine,
                        })
                        .collect();
                    let order = |left: &Neighbour, right: &Neighbour| {
                        right
                            .cosine
                            .total_cmp(&left.cosine)
                            .then(left.example.cmp(&right.example))
                    };
                    if all.len() > most && most > 0 {
                        all.select_nth_unstable_by(most - 1, order);
                    }
                    all.truncate(most);
                    all.sort_unstable_by(order);
                    all
                });
                found.collect()
            })
            .collect();
        blocks.into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::linear::best_of;

    fn circle(rows: usize, of: impl Fn(usize) -> f32) -> Array2<f32> {
        Array2::from_shape_fn((rows, 2), |(row, column)| {
            let angle = of(row);
            if column == 0 { angle.cos() } else { angle.sin() }
        })
    }

    #[test]
    fn a_row_gets_the_label_of_its_neighbours() {
        let examples = circle(30, |row| (row % 3) as f32 * 2.0 + (row / 3) as f32 * 0.01);
        let labels = (0..30).map(|row| row % 3).collect();
        let nearest = NearestNeighbours::new(examples, labels, 4, None).unwrap();
        let shares = nearest.probabilities(&circle(3, |row| row as f32 * 2.0 + 0.05));
        assert_eq!(best_of(&shares), [0, 1, 2]);
        assert!(shares.rows().into_iter().all(|row| (row.sum() - 1.0).abs() < 1e-5));
        assert!(
            shares.column(3).iter().all(|share| *share < 0.02),
            "nobody votes for it"
        );
    }

    #[test]
    fn an_answer_out_of_few_examples_or_unlike_ones_is_not_sure() {
        let examples = circle(2, |row| row as f32 * 0.4);
        let nearest = NearestNeighbours::new(examples, vec![0, 1], 2, None).unwrap();
        let sure = |row: f32| {
            nearest
                .probabilities(&circle(1, |_| row))
                .row(0)
                .fold(0.0_f32, |most, share| most.max(*share))
        };
        assert!(sure(0.0) < 0.9, "{} of two examples", sure(0.0));
        assert!(sure(2.5) < 0.6, "{} of a row that is unlike both", sure(2.5));
        // Two groups that lie apart, and a row between them and elsewhere.
        let examples = circle(40, |row| (row % 2) as f32 * 1.5 + (row / 2) as f32 * 0.02);
        let nearest = NearestNeighbours::new(examples, (0..40).map(|row| row % 2).collect(), 2, None).unwrap();
        let sure = |row: f32| {
            nearest
                .probabilities(&circle(1, |_| row))
                .row(0)
                .fold(0.0_f32, |most, share| most.max(*share))
        };
        assert!(sure(0.1) > 0.9, "{} in the middle of a group", sure(0.1));
        assert!(sure(4.0) < sure(0.1), "{} far away", sure(4.0));
    }

    #[test]
    fn copies_of_an_example_do_not_speak_for_it() {
        // Labels by chance, each example twice: with its copy left in, one neighbour would seem to be enough.
        let mut random = fastrand::Rng::with_seed(2);
        let labels: Vec<usize> = (0..100).map(|_| usize::from(random.f32() < 0.3)).collect();
        let labels: Vec<usize> = labels.iter().flat_map(|label| [*label; 2]).collect();
        let examples = circle(200, |row| (row / 2) as f32 * 0.06);
        let groups: Vec<u64> = (0..200).map(|row| row / 2).collect();
        let alone = NearestNeighbours::new(examples.clone(), labels.clone(), 2, None).unwrap();
        let together = NearestNeighbours::new(examples, labels, 2, Some(&groups)).unwrap();
        assert!(
            together.voting.count > alone.voting.count,
            "{:?} {:?}",
            together.voting,
            alone.voting
        );
    }

    proptest! {
        #[test]
        fn neighbours_are_those_of_sorting_all(angles in proptest::collection::vec(0.0f32..6.0, 1..150), most in 1usize..10) {
            let examples = circle(angles.len(), |row| angles[row]);
            let nearest = NearestNeighbours::new(examples.clone(), vec![0; angles.len()], 1, None).unwrap();
            let found = nearest.neighbours(&examples, most);
            for (row, found) in found.iter().enumerate() {
                prop_assert_eq!(found.len(), most.min(angles.len()));
                let cosine = |example: usize| (angles[row] - angles[example]).cos();
                let furthest = found.iter().map(|neighbour| cosine(neighbour.example)).fold(f32::INFINITY, f32::min);
                let nearer = (0..angles.len()).filter(|example| cosine(*example) > furthest + 1e-4).count();
                prop_assert!(nearer < most, "{} are nearer", nearer);
            }
        }
    }
}
