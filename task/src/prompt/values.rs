//! The wording for `normalize`, `clean` and `enrich`. What [`super::layout`] says of wording holds here too.

use refuel_normalize::Format;
use serde_json::Value;

use super::Segment;
use super::layout::{Choice, Layout, Turn, paragraphs};
use crate::examples::Example;
use crate::input::{Record, RenderedInput};
use crate::shape::{self, spaced};
use crate::task::Task;
use crate::values::{Normalization, ValueRules, format_word};

/// What the model writes where a raw value is no value of the format.
pub const NO_VALUE: &str = "none";
/// What the model chooses where a raw value is none of the entries that it is shown.
pub const NO_ENTRY: &str = "none of these";

const ENTRIES: &str = "Entries:";
const MISSING: &str = "Missing:";
/// Entries that an example shows.
const SHOWN_ENTRIES: usize = 5;

/// For `normalize`.
#[derive(Debug)]
pub(crate) struct Canonical;
/// For `clean`.
#[derive(Debug)]
pub(crate) struct Mended;
/// For `enrich`.
#[derive(Debug)]
pub(crate) struct Completed;

impl Layout for Canonical {
    fn system(&self, task: &Task) -> Option<String> {
        let told = match &task.value_rules {
            Some(ValueRules::Normalize(Normalization::Format { format, .. })) => format!(
                "Find {} in the text and write it in one form: {}. Answer with it alone, or with {NO_VALUE} where there is \
                 none.",
                format_word(*format),
                form_of(*format)
            ),
            _ => format!(
                "Choose the entry that the text means. Answer with one of the entries only, exactly as it is written, or \
                 with {NO_ENTRY}."
            ),
        };
        Some(paragraphs(&[&task.guidelines, &told]))
    }

    /// The raw value; where there are entries to choose among, these too.
    fn row(&self, input: &RenderedInput) -> Vec<Segment> {
        let Some([raw, entries]) = &input.sides else {
            return vec![Segment::Data(input.text.clone())];
        };
        vec![
            Segment::Data(raw.clone()),
            Segment::Template(format!("\n{ENTRIES}\n")),
            Segment::Data(entries.clone()),
        ]
    }

    fn turns(&self, task: &Task, example: &Example) -> Vec<Turn> {
        let answer = example.answer.as_str();
        let (question, answer) = match &task.value_rules {
            Some(ValueRules::Normalize(Normalization::Vocabulary { terms, .. })) => {
                let value = answer.and_then(|id| terms.value_of(id));
                let found = terms.lookup(&example.input.text, SHOWN_ENTRIES);
                let mut entries: Vec<&str> = found.iter().map(|candidate| candidate.name.as_str()).collect();
                // The right one is shown, as it is nearly always where a model is asked.
                if let Some(value) = value.filter(|value| !entries.contains(value)) {
                    entries.truncate(SHOWN_ENTRIES - 1);
                    entries.push(value);
                }
                let input = RenderedInput::choosing(&example.input.text, &entries);
                (self.row(&input), value.unwrap_or(NO_ENTRY))
            }
            _ => (self.row(&example.input), answer.unwrap_or(NO_VALUE)),
        };
        vec![Turn {
            question,
            answer: answer.to_owned(),
        }]
    }

    fn choices(&self, _task: &Task) -> Vec<Choice> {
        Vec::new()
    }
}

impl Layout for Mended {
    fn system(&self, task: &Task) -> Option<String> {
        let guidelines = if task.guidelines.is_empty() {
            "Correct the spelling and typing mistakes of the text."
        } else {
            &task.guidelines
        };
        Some(paragraphs(&[
            guidelines,
            "Answer with the whole text, corrected. Leave numbers, names and what the text says as they are, and leave a text \
             without mistakes as it is.",
        ]))
    }

    fn turns(&self, task: &Task, example: &Example) -> Vec<Turn> {
        let mended = match &task.value_rules {
            Some(ValueRules::Clean(cleaning)) => RenderedInput::text(&cleaning.mend(&example.input.text).text),
            _ => example.input.clone(),
        };
        vec![Turn {
            question: self.row(&mended),
            answer: example.answer.as_str().unwrap_or_default().to_owned(),
        }]
    }

    fn choices(&self, _task: &Task) -> Vec<Choice> {
        Vec::new()
    }
}

impl Layout for Completed {
    fn system(&self, task: &Task) -> Option<String> {
        Some(paragraphs(&[
            &task.guidelines,
            &format!("Fields:\n{}", shape::written_types(&task.fields)),
            "Of a record some of these fields are missing. Answer with one JSON object that has the missing fields alone, in \
             this order, and null for what can't be told from the record.",
        ]))
    }

    /// The record and the names of what is missing of it. They are data of their own, so that a long record can be cut
    /// without losing them.
    fn row(&self, input: &RenderedInput) -> Vec<Segment> {
        let Some([record, missing]) = &input.sides else {
            return vec![Segment::Data(input.text.clone())];
        };
        vec![
            Segment::Data(record.clone()),
            Segment::Template(format!("\n{MISSING}")),
            Segment::Data(format!(" {missing}")),
        ]
    }

    fn turns(&self, task: &Task, example: &Example) -> Vec<Turn> {
        let record: Record = serde_json::from_str(&example.input.text).unwrap_or_default();
        let fields: Vec<shape::Field> = task
            .fields
            .iter()
            .filter(|field| {
                record
                    .get(&field.name)
                    .is_none_or(|value| !crate::values::is_there(value))
            })
            .cloned()
            .collect();
        if fields.is_empty() {
            return Vec::new();
        }
        let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
        vec![Turn {
            question: self.row(&RenderedInput::completing(&record, &names)),
            answer: spaced(&shape::filled(&fields, &example.answer)),
        }]
    }

    fn choices(&self, _task: &Task) -> Vec<Choice> {
        Vec::new()
    }
}

impl RenderedInput {
    /// A raw value with the entries that it may mean, each on a line: what a model chooses by.
    pub fn choosing(raw: &str, entries: &[&str]) -> Self {
        let lines: Vec<String> = entries
            .iter()
            .map(|entry| entry.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        let lines = lines.join("\n");
        Self {
            text: format!("{raw}\n{ENTRIES}\n{lines}"),
            sides: Some([raw.to_owned(), lines]),
        }
    }

    /// A text that rules mended, beside the text as it was: a model reads it as they left it.
    pub fn mending(original: &str, mended: &str) -> Self {
        Self {
            text: mended.to_owned(),
            sides: Some([original.to_owned(), mended.to_owned()]),
        }
    }

    /// A record with the names of the fields that are missing of it: what a model completes.
    pub fn completing(record: &Record, missing: &[&str]) -> Self {
        let record = spaced(&Value::Object(record.clone()));
        let missing = missing.join(", ");
        Self {
            text: format!("{record}\n{MISSING} {missing}"),
            sides: Some([record, missing]),
        }
    }
}

/// The one form of a format's values.
fn form_of(format: Format) -> &'static str {
    match format {
        Format::Date => "2024-03-05",
        Format::Time => "15:30:00",
        Format::Datetime => "2024-03-05T15:30:00",
        Format::Duration => "PT1H30M",
        Format::Phone => "+4930901820",
        Format::Amount => "EUR 1234.50",
        Format::Number => "-1234.5",
        Format::Quantity => "2.5 kg",
        Format::Country => "DE, the two letters of ISO 3166-1",
        Format::Language => "de, the letters of ISO 639",
        Format::Boolean => "true or false",
        Format::Email => "jane.doe@example.com",
        Format::Url => "https://example.com/a",
        Format::Person => "Jane Q. Doe Jr.",
        Format::Company => "Acme GmbH",
        Format::Address => "12 Main Street, Springfield, IL 62701, US",
    }
}
