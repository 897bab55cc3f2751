//! A head on features, with what it gave for the examples while it had not seen them. One label may be right where no other
//! is: a head is not shown its examples, and learns when it is right from rows of labels that were kept from it.

use ndarray::{Array2, Axis};
use refuel_learn::{
    Activation, CatchAll, Choice, Features, HeadOptions, LabelTexts, LearnError, LinearHead, Targets, TrainedHead,
    best_of, logits_without_own_label, temperature_of_logits, train_head,
};

/// Parts of the labels that are kept from a head by turns, and parts of the rows that a catch-all is measured on.
const PARTS: usize = 5;
/// The least probability that a loss is counted with.
const LEAST: f32 = 1e-7;

/// What heads are fitted to.
pub(super) struct Examples<'a> {
    pub(super) features: &'a Features,
    /// The label of each example.
    pub(super) labels: &'a [usize],
    /// How many labels there are.
    pub(super) count: usize,
    pub(super) texts: &'a LabelTexts,
    /// Examples of an equal input have the same.
    pub(super) groups: &'a [u64],
}

/// See the module.
pub(super) struct Fitted {
    pub(super) head: LinearHead,
    pub(super) catch_all: Option<CatchAll>,
    /// Probabilities of every example by what had not seen it, `[examples, labels]`.
    pub(super) shares: Array2<f32>,
    /// The share of them whose most probable label is right.
    pub(super) accuracy: f64,
    /// Their mean cross-entropy.
    pub(super) log_loss: f64,
}

impl Fitted {
    /// Fits a head. `catch_all` is the number of the label that is right where no other is, and the share of rows that is
    /// expected to have it.
    ///
    /// # Errors
    /// As [`train_head`] and [`CatchAll::fit`].
    pub(super) fn new(
        examples: &Examples<'_>,
        catch_all: Option<(usize, f32)>,
        options: &HeadOptions,
        stopped: &(dyn Fn() -> bool + Sync),
    ) -> Result<Self, LearnError> {
        let Some((label, share)) = catch_all else {
            let trained = examples.train(options, stopped)?;
            let mut shares = trained.held_out;
            Activation::Softmax.apply(&mut shares);
            return Ok(Self {
                head: trained.head,
                catch_all: None,
                shares,
                accuracy: trained.accuracy,
                log_loss: trained.log_loss,
            });
        };
        let rows = |is_it: bool| -> Vec<usize> {
            let all = 0..examples.labels.len();
            all.filter(|&row| (examples.labels[row] == label) == is_it).collect()
        };
        let (inside, own) = (rows(false), rows(true));
        let others = examples.of(&inside, |about| about != label);
        let trained = others.as_examples(examples.count).train(options, stopped)?;
        // The catch-all is weighed against the likeliest of the others: how likely that is has to be right.
        let temperature = temperature_of_logits(&trained.held_out, &others.labels);
        let head = LinearHead {
            weights: &trained.head.weights / temperature,
            bias: trained.head.bias.iter().map(|bias| bias / temperature).collect(),
            ..trained.head
        };
        let evidence = Evidence {
            inside: &trained.held_out / temperature,
            inside_rows: inside,
            unseen: others.unseen(examples.count, &trained.choice, options, stopped)? / temperature,
            own: head.logits(&examples.features.select(&own))?,
            own_rows: own,
            label,
            share: f64::from(share),
        };
        let catch_all = evidence.catch_all(&|_| true)?;
        let shares = evidence.held_out(examples, &catch_all);
        let right = |(row, best): (usize, &usize)| *best == examples.labels[row];
        let hits = best_of(&shares)
            .iter()
            .enumerate()
            .filter(|found| right(*found))
            .count();
        let losses = (examples.labels.iter().enumerate()).map(|(row, &label)| -shares[[row, label]].max(LEAST).ln());
        let count = examples.labels.len() as f64;
        Ok(Self {
            accuracy: hits as f64 / count,
            log_loss: losses.map(f64::from).sum::<f64>() / count,
            head,
            catch_all: Some(catch_all),
            shares,
        })
    }
}

impl Examples<'_> {
    fn train(&self, options: &HeadOptions, stopped: &(dyn Fn() -> bool + Sync)) -> Result<TrainedHead, LearnError> {
        let targets = Targets::single(self.labels, self.count)?;
        train_head(
            self.features,
            &targets,
            Some(self.texts),
            Some(self.groups),
            options,
            stopped,
        )
    }

    /// Some of the examples, with the texts of some of the labels.
    fn of(&self, rows: &[usize], takes_label: impl Fn(usize) -> bool) -> Part {
        let texts: Vec<usize> = (0..self.texts.labels.len())
            .filter(|&text| takes_label(self.texts.labels[text]))
            .collect();
        Part {
            features: self.features.select(rows),
            labels: rows.iter().map(|&row| self.labels[row]).collect(),
            texts: LabelTexts {
                features: self.texts.features.select(&texts),
                labels: texts.iter().map(|&text| self.texts.labels[text]).collect(),
            },
            groups: rows.iter().map(|&row| self.groups[row]).collect(),
        }
    }
}

/// A part of the examples, of its own.
struct Part {
    features: Features,
    labels: Vec<usize>,
    texts: LabelTexts,
    groups: Vec<u64>,
}

impl Part {
    fn as_examples(&self, count: usize) -> Examples<'_> {
        Examples {
            features: &self.features,
            labels: &self.labels,
            count,
            texts: &self.texts,
            groups: &self.groups,
        }
    }

    /// Logits of the rows by heads, made as was chosen, that know nothing of their labels. No rows where too few labels have
    /// examples for some to be left out.
    fn unseen(
        &self,
        count: usize,
        choice: &Choice,
        options: &HeadOptions,
        stopped: &(dyn Fn() -> bool + Sync),
    ) -> Result<Array2<f32>, LearnError> {
        let chosen = HeadOptions {
            folds: 2,
            penalties: vec![choice.penalty],
            term_scales: vec![choice.term_scale],
            text_weights: vec![choice.text_weight],
            prior_scales: vec![choice.prior_scale],
            ..options.clone()
        };
        let whole = self.as_examples(count);
        let mut fit = |rows: &[usize]| {
            let has = |label: usize| rows.iter().any(|&row| self.labels[row] == label);
            let known: Vec<bool> = (0..count).map(has).collect();
            let part = whole.of(rows, |about| known[about]);
            Ok(part.as_examples(count).train(&chosen, stopped)?.head)
        };
        let unseen = logits_without_own_label(&self.features, &self.labels, count, PARTS, options.seed, &mut fit);
        match unseen {
            Err(LearnError::OneLabel { .. } | LearnError::TooFewExamples { .. }) => Ok(Array2::zeros((0, count))),
            unseen => unseen,
        }
    }
}

/// What is known of when no label is right: logits by heads that had not seen the rows.
struct Evidence {
    /// Of rows of other labels, `[rows, labels]`.
    inside: Array2<f32>,
    inside_rows: Vec<usize>,
    /// Of the same rows, by heads that know nothing of their labels either; or of none.
    unseen: Array2<f32>,
    /// Of rows of the catch-all.
    own: Array2<f32>,
    own_rows: Vec<usize>,
    label: usize,
    share: f64,
}

impl Evidence {
    /// The catch-all that is learned of some of the rows.
    fn catch_all(&self, takes: &dyn Fn(usize) -> bool) -> Result<CatchAll, LearnError> {
        let of = |rows: &[usize]| -> Vec<usize> { (0..rows.len()).filter(|&at| takes(rows[at])).collect() };
        let (inside, own) = (of(&self.inside_rows), of(&self.own_rows));
        let unseen = if self.unseen.nrows() == 0 { &[][..] } else { &inside };
        let unseen = self.unseen.select(Axis(0), unseen);
        let own = self.own.select(Axis(0), &own);
        let mut outside = Array2::zeros((unseen.nrows() + own.nrows(), self.inside.ncols()));
        let (mut first, mut second) = outside.view_mut().split_at(Axis(0), unseen.nrows());
        first.assign(&unseen);
        second.assign(&own);
        CatchAll::fit_without_energy(&self.inside.select(Axis(0), &inside), &outside, self.label, self.share)
    }

    /// Probabilities of all rows, each by a catch-all that was learned without it; `whole`, of all rows, stands in where
    /// nothing is left to learn of.
    fn held_out(&self, examples: &Examples<'_>, whole: &CatchAll) -> Array2<f32> {
        let mut shares = Array2::zeros((examples.labels.len(), examples.count));
        for part in 0..PARTS as u64 {
            let is_held = |row: usize| examples.groups[row] % PARTS as u64 == part;
            let catch_all = self.catch_all(&|row| !is_held(row)).unwrap_or(*whole);
            for (logits, rows) in [(&self.inside, &self.inside_rows), (&self.own, &self.own_rows)] {
                let held: Vec<usize> = (0..rows.len()).filter(|&at| is_held(rows[at])).collect();
                let found = catch_all.probabilities(&logits.select(Axis(0), &held));
                for (at, found) in held.into_iter().zip(found.rows()) {
                    shares.row_mut(rows[at]).assign(&found);
                }
            }
        }
        shares
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows around a point of their label's own; those of the last label lie around several others.
    fn rows(each: usize, labels: usize, seed: u64) -> (Features, Vec<usize>) {
        let mut random = fastrand::Rng::with_seed(seed);
        let numbers: Vec<usize> = (0..each * labels).map(|row| row % labels).collect();
        let mut dense = Array2::from_shape_simple_fn((numbers.len(), 12), || random.f32() - 0.5);
        for (mut row, &label) in dense.rows_mut().into_iter().zip(&numbers) {
            if label + 1 < labels {
                row[label] += 2.0;
            } else {
                row[7 + random.usize(0..5)] += 2.0;
            }
        }
        refuel_learn::normalize_rows(&mut dense);
        (Features::dense(dense), numbers)
    }

    fn fitted(catch_all: Option<(usize, f32)>, each: usize, labels: usize) -> Result<Fitted, LearnError> {
        let (features, numbers) = rows(each, labels, 1);
        let groups: Vec<u64> = (0..numbers.len() as u64).collect();
        let texts = LabelTexts {
            features: Features::dense(Array2::zeros((0, 12))),
            labels: Vec::new(),
        };
        let examples = Examples {
            features: &features,
            labels: &numbers,
            count: labels,
            texts: &texts,
            groups: &groups,
        };
        Fitted::new(&examples, catch_all, &HeadOptions::default(), &|| false)
    }

    #[test]
    fn a_head_is_not_shown_the_catch_all_and_keeps_the_other_labels_right() {
        let fitted = fitted(Some((6, 0.2)), 12, 7).unwrap();
        let catch_all = fitted.catch_all.expect("it was learned");
        assert_eq!(catch_all.label, 6);
        let (features, numbers) = rows(20, 7, 2);
        let logits = fitted.head.logits(&features).unwrap();
        assert!(
            best_of(&logits).iter().all(|&label| label != 6),
            "by itself it never gives it"
        );
        let found = best_of(&catch_all.probabilities(&logits));
        let inside: Vec<usize> = (0..numbers.len()).filter(|&row| numbers[row] != 6).collect();
        let right = inside.iter().filter(|&&row| found[row] == numbers[row]).count() as f64;
        assert!(right / inside.len() as f64 > 0.9, "{right}");
        assert!(
            fitted
                .shares
                .rows()
                .into_iter()
                .all(|row| (row.sum() - 1.0).abs() < 1e-4)
        );
    }

    #[test]
    fn two_labels_leave_none_out_and_the_rows_of_the_catch_all_are_all_that_is_learned_of() {
        assert!(fitted(Some((2, 0.2)), 12, 3).unwrap().catch_all.is_some());
        assert!(fitted(None, 12, 3).unwrap().catch_all.is_none());
    }
}
