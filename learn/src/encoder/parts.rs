//! The operations of a layer, each with its gradient.

use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis};

/// A linear layer, as checkpoints have it: `weight` is `[out, in]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Linear<'a> {
    pub(super) weight: ArrayView2<'a, f32>,
    pub(super) bias: &'a [f32],
}

impl Linear<'_> {
    /// `[rows, out]`.
    pub(super) fn forward(&self, input: &Array2<f32>) -> Array2<f32> {
        let mut output = Array2::zeros((input.nrows(), self.bias.len()));
        for mut row in output.rows_mut() {
            row.iter_mut().zip(self.bias).for_each(|(to, bias)| *to = *bias);
        }
        general_mat_mul(1.0, input, &self.weight.t(), 1.0, &mut output);
        output
    }

    /// From what the loss changes by with the output, what it changes by with the input; adds that of weight and bias.
    pub(super) fn backward(
        &self,
        input: &Array2<f32>,
        slopes: &Array2<f32>,
        weight: &mut ArrayViewMut2<'_, f32>,
        bias: &mut [f32],
    ) -> Array2<f32> {
        general_mat_mul(1.0, &slopes.t(), input, 1.0, weight);
        bias.iter_mut()
            .zip(slopes.sum_axis(Axis(0)))
            .for_each(|(sum, slope)| *sum += slope);
        slopes.dot(&self.weight)
    }
}

/// What a norm's gradient needs of its input.
#[derive(Debug)]
pub(super) struct NormCache {
    /// The input with mean 0 and variance 1, by rows.
    normalized: Array2<f32>,
    /// What each row was multiplied by for that.
    inverse: Vec<f32>,
}

/// Layer normalization (Ba, Kiros and Hinton 2016), in place.
pub(super) fn norm(values: &mut Array2<f32>, weight: &[f32], bias: &[f32], epsilon: f32) -> NormCache {
    let mut inverse = Vec::with_capacity(values.nrows());
    for mut row in values.rows_mut() {
        let size = row.len() as f32;
        let mean = row.sum() / size;
        let variance = row.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / size;
        let scale = 1.0 / (variance + epsilon).sqrt();
        row.mapv_inplace(|value| (value - mean) * scale);
        inverse.push(scale);
    }
    let normalized = values.clone();
    for mut row in values.rows_mut() {
        for ((value, weight), bias) in row.iter_mut().zip(weight).zip(bias) {
            *value = *value * weight + bias;
        }
    }
    NormCache { normalized, inverse }
}

/// Turns what the loss changes by with a norm's output into that with its input; adds that of weight and bias.
pub(super) fn norm_backward(
    cache: &NormCache,
    slopes: &mut Array2<f32>,
    weight: &[f32],
    of_weight: &mut [f32],
    of_bias: &mut [f32],
) {
    for ((mut row, normalized), inverse) in slopes
        .rows_mut()
        .into_iter()
        .zip(cache.normalized.rows())
        .zip(&cache.inverse)
    {
        let size = row.len() as f32;
        let (mut sum, mut product) = (0.0, 0.0);
        for (at, (slope, value)) in row.iter_mut().zip(normalized).enumerate() {
            of_weight[at] += *slope * value;
            of_bias[at] += *slope;
            *slope *= weight[at];
            sum += *slope;
            product += *slope * value;
        }
        let (mean, along) = (sum / size, product / size);
        for (slope, value) in row.iter_mut().zip(normalized) {
            *slope = inverse * (*slope - mean - value * along);
        }
    }
}

/// The density of the normal distribution at `x`, and its integral up to `x` (Abramowitz and Stegun 1964, 7.1.26: off by
/// 1.5e-7 at most).
fn normal(x: f32) -> (f32, f32) {
    let exponential = (-0.5 * x * x).exp();
    let t = 1.0 / (1.0 + 0.327_591_1 * x.abs() * std::f32::consts::FRAC_1_SQRT_2);
    let polynomial = ((((1.061_405_4 * t - 1.453_152) * t + 1.421_413_7) * t - 0.284_496_74) * t + 0.254_829_6) * t;
    let above = 0.5 * polynomial * exponential;
    let integral = if x >= 0.0 { 1.0 - above } else { above };
    (exponential * 0.398_942_3, integral)
}

/// Exact GELU (Hendrycks and Gimpel 2016): `x` times the normal distribution's integral up to `x`.
pub(super) fn gelu(values: &Array2<f32>) -> Array2<f32> {
    values.mapv(|value| value * normal(value).1)
}

/// Turns what the loss changes by with GELU's output into that with its input.
pub(super) fn gelu_backward(values: &Array2<f32>, slopes: &mut Array2<f32>) {
    slopes.zip_mut_with(values, |slope, value| {
        let (density, integral) = normal(*value);
        *slope *= integral + value * density;
    });
}
