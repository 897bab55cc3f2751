//! From raw confidence to the share of answers that are right.

mod isotonic;
mod logistic;

use ndarray::Array2;
pub use refuel_task::CalibrationMap as Calibration;
use serde::Serialize;

use crate::folds::{split, stratified_folds};
pub(crate) use logistic::fit_weighted as weighted_logistic;
#[cfg(test)]
use logistic::sigmoid;

/// Fewest answers that a calibration is fitted to.
const FEWEST_ROWS: usize = 30;
/// Fewest of them that are right, and that are wrong.
const FEWEST_OF_A_SIDE: usize = 5;
/// Fewest answers for a function without a form of its own.
const FEWEST_FOR_ISOTONIC: usize = 200;
const FOLDS: usize = 5;
/// How near to 0 and 1 a confidence may come before its logarithm is taken.
const MARGIN: f32 = 1e-6;

/// A calibration that was tried.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tried {
    /// Its name.
    pub method: &'static str,
    /// Mean cross-entropy of answers that it was not fitted to.
    pub log_loss: f64,
}

/// A calibration that was chosen, with what it was chosen from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChosenCalibration {
    /// The calibration, fitted to all answers.
    pub calibration: Calibration,
    /// What was tried, from the simplest. Empty where there were too few answers.
    pub tried: Vec<Tried>,
    /// Each answer's confidence by a calibration of the chosen kind that was fitted to others, with whether the answer was
    /// right: what may be measured of it on the same answers. The raw one where nothing was tried.
    #[serde(skip)]
    pub held_out: Vec<(f32, bool)>,
}

/// How a calibration is fitted.
type Fit = fn(&[(f32, bool)]) -> Calibration;

/// Names and ways of fitting, from the simplest.
const METHODS: [(&str, usize, Fit); 5] = [
    ("none", 0, |_| Calibration::None),
    ("temperature", FEWEST_ROWS, temperature),
    ("platt", FEWEST_ROWS, platt),
    ("beta", FEWEST_ROWS, beta),
    ("isotonic", FEWEST_FOR_ISOTONIC, isotonic),
];

fn logit(raw: f32) -> f64 {
    let raw = f64::from(raw.clamp(MARGIN, 1.0 - MARGIN));
    (raw / (1.0 - raw)).ln()
}

fn share(right: bool) -> f64 {
    f64::from(u8::from(right))
}

/// Fits a temperature to raw confidences with whether the answer was right. Drawn to 1 as strongly as one answer
/// would.
fn temperature(scored: &[(f32, bool)]) -> Calibration {
    let rows: Vec<([f64; 1], f64)> = scored
        .iter()
        .map(|(raw, right)| ([logit(*raw)], share(*right)))
        .collect();
    let [slope] = logistic::fit(&rows, [1.0], 1.0);
    // What turns the order around, or makes all equal, is no temperature.
    Calibration::Temperature {
        temperature: 1.0 / slope.max(1e-2),
    }
}

/// Fits a line, drawn to the identity as strongly as one answer would. It rises, or all confidences are equal.
fn platt(scored: &[(f32, bool)]) -> Calibration {
    let rows: Vec<([f64; 2], f64)> = scored
        .iter()
        .map(|(raw, right)| ([logit(*raw), 1.0], share(*right)))
        .collect();
    let [slope, intercept] = logistic::fit(&rows, [1.0, 0.0], 1.0);
    if slope > 0.0 {
        return Calibration::Platt { slope, intercept };
    }
    let rows: Vec<([f64; 1], f64)> = scored.iter().map(|(_, right)| ([1.0], share(*right))).collect();
    let [intercept] = logistic::fit(&rows, [0.0], 1.0);
    Calibration::Platt { slope: 0.0, intercept }
}

/// Fits a function of the beta family, drawn to the identity as strongly as one answer would.
fn beta(scored: &[(f32, bool)]) -> Calibration {
    let rows: Vec<([f64; 3], f64)> = scored
        .iter()
        .map(|(raw, right)| (beta_columns(*raw), share(*right)))
        .collect();
    let [a, b, c] = logistic::fit(&rows, [1.0, 1.0, 0.0], 1.0);
    if a >= 0.0 && b >= 0.0 {
        return Calibration::Beta { a, b, c };
    }
    // A part that falls is left out, and the other fitted alone, as Kull et al. have it.
    let kept = usize::from(a < 0.0);
    let rows: Vec<([f64; 2], f64)> = rows.iter().map(|(row, right)| ([row[kept], 1.0], *right)).collect();
    let [weight, c] = logistic::fit(&rows, [1.0, 0.0], 1.0);
    let weight = weight.max(0.0);
    if kept == 0 {
        Calibration::Beta { a: weight, b: 0.0, c }
    } else {
        Calibration::Beta { a: 0.0, b: weight, c }
    }
}

/// Fits a function without a form of its own.
fn isotonic(scored: &[(f32, bool)]) -> Calibration {
    Calibration::Isotonic {
        corners: isotonic::fit(scored),
    }
}

impl ChosenCalibration {
    /// Fits every kind and takes the one with the least cross-entropy on answers that it was not fitted to; a simpler one
    /// where the better one is not better by one standard error of the difference. With fewer than 30 answers, or fewer
    /// than 5 right or wrong ones, the raw confidence stays.
    ///
    /// Raw confidences must come from a model that did not see the answer's row.
    pub fn of(scored: &[(f32, bool)], seed: u64) -> Self {
        let scored: Vec<(f32, bool)> = scored.iter().copied().filter(|(raw, _)| raw.is_finite()).collect();
        let right = scored.iter().filter(|(_, right)| *right).count();
        if scored.len() < FEWEST_ROWS || right.min(scored.len() - right) < FEWEST_OF_A_SIDE {
            return Self {
                calibration: Calibration::None,
                tried: Vec::new(),
                held_out: scored,
            };
        }
        let sides: Vec<usize> = scored.iter().map(|(_, right)| usize::from(*right)).collect();
        let parts = stratified_folds(&sides, None, FOLDS, seed);
        let mut tried = Vec::new();
        let mut best: Option<(Vec<f64>, Vec<f32>, Fit)> = None;
        for (method, fewest, fit) in METHODS {
            if scored.len() < fewest {
                continue;
            }
            let confidences = held_out(&scored, &parts, fit);
            let losses = losses(&scored, &confidences);
            tried.push(Tried {
                method,
                log_loss: losses.iter().sum::<f64>() / losses.len() as f64,
            });
            if best
                .as_ref()
                .is_none_or(|(simpler, ..)| is_clearly_less(&losses, simpler))
            {
                best = Some((losses, confidences, fit));
            }
        }
        let sides = scored.iter().map(|(_, right)| *right);
        let (held_out, calibration) = match best {
            Some((_, confidences, fit)) => (confidences.into_iter().zip(sides).collect(), fit(&scored)),
            None => (scored.clone(), Calibration::None),
        };
        Self {
            calibration,
            tried,
            held_out,
        }
    }
}

fn beta_columns(raw: f32) -> [f64; 3] {
    let raw = f64::from(raw.clamp(MARGIN, 1.0 - MARGIN));
    [raw.ln(), -(1.0 - raw).ln(), 1.0]
}

/// Each answer's confidence by a calibration that was fitted to the other parts.
fn held_out(scored: &[(f32, bool)], parts: &[usize], fit: Fit) -> Vec<f32> {
    let mut confidences = vec![0.0; scored.len()];
    for part in 0..FOLDS {
        let (trained, held) = split(parts, part);
        let fitted = fit(&trained.iter().map(|&row| scored[row]).collect::<Vec<_>>());
        for row in held {
            confidences[row] = fitted.apply(scored[row].0);
        }
    }
    confidences
}

/// The cross-entropy of each answer.
fn losses(scored: &[(f32, bool)], confidences: &[f32]) -> Vec<f64> {
    let rows = scored.iter().zip(confidences);
    let losses = rows.map(|((_, right), confidence)| {
        let confidence = f64::from(confidence.clamp(MARGIN, 1.0 - MARGIN));
        -if *right { confidence } else { 1.0 - confidence }.ln()
    });
    losses.collect()
}

/// Whether losses are less than others of the same rows by more than the standard error of their mean difference.
fn is_clearly_less(losses: &[f64], than: &[f64]) -> bool {
    let count = losses.len() as f64;
    let gains: Vec<f64> = than.iter().zip(losses).map(|(than, loss)| than - loss).collect();
    let mean = gains.iter().sum::<f64>() / count;
    let variance = gains.iter().map(|gain| (gain - mean).powi(2)).sum::<f64>() / (count - 1.0).max(1.0);
    mean > (variance / count).sqrt()
}

/// The temperature that logits are to be divided by, `[rows, labels]`, for the least mean cross-entropy of the right
/// labels (Guo et al. 2017, section 4.2). Drawn to 1 as strongly as one answer would: where all are right, the less the
/// better, without end. 1 without rows. By golden section: the loss is convex in what logits are multiplied by, so that it
/// has one minimum.
pub fn temperature_of_logits(logits: &Array2<f32>, right: &[usize]) -> f32 {
    if right.is_empty() {
        return 1.0;
    }
    let loss = |log: f64| {
        let scale = (-log).exp() as f32;
        let rows = logits.rows().into_iter().zip(right);
        rows.map(|(row, right)| {
            let highest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let sum: f64 = row.iter().map(|logit| f64::from((logit - highest) * scale).exp()).sum();
            sum.ln() - f64::from((row[*right] - highest) * scale)
        })
        .sum::<f64>()
            + (f64::from(scale) - 1.0).powi(2) / 2.0
    };
    let golden = (5.0f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = (-4.0f64, 4.0f64);
    for _ in 0..60 {
        let width = golden * (high - low);
        if loss(high - width) <= loss(low + width) {
            high = low + width;
        } else {
            low = high - width;
        }
    }
    f64::midpoint(low, high).exp() as f32
}

#[cfg(test)]
mod tests;
