//! BERT's `WordPiece`: `tokenizer.ggml.model` is `bert`.

use serde_json::{Map, Value, json};

use super::json::Parts;
use super::vocabulary::Vocabulary;
use crate::error::FormatError;
use crate::gguf::Gguf;

/// What GGUF files put before tokens that begin a word.
const BEGINS_WORD: char = '\u{2581}';
/// What the library's vocabularies put before tokens that go on with one.
const GOES_ON: &str = "##";

pub(super) fn parts(gguf: &Gguf, vocabulary: &Vocabulary) -> Result<Parts, FormatError> {
    let unknown = vocabulary
        .special(gguf, "tokenizer.ggml.unknown_token_id")?
        .or_else(|| vocabulary.id("[UNK]"))
        .ok_or_else(|| gguf.malformed("tokenizer.ggml.unknown_token_id is missing"))?;
    let texts: Vec<_> = vocabulary.texts.iter().map(|text| own_text(text)).collect();
    let mut model = Map::new();
    model.insert("type".to_owned(), "WordPiece".into());
    model.insert("unk_token".to_owned(), texts[unknown as usize].clone().into());
    model.insert("continuing_subword_prefix".to_owned(), GOES_ON.into());
    model.insert("max_input_chars_per_word".to_owned(), 100.into());
    let mut seen = std::collections::HashSet::new();
    if let Some(twice) = texts.iter().find(|text| !seen.insert(text.as_str())) {
        return Err(gguf.malformed(format!("the token {twice:?} is there twice")));
    }
    Ok(Parts {
        // llama.cpp lowers letters and takes accents off whatever the model; cased models have no flag in these files.
        normalizer: json!({
            "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null,
            "lowercase": true,
        }),
        pre_tokenizer: json!({"type": "BertPreTokenizer"}),
        post_processor: Value::Null,
        decoder: json!({"type": "WordPiece", "prefix": GOES_ON, "cleanup": true}),
        model,
        texts: Some(texts),
    })
}

/// A token's text in the model's own vocabulary. Special tokens in brackets are as they were.
fn own_text(text: &str) -> String {
    match text.strip_prefix(BEGINS_WORD) {
        Some(begin) if !begin.is_empty() => begin.to_owned(),
        _ if text.starts_with('[') && text.ends_with(']') => text.to_owned(),
        _ => format!("{GOES_ON}{text}"),
    }
}
