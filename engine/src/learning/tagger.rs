//! Heads on the tokens of texts.

use std::sync::Arc;

use ndarray::Array2;
use refuel_learn::{
    ChosenCalibration, Facts, Sentence, TaggerOptions, TaggerRow, Tagging, Value, tagger_to_onnx, train_tagger,
};
use refuel_task::{Example, Task};

use super::tagger_tuned::Tuned;
use super::{HeldOut, Learned, OnTraining, TrainEvent, TrainOptions, TrainStep, groups, hash_of};
use crate::cancel::Cancel;
use crate::engine::Shared;
use crate::error::EngineError;
use crate::evaluate::{Slots as SlotScores, canonical};
use crate::learned::named;
use crate::learned::tagger::{Parts, Slots, TaggedRecord, read_texts};

/// Characters of a text that a message shows.
const SHOWN: usize = 60;

/// Trains a head that finds the values of fields in texts, by the words around them and the states of their tokens.
pub(super) fn learn(
    shared: &Arc<Shared>,
    task: &Task,
    examples: &[Example],
    options: &TrainOptions<'_>,
    cancel: &Cancel,
    on_event: OnTraining<'_>,
) -> Result<Learned, EngineError> {
    let slots = Slots::of(task);
    let untrainable = |what: String, hint: &str| EngineError::Untrainable {
        task: task.name.clone(),
        what,
        hint: hint.to_owned(),
    };
    if let Some(other) = slots.others.first() {
        return Err(untrainable(
            format!("the values of its field `{other}` are no pieces of a text"),
            "a head finds texts, numbers and lists of these; let the model read others: strategy: model",
        ));
    }
    let encoder = options.encoder(shared, task)?;
    let texts: Vec<&str> = examples.iter().map(|example| example.input.text.as_str()).collect();
    on_event(TrainEvent::Begin {
        step: TrainStep::Embed,
        rows: texts.len() as u64,
    });
    let mut tell = |rows: usize| on_event(TrainEvent::Rows(rows as u64));
    let parts = Parts::of(&task.input);
    let rows = rows_of(
        &slots,
        examples,
        read_texts(&texts, &parts, &encoder, cancel, &mut tell)?,
    );
    if examples.iter().all(|example| slots.values(&example.answer).is_empty()) {
        return Err(untrainable(
            format!("none of the {} labelled rows has a value", rows.len()),
            "label rows in which there is something to find",
        ));
    }
    let unplaced = Unplaced::of(&slots, examples, &rows);
    if 2 * unplaced.rows > rows.len() {
        return Err(untrainable(
            unplaced.told(&slots, examples),
            "a head finds values as they are written; let the model read what is said otherwise: strategy: model",
        ));
    }
    on_event(TrainEvent::Begin {
        step: TrainStep::Fit,
        rows: examples.len() as u64,
    });
    let search = TaggerOptions {
        seed: options.seed,
        ..TaggerOptions::default()
    };
    let stopped = || cancel.is_cancelled();
    let plain = train_tagger(&rows, slots.leaves.len(), &groups(examples), &search, &stopped)?;
    let (trained, encoder) = match &options.tune {
        None => (plain, encoder),
        Some(tuning) => {
            let on = Tuned {
                shared,
                task,
                examples,
                options,
                tuning,
                cancel,
                base: &encoder,
                parts: &parts,
                slots: &slots,
                rows: &rows,
                plain: &plain,
            };
            on.train(&search, on_event)?
        }
    };
    let judged = Judged::of(&slots, examples, &rows, &trained.held_out);
    let calibration = ChosenCalibration::of(&judged.records(), options.seed).calibration;
    let calibration_of_parts = ChosenCalibration::of(&judged.parts, options.seed).calibration;
    let scored: Vec<Option<(f32, bool)>> = judged
        .scored
        .iter()
        .map(|scored| scored.map(|(raw, right)| (calibration.apply(raw), right)))
        .collect();
    let held_out = judged.measured(&scored);
    let mut facts = Facts::new(slots.names(), hash_of(examples), examples.len());
    let entry = encoder.entry().clone();
    facts.embedding_model = Some(named(&entry));
    facts.held_out_accuracy = held_out.accuracy;
    facts.held_out_log_loss = trained.log_loss;
    facts.calibration = calibration;
    facts.calibration_of_parts = calibration_of_parts;
    let mut notes = Vec::new();
    if unplaced.rows > 0 {
        notes.push(format!(
            "{}: nothing was learned from these",
            unplaced.told(&slots, examples)
        ));
    }
    notes.extend(crowded(&slots, &trained.crowded));
    Ok(Learned {
        graph: tagger_to_onnx(&trained.tagger, &facts),
        files: Vec::new(),
        family: "tagger",
        columns: trained.tagger.dimensions(),
        parameters: trained.tagger.parameters(),
        reads: Some(entry),
        rows: None,
        held_out,
        scored,
        calibration: facts.calibration.method(),
        notes,
    })
}

/// Labelled texts with what a tagger reads of them.
pub(super) fn rows_of(slots: &Slots, examples: &[Example], read: Vec<(Sentence, Array2<f32>)>) -> Vec<TaggerRow> {
    let rows = read.into_iter().zip(examples);
    rows.map(|((sentence, states), example)| TaggerRow {
        values: placed(slots, &sentence, example),
        sentence,
        states,
    })
    .collect()
}

/// Where the values of an example may stand in its text. None where one stands nowhere.
fn placed(slots: &Slots, sentence: &Sentence, example: &Example) -> Option<Vec<Value>> {
    let values = slots.values(&example.answer).into_iter().map(|(field, value)| {
        let places = slots.places(field, value, &example.input.text, sentence);
        (!places.is_empty()).then_some(Value { field, places })
    });
    values.collect()
}

/// Rows with a value that stands nowhere in its text.
struct Unplaced {
    rows: usize,
    /// The first of them with a slot and its value.
    first: Option<(usize, usize, String)>,
}

impl Unplaced {
    fn of(slots: &Slots, examples: &[Example], rows: &[TaggerRow]) -> Self {
        let without = rows.iter().enumerate().filter(|(_, row)| row.values.is_none());
        let mut unplaced = Self { rows: 0, first: None };
        for (at, row) in without {
            unplaced.rows += 1;
            let text = &examples[at].input.text;
            let mut values = slots.values(&examples[at].answer).into_iter();
            let found = values.find(|(slot, value)| slots.places(*slot, value, text, &row.sentence).is_empty());
            let found = found.map(|(slot, value)| (at, slot, value.to_string()));
            unplaced.first = unplaced.first.or(found);
        }
        unplaced
    }

    fn told(&self, slots: &Slots, examples: &[Example]) -> String {
        let mut told = format!(
            "{} of {} labelled rows have values that do not stand in their texts",
            self.rows,
            examples.len()
        );
        if let Some((row, slot, value)) = &self.first {
            let text: String = examples[*row].input.text.chars().take(SHOWN).collect();
            told.push_str(&format!(
                ", such as {value} for `{}` in \"{text}\"",
                slots.leaves[*slot].name()
            ));
        }
        told
    }
}

/// What somebody should know of values that stand within others.
fn crowded(slots: &Slots, crowded: &[(usize, usize)]) -> Option<String> {
    let (field, other) = crowded.first()?;
    Some(format!(
        "{} values stand where another field's value does, such as one of `{}` within one of `{}`: a head gives a word to one field alone, and \
         does not find these",
        crowded.len(),
        slots.leaves[*field].name(),
        slots.leaves[*other].name()
    ))
}

/// How taggers did on texts that they had not seen.
struct Judged<'a> {
    /// Each text's right record, and the one that was read out of it.
    read: Vec<(&'a serde_json::Value, TaggedRecord)>,
    /// For each text how sure its record was, and whether it was right. None where every tagger has seen it.
    scored: Vec<Option<(f32, bool)>>,
    /// The same for each value, and for each field without one.
    parts: Vec<(f32, bool)>,
}

impl<'a> Judged<'a> {
    fn of(slots: &Slots, examples: &'a [Example], rows: &[TaggerRow], taggings: &[Option<Tagging>]) -> Self {
        let mut judged = Self {
            read: Vec::new(),
            scored: Vec::new(),
            parts: Vec::new(),
        };
        for ((example, row), tagging) in examples.iter().zip(rows).zip(taggings) {
            let Some(tagging) = tagging else {
                judged.scored.push(None);
                continue;
            };
            let record = slots.record(&example.input.text, &row.sentence, tagging);
            let right = slots.values(&example.answer);
            let mut left: Vec<(usize, serde_json::Value)> =
                right.iter().map(|(slot, value)| (*slot, canonical(value))).collect();
            let mut given = slots.values(&record.value).into_iter();
            for field in &record.fields {
                let is_right = if field.span.is_some() {
                    let value = given.next().map(|(slot, value)| (slot, canonical(value)));
                    let at = left.iter().position(|wanted| Some(wanted) == value.as_ref());
                    at.map(|at| left.swap_remove(at)).is_some()
                } else {
                    right.iter().all(|(slot, _)| slots.leaves[*slot].name() != field.value)
                };
                judged.parts.push((field.confidence, is_right));
            }
            let is_right = record.missing.is_none() && canonical(&record.value) == canonical(&example.answer);
            judged.scored.push(Some((record.confidence, is_right)));
            judged.read.push((&example.answer, record));
        }
        judged
    }

    fn records(&self) -> Vec<(f32, bool)> {
        self.scored.iter().flatten().copied().collect()
    }

    fn measured(&self, scored: &[Option<(f32, bool)>]) -> HeldOut {
        let known: Vec<(f32, bool)> = scored.iter().flatten().copied().collect();
        let right: Vec<String> = self.read.iter().map(|(right, _)| right.to_string()).collect();
        let slots = SlotScores::of(self.read.iter().map(|(right, said)| (*right, Some(&said.value))));
        HeldOut {
            f1: slots.map(|slots| slots.f1),
            ..HeldOut::of(&known, &right)
        }
    }
}
