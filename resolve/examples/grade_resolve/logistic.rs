//! A logistic regression on pair features, held to what each feature can say.

use refuel_resolve::{Direction, Feature};

/// Weights of standardized features; a missing one counts as the mean.
#[derive(Debug, Clone)]
pub(crate) struct Logistic {
    means: Vec<f32>,
    deviations: Vec<f32>,
    weights: Vec<f32>,
    intercept: f32,
}

const STEPS: usize = 600;

impl Logistic {
    /// Fits by accelerated projected gradient. `penalty` is the weight of the squared weights, beside a mean loss.
    pub(crate) fn fit(features: &[Feature], rows: &[&[f32]], labels: &[bool], penalty: f32) -> Self {
        let width = features.len();
        let (mut means, mut deviations) = (vec![0f32; width], vec![1f32; width]);
        for column in 0..width {
            let values: Vec<f32> = rows
                .iter()
                .map(|row| row[column])
                .filter(|value| !value.is_nan())
                .collect();
            if values.is_empty() {
                continue;
            }
            means[column] = values.iter().sum::<f32>() / values.len() as f32;
            let spread = values.iter().map(|value| (value - means[column]).powi(2)).sum::<f32>() / rows.len() as f32;
            deviations[column] = spread.sqrt().max(1e-3);
        }
        let mut model = Self {
            means,
            deviations,
            weights: vec![0.0; width],
            intercept: 0.0,
        };
        let inputs: Vec<Vec<f32>> = rows.iter().map(|row| model.standardized(row)).collect();
        let size = inputs.iter().flatten().map(|x| x * x).sum::<f32>() / inputs.len() as f32;
        let step = 1.0 / (0.25 * (size + 1.0) + penalty);
        let mut ahead = (model.weights.clone(), model.intercept);
        for round in 0..STEPS {
            let (mut gradient, mut bias) = (vec![0f32; width], 0f32);
            for (row, label) in inputs.iter().zip(labels) {
                let error = (sigmoid(dot(&ahead.0, row) + ahead.1) - f32::from(*label)) / inputs.len() as f32;
                bias += error;
                gradient.iter_mut().zip(row).for_each(|(g, x)| *g += error * x);
            }
            let before = (model.weights.clone(), model.intercept);
            // The intercept has a curvature of its own, smaller than that of the features.
            model.intercept = ahead.1 - bias * step;
            for (column, feature) in features.iter().enumerate() {
                let moved = ahead.0[column] - step * (gradient[column] + penalty * ahead.0[column]);
                model.weights[column] = match feature.direction {
                    Direction::Same => moved.max(0.0),
                    Direction::Different => moved.min(0.0),
                    Direction::Unknown => moved,
                };
            }
            let momentum = round as f32 / (round as f32 + 3.0);
            ahead.1 = model.intercept + momentum * (model.intercept - before.1);
            for column in 0..width {
                ahead.0[column] = model.weights[column] + momentum * (model.weights[column] - before.0[column]);
            }
        }
        model
    }

    fn standardized(&self, row: &[f32]) -> Vec<f32> {
        row.iter()
            .zip(self.means.iter().zip(&self.deviations))
            .map(|(value, (mean, deviation))| {
                if value.is_nan() {
                    0.0
                } else {
                    (value - mean) / deviation
                }
            })
            .collect()
    }

    /// Probability that the pair is one thing.
    pub(crate) fn probability(&self, row: &[f32]) -> f32 {
        sigmoid(dot(&self.weights, &self.standardized(row)) + self.intercept)
    }

    /// The features that weigh most.
    pub(crate) fn heaviest<'a>(&self, features: &'a [Feature], count: usize) -> Vec<(&'a str, f32)> {
        let mut weighed: Vec<(&str, f32)> = features
            .iter()
            .map(|f| f.name.as_str())
            .zip(self.weights.iter().copied())
            .collect();
        weighed.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
        weighed.truncate(count);
        weighed
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}
