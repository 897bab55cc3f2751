//! Heads that say how sure answers out of texts are, and whether there is one.

use std::collections::{HashMap, HashSet};

use ndarray::Array2;
use refuel_learn::{ANSWERABLE_OUTPUTS, ChosenCalibration, Facts, Shown, head_to_onnx, train_answerable};
use refuel_task::{Example, RenderedInput, Task};

use super::cascade::{by_model, sample, unshown};
use super::{HeldOut, Learned, OnTraining, TrainEvent, TrainOptions, TrainStep, hash_of};
use crate::cancel::Cancel;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::evaluate::{bare_words, token_f1};
use crate::learned::answerable::{Read, questions};
use crate::learned::named;
use crate::prepared::WindowReading;

/// Rows that the language model reads together.
const TOGETHER: usize = 32;

/// A question that the model has read, with what is right.
struct Asked {
    /// Which of the rows that were asked about it is of.
    row: usize,
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
    for (chunk, rows) in rows.chunks(TOGETHER).enumerate() {
        let inputs: Vec<&RenderedInput> = rows.iter().map(|&row| &examples[row].input).collect();
        for reading in prepared.readings(&inputs, cancel)? {
            let right = examples[rows[reading.owner]].answer.as_str();
            // A window of a long text need not hold the answer that the whole has.
            let right = right
                .filter(|right| reading.context.contains(*right))
                .map(str::to_owned);
            let row = chunk * TOGETHER + reading.owner;
            asked.push(Asked { row, reading, right });
        }
        on_event(TrainEvent::Rows(rows.len() as u64));
    }
    // Where a guide leaves no choice the model is not asked, and holds nothing in mind.
    let states = |asked: &Asked| asked.reading.reading.read.states.len();
    let most = asked.iter().map(states).max().unwrap_or_default();
    asked.retain(|asked| states(asked) == most);
    // A long text is read in several windows.
    let rows = asked.iter().map(|asked| asked.row).collect::<HashSet<_>>().len();
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
    let mut facts = Facts::new(ANSWERABLE_OUTPUTS.map(str::to_owned).to_vec(), hash_of(examples), rows);
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
        reads: Some(entry.clone()),
        rows: Some(rows),
        scored: Vec::new(),
        held_out,
        calibration: facts.calibration.method(),
        notes: Vec::new(),
    };
    let threshold = best_threshold(&asked, &trained.held_out);
    let own = task.no_answer_threshold;
    let worth = |threshold: f32| mean(&worths(&asked, &trained.held_out, threshold));
    let note = (worth(threshold) > worth(own)).then(|| {
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
        notes: note.into_iter().collect(),
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

/// How many of the words of each question are right, where one on which it is this probable is said to have no answer.
fn worths(asked: &[Asked], probabilities: &Array2<f32>, threshold: f32) -> Vec<f64> {
    let rows = asked.iter().zip(probabilities.column(0));
    rows.map(|(asked, none)| asked.worth(*none >= threshold)).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// The threshold, in hundredths, with which most words are right; of those that are not measurably worse, which is by less
/// than a standard error of the difference, the one nearest to a half (Breiman et al. 1984, "Classification and Regression
/// Trees", section 3.4.3: few questions tell thresholds apart badly).
fn best_threshold(asked: &[Asked], probabilities: &Array2<f32>) -> f32 {
    let tried: Vec<(f32, Vec<f64>)> = (1..100)
        .map(|hundredths| hundredths as f32 / 100.0)
        .map(|threshold| (threshold, worths(asked, probabilities, threshold)))
        .collect();
    let best = tried
        .iter()
        .map(|(_, worths)| worths)
        .max_by(|left, right| mean(left).total_cmp(&mean(right)));
    let is_near = |worths: &[f64]| {
        let lost: Vec<f64> = best
            .iter()
            .copied()
            .flatten()
            .zip(worths)
            .map(|(best, own)| best - own)
            .collect();
        let middle = mean(&lost);
        let squares: Vec<f64> = lost.iter().map(|lost| (lost - middle).powi(2)).collect();
        middle <= (mean(&squares) / lost.len().max(1) as f64).sqrt() + 1e-9
    };
    let near = tried
        .iter()
        .filter(|(_, worths)| is_near(worths))
        .map(|(threshold, _)| *threshold);
    near.min_by(|left, right| (left - 0.5).abs().total_cmp(&(right - 0.5).abs()))
        .unwrap_or(0.5)
}

#[cfg(test)]
mod tests {
    use refuel_learn::Shown;

    use super::*;
    use crate::procedure::Reading;

    /// A question whose piece is right where there is an answer.
    fn asked(is_there: bool) -> Asked {
        let shown = Shown {
            none: 0.5,
            confidence: 0.5,
            raw_confidence: 0.5,
            words: 1,
        };
        Asked {
            row: 0,
            reading: WindowReading {
                owner: 0,
                context: "the red mill".to_owned(),
                reading: Reading {
                    piece: Some("mill".to_owned()),
                    read: Read {
                        shown,
                        states: Vec::new(),
                    },
                },
            },
            right: is_there.then(|| "the mill".to_owned()),
        }
    }

    #[test]
    fn the_threshold_is_the_plain_one_unless_another_is_measurably_better() {
        let all: Vec<Asked> = (0..200_usize).map(|row| asked(row.is_multiple_of(2))).collect();
        let of = |with: f32, without: f32| {
            let share = |row: usize| if row.is_multiple_of(2) { with } else { without };
            Array2::from_shape_fn((200, 2), |(row, _)| share(row))
        };
        let is = |found: f32, wanted: f32| assert!((found - wanted).abs() < 1e-6, "{found}");
        is(best_threshold(&all, &of(0.1, 0.9)), 0.5);
        // The first that lets answers through.
        is(best_threshold(&all, &of(0.6, 0.9)), 0.61);
        // Two questions say that .4 is better, and one that it is not.
        let mut few = of(0.1, 0.9);
        few[[1, 0]] = 0.4;
        few[[3, 0]] = 0.4;
        few[[0, 0]] = 0.45;
        is(best_threshold(&all, &few), 0.5);
    }

    #[test]
    fn pieces_are_right_without_articles_and_questions_of_a_text_are_of_one_group() {
        assert_eq!(asked(true).known(), [false, true]);
        assert_eq!(asked(false).known(), [true, false]);
        assert_eq!((asked(true).worth(false), asked(true).worth(true)), (1.0, 0.0));
        assert_eq!(groups(&[asked(true), asked(false)]), [0, 0]);
    }
}
