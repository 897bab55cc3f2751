//! Reads how texts are mended: `rules`, `dictionary`, `max_change`, `keep`.

use std::path::Path;
use std::sync::Arc;

use refuel_clean::{
    CleanError, Dictionary, Guard, Html, Keep, Rule, RuleName, Rules, Speller, UnicodeForm, Whitespace,
};
use serde_json::{Value, json};

use super::super::fields::{Fields, not_one_of, text, wrong_type};
use super::{folder_for, invalid};
use crate::error::{Place, TaskError};
use crate::task::LARGEST_FILE;
use crate::values::{Cleaning, KEEP_WORDS, MAX_CHANGE};
use crate::yaml::{Content, Node};

/// What a word list's name ends in.
pub(crate) const DICTIONARY_FILES: &str = ".txt";
/// What the crate of rules calls the dictionary that a rule names none beside.
const OWN: &str = "column";

pub(super) fn read(fields: &mut Fields, folder: Option<&Path>) -> Result<Cleaning, TaskError> {
    let dictionary_place = fields.place_of("dictionary").cloned();
    let dictionary = match fields.take("dictionary") {
        None => None,
        Some(node) => Some(read_dictionary(node, folder)?),
    };
    let (hash, dictionary) = match dictionary {
        None => (None, None),
        Some((hash, dictionary)) => (Some(hash), Some(Arc::new(dictionary))),
    };
    let (written, rules) = match fields.take("rules") {
        Some(node) => read_rules(node, dictionary.as_ref())?,
        None => rules_unless_told(dictionary.as_ref()),
    };
    let spells = rules.iter().any(|rule| rule.name() == RuleName::Spelling);
    if let Some(place) = dictionary_place.filter(|_| !spells) {
        return Err(invalid(
            &place,
            "\"dictionary\" has no use here: no rule reads it",
            "add the rule: rules: [..., spelling]",
        ));
    }
    if rules.iter().next().is_none() && fields.place_of("model").is_none() {
        return Err(invalid(
            &fields.place,
            "the task has neither rules nor a model, so it would change nothing",
            "leave \"rules\" out for those that change no meaning, or name a model",
        ));
    }
    let max_change = fields.probability("max_change").map_err(|error| match error {
        TaskError::Invalid { place, message, .. } => invalid(
            &place,
            message,
            "give the share of letters that may change, such as 0.2",
        ),
        other => other,
    })?;
    let max_change = max_change.unwrap_or(MAX_CHANGE);
    let keep = read_keep(fields)?;
    let guard = Guard::new(max_change, keep).map_err(|error| of_clean(&error, &fields.place))?;
    Ok(Cleaning {
        rules,
        guard,
        keep,
        max_change,
        written: json!([written, hash]),
    })
}

/// What changes no meaning; with a dictionary spelling too.
fn rules_unless_told(dictionary: Option<&Arc<Dictionary>>) -> (Value, Rules) {
    let mut all = vec![
        Rule::Mojibake,
        Rule::Html(Html::default()),
        Rule::Unicode(UnicodeForm::default()),
        Rule::Invisible,
        Rule::Whitespace(Whitespace::default()),
    ];
    all.extend(dictionary.map(|dictionary| Rule::Spelling(Speller::new(Arc::clone(dictionary)))));
    let names = all.iter().map(|rule| rule.name().name()).collect();
    // Each is there once.
    (names, Rules::new(all).unwrap_or_default())
}

fn read_rules(node: Node, dictionary: Option<&Arc<Dictionary>>) -> Result<(Value, Rules), TaskError> {
    let Content::List(items) = node.content else {
        return Err(wrong_type(&node, "a list of rules"));
    };
    let written = items.iter().map(Node::to_json).collect();
    let mut rules: Vec<Rule> = Vec::with_capacity(items.len());
    for item in items {
        let entry = item.to_json();
        let is_spelling = entry == "spelling" || entry.get("spelling").is_some();
        if is_spelling && dictionary.is_none() {
            return Err(invalid(
                &item.place,
                "the rule \"spelling\" needs a dictionary",
                "name a word list: dictionary: words.txt",
            ));
        }
        let of_name = |name: &str| dictionary.filter(|_| name == OWN).cloned();
        let read = Rules::parse(&json!([entry]), of_name).map_err(|error| of_clean(&error, &item.place))?;
        for rule in read.iter() {
            if rules.iter().any(|other| other.name() == rule.name()) {
                return Err(invalid(
                    &item.place,
                    format!("the rule \"{}\" is given twice", rule.name()),
                    "keep one of the two",
                ));
            }
            rules.push(rule.clone());
        }
    }
    let rules = Rules::new(rules).map_err(|error| of_clean(&error, &node.place))?;
    Ok((written, rules))
}

/// An error of the rules at its place, which the crate of rules counts by itself.
fn of_clean(error: &CleanError, place: &Place) -> TaskError {
    let message = error.to_string();
    let message = message.strip_prefix("rules[0]: ").unwrap_or(&message);
    TaskError::Invalid {
        place: place.clone(),
        message: message
            .strip_prefix("rules[0] ")
            .map_or_else(|| message.to_owned(), |rest| format!("a rule {rest}")),
        hint: Some(error.hint()),
    }
}

fn read_keep(fields: &mut Fields) -> Result<Keep, TaskError> {
    let Some(node) = fields.take("keep") else {
        return Ok(Keep::default());
    };
    let Content::List(items) = node.content else {
        return Err(wrong_type(&node, "a list of what an edit must leave as it is"));
    };
    let mut keep = Keep {
        numbers: false,
        names: false,
        negation: false,
        contacts: false,
    };
    for item in items {
        let place = item.place.clone();
        let word = text(item)?;
        match word.as_str() {
            "numbers" => keep.numbers = true,
            "names" => keep.names = true,
            "negation" => keep.negation = true,
            "contacts" => keep.contacts = true,
            _ => return Err(not_one_of(place, "keep", &word, KEEP_WORDS.into_iter())),
        }
    }
    Ok(keep)
}

/// A word list: a file, a list of words each with its count behind it where that is known, or a map of words with counts.
/// Its hash comes with it.
fn read_dictionary(node: Node, folder: Option<&Path>) -> Result<(String, Dictionary), TaskError> {
    let place = node.place.clone();
    let lines = match node.content {
        Content::Text(shown) => read_words(&shown, &place, folder)?,
        Content::List(items) => items.into_iter().map(text).collect::<Result<Vec<_>, _>>()?.join("\n"),
        Content::Map(entries) => {
            let mut lines = String::new();
            for (word, _, count) in entries {
                let Content::Number(number) = &count.content else {
                    return Err(wrong_type(&count, "how often the word occurs"));
                };
                lines.push_str(&format!("{word} {number}\n"));
            }
            lines
        }
        _ => return Err(wrong_type(&node, "the name of a file, or a list of words")),
    };
    // Blank lines and white space at ends say nothing.
    let lines: Vec<&str> = lines.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let lines = lines.join("\n");
    let dictionary = Dictionary::parse(&lines).map_err(|error| of_clean(&error, &place))?;
    if dictionary.is_empty() {
        return Err(invalid(&place, "the dictionary has no words", "write one word a line"));
    }
    Ok((blake3::hash(lines.as_bytes()).to_hex().to_string(), dictionary))
}

/// The text of a word list.
pub(super) fn read_words(shown: &str, named_at: &Place, folder: Option<&Path>) -> Result<String, TaskError> {
    let folder = folder_for(
        folder,
        named_at,
        shown,
        "put the words into the task: dictionary: [receive 500, recipe 400]",
    )?;
    let path = folder.join(shown);
    let unreadable = |error: std::io::Error| TaskError::Read {
        place: named_at.clone(),
        path: path.clone(),
        error,
    };
    let size = fs_err::metadata(&path).map_err(unreadable)?.len();
    if size > 8 * LARGEST_FILE {
        return Err(invalid(
            named_at,
            format!(
                "\"{shown}\" has {} MB; word lists have at most {} MB",
                size >> 20,
                (8 * LARGEST_FILE) >> 20
            ),
            "keep the words that occur most",
        ));
    }
    fs_err::read_to_string(&path).map_err(unreadable)
}
