//! A model's tokens as bytes.

use std::sync::Arc;

use llguidance::ParserFactory;
use llguidance::api::{ParserLimits, TopLevelGrammar};
use llguidance::earley::SlicedBiasComputer;
use llguidance::toktrie::{InferenceCapabilities, TokEnv, TokRxInfo, TokTrie, TokenizerEnv};
use serde_json::Value;
use tokenizers::Tokenizer;

/// A model's tokens as bytes, and what compiles grammars over them.
pub(crate) struct Vocabulary {
    factory: ParserFactory,
    environment: TokEnv,
    words_hold_spaces: bool,
}

/// What llguidance asks of a tokenizer.
struct Environment {
    trie: TokTrie,
    tokenizer: Tokenizer,
    canonical: bool,
}

impl TokenizerEnv for Environment {
    fn tok_trie(&self) -> &TokTrie {
        &self.trie
    }

    fn tokenize_bytes(&self, bytes: &[u8]) -> Vec<u32> {
        self.trie.tokenize_with_greedy_fallback(bytes, |text| {
            self.tokenizer.encode_fast(text, false).map_or_else(
                |_| self.trie.greedy_tokenize(text.as_bytes()),
                |encoding| encoding.get_ids().to_vec(),
            )
        })
    }

    fn tokenize_is_canonical(&self) -> bool {
        self.canonical
    }
}

impl Vocabulary {
    /// The tokens of `tokenizer`, whose model knows `size` of them. `ends` end a text, the usual one first.
    ///
    /// # Errors
    /// In words, where it can't be told which bytes a token stands for.
    pub(crate) fn new(tokenizer: &Tokenizer, size: usize, ends: &[u32]) -> Result<Self, String> {
        let json = tokenizer.to_string(false).map_err(|error| error.to_string())?;
        let json: Value = serde_json::from_str(&json).map_err(|error| error.to_string())?;
        check_bytes(&json)?;
        let mut bytes = llguidance::token_bytes_from_tokenizer_json(&json).map_err(|error| error.to_string())?;
        // Tensors have room for more tokens than there are; those stand for nothing.
        while bytes.len() < size {
            let name = format!("<[{}]>", bytes.len());
            bytes.push([&[TokTrie::SPECIAL_TOKEN_MARKER], name.as_bytes()].concat());
        }
        let known: Vec<u32> = ends
            .iter()
            .copied()
            .filter(|&end| (end as usize) < bytes.len())
            .collect();
        let Some(&first) = known.first() else {
            return Err("the model has no token that ends a text".to_owned());
        };
        let trie = TokTrie::from(&TokRxInfo::new(bytes.len() as u32, first), &bytes).with_eos_tokens(&known);
        // A tokenizer that puts a space before every text does not tell how a text goes on.
        let words_hold_spaces = json["decoder"]["type"] != "ByteLevel";
        let environment: TokEnv = Arc::new(Environment {
            trie,
            tokenizer: tokenizer.clone(),
            canonical: !words_hold_spaces,
        });
        let capabilities = InferenceCapabilities {
            ff_tokens: true,
            ..InferenceCapabilities::default()
        };
        let mut factory = ParserFactory::new(&environment, capabilities, &SlicedBiasComputer::json_slices())
            .map_err(|error| error.to_string())?;
        factory.quiet();
        // A long input makes a large grammar; what it may cost is bounded by the model's context.
        *factory.limits_mut() = ParserLimits {
            initial_lexer_fuel: 100_000_000,
            step_lexer_fuel: 10_000_000,
            max_lexer_states: 5_000_000,
            max_grammar_size: 5_000_000,
            ..ParserLimits::default()
        };
        Ok(Self {
            factory,
            environment,
            words_hold_spaces,
        })
    }

    /// Compiles a grammar.
    ///
    /// # Errors
    /// In words, what is wrong with it.
    pub(super) fn compile(&self, lark: String) -> Result<llguidance::Matcher, String> {
        let parser = self.factory.create_parser(TopLevelGrammar::from_lark(lark));
        let matcher = llguidance::Matcher::new(parser);
        match matcher.get_error() {
            Some(error) => Err(error),
            None => Ok(matcher),
        }
    }

    /// The bytes of a token; of one that stands for no text, none.
    pub(crate) fn bytes(&self, token: u32) -> &[u8] {
        match self.environment.tok_trie().token(token) {
            [TokTrie::SPECIAL_TOKEN_MARKER, ..] => &[],
            bytes => bytes,
        }
    }

    /// The token of exactly these bytes.
    pub(super) fn token(&self, bytes: &[u8]) -> Option<u32> {
        self.environment.tok_trie().token_id_at_bytes(bytes)
    }

    /// Tokens that spell these bytes.
    pub(super) fn spell(&self, bytes: &[u8]) -> Vec<u32> {
        self.environment.tok_trie().greedy_tokenize(bytes)
    }

    /// Whether a model may begin its text with a space of its own, as those do whose tokens are words with the space
    /// before them.
    pub(crate) fn may_lead_with_space(&self) -> bool {
        self.words_hold_spaces
    }
}

/// Tokens that stand for a byte must name one: the reader takes that for granted.
fn check_bytes(json: &Value) -> Result<(), String> {
    let names = json["model"]["vocab"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| name);
    let is_byte = |name: &str| {
        let digits = name.strip_prefix("<0x").and_then(|name| name.strip_suffix('>'));
        digits.is_some_and(|digits| digits.len() == 2 && u8::from_str_radix(digits, 16).is_ok())
    };
    let mut wrong = names.filter(|name| name.starts_with("<0x") && !is_byte(name));
    wrong
        .next()
        .map_or(Ok(()), |name| Err(format!("the token \"{name}\" stands for no byte")))
}
