//! Names without what they are often written without: case, accents, punctuation.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// A name in lower case without accents, with one space between words; marks part words, but for apostrophes and for
/// points within an abbreviation. Letters of other scripts stay.
pub(crate) fn folded(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    // A space is written when the next word begins.
    let mut space = false;
    for character in name.nfkd() {
        if is_combining_mark(character) || matches!(character, '\'' | '’' | '‘' | 'ʼ' | '`' | '´' | '\u{00AD}') {
            continue;
        }
        if !character.is_alphanumeric() {
            space = true;
            // "&" is a word.
            if character == '&' {
                push_word(&mut text, "and");
            }
            continue;
        }
        if space && !text.is_empty() {
            text.push(' ');
        }
        space = false;
        match character {
            'ß' | 'ẞ' => text.push_str("ss"),
            'æ' | 'Æ' => text.push_str("ae"),
            'œ' | 'Œ' => text.push_str("oe"),
            'ø' | 'Ø' => text.push('o'),
            'đ' | 'Đ' | 'ð' | 'Ð' => text.push('d'),
            'ł' | 'Ł' => text.push('l'),
            'þ' | 'Þ' => text.push_str("th"),
            'ı' => text.push('i'),
            other => text.extend(other.to_lowercase().filter(|lower| !is_combining_mark(*lower))),
        }
    }
    text
}

fn push_word(text: &mut String, word: &str) {
    if !text.is_empty() {
        text.push(' ');
    }
    text.push_str(word);
}

/// Joins single letters that follow each other, as `u s a` and `n v` do where points stood between them.
pub(crate) fn joined_letters(folded: &str) -> String {
    let mut text = String::with_capacity(folded.len());
    let mut single = false;
    for word in folded.split(' ').filter(|word| !word.is_empty()) {
        let letter = word.chars().count() == 1 && word.chars().all(char::is_alphabetic);
        let joins = letter && single;
        if !text.is_empty() && !joins {
            text.push(' ');
        }
        text.push_str(word);
        single = letter;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_without_case_accents_and_marks() {
        assert_eq!(
            folded("  Müller-Lüdenscheidt & Söhne, Straße "),
            "muller ludenscheidt and sohne strasse"
        );
        assert_eq!(folded("L’Oréal S.A."), "loreal s a");
        assert_eq!(joined_letters("loreal s a"), "loreal sa");
        assert_eq!(folded("Ｔｏｙｏｔａ 自動車"), "toyota 自動車");
    }
}
