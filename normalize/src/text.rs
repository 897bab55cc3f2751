//! Characters as they are found in raw values.

use std::ops::Range;

/// First digits of the scripts whose digits are found in data (Unicode, general category Nd).
const ZEROS: [u32; 14] = [
    0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0E50, 0x0ED0, 0xFF10,
];

/// The value of a decimal digit of any of these scripts.
pub(crate) fn digit(character: char) -> Option<u8> {
    if character.is_ascii() {
        return character.is_ascii_digit().then(|| character as u8 - b'0');
    }
    let code = u32::from(character);
    ZEROS
        .iter()
        .find(|zero| (**zero..**zero + 10).contains(&code))
        .map(|zero| (code - zero) as u8)
}

/// A text in which digits, full-width letters, spaces, dashes and quotes have their plain forms.
#[derive(Debug, Clone)]
pub(crate) struct Plain {
    /// The text; as many characters as the original has, but for invisible ones.
    pub(crate) text: String,
    /// For each byte of it, and for its end, where that is in the original.
    offsets: Vec<usize>,
}

impl Plain {
    /// Where bytes of the plain text are in the original.
    pub(crate) fn original(&self, span: &Range<usize>) -> Range<usize> {
        let at = |byte: usize| self.offsets.get(byte).or(self.offsets.last()).copied().unwrap_or(0);
        at(span.start)..at(span.end)
    }
}

/// The plain form of a text.
pub(crate) fn plain(original: &str) -> Plain {
    let mut text = String::with_capacity(original.len());
    let mut offsets = Vec::with_capacity(original.len() + 1);
    for (at, character) in original.char_indices() {
        let Some(plain) = plain_character(character) else {
            continue;
        };
        text.push(plain);
        offsets.resize(text.len(), at);
    }
    offsets.push(original.len());
    Plain { text, offsets }
}

fn plain_character(character: char) -> Option<char> {
    if character.is_ascii() {
        return Some(character);
    }
    if let Some(digit) = digit(character) {
        return Some(char::from(b'0' + digit));
    }
    Some(match character {
        // Zero width, direction marks, byte order mark, soft hyphen.
        '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}' | '\u{00AD}' => {
            return None;
        }
        '\u{00A0}' | '\u{2000}'..='\u{200A}' | '\u{202F}' | '\u{205F}' | '\u{3000}' => ' ',
        '‐' | '‑' | '‒' | '–' | '—' | '―' | '−' | '－' | 'ー' => '-',
        '’' | '‘' | 'ʼ' | '＇' | '`' | '´' => '\'',
        '“' | '”' | '„' | '«' | '»' => '"',
        '٫' | '。' => '.',
        '٬' | '、' => ',',
        full @ '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(full) - 0xFEE0).unwrap_or(full),
        other => other,
    })
}

/// The words of a text in lower case, each with its bytes; marks part them.
pub(crate) fn words(text: &str) -> Vec<(String, Range<usize>)> {
    let mut found: Vec<(String, Range<usize>)> = Vec::new();
    let mut start = None;
    for (at, character) in text.char_indices().chain([(text.len(), ' ')]) {
        let part = character.is_alphanumeric() || is_combining(character);
        match (part, start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                found.push((text[from..at].to_lowercase(), from..at));
                start = None;
            }
            _ => {}
        }
    }
    found
}

/// Marks that change the letter before them.
pub(crate) fn is_combining(character: char) -> bool {
    matches!(character, '\u{0300}'..='\u{036F}' | '\u{0900}'..='\u{0903}' | '\u{093A}'..='\u{094F}' | '\u{0E31}' | '\u{0E34}'..='\u{0E3A}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_knows_where_it_came_from() {
        let plain = plain("Tel：　＋４９ ٣٤");
        assert_eq!(plain.text, "Tel: +49 34");
        let at = plain.text.find("34").unwrap();
        let span = plain.original(&(at..at + 2));
        assert_eq!(&"Tel：　＋４９ ٣٤"[span], "٣٤");
    }
}
