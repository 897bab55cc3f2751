//! Character sets of one byte a character, from the character back to the byte.

use std::sync::LazyLock;

use encoding_rs::{Encoding, MACINTOSH, WINDOWS_1250, WINDOWS_1251, WINDOWS_1252};
use rustc_hash::FxHashMap;

/// Which character set, as far as it matters for what is likely.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Western: first bytes are letters with accents, those after them signs.
    Western,
    /// First bytes are signs that words don't have.
    Signs,
    /// First bytes are Cyrillic letters.
    Cyrillic,
}

/// A character set.
#[derive(Debug)]
pub(super) struct Charset {
    pub(super) kind: Kind,
    bytes: FxHashMap<char, u8>,
}

impl Charset {
    fn of(kind: Kind, encoding: &'static Encoding) -> Self {
        let decode = |byte: u8| encoding.decode_without_bom_handling(&[byte]).0.chars().next();
        Self::from_bytes(kind, decode)
    }

    fn from_bytes(kind: Kind, decode: impl Fn(u8) -> Option<char>) -> Self {
        let mut bytes: FxHashMap<char, u8> = FxHashMap::default();
        for byte in 0x80..=0xff {
            if let Some(letter) = decode(byte).filter(|&letter| letter != char::REPLACEMENT_CHARACTER) {
                bytes.insert(letter, byte);
            }
        }
        if kind == Kind::Western {
            // Latin-1 has control characters where Windows-1252 has signs, and texts have both.
            for byte in 0x80..=0x9f_u8 {
                bytes.entry(char::from(byte)).or_insert(byte);
            }
        }
        Self { kind, bytes }
    }

    /// The byte of a character, from 0x80 on.
    pub(super) fn byte(&self, letter: char) -> Option<u8> {
        self.bytes.get(&letter).copied()
    }
}

/// The character sets that are tried, in order.
pub(super) fn charsets() -> &'static [Charset] {
    static CHARSETS: LazyLock<Vec<Charset>> = LazyLock::new(|| {
        let page = |table: &'static [char; 128]| move |byte: u8| table.get(usize::from(byte) - 0x80).copied();
        vec![
            Charset::of(Kind::Western, WINDOWS_1252),
            Charset::of(Kind::Western, WINDOWS_1250),
            Charset::of(Kind::Signs, MACINTOSH),
            Charset::from_bytes(Kind::Signs, page(&oem_cp::code_table::DECODING_TABLE_CP437)),
            Charset::from_bytes(Kind::Signs, page(&oem_cp::code_table::DECODING_TABLE_CP850)),
            Charset::of(Kind::Cyrillic, WINDOWS_1251),
        ]
    });
    &CHARSETS
}

/// The sign of Windows-1252 for a control character of Latin-1.
pub(super) fn sign_of_control(letter: char) -> Option<char> {
    // U+0085 is the next line, and is left to white space.
    let byte = u8::try_from(u32::from(letter))
        .ok()
        .filter(|byte| (0x80..=0x9f).contains(byte) && *byte != 0x85)?;
    let decoded = WINDOWS_1252.decode_without_bom_handling(&[byte]).0.chars().next()?;
    (!decoded.is_control()).then_some(decoded)
}
