//! Writing `tokenizer.json`.

use serde_json::{Map, Value, json};

use super::Around;
use super::vocabulary::{TokenType, Vocabulary};

/// What differs between kinds of tokenizers; each is an object of `tokenizer.json`, without the model's vocabulary.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) normalizer: Value,
    pub(super) pre_tokenizer: Value,
    /// What is done where nothing is put around texts.
    pub(super) post_processor: Value,
    pub(super) decoder: Value,
    pub(super) model: Map<String, Value>,
    /// Texts of tokens where they are not those of the file.
    pub(super) texts: Option<Vec<String>>,
}

pub(super) fn write(vocabulary: &Vocabulary, mut parts: Parts, around: Around) -> Vec<u8> {
    let texts = parts.texts.as_ref().unwrap_or(&vocabulary.texts);
    let added: Vec<_> = texts
        .iter()
        .zip(&vocabulary.types)
        .enumerate()
        .filter_map(|(id, (text, kind))| {
            let special = match kind {
                TokenType::Control | TokenType::Unknown => true,
                TokenType::UserDefined => false,
                TokenType::Normal | TokenType::Unused | TokenType::Byte => return None,
            };
            Some(json!({
                "id": id, "content": text, "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": false, "special": special,
            }))
        })
        .collect();
    let tokens: Map<_, _> = texts
        .iter()
        .enumerate()
        .map(|(id, text)| (text.clone(), id.into()))
        .collect();
    let post_processor = post_processor(texts, parts.post_processor, around);
    parts.model.insert("vocab".to_owned(), Value::Object(tokens));
    let whole = json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added,
        "normalizer": parts.normalizer,
        "pre_tokenizer": parts.pre_tokenizer,
        "post_processor": post_processor,
        "decoder": parts.decoder,
        "model": parts.model,
    });
    // `Value` writes itself the same way, without an error that could be there.
    whole.to_string().into_bytes()
}

fn post_processor(texts: &[String], plain: Value, around: Around) -> Value {
    if around.begin.is_none() && around.end.is_none() {
        return plain;
    }
    let token = |id: u32| json!({"SpecialToken": {"id": texts[id as usize], "type_id": 0}});
    let begin = around.begin.map(token);
    let end = around.end.map(token);
    let template = |sequences: &[&str]| {
        let mut pieces = Vec::new();
        for (index, sequence) in sequences.iter().enumerate() {
            // BERT's second text has another type, and ends with the separator, too; it has no beginning of its own.
            pieces.extend(begin.clone().filter(|_| index == 0 || around.end.is_none()));
            pieces.push(json!({"Sequence": {"id": sequence, "type_id": index}}));
            pieces.extend(end.clone().map(|mut end| {
                end["SpecialToken"]["type_id"] = index.into();
                end
            }));
        }
        pieces
    };
    let special: Map<_, _> = [around.begin, around.end]
        .into_iter()
        .flatten()
        .map(|id| {
            let text = &texts[id as usize];
            (text.clone(), json!({"id": text, "ids": [id], "tokens": [text]}))
        })
        .collect();
    let around = json!({
        "type": "TemplateProcessing",
        "single": template(&["A"]),
        "pair": template(&["A", "B"]),
        "special_tokens": special,
    });
    if plain.is_null() {
        around
    } else {
        json!({"type": "Sequence", "processors": [plain, around]})
    }
}
