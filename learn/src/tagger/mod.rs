//! Taggers: which pieces of a text are the values of which fields, learned from texts whose values are known.
//!
//! A linear chain of tags, one a token, that is fitted as a whole: a conditional random field (Lafferty, `McCallum` and
//! Pereira 2001, "Conditional random fields: probabilistic models for segmenting and labeling sequence data"). What tells
//! the tag of a token are terms of it and its neighbours (words, how they are written, their beginnings and ends) and the
//! state that an encoder has for it.

mod chain;
mod fit;
mod pieces;
mod saved;
mod sentence;
mod tags;
mod train;

use std::ops::Range;

use ndarray::{Array2, ArrayView2};
use rustc_hash::FxHashMap;

use crate::error::LearnError;
use chain::Chain;
pub use pieces::pieces;
pub use saved::{tagger_from_onnx, tagger_to_onnx};
pub use sentence::{Sentence, TextPart};
use tags::Tags;
pub use train::{TaggerOptions, TaggerRow, TrainedTagger, Value, train_tagger};

/// A piece of a text that is a value.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    /// Number of the field.
    pub field: usize,
    /// From token to token.
    pub tokens: Range<usize>,
    /// How likely just this piece is a value of the field.
    pub confidence: f32,
}

/// What a tagger says of a text.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tagging {
    /// The values, in the order of the text.
    pub pieces: Vec<Piece>,
    /// For each field, how likely the text has no value of it.
    pub absences: Vec<f32>,
    /// How likely all of it is as it is said: the probability of all tags together.
    pub confidence: f32,
}

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub struct Tagger {
    /// How many fields there are.
    pub(crate) fields: usize,
    /// Numbers of an encoder's state.
    pub(crate) dimensions: usize,
    /// Hashes of the terms, in the order of their rows.
    pub(crate) terms: Vec<u64>,
    /// `[dimensions + terms, tags]`.
    pub(crate) weights: Array2<f32>,
    /// One number a tag.
    pub(crate) bias: Vec<f32>,
    /// `[from, to]`.
    pub(crate) transitions: Vec<f32>,
}

impl Tagger {
    /// Numbers of an encoder's state for a token.
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// How many numbers were learned.
    pub fn parameters(&self) -> usize {
        self.weights.len() + self.bias.len() + self.transitions.len()
    }

    /// Something that tags texts.
    pub fn reader(&self) -> TaggerReader<'_> {
        TaggerReader {
            tagger: self,
            tags: Tags::new(self.fields),
            chain: Chain::new(Tags::new(self.fields), &self.transitions),
            rows: self.terms.iter().enumerate().map(|(row, term)| (*term, row)).collect(),
        }
    }
}

/// A tagger with what it looks up.
#[derive(Debug, Clone)]
pub struct TaggerReader<'a> {
    tagger: &'a Tagger,
    tags: Tags,
    chain: Chain,
    rows: FxHashMap<u64, usize>,
}

impl TaggerReader<'_> {
    /// Tags a text, whose tokens have these `states`, `[tokens, dimensions]`.
    ///
    /// # Errors
    /// [`LearnError::Shape`] and [`LearnError::NotFinite`].
    pub fn read(&self, sentence: &Sentence, states: &ArrayView2<'_, f32>) -> Result<Tagging, LearnError> {
        let expected = (sentence.tokens.len(), self.tagger.dimensions);
        if states.dim() != expected {
            return Err(LearnError::Shape {
                what: "numbers of the states of tokens",
                expected: expected.0 * expected.1,
                found: states.len(),
            });
        }
        if let Some(value) = states.iter().find(|value| !value.is_finite()) {
            return Err(LearnError::NotFinite {
                what: "the state of a token",
                row: 0,
                value: *value,
            });
        }
        let (of_states, of_terms) = self
            .tagger
            .weights
            .view()
            .split_at(ndarray::Axis(0), self.tagger.dimensions);
        let mut scores = states.dot(&of_states);
        for (mut row, terms) in scores.rows_mut().into_iter().zip(&sentence.terms) {
            row += &ndarray::aview1(&self.tagger.bias);
            for term in terms.iter().filter_map(|term| self.rows.get(term)) {
                row += &of_terms.row(*term);
            }
        }
        Ok(tagging(
            self.tags,
            &self.chain,
            &self.tagger.transitions,
            &scores.view(),
        ))
    }
}

/// The likeliest tags of scores, `[tokens, tags]`, with how likely each value is.
fn tagging(tags: Tags, chain: &Chain, transitions: &[f32], scores: &ArrayView2<'_, f32>) -> Tagging {
    let lattice = chain.lattice(scores);
    let best = chain.best(scores);
    let score: f64 = best
        .iter()
        .enumerate()
        .map(|(token, &tag)| f64::from(scores[[token, tag]]))
        .sum::<f64>()
        + best
            .windows(2)
            .map(|pair| f64::from(transitions[pair[0] * tags.count() + pair[1]]))
            .sum::<f64>();
    let pieces = Tags::pieces(&best).into_iter().map(|(field, tokens)| Piece {
        confidence: lattice.piece(field, &tokens) as f32,
        field,
        tokens,
    });
    Tagging {
        pieces: pieces.collect(),
        absences: (0..tags.fields()).map(|field| lattice.absence(field) as f32).collect(),
        confidence: (score - lattice.log_sum).exp().min(1.0) as f32,
    }
}
