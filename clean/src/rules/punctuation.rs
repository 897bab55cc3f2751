//! Repeated punctuation marks.

use crate::edit::Patch;

pub(super) fn patches(text: &str) -> Vec<Patch> {
    let bytes = text.as_bytes();
    let mut patches = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let same = |of: &[u8]| bytes[at..].iter().take_while(|byte| of.contains(byte)).count();
        let (length, set) = match bytes[at] {
            b'!' | b'?' => {
                let length = same(b"!?");
                let run = &bytes[at..at + length];
                let set = match (run.contains(&b'?'), run.contains(&b'!')) {
                    (true, true) => "?!",
                    (true, false) => "?",
                    _ => "!",
                };
                // `!=` and `!==` are no exclamations.
                (length, (bytes.get(at + length) != Some(&b'=')).then_some(set))
            }
            b',' => (same(b","), Some(",")),
            b';' => (same(b";"), Some(";")),
            b'.' => {
                let length = same(b".");
                // Two are a slip of the key where a sentence ends, and a path or a range elsewhere.
                let ends = bytes.get(at + length).is_none_or(u8::is_ascii_whitespace)
                    && at > 0
                    && text[..at].ends_with(char::is_alphabetic);
                let set = match length {
                    2 if ends => Some("."),
                    4.. => Some("..."),
                    _ => None,
                };
                (length, set)
            }
            _ => (1, None),
        };
        if let Some(set) = set.filter(|set| length > 1 && *set != &text[at..at + length]) {
            patches.push(Patch::new(at..at + length, set));
        }
        at += length;
    }
    patches
}
