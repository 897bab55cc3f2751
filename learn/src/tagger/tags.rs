//! Tags of tokens: outside of every value, at the beginning of one, or inside of it (Ramshaw and Marcus 1995, "Text
//! chunking using transformation-based learning").

use std::ops::Range;

/// The tag of tokens that belong to no value.
pub(super) const OUTSIDE: usize = 0;

/// The tags of some fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tags {
    fields: usize,
}

impl Tags {
    /// Of so many fields.
    pub(super) fn new(fields: usize) -> Self {
        Self { fields }
    }

    /// How many fields there are.
    pub(super) fn fields(self) -> usize {
        self.fields
    }

    /// How many tags there are.
    pub(super) fn count(self) -> usize {
        1 + 2 * self.fields
    }

    /// The tag of the first token of a value.
    pub(super) fn begin(field: usize) -> usize {
        1 + 2 * field
    }

    /// The tag of the other tokens of a value.
    pub(super) fn inside(field: usize) -> usize {
        2 + 2 * field
    }

    /// Whether a token of tag `to` may stand behind one of tag `from`: what is inside of a value goes on with it.
    pub(super) fn may_follow(from: usize, to: usize) -> bool {
        !is_inside(to) || from == to || from == to - 1
    }

    /// The tags of a text of so many tokens with these values, each a field and a piece.
    pub(super) fn write(tokens: usize, pieces: &[(usize, Range<usize>)]) -> Vec<usize> {
        let mut tags = vec![OUTSIDE; tokens];
        for (field, piece) in pieces {
            tags[piece.clone()].fill(Self::inside(*field));
            tags[piece.start] = Self::begin(*field);
        }
        tags
    }

    /// The values that tags say: fields with pieces, in the order of the text.
    pub(super) fn pieces(tags: &[usize]) -> Vec<(usize, Range<usize>)> {
        let mut pieces: Vec<(usize, Range<usize>)> = Vec::new();
        for (token, &tag) in tags.iter().enumerate() {
            match (tag, pieces.last_mut()) {
                (OUTSIDE, _) => {}
                (tag, Some((_, piece))) if is_inside(tag) => piece.end = token + 1,
                (tag, _) => pieces.push(((tag - 1) / 2, token..token + 1)),
            }
        }
        pieces
    }
}

/// Whether a tag says that the value began before.
pub(super) fn is_inside(tag: usize) -> bool {
    tag != OUTSIDE && tag.is_multiple_of(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let pieces = vec![(1, 0..1), (1, 1..3), (0, 4..6)];
        let written = Tags::write(7, &pieces);
        assert_eq!(written, [3, 3, 4, 0, 1, 2, 0]);
        assert_eq!(Tags::pieces(&written), pieces);
        assert!(written.windows(2).all(|pair| Tags::may_follow(pair[0], pair[1])));
        assert!(!Tags::may_follow(1, 4) && !Tags::may_follow(0, 2) && Tags::may_follow(4, 4));
    }
}
