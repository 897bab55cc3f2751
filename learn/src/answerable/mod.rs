//! Whether a text answers a question, and whether a piece of it is the answer: told by what a language model holds in mind
//! once it has read both.
//!
//! What a model says of a question that a text doesn't answer is seldom that. Its states tell more: a line through them
//! separates questions with an answer from others (Slobodkin et al. 2023, "The Curious Case of Hallucinatory
//! (Un)answerability: Finding Truths in the Hidden States of Over-Confident Large Language Models"; for right and wrong
//! answers Azaria and Mitchell 2023, "The Internal State of an LLM Knows When It's Lying").

use ndarray::{Array2, Axis, concatenate};
use rayon::prelude::*;

use crate::error::LearnError;
use crate::features::Features;
use crate::folds::{split, stratified_folds};
use crate::linear::{Activation, FitOptions, LinearHead, Targets};

/// Fewest questions with an answer, and fewest without.
const FEWEST_OF_A_SIDE: usize = 5;
const FOLDS: usize = 5;
/// As [`FitOptions::penalty`], for columns of which all states together vary as much as one measure does, times
/// [`SHARES`].
const PENALTIES: [f32; 6] = [0.3, 0.1, 0.03, 0.01, 0.003, 0.001];
/// How much the states vary together, where each measure varies by 1. 0 leaves them out.
const SHARES: [f32; 5] = [0.0, 1.0, 3.0, 10.0, 30.0];
/// How near to 0 and 1 a probability may come before its logarithm is taken.
const MARGIN: f32 = 1e-6;

/// What [`AnswerableHead`] says of a question, in the order of its outputs.
pub const ANSWERABLE_OUTPUTS: [&str; 2] = ["no answer", "right"];

/// What a language model shows of one question about one text, besides its states.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shown {
    /// Its probability of there being no answer, before the first token of one.
    pub none: f32,
    /// The probability of the piece that it gives, among what it could have written.
    pub confidence: f32,
    /// The geometric mean of the probabilities of the piece's tokens among all.
    pub raw_confidence: f32,
    /// Words of the piece.
    pub words: usize,
}

impl Shown {
    /// The names of [`Shown::measures`].
    pub const MEASURES: [&'static str; 4] = ["no answer", "confidence", "raw confidence", "words"];

    /// Log-odds and logarithms, of which a line may be made.
    pub fn measures(&self) -> [f32; 4] {
        let none = self.none.clamp(MARGIN, 1.0 - MARGIN);
        [
            (none / (1.0 - none)).ln(),
            self.confidence.max(MARGIN).ln(),
            self.raw_confidence.max(MARGIN).ln(),
            (self.words as f32).ln_1p(),
        ]
    }
}

/// Questions about texts, as a language model read them.
#[derive(Debug, Clone, PartialEq)]
pub struct Questions {
    /// What it shows of each.
    pub shown: Vec<Shown>,
    /// Its states, `[questions, numbers]`; no columns where it tells none.
    pub states: Array2<f32>,
}

impl Questions {
    /// Measures, and then states: `[questions, columns]`.
    fn table(&self) -> Result<Array2<f32>, LearnError> {
        let columns = Shown::MEASURES.len();
        let measures: Vec<f32> = self.shown.iter().flat_map(Shown::measures).collect();
        let measures =
            Array2::from_shape_vec((self.shown.len(), columns), measures).expect("as many measures a question as any");
        concatenate(Axis(1), &[measures.view(), self.states.view()]).map_err(|_| LearnError::Shape {
            what: "states of questions",
            expected: self.shown.len(),
            found: self.states.nrows(),
        })
    }
}

/// A line through what a language model shows and holds in mind.
#[derive(Debug, Clone, PartialEq)]
pub struct AnswerableHead {
    /// From measures and states to [`ANSWERABLE_OUTPUTS`].
    pub head: LinearHead,
}

impl AnswerableHead {
    /// How probable it is of each question that the text has no answer, and that the piece is the right one:
    /// `[questions, 2]`.
    ///
    /// # Errors
    /// [`LearnError::Shape`] where the states are not those that it was fitted to, and [`LearnError::NotFinite`].
    pub fn probabilities(&self, questions: &Questions) -> Result<Array2<f32>, LearnError> {
        let features = Features::dense(questions.table()?);
        features.check()?;
        self.head.probabilities(&features)
    }

    /// Numbers of the states that it reads.
    pub fn states(&self) -> usize {
        self.head.dimensions.saturating_sub(Shown::MEASURES.len())
    }
}

/// A head, and how it did on questions that it had not seen.
#[derive(Debug, Clone)]
pub struct TrainedAnswerable {
    /// The head, fitted to all questions.
    pub head: AnswerableHead,
    /// What heads that had not seen a question say of it, as [`AnswerableHead::probabilities`].
    pub held_out: Array2<f32>,
    /// Their mean cross-entropies, added up.
    pub log_loss: f64,
}

/// What is tried.
#[derive(Debug, Clone, Copy)]
struct Choice {
    penalty: f32,
    share: f32,
}

/// Trains a head on questions of which it is known whether the text has no answer, and whether the model's piece is
/// right: `known` has one `[no answer, right]` each. `groups` holds questions about one text together.
///
/// How strongly weights are held back, and how much states count beside measures, is chosen for the least cross-entropy
/// on held-out questions, of each output by itself. Equal arguments give equal heads.
///
/// # Errors
/// [`LearnError::OneSided`] with fewer than 5 questions of a side, and what is wrong with the arguments.
pub fn train_answerable(
    questions: &Questions,
    known: &[[bool; 2]],
    groups: &[u64],
    seed: u64,
) -> Result<TrainedAnswerable, LearnError> {
    let table = questions.table()?;
    crate::checks::lengths("what is known of questions", table.nrows(), [known.len(), groups.len()])?;
    let without = known.iter().filter(|[none, _]| *none).count();
    let with = known.len() - without;
    let sides = [
        (
            "without an answer",
            without,
            "whose text does not answer them, with an empty answer",
        ),
        ("with an answer", with, "whose answer stands in the text"),
    ];
    if let Some((side, have, label)) = sides.into_iter().find(|(_, have, _)| *have < FEWEST_OF_A_SIDE) {
        return Err(LearnError::OneSided {
            side,
            need: FEWEST_OF_A_SIDE,
            have,
            label,
        });
    }
    Features::dense(table.clone()).check()?;
    let sides: Vec<usize> = known.iter().map(|[none, _]| usize::from(*none)).collect();
    let shares = known.iter().flatten().map(|known| f32::from(u8::from(*known)));
    let search = Search {
        targets: Targets {
            shares: Array2::from_shape_vec((known.len(), 2), shares.collect()).expect("two numbers a question"),
            activation: Activation::Sigmoid,
        },
        parts: stratified_folds(&sides, Some(groups), FOLDS, seed),
        table,
    };
    let has_states = questions.states.ncols() > 0;
    let choices: Vec<Choice> = SHARES
        .into_iter()
        .filter(|share| has_states || *share == 0.0)
        .flat_map(|share| PENALTIES.map(|penalty| Choice { penalty, share }))
        .collect();
    let tried: Vec<(Choice, Array2<f32>)> = choices
        .into_par_iter()
        .map(|choice| Ok((choice, search.held_out(choice)?)))
        .collect::<Result<_, LearnError>>()?;
    // What tells whether there is an answer need not be what tells whether a piece is right.
    let all: Vec<usize> = (0..known.len()).collect();
    let mut held_out = Array2::zeros(search.targets.shares.raw_dim());
    let mut log_loss = 0.0;
    let mut head: Option<LinearHead> = None;
    for output in 0..ANSWERABLE_OUTPUTS.len() {
        let scored = tried
            .iter()
            .map(|(choice, found)| (search.loss(found, output), choice, found));
        let best = scored.reduce(|best, next| if next.0 < best.0 { next } else { best });
        let (loss, choice, found) = best.expect("something was tried");
        log_loss += loss;
        held_out.column_mut(output).assign(&found.column(output));
        let fitted = search.fit(&all, *choice)?.head;
        let whole = head.get_or_insert_with(|| fitted.clone());
        whole.weights.column_mut(output).assign(&fitted.weights.column(output));
        whole.bias[output] = fitted.bias[output];
    }
    Ok(TrainedAnswerable {
        head: AnswerableHead {
            head: head.expect("there are outputs"),
        },
        held_out,
        log_loss,
    })
}

struct Search {
    /// Measures, and then states.
    table: Array2<f32>,
    targets: Targets,
    parts: Vec<usize>,
}

impl Search {
    fn fit(&self, rows: &[usize], choice: Choice) -> Result<AnswerableHead, LearnError> {
        let mut table = self.table.select(Axis(0), rows);
        let measures = Shown::MEASURES.len();
        let states = table.ncols() - measures;
        let share = choice.share / (states.max(1) as f32).sqrt();
        let mut scales = Vec::with_capacity(table.ncols());
        let mut means = Vec::with_capacity(table.ncols());
        for (column, mut values) in table.axis_iter_mut(Axis(1)).enumerate() {
            let mean = values.iter().copied().map(f64::from).sum::<f64>() / rows.len().max(1) as f64;
            let variance = values
                .iter()
                .map(|value| (f64::from(*value) - mean).powi(2))
                .sum::<f64>();
            let deviation = (variance / rows.len().max(1) as f64).sqrt();
            // A column that is always the same says nothing, whatever it is divided by.
            let scale = if deviation > 1e-9 {
                (1.0 / deviation) as f32
            } else {
                0.0
            };
            let scale = if column < measures { scale } else { scale * share };
            values.mapv_inplace(|value| (value - mean as f32) * scale);
            means.push(mean as f32);
            scales.push(scale);
        }
        let targets = self.targets.select(rows);
        let options = FitOptions {
            penalty: choice.penalty,
            prior: None,
        };
        let mut head = LinearHead::fit(&Features::dense(table), &targets, &vec![1.0; rows.len()], &options)?;
        // The head reads numbers as they come.
        for ((mut weights, scale), mean) in head.weights.rows_mut().into_iter().zip(scales).zip(means) {
            weights *= scale;
            for (bias, weight) in head.bias.iter_mut().zip(&weights) {
                *bias -= weight * mean;
            }
        }
        Ok(AnswerableHead { head })
    }

    /// Probabilities by heads that did not see the question.
    fn held_out(&self, choice: Choice) -> Result<Array2<f32>, LearnError> {
        let mut all = Array2::zeros(self.targets.shares.raw_dim());
        for part in 0..FOLDS {
            let (trained, held) = split(&self.parts, part);
            if held.is_empty() || trained.is_empty() {
                continue;
            }
            let table = Features::dense(self.table.select(Axis(0), &held));
            let found = self.fit(&trained, choice)?.head.probabilities(&table)?;
            for (row, found) in held.into_iter().zip(found.rows()) {
                all.row_mut(row).assign(&found);
            }
        }
        Ok(all)
    }

    /// The mean cross-entropy of an output.
    fn loss(&self, probabilities: &Array2<f32>, output: usize) -> f64 {
        let rows = probabilities
            .column(output)
            .into_iter()
            .zip(self.targets.shares.column(output));
        let losses = rows.map(|(found, known)| {
            let found = f64::from(found.clamp(MARGIN, 1.0 - MARGIN));
            let known = f64::from(*known);
            -known * found.ln() - (1.0 - known) * (1.0 - found).ln()
        });
        losses.sum::<f64>() / self.targets.rows().max(1) as f64
    }
}

#[cfg(test)]
mod tests;
