//! What several tests share.

use refuel_formats::TokenizerFiles;
use serde_json::Value;
use tokenizers::Tokenizer;

/// Holds a tokenizer against the tokens that `fixtures/gguf/tokens.py` wrote; how many texts were compared.
pub(crate) fn check_tokens(files: &TokenizerFiles, expected: &str) -> usize {
    let expected: Value = serde_json::from_str(expected).expect("the fixture is JSON");
    let mut tokenizer = Tokenizer::from_bytes(&files.tokenizer_json).expect("the tokenizer loads");
    let mut wrong = Vec::new();
    let mut check = |tokenizer: &Tokenizer, case: &Value, tokens: &Value, around: bool, how: &str| {
        let text = case["text"].as_str().expect("a case has a text");
        let tokens: Vec<u32> = serde_json::from_value(tokens.clone()).expect("a case has tokens");
        let found = tokenizer.encode_fast(text, around).expect("a text is encoded");
        if found.get_ids() != tokens {
            wrong.push(format!(
                "{how}: {text:?}\n  expected {tokens:?}\n  found    {:?}",
                found.get_ids()
            ));
        }
    };
    let cases = expected["cases"].as_array().expect("there are cases");
    for case in cases {
        check(&tokenizer, case, &case["tokens"], false, "with special tokens");
    }
    for case in expected["around"].as_array().expect("there are cases") {
        check(&tokenizer, case, &case["tokens"], true, "with tokens around");
    }
    tokenizer.set_encode_special_tokens(true);
    for case in cases {
        let tokens = case.get("plain").unwrap_or(&case["tokens"]);
        check(&tokenizer, case, tokens, false, "without special tokens");
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    cases.len()
}
