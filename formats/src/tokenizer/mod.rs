//! Tokenizers rebuilt from the vocabulary that GGUF files carry.
//!
//! What comes out is the `tokenizer.json` of the `tokenizers` library. It splits text as llama.cpp does with the same
//! file, which is what the keys under `tokenizer.ggml` are defined by, but for a few rare letters where llama.cpp only comes
//! near to the tokenizer that the model was trained with, and this one is that: combining marks for `tekken`; for BERT,
//! Korean, vowel signs that have a width, the control character U+0085, and words of more than 100 letters.

mod byte_level;
mod charsmap;
mod json;
mod pre_tokenizer;
mod sentence_piece;
mod vocabulary;
mod word_piece;

use tokenizers::Tokenizer;

use crate::checkpoint::TokenizerFiles;
use crate::error::FormatError;
use crate::gguf::Gguf;
use vocabulary::Vocabulary;

/// Tokens that end a reply in the models' chat formats, for files whose metadata names only one.
const ENDS: [&str; 9] = [
    "<|im_end|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<end_of_turn>",
    "<|end|>",
    "<|return|>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "</s>",
];

/// Whether a tokenizer puts tokens around every text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Around {
    begin: Option<u32>,
    end: Option<u32>,
}

/// Texts that a new tokenizer is tried on.
const TRIALS: [&str; 3] = ["", "a", "Ab 1,\u{e9}\u{301} \u{1f600}"];

/// Loads a `tokenizer.json` that nobody vouches for.
///
/// The library panics over files that contradict themselves (a post-processor that puts in a token it doesn't have, or a
/// second text where there is one), some when they are loaded and some only when they are used. Whatever it is, it comes to
/// light here, and is an error.
pub(crate) fn load(tokenizer_json: &[u8]) -> tokenizers::Result<Tokenizer> {
    charsmap::check_all(tokenizer_json)?;
    let tried = std::panic::catch_unwind(|| {
        let tokenizer = Tokenizer::from_bytes(tokenizer_json)?;
        for text in TRIALS {
            for around in [false, true] {
                // A text of which it makes no tokens is fine: not every tokenizer knows every letter.
                if let Ok(encoding) = tokenizer.encode_fast(text, around) {
                    let _ = tokenizer.decode(encoding.get_ids(), false);
                }
            }
        }
        Ok(tokenizer)
    });
    tried.unwrap_or_else(|_| Err("contradicts itself: the tokenizer breaks when it is used".into()))
}

/// Rebuilds the tokenizer of a GGUF file.
///
/// # Errors
/// [`FormatError::Malformed`] for a vocabulary that contradicts itself, [`FormatError::Unsupported`] for kinds of
/// tokenizers and of pre-tokenizers that are not known.
pub fn from_gguf(gguf: &Gguf) -> Result<TokenizerFiles, FormatError> {
    let vocabulary = Vocabulary::read(gguf)?;
    let kind = gguf
        .text("tokenizer.ggml.model")?
        .ok_or_else(|| gguf.malformed("tokenizer.ggml.model is missing"))?;
    let encoder = kind == "bert";
    // What llama.cpp takes where the file doesn't say.
    let begins_by_default = match kind {
        "gpt2" => pre_tokenizer::begins_by_default(gguf)?,
        _ => true,
    };
    let begin_key = if encoder {
        "tokenizer.ggml.cls_token_id"
    } else {
        "tokenizer.ggml.bos_token_id"
    };
    let end_key = if encoder {
        "tokenizer.ggml.seperator_token_id"
    } else {
        "tokenizer.ggml.eos_token_id"
    };
    let bos = match vocabulary.special(gguf, begin_key)? {
        None if encoder => vocabulary.special(gguf, "tokenizer.ggml.bos_token_id")?,
        bos => bos,
    };
    let eos = match vocabulary.special(gguf, end_key)? {
        None if encoder => vocabulary.special(gguf, "tokenizer.ggml.eos_token_id")?,
        eos => eos,
    };
    let around = Around {
        begin: bos.filter(|_| begins_by_default),
        end: eos.filter(|_| encoder),
    };
    let around = Around {
        begin: match gguf.flag("tokenizer.ggml.add_bos_token")? {
            Some(add) => bos.filter(|_| add),
            None => around.begin,
        },
        end: match gguf.flag("tokenizer.ggml.add_eos_token")? {
            Some(add) => eos.filter(|_| add),
            None => around.end,
        },
    };

    let parts = match kind {
        "gpt2" => byte_level::parts(gguf, &vocabulary)?,
        "llama" => sentence_piece::parts(gguf, &vocabulary)?,
        "bert" => word_piece::parts(gguf, &vocabulary)?,
        other => {
            return Err(FormatError::Unsupported {
                what: format!("a GGUF tokenizer of kind {other}"),
                hint: "gpt2 (byte-level BPE), llama (SentencePiece BPE) and bert (WordPiece) can be rebuilt".to_owned(),
            });
        }
    };
    let tokenizer_json = json::write(&vocabulary, parts, around);
    // Whoever uses the file later shall not be the first to find out that it can't be loaded.
    load(&tokenizer_json).map_err(|error| gguf.malformed(format!("its vocabulary makes no tokenizer: {error}")))?;

    let named = |id: u32| (id, vocabulary.texts[id as usize].clone());
    Ok(TokenizerFiles {
        tokenizer_json,
        chat_template: gguf.text("tokenizer.chat_template")?.map(str::to_owned),
        bos_token: bos.filter(|_| !encoder).map(named),
        eos_tokens: if encoder {
            Vec::new()
        } else {
            ends(gguf, &vocabulary, eos)?.into_iter().map(named).collect()
        },
        add_bos: !encoder && around.begin.is_some(),
    })
}

/// Tokens that end a reply: the file's own first, then those known by their text.
fn ends(gguf: &Gguf, vocabulary: &Vocabulary, eos: Option<u32>) -> Result<Vec<u32>, FormatError> {
    let mut ends = Vec::new();
    ends.extend(eos);
    for key in ["tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"] {
        ends.extend(vocabulary.special(gguf, key)?);
    }
    for text in ENDS {
        ends.extend(vocabulary.control(text));
    }
    let mut seen = std::collections::HashSet::new();
    ends.retain(|id| seen.insert(*id));
    Ok(ends)
}
