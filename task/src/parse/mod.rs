//! Reads and checks task files.

mod calibrated;
mod examples;
mod export;
mod fields;
mod input;
mod labels;
mod shape;
mod strategy;
mod tables;
mod task;
mod values;

use std::path::Path;

use serde_json::Value;

use crate::error::{Place, TaskError};
use crate::task::{LARGEST_FILE, Task};
use crate::yaml::Node;

pub(crate) use calibrated::{AUTO, CALIBRATED_KEYS, CHOSEN_KEYS, MAP_KEYS, TARGET_UNLESS_TOLD, Unchosen};
pub(crate) use examples::{EXAMPLE_KEYS, SET_KEYS};
pub(crate) use labels::{CATCH_ALL_SHARE, LABEL_KEYS};
pub(crate) use shape::{FIELD_KEYS, NULLABLE, SCHEMA_KEYS, TYPES};
pub(crate) use strategy::{KEPT_UNLESS_TOLD, MOST_RULES, RULE_KEYS, strategies};
pub(crate) use tables::{MOST_NEIGHBOURS, MOST_RULES as MOST_BLOCKING_RULES, SOLVED_KEYS};
pub(crate) use task::{LONGEST_NAME, MOST_STOPS, MOST_TOKENS};
pub(crate) use values::{DICTIONARY_FILES, ENTRY_KEYS, REFERENCE_KEYS, SETTING_KEYS, VOCABULARY_KEYS};

pub(crate) fn from_file(path: &Path) -> Result<Task, TaskError> {
    let (text, shown) = read_file(path)?;
    from_yaml(&text, &shown, folder_of(path))
}

pub(crate) fn export(path: &Path) -> Result<Value, TaskError> {
    let (text, shown) = read_file(path)?;
    export::export(&text, &shown, folder_of(path))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

/// The text of a task file, and what errors call it.
fn read_file(path: &Path) -> Result<(String, String), TaskError> {
    let shown = path.display().to_string();
    let place = Place::of(shown.as_str());
    let unreadable = |error: std::io::Error| TaskError::Read {
        place: place.clone(),
        path: path.to_owned(),
        error,
    };
    let size = fs_err::metadata(path).map_err(unreadable)?.len();
    if size > LARGEST_FILE {
        return Err(TaskError::Invalid {
            place,
            message: format!(
                "the file has {} MB; task files have at most {} MB",
                size >> 20,
                LARGEST_FILE >> 20
            ),
            hint: Some("put examples into a file of their own: examples: {from: examples.csv}".to_owned()),
        });
    }
    let text = fs_err::read_to_string(path).map_err(unreadable)?;
    Ok((text, shown))
}

pub(crate) fn from_yaml(text: &str, source: &str, folder: &Path) -> Result<Task, TaskError> {
    task::read(Node::from_yaml(text, source)?, source, Some(folder), Unchosen::Refused)
}

/// Reads a task of which the threshold is to be chosen.
pub(crate) fn to_calibrate(path: &Path) -> Result<Task, TaskError> {
    let (text, shown) = read_file(path)?;
    let node = Node::from_yaml(&text, &shown)?;
    task::read(node, &shown, Some(folder_of(path)), Unchosen::Fine)
}

pub(crate) fn from_json(value: &Value, source: &str, folder: &Path) -> Result<Task, TaskError> {
    task::read(Node::from_json(value, source)?, source, Some(folder), Unchosen::Refused)
}

pub(crate) fn from_catalog(value: &Value, source: &str) -> Result<Task, TaskError> {
    task::read(Node::from_json(value, source)?, source, None, Unchosen::Refused)
}
