//! What functions return of an answer.

use std::cell::Cell;
use std::ffi::c_char;

use pgrx::pg_sys;
use refuel_client::wire::{Answer, Scored, Status, Value};
use refuel_task::OnError;
use serde_json::json;

use crate::catalog::{self, Resolved};
use crate::error::Failure;
use crate::text;

/// What a function returns of an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Output {
    /// `text`: the value.
    Text,
    /// `text[]`: the value.
    Texts,
    /// `boolean`: the value.
    Bool,
    /// `jsonb`: the value.
    Json,
    /// `real[]`: the value.
    Vector,
    /// `real`: the confidence.
    Confidence,
    /// `real`: the probability that two records match, whatever was answered.
    Score,
    /// `refuel_result`: everything.
    Detail,
}

impl Output {
    /// See [`super::Function::result`].
    ///
    /// # Safety
    /// As there.
    pub(super) unsafe fn of(self, answer: &Answer, resolved: &Resolved) -> Result<Option<pg_sys::Datum>, Failure> {
        if answer.status == Status::Error {
            match resolved.on_error {
                OnError::Fail => {
                    return Err(Failure::Row {
                        task: resolved.spec.name.clone(),
                        reason: answer
                            .reason
                            .clone()
                            .unwrap_or_else(|| "no reason was given".to_owned()),
                    });
                }
                OnError::Capture if self == Self::Detail => {}
                OnError::Null | OnError::Capture => return Ok(None),
            }
        }
        match (self, &answer.value) {
            // SAFETY: the caller's promise.
            (Self::Detail, _) => unsafe { detail(answer, resolved) }.map(Some),
            (Self::Confidence, _) => Ok(answer.confidence.map(real)),
            (Self::Score, value) => Ok(match_score(value, answer).map(real)),
            (_, Value::Null) => Ok(None),
            (Self::Text, Value::Text(value)) => text::write(value).map(Some),
            (Self::Bool, Value::Bool(value)) => Ok(Some(pg_sys::Datum::from(*value))),
            (Self::Json, Value::Json(value)) => text::write_json(value).map(Some),
            (Self::Texts, Value::Texts(values)) => {
                let values = values.iter().map(|value| text::write(value));
                let mut values = values.collect::<Result<Vec<_>, _>>()?;
                Ok(Some(array(&mut values, pg_sys::TEXTOID, -1, false)))
            }
            (Self::Vector, Value::Vector(values)) => {
                let mut values: Vec<_> = values.iter().copied().map(real).collect();
                Ok(Some(array(&mut values, pg_sys::FLOAT4OID, 4, true)))
            }
            (_, value) => Err(Failure::Answer {
                task: resolved.spec.name.clone(),
                found: name_of(value),
            }),
        }
    }
}

/// What a value is, with its article.
fn name_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Text(_) => "a text",
        Value::Bool(_) => "a truth value",
        Value::Texts(_) => "a list of texts",
        Value::Vector(_) => "a vector",
        Value::Json(_) => "a JSON value",
    }
}

/// A `real`.
fn real(value: f32) -> pg_sys::Datum {
    // Postgres has a `float4` in the low half of a datum, bit by bit (`Float4GetDatum`).
    pg_sys::Datum::from(value.to_bits() as i32)
}

/// A one-dimensional array in the current memory context.
fn array(values: &mut [pg_sys::Datum], of: pg_sys::Oid, length: i32, by_value: bool) -> pg_sys::Datum {
    // SAFETY: the elements are of the type that is named, whose properties are fixed; they are copied. Both types that
    // occur here are aligned to four bytes.
    pg_sys::Datum::from(unsafe {
        pg_sys::construct_array(
            values.as_mut_ptr(),
            values.len() as i32,
            of,
            length,
            by_value,
            pg_sys::TYPALIGN_INT as c_char,
        )
    })
}

/// What the candidate is called that stands for a match: what the model is asked to say.
const MATCHES: &str = "yes";

/// The probability of a match: the candidate's own where scores came along, else what the answer's confidence says.
fn match_score(value: &Value, answer: &Answer) -> Option<f32> {
    let scored = answer.scores.iter().find(|scored| scored.value == MATCHES);
    match (scored, value, answer.confidence) {
        (Some(scored), _, _) => Some(scored.confidence),
        (None, Value::Bool(true), Some(confidence)) => Some(confidence),
        (None, Value::Bool(false), Some(confidence)) => Some(1.0 - confidence),
        _ => None,
    }
}

/// A `refuel_result`.
///
/// # Safety
/// To be called in a transaction.
unsafe fn detail(answer: &Answer, resolved: &Resolved) -> Result<pg_sys::Datum, Failure> {
    let scores = (!answer.scores.is_empty()).then(|| scores_json(&answer.scores));
    let fields = [
        value_text(&answer.value).map(|value| text::write(&value)).transpose()?,
        answer.confidence.map(real),
        answer.raw_confidence.map(real),
        Some(text::write(answer.status.name())?),
        answer.reason.as_deref().map(text::write).transpose()?,
        scores.map(|scores| text::write_json(&scores)).transpose()?,
        Some(text::write(&resolved.model())?),
        Some(text::write(answer.source.name())?),
    ];
    let mut values = fields.map(|field| field.unwrap_or(pg_sys::Datum::null()));
    let mut nulls = fields.map(|field| field.is_none());
    // SAFETY: the descriptor is that of the type with these eight fields, which the install script makes; it is released
    // after the row was formed and copied into one datum.
    unsafe {
        let descriptor = descriptor()?;
        let tuple = pg_sys::heap_form_tuple(descriptor, values.as_mut_ptr(), nulls.as_mut_ptr());
        let row = pg_sys::HeapTupleHeaderGetDatum((*tuple).t_data);
        if (*descriptor).tdrefcount >= 0 {
            pg_sys::DecrTupleDescRefCount(descriptor);
        }
        Ok(row)
    }
}

/// The value as text. None where there is none.
fn value_text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Text(value) | Value::Json(value) => Some(value.clone()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Texts(values) => Some(json!(values).to_string()),
        Value::Vector(values) => Some(json!(values).to_string()),
    }
}

fn scores_json(scores: &[Scored]) -> String {
    let scores = scores.iter().map(|scored| {
        let mut told = json!({
            "value": scored.value,
            "confidence": scored.confidence,
            "raw_confidence": scored.raw_confidence,
        });
        if let Some(span) = scored.span {
            told["span"] = json!(span);
        }
        told
    });
    scores.collect::<serde_json::Value>().to_string()
}

/// Fields of the type `refuel_result`.
const FIELDS: i32 = 8;

thread_local! {
    /// OID of the type, once it was looked up. It is checked at every use: the extension may be dropped and made again.
    static RESULT_TYPE: Cell<pg_sys::Oid> = const { Cell::new(pg_sys::InvalidOid) };
}

/// The descriptor of the type `refuel_result`, pinned.
///
/// # Safety
/// To be called in a transaction.
unsafe fn descriptor() -> Result<pg_sys::TupleDesc, Failure> {
    let of = |oid: pg_sys::Oid| {
        // SAFETY: an OID that is no type's, or no longer one's, gives a null pointer.
        let found = (oid != pg_sys::InvalidOid)
            .then(|| unsafe { pg_sys::lookup_rowtype_tupdesc_noerror(oid, -1, true) })
            .filter(|found| !found.is_null())?;
        // SAFETY: the descriptor was just pinned.
        if unsafe { (*found).natts } == FIELDS {
            return Some(found);
        }
        // SAFETY: it was pinned above.
        unsafe { pg_sys::DecrTupleDescRefCount(found) };
        None
    };
    if let Some(found) = of(RESULT_TYPE.get()) {
        return Ok(found);
    }
    let oid = catalog::result_type()?;
    RESULT_TYPE.set(oid);
    of(oid).ok_or_else(|| Failure::Catalog {
        reason: "the type refuel_result is not what the extension made".to_owned(),
    })
}
