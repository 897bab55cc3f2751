//! The form in which an answer is kept: the key's check, a checksum, and the answer in the postcard format. Where its scores
//! have places in the input, these follow.
//!
//! The form is pinned by a test. One that differs needs another [`FILE`](super::place::FILE).

use std::borrow::Cow;

use refuel_task::{Answer, Scored, Source, Status};
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use super::Scores;
use super::key::CacheKey;

/// Bytes before the answer: the check of the key, and the CRC-32 of the answer.
const HEAD: usize = 16 + 4;

/// An answer as it is kept. Its source is not: an answer that is read comes from the cache.
#[derive(Serialize, Deserialize)]
struct Kept<'a> {
    #[serde(borrow)]
    value: KeptValue<'a>,
    confidence: Option<f32>,
    raw_confidence: Option<f32>,
    status: Status,
    reason: Option<Cow<'a, str>>,
    #[serde(borrow)]
    scores: Vec<KeptScored<'a>>,
    #[serde(borrow)]
    model: Cow<'a, str>,
    input_tokens: u32,
    output_tokens: u32,
}

/// A [`Scored`] whose text stays where it is until it is wanted.
#[derive(Serialize, Deserialize)]
struct KeptScored<'a> {
    value: &'a str,
    confidence: f32,
    raw_confidence: f32,
}

#[derive(Serialize, Deserialize)]
enum KeptValue<'a> {
    Null,
    Bool(bool),
    #[serde(borrow)]
    Text(&'a str),
    Texts(Vec<&'a str>),
    /// Numbers that single precision holds exactly, in 4 bytes each, little-endian.
    Vector(Cow<'a, [u8]>),
    /// Anything else, as JSON.
    Json(Cow<'a, str>),
}

/// What bytes that were kept turn out to be.
pub(super) enum Found {
    /// The answer.
    Answer(Answer),
    /// The answer to another input, which has the same row number.
    Other,
    /// Not what was written.
    Damaged,
}

/// The bytes of an answer. None for a failure, and for what can't be written down.
pub(super) fn encode(key: &CacheKey, answer: &Answer) -> Option<Vec<u8>> {
    if answer.status == Status::Error {
        return None;
    }
    let kept = Kept {
        value: keep_value(&answer.value),
        confidence: answer.confidence,
        raw_confidence: answer.raw_confidence,
        status: answer.status,
        reason: answer.reason.as_deref().map(Cow::Borrowed),
        scores: answer.scores.iter().map(KeptScored::of).collect(),
        model: Cow::Borrowed(&answer.model),
        input_tokens: answer.input_tokens,
        output_tokens: answer.output_tokens,
    };
    let mut bytes = Vec::with_capacity(256);
    bytes.extend_from_slice(&key.check);
    bytes.extend_from_slice(&[0; 4]);
    let mut bytes = postcard::to_extend(&kept, bytes).ok()?;
    if answer.scores.iter().any(|scored| scored.span.is_some()) {
        let spans: Vec<Option<[u32; 2]>> = answer.scores.iter().map(|scored| scored.span).collect();
        bytes = postcard::to_extend(&spans, bytes).ok()?;
    }
    let sum = crc32fast::hash(&bytes[HEAD..]);
    bytes[16..HEAD].copy_from_slice(&sum.to_le_bytes());
    Some(bytes)
}

impl<'a> KeptScored<'a> {
    fn of(scored: &'a Scored) -> Self {
        Self {
            value: &scored.value,
            confidence: scored.confidence,
            raw_confidence: scored.raw_confidence,
        }
    }

    fn to_scored(&self, span: Option<[u32; 2]>) -> Scored {
        Scored {
            value: self.value.to_owned(),
            confidence: self.confidence,
            raw_confidence: self.raw_confidence,
            span,
        }
    }
}

/// The answer in such bytes, with its scores or without.
pub(super) fn decode(key: &CacheKey, bytes: &[u8], scores: Scores) -> Found {
    let Some((head, body)) = bytes.split_at_checked(HEAD) else {
        return Found::Damaged;
    };
    if head[16..] != crc32fast::hash(body).to_le_bytes() {
        return Found::Damaged;
    }
    if head[..16] != key.check {
        return Found::Other;
    }
    let Ok((kept, rest)) = postcard::take_from_bytes::<Kept<'_>>(body) else {
        return Found::Damaged;
    };
    let spans: Vec<Option<[u32; 2]>> = if rest.is_empty() {
        Vec::new()
    } else {
        match postcard::from_bytes(rest) {
            Ok(spans) => spans,
            Err(_) => return Found::Damaged,
        }
    };
    let spans = spans.into_iter().chain(std::iter::repeat(None));
    let Some(value) = give_value(kept.value) else {
        return Found::Damaged;
    };
    Found::Answer(Answer {
        value,
        confidence: kept.confidence,
        raw_confidence: kept.raw_confidence,
        status: kept.status,
        reason: kept.reason.map(Cow::into_owned),
        scores: match scores {
            Scores::Wanted => (kept.scores.iter().zip(spans))
                .map(|(scored, span)| scored.to_scored(span))
                .collect(),
            Scores::LeftOut => Vec::new(),
        },
        model: kept.model.into_owned(),
        source: Source::Cache,
        input_tokens: kept.input_tokens,
        output_tokens: kept.output_tokens,
    })
}

fn keep_value(value: &Value) -> KeptValue<'_> {
    let json = || KeptValue::Json(Cow::Owned(value.to_string()));
    match value {
        Value::Null => KeptValue::Null,
        Value::Bool(flag) => KeptValue::Bool(*flag),
        Value::String(text) => KeptValue::Text(text),
        Value::Array(items) => {
            if let Some(texts) = items.iter().map(Value::as_str).collect::<Option<Vec<&str>>>() {
                KeptValue::Texts(texts)
            } else if let Some(vector) = single_precision(items) {
                KeptValue::Vector(Cow::Owned(vector))
            } else {
                json()
            }
        }
        Value::Number(_) | Value::Object(_) => json(),
    }
}

/// The bytes of numbers that are the same in single precision. None where one is not.
fn single_precision(items: &[Value]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(items.len() * 4);
    for item in items {
        // `1` and `1.0` are different values of JSON; only the latter is a coordinate.
        let number = item.as_number().filter(|number| number.is_f64())?.as_f64()?;
        let single = number as f32;
        if f64::from(single).to_bits() != number.to_bits() {
            return None;
        }
        bytes.extend_from_slice(&single.to_le_bytes());
    }
    Some(bytes)
}

fn give_value(kept: KeptValue<'_>) -> Option<Value> {
    Some(match kept {
        KeptValue::Null => Value::Null,
        KeptValue::Bool(flag) => Value::Bool(flag),
        KeptValue::Text(text) => Value::from(text),
        KeptValue::Texts(texts) => Value::from(texts),
        KeptValue::Vector(bytes) => {
            let (numbers, []) = bytes.as_chunks::<4>() else {
                return None;
            };
            let number = |bytes: &[u8; 4]| Number::from_f64(f64::from(f32::from_le_bytes(*bytes))).map(Value::Number);
            Value::Array(numbers.iter().map(number).collect::<Option<Vec<Value>>>()?)
        }
        KeptValue::Json(text) => serde_json::from_str(&text).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use refuel_task::InputHash;

    fn key() -> CacheKey {
        CacheKey::for_task("fingerprint", "digest").with_input(InputHash([1; 16]))
    }

    fn answer(value: Value) -> Answer {
        Answer {
            value,
            confidence: Some(0.75),
            raw_confidence: Some(0.5),
            status: Status::Ok,
            reason: Some("truncated: 5 of 9 tokens kept".to_owned()),
            scores: vec![Scored {
                value: "refund".to_owned(),
                confidence: 0.75,
                raw_confidence: 0.5,
                span: None,
            }],
            model: "m@1".to_owned(),
            source: Source::Cache,
            input_tokens: 300,
            output_tokens: 4,
        }
    }

    fn back(answer: &Answer) -> Answer {
        match decode(&key(), &encode(&key(), answer).unwrap(), Scores::Wanted) {
            Found::Answer(answer) => answer,
            Found::Other | Found::Damaged => panic!("{answer:?} did not come back"),
        }
    }

    #[test]
    fn values_of_every_kind_come_back_as_they_were() {
        let vector: Vec<Value> = [0.1f32, -0.0, 1.0, f32::MIN_POSITIVE]
            .into_iter()
            .map(Value::from)
            .collect();
        for value in [
            json!(null),
            json!(true),
            json!("späte Lieferung"),
            json!([]),
            json!(["a", "b"]),
            Value::Array(vector),
            json!([1, 2]),
            json!([0.1, 1.0]),
            json!(["a", 1]),
            json!({"b": 1, "a": [null]}),
            json!(3),
        ] {
            let answer = answer(value);
            assert_eq!(
                format!("{:?}", back(&answer)),
                format!("{answer:?}"),
                "to the sign of zero"
            );
        }
    }

    #[test]
    fn a_vector_takes_four_bytes_a_number() {
        let vector = Value::from((0..384).map(|at| (at as f32).sin()).collect::<Vec<f32>>());
        let bytes = encode(&key(), &answer(vector)).unwrap();
        assert!(bytes.len() < 384 * 4 + 100, "{} bytes", bytes.len());
    }

    #[test]
    fn scores_that_are_left_out_take_nothing_else_with_them() {
        let answer = answer("refund".into());
        let bytes = encode(&key(), &answer).unwrap();
        let Found::Answer(brief) = decode(&key(), &bytes, Scores::LeftOut) else {
            panic!("it did not come back");
        };
        assert!(brief.scores.is_empty());
        assert_eq!(
            Answer {
                scores: answer.scores.clone(),
                ..brief
            },
            answer
        );
    }

    #[test]
    fn places_in_the_input_come_back() {
        let mut placed = answer(json!({"brand": "Sony", "price": 3}));
        placed.scores[0].span = Some([4, 8]);
        placed.scores.push(Scored {
            span: None,
            ..placed.scores[0].clone()
        });
        assert_eq!(back(&placed), placed);
    }

    #[test]
    fn failures_are_not_kept() {
        assert!(encode(&key(), &Answer::error("m@1", "input is empty")).is_none());
    }

    #[test]
    fn the_form_stays_what_it_is() {
        let bytes = encode(&key(), &answer("refund".into())).unwrap();
        let numbers = bytes
            .chunks(8)
            .map(|eight| eight.iter().fold(0u64, |number, byte| number << 8 | u64::from(*byte)));
        let text: Vec<String> = numbers.map(|number| format!("{number:x}")).collect();
        insta::assert_snapshot!(text.join(" "), @"4c78ace3c7d3be34 fbdcbb366370b5ee 406e2c4802067265 66756e6401000040 3f010000003f0001 1d7472756e636174 65643a2035206f66 203920746f6b656e 73206b6570740106 726566756e640000 403f0000003f036d 4031ac0204");
    }

    #[test]
    fn bytes_of_another_key_are_told_apart() {
        let other = CacheKey::for_task("fingerprint", "digest").with_input(InputHash([2; 16]));
        let bytes = encode(&key(), &answer("refund".into())).unwrap();
        assert!(matches!(decode(&other, &bytes, Scores::Wanted), Found::Other));
    }

    proptest! {
        #[test]
        fn a_flipped_bit_is_noticed(at in 0usize..1000, bit in 0u8..8) {
            let whole = encode(&key(), &answer("refund".into())).unwrap();
            let mut bytes = whole.clone();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            prop_assert!(!matches!(decode(&key(), &bytes, Scores::Wanted), Found::Answer(_)));
            prop_assert!(!matches!(decode(&key(), &whole[..at], Scores::Wanted), Found::Answer(_)));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut whole = key().check.to_vec();
            whole.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
            whole.extend_from_slice(&bytes);
            let _ = decode(&key(), &whole, Scores::Wanted);
        }
    }
}
