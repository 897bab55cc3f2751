//! Text cut into words, numbers and marks.

use std::ops::Range;

/// One token of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    /// Lower case; a typographic apostrophe is a plain one, a dash of any length is `-`.
    pub(super) text: String,
    /// Bytes in the text.
    pub(super) span: Range<usize>,
    /// Whether space stands before it.
    pub(super) spaced: bool,
    /// Whether it is made of digits.
    pub(super) numeric: bool,
}

/// Cuts a text. Letters and digits that touch are different tokens; an apostrophe between letters is a part of the word.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut found: Vec<Token> = Vec::new();
    let mut spaced = true;
    let mut characters = text.char_indices().peekable();
    while let Some((start, first)) = characters.next() {
        if first.is_whitespace() {
            spaced = true;
            continue;
        }
        let mut word = String::new();
        let mut end = start + first.len_utf8();
        let digit = digit_of(first);
        if let Some(digit) = digit {
            word.push(digit);
            while let Some(&(at, next)) = characters.peek() {
                let Some(digit) = digit_of(next) else { break };
                word.push(digit);
                end = at + next.len_utf8();
                characters.next();
            }
        } else if first.is_alphabetic() {
            word.extend(first.to_lowercase());
            while let Some(&(at, next)) = characters.peek() {
                if next.is_alphabetic() && digit_of(next).is_none() {
                    word.extend(next.to_lowercase());
                } else if is_apostrophe(next) && text[at + next.len_utf8()..].starts_with(char::is_alphabetic) {
                    word.push('\'');
                } else {
                    break;
                }
                end = at + next.len_utf8();
                characters.next();
            }
        } else {
            word.push(mark_of(first));
        }
        // The s of a possessive is a word of its own: what it follows is what is told.
        let stem = word
            .strip_suffix("'s")
            .filter(|stem| !stem.is_empty())
            .map(str::to_owned);
        let cut = if stem.is_some() {
            end - text[start..end]
                .chars()
                .rev()
                .take(2)
                .map(char::len_utf8)
                .sum::<usize>()
        } else {
            end
        };
        found.push(Token {
            text: stem.clone().unwrap_or(word),
            span: start..cut,
            spaced,
            numeric: digit.is_some(),
        });
        spaced = false;
        if stem.is_some() {
            found.push(Token {
                text: "'s".to_owned(),
                span: cut..end,
                spaced,
                numeric: false,
            });
        }
    }
    found
}

fn is_apostrophe(character: char) -> bool {
    matches!(character, '\'' | '’' | '‘' | 'ʼ')
}

/// The ASCII digit that a decimal digit of any script stands for.
fn digit_of(character: char) -> Option<char> {
    crate::text::digit(character).map(|value| char::from(b'0' + value))
}

fn mark_of(character: char) -> char {
    match character {
        '’' | '‘' | 'ʼ' => '\'',
        '‐' | '‑' | '‒' | '–' | '—' | '―' | '−' | '－' => '-',
        '／' => '/',
        '：' => ':',
        '．' => '.',
        '，' => ',',
        '～' | '〜' => '~',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        tokens(text).into_iter().map(|token| token.text).collect()
    }

    #[test]
    fn letters_and_digits_part_where_they_touch() {
        assert_eq!(words("Mar4 at 3pm"), ["mar", "4", "at", "3", "pm"]);
        assert_eq!(words("７：３０"), ["7", ":", "30"]);
    }

    #[test]
    fn an_apostrophe_belongs_to_its_word() {
        assert_eq!(words("seven o’clock 'now'"), ["seven", "o'clock", "'", "now", "'"]);
        assert_eq!(words("Today’s"), ["today", "'s"]);
    }
}
