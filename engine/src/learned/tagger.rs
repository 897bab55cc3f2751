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
use crate::reading::TokenStates;
use crate::session::OnRows;

/// What a text of one column is called.
const WHOLE: &str = "text";

/// A field whose values are pieces of a text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Slot {
    /// Names of the fields that lead to it.
    path: Vec<String>,
    /// What a value may be.
    shape: Shape,
    /// Whether there may be several values.
    is_list: bool,
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
    pub(crate) slots: Vec<Slot>,
    /// Fields whose values are none.
    pub(crate) others: Vec<String>,
}

impl Slots {
    pub(crate) fn of(task: &Task) -> Self {
        let mut slots = Self::default();
        slots.add(&task.fields, &[], true);
        slots
    }

    fn add(&mut self, fields: &[Field], path: &[String], are_required: bool) {
        for field in fields {
            let path = [path, std::slice::from_ref(&field.name)].concat();
            let is_required = are_required && !field.takes_null();
            let (shape, is_list) = match &field.shape {
                Shape::Object(fields) => {
                    self.add(fields, &path, is_required);
                    continue;
                }
                Shape::List { items, .. } => (&**items, true),
                shape => (shape, false),
            };
            match shape {
                Shape::Text(_) | Shape::Choice(_) | Shape::Number { .. } | Shape::Integer { .. } => {
                    self.slots.push(Slot {
                        path,
                        shape: shape.clone(),
                        is_list,
                        is_required: is_required && !is_list,
                    });
                }
                Shape::Boolean | Shape::Object(_) | Shape::List { .. } => self.others.push(path.join(".")),
            }
        }
    }

    /// The names of the slots.
    pub(crate) fn names(&self) -> Vec<String> {
        self.slots.iter().map(Slot::name).collect()
    }

    /// The values of a record that are pieces of a text, as they are written there, each with the number of its slot.
    pub(crate) fn values(&self, record: &Value) -> Vec<(usize, String)> {
        let mut values = Vec::new();
        for (number, slot) in self.slots.iter().enumerate() {
            let value = slot.path.iter().try_fold(record, |value, name| value.get(name));
            let own = match value {
                Some(Value::Array(items)) => items.iter().collect(),
                other => other.into_iter().collect::<Vec<_>>(),
            };
            let written = own.into_iter().filter_map(|value| match value {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            });
            values.extend(
                written
                    .filter(|text| !text.trim().is_empty())
                    .map(|text| (number, text)),
            );
        }
        values
    }

    /// The record that a tagging says, before anything is calibrated.
    pub(crate) fn record(&self, text: &str, sentence: &Sentence, tagging: &Tagging) -> TaggedRecord {
        let mut record = TaggedRecord {
            value: Value::Object(Map::new()),
            confidence: tagging.confidence,
            fields: Vec::new(),
            missing: None,
        };
        for (number, slot) in self.slots.iter().enumerate() {
            let mut found: Vec<(&Piece, Value)> = tagging
                .pieces
                .iter()
                .filter(|piece| piece.field == number)
                .filter_map(|piece| Some((piece, slot.shape.read(written(text, sentence, piece))?)))
                .collect();
            if !slot.is_list && found.len() > 1 {
                let best = (0..found.len()).reduce(|best, next| {
                    if found[next].0.confidence > found[best].0.confidence {
                        next
                    } else {
                        best
                    }
                });
                found = best.map(|best| found.swap_remove(best)).into_iter().collect();
            }
            if found.is_empty() {
                let absence = tagging.absences.get(number).copied().unwrap_or_default();
                record.fields.push(scored(slot.name(), absence, None));
                if slot.is_required {
                    record.missing.get_or_insert(slot.name());
                }
            }
            for (at, (piece, _)) in found.iter().enumerate() {
                let name = if slot.is_list {
                    format!("{}[{at}]", slot.name())
                } else {
                    slot.name()
                };
                record
                    .fields
                    .push(scored(name, piece.confidence, Some(span(text, sentence, piece))));
            }
            let mut values = found.into_iter().map(|(_, value)| value);
            let value = if slot.is_list {
                values.collect()
            } else {
                values.next().unwrap_or(Value::Null)
            };
            put(&mut record.value, &slot.path, value);
        }
        record
    }
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

/// Puts a value where a path leads.
fn put(record: &mut Value, path: &[String], value: Value) {
    let mut place = record;
    for name in path {
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        place = &mut place[name.as_str()];
    }
    *place = value;
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
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;

    fn task(fields: &str) -> Task {
        let text = format!("name: t\nkind: extract\ninput: body\nfields: {fields}");
        Task::from_yaml(&text, "t.yml", Path::new(".")).unwrap()
    }

    fn sentence(text: &str) -> Sentence {
        Sentence::read(&Parts { columns: Vec::new() }.cut(text))
    }

    #[test]
    fn fields_inside_of_others_and_lists_are_slots_and_what_is_no_piece_of_a_text_is_none() {
        let task = task(
            "{people: {type: integer}, name: {fields: [first, last]}, tags: {items: string}, urgent: {type: boolean}}",
        );
        let slots = Slots::of(&task);
        assert_eq!(slots.names(), ["people", "name.first", "name.last", "tags"]);
        assert_eq!(slots.others, ["urgent"]);
        let record = json!({"people": 4, "name": {"first": "Ann", "last": null}, "tags": ["a", "b"], "urgent": true});
        let values = [(0, "4"), (1, "Ann"), (3, "a"), (3, "b")].map(|(slot, text)| (slot, text.to_owned()));
        assert_eq!(slots.values(&record), values);
    }

    #[test]
    fn a_record_has_the_surest_value_of_a_field_and_all_of_a_list_with_their_places() {
        let task = task("{people: {type: integer}, name: {fields: [first]}, tags: {items: string}}");
        let slots = Slots::of(&task);
        let text = "für 4 or 5, Ann: quiet, late";
        let piece = |field: usize, at: usize, confidence: f32| Piece {
            field,
            tokens: at..at + 1,
            confidence,
        };
        let tagging = Tagging {
            pieces: vec![
                piece(0, 1, 0.4),
                piece(0, 3, 0.5),
                piece(0, 5, 0.9),
                piece(2, 7, 0.8),
                piece(2, 9, 0.7),
            ],
            absences: vec![0.0, 0.75, 0.0],
            confidence: 0.3,
        };
        let record = slots.record(text, &sentence(text), &tagging);
        assert_eq!(
            record.value,
            json!({"people": 5, "name": {"first": null}, "tags": ["quiet", "late"]}),
            "Ann is no number"
        );
        let told: Vec<String> = record
            .fields
            .iter()
            .map(|field| format!("{} {} {:?}", field.value, field.confidence, field.span))
            .collect();
        insta::assert_snapshot!(told.join("\n"), @r"
        people 0.5 Some([9, 10])
        name.first 0.75 None
        tags[0] 0.8 Some([17, 22])
        tags[1] 0.7 Some([24, 28])
        ");
    }

    #[test]
    fn columns_of_a_text_are_parts_of_it() {
        let parts = Parts {
            columns: vec!["asked".to_owned(), "body".to_owned()],
        };
        let text = "asked: name\nbody: Ann\nLee: yes";
        let cut: Vec<(&str, &str)> = parts.cut(text).iter().map(|part| (part.column, part.text)).collect();
        assert_eq!(cut, [("asked", "name\n"), ("body", "Ann\nLee: yes")]);
        assert!(
            parts
                .cut(text)
                .iter()
                .all(|part| text[part.start..].starts_with(part.text))
        );
        assert_eq!(parts.cut("no columns").len(), 1);
    }
}
