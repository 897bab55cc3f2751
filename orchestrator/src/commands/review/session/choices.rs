//! What a person can choose from.

use refuel_task::{Answer, Kind, Task};
use serde_json::Value;

use super::keys;

/// How the right answer is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// One of a list.
    One,
    /// Any number of a list.
    Several,
    /// Text.
    Text,
}

/// One of the list.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    pub(super) name: String,
    pub(super) about: Option<String>,
    aliases: Vec<String>,
    value: Value,
    /// Its place among the labels of the task.
    place: usize,
    /// How sure the model was of it, where that was kept.
    pub(super) confidence: Option<f32>,
    /// Whether the model said it.
    pub(super) is_guess: bool,
    /// Whether it is marked, where there can be several.
    pub(super) is_marked: bool,
}

/// What a person can choose from.
#[derive(Debug)]
pub(super) struct Choices {
    pub(super) form: Form,
    pub(super) list: Vec<Choice>,
    keys: Vec<char>,
}

impl Choices {
    pub(super) fn none() -> Self {
        Self {
            form: Form::Text,
            list: Vec::new(),
            keys: Vec::new(),
        }
    }

    pub(super) fn of(task: &Task, answer: &Answer) -> Self {
        let score = |name: &str| {
            let scored = answer.scores.iter().find(|scored| scored.value == name);
            scored.map(|scored| scored.confidence)
        };
        let (form, mut list) = if task.kind == Kind::MATCH {
            (Form::One, sides(answer))
        } else if task.labels.is_empty() {
            (Form::Text, Vec::new())
        } else {
            let form = if task.kind == Kind::MULTILABEL {
                Form::Several
            } else {
                Form::One
            };
            let given = |name: &str| match &answer.value {
                Value::Array(names) => names.iter().any(|given| given == name),
                value => value == name,
            };
            let choices = task.labels.iter().enumerate().map(|(place, label)| Choice {
                place,
                name: label.name.clone(),
                about: label.description.clone(),
                aliases: label.aliases.clone(),
                value: label.name.as_str().into(),
                confidence: score(&label.name),
                is_guess: given(&label.name),
                is_marked: form == Form::Several && given(&label.name),
            });
            (form, choices.collect())
        };
        let keys = keys::of_labels(list.len());
        if keys.len() < list.len() {
            // Not all have a key: those that it is likely to be come first.
            list.sort_by(|one, other| {
                let rank = |choice: &Choice| choice.confidence.unwrap_or(-1.0);
                rank(other).total_cmp(&rank(one))
            });
        }
        Self { form, list, keys }
    }

    /// The key of the choice at a place in the list.
    pub(super) fn key(&self, at: usize) -> Option<char> {
        self.keys.get(at).copied()
    }

    /// All keys as they are told to a person: `1-5`.
    pub(super) fn keys(&self) -> String {
        let digits = self.keys.len().min(9);
        match (digits, self.keys.last()) {
            (0, _) | (_, None) => String::new(),
            (1, _) => "1".to_owned(),
            (_, Some(last)) if last.is_ascii_digit() => format!("1-{digits}"),
            (_, Some(last)) => format!("1-9 a-{last}"),
        }
    }

    pub(super) fn by_key(&self, key: char) -> Option<usize> {
        self.keys.iter().position(|there| *there == key)
    }

    pub(super) fn value(&self, at: usize) -> Value {
        self.list.get(at).map(|choice| choice.value.clone()).unwrap_or_default()
    }

    pub(super) fn turn(&mut self, at: usize) {
        if let Some(choice) = self.list.get_mut(at) {
            choice.is_marked = !choice.is_marked;
        }
    }

    /// The names that are marked, in the order of the task.
    pub(super) fn marked(&self) -> Value {
        let mut marked: Vec<&Choice> = self.list.iter().filter(|choice| choice.is_marked).collect();
        marked.sort_by_key(|choice| choice.place);
        Value::Array(marked.into_iter().map(|choice| choice.value.clone()).collect())
    }

    /// Places of those whose name or alias holds a text, whatever its case; those that begin with it come first.
    pub(super) fn find(&self, text: &str) -> Vec<usize> {
        let text = text.to_lowercase();
        let rank = |choice: &Choice| {
            let names = std::iter::once(&choice.name).chain(&choice.aliases);
            names
                .filter_map(|name| name.to_lowercase().find(&text))
                .min()
                .map(|position| position.min(1))
        };
        let mut found: Vec<(usize, usize)> = (self.list.iter().enumerate())
            .filter_map(|(at, choice)| rank(choice).map(|rank| (rank, at)))
            .collect();
        found.sort_unstable();
        found.into_iter().map(|(_, at)| at).collect()
    }
}

/// The two answers of a match: the one that the model did not give has what is left of the probability.
fn sides(answer: &Answer) -> Vec<Choice> {
    let said = answer.value.as_bool();
    let confidence = |side: bool| match (said, answer.confidence) {
        (Some(said), Some(confidence)) if said == side => Some(confidence),
        (Some(_), Some(confidence)) => Some(1.0 - confidence),
        _ => None,
    };
    let choice = |name: &str, about: &str, side: bool| Choice {
        name: name.to_owned(),
        about: Some(about.to_owned()),
        aliases: Vec::new(),
        value: side.into(),
        place: usize::from(!side),
        confidence: confidence(side),
        is_guess: said == Some(side),
        is_marked: false,
    };
    vec![
        choice("same", "A and B are the same thing", true),
        choice("different", "they are not", false),
    ]
}
