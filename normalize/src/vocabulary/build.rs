//! How a vocabulary is made.

use rustc_hash::{FxHashMap, FxHashSet};

use super::{MOST_ENTRIES, Texts, VERSION, Vocabulary, keys};
use crate::NormalizeError;

impl Vocabulary {
    /// A vocabulary out of entries: identifier, name, aliases. Names that are empty are left out; an entry without any is
    /// an error.
    pub fn build<I, N, A>(entries: impl IntoIterator<Item = (I, N, A)>) -> Result<Self, NormalizeError>
    where
        I: AsRef<str>,
        N: AsRef<str>,
        A: IntoIterator<Item: AsRef<str>>,
    {
        let mut made = Self {
            version: VERSION,
            ids: Texts::default(),
            first: Vec::new(),
            names: Texts::default(),
            folded: Texts::default(),
            owners: Vec::new(),
            keys: Vec::new(),
            features: Vec::new(),
            ends: Vec::new(),
            postings: Vec::new(),
        };
        let mut ids = FxHashSet::default();
        for (id, name, aliases) in entries {
            let (id, name) = (id.as_ref(), name.as_ref());
            if name.trim().is_empty() {
                return Err(NormalizeError::EmptyEntry {
                    message: format!("the entry \"{id}\" has no name"),
                });
            }
            // Of identifiers only hashes are kept while they are counted; a clash of 64 bits is not to be expected.
            if !ids.insert(keys::hash(keys::Sort::Written, id)) {
                return Err(NormalizeError::DuplicateEntry { id: id.to_owned() });
            }
            let fits = made.ids.len() < MOST_ENTRIES && made.names.text.len() + name.len() < u32::MAX as usize / 2;
            if !fits {
                return Err(NormalizeError::TooManyEntries { limit: MOST_ENTRIES });
            }
            let entry = made.ids.len() as u32;
            made.ids.push(id);
            made.first.push(made.names.len() as u32);
            made.add(entry, name);
            for alias in aliases {
                let alias = alias.as_ref();
                if !alias.trim().is_empty() && alias != name {
                    made.add(entry, alias);
                }
            }
        }
        if made.is_empty() {
            return Err(NormalizeError::EmptyEntry {
                message: "the vocabulary has no entries".to_owned(),
            });
        }
        drop(ids);
        made.keys.sort_unstable();
        made.keys.dedup();
        made.index();
        Ok(made)
    }

    fn add(&mut self, entry: u32, name: &str) {
        let index = self.names.len() as u32;
        let folded = keys::fold(name);
        self.keys
            .extend(keys::keys(name, &folded).into_iter().map(|(_, hash)| (hash, index)));
        self.names.push(name.trim());
        self.folded.push(&folded);
        self.owners.push(entry);
    }

    /// The names of each feature: counted first, so that they are put where they belong at once.
    fn index(&mut self) {
        let mut counts: FxHashMap<u64, u32> = FxHashMap::default();
        let mut buffer = Vec::new();
        for name in 0..self.folded.len() as u32 {
            keys::features(self.folded.get(name), &mut buffer);
            for feature in &buffer {
                *counts.entry(*feature).or_default() += 1;
            }
        }
        let mut features: Vec<(u64, u32)> = counts.iter().map(|(feature, count)| (*feature, *count)).collect();
        features.sort_unstable();
        let mut total = 0;
        for (feature, count) in &features {
            // From here on the map tells where the next name of a feature goes.
            counts.insert(*feature, total);
            total += count;
            self.features.push(*feature);
            self.ends.push(total);
        }
        self.postings = vec![0; total as usize];
        for name in 0..self.folded.len() as u32 {
            keys::features(self.folded.get(name), &mut buffer);
            for feature in &buffer {
                if let Some(at) = counts.get_mut(feature) {
                    self.postings[*at as usize] = name;
                    *at += 1;
                }
            }
        }
    }

    /// The names that have a feature.
    pub(super) fn names_with(&self, feature: u64) -> &[u32] {
        let Ok(index) = self.features.binary_search(&feature) else {
            return &[];
        };
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.postings[start as usize..self.ends[index] as usize]
    }
}
