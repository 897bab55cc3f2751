//! What a model may write: texts of a grammar, token by token.
//!
//! Grammars are written in Lark and run by [llguidance](https://github.com/guidance-ai/llguidance), which says of every
//! token of the vocabulary whether a text of the grammar can go on with it.

mod grammar;
mod matcher;
mod places;
mod vocabulary;

pub(crate) use grammar::{RecordGrammar, needs_input, piece_grammar};
pub(crate) use matcher::Grammar;
pub(crate) use places::{Places, WholeNumber};
pub(crate) use refuel_learn::pieces;
pub(crate) use vocabulary::Vocabulary;

/// A set of tokens.
pub type TokenSet = llguidance::toktrie::SimpleVob;

/// What a model may write next, of one text. It moves on with every token.
///
/// It knows no session: it answers wherever the model runs.
pub trait Guide: Send {
    /// The tokens that the text goes on with whatever the model says. They count as taken. None where the model has a
    /// say, and where the text ends.
    ///
    /// # Errors
    /// In words, where the grammar takes too much work.
    fn forced(&mut self) -> Result<Vec<u32>, String>;

    /// Whether nothing can follow: the text is whole.
    fn is_over(&self) -> bool;

    /// The tokens that may come next, those that end the text among them where it may end.
    ///
    /// # Errors
    /// In words, where the grammar takes too much work.
    fn allowed(&mut self) -> Result<TokenSet, String>;

    /// How many of `tokens`, from the first, the text can go on with. It does not move.
    fn fitting(&mut self, tokens: &[u32]) -> usize;

    /// Goes on with a token that was allowed.
    ///
    /// # Errors
    /// In words, where it was not.
    fn take(&mut self, token: u32) -> Result<(), String>;

    /// The shortest end of the text, in tokens, without saying anything that the model did not say: brackets and quotes are
    /// closed, and null stands for what is missing. None where there is no such end.
    fn ending(&mut self) -> Option<Vec<u32>>;
}
