//! Fitting of a tagger: the weights with the least loss, by L-BFGS.

use std::ops::Range;

use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, ArrayViewMut2, s};
use rayon::prelude::*;

use super::Tagger;
use super::chain::Chain;
use super::tags::Tags;
use crate::features::TermRows;
use crate::linear::lbfgs::{self, Limits};

/// Texts whose sums one thread makes. Fixed, as the next one is, so that sums don't depend on how many threads there are.
const TEXTS: usize = 64;
/// Rows of a state that one thread makes the slopes of.
const ROWS: usize = 48;
/// Tokens that are scored together.
const TOKENS: usize = 512;
/// Where a search stops: the held-out loss of a tagger doesn't change any more long before its last digits stand still.
const LIMITS: Limits = Limits {
    steps: 150,
    gradient: 1e-6,
    decrease: 1e-4,
};

/// The tokens of some texts, one text after the other.
#[derive(Debug, Clone)]
pub(super) struct Corpus {
    /// Where each text begins, and where the last ends.
    pub(super) starts: Vec<usize>,
    /// `[tokens, dimensions]`.
    pub(super) states: Array2<f32>,
    /// `[tokens, terms]`, each 1 where it is there.
    pub(super) terms: TermRows,
}

impl Corpus {
    pub(super) fn tokens(&self, text: usize) -> Range<usize> {
        self.starts[text]..self.starts[text + 1]
    }

    /// One of the texts.
    pub(super) fn only(&self, text: usize) -> Self {
        let tokens = self.tokens(text);
        Self {
            starts: vec![0, tokens.len()],
            states: self.states.slice(s![tokens.clone(), ..]).to_owned(),
            terms: self.terms.select(&tokens.collect::<Vec<_>>()),
        }
    }

    /// Scores of the tokens, `[tokens, tags]`, by what a search has at a point.
    pub(super) fn scores(&self, tags: usize, point: &[f32]) -> Array2<f32> {
        let dimensions = self.states.ncols();
        let of_states = &point[..dimensions * tags];
        let of_terms = &point[dimensions * tags..];
        let bias = &point[(dimensions + self.terms.columns()) * tags..][..tags];
        let of_states = ArrayView2::from_shape((dimensions, tags), of_states).expect("a number a weight");
        let mut scores = vec![0.0; self.states.nrows() * tags];
        scores
            .par_chunks_mut(TOKENS * tags)
            .enumerate()
            .for_each(|(chunk, scores)| {
                let first = chunk * TOKENS;
                let tokens = scores.len() / tags;
                let states = self.states.slice(s![first..first + tokens, ..]);
                let mut products = ArrayViewMut2::from_shape((tokens, tags), scores).expect("a number a tag");
                general_mat_mul(1.0, &states, &of_states, 0.0, &mut products);
                for (token, row) in scores.chunks_exact_mut(tags).enumerate() {
                    add(row, bias);
                    for (term, _) in self.terms.row(first + token) {
                        add(row, &of_terms[term * tags..(term + 1) * tags]);
                    }
                }
            });
        Array2::from_shape_vec((self.states.nrows(), tags), scores).expect("a number a tag")
    }
}

fn add(to: &mut [f32], what: &[f32]) {
    to.iter_mut().zip(what).for_each(|(sum, value)| *sum += value);
}

/// Of some texts: their loss, how likely each pair of tags is, and for each text what the loss changes by with its scores.
type PartSums = (f64, Vec<f64>, Vec<(usize, Vec<f32>)>);

/// What a tagger is fitted to.
pub(super) struct Problem<'a> {
    corpus: &'a Corpus,
    tags: Tags,
    /// The right tag of each token.
    right: &'a [usize],
    /// The texts that count.
    texts: &'a [usize],
    /// The factor of half the squared length of the weights, beside the mean loss of a text.
    penalty: f32,
    /// For each term, tokens that have it: where they begin, and the tokens.
    places: (Vec<usize>, Vec<u32>),
}

impl<'a> Problem<'a> {
    /// `right` has the tag of each token of the corpus; `texts` says which texts count.
    pub(super) fn new(corpus: &'a Corpus, tags: Tags, right: &'a [usize], texts: &'a [usize], penalty: f32) -> Self {
        let mut starts = vec![0; corpus.terms.columns() + 1];
        let counted = || texts.iter().flat_map(|&text| corpus.tokens(text));
        for (term, _) in counted().flat_map(|token| corpus.terms.row(token)) {
            starts[term + 1] += 1;
        }
        (1..starts.len()).for_each(|term| starts[term] += starts[term - 1]);
        let mut next = starts.clone();
        let mut tokens = vec![0; starts.last().copied().unwrap_or_default()];
        for token in counted() {
            for (term, _) in corpus.terms.row(token) {
                tokens[next[term]] = token as u32;
                next[term] += 1;
            }
        }
        Self {
            corpus,
            tags,
            right,
            texts,
            penalty,
            places: (starts, tokens),
        }
    }

    fn columns(&self) -> usize {
        self.corpus.states.ncols() + self.corpus.terms.columns()
    }

    /// How many numbers a tagger has: rows of weights, one of biases, and those between tags.
    pub(super) fn size(&self) -> usize {
        let tags = self.tags.count();
        (self.columns() + 1 + tags) * tags
    }

    /// The point with the least loss, searched from `start`. Where it is told to stop it gives the best point so far.
    pub(super) fn minimum(&self, start: Vec<f32>, stopped: &(dyn Fn() -> bool + Sync)) -> Vec<f32> {
        lbfgs::minimize(start, &LIMITS, |point, gradient| {
            if stopped() {
                gradient.fill(0.0);
                return 0.0;
            }
            self.evaluate(point, gradient)
        })
    }

    /// The loss at `point`: the mean negative logarithm of the probability of a text's tags, plus the penalty. Writes its
    /// gradient.
    fn evaluate(&self, point: &[f32], gradient: &mut [f32]) -> f64 {
        let tags = self.tags.count();
        let dimensions = self.corpus.states.ncols();
        let between = (self.columns() + 1) * tags;
        let scale = 1.0 / self.texts.len() as f32;
        let mut scores = self.corpus.scores(tags, point);
        let chain = Chain::new(self.tags, &point[between..]);
        let (loss, of_pairs) = self.slopes(&chain, &point[between..], &mut scores, scale);
        let (of_states, rest) = gradient.split_at_mut(dimensions * tags);
        let (of_terms, rest) = rest.split_at_mut(self.corpus.terms.columns() * tags);
        let (of_bias, of_transitions) = rest.split_at_mut(tags);
        let slopes = &scores;
        of_states
            .par_chunks_mut(ROWS * tags)
            .enumerate()
            .for_each(|(chunk, into)| {
                let first = chunk * ROWS;
                let rows = into.len() / tags;
                let mut into = ArrayViewMut2::from_shape((rows, tags), into).expect("a number a weight");
                let states = self.corpus.states.slice(s![.., first..first + rows]);
                general_mat_mul(1.0, &states.t(), slopes, 0.0, &mut into);
            });
        let (starts, tokens) = &self.places;
        of_terms
            .par_chunks_mut(tags)
            .with_min_len(256)
            .enumerate()
            .for_each(|(term, into)| {
                into.fill(0.0);
                for &token in &tokens[starts[term]..starts[term + 1]] {
                    let row = slopes.row(token as usize);
                    add(into, row.as_slice().expect("rows are whole"));
                }
            });
        of_bias.fill(0.0);
        for row in slopes.rows() {
            add(of_bias, row.as_slice().expect("rows are whole"));
        }
        for (slope, sum) in of_transitions.iter_mut().zip(of_pairs) {
            *slope = sum as f32 * scale;
        }
        // Everything but the bias is drawn to 0.
        let mut squares = 0.0f64;
        let bias = self.columns() * tags..between;
        for (at, (slope, value)) in gradient.iter_mut().zip(point).enumerate() {
            if !bias.contains(&at) {
                *slope += self.penalty * value;
                squares += f64::from(*value) * f64::from(*value);
            }
        }
        loss + 0.5 * f64::from(self.penalty) * squares
    }

    /// Puts what the loss changes by with each score into its place, 0 for texts that don't count; gives the loss, and what
    /// its sum changes by with the transitions.
    fn slopes(&self, chain: &Chain, transitions: &[f32], scores: &mut Array2<f32>, scale: f32) -> (f64, Vec<f64>) {
        let tags = self.tags.count();
        let parts: Vec<PartSums> = self
            .texts
            .par_chunks(TEXTS)
            .map(|texts| {
                let mut loss = 0.0;
                let mut pairs = vec![0.0; tags * tags];
                let mut slopes = Vec::with_capacity(texts.len());
                for &text in texts {
                    let tokens = self.corpus.tokens(text);
                    let own = scores.slice(s![tokens.clone(), ..]);
                    let right = &self.right[tokens];
                    let lattice = chain.lattice(&own);
                    loss += lattice.log_sum;
                    lattice.add_pairs(&mut pairs);
                    let mut of_scores = Vec::with_capacity(own.len());
                    for (token, &tag) in right.iter().enumerate() {
                        loss -= f64::from(own[[token, tag]]);
                        of_scores.extend((0..tags).map(|other| {
                            let share = lattice.share(token, other) - f64::from(u8::from(other == tag));
                            share as f32 * scale
                        }));
                    }
                    for pair in right.windows(2) {
                        let at = pair[0] * tags + pair[1];
                        loss -= f64::from(transitions[at]);
                        pairs[at] -= 1.0;
                    }
                    slopes.push((text, of_scores));
                }
                (loss, pairs, slopes)
            })
            .collect();
        scores.fill(0.0);
        let mut loss = 0.0;
        let mut pairs = vec![0.0; tags * tags];
        for (own, of_pairs, slopes) in parts {
            loss += own;
            pairs.iter_mut().zip(of_pairs).for_each(|(sum, value)| *sum += value);
            for (text, slopes) in slopes {
                let tokens = self.corpus.tokens(text);
                let into = scores.slice_mut(s![tokens, ..]);
                let slopes = ArrayView2::from_shape(into.dim(), &slopes).expect("a number a score");
                slopes.assign_to(into);
            }
        }
        (loss / self.texts.len() as f64, pairs)
    }

    /// What is at a point as a tagger that looks these terms up.
    pub(super) fn tagger(&self, point: &[f32], terms: Vec<u64>) -> Tagger {
        let tags = self.tags.count();
        let columns = self.columns();
        let (weights, rest) = point.split_at(columns * tags);
        let (bias, transitions) = rest.split_at(tags);
        Tagger {
            fields: self.tags.fields(),
            dimensions: self.corpus.states.ncols(),
            terms,
            weights: Array2::from_shape_vec((columns, tags), weights.to_vec()).expect("a number a weight"),
            bias: bias.to_vec(),
            transitions: transitions.to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two texts of three tokens, with a state of two numbers and three terms.
    fn corpus() -> Corpus {
        let mut terms = TermRows::new(3);
        for row in [vec![0], vec![1, 2], vec![], vec![0, 2], vec![1], vec![0, 1, 2]] {
            terms.push(row.into_iter().map(|term| (term, 1.0)));
        }
        Corpus {
            starts: vec![0, 3, 6],
            states: Array2::from_shape_fn((6, 2), |(token, column)| {
                ((token * 3 + column * 5) % 7) as f32 / 7.0 - 0.4
            }),
            terms,
        }
    }

    #[test]
    fn the_gradient_is_that_of_the_loss() {
        let corpus = corpus();
        let right = [0, 1, 2, 1, 0, 0];
        for texts in [vec![0, 1], vec![1]] {
            let problem = Problem::new(&corpus, Tags::new(1), &right, &texts, 0.1);
            let mut random = fastrand::Rng::with_seed(5);
            let point: Vec<f32> = (0..problem.size()).map(|_| random.f32() - 0.5).collect();
            let mut gradient = vec![0.0; point.len()];
            problem.evaluate(&point, &mut gradient);
            let mut unused = vec![0.0; point.len()];
            for at in 0..point.len() {
                let mut value = |by: f32| {
                    let mut moved = point.clone();
                    moved[at] += by;
                    problem.evaluate(&moved, &mut unused)
                };
                let expected = (value(0.01) - value(-0.01)) / 0.02;
                let found = f64::from(gradient[at]);
                assert!((expected - found).abs() < 2e-3, "{at}: {expected} {found}");
            }
        }
    }
}
