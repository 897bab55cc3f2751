//! Reads the rules of tasks of the kinds `normalize`, `clean` and `enrich`.

mod clean;
mod export;
mod normalize;
mod reference;
mod vocabulary;

use std::path::Path;
use std::sync::Arc;

use crate::error::{Place, TaskError};
use crate::input::InputSpec;
use crate::kinds::Kind;
use crate::shape::Field;
use crate::values::ValueRules;

use super::fields::Fields;

pub(crate) use clean::DICTIONARY_FILES;
pub(super) use export::export;
pub(crate) use normalize::SETTING_KEYS;
pub(crate) use reference::REFERENCE_KEYS;
pub(crate) use vocabulary::{ENTRY_KEYS, VOCABULARY_KEYS};

/// Takes the rules out of a task.
pub(super) fn read(
    fields: &mut Fields,
    kind: Kind,
    missing: &[Field],
    input: &InputSpec,
    folder: Option<&Path>,
) -> Result<Option<ValueRules>, TaskError> {
    if kind == Kind::NORMALIZE {
        return Ok(Some(ValueRules::Normalize(normalize::read(fields, folder)?)));
    }
    if kind == Kind::CLEAN {
        return Ok(Some(ValueRules::Clean(clean::read(fields, folder)?)));
    }
    if kind == Kind::ENRICH
        && let Some(node) = fields.take("reference")
    {
        let reference = reference::read(node, missing, input, folder)?;
        return Ok(Some(ValueRules::Enrich(Arc::new(reference))));
    }
    Ok(None)
}

/// The folder in which a task's file is looked for.
///
/// # Errors
/// Where the task is in a catalog, which holds no files.
fn folder_for<'a>(
    folder: Option<&'a Path>,
    named_at: &Place,
    shown: &str,
    instead: &str,
) -> Result<&'a Path, TaskError> {
    folder.ok_or_else(|| TaskError::Invalid {
        place: named_at.clone(),
        message: format!("the task names the file \"{shown}\", and a task in a catalog holds what it needs itself"),
        hint: Some(instead.to_owned()),
    })
}

fn invalid(place: &Place, message: impl Into<String>, hint: &str) -> TaskError {
    TaskError::Invalid {
        place: place.clone(),
        message: message.into(),
        hint: Some(hint.to_owned()),
    }
}
