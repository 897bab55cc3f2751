//! A text in the pieces that a value in it begins and ends with.

/// Cuts a text where a span may begin or end: around words, numbers, and everything that is neither. Joined, the pieces are
/// the text.
///
/// Of scripts that put no spaces between words, each letter is a piece.
pub fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut before = None;
    for (at, letter) in text.char_indices() {
        let class = Class::of(letter);
        let goes_on = match (before, class) {
            // A mark belongs to what stands before it.
            (_, Class::Mark) | (None, _) => true,
            (Some(before), class) => before == class && class.joins(),
        };
        if !goes_on {
            pieces.push(&text[start..at]);
            start = at;
        }
        if class != Class::Mark || before.is_none() {
            before = Some(class);
        }
    }
    if start < text.len() {
        pieces.push(&text[start..]);
    }
    pieces
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Letter,
    /// A letter of a script that is written without spaces.
    Unspaced,
    Digit,
    Mark,
    Other,
}

impl Class {
    fn of(letter: char) -> Self {
        match letter {
            // Combining marks, variation selectors and the joiner: blocks of the Unicode Standard, chapter 23.
            '\u{300}'..='\u{36f}'
            | '\u{1ab0}'..='\u{1aff}'
            | '\u{20d0}'..='\u{20ff}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{200d}' => Self::Mark,
            // Thai, Lao, Myanmar, Khmer; Hiragana, Katakana; Han.
            '\u{e00}'..='\u{eff}'
            | '\u{1000}'..='\u{109f}'
            | '\u{1780}'..='\u{17ff}'
            | '\u{3040}'..='\u{30ff}'
            | '\u{3400}'..='\u{9fff}'
            | '\u{f900}'..='\u{faff}'
            | '\u{20000}'..='\u{3ffff}' => Self::Unspaced,
            _ if letter.is_numeric() => Self::Digit,
            _ if letter.is_alphabetic() => Self::Letter,
            _ => Self::Other,
        }
    }

    fn joins(self) -> bool {
        matches!(self, Self::Letter | Self::Digit)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_and_numbers_are_whole_and_the_rest_is_single() {
        assert_eq!(
            pieces("Sony WH-1000XM4, $129.50"),
            [
                "Sony", " ", "WH", "-", "1000", "XM", "4", ",", " ", "$", "129", ".", "50"
            ]
        );
        assert_eq!(pieces("cafe\u{301} 東京"), ["cafe\u{301}", " ", "東", "京"]);
        assert!(pieces("").is_empty());
    }

    proptest! {
        #[test]
        fn joined_they_are_the_text(text in ".{0,60}") {
            prop_assert_eq!(pieces(&text).concat(), text);
        }
    }
}
