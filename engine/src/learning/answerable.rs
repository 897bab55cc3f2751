//! Heads that say how sure answers out of texts are, and whether there is one.

use std::collections::HashMap;

use ndarray::Array2;
use refuel_learn::{ANSWERABLE_OUTPUTS, ChosenCalibration, Facts, Shown, head_to_onnx, train_answerable};
use refuel_task::{Example, RenderedInput, Task};

use super::cascade::{by_model, sample, unshown};
use super::{HeldOut, Learned, OnTraining, TrainEvent, TrainOptions, TrainStep, hash_of};
use crate::cancel::Cancel;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::evaluate::{bare_words, token_f1};
use crate::learned::answerable::{Read, named, questions};
use crate::prepared::WindowReading;

/// Rows that the language model reads together.
const TOGETHER: usize = 32;

/// A question that the model has read, with what is right.
struct Asked {
    reading: WindowReading,
    /// The right answer. None where the text has none.
    right: Option<String>,
}

impl Asked {
    /// Whether the text has no answer, and whether the model's piece is right.
    fn known(&self) -> [bool; 2] {
        let piece = self.reading.reading.piece.as_deref();
        match (&self.right, piece) {
            (None, _) => [true, false],
            (Some(right), Some(piece)) => [false, bare_words(right) == bare_words(piece)],
            (Some(_), None) => [false, false],
        }
    }

    /// How many of the words are right where a piece is given, or else that there is none.
    fn worth(&self, says_none: bool) -> f64 {
        match &self.reading.reading.piece {
            Some(piece) if !says_none => token_f1(self.right.as_deref().unwrap_or_default(), piece),
            _ => f64::from(u8::from(self.right.is_none())),
        }
    }
}

/// A head that judges answers.
pub(super) struct Judge {
    pub(super) learned: Learned,
    /// The `no_answer_threshold` with which most words are right, of questions that no head had seen.
    pub(super) threshold: f32,
    /// What a user should know.
    pub(super) notes: Vec<String>,
}

/// Asks the task's language model about rows, and trains a head on what it shows of them.
pub(super) fn learn(
    engine: &Engine,
    task: &Task,
    examples: &[Example],
    options: &TrainOptions<'_>,
    cancel: &Cancel,
    on_event: OnTraining<'_>,
) -> Result<Judge, EngineError> {
    let prepared = engine.prepare(&by_model(task), options.model)?;
    let entry = prepared.entry().ok_or_else(|| EngineError::NoModel {
        task: task.name.clone(),
    })?;
    let rows = sample(&unshown(engine, task, examples, cancel)?, options);
    on_event(TrainEvent::Begin {
        step: TrainStep::Ask,
        rows: rows.len() as u64,
    });
    let mut asked = Vec::with_capacity(rows.len());
    for rows in rows.chunks(TOGETHER) {
        let inputs: Vec<&RenderedInput> = rows.iter().map(|&row| &examples[row].input).collect();
        for reading in prepared.readings(&inputs, cancel)? {
            let right = examples[rows[reading.owner]].answer.as_str();
            // A window of a long text need not hold the answer that the whole has.
            let right = right
                .filter(|right| reading.context.contains(*right))
                .map(str::to_owned);
            asked.push(Asked { reading, right });
        }
        on_event(TrainEvent::Rows(rows.len() as u64));
    }
    // Where a guide leaves no choice the model is not asked, and holds nothing in mind.
    let states = |asked: &Asked| asked.reading.reading.read.states.len();
    let most = asked.iter().map(states).max().unwrap_or_default();
    asked.retain(|asked| states(asked) == most);
    on_event(TrainEvent::Begin {
        step: TrainStep::Fit,
        rows: asked.len() as u64,
    });
    let read: Vec<&Read> = asked.iter().map(|asked| &asked.reading.reading.read).collect();
    let read = questions(&read)?;
    let known: Vec<[bool; 2]> = asked.iter().map(Asked::known).collect();
    let trained = train_answerable(&read, &known, &groups(&asked), options.seed)?;
    let both = trained.held_out.iter().copied().zip(known.iter().flatten().copied());
    let calibration = ChosenCalibration::of(&both.collect::<Vec<_>>(), options.seed).calibration;
    let decided: Vec<(f32, bool)> = decided(&trained.held_out, &known, task.no_answer_threshold)
        .into_iter()
        .map(|(raw, right)| (calibration.apply(raw), right))
        .collect();
    let held_out = HeldOut::of(&decided, &rights(&asked));
    let mut facts = Facts::new(
        ANSWERABLE_OUTPUTS.map(str::to_owned).to_vec(),
        hash_of(examples),
        examples.len(),
    );
    facts.columns = Shown::MEASURES.map(str::to_owned).to_vec();
    facts.embedding_model = Some(named(entry));
    facts.held_out_accuracy = held_out.accuracy;
    facts.held_out_log_loss = trained.log_loss;
    facts.calibration = calibration;
    let head = &trained.head.head;
    let learned = Learned {
        graph: head_to_onnx(head, &facts),
        files: Vec::new(),
        family: "linear",
        columns: head.weights.nrows(),
        parameters: head.weights.len() + head.bias.len(),
        encoder: Some(entry.clone()),
        scored: Vec::new(),
        held_out,
        calibration: facts.calibration.method(),
    };
    let worth = |threshold: f32| worth(&asked, &trained.held_out, threshold);
    let threshold = best_threshold(&trained.held_out, worth).unwrap_or(task.no_answer_threshold);
    let own = task.no_answer_threshold;
    let notes = (worth(threshold) > worth(own) + 1e-9).then(|| {
        format!(
            "of questions that no head had seen, {:.3} of the words are right (F1) with `no_answer_threshold: {threshold}`, and \
             {:.3} with {own}",
            worth(threshold),
            worth(own)
        )
    });
    Ok(Judge {
        learned,
        threshold,
        notes: notes.into_iter().collect(),
    })
}

/// Questions about one text are held out together.
fn groups(asked: &[Asked]) -> Vec<u64> {
    let mut seen: HashMap<&str, u64> = HashMap::new();
    let contexts = asked.iter().map(|asked| asked.reading.context.as_str());
    contexts
        .map(|context| {
            let next = seen.len() as u64;
            *seen.entry(context).or_insert(next)
        })
        .collect()
}

/// Right answers, without what makes no difference.
fn rights(asked: &[Asked]) -> Vec<Option<String>> {
    asked
        .iter()
        .map(|asked| asked.right.as_deref().map(bare_words))
        .collect()
}

/// How probable what is said is of each question, and whether it is right.
fn decided(probabilities: &Array2<f32>, known: &[[bool; 2]], threshold: f32) -> Vec<(f32, bool)> {
    let rows = probabilities.rows().into_iter().zip(known);
    rows.map(|(found, known)| {
        let said = usize::from(found[0] < threshold);
        (found[said], known[said])
    })
    .collect()
}

/// How many of the words are right, of questions with their probabilities, where one on which it is this probable is said to
/// have no answer.
fn worth(asked: &[Asked], probabilities: &Array2<f32>, threshold: f32) -> f64 {
    let rows = asked.iter().zip(probabilities.column(0));
    rows.map(|(asked, none)| asked.worth(*none >= threshold)).sum::<f64>() / asked.len().max(1) as f64
}

/// The best threshold, in hundredths; of equally good ones the one nearest to a half.
fn best_threshold(probabilities: &Array2<f32>, worth: impl Fn(f32) -> f64) -> Option<f32> {
    let mut tried: Vec<f32> = probabilities
        .column(0)
        .iter()
        .map(|none| ((none * 100.0).round() / 100.0).clamp(0.01, 0.99))
        .collect();
    tried.sort_by(|left, right| (left - 0.5).abs().total_cmp(&(right - 0.5).abs()));
    let found = tried.into_iter().map(|threshold| (worth(threshold), threshold));
    let best = found.reduce(|best, next| if next.0 > best.0 + 1e-9 { next } else { best })?;
    Some(best.1)
}
