//! Attention among the tokens of each text, with its gradient (Vaswani et al. 2017, section 3.2).

use std::ops::Range;

use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, s};

/// Numbers of heads and of columns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heads {
    /// How many heads.
    pub(super) count: usize,
    /// Columns of a head.
    pub(super) size: usize,
    /// What scores are multiplied by.
    pub(super) scale: f32,
}

impl Heads {
    fn hidden(&self) -> usize {
        self.count * self.size
    }

    /// Columns of a head's queries (0), keys (1) or values (2).
    fn columns(&self, which: usize, head: usize) -> Range<usize> {
        let start = which * self.hidden() + head * self.size;
        start..start + self.size
    }

    /// From queries, keys and values `[tokens, 3 hidden]` of texts that lie one after another, what each token reads,
    /// `[tokens, hidden]`, and how much it reads of each token: a matrix a text and head.
    pub(super) fn forward(&self, qkv: &Array2<f32>, texts: &[Range<usize>]) -> (Array2<f32>, Vec<Array2<f32>>) {
        let mut read = Array2::zeros((qkv.nrows(), self.hidden()));
        let mut shares = Vec::with_capacity(texts.len() * self.count);
        for text in texts {
            for head in 0..self.count {
                let part = |which: usize| qkv.slice(s![text.clone(), self.columns(which, head)]);
                let mut share = Array2::zeros((text.len(), text.len()));
                general_mat_mul(self.scale, &part(0), &part(1).t(), 0.0, &mut share);
                for mut row in share.rows_mut() {
                    let highest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                    row.mapv_inplace(|score| (score - highest).exp());
                    let sum = row.sum();
                    row /= sum;
                }
                let mut to = read.slice_mut(s![text.clone(), self.columns(0, head)]);
                general_mat_mul(1.0, &share, &part(2), 0.0, &mut to);
                shares.push(share);
            }
        }
        (read, shares)
    }

    /// From what the loss changes by with what is read, what it changes by with queries, keys and values.
    pub(super) fn backward(
        &self,
        qkv: &Array2<f32>,
        shares: &[Array2<f32>],
        slopes: &Array2<f32>,
        texts: &[Range<usize>],
    ) -> Array2<f32> {
        let mut of_qkv = Array2::zeros(qkv.dim());
        for (at, text) in texts.iter().enumerate() {
            for head in 0..self.count {
                let part = |which: usize| qkv.slice(s![text.clone(), self.columns(which, head)]);
                let share = &shares[at * self.count + head];
                let of_read = slopes.slice(s![text.clone(), self.columns(0, head)]);
                let mut write = |which: usize, value: Array2<f32>| {
                    of_qkv
                        .slice_mut(s![text.clone(), self.columns(which, head)])
                        .assign(&value);
                };
                write(2, share.t().dot(&of_read));
                let mut of_score = of_read.dot(&part(2).t());
                for (mut row, share) in of_score.rows_mut().into_iter().zip(share.rows()) {
                    let along: f32 = row.iter().zip(share).map(|(slope, share)| slope * share).sum();
                    row.iter_mut()
                        .zip(share)
                        .for_each(|(slope, share)| *slope = self.scale * share * (*slope - along));
                }
                write(0, of_score.dot(&part(1)));
                write(1, of_score.t().dot(&part(0)));
            }
        }
        of_qkv
    }
}
