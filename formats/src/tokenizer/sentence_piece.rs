//! `SentencePiece`'s BPE: `tokenizer.ggml.model` is `llama`, which Llama 1 and 2, Mistral, Mixtral and Gemma are.
//!
//! The file has a score for each token and no merges: two neighbours are merged where what they make is a token, the one
//! of the highest score first. The library wants a list of merges, which is every way of making a token of two others, by
//! the scores of what is made.

use serde_json::{Map, Value, json};

use super::json::Parts;
use super::vocabulary::{TokenType, Vocabulary};
use crate::error::FormatError;
use crate::gguf::Gguf;

/// What stands for a space.
const SPACE: &str = "\u{2581}";
/// Most bytes that are looked at while merges are rebuilt. Gemma's 262,144 tokens need a tenth of it; a vocabulary made of
/// long tokens that begin alike would need all memory.
const MOST_WORK: u64 = 1 << 28;

pub(super) fn parts(gguf: &Gguf, vocabulary: &Vocabulary) -> Result<Parts, FormatError> {
    if vocabulary.scores.is_empty() {
        return Err(gguf.malformed("tokenizer.ggml.scores is missing"));
    }
    let merges: Vec<_> = merges(gguf, vocabulary)?
        .into_iter()
        .map(|(left, right)| json!([vocabulary.texts[left as usize], vocabulary.texts[right as usize]]))
        .collect();
    let prefix = gguf.flag("tokenizer.ggml.add_space_prefix")?.unwrap_or(true);
    let unknown = match vocabulary.special(gguf, "tokenizer.ggml.unknown_token_id")? {
        None => (0..vocabulary.texts.len() as u32).find(|id| vocabulary.kind(*id) == TokenType::Unknown),
        unknown => unknown,
    };
    let mut model = Map::new();
    model.insert("type".to_owned(), "BPE".into());
    model.insert(
        "unk_token".to_owned(),
        unknown.map(|id| vocabulary.texts[id as usize].clone()).into(),
    );
    model.insert("fuse_unk".to_owned(), true.into());
    model.insert("byte_fallback".to_owned(), true.into());
    model.insert("merges".to_owned(), merges.into());

    let spaces = json!({"type": "Replace", "pattern": {"String": " "}, "content": SPACE});
    let mut normalizers = Vec::new();
    let mut decoders = vec![
        json!({"type": "Replace", "pattern": {"String": SPACE}, "content": " "}),
        json!({"type": "ByteFallback"}),
        json!({"type": "Fuse"}),
    ];
    if prefix {
        normalizers.push(json!({"type": "Prepend", "prepend": SPACE}));
        decoders.push(json!({"type": "Strip", "content": " ", "start": 1, "stop": 0}));
    }
    normalizers.push(spaces);
    Ok(Parts {
        normalizer: json!({"type": "Sequence", "normalizers": normalizers}),
        pre_tokenizer: Value::Null,
        post_processor: Value::Null,
        decoder: json!({"type": "Sequence", "decoders": decoders}),
        model,
        texts: None,
    })
}

/// Every way of making a token of two others, best score first.
///
/// Control tokens take no part: no text may make one. Tokens of users are found before anything is merged, and merge
/// with others as well.
fn merges(gguf: &Gguf, vocabulary: &Vocabulary) -> Result<Vec<(u32, u32)>, FormatError> {
    let part = |text: &str| {
        let id = vocabulary.id(text)?;
        matches!(
            vocabulary.kind(id),
            TokenType::Normal | TokenType::UserDefined | TokenType::Unused
        )
        .then_some(id)
    };
    let mut work = 0;
    let mut merges = Vec::new();
    for (id, text) in vocabulary.texts.iter().enumerate() {
        if part(text).is_none() {
            continue;
        }
        work += (text.len() as u64).pow(2);
        if work > MOST_WORK {
            return Err(gguf.malformed("the vocabulary's tokens are too long to rebuild merges from"));
        }
        let score = vocabulary.scores[id];
        if score.is_nan() {
            return Err(gguf.malformed(format!("the score of token {id} is not a number")));
        }
        for (place, _) in text.char_indices().skip(1) {
            if let (Some(left), Some(right)) = (part(&text[..place]), part(&text[place..])) {
                merges.push((score, id, left, right));
            }
        }
    }
    merges.sort_by(|one, other| {
        let by_score = other.0.total_cmp(&one.0);
        by_score.then((one.1, one.2, one.3).cmp(&(other.1, other.2, other.3)))
    });
    Ok(merges.into_iter().map(|(_, _, left, right)| (left, right)).collect())
}
