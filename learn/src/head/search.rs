//! The search for the best choice: heads of parts of the examples, each fitted from where the one before it ended.

use ndarray::{Array2, Axis, concatenate};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::{Choice, HeadOptions, LabelTexts, accuracy, cross_entropies, label_means};
use crate::error::LearnError;
use crate::features::Features;
use crate::folds::split;
use crate::linear::{Design, Limits, LinearHead, Point, Problem, Targets};

/// A fit that says how good a choice is need not be finished: what is left would change the loss by less than a choice does.
const WHILE_CHOOSING: Limits = Limits {
    steps: 100,
    gradient: 1e-5,
    decrease: 1e-4,
};
/// Numbers of a head above which parts are fitted one after another, by all threads, so that memory is not needed for all of
/// them at once.
const LARGE: usize = 1 << 19;

/// A setting of a choice.
type Setting = fn(&mut Choice) -> &mut f32;

/// Examples, and how they are divided.
pub(super) struct Search<'a> {
    pub(super) features: &'a Features,
    pub(super) targets: &'a Targets,
    pub(super) texts: Option<&'a LabelTexts>,
    pub(super) weights: Vec<f32>,
    pub(super) parts: Vec<usize>,
    pub(super) folds: usize,
    pub(super) stopped: &'a (dyn Fn() -> bool + Sync),
}

/// The best choice, and where the fits of the parts ended.
pub(super) struct Found {
    pub(super) choice: Choice,
    /// By part.
    points: FxHashMap<usize, Option<Point>>,
}

/// Some examples, laid out to fit heads to them, with the texts of labels behind them.
struct Fold {
    /// The part that it has not seen.
    part: usize,
    design: Design,
    targets: Targets,
    /// Weights of the examples, and of each text the share of its label's weight.
    weights: Vec<f32>,
    shares: Vec<f32>,
    /// The examples of that part.
    held: Vec<usize>,
    held_features: Features,
    /// Where the last fit ended.
    point: Option<Point>,
}

impl Fold {
    fn problem<'a>(&'a self, choice: &Choice, prior: Option<&'a Array2<f32>>, weights: &'a [f32]) -> Problem<'a> {
        Problem {
            design: &self.design,
            term_scale: choice.term_scale,
            targets: &self.targets.shares,
            weights,
            prior,
            penalty: choice.penalty,
            activation: self.targets.activation,
        }
    }

    fn fit(
        &mut self,
        choice: &Choice,
        prior: Option<&Array2<f32>>,
        limits: &Limits,
        stopped: &(dyn Fn() -> bool + Sync),
    ) -> Result<LinearHead, LearnError> {
        let mut weights = self.weights.clone();
        weights.extend(self.shares.iter().map(|share| share * choice.text_weight));
        let problem = self.problem(choice, prior, &weights);
        let point = problem.minimum(self.point.as_ref(), limits, stopped);
        if stopped() {
            return Err(LearnError::Stopped);
        }
        let head = problem.head(&point);
        self.point = Some(point);
        Ok(head)
    }
}

impl Search<'_> {
    /// The best choice on some of the rows, one of `shares` shares of them.
    pub(super) fn choose_on(&self, rows: &[usize], shares: usize, options: &HeadOptions) -> Result<Found, LearnError> {
        let search = Search {
            features: &self.features.select(rows),
            targets: &self.targets.select(rows),
            weights: rows.iter().map(|&row| self.weights[row]).collect(),
            parts: rows.iter().map(|&row| self.parts[row]).collect(),
            ..*self
        };
        let mut found = search.choose(options)?;
        // What holds weights back is as strong beside all examples as it was beside some.
        found.choice.penalty /= shares as f32;
        Ok(found)
    }

    /// The best of what is tried, one setting after another.
    pub(super) fn choose(&self, options: &HeadOptions) -> Result<Found, LearnError> {
        let has_terms = self.features.terms.is_some();
        let has_texts = self.texts.is_some();
        let middle = |values: &[f32]| values.get(values.len() / 2).copied().unwrap_or_default();
        let mut choice = Choice {
            penalty: middle(&options.penalties),
            term_scale: if has_terms { middle(&options.term_scales) } else { 0.0 },
            text_weight: if has_texts { middle(&options.text_weights) } else { 0.0 },
            prior_scale: 0.0,
        };
        let settings: [(&[f32], bool, Setting); 4] = [
            (&options.penalties, true, |choice| &mut choice.penalty),
            (&options.prior_scales, has_texts, |choice| &mut choice.prior_scale),
            (&options.text_weights, has_texts, |choice| &mut choice.text_weight),
            (&options.term_scales, has_terms, |choice| &mut choice.term_scale),
        ];
        let mut folds: Vec<Fold> = (0..self.folds).filter_map(|part| self.fold(part)).collect();
        let mut known: FxHashMap<[u32; 4], f64> = FxHashMap::default();
        for _ in 0..2 {
            let before = choice;
            for (values, applies, place) in &settings {
                if !applies {
                    continue;
                }
                let mut best: Option<(f64, f32)> = None;
                for &value in *values {
                    *place(&mut choice) = value;
                    let loss = self.loss(&mut folds, &choice, &mut known)?;
                    if best.is_none_or(|(least, _)| loss < least) {
                        best = Some((loss, value));
                    }
                }
                if let Some((_, value)) = best {
                    *place(&mut choice) = value;
                }
            }
            if choice == before {
                break;
            }
        }
        Ok(Found {
            choice,
            points: folds.into_iter().map(|fold| (fold.part, fold.point)).collect(),
        })
    }

    fn loss(
        &self,
        folds: &mut [Fold],
        choice: &Choice,
        known: &mut FxHashMap<[u32; 4], f64>,
    ) -> Result<f64, LearnError> {
        let key = [
            choice.penalty,
            choice.term_scale,
            choice.text_weight,
            choice.prior_scale,
        ]
        .map(f32::to_bits);
        if let Some(loss) = known.get(&key) {
            return Ok(*loss);
        }
        let prior = self.prior(choice);
        let fit = |fold: &mut Fold| {
            let head = fold.fit(choice, prior.as_ref(), &WHILE_CHOOSING, self.stopped)?;
            head.logits(&fold.held_features)
        };
        let logits: Vec<Array2<f32>> = if self.features.columns() * self.targets.labels() > LARGE {
            folds.iter_mut().map(fit).collect::<Result<_, LearnError>>()?
        } else {
            folds.par_iter_mut().map(fit).collect::<Result<_, LearnError>>()?
        };
        let mut all = Array2::zeros((self.targets.rows(), self.targets.labels()));
        for (fold, logits) in folds.iter().zip(logits) {
            put(&mut all, &fold.held, &logits);
        }
        let (loss, _) = self.score(&all);
        known.insert(key, loss);
        Ok(loss)
    }

    /// A head that saw all examples, and logits of all by heads that did not see their part.
    pub(super) fn heads(&self, found: &Found) -> Result<(LinearHead, Array2<f32>), LearnError> {
        let prior = self.prior(&found.choice);
        let limits = Limits::default();
        let mut held_out = Array2::zeros((self.targets.rows(), self.targets.labels()));
        let mut last = None;
        for mut fold in (0..self.folds).filter_map(|part| self.fold(part)) {
            fold.point = found.points.get(&fold.part).cloned().flatten();
            let head = fold.fit(&found.choice, prior.as_ref(), &limits, self.stopped)?;
            put(&mut held_out, &fold.held, &head.logits(&fold.held_features)?);
            last = fold.point;
        }
        let all: Vec<usize> = (0..self.features.rows()).collect();
        let mut fold = self.fold_of(self.folds, &all, Vec::new());
        fold.point = last;
        let head = fold.fit(&found.choice, prior.as_ref(), &limits, self.stopped)?;
        Ok((head, held_out))
    }

    /// What weights of embeddings are drawn to.
    fn prior(&self, choice: &Choice) -> Option<Array2<f32>> {
        self.texts
            .filter(|_| choice.prior_scale > 0.0)
            .map(|texts| label_means(texts, self.targets.labels()) * choice.prior_scale)
    }

    /// The examples but for a part; none where that leaves nothing on a side.
    fn fold(&self, part: usize) -> Option<Fold> {
        let (trained, held) = split(&self.parts, part);
        (!trained.is_empty() && !held.is_empty()).then(|| self.fold_of(part, &trained, held))
    }

    fn fold_of(&self, part: usize, rows: &[usize], held: Vec<usize>) -> Fold {
        let mut features = self.features.select(rows);
        let mut targets = self.targets.select(rows);
        let mut shares = Vec::new();
        if let Some(texts) = self.texts {
            let mut counts = vec![0usize; self.targets.labels()];
            texts.labels.iter().for_each(|&label| counts[label] += 1);
            shares = texts.labels.iter().map(|&label| 1.0 / counts[label] as f32).collect();
            let join = |above: &Array2<f32>, below: &Array2<f32>| {
                concatenate(Axis(0), &[above.view(), below.view()]).expect("they have the same columns")
            };
            features.dense = join(&features.dense, &texts.features.dense);
            if let Some((terms, more)) = features.terms.as_mut().zip(texts.features.terms.as_ref()) {
                terms.extend(more);
            }
            let mut of_texts = Array2::zeros((texts.labels.len(), self.targets.labels()));
            texts
                .labels
                .iter()
                .enumerate()
                .for_each(|(text, &label)| of_texts[[text, label]] = 1.0);
            targets.shares = join(&targets.shares, &of_texts);
        }
        Fold {
            part,
            design: Design::new(features),
            targets,
            weights: rows.iter().map(|&row| self.weights[row]).collect(),
            shares,
            held_features: self.features.select(&held),
            held,
            point: None,
        }
    }

    /// Mean cross-entropy by weights, and accuracy.
    pub(super) fn score(&self, logits: &Array2<f32>) -> (f64, f64) {
        let losses = cross_entropies(logits, self.targets);
        let (mut sum, mut whole) = (0.0, 0.0);
        for (weight, loss) in self.weights.iter().zip(&losses) {
            sum += f64::from(*weight) * loss;
            whole += f64::from(*weight);
        }
        (sum / whole.max(f64::MIN_POSITIVE), accuracy(logits, self.targets))
    }
}

/// Puts logits of some rows into those of all.
fn put(all: &mut Array2<f32>, rows: &[usize], logits: &Array2<f32>) {
    for (at, &row) in rows.iter().enumerate() {
        all.row_mut(row).assign(&logits.row(at));
    }
}
