//! The entries of a vocabulary, and what is looked up in.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use refuel_normalize::Vocabulary;
use refuel_normalize::vocabulary::Candidate;

use super::normalize::is_line;

/// Most entries of a vocabulary.
pub(crate) const MOST_ENTRIES: usize = 1_000_000;

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What is answered: the identifier where entries have one, else the value.
    pub id: Box<str>,
    /// The name that people read, and a model chooses by.
    pub value: Box<str>,
    /// Other names.
    pub aliases: Vec<Box<str>>,
}

/// The entries of a vocabulary. What they are looked up in is made when it is first needed, once for all tasks of the
/// process that have the same entries.
pub struct Terms {
    entries: Vec<Entry>,
    hash: String,
    built: OnceLock<Option<Arc<Vocabulary>>>,
    /// Entries by the names and identifiers that are told apart exactly.
    named: OnceLock<HashMap<Box<str>, u32>>,
}

impl fmt::Debug for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terms")
            .field("entries", &self.entries.len())
            .field("hash", &self.hash)
            .finish_non_exhaustive()
    }
}

impl Terms {
    /// A vocabulary of entries that have been checked: none is without a name, and no two have the same identifier.
    pub(crate) fn new(entries: Vec<Entry>) -> Self {
        let mut hasher = blake3::Hasher::new();
        let mut text = |text: &str| {
            // The length keeps ("ab", "c") and ("a", "bc") apart.
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        };
        for entry in &entries {
            text(&entry.id);
            text(&entry.value);
            entry.aliases.iter().for_each(|alias| text(alias));
            text("");
        }
        Self {
            hash: hasher.finalize().to_hex().to_string(),
            entries,
            built: OnceLock::new(),
            named: OnceLock::new(),
        }
    }

    /// The entries, in their order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Hash of all that entries say.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The entries that a raw name may mean, the best first, at most `limit`. The first call makes what they are looked up
    /// in, which takes seconds for a million entries.
    pub fn lookup(&self, raw: &str, limit: usize) -> Vec<Candidate> {
        let vocabulary = self.built.get_or_init(|| self.build());
        vocabulary
            .as_ref()
            .map_or_else(Vec::new, |vocabulary| vocabulary.lookup(raw, limit))
    }

    /// What the entries are looked up in. None where they make no vocabulary, which is checked when they are read.
    fn build(&self) -> Option<Arc<Vocabulary>> {
        static BUILT: Mutex<BTreeMap<String, Weak<Vocabulary>>> = Mutex::new(BTreeMap::new());
        let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = built.get(&self.hash).and_then(Weak::upgrade) {
            return Some(known);
        }
        built.retain(|_, vocabulary| vocabulary.strong_count() > 0);
        let entries = self
            .entries
            .iter()
            .map(|entry| (&*entry.id, &*entry.value, entry.aliases.iter().map(|alias| &**alias)));
        let made = Arc::new(Vocabulary::build(entries).ok()?);
        built.insert(self.hash.clone(), Arc::downgrade(&made));
        Some(made)
    }

    /// Where the entry with this identifier stands.
    pub fn place_of(&self, id: &str) -> Option<usize> {
        let place = *self.named().get(id)? as usize;
        (*self.entries.get(place)?.id == *id).then_some(place)
    }

    /// The value of the entry with this identifier.
    pub fn value_of(&self, id: &str) -> Option<&str> {
        Some(&*self.entries[self.place_of(id)?].value)
    }

    /// The first entry with this value, whatever its white space.
    pub(super) fn with_value(&self, value: &str) -> Option<&Entry> {
        let named = self.named().get(value).map(|&place| &self.entries[place as usize]);
        // What is an identifier of one entry may be the value of another.
        named
            .filter(|entry| *entry.value == *value)
            .or_else(|| self.entries.iter().find(|entry| is_line(&entry.value, value)))
    }

    /// The identifier of the entry that has exactly this identifier, value or alias. Identifiers win over values, these
    /// over aliases, and of equal ones the first.
    pub fn id_of(&self, name: &str) -> Option<&str> {
        let place = *self.named().get(name.trim())? as usize;
        self.entries.get(place).map(|entry| &*entry.id)
    }

    fn named(&self) -> &HashMap<Box<str>, u32> {
        self.named.get_or_init(|| {
            let mut named = HashMap::with_capacity(self.entries.len() * 2);
            for (entry, place) in self.entries.iter().zip(0..) {
                named.entry(entry.id.clone()).or_insert(place);
            }
            for (entry, place) in self.entries.iter().zip(0..) {
                named.entry(entry.value.clone()).or_insert(place);
            }
            for (entry, place) in self.entries.iter().zip(0..) {
                for alias in &entry.aliases {
                    named.entry(alias.clone()).or_insert(place);
                }
            }
            named
        })
    }
}
