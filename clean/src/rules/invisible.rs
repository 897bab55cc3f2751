//! Characters that nobody sees.

use crate::edit::Patch;

/// Whether a letter belongs to a writing that runs from right to left.
fn runs_left(letter: char) -> bool {
    matches!(letter, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
}

/// Whether a joiner may stand beside a letter: in writings whose letters join, and between emoji.
fn joins(letter: char) -> bool {
    matches!(letter, '\u{600}'..='\u{8ff}' | '\u{900}'..='\u{fff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{18af}' | '\u{fe0f}' | '\u{2190}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}')
}

pub(super) fn patches(text: &str) -> Vec<Patch> {
    if text
        .bytes()
        .all(|byte| (0x20..0x7f).contains(&byte) || matches!(byte, b'\t' | b'\n' | b'\r'))
    {
        return Vec::new();
    }
    let has_left = std::cell::LazyCell::new(|| text.chars().any(runs_left));
    let has_flag = std::cell::LazyCell::new(|| text.contains('\u{1f3f4}'));
    let mut patches = Vec::new();
    let mut before = None;
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        let after = letters.peek().map(|&(_, letter)| letter);
        let goes = match letter {
            // The next line is white space.
            '\t' | '\n' | '\r' | '\u{85}' => false,
            '\u{200c}' | '\u{200d}' => !(before.is_some_and(joins) && after.is_some_and(joins)),
            // Marks of direction.
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => !*has_left,
            // Soft hyphen, Mongolian vowel separator, zero-width space, word joiner and invisible operators, byte order
            // mark, annotations.
            '\u{ad}'
            | '\u{180e}'
            | '\u{200b}'
            | '\u{2060}'..='\u{2064}'
            | '\u{206a}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' => true,
            // Tags make flags of regions.
            '\u{e0000}'..='\u{e007f}' => !*has_flag,
            _ => letter.is_control(),
        };
        if goes {
            patches.push(Patch::new(at..at + letter.len_utf8(), ""));
        } else {
            before = Some(letter);
        }
    }
    patches
}
