//! Reads what raw values are made canonical by: `format` or `vocabulary`, and `embeddings` for the latter.

use std::path::Path;
use std::sync::Arc;

use refuel_normalize::{Format, NormalizeError, Settings, Units};

use super::super::fields::{Fields, not_one_of, text, wrong_type};
use super::super::task::read_model;
use super::{invalid, vocabulary};
use crate::error::{Place, TaskError};
use crate::values::Normalization;
use crate::yaml::{Content, Node};

/// Options of a format.
pub(crate) const SETTING_KEYS: [&str; 6] = ["region", "day_first", "reference", "decimal", "currency", "units"];

pub(super) fn read(fields: &mut Fields, folder: Option<&Path>) -> Result<Normalization, TaskError> {
    let embeddings = fields.take("embeddings");
    match (fields.take("format"), fields.take("vocabulary")) {
        (Some(node), None) => match embeddings {
            None => read_format(node),
            Some(embeddings) => Err(invalid(
                &embeddings.place,
                "\"embeddings\" has no use for a format, whose rules read what is written",
                "take it out, or name the values that there are: vocabulary: [Germany, France]",
            )),
        },
        (None, Some(node)) => Ok(Normalization::Vocabulary {
            terms: Arc::new(vocabulary::read(node, folder)?),
            embeddings: embeddings.map(read_model).transpose()?,
        }),
        (Some(_), Some(node)) => Err(invalid(
            &node.place,
            "the task has both \"format\" and \"vocabulary\"",
            "keep one of the two",
        )),
        (None, None) => Err(TaskError::MissingKey {
            place: fields.place.clone(),
            key: "format".to_owned(),
            context: " or \"vocabulary\"".to_owned(),
            hint: "say what the values are: format: phone, or vocabulary: [Germany, France]".to_owned(),
        }),
    }
}

/// A word, or the word with its options: `phone`, `{phone: {region: DE}}`.
fn read_format(node: Node) -> Result<Normalization, TaskError> {
    let place = node.place.clone();
    let (word, place, options) = match node.content {
        Content::Text(word) => (word, place, None),
        Content::Map(ref entries) if entries.len() == 1 => {
            let (word, place, options) = entries[0].clone();
            (word, place, Some(options))
        }
        _ => {
            return Err(wrong_type(
                &node,
                "the name of a format, or a map of it with its options",
            ));
        }
    };
    let format = Format::named(&word).map_err(|_| {
        let names = Format::ALL.map(Format::name);
        not_one_of(place, "format", &word, names.into_iter())
    })?;
    let settings = match options {
        None
        | Some(Node {
            content: Content::Null, ..
        }) => Settings::default(),
        Some(node) => read_settings(node, format)?,
    };
    Ok(Normalization::Format {
        format,
        settings: Box::new(settings),
    })
}

fn read_settings(node: Node, format: Format) -> Result<Settings, TaskError> {
    let place = node.place.clone();
    if let (Content::Map(options), []) = (&node.content, format.settings())
        && let Some((key, place, _)) = options.first()
    {
        let message = format!("the format \"{}\" has no options, and so no \"{key}\"", format.name());
        let hint = format!("write format: {}", format.name());
        return Err(invalid(place, message, &hint));
    }
    let mut fields = Fields::open(node, format.settings())?;
    let places: Vec<(&str, Place)> = SETTING_KEYS
        .into_iter()
        .filter_map(|key| Some((key, fields.place_of(key)?.clone())))
        .collect();
    let settings = Settings {
        region: fields.text("region")?,
        day_first: fields.flag("day_first")?,
        reference: fields.take("reference").map(read_reference).transpose()?,
        decimal: fields.take("decimal").map(read_decimal).transpose()?,
        currency: fields.text("currency")?,
        units: fields
            .choice("units", &[("written", Units::Written), ("si", Units::Si)])?
            .unwrap_or_default(),
    };
    settings.check().map_err(|error| {
        let key = match &error {
            NormalizeError::Setting { key, .. } => key,
            _ => "",
        };
        let own = places.iter().find(|(name, _)| *name == key);
        TaskError::Invalid {
            place: own.map_or(&place, |(_, place)| place).clone(),
            message: error.to_string(),
            hint: error.hint(),
        }
    })?;
    Ok(settings)
}

/// A day, or a time of a day.
fn read_reference(node: Node) -> Result<jiff::civil::DateTime, TaskError> {
    let place = node.place.clone();
    let written = text(node)?;
    written.parse().map_err(|_| {
        invalid(
            &place,
            format!("\"{written}\" is no time"),
            "write it as 2026-11-26 or 2026-11-26T09:30:00",
        )
    })
}

fn read_decimal(node: Node) -> Result<char, TaskError> {
    let place = node.place.clone();
    let written = text(node)?;
    let mut letters = written.chars();
    match (letters.next(), letters.next()) {
        (Some(mark), None) => Ok(mark),
        _ => Err(invalid(
            &place,
            format!("\"decimal\" can't be \"{written}\""),
            "it must be \".\" or \",\"",
        )),
    }
}
