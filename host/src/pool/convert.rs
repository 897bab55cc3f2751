//! From the engine's words to those of the wire.

use refuel_client::wire;
use refuel_task::{Answer, Scored, Source, Status};
use serde_json::Value;

/// An answer, as a client is told it; with its scores where these are wanted.
pub(super) fn answer(answer: Answer, detail: bool) -> wire::Answer {
    wire::Answer {
        value: value(answer.value),
        confidence: answer.confidence,
        raw_confidence: answer.raw_confidence,
        status: match answer.status {
            Status::Ok => wire::Status::Ok,
            Status::Abstained => wire::Status::Abstained,
            Status::Error => wire::Status::Error,
        },
        reason: answer.reason,
        scores: if detail {
            answer.scores.into_iter().map(scored).collect()
        } else {
            Vec::new()
        },
        source: match answer.source {
            Source::Model => wire::Source::Model,
            Source::Cache => wire::Source::Cache,
            Source::Duplicate => wire::Source::Duplicate,
            Source::Rule => wire::Source::Rule,
            Source::Human => wire::Source::Human,
            Source::Similar => wire::Source::Similar,
            Source::Head => wire::Source::Head,
        },
    }
}

fn scored(scored: Scored) -> wire::Scored {
    wire::Scored {
        value: scored.value,
        confidence: scored.confidence,
        raw_confidence: scored.raw_confidence,
        span: scored.span,
    }
}

/// A row that can't be answered.
pub(super) fn error(reason: String) -> wire::Answer {
    wire::Answer {
        value: wire::Value::Null,
        confidence: None,
        raw_confidence: None,
        status: wire::Status::Error,
        reason: Some(reason),
        scores: Vec::new(),
        source: wire::Source::Rule,
    }
}

fn value(value: Value) -> wire::Value {
    match value {
        Value::Null => wire::Value::Null,
        Value::Bool(flag) => wire::Value::Bool(flag),
        Value::String(text) => wire::Value::Text(text),
        Value::Array(items) if items.iter().all(Value::is_string) => wire::Value::Texts(
            items
                .into_iter()
                .filter_map(|item| match item {
                    Value::String(text) => Some(text),
                    _ => None,
                })
                .collect(),
        ),
        // Vectors come out of models in single precision.
        Value::Array(items) if items.iter().all(Value::is_f64) => wire::Value::Vector(
            items
                .iter()
                .filter_map(Value::as_f64)
                .map(|number| number as f32)
                .collect(),
        ),
        other => wire::Value::Json(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_keep_their_type() {
        for (json, expected) in [
            (json!(null), wire::Value::Null),
            (json!(true), wire::Value::Bool(true)),
            (json!("refund"), wire::Value::Text("refund".to_owned())),
            (json!([]), wire::Value::Texts(vec![])),
            (
                json!(["a", "b"]),
                wire::Value::Texts(vec!["a".to_owned(), "b".to_owned()]),
            ),
            (json!([0.5, -1.0]), wire::Value::Vector(vec![0.5, -1.0])),
            (json!([1, 2]), wire::Value::Json("[1,2]".to_owned())),
            (json!({"a": ["b"]}), wire::Value::Json("{\"a\":[\"b\"]}".to_owned())),
        ] {
            assert_eq!(value(json), expected);
        }
    }

    #[test]
    fn scores_go_with_those_who_want_them() {
        let given = Answer {
            value: json!("a"),
            status: Status::Ok,
            scores: vec![Scored {
                value: "a".to_owned(),
                confidence: 0.75,
                raw_confidence: 0.5,
                span: None,
            }],
            ..Answer::error("m@1", "cut")
        };
        assert_eq!(answer(given.clone(), true).scores.len(), 1);
        let brief = answer(given, false);
        assert!(brief.scores.is_empty());
        assert_eq!(brief.reason.as_deref(), Some("cut"));
    }
}
