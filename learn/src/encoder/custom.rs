//! A model of one's own: an encoder that is tuned, the head on it, and how far to trust it.

use ndarray::{Array2, Axis};

use super::{Encoder, Epoch, TuneOptions, Tuned};
use crate::calibration::temperature_of_logits;
use crate::catch_all::CatchAll;
use crate::error::LearnError;
use crate::folds::stratified_folds;
use crate::linear::{Activation, LinearHead, Targets, best_of};

/// Fewest held-out texts that a temperature is fitted to.
const FEWEST_FOR_TEMPERATURE: usize = 30;

/// Texts as numbers of tokens, each with its label.
#[derive(Debug, Clone, Copy)]
pub struct Texts<'a> {
    /// The texts' tokens.
    pub tokens: &'a [Vec<u32>],
    /// The texts' labels.
    pub labels: &'a [usize],
}

/// How a model of one's own is trained.
#[derive(Debug, Clone, Copy)]
pub struct CustomOptions {
    /// How the encoder is tuned.
    pub tune: TuneOptions,
    /// One of this many texts is held out of a first tuning, which tells how good the second one is that sees all.
    pub hold_out: usize,
    /// The label that stands for all that no other label fits, where there is one, and what share of rows is expected to
    /// have it.
    pub catch_all: Option<(usize, f64)>,
}

impl Default for CustomOptions {
    fn default() -> Self {
        Self {
            tune: TuneOptions::default(),
            hold_out: 5,
            catch_all: None,
        }
    }
}

/// A model of one's own.
#[derive(Debug, Clone)]
pub struct Custom {
    /// The encoder, tuned on all texts.
    pub encoder: Encoder,
    /// The head on its embeddings: cosines to the labels' points over a temperature.
    pub head: LinearHead,
    /// When a row belongs to the catch-all label.
    pub catch_all: Option<CatchAll>,
    /// The texts that were held out of the first tuning.
    pub held_out_rows: Vec<usize>,
    /// Their probabilities by it, `[rows, labels]`: what confidence is calibrated on.
    pub held_out: Array2<f32>,
    /// The share of them whose most probable label is right.
    pub held_out_accuracy: f64,
}

impl Custom {
    /// Probabilities of embeddings by [`Custom::encoder`], `[rows, labels]`.
    ///
    /// # Errors
    /// As [`LinearHead::logits`].
    pub fn probabilities(&self, embeddings: Array2<f32>) -> Result<Array2<f32>, LearnError> {
        let logits = self.head.logits(&crate::Features::dense(embeddings))?;
        Ok(probabilities(logits, self.catch_all.as_ref()))
    }
}

/// Tunes an encoder twice: without some texts, to learn how sure it may be, and with all of them.
///
/// Texts of labels (names, descriptions) are texts as any other. Where there is a catch-all label, its texts are never
/// drawn together; a fifth of the other labels is kept from the first tuning, and their texts and those of the catch-all
/// tell what a row looks like that no label fits.
///
/// # Errors
/// As [`Encoder::tune`] and [`CatchAll::fit`].
pub fn train_custom(
    encoder: &Encoder,
    examples: Texts<'_>,
    of_labels: Texts<'_>,
    count: usize,
    groups: Option<&[u64]>,
    options: &CustomOptions,
    report: &mut dyn FnMut(Epoch) -> bool,
) -> Result<Custom, LearnError> {
    let label_of_catch_all = options.catch_all.map(|(label, _)| label);
    let is_catch_all = |label: usize| Some(label) == label_of_catch_all;
    let folds = options.hold_out.max(2);
    let parts = stratified_folds(examples.labels, groups, folds, options.tune.seed);
    let label_parts = stratified_folds(&vec![0; count], None, folds, options.tune.seed);
    let is_left_out = |label: usize| is_catch_all(label) || (options.catch_all.is_some() && label_parts[label] == 0);
    let first = tune_on(
        encoder,
        examples,
        of_labels,
        count,
        options,
        &|row| parts[row] != 0 && !is_left_out(examples.labels[row]),
        &|label| !is_left_out(label),
        report,
    )?;
    let inside: Vec<usize> = (0..examples.labels.len())
        .filter(|&row| parts[row] == 0 && !is_left_out(examples.labels[row]))
        .collect();
    let outside: Vec<usize> = (0..examples.labels.len())
        .filter(|&row| is_left_out(examples.labels[row]) && options.catch_all.is_some())
        .collect();
    let logits_of = |rows: &[usize]| -> Result<Array2<f32>, LearnError> {
        let tokens: Vec<Vec<u32>> = rows.iter().map(|&row| examples.tokens[row].clone()).collect();
        let mut logits = first.encoder.embed(&tokens)?.dot(&first.points.t()) / options.tune.temperature;
        for label in (0..count).filter(|label| is_left_out(*label)) {
            logits.column_mut(label).fill(f32::NEG_INFINITY);
        }
        Ok(logits)
    };
    let logits = logits_of(&inside)?;
    let right: Vec<usize> = inside.iter().map(|&row| examples.labels[row]).collect();
    let temperature = if inside.len() < FEWEST_FOR_TEMPERATURE {
        1.0
    } else {
        temperature_of_logits(&logits, &right)
    };
    let logits = logits / temperature;
    let of_outside = logits_of(&outside)? / temperature;
    let catch_all = match options.catch_all {
        Some((label, share)) => Some(CatchAll::fit(&logits, &of_outside, label, share)?),
        None => None,
    };
    // A label that was left out can't be found: of those, the texts of the catch-all alone are held out.
    let seen_outside: Vec<usize> = (0..outside.len())
        .filter(|&at| is_catch_all(examples.labels[outside[at]]))
        .collect();
    let of_catch_all = of_outside.select(Axis(0), &seen_outside);
    let held_out = ndarray::concatenate(Axis(0), &[logits.view(), of_catch_all.view()]).expect("columns are labels");
    let held_out = probabilities(held_out, catch_all.as_ref());
    let held_out_rows: Vec<usize> = inside
        .into_iter()
        .chain(seen_outside.into_iter().map(|at| outside[at]))
        .collect();
    let hits = best_of(&held_out)
        .iter()
        .zip(&held_out_rows)
        .filter(|(found, row)| **found == examples.labels[**row])
        .count();
    let all = tune_on(
        encoder,
        examples,
        of_labels,
        count,
        options,
        &|row| !is_catch_all(examples.labels[row]),
        &|label| !is_catch_all(label),
        report,
    )?;
    let scale = options.tune.temperature * temperature;
    Ok(Custom {
        head: LinearHead {
            weights: (&all.points / scale).reversed_axes().as_standard_layout().into_owned(),
            bias: vec![0.0; count],
            activation: Activation::Softmax,
            dimensions: all.points.ncols(),
        },
        encoder: all.encoder,
        catch_all,
        held_out_accuracy: hits as f64 / held_out_rows.len().max(1) as f64,
        held_out_rows,
        held_out,
    })
}

fn probabilities(mut logits: Array2<f32>, catch_all: Option<&CatchAll>) -> Array2<f32> {
    if let Some(catch_all) = catch_all {
        return catch_all.probabilities(&logits);
    }
    Activation::Softmax.apply(&mut logits);
    logits
}

#[expect(
    clippy::too_many_arguments,
    reason = "what both tunings have in common, and what they don't"
)]
fn tune_on(
    encoder: &Encoder,
    examples: Texts<'_>,
    of_labels: Texts<'_>,
    count: usize,
    options: &CustomOptions,
    takes_row: &dyn Fn(usize) -> bool,
    takes_label: &dyn Fn(usize) -> bool,
    report: &mut dyn FnMut(Epoch) -> bool,
) -> Result<Tuned, LearnError> {
    let rows = (0..examples.tokens.len()).filter(|&row| takes_row(row));
    let taken = rows.map(|row| (&examples.tokens[row], examples.labels[row]));
    let texts = of_labels.tokens.iter().zip(of_labels.labels.iter().copied());
    let (tokens, labels): (Vec<Vec<u32>>, Vec<usize>) = taken
        .chain(texts.filter(|(_, label)| takes_label(*label)))
        .map(|(tokens, label)| (tokens.clone(), label))
        .unzip();
    let weights = Targets::single(&labels, count)?.balanced_weights();
    encoder.tune(&tokens, &labels, &weights, count, &options.tune, report)
}
