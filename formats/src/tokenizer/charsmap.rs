//! `SentencePiece`'s compiled rules of normalization, `precompiled_charsmap` in `tokenizer.json`.
//!
//! The library that reads them takes the length that they begin with at its word, and panics where they lead outside
//! themselves, so they are checked before it sees them.

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

const FIELD: &str = "precompiled_charsmap";
/// The normalizer that has them.
const TYPE: &str = "Precompiled";

/// Checks every map of rules in a `tokenizer.json`, wherever it is. Text that is no JSON is an error, too.
pub(super) fn check_all(tokenizer_json: &[u8]) -> Result<(), serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(tokenizer_json);
    Walk.deserialize(&mut deserializer)?;
    deserializer.end()
}

/// Goes through a JSON value and keeps nothing of it.
#[derive(Clone, Copy)]
struct Walk;

impl<'de> DeserializeSeed<'de> for Walk {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        while sequence.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let (mut named, mut found) = (false, false);
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            match key.as_ref() {
                FIELD => {
                    let text: Cow<'de, str> = map.next_value()?;
                    let bytes = STANDARD.decode(text.as_bytes()).map_err(A::Error::custom)?;
                    check(&bytes).map_err(|what| A::Error::custom(format_args!("{FIELD} {what}")))?;
                    found = true;
                }
                "type" => {
                    let value: Value = map.next_value()?;
                    named |= value == TYPE;
                    self.deserialize(&value).map_err(A::Error::custom)?;
                }
                _ => map.next_value_seed(self)?,
            }
        }
        if named && !found {
            return Err(A::Error::custom(format_args!(
                "a normalizer of type {TYPE} without {FIELD}"
            )));
        }
        Ok(())
    }
}

/// Checks one map: its trie's length in bytes, the trie (a double array of 32-bit units: Aoe 1989, as the library
/// darts-clone packs it), and the texts that its leaves point into.
fn check(bytes: &[u8]) -> Result<(), &'static str> {
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or("has no length")?;
    let units = u32::from_le_bytes(*length) as usize / 4;
    let (trie, texts) = rest.split_at_checked(4 * units).ok_or("is shorter than it says")?;
    let (trie, _) = trie.as_chunks::<4>();
    let trie: Vec<u32> = trie.iter().map(|unit| u32::from_le_bytes(*unit)).collect();
    let texts = std::str::from_utf8(texts).map_err(|_| "has texts that are not UTF-8")?;
    let offset = |unit: u32| ((unit >> 10) as usize) << ((unit & 1 << 9) >> 6);

    let first = trie.first().ok_or("has no trie")?;
    let mut seen = vec![false; trie.len()];
    let mut open = vec![offset(*first)];
    while let Some(base) = open.pop() {
        for byte in 1..=255 {
            let place = base ^ byte as usize;
            let unit = *trie.get(place).ok_or("has a trie that leads outside itself")?;
            if unit & (1 << 31 | 0xff) != byte || std::mem::replace(&mut seen[place], true) {
                continue;
            }
            let below = place ^ offset(unit);
            open.push(below);
            if unit >> 8 & 1 == 1 {
                let leaf = trie.get(below).ok_or("has a trie that leads outside itself")?;
                if !texts.is_char_boundary((leaf & !(1 << 31)) as usize) {
                    return Err("points outside its texts");
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(trie: &[u32], texts: &str) -> Vec<u8> {
        let length = 4 * trie.len() as u32;
        let units = std::iter::once(&length).chain(trie).flat_map(|unit| unit.to_le_bytes());
        units.chain(texts.bytes()).collect()
    }

    #[test]
    fn rules_that_stay_inside_themselves_are_fine() {
        // The root leads to the second half of the trie; the byte `a` there has its leaf at 0x12c.
        let mut units = vec![0; 512];
        units[0] = 256 << 10;
        let at = 256 ^ usize::from(b'a');
        units[at] = ((at ^ 0x12c) as u32) << 10 | 1 << 8 | u32::from(b'a');
        for (place, fine) in [
            (0, true),
            (1, false),
            (2, true),
            (3, true),
            (4, false),
            (0x7fff_ffff, false),
        ] {
            units[0x12c] = place | 1 << 31;
            assert_eq!(check(&rules(&units, "ä\0")).is_ok(), fine, "{place}");
        }
    }

    #[test]
    fn rules_that_lead_outside_themselves_are_refused() {
        assert!(check(&[]).is_err());
        assert!(check(&[0; 3]).is_err());
        assert!(check(&[0; 4]).is_err(), "no trie");
        assert!(check(&[0xff, 0xff, 0xff, 0x7f, 0, 0]).is_err(), "a length of 2 GB");
        assert!(check(&rules(&[0], "")).is_err(), "a byte leads outside");
        assert!(check(&rules(&[0; 256], "")).is_ok());
        assert!(check(&rules(&[1 << 30; 256], "")).is_err());
        let mut invalid = rules(&[0; 256], "");
        invalid.push(0xff);
        assert!(check(&invalid).is_err(), "texts that are not UTF-8");
    }

    #[test]
    fn rules_are_found_wherever_they_are() {
        for text in [
            r#"{"normalizer":{"type":"Precompiled","precompiled_charsmap":"AAAA"}}"#,
            r#"{"normalizer":{"precompiled\u005fcharsmap":"AAAA"}}"#,
            r#"[1,-1,0.5,null,true,[{"x":[{"precompiled_charsmap":"*"}]}]]"#,
            r#"{"precompiled_charsmap":[]}"#,
            // A find of the fuzzer: the library panics where the rules are missing, too.
            r#"{"normalizer":{"type":"Precompiled"}}"#,
            r#"{"type":{"precompiled_charsmap":"AAAA"}}"#,
        ] {
            assert!(check_all(text.as_bytes()).is_err(), "{text}");
        }
        assert!(check_all(br#"{"a":[1,-1,0.5,null,true,"precompiled_charsmap"]}"#).is_ok());
        assert!(check_all(b"{} {}").is_err());
    }
}
