//! Typed, bounded access to the fields of a JSON configuration.

use std::path::Path;

use serde_json::{Map, Value};

use crate::error::FormatError;

/// One JSON object of a configuration file, with the file and the place in it for messages.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a> {
    path: &'a Path,
    /// Name of the object inside the file, such as `text_config`. Empty for the file's own object.
    place: &'a str,
    map: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    /// The file's own object.
    pub(crate) fn root(path: &'a Path, value: &'a Value) -> Result<Self, FormatError> {
        match value {
            Value::Object(map) => Ok(Self { path, place: "", map }),
            _ => Err(FormatError::Malformed {
                path: path.to_owned(),
                what: "not a JSON object".to_owned(),
            }),
        }
    }

    /// A message about a field of this object.
    pub(crate) fn wrong(&self, field: &str, what: &str) -> FormatError {
        let dot = if self.place.is_empty() { "" } else { "." };
        FormatError::Malformed {
            path: self.path.to_owned(),
            what: format!("`{place}{dot}{field}` {what}", place = self.place),
        }
    }

    /// A field's value; null and absent are the same.
    pub(crate) fn get(&self, field: &str) -> Option<&'a Value> {
        self.map.get(field).filter(|value| !value.is_null())
    }

    /// Whether the field is written, be it as null.
    pub(crate) fn has(&self, field: &str) -> bool {
        self.map.contains_key(field)
    }

    /// An object within this one.
    pub(crate) fn object(&self, field: &'a str) -> Result<Option<Self>, FormatError> {
        match self.get(field) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(Self {
                path: self.path,
                place: field,
                map,
            })),
            Some(_) => Err(self.wrong(field, "should be an object")),
        }
    }

    /// A whole number from 1 to `most`.
    pub(crate) fn count(&self, field: &str, most: usize) -> Result<Option<usize>, FormatError> {
        let Some(value) = self.get(field) else { return Ok(None) };
        match value.as_u64().and_then(|number| usize::try_from(number).ok()) {
            Some(number) if (1..=most).contains(&number) => Ok(Some(number)),
            _ => Err(self.wrong(
                field,
                &format!("is {value}; it should be a whole number from 1 to {most}"),
            )),
        }
    }

    /// As [`Fields::count`], for a field that has to be there.
    pub(crate) fn required_count(&self, field: &str, most: usize) -> Result<usize, FormatError> {
        self.count(field, most)?.ok_or_else(|| self.wrong(field, "is missing"))
    }

    /// A finite number greater than 0, in single precision.
    pub(crate) fn positive(&self, field: &str) -> Result<Option<f32>, FormatError> {
        let Some(value) = self.get(field) else { return Ok(None) };
        match value.as_f64().map(|number| number as f32) {
            Some(number) if number.is_finite() && number > 0.0 => Ok(Some(number)),
            _ => Err(self.wrong(field, &format!("is {value}; it should be a finite number above 0"))),
        }
    }

    /// As [`Fields::positive`], for a field that has to be there.
    pub(crate) fn required_positive(&self, field: &str) -> Result<f32, FormatError> {
        self.positive(field)?.ok_or_else(|| self.wrong(field, "is missing"))
    }

    /// True or false; false where it is absent.
    pub(crate) fn flag(&self, field: &str) -> Result<bool, FormatError> {
        Ok(self.optional_flag(field)?.unwrap_or(false))
    }

    /// True or false.
    pub(crate) fn optional_flag(&self, field: &str) -> Result<Option<bool>, FormatError> {
        match self.get(field) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(self.wrong(field, "should be true or false")),
        }
    }

    /// A string.
    pub(crate) fn text(&self, field: &str) -> Result<Option<&'a str>, FormatError> {
        match self.get(field) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong(field, "should be a string")),
        }
    }

    /// A list of strings.
    pub(crate) fn texts(&self, field: &str) -> Result<Option<Vec<&'a str>>, FormatError> {
        let Some(value) = self.get(field) else { return Ok(None) };
        value
            .as_array()
            .and_then(|list| list.iter().map(Value::as_str).collect())
            .map(Some)
            .ok_or_else(|| self.wrong(field, "should be a list of strings"))
    }
}
