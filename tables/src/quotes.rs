//! Quotes of CSV that are not closed where they should be, which the parser takes without a word: the end of the input
//! closes a quoted field as well as a quote does, and text may stand behind a closing quote.

use std::collections::VecDeque;
use std::io::Read;
use std::ops::Range;

/// What is wrong with a row that ends with the input, in quotes.
pub(crate) const UNCLOSED: &str = "a quote is opened and never closed, so that all lines behind it are in one field";

/// What is wrong with a row that has such a field. A quote behind the one that was not closed ends it.
pub(crate) const MISPLACED: &str = "a field in quotes goes over several lines and has text behind its closing quote, so \
                                    that an earlier quote may not be closed and these lines may be rows";

/// Where the bytes are that have gone through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Outside of quotes.
    Outside,
    /// In a field in quotes; whether it has a line end so far.
    Quoted(bool),
    /// Behind a quote in such a field, which closes it unless another follows.
    Closing(bool),
}

/// Bytes of CSV that are looked over on their way to the parser, by the rules of RFC 4180.
pub(crate) struct Quotes<R> {
    inner: R,
    delimiter: u8,
    state: State,
    /// Bytes that have gone through, and the last of them.
    bytes: u64,
    last: Option<u8>,
    /// Whether all have.
    ended: bool,
    /// Places of text behind the closing quote of a field of several lines, until they are asked for.
    misplaced: VecDeque<u64>,
}

impl<R> Quotes<R> {
    pub(crate) fn new(inner: R, delimiter: u8) -> Self {
        Self {
            inner,
            delimiter,
            state: State::Outside,
            bytes: 0,
            last: None,
            ended: false,
            misplaced: VecDeque::new(),
        }
    }

    /// What is wrong with the quotes of the row that the parser has just read from these bytes. Rows are asked for in
    /// their order.
    pub(crate) fn fault(&mut self, row: Range<u64>) -> Option<&'static str> {
        let mut misplaced = false;
        while self.misplaced.front().is_some_and(|at| *at < row.end) {
            misplaced |= self.misplaced.pop_front().is_some_and(|at| at >= row.start);
        }
        // The parser has come to the end only with the last row.
        if self.ended && matches!(self.state, State::Quoted(_)) {
            return Some(UNCLOSED);
        }
        misplaced.then_some(MISPLACED)
    }

    fn look(&mut self, bytes: &[u8]) {
        let ends_field = |byte: u8| byte == self.delimiter || byte == b'\n' || byte == b'\r';
        let mut at = 0;
        while at < bytes.len() {
            let quote = || memchr::memchr(b'"', &bytes[at..]).map_or(bytes.len(), |next| at + next);
            match self.state {
                State::Outside => {
                    let quote = quote();
                    let before = quote.checked_sub(1).map_or(self.last, |before| Some(bytes[before]));
                    let behind_mark = self.bytes == 0 && &bytes[..quote] == b"\xEF\xBB\xBF";
                    if quote < bytes.len() && (behind_mark || before.is_none_or(ends_field)) {
                        self.state = State::Quoted(false);
                    }
                    at = quote + 1;
                }
                State::Quoted(lines) => {
                    let quote = quote();
                    let lines = lines || memchr::memchr(b'\n', &bytes[at..quote]).is_some();
                    self.state = if quote < bytes.len() {
                        State::Closing(lines)
                    } else {
                        State::Quoted(lines)
                    };
                    at = quote + 1;
                }
                State::Closing(lines) if bytes[at] == b'"' => {
                    self.state = State::Quoted(lines);
                    at += 1;
                }
                State::Closing(lines) => {
                    if lines && !ends_field(bytes[at]) {
                        self.misplaced.push_back(self.bytes + at as u64);
                    }
                    self.state = State::Outside;
                }
            }
        }
        self.bytes += bytes.len() as u64;
        self.last = bytes.last().copied().or(self.last);
    }
}

impl<R: Read> Read for Quotes<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.ended |= read == 0 && !buffer.is_empty();
        self.look(&buffer[..read]);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn look(text: &str, piece: usize) -> (State, VecDeque<u64>) {
        let mut quotes = Quotes::new(std::io::empty(), b',');
        text.as_bytes().chunks(piece).for_each(|piece| quotes.look(piece));
        (quotes.state, quotes.misplaced)
    }

    #[test]
    fn a_quote_opens_at_the_start_of_a_field_alone() {
        assert_eq!(look("a,5\" screen\n", 99).0, State::Outside);
        assert_eq!(look("a,\"5 screen\n", 99).0, State::Quoted(true));
        assert_eq!(look("\u{feff}\"a", 99).0, State::Quoted(false));
        assert_eq!(look("a,\"b\"", 99).0, State::Closing(false));
        assert_eq!(look("\"a\"\"", 99).0, State::Quoted(false));
        assert_eq!(look("\"a\n\"b,\"c\"d", 99).1, [4]);
    }

    proptest! {
        #[test]
        fn pieces_of_any_size_are_one_text(text in "[a,\"\n]{0,30}", piece in 1usize..8) {
            prop_assert_eq!(look(&text, piece), look(&text, 99));
        }
    }
}
