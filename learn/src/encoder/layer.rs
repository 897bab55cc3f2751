//! One layer of a BERT-like encoder (Devlin et al. 2019): attention and a feed-forward part, each added to its input and
//! normed.

use std::ops::Range;

use ndarray::{Array2, ArrayView2, ArrayViewMut2};
use refuel_formats::WeightSource;

use super::attention::Heads;
use super::parts::{Linear, NormCache, gelu, gelu_backward, norm, norm_backward};
use crate::error::LearnError;

/// Sizes of a layer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) hidden: usize,
    pub(super) intermediate: usize,
    pub(super) heads: Heads,
    pub(super) epsilon: f32,
}

/// The tensors of a layer, in the order in which they lie in its numbers: what a checkpoint calls them behind
/// `encoder.layer.N.`, and their shape.
impl Shape {
    pub(super) fn tensors(&self) -> [(&'static str, Vec<usize>); 16] {
        let (hidden, inner) = (self.hidden, self.intermediate);
        [
            // Queries, keys and values are one matrix for the products, so they lie together, and so do their biases.
            ("attention.self.query.weight", vec![hidden, hidden]),
            ("attention.self.key.weight", vec![hidden, hidden]),
            ("attention.self.value.weight", vec![hidden, hidden]),
            ("attention.self.query.bias", vec![hidden]),
            ("attention.self.key.bias", vec![hidden]),
            ("attention.self.value.bias", vec![hidden]),
            ("attention.output.dense.weight", vec![hidden, hidden]),
            ("attention.output.dense.bias", vec![hidden]),
            ("attention.output.LayerNorm.weight", vec![hidden]),
            ("attention.output.LayerNorm.bias", vec![hidden]),
            ("intermediate.dense.weight", vec![inner, hidden]),
            ("intermediate.dense.bias", vec![inner]),
            ("output.dense.weight", vec![hidden, inner]),
            ("output.dense.bias", vec![hidden]),
            ("output.LayerNorm.weight", vec![hidden]),
            ("output.LayerNorm.bias", vec![hidden]),
        ]
    }

    /// Sizes of what is used as one: see [`Parts`].
    fn sizes(&self) -> [usize; 12] {
        let (hidden, inner) = (self.hidden, self.intermediate);
        [
            3 * hidden * hidden,
            3 * hidden,
            hidden * hidden,
            hidden,
            hidden,
            hidden,
            inner * hidden,
            inner,
            hidden * inner,
            hidden,
            hidden,
            hidden,
        ]
    }

    /// How many numbers a layer has.
    pub(super) fn size(&self) -> usize {
        self.sizes().iter().sum()
    }
}

/// A layer's numbers, in the order of [`Shape::tensors`].
#[derive(Debug, Clone)]
pub(super) struct Layer {
    pub(super) numbers: Vec<f32>,
}

/// A layer's numbers, by what they are for.
struct Parts<'a>([&'a [f32]; 12]);

/// The same to be written to.
struct PartsMut<'a>([&'a mut [f32]; 12]);

impl<'a> Parts<'a> {
    fn of(numbers: &'a [f32], shape: &Shape) -> Self {
        let mut rest = numbers;
        Self(shape.sizes().map(|size| {
            let (part, after) = rest.split_at(size);
            rest = after;
            part
        }))
    }

    /// The linear layer whose weight is at `at`, with its bias behind it.
    fn linear(&self, at: usize) -> Linear<'a> {
        let (weight, bias) = (self.0[at], self.0[at + 1]);
        Linear {
            weight: ArrayView2::from_shape((bias.len(), weight.len() / bias.len()), weight).expect("sizes agree"),
            bias,
        }
    }
}

impl<'a> PartsMut<'a> {
    fn of(numbers: &'a mut [f32], shape: &Shape) -> Self {
        let mut rest = numbers;
        Self(shape.sizes().map(|size| {
            let (part, after) = std::mem::take(&mut rest).split_at_mut(size);
            rest = after;
            part
        }))
    }

    /// The weight at `at` and the bias behind it.
    fn linear(&mut self, at: usize) -> (ArrayViewMut2<'_, f32>, &mut [f32]) {
        let (weight, bias) = self.pair(at);
        let shape = (bias.len(), weight.len() / bias.len());
        (ArrayViewMut2::from_shape(shape, weight).expect("sizes agree"), bias)
    }

    fn pair(&mut self, at: usize) -> (&mut [f32], &mut [f32]) {
        let (before, after) = self.0.split_at_mut(at + 1);
        (&mut *before[at], &mut *after[0])
    }
}

/// What a layer's gradient needs of how it was gone through.
pub(super) struct LayerCache {
    input: Array2<f32>,
    qkv: Array2<f32>,
    shares: Vec<Array2<f32>>,
    read: Array2<f32>,
    middle_norm: NormCache,
    middle: Array2<f32>,
    up: Array2<f32>,
    active: Array2<f32>,
    last_norm: NormCache,
    dropped: Option<[Array2<f32>; 2]>,
}

/// Puts some numbers to 0 and makes up for it in the others (Srivastava et al. 2014, "Dropout").
pub(super) struct Dropout<'a> {
    /// Share that is put to 0.
    pub(super) share: f32,
    /// Where chance comes from.
    pub(super) random: &'a mut fastrand::Rng,
}

impl Dropout<'_> {
    fn apply(&mut self, values: &mut Array2<f32>) -> Array2<f32> {
        let kept = 1.0 / (1.0 - self.share);
        let mask =
            Array2::from_shape_simple_fn(values.dim(), || if self.random.f32() < self.share { 0.0 } else { kept });
        *values *= &mask;
        mask
    }
}

impl Layer {
    /// Reads layer `index` of a checkpoint.
    pub(super) fn read(shape: &Shape, index: usize, weights: &dyn WeightSource) -> Result<Self, LearnError> {
        let mut numbers = Vec::with_capacity(shape.size());
        for (name, size) in shape.tensors() {
            numbers.extend(super::tensor(
                weights,
                &format!("encoder.layer.{index}.{name}"),
                size.iter().product(),
            )?);
        }
        Ok(Self { numbers })
    }

    /// States after the layer, `[tokens, hidden]`, of texts that lie one after another.
    pub(super) fn forward(
        &self,
        shape: &Shape,
        input: Array2<f32>,
        texts: &[Range<usize>],
        mut dropout: Option<Dropout<'_>>,
    ) -> (Array2<f32>, LayerCache) {
        let parts = Parts::of(&self.numbers, shape);
        let qkv = parts.linear(0).forward(&input);
        let (read, shares) = shape.heads.forward(&qkv, texts);
        let mut middle = parts.linear(2).forward(&read);
        let first = dropout.as_mut().map(|dropout| dropout.apply(&mut middle));
        middle += &input;
        let middle_norm = norm(&mut middle, parts.0[4], parts.0[5], shape.epsilon);
        let up = parts.linear(6).forward(&middle);
        let active = gelu(&up);
        let mut output = parts.linear(8).forward(&active);
        let second = dropout.as_mut().map(|dropout| dropout.apply(&mut output));
        output += &middle;
        let last_norm = norm(&mut output, parts.0[10], parts.0[11], shape.epsilon);
        let cache = LayerCache {
            input,
            qkv,
            shares,
            read,
            middle_norm,
            middle,
            up,
            active,
            last_norm,
            dropped: first.zip(second).map(<[_; 2]>::from),
        };
        (output, cache)
    }

    /// From what the loss changes by with the states after the layer, what it changes by with those before; adds that of
    /// the layer's numbers to `gradient`.
    pub(super) fn backward(
        &self,
        shape: &Shape,
        cache: &LayerCache,
        mut slopes: Array2<f32>,
        texts: &[Range<usize>],
        gradient: &mut [f32],
    ) -> Array2<f32> {
        let parts = Parts::of(&self.numbers, shape);
        let mut sums = PartsMut::of(gradient, shape);
        let (weight, bias) = sums.pair(10);
        norm_backward(&cache.last_norm, &mut slopes, parts.0[10], weight, bias);
        let mut of_middle = slopes.clone();
        if let Some([_, mask]) = &cache.dropped {
            slopes *= mask;
        }
        let (mut weight, bias) = sums.linear(8);
        let mut of_up = parts.linear(8).backward(&cache.active, &slopes, &mut weight, bias);
        gelu_backward(&cache.up, &mut of_up);
        let (mut weight, bias) = sums.linear(6);
        of_middle += &parts.linear(6).backward(&cache.middle, &of_up, &mut weight, bias);
        let (weight, bias) = sums.pair(4);
        norm_backward(&cache.middle_norm, &mut of_middle, parts.0[4], weight, bias);
        let mut of_input = of_middle.clone();
        if let Some([mask, _]) = &cache.dropped {
            of_middle *= mask;
        }
        let (mut weight, bias) = sums.linear(2);
        let of_read = parts.linear(2).backward(&cache.read, &of_middle, &mut weight, bias);
        let of_qkv = shape.heads.backward(&cache.qkv, &cache.shares, &of_read, texts);
        let (mut weight, bias) = sums.linear(0);
        of_input += &parts.linear(0).backward(&cache.input, &of_qkv, &mut weight, bias);
        of_input
    }
}
