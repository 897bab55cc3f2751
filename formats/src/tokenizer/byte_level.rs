//! Byte-level BPE, as GPT-2 began it: `tokenizer.ggml.model` is `gpt2`.

use serde_json::{Map, json};

use super::json::Parts;
use super::pre_tokenizer::Cut;
use super::vocabulary::Vocabulary;
use crate::error::FormatError;
use crate::gguf::Gguf;

pub(super) fn parts(gguf: &Gguf, vocabulary: &Vocabulary) -> Result<Parts, FormatError> {
    let cut = Cut::read(gguf)?;
    let lines = gguf
        .texts("tokenizer.ggml.merges")?
        .ok_or_else(|| gguf.malformed("tokenizer.ggml.merges is missing"))?;
    let mut merges = Vec::with_capacity(lines.len());
    for (rank, line) in lines.iter().enumerate() {
        // The first part is never empty, so that a space at the beginning belongs to it.
        let space = line.char_indices().skip(1).find(|(_, letter)| *letter == ' ');
        let Some((left, right)) = space.map(|(place, _)| (&line[..place], &line[place + 1..])) else {
            return Err(gguf.malformed(format!("merge {rank}, {line:?}, has no two parts")));
        };
        let joined = [left, right].concat();
        if [left, right, &joined].iter().any(|text| vocabulary.id(text).is_none()) {
            return Err(gguf.malformed(format!("merge {rank}, {line:?}, is of texts that are no tokens")));
        }
        merges.push(json!([left, right]));
    }
    let mut model = Map::new();
    model.insert("type".to_owned(), "BPE".into());
    model.insert("ignore_merges".to_owned(), cut.whole_words_first().into());
    model.insert("merges".to_owned(), merges.into());
    Ok(Parts {
        normalizer: serde_json::Value::Null,
        pre_tokenizer: cut.json(),
        post_processor: json!({"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false, "use_regex": true}),
        decoder: json!({"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true}),
        model,
        texts: None,
    })
}
