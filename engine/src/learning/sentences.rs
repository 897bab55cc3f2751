//! Sentences of what is said about a label: each is a text of its own to learn from, because what customers write is as short.

/// Fewest words of a sentence; fewer belong to what follows them, such as an abbreviation.
const FEWEST_WORDS: usize = 2;

/// The sentences of a text: they end with a full stop, a question mark or an exclamation mark before white space.
pub(super) fn sentences(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut start = 0;
    for (at, letter) in text.char_indices() {
        let end = at + letter.len_utf8();
        let is_end = matches!(letter, '.' | '?' | '!') && text[end..].starts_with(char::is_whitespace);
        if is_end && text[start..end].split_whitespace().count() >= FEWEST_WORDS {
            found.push(text[start..end].trim());
            start = end;
        }
    }
    found.push(text[start..].trim());
    found.retain(|sentence| !sentence.is_empty());
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sentence_is_a_text() {
        assert_eq!(
            sentences("How old must I be? Can children have one?\nAt least 7.5 years!"),
            ["How old must I be?", "Can children have one?", "At least 7.5 years!"]
        );
        assert_eq!(sentences("no end"), ["no end"]);
        assert_eq!(sentences("e.g. this one. "), ["e.g. this one."]);
        assert_eq!(sentences(" "), [""; 0]);
    }
}
