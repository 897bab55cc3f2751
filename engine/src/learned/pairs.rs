//! Heads on features of pairs: whether two records are the same thing.

use ndarray::Array2;
use rayon::prelude::*;
use refuel_learn::{Facts, PairModel, pairs_from_onnx};
use refuel_registry::ModelEntry;
use refuel_resolve::{Comparator, Profile, Record};
use refuel_task::{Answer, InputSpec, Part, RenderedInput, Source, Task};
use serde_json::Value;

use super::{Answering, GRAPH_FILE, choices_of, read, unfit, unusable};
use crate::error::EngineError;

/// The file of the profile that pairs are compared by.
pub(crate) const PROFILE_FILE: &str = "profile.json";
/// What a side is called in records that have no columns.
const WHOLE: &str = "text";

/// The columns of the two sides of a task, as records of either side have them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sides {
    /// Of each side: columns as the task names them, each with its name in records. Empty for one text.
    columns: [Vec<(String, String)>; 2],
}

impl Sides {
    /// The columns of the sides of a task. Where both sides list as many, the first of one is compared with the first of
    /// the other, and so on; a side of one column or of a template is one text.
    pub(crate) fn of(input: &InputSpec) -> Self {
        let listed = |part: &Part| match part {
            Part::Columns(columns) => columns.clone(),
            _ => Vec::new(),
        };
        let (a, b) = match input {
            InputSpec::Two { a, b } => (listed(a), listed(b)),
            InputSpec::One(_) => (Vec::new(), Vec::new()),
        };
        if a.len() != b.len() {
            return Self {
                columns: [Vec::new(), Vec::new()],
            };
        }
        let names = a.clone();
        let named = |columns: Vec<String>| columns.into_iter().zip(names.iter().cloned()).collect();
        Self {
            columns: [named(a), named(b)],
        }
    }

    /// The records of a pair.
    pub(crate) fn records(&self, input: &RenderedInput) -> [Record; 2] {
        let whole = [input.text.clone(), String::new()];
        let texts = input.sides.as_ref().unwrap_or(&whole);
        [0, 1].map(|side| record(&texts[side], &self.columns[side]))
    }
}

/// Takes a text apart that was made of columns: `name: value`, a line each, blank ones left out, in their order.
fn record(text: &str, columns: &[(String, String)]) -> Record {
    if columns.is_empty() {
        return Record::new([(WHOLE, text)]);
    }
    let mut fields: Vec<(&str, String)> = Vec::new();
    let mut next = 0;
    for line in text.lines() {
        let begun = columns[next..].iter().enumerate().find_map(|(at, (column, name))| {
            let value = line.strip_prefix(column.as_str())?.strip_prefix(": ")?;
            Some((at, name, value))
        });
        match (begun, fields.last_mut()) {
            (Some((at, name, value)), _) => {
                next += at + 1;
                fields.push((name, value.to_owned()));
            }
            // A value of several lines.
            (None, Some((_, value))) => {
                value.push('\n');
                value.push_str(line);
            }
            (None, None) => {}
        }
    }
    Record::new(fields)
}

/// Features of pairs, `[pairs, columns]`, NaN for what is missing.
pub(crate) fn table(comparator: &Comparator, pairs: &[[Record; 2]]) -> Array2<f32> {
    let columns = comparator.features().len();
    let rows: Vec<Vec<f32>> = pairs
        .par_iter()
        .map(|[a, b]| comparator.compare(&comparator.prepare(a), &comparator.prepare(b), None))
        .collect();
    Array2::from_shape_vec((rows.len(), columns), rows.concat()).expect("a pair has as many features as any other")
}

/// A head on features of pairs.
#[derive(Debug, Clone)]
pub(crate) struct PairHead {
    pairs: PairModel,
    comparator: Comparator,
    facts: Facts,
    sides: Sides,
    choices: Vec<String>,
    model: String,
}

impl PairHead {
    /// Reads the head that is to answer a task.
    ///
    /// # Errors
    /// [`EngineError::ModelUnusable`], and [`EngineError::HeadUnfit`] where the records have other columns than those that
    /// it was trained on.
    pub(crate) fn open(entry: &ModelEntry, task: &Task) -> Result<Self, EngineError> {
        let (pairs, facts) = pairs_from_onnx(&read(entry, GRAPH_FILE)?).map_err(|error| unusable(entry, error))?;
        let profile: Profile =
            serde_json::from_slice(&read(entry, PROFILE_FILE)?).map_err(|error| unusable(entry, error))?;
        let comparator = Comparator::new(profile, false);
        let features = comparator.features().iter().map(|feature| &feature.name);
        if !features.eq(facts.columns.iter()) {
            return Err(unusable(entry, "its profile is not that of its features"));
        }
        let sides = Sides::of(&task.input);
        let own = |name: &str| sides.columns[0].iter().any(|(_, own)| own == name) || name == WHOLE;
        if let Some(column) = comparator.profile().columns().iter().find(|column| !own(&column.name)) {
            let what = format!(
                "it compares the column \"{}\", which the task does not read",
                column.name
            );
            return Err(unfit(entry, task, what));
        }
        Ok(Self {
            pairs,
            comparator,
            facts,
            sides,
            choices: choices_of(task),
            model: entry.manifest.reference(),
        })
    }

    /// Answers to pairs.
    pub(crate) fn answers(&self, inputs: &[&RenderedInput]) -> Result<Vec<Answer>, EngineError> {
        let pairs: Vec<[Record; 2]> = inputs.iter().map(|input| self.sides.records(input)).collect();
        let same = self.pairs.probabilities(&table(&self.comparator, &pairs))?;
        let answering = Answering {
            model: &self.model,
            source: Source::Head,
            calibration: &self.facts.calibration,
        };
        let answer = |same: f32| answering.best(&self.choices, &[1.0 - same, same], |choice| Value::Bool(choice == 1));
        Ok(same.into_iter().map(answer).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn sides(input: &str) -> (Task, Sides) {
        let text = format!("name: t\nkind: match\ninput: {input}\n");
        let task = Task::from_yaml(&text, "t.yml", Path::new(".")).unwrap();
        let sides = Sides::of(&task.input);
        (task, sides)
    }

    fn fields(record: &Record) -> Vec<(String, String)> {
        record
            .fields()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    #[test]
    fn columns_of_both_sides_are_compared_in_their_order() {
        let (task, sides) = sides("{a: [left_name, left_phone, note], b: [right_name, right_phone, remark]}");
        let row = serde_json::json!({
            "left_name": "ACME", "left_phone": "", "note": "two\nlines: here",
            "right_name": "Acme Inc.", "right_phone": "555", "remark": null,
        });
        let input = task.render_input(row.as_object().unwrap()).unwrap();
        let [a, b] = sides.records(&input);
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            fields(&a),
            [pair("left_name", "ACME"), pair("note", "two\nlines: here")]
        );
        assert_eq!(fields(&b), [pair("left_name", "Acme Inc."), pair("left_phone", "555")]);
    }

    #[test]
    fn a_side_of_one_column_is_one_text() {
        let (_, sides) = sides("{a: name, b: other}");
        let [a, b] = sides.records(&RenderedInput::two("ACME: Inc", "Acme"));
        assert_eq!(fields(&a), [("text".to_owned(), "ACME: Inc".to_owned())]);
        assert_eq!(fields(&b), [("text".to_owned(), "Acme".to_owned())]);
    }
}
