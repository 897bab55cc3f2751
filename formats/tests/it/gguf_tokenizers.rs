//! Tokenizers rebuilt from GGUF files against llama.cpp, for every way of cutting text and every kind of vocabulary
//! (`fixtures/gguf/vocabularies.py`).

use std::path::Path;

use refuel_formats::gguf::Gguf;
use refuel_formats::{TokenizerFiles, tokenizer};
use regex::Regex;
use serde::Deserialize;
use serde_json::{Map, Value};
use tokenizers::Tokenizer;

use crate::gguf_builder::{File, flag, floats, number, numbers, text, texts};

/// Texts with more letters than this are left out of the expected tokens.
const LONGEST: usize = 160;

#[derive(Deserialize)]
struct Vocabulary {
    tokens: Vec<String>,
    types: Vec<u32>,
    merges: Option<Vec<String>>,
    scores: Option<Vec<f32>>,
    bos: u32,
    eos: u32,
    unknown: Option<u32>,
}

#[derive(Deserialize)]
struct Expected {
    around: Vec<Vec<u32>>,
    tokens: Vec<Vec<u32>>,
    plain: Map<String, Value>,
}

fn vocabulary(name: &str) -> Vocabulary {
    let mut all: Map<String, Value> = serde_json::from_str(include_str!("../fixtures/gguf/vocabularies.json")).unwrap();
    serde_json::from_value(all.remove(name).unwrap()).unwrap()
}

fn expected(variant: &str) -> Expected {
    let text = include_str!("../fixtures/gguf/vocabularies.tokens.json");
    let mut all: Map<String, Value> = serde_json::from_str(text).unwrap();
    serde_json::from_value(all.remove(variant).unwrap()).unwrap()
}

/// The texts of the real model's fixture, those that are short.
fn awkward_texts() -> Vec<String> {
    let all: Value = serde_json::from_str(include_str!("../fixtures/gguf/smollm2.tokens.json")).unwrap();
    let texts = all["cases"].as_array().unwrap().iter();
    let texts = texts.map(|case| case["text"].as_str().unwrap().to_owned());
    texts.filter(|text| text.chars().count() <= LONGEST).collect()
}

fn rebuilt(kind: &str, vocabulary: &Vocabulary, change: impl FnOnce(File) -> File) -> TokenizerFiles {
    let strings = |values: &[String]| texts(&values.iter().map(String::as_str).collect::<Vec<_>>());
    let mut file = File::llama()
        .without("tokenizer.ggml.pre")
        .without("tokenizer.ggml.merges")
        .with("tokenizer.ggml.model", text(kind))
        .with("tokenizer.ggml.tokens", strings(&vocabulary.tokens))
        .with("tokenizer.ggml.token_type", numbers(&vocabulary.types))
        .with("tokenizer.ggml.bos_token_id", number(vocabulary.bos))
        .with("tokenizer.ggml.eos_token_id", number(vocabulary.eos));
    if let Some(merges) = &vocabulary.merges {
        file = file.with("tokenizer.ggml.merges", strings(merges));
    }
    if let Some(scores) = &vocabulary.scores {
        file = file.with("tokenizer.ggml.scores", floats(scores));
    }
    if let Some(unknown) = vocabulary.unknown {
        file = file.with("tokenizer.ggml.unknown_token_id", number(unknown));
    }
    let gguf = Gguf::from_bytes(change(file).bytes(), Path::new("vocabulary.gguf")).unwrap();
    tokenizer::from_gguf(&gguf).unwrap()
}

/// Compares tokens of every text but those that llama.cpp is known to treat in another way than the model's own tokenizer:
/// those that match `differs`.
fn check(variant: &str, files: &TokenizerFiles, differs: Option<&str>) {
    let (texts, expected) = (awkward_texts(), expected(variant));
    assert_eq!(texts.len(), expected.tokens.len());
    let differs = differs.map(|pattern| Regex::new(pattern).unwrap());
    let differs = |text: &str| differs.as_ref().is_some_and(|pattern| pattern.is_match(text));
    let compared = texts.iter().filter(|text| !differs(text)).count();
    assert!(compared >= 250, "{compared} texts");
    let mut tokenizer = Tokenizer::from_bytes(&files.tokenizer_json).unwrap();
    let mut wrong = Vec::new();
    let mut compare = |tokenizer: &Tokenizer, text: &str, expected: &[u32], around: bool| {
        let encoding = tokenizer.encode_fast(text, around).unwrap();
        let found = encoding.get_ids();
        if found != expected && !differs(text) {
            wrong.push(format!("{text:?}\n  expected {expected:?}\n  found    {found:?}"));
        }
    };
    for (text, around) in ["", "Hello"].into_iter().zip(&expected.around) {
        compare(&tokenizer, text, around, true);
    }
    for (text, tokens) in texts.iter().zip(&expected.tokens) {
        compare(&tokenizer, text, tokens, false);
    }
    tokenizer.set_encode_special_tokens(true);
    for (place, (text, tokens)) in texts.iter().zip(&expected.tokens).enumerate() {
        let plain = expected.plain.get(&place.to_string());
        let plain: Option<Vec<u32>> = plain.map(|plain| serde_json::from_value(plain.clone()).unwrap());
        compare(&tokenizer, text, plain.as_ref().unwrap_or(tokens), false);
    }
    assert!(
        wrong.is_empty(),
        "{variant}: {} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

fn check_cut(pre: &str) {
    check_cut_but_for(pre, None);
}

fn check_cut_but_for(pre: &str, differs: Option<&str>) {
    let files = rebuilt("gpt2", &vocabulary("byte_level"), |file| {
        file.with("tokenizer.ggml.pre", text(pre))
    });
    check(pre, &files, differs);
}

#[test]
fn the_default_cut() {
    check_cut("default");
}

#[test]
fn gpt_2_s_cut() {
    check_cut("gpt-2");
}

#[test]
fn smollm_s_cut() {
    check_cut("smollm");
}

#[test]
fn llama_3_s_cut_with_whole_words_first() {
    check_cut("llama-bpe");
}

#[test]
fn llama_3_s_cut_with_merges_only() {
    check_cut("smaug-bpe");
}

#[test]
fn qwen_2_s_cut() {
    check_cut("qwen2");
}

#[test]
fn mistral_nemo_s_cut() {
    // The model's own pattern keeps marks with their letters; llama.cpp's doesn't know marks.
    check_cut_but_for("tekken", Some(r"\p{M}"));
}

#[test]
fn sentence_piece_with_a_space_in_front() {
    let add = |file: File| file.with("tokenizer.ggml.add_space_prefix", flag(true));
    check("llama", &rebuilt("llama", &vocabulary("sentence_piece"), add), None);
}

#[test]
fn sentence_piece_without() {
    let add = |file: File| file.with("tokenizer.ggml.add_space_prefix", flag(false));
    check("gemma", &rebuilt("llama", &vocabulary("sentence_piece"), add), None);
}

#[test]
fn word_piece() {
    let vocabulary = vocabulary("word_piece");
    let separator = |file: File| file.with("tokenizer.ggml.seperator_token_id", number(vocabulary.eos));
    // The model's own tokenizer takes Korean syllables apart, leaves vowel signs that have a width, takes the control
    // character U+0085 away rather than for a space, and makes a word of more than 100 letters the unknown token.
    let differs = r"\p{Hangul}|\p{Mc}|\p{Me}|\x{85}|\S{101}";
    check("bert", &rebuilt("bert", &vocabulary, separator), Some(differs));
}
