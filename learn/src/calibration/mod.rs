//! From raw confidence to the share of answers that are right.

mod isotonic;
mod logistic;

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::folds::{split, stratified_folds};
pub(crate) use logistic::fit_weighted as weighted_logistic;
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

/// A rising function from raw confidence to confidence, both in `[0, 1]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case")]
pub enum Calibration {
    /// The raw confidence itself.
    None,
    /// The logit over a temperature (Guo et al. 2017, "On calibration of modern neural networks", section 4, seen for
    /// the answer against all others).
    Temperature {
        /// The temperature.
        temperature: f64,
    },
    /// A straight line on the logit (Platt 1999, "Probabilistic outputs for support vector machines").
    Platt {
        /// What the logit is multiplied by.
        slope: f64,
        /// What is added.
        intercept: f64,
    },
    /// `sigmoid(a ln p - b ln(1 - p) + c)` (Kull, Silva Filho and Flach 2017, "Beta calibration").
    Beta {
        /// Of `ln p`.
        a: f64,
        /// Of `-ln(1 - p)`.
        b: f64,
        /// What is added.
        c: f64,
    },
    /// Any function that never falls (Zadrozny and Elkan 2002, "Transforming classifier scores into accurate multiclass
    /// probability estimates").
    Isotonic {
        /// Corners, by raw confidence; between them the function is straight.
        corners: Vec<(f32, f32)>,
    },
}

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
}

/// How a calibration is fitted.
type Fit = fn(&[(f32, bool)]) -> Calibration;

/// Names and ways of fitting, from the simplest.
const METHODS: [(&str, usize, Fit); 5] = [
    ("none", 0, |_| Calibration::None),
    ("temperature", FEWEST_ROWS, Calibration::temperature),
    ("platt", FEWEST_ROWS, Calibration::platt),
    ("beta", FEWEST_ROWS, Calibration::beta),
    ("isotonic", FEWEST_FOR_ISOTONIC, Calibration::isotonic),
];

fn logit(raw: f32) -> f64 {
    let raw = f64::from(raw.clamp(MARGIN, 1.0 - MARGIN));
    (raw / (1.0 - raw)).ln()
}

fn share(right: bool) -> f64 {
    f64::from(u8::from(right))
}

impl Calibration {
    /// The confidence for a raw one. What is not a number stays so.
    pub fn apply(&self, raw: f32) -> f32 {
        if raw.is_nan() {
            return raw;
        }
        match self {
            Self::None => raw,
            Self::Temperature { temperature } => sigmoid(logit(raw) / temperature) as f32,
            Self::Platt { slope, intercept } => sigmoid(slope * logit(raw) + intercept) as f32,
            Self::Beta { a, b, c } => {
                let [of_a, of_b, of_c] = beta_columns(raw);
                sigmoid(a * of_a + b * of_b + c * of_c) as f32
            }
            Self::Isotonic { corners } => isotonic::apply(corners, raw),
        }
    }

    /// Fits a temperature to raw confidences with whether the answer was right. Drawn to 1 as strongly as one answer
    /// would.
    pub fn temperature(scored: &[(f32, bool)]) -> Self {
        let rows: Vec<([f64; 1], f64)> = scored
            .iter()
            .map(|(raw, right)| ([logit(*raw)], share(*right)))
            .collect();
        let [slope] = logistic::fit(&rows, [1.0], 1.0);
        // What turns the order around, or makes all equal, is no temperature.
        Self::Temperature {
            temperature: 1.0 / slope.max(1e-2),
        }
    }

    /// Fits a line, drawn to the identity as strongly as one answer would. It rises, or all confidences are equal.
    pub fn platt(scored: &[(f32, bool)]) -> Self {
        let rows: Vec<([f64; 2], f64)> = scored
            .iter()
            .map(|(raw, right)| ([logit(*raw), 1.0], share(*right)))
            .collect();
        let [slope, intercept] = logistic::fit(&rows, [1.0, 0.0], 1.0);
        if slope > 0.0 {
            return Self::Platt { slope, intercept };
        }
        let rows: Vec<([f64; 1], f64)> = scored.iter().map(|(_, right)| ([1.0], share(*right))).collect();
        let [intercept] = logistic::fit(&rows, [0.0], 1.0);
        Self::Platt { slope: 0.0, intercept }
    }

    /// Fits a function of the beta family, drawn to the identity as strongly as one answer would.
    pub fn beta(scored: &[(f32, bool)]) -> Self {
        let rows: Vec<([f64; 3], f64)> = scored
            .iter()
            .map(|(raw, right)| (beta_columns(*raw), share(*right)))
            .collect();
        let [a, b, c] = logistic::fit(&rows, [1.0, 1.0, 0.0], 1.0);
        if a >= 0.0 && b >= 0.0 {
            return Self::Beta { a, b, c };
        }
        // A part that falls is left out, and the other fitted alone, as Kull et al. have it.
        let kept = usize::from(a < 0.0);
        let rows: Vec<([f64; 2], f64)> = rows.iter().map(|(row, right)| ([row[kept], 1.0], *right)).collect();
        let [weight, c] = logistic::fit(&rows, [1.0, 0.0], 1.0);
        let weight = weight.max(0.0);
        if kept == 0 {
            Self::Beta { a: weight, b: 0.0, c }
        } else {
            Self::Beta { a: 0.0, b: weight, c }
        }
    }

    /// Fits a function without a form of its own.
    pub fn isotonic(scored: &[(f32, bool)]) -> Self {
        Self::Isotonic {
            corners: isotonic::fit(scored),
        }
    }

    /// Fits every kind and takes the one with the least cross-entropy on answers that it was not fitted to; a simpler one
    /// where the better one is not better by one standard error of the difference. With fewer than 30
    /// answers, or fewer than 5 right or wrong ones, the raw confidence stays.
    ///
    /// Raw confidences must come from a model that did not see the answer's row.
    pub fn choose(scored: &[(f32, bool)], seed: u64) -> ChosenCalibration {
        let scored: Vec<(f32, bool)> = scored.iter().copied().filter(|(raw, _)| raw.is_finite()).collect();
        let right = scored.iter().filter(|(_, right)| *right).count();
        if scored.len() < FEWEST_ROWS || right.min(scored.len() - right) < FEWEST_OF_A_SIDE {
            return ChosenCalibration {
                calibration: Self::None,
                tried: Vec::new(),
            };
        }
        let sides: Vec<usize> = scored.iter().map(|(_, right)| usize::from(*right)).collect();
        let parts = stratified_folds(&sides, None, FOLDS, seed);
        let mut tried = Vec::new();
        let mut best: Option<(Vec<f64>, Fit)> = None;
        for (method, fewest, fit) in METHODS {
            if scored.len() < fewest {
                continue;
            }
            let losses = held_out_losses(&scored, &parts, fit);
            tried.push(Tried {
                method,
                log_loss: losses.iter().sum::<f64>() / losses.len() as f64,
            });
            if best
                .as_ref()
                .is_none_or(|(simpler, _)| is_clearly_less(&losses, simpler))
            {
                best = Some((losses, fit));
            }
        }
        ChosenCalibration {
            calibration: best.map_or(Self::None, |(_, fit)| fit(&scored)),
            tried,
        }
    }
}

fn beta_columns(raw: f32) -> [f64; 3] {
    let raw = f64::from(raw.clamp(MARGIN, 1.0 - MARGIN));
    [raw.ln(), -(1.0 - raw).ln(), 1.0]
}

fn held_out_losses(scored: &[(f32, bool)], parts: &[usize], fit: Fit) -> Vec<f64> {
    let mut losses = vec![0.0; scored.len()];
    for part in 0..FOLDS {
        let (trained, held) = split(parts, part);
        let fitted = fit(&trained.iter().map(|&row| scored[row]).collect::<Vec<_>>());
        for row in held {
            let (raw, right) = scored[row];
            let confidence = f64::from(fitted.apply(raw).clamp(MARGIN, 1.0 - MARGIN));
            losses[row] = -if right { confidence } else { 1.0 - confidence }.ln();
        }
    }
    losses
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
/// labels (Guo et al. 2017, section 4.2). 1 without rows. By golden section: the loss has one minimum.
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
