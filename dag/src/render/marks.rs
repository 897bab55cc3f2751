//! Marks that stand in rendered text where relations will be.
//!
//! Which relation a reference means is known only when every file has been rendered, because a file can give its own
//! alias and schema. A mark is a plain identifier, so that SQL parses with it, and is the same whatever the target: what
//! is hashed does not change with the name of a schema.

use std::fmt::Write as _;

/// How every mark starts.
const START: &str = "__refuel_";

/// What of a relation stands at a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aspect {
    /// Its whole name, quoted.
    Relation,
    /// Its schema, as text.
    Schema,
    /// Its name, as text.
    Name,
}

impl Aspect {
    fn letter(self) -> char {
        match self {
            Self::Relation => 'r',
            Self::Schema => 's',
            Self::Name => 'n',
        }
    }

    fn of(letter: u8) -> Option<Self> {
        [Self::Relation, Self::Schema, Self::Name]
            .into_iter()
            .find(|aspect| aspect.letter() as u32 == u32::from(letter))
    }
}

/// The mark of a reference by its number, such as `__refuel_r0__`.
pub(crate) fn mark(aspect: Aspect, number: usize) -> String {
    let mut text = String::with_capacity(16);
    let _ = write!(text, "{START}{}{number}__", aspect.letter());
    text
}

/// The number of the reference that this whole text is the mark of.
pub(crate) fn number_of(text: &str) -> Option<usize> {
    let (aspect, number, length) = read(text)?;
    (aspect == Aspect::Relation && length == text.len()).then_some(number)
}

/// The text with what stands for each mark. What only looks like one is left as it is.
pub(crate) fn replace(text: &str, mut by: impl FnMut(Aspect, usize) -> Option<String>) -> String {
    let mut result = String::with_capacity(text.len() + 32);
    let mut rest = text;
    while let Some(at) = rest.find(START) {
        result.push_str(&rest[..at]);
        rest = &rest[at..];
        let replaced = read(rest).and_then(|(aspect, number, length)| Some((by(aspect, number)?, length)));
        let length = if let Some((replacement, length)) = replaced {
            result.push_str(&replacement);
            length
        } else {
            result.push_str(START);
            START.len()
        };
        rest = &rest[length..];
    }
    result.push_str(rest);
    result
}

/// The mark that a text starts with: aspect, number, and length in bytes.
fn read(text: &str) -> Option<(Aspect, usize, usize)> {
    let inner = text.strip_prefix(START)?;
    let aspect = Aspect::of(*inner.as_bytes().first()?)?;
    let digits = inner[1..].bytes().take_while(u8::is_ascii_digit).count();
    let number = inner[1..=digits].parse().ok()?;
    inner[1 + digits..].starts_with("__").then_some(())?;
    Some((aspect, number, START.len() + 1 + digits + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_found_and_nothing_else_is() {
        let text = format!(
            "select * from {} join {} on '__refuel_rx__' = '{}' -- __refuel_",
            mark(Aspect::Relation, 0),
            mark(Aspect::Relation, 12),
            mark(Aspect::Schema, 3),
        );
        let replaced = replace(&text, |aspect, number| Some(format!("<{aspect:?} {number}>")));
        assert_eq!(
            replaced,
            "select * from <Relation 0> join <Relation 12> on '__refuel_rx__' = '<Schema 3>' -- __refuel_"
        );
        assert_eq!(replace(&text, |_, _| None), text, "what has no replacement stays");
    }

    #[test]
    fn a_whole_mark_is_a_relation() {
        assert_eq!(number_of("__refuel_r7__"), Some(7));
        assert_eq!(number_of("__refuel_r7__x"), None);
        assert_eq!(number_of("__refuel_n7__"), None);
        assert_eq!(number_of("orders"), None);
    }
}
