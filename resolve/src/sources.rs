//! Which records may be the same thing as which.

use serde::{Deserialize, Serialize};

use crate::error::ResolveError;

/// Where matches are looked for, in the usual words of record linkage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Within one table.
    #[default]
    Deduplicate,
    /// Between tables that are clean by themselves: a record has at most one match in each other table.
    Link,
    /// Between tables and within each.
    LinkAndDeduplicate,
}

/// The table that each record comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources {
    mode: Mode,
    of: Vec<u32>,
}

impl Sources {
    /// One table of so many records, in which duplicates are looked for.
    pub fn one_table(records: usize) -> Self {
        Self {
            mode: Mode::Deduplicate,
            of: vec![0; records],
        }
    }

    /// Tables, each with a number of its own: one entry for each record.
    ///
    /// # Errors
    /// [`Mode::Link`] of a single table.
    pub fn tables(mode: Mode, of: Vec<u32>) -> Result<Self, ResolveError> {
        let single = of.windows(2).all(|pair| pair[0] == pair[1]);
        if mode == Mode::Link && single {
            return Err(ResolveError::Option {
                option: "mode",
                value: "link".to_owned(),
                expected: "what one table can be asked for; use deduplicate",
            });
        }
        Ok(Self { mode, of })
    }

    /// Where matches are looked for.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.of.len()
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    /// The number of the table of a record.
    pub fn of(&self, record: u32) -> u32 {
        self.of[record as usize]
    }

    /// Whether two records may be the same thing.
    pub fn comparable(&self, a: u32, b: u32) -> bool {
        a != b && (self.mode != Mode::Link || self.of(a) != self.of(b))
    }

    /// How many pairs may be the same thing.
    pub fn pairs(&self) -> u64 {
        let count = self.of.len() as u64;
        let all = count * count.saturating_sub(1) / 2;
        if self.mode != Mode::Link {
            return all;
        }
        let mut sizes = std::collections::BTreeMap::<u32, u64>::new();
        self.of
            .iter()
            .for_each(|source| *sizes.entry(*source).or_default() += 1);
        all - sizes.values().map(|size| size * (size - 1) / 2).sum::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linking_leaves_out_pairs_within_a_table() {
        let sources = Sources::tables(Mode::Link, vec![0, 0, 1, 1, 1]).unwrap();
        assert!(sources.comparable(0, 2) && !sources.comparable(0, 1) && !sources.comparable(2, 2));
        assert_eq!(sources.pairs(), 6);
        assert_eq!(Sources::one_table(5).pairs(), 10);
        assert_eq!(Sources::one_table(0).pairs(), 0);
        assert_eq!(Sources::tables(Mode::Link, vec![1, 1]).unwrap_err().code(), "RF1905");
    }
}
