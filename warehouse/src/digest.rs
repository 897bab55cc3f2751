//! Digests of relations.

use std::fmt;
use std::str::FromStr;

/// A hash of a relation's rows, whatever their order: names and types of the columns, the number of rows, and the sum
/// of a hash of each row.
///
/// The same digest means the same rows but for a collision. On SQLite a row's hash is 128 bits of BLAKE3 and the sum
/// is taken modulo 2^128, so that two different relations have the same digest with a chance of 2^-128. On Postgres the
/// server hashes the text of a row twice with 64 bits (`hashtextextended` with two seeds); the chance is about 2^-128
/// too, though that hash is made for speed and not against somebody who looks for collisions.
///
/// Digests of one target can be compared with each other, those of different databases can't.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest {
    /// Number of rows.
    pub rows: u64,
    /// The hash.
    pub hash: [u8; 16],
}

impl Digest {
    /// The digest of columns, a number of rows, and what was summed over those.
    pub(crate) fn new<'a>(
        columns: impl IntoIterator<Item = (&'a str, Option<&'a str>)>,
        rows: u64,
        sums: &[&[u8]],
    ) -> Self {
        let mut hasher = blake3::Hasher::new();
        let mut add = |bytes: &[u8]| {
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        for (name, data_type) in columns {
            add(name.as_bytes());
            add(data_type.unwrap_or_default().as_bytes());
        }
        add(&rows.to_le_bytes());
        sums.iter().for_each(|sum| add(sum));
        let mut hash = [0; 16];
        hash.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        Self { rows, hash }
    }
}

/// The number of rows, a dash, the hash in hexadecimal digits.
impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{:032x}", self.rows, u128::from_be_bytes(self.hash))
    }
}

impl FromStr for Digest {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (rows, hash) = text.split_once('-').ok_or(())?;
        Ok(Self {
            rows: rows.parse().map_err(|_| ())?,
            hash: u128::from_str_radix(hash, 16).map_err(|_| ())?.to_be_bytes(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_read_as_it_is_written() {
        let digest = Digest::new([("id", Some("integer")), ("name", None)], 3, &[b"sum"]);
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert_ne!(
            digest,
            Digest::new([("id", Some("text")), ("name", None)], 3, &[b"sum"])
        );
        assert_ne!(
            digest,
            Digest::new([("id", Some("integer")), ("name", None)], 3, &[b"mus"])
        );
        assert_eq!("12".parse::<Digest>(), Err(()));
    }
}
