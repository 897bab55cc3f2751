//! Heads on the tokens of a text: which pieces of it are the values of which fields.

use std::ops::Range;

use ndarray::Array2;
use rayon::prelude::*;
use refuel_learn::{Facts, Piece, Sentence, Tagger, TaggerReader, Tagging, TextPart, tagger_from_onnx};
use refuel_registry::ModelEntry;
use refuel_task::{Answer, Field, InputSpec, Part, RenderedInput, Scored, Shape, Source, Status, Task};
use serde_json::{Map, Value};

use super::encoder::Encoder;
use super::{GRAPH_FILE, read, unfit, unusable};
use crate::cancel::Cancel;
use crate::error::EngineError;
use crate::evaluate::canonical;
use crate::reading::TokenStates;
use crate::session::OnRows;

/// What a text of one column is called.
const WHOLE: &str = "text";
/// Most tokens of a number, such as `1,234,567.89`.
const MOST_OF_NUMBER: usize = 7;

/// A field whose values are pieces of a text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Slot {
    /// Names of the fields that lead to it.
    path: Vec<String>,
    /// What a value may be.
    shape: Shape,
    /// The most values that there may be; None where there is one at most.
    items: Option<usize>,
    /// Whether there has to be one.
    is_required: bool,
}

impl Slot {
    /// Its fields with a dot between.
    pub(crate) fn name(&self) -> String {
        self.path.join(".")
    }
}

/// The fields of a task whose values are pieces of a text.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Slots {
    fields: Vec<Field>,
    /// Those, in the order in which they stand in the task.
    pub(crate) leaves: Vec<Slot>,
    /// Fields whose values are none.
    pub(crate) others: Vec<String>,
}

impl Slots {
    pub(crate) fn of(task: &Task) -> Self {
        let mut slots = Self {
            fields: task.fields.clone(),
            ..Self::default()
        };
        slots.add(&task.fields, &[], true);
        slots
    }

    fn add(&mut self, fields: &[Field], path: &[String], are_required: bool) {
        for field in fields {
            let path = [path, std::slice::from_ref(&field.name)].concat();
            let is_required = are_required && !field.takes_null();
            let (shape, items) = match &field.shape {
                Shape::Object(fields) => {
                    self.add(fields, &path, is_required);
                    continue;
                }
                Shape::List { items, most } => (&**items, Some(most.map_or(usize::MAX, |most| most as usize))),
                shape => (shape, None),
            };
            match shape {
                Shape::Text(_) | Shape::Choice(_) | Shape::Number { .. } | Shape::Integer { .. } => {
                    self.leaves.push(Slot {
                        path,
                        shape: shape.clone(),
                        items,
                        is_required: is_required && items.is_none(),
                    });
                }
                Shape::Boolean | Shape::Object(_) | Shape::List { .. } => self.others.push(path.join(".")),
            }
        }
    }

    /// The names of the slots.
    pub(crate) fn names(&self) -> Vec<String> {
        self.leaves.iter().map(Slot::name).collect()
    }

    /// The values of a record that are pieces of a text, each with the number of its slot.
    pub(crate) fn values<'r>(&self, record: &'r Value) -> Vec<(usize, &'r Value)> {
        let mut values = Vec::new();
        for (number, slot) in self.leaves.iter().enumerate() {
            let value = slot.path.iter().try_fold(record, |value, name| value.get(name));
            let own = match value {
                Some(Value::Array(items)) => items.iter().collect(),
                other => other.into_iter().collect::<Vec<_>>(),
            };
            let is_blank = |value: &Value| value.as_str().is_some_and(|text| text.trim().is_empty());
            let own = own.into_iter().filter(|value| !value.is_null() && !is_blank(value));
            values.extend(own.map(|value| (number, value)));
        }
        values
    }

    /// Where a value of a slot may stand in a text.
    pub(crate) fn places(&self, slot: usize, value: &Value, text: &str, sentence: &Sentence) -> Vec<Range<usize>> {
        match (&self.leaves[slot].shape, value) {
            (Shape::Text(_), Value::String(written)) => sentence.places(text, written),
            (shape, _) => {
                let most = value
                    .as_str()
                    .map_or(MOST_OF_NUMBER, |text| 2 * text.split_whitespace().count() + 1);
                sentence.places_of(text, most, |piece| {
                    shape
                        .read(piece)
                        .is_some_and(|read| canonical(&read) == canonical(value))
                })
            }
        }
    }

    /// The record that a tagging says, before anything is calibrated.
    pub(crate) fn record(&self, text: &str, sentence: &Sentence, tagging: &Tagging) -> TaggedRecord {
        let mut record = TaggedRecord {
            value: Value::Null,
            confidence: tagging.confidence,
            fields: Vec::new(),
            missing: None,
        };
        let mut values = Vec::with_capacity(self.leaves.len());
        for (number, slot) in self.leaves.iter().enumerate() {
            let absence = tagging.absences.get(number).copied().unwrap_or_default();
            let pieces: Vec<&Piece> = tagging.pieces.iter().filter(|piece| piece.field == number).collect();
            let mut found: Vec<(&Piece, Value)> = pieces
                .iter()
                .filter_map(|piece| Some((*piece, slot.shape.read(written(text, sentence, piece))?)))
                .collect();
            // What is left out was likely meant: the record without it is no surer than that nothing is there.
            if found.len() < pieces.len() {
                record.confidence = record.confidence.min(absence);
            }
            let most = slot.items.unwrap_or(1);
            while found.len() > most {
                let least = (1..found.len()).fold(0, |least, next| {
                    if found[next].0.confidence < found[least].0.confidence {
                        next
                    } else {
                        least
                    }
                });
                let (piece, _) = found.remove(least);
                record.confidence = record.confidence.min(1.0 - piece.confidence);
            }
            if found.is_empty() {
                record.fields.push(scored(slot.name(), absence, None));
                if slot.is_required {
                    record.missing.get_or_insert(slot.name());
                }
            }
            for (at, (piece, _)) in found.iter().enumerate() {
                let name = match slot.items {
                    Some(_) => format!("{}[{at}]", slot.name()),
                    None => slot.name(),
                };
                record
                    .fields
                    .push(scored(name, piece.confidence, Some(span(text, sentence, piece))));
            }
            let mut own = found.into_iter().map(|(_, value)| value);
            values.push(match slot.items {
                Some(_) => own.collect(),
                None => own.next().unwrap_or(Value::Null),
            });
        }
        record.value = assembled(&self.fields, &mut values.into_iter());
        record
    }
}

/// The object that values of slots make, in the order of the slots. An object in which nothing is found is null where it
/// may be, and what may not stay null is left out.
fn assembled(fields: &[Field], values: &mut impl Iterator<Item = Value>) -> Value {
    let mut record = Map::with_capacity(fields.len());
    for field in fields {
        let value = match &field.shape {
            Shape::Object(inner) => match assembled(inner, values) {
                Value::Object(own) if field.takes_null() && own.values().all(is_nothing) => Value::Null,
                other => other,
            },
            _ => values.next().unwrap_or(Value::Null),
        };
        if field.nullable || !value.is_null() {
            record.insert(field.name.clone(), value);
        }
    }
    Value::Object(record)
}

fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

/// The record that a tagger reads out of a text.
pub(crate) struct TaggedRecord {
    pub(crate) value: Value,
    /// How likely all of it is right.
    pub(crate) confidence: f32,
    /// Each value, or that there is none, under its path.
    pub(crate) fields: Vec<Scored>,
    /// A field that has to have a value, and has none.
    pub(crate) missing: Option<String>,
}

fn scored(value: String, confidence: f32, span: Option<[u32; 2]>) -> Scored {
    Scored {
        value,
        confidence,
        raw_confidence: confidence,
        span,
    }
}

fn bytes(sentence: &Sentence, piece: &Piece) -> Range<usize> {
    sentence.tokens[piece.tokens.start].start..sentence.tokens[piece.tokens.end - 1].end
}

fn written<'t>(text: &'t str, sentence: &Sentence, piece: &Piece) -> &'t str {
    text.get(bytes(sentence, piece)).unwrap_or_default()
}

/// Where a piece stands, in characters, the end not included.
fn span(text: &str, sentence: &Sentence, piece: &Piece) -> [u32; 2] {
    let before = text[..bytes(sentence, piece).start].chars().count() as u32;
    [before, before + written(text, sentence, piece).chars().count() as u32]
}

/// The parts of a task's inputs: their columns, where they are made of several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parts {
    columns: Vec<String>,
}

impl Parts {
    pub(crate) fn of(input: &InputSpec) -> Self {
        let columns = match input {
            InputSpec::One(Part::Columns(columns)) => columns.clone(),
            _ => Vec::new(),
        };
        Self { columns }
    }

    /// Takes a text apart that was made of columns: `name: value`, a line each, blank ones left out, in their order.
    pub(crate) fn cut<'a>(&'a self, text: &'a str) -> Vec<TextPart<'a>> {
        let mut parts: Vec<TextPart<'a>> = Vec::new();
        let (mut next, mut at) = (0, 0);
        for line in text.split_inclusive('\n') {
            let begun = self.columns[next..].iter().enumerate().find_map(|(number, column)| {
                line.strip_prefix(column.as_str())?.strip_prefix(": ")?;
                Some((number, column))
            });
            match (begun, parts.last_mut()) {
                (Some((number, column)), _) => {
                    next += number + 1;
                    let start = at + column.len() + 2;
                    parts.push(TextPart {
                        column,
                        text: &text[start..at + line.len()],
                        start,
                    });
                }
                // A value of several lines.
                (None, Some(part)) => part.text = &text[part.start..at + line.len()],
                (None, None) => {}
            }
            at += line.len();
        }
        if parts.is_empty() {
            return vec![TextPart {
                column: WHOLE,
                text,
                start: 0,
            }];
        }
        parts
    }
}

/// Texts with their tokens and the states of these.
pub(crate) fn read_texts(
    texts: &[&str],
    parts: &Parts,
    encoder: &Encoder,
    cancel: &Cancel,
    on_rows: OnRows<'_>,
) -> Result<Vec<(Sentence, Array2<f32>)>, EngineError> {
    let cut = CutTexts::of(texts, parts);
    let states = encoder.states(&cut.pieces(), cancel, on_rows)?;
    Ok(cut.with_states(&states, encoder.entry().manifest.description.hidden))
}

/// Texts that are cut into their parts, which an encoder reads one by one.
pub(crate) struct CutTexts<'a> {
    parts: Vec<Vec<TextPart<'a>>>,
    /// Where the parts of each text begin among those of all.
    starts: Vec<usize>,
}

impl<'a> CutTexts<'a> {
    pub(crate) fn of(texts: &[&'a str], parts: &'a Parts) -> Self {
        let parts: Vec<Vec<TextPart<'a>>> = texts.iter().map(|text| parts.cut(text)).collect();
        let mut starts = vec![0];
        for own in &parts {
            starts.push(starts[starts.len() - 1] + own.len());
        }
        Self { parts, starts }
    }

    /// All parts, those of the first text first.
    pub(crate) fn pieces(&self) -> Vec<&'a str> {
        self.parts.iter().flatten().map(|part| part.text).collect()
    }

    /// The text that each of [`CutTexts::pieces`] is of, and where it begins there, in bytes.
    pub(crate) fn places(&self) -> Vec<(usize, usize)> {
        let places = self.parts.iter().enumerate();
        places
            .flat_map(|(text, parts)| parts.iter().map(move |part| (text, part.start)))
            .collect()
    }

    /// The tokens of each text with the means of the `states` that [`CutTexts::pieces`] have there, `[tokens, size]`.
    pub(crate) fn with_states(&self, states: &[TokenStates], size: usize) -> Vec<(Sentence, Array2<f32>)> {
        let read = self.parts.par_iter().enumerate().map(|(text, parts)| {
            let sentence = Sentence::read(parts);
            let mut rows = Array2::zeros((sentence.tokens.len(), size));
            let mut token = 0;
            for (part, states) in parts.iter().zip(&states[self.starts[text]..self.starts[text + 1]]) {
                let end = part.start + part.text.len();
                let mut from = 0;
                while let Some(place) = sentence.tokens.get(token).filter(|place| place.end <= end) {
                    let range = place.start - part.start..place.end - part.start;
                    let mut row = rows.row_mut(token);
                    let sum = row.as_slice_mut().expect("rows are whole");
                    states.add_mean(&range, &mut from, sum);
                    token += 1;
                }
            }
            (sentence, rows)
        });
        read.collect()
    }
}

/// A head on tokens.
#[derive(Debug, Clone)]
pub(crate) struct TaggerHead {
    tagger: Tagger,
    facts: Facts,
    slots: Slots,
    parts: Parts,
    model: String,
}

impl TaggerHead {
    /// Reads the head that is to answer a task.
    ///
    /// # Errors
    /// [`EngineError::ModelUnusable`], and [`EngineError::HeadUnfit`] where it was trained for other fields.
    pub(crate) fn open(entry: &ModelEntry, task: &Task) -> Result<Self, EngineError> {
        let (tagger, facts) = tagger_from_onnx(&read(entry, GRAPH_FILE)?).map_err(|error| unusable(entry, error))?;
        let slots = Slots::of(task);
        let own = slots.names();
        if let Some(strange) = facts.labels.iter().find(|name| !own.contains(name)) {
            let what = format!("it was trained for the field \"{strange}\", which the task does not have");
            return Err(unfit(entry, task, what));
        }
        let new = own
            .iter()
            .chain(&slots.others)
            .find(|name| !facts.labels.contains(name));
        if let Some(new) = new {
            return Err(unfit(
                entry,
                task,
                format!("it was trained without the field \"{new}\""),
            ));
        }
        if facts.labels != own {
            return Err(unfit(entry, task, "it was trained for the fields in another order"));
        }
        Ok(Self {
            tagger,
            facts,
            slots,
            parts: Parts::of(&task.input),
            model: entry.manifest.reference(),
        })
    }

    /// `name@digest` of the model whose states it reads.
    pub(crate) fn encoder(&self) -> Option<&str> {
        self.facts.embedding_model.as_deref()
    }

    /// Answers to inputs.
    pub(crate) fn answers(
        &self,
        inputs: &[&RenderedInput],
        encoder: &Encoder,
        cancel: &Cancel,
    ) -> Result<Vec<Answer>, EngineError> {
        let texts: Vec<&str> = inputs.iter().map(|input| input.text.as_str()).collect();
        let read = read_texts(&texts, &self.parts, encoder, cancel, &mut |_| {})?;
        let reader = self.tagger.reader();
        let answers = texts
            .par_iter()
            .zip(&read)
            .map(|(text, (sentence, states))| self.answer(&reader, text, sentence, states));
        Ok(answers.collect())
    }

    fn answer(&self, reader: &TaggerReader<'_>, text: &str, sentence: &Sentence, states: &Array2<f32>) -> Answer {
        let tagging = match reader.read(sentence, &states.view()) {
            Ok(tagging) => tagging,
            Err(error) => return Answer::error(&self.model, error.to_string()),
        };
        let record = self.slots.record(text, sentence, &tagging);
        let reason = |name: String| format!("nothing in the text was taken for `{name}`, which is required");
        let fields = record.fields.into_iter().map(|field| Scored {
            confidence: self
                .facts
                .calibration_of_parts
                .apply(field.raw_confidence)
                .clamp(0.0, 1.0),
            ..field
        });
        Answer {
            status: if record.missing.is_some() {
                Status::Abstained
            } else {
                Status::Ok
            },
            value: if record.missing.is_some() {
                Value::Null
            } else {
                record.value
            },
            confidence: Some(self.facts.calibration.apply(record.confidence).clamp(0.0, 1.0)),
            raw_confidence: Some(record.confidence),
            reason: record.missing.map(reason),
            scores: fields.collect(),
            source: Source::Head,
            ..Answer::error(&self.model, "")
        }
    }
}

#[cfg(test)]
mod tests;
