//! A grammar, and a text of it that is being written.

use std::sync::Arc;

use llguidance::Matcher;

use super::{Guide, TokenSet, Vocabulary};

/// Most tokens that an ending may take.
const LONGEST_ENDING: usize = 2_000;

/// A compiled grammar.
pub(crate) struct Grammar {
    vocabulary: Arc<Vocabulary>,
    matcher: Matcher,
}

impl Grammar {
    /// Compiles a grammar that is written in Lark.
    ///
    /// # Errors
    /// In words, what is wrong with it.
    pub(crate) fn new(vocabulary: &Arc<Vocabulary>, lark: String) -> Result<Self, String> {
        Ok(Self {
            vocabulary: Arc::clone(vocabulary),
            matcher: vocabulary.compile(lark)?,
        })
    }

    /// A text at its beginning.
    pub(crate) fn guide(&self) -> Box<dyn Guide> {
        Box::new(Text {
            vocabulary: Arc::clone(&self.vocabulary),
            // A shallow copy would share its lexer, and wait for the other rows.
            matcher: self.matcher.deep_clone(),
            quoted: false,
            escaped: false,
        })
    }
}

struct Text {
    vocabulary: Arc<Vocabulary>,
    matcher: Matcher,
    /// Whether the text stands inside quotes, as JSON has them, and behind a backslash there.
    quoted: bool,
    escaped: bool,
}

impl Text {
    fn follow(&mut self, token: u32) {
        for &byte in self.vocabulary.bytes(token) {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.quoted => self.escaped = true,
                b'"' => self.quoted = !self.quoted,
                _ => {}
            }
        }
    }
}

impl Guide for Text {
    fn forced(&mut self) -> Result<Vec<u32>, String> {
        if self.matcher.is_stopped() {
            return self.matcher.get_error().map_or(Ok(Vec::new()), Err);
        }
        let tokens = self.matcher.consume_ff_tokens();
        tokens.iter().for_each(|&token| self.follow(token));
        self.matcher.get_error().map_or(Ok(tokens), Err)
    }

    fn is_over(&self) -> bool {
        self.matcher.is_stopped()
    }

    fn allowed(&mut self) -> Result<TokenSet, String> {
        self.matcher.compute_mask().map_err(|error| error.to_string())
    }

    fn fitting(&mut self, tokens: &[u32]) -> usize {
        self.matcher.validate_tokens(tokens).unwrap_or(0)
    }

    fn take(&mut self, token: u32) -> Result<(), String> {
        self.matcher.consume_token(token).map_err(|error| error.to_string())?;
        self.follow(token);
        Ok(())
    }

    fn ending(&mut self) -> Option<Vec<u32>> {
        let mut ending = Vec::new();
        while ending.len() < LONGEST_ENDING {
            if self.matcher.is_stopped() {
                return self.matcher.get_error().is_none().then_some(ending);
            }
            if self.matcher.is_accepting().ok()? {
                return Some(ending);
            }
            let forced = self.matcher.compute_ff_bytes();
            let next = if forced.is_empty() {
                let allowed = self.allowed().ok()?;
                let closing: &[&[u8]] = if self.quoted {
                    &[b"\""]
                } else {
                    &[b"}", b"]", b",", b"n"]
                };
                let mut tokens = closing.iter().filter_map(|bytes| self.vocabulary.token(bytes));
                vec![tokens.find(|&token| allowed.is_allowed(token))?]
            } else {
                self.vocabulary.spell(&forced)
            };
            for token in next {
                self.take(token).ok()?;
                ending.push(token);
            }
        }
        None
    }
}
