//! Names of models, and names with a digest behind them.

use crate::error::RegistryError;

/// Longest name, in bytes.
const MOST_BYTES: usize = 100;
/// Fewest hexadecimal digits that a digest can be cut to.
const FEWEST_DIGITS: usize = 6;
/// Hexadecimal digits of a SHA-256.
const DIGITS: usize = 64;

/// A model by name, and by the beginning of its digest where one is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    /// Lower-case.
    pub(crate) name: String,
    /// Six or more hexadecimal digits.
    pub(crate) digest: Option<String>,
}

impl Reference {
    /// Reads `name`, `name@digits` or `name@sha256:digits`. The name need not be one that a model could be given: an
    /// alias, such as `HuggingFaceTB/SmolLM2-135M-Instruct`, is read too.
    pub(crate) fn parse(text: &str) -> Result<Self, RegistryError> {
        let wrong = |what: &str| RegistryError::Name {
            name: text.to_owned(),
            what: what.to_owned(),
        };
        let (name, digest) = match text.rsplit_once('@') {
            Some((name, digest)) => (name, Some(digest.strip_prefix("sha256:").unwrap_or(digest))),
            None => (text, None),
        };
        if name.is_empty() {
            return Err(wrong("it is empty"));
        }
        if let Some(digest) = digest {
            let hexadecimal = digest.bytes().all(|byte| byte.is_ascii_hexdigit());
            if !hexadecimal || !(FEWEST_DIGITS..=DIGITS).contains(&digest.len()) {
                return Err(wrong("behind the @ stand 6 to 64 hexadecimal digits of a digest"));
            }
        }
        Ok(Self {
            name: name.to_lowercase(),
            digest: digest.map(str::to_lowercase),
        })
    }
}

/// Checks a name that a model is to have.
pub(crate) fn check(name: &str) -> Result<(), RegistryError> {
    let wrong = |what: &str| {
        Err(RegistryError::Name {
            name: name.to_owned(),
            what: what.to_owned(),
        })
    };
    if name.is_empty() {
        return wrong("it is empty");
    }
    if name.len() > MOST_BYTES {
        return wrong("it is longer than 100 characters");
    }
    if !name.bytes().all(is_plain) {
        return wrong("it has other characters than lower-case letters, digits, `.`, `_` and `-`");
    }
    if !name.as_bytes()[0].is_ascii_alphanumeric() {
        return wrong("it begins with neither a letter nor a digit");
    }
    Ok(())
}

/// A name made of any text, such as the name of a file. None where nothing of it can stand in a name.
pub(crate) fn from_text(text: &str) -> Option<String> {
    let mut name = String::new();
    for character in text.to_lowercase().chars() {
        let plain = u8::try_from(character)
            .ok()
            .filter(|byte| is_plain(*byte))
            .map_or('-', char::from);
        let begins = !name.is_empty() || plain.is_ascii_alphanumeric();
        let doubled = plain == '-' && name.ends_with('-');
        if begins && !doubled && name.len() < MOST_BYTES {
            name.push(plain);
        }
    }
    let name = name.trim_end_matches(['-', '.', '_']);
    (!name.is_empty()).then(|| name.to_owned())
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_reference_is_a_name_and_maybe_a_digest() {
        let parsed = Reference::parse("SmolLM2@sha256:ABCDEF12").unwrap();
        assert_eq!(
            (parsed.name.as_str(), parsed.digest.as_deref()),
            ("smollm2", Some("abcdef12"))
        );
        assert_eq!(Reference::parse("a/b").unwrap().name, "a/b");
        for wrong in [
            "",
            "@abcdef",
            "a@",
            "a@abcde",
            "a@xyzxyz",
            &format!("a@{}", "0".repeat(65)),
        ] {
            assert!(Reference::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_can_be_folders_on_every_system() {
        for right in ["a", "smollm2-135m-instruct", "qwen2.5_x", "0"] {
            assert!(check(right).is_ok(), "{right}");
        }
        for wrong in [
            "",
            ".",
            "..",
            ".staging",
            "-a",
            "A",
            "a/b",
            "a\\b",
            "a b",
            "ä",
            "a\0",
            &"a".repeat(101),
        ] {
            assert!(check(wrong).is_err(), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn a_name_made_of_any_text_is_a_right_one(text in ".{0,200}") {
            if let Some(name) = from_text(&text) {
                prop_assert!(check(&name).is_ok(), "{name}");
                prop_assert_eq!(from_text(&name), Some(name.clone()));
                prop_assert_eq!(Reference::parse(&name).unwrap(), Reference { name, digest: None });
            }
        }

        #[test]
        fn no_text_makes_the_reader_of_references_fail(text in "\\PC{0,80}") {
            let _: Result<Reference, RegistryError> = Reference::parse(&text);
        }
    }
}
