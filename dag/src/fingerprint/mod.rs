//! Hashes of what nodes are made from: what changed, and what that means.

mod of;

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use twox_hash::XxHash3_128;

pub(crate) use of::{evaluation, model, seed, source, task, test, unit_test, upstream};

/// XXH3 of 128 bits: it tells what changed, and keeps nobody out who wants two things to look alike. Written as 32
/// hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Fingerprint(pub [u8; 16]);

/// What a node was made from, in parts, so that a change can be told by its consequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Fingerprints {
    /// The SQL as it was parsed, for full and for incremental runs: neither comments nor layout are in it, and of
    /// variables and macros only what they put into it. Of a seed, the content of its file and how it is read; of a
    /// source, its declaration; of a task, its fingerprint.
    pub body: Fingerprint,
    /// Settings that change what is stored: materialization, keys, hooks, contract and the like.
    pub config: Fingerprint,
    /// The fingerprints of the tasks that it calls. Thresholds are not in them.
    pub tasks: Fingerprint,
    /// Thresholds, fallbacks and whether rows are gated: a change re-gates answers and asks nothing.
    pub gate: Fingerprint,
    /// Description, owner, tags, meta and columns' descriptions: a change builds nothing.
    pub metadata: Fingerprint,
    /// [`Fingerprints::all`] of every node that it reads, and so of everything above.
    pub upstream: Fingerprint,
}

impl Fingerprints {
    /// Everything of the node itself that can change what it holds, but for gates: body, settings and tasks.
    pub fn data(&self) -> Fingerprint {
        let mut hasher = Hasher::new("data");
        hasher.fingerprint(self.body);
        hasher.fingerprint(self.config);
        hasher.fingerprint(self.tasks);
        hasher.finish()
    }

    /// Everything that can change what the node holds, of itself and of what is above, gates included. Two builds with
    /// equal fingerprints and equal data in seeds and sources hold the same rows.
    pub fn all(&self) -> Fingerprint {
        let mut hasher = Hasher::new("all");
        hasher.fingerprint(self.data());
        hasher.fingerprint(self.gate);
        hasher.fingerprint(self.upstream);
        hasher.finish()
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 32];
        for (digits, byte) in text.as_chunks_mut::<2>().0.iter_mut().zip(self.0) {
            *digits = [byte >> 4, byte & 15].map(|digit| DIGITS[usize::from(digit)]);
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Fingerprint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("\"{text}\" is not a fingerprint: 32 hexadecimal digits");
        if text.len() != 32 || !text.is_ascii() {
            return Err(wrong());
        }
        let mut bytes = [0; 16];
        for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
            *byte = u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| wrong())?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = String::deserialize(deserializer)?;
            text.parse().map_err(serde::de::Error::custom)
        } else {
            <[u8; 16]>::deserialize(deserializer).map(Self)
        }
    }
}

/// Hashes parts with their lengths, so that no two lists of parts run together. The parts are gathered first: they are
/// short, and a hasher that takes them one by one is larger than they are.
pub(crate) struct Hasher(Vec<u8>);

impl Hasher {
    /// A hasher for one purpose: equal parts hash differently for another.
    pub(crate) fn new(purpose: &str) -> Self {
        let mut hasher = Self(Vec::with_capacity(192));
        hasher.text(purpose);
        hasher
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        self.0.extend_from_slice(bytes);
        self
    }

    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    pub(crate) fn fingerprint(&mut self, part: Fingerprint) -> &mut Self {
        self.0.extend_from_slice(&part.0);
        self
    }

    pub(crate) fn finish(&self) -> Fingerprint {
        Fingerprint::of(&self.0)
    }
}

impl Fingerprint {
    /// The hash of bytes.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(XxHash3_128::oneshot(bytes).to_be_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_as_it_is_written() {
        let fingerprint = Hasher::new("test").text("a").finish();
        assert_eq!(fingerprint.to_string().parse(), Ok(fingerprint));
        assert!("short".parse::<Fingerprint>().is_err());
        assert!("é23456789012345678901234567890".parse::<Fingerprint>().is_err());
        let json = serde_json::to_string(&fingerprint).unwrap();
        assert_eq!(serde_json::from_str::<Fingerprint>(&json).unwrap(), fingerprint);
        let bytes = postcard::to_stdvec(&fingerprint).unwrap();
        assert_eq!(postcard::from_bytes::<Fingerprint>(&bytes).unwrap(), fingerprint);
    }

    #[test]
    fn parts_do_not_run_together() {
        let hash = |parts: &[&str]| {
            let mut hasher = Hasher::new("test");
            parts.iter().for_each(|part| {
                hasher.text(part);
            });
            hasher.finish()
        };
        assert_ne!(hash(&["ab", "c"]), hash(&["a", "bc"]));
        assert_ne!(hash(&["ab"]), hash(&["a", "b"]));
    }
}
