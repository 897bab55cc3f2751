//! Where pieces of a text stand in it.

use super::pieces;

/// The input, with the places where words and numbers begin and end.
pub(crate) struct Places<'a> {
    input: &'a str,
    /// Bytes before each piece, and those of all.
    edges: Vec<usize>,
}

impl<'a> Places<'a> {
    /// Of a text.
    pub(crate) fn new(input: &'a str) -> Self {
        let mut edges = vec![0];
        let mut at = 0;
        for piece in pieces(input) {
            at += piece.len();
            edges.push(at);
        }
        Self { input, edges }
    }

    /// The first place where `text` stands between two edges: its first character and the one behind its last, from 0.
    pub(crate) fn find(&self, text: &str) -> Option<[u32; 2]> {
        if text.is_empty() {
            return None;
        }
        let is_edge = |at: usize| self.edges.binary_search(&at).is_ok();
        let mut found = self.input.match_indices(text);
        let (start, _) = found.find(|(start, _)| is_edge(*start) && is_edge(start + text.len()))?;
        let before = self.input[..start].chars().count() as u32;
        Some([before, before + text.chars().count() as u32])
    }
}
