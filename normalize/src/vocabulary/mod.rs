//! A closed list or a reference table: entries with an identifier, a name and aliases, and the entry that a raw name means.
//!
//! A name is looked up as it is, then folded (case, accents, marks, legal forms, the order of words, initials), then by
//! the character trigrams and words that it shares with the names of the vocabulary, weighted by how rare they are. The
//! best of these are compared word by word (soft TF-IDF: Cohen, Ravikumar and Fienberg, *A comparison of string distance
//! metrics for name-matching tasks*, 2003). What an embedding or a model says of them is brought in by [`rerank`] and
//! [`Vocabulary::merge`].

mod build;
mod compare;
mod keys;
mod lookup;

use serde::{Deserialize, Serialize};

use crate::NormalizeError;
use crate::outcome::{Canonical, Outcome, Refusal};

/// How many entries a vocabulary holds at most.
pub const MOST_ENTRIES: usize = 4_000_000;

/// The version of what [`Vocabulary::to_bytes`] writes.
const VERSION: u32 = 1;

/// Texts one after the other.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Texts {
    text: String,
    ends: Vec<u32>,
}

impl Texts {
    fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.ends.push(self.text.len() as u32);
    }

    fn get(&self, index: u32) -> &str {
        let index = index as usize;
        let start = if index == 0 {
            0
        } else {
            self.ends.get(index - 1).copied().unwrap_or(0)
        };
        let end = self.ends.get(index).copied().unwrap_or(start);
        self.text.get(start as usize..end as usize).unwrap_or_default()
    }

    fn len(&self) -> usize {
        self.ends.len()
    }
}

/// A reference table, ready to be looked up. A table of a million entries with two names each takes about 400 MB.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Vocabulary {
    version: u32,
    /// Identifiers of the entries.
    ids: Texts,
    /// The first name of each entry, by its index.
    first: Vec<u32>,
    /// Names as they were given: of each entry its name, then its aliases.
    names: Texts,
    /// Names folded.
    folded: Texts,
    /// The entry of each name.
    owners: Vec<u32>,
    /// Hashes of the forms under which a name is found at once, sorted, each with its name.
    keys: Vec<(u64, u32)>,
    /// Hashes of trigrams and words, sorted.
    features: Vec<u64>,
    /// Where the names of each feature end in `postings`.
    ends: Vec<u32>,
    postings: Vec<u32>,
}

/// How a raw name and an entry's name are alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// It is the entry's name, or its identifier.
    Exact,
    /// It is an alias of the entry.
    Alias,
    /// It is one of them but for case, accents, marks, legal form, order of words, or by its initials.
    Folded,
    /// It is like one of them.
    Fuzzy,
    /// It was brought in from outside, by an embedding or a model.
    Outside,
}

/// An entry that a raw name may mean.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Candidate {
    /// The entry's identifier.
    pub id: String,
    /// The entry's name.
    pub name: String,
    /// Its name or alias that is like the raw name.
    pub matched: String,
    /// How alike, from 0 to 1. Not calibrated, but comparable across raw names.
    pub score: f32,
    /// In what way.
    pub how: How,
}

/// By how much the best of sorted candidates is ahead of the next one; all of its score where there is one only.
pub fn margin(candidates: &[Candidate]) -> f32 {
    match candidates {
        [] => 0.0,
        [only] => only.score,
        [best, next, ..] => best.score - next.score,
    }
}

/// Scores again with what is known from outside, such as the similarity of embeddings from 0 to 1: `weight` is its share.
/// Candidates found at once stay as they are.
pub fn rerank(candidates: &mut [Candidate], weight: f32, extra: impl Fn(&Candidate) -> Option<f32>) {
    for candidate in candidates.iter_mut().filter(|candidate| candidate.how >= How::Fuzzy) {
        if let Some(other) = extra(candidate) {
            candidate.score = (1.0 - weight) * candidate.score + weight * other.clamp(0.0, 1.0);
        }
    }
    sort(candidates);
}

fn sort(candidates: &mut [Candidate]) {
    candidates.sort_by(|one, other| other.score.total_cmp(&one.score).then_with(|| one.id.cmp(&other.id)));
}

impl Vocabulary {
    /// How many entries it has.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether it has none; a built one never has.
    pub fn is_empty(&self) -> bool {
        self.ids.len() == 0
    }

    /// Identifier and name of each entry, in the order in which they were given: what an embedding index is made of.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &str)> {
        self.first
            .iter()
            .zip(0..)
            .map(|(first, entry)| (self.ids.get(entry), self.names.get(*first)))
    }

    /// Adds entries that were found from outside, by their index in [`Vocabulary::entries`] and their similarity from 0 to
    /// 1, to candidates that lack them.
    pub fn merge(&self, candidates: &mut Vec<Candidate>, outside: &[(usize, f32)]) {
        for (entry, score) in outside {
            let Some(first) = self.first.get(*entry) else { continue };
            let id = self.ids.get(*entry as u32);
            if candidates.iter().any(|candidate| candidate.id == id) {
                continue;
            }
            let name = self.names.get(*first).to_owned();
            candidates.push(Candidate {
                id: id.to_owned(),
                matched: name.clone(),
                name,
                score: score.clamp(0.0, 1.0),
                how: How::Outside,
            });
        }
        sort(candidates);
    }

    /// The entry that a raw name means, where the best candidate has at least `threshold` and is ahead by at least
    /// `ahead`; the value is its identifier. Otherwise the candidates are ambiguous, or there is none.
    pub fn normalize(&self, raw: &str, threshold: f32, ahead: f32) -> Outcome {
        let span = crate::names::trimmed(raw);
        if span.is_empty() {
            return Outcome::Refused { reason: Refusal::Empty };
        }
        let found = self.lookup(raw, 5);
        let Some(best) = found.first() else {
            return Outcome::Refused {
                reason: Refusal::NotFound,
            };
        };
        let sure = best.score >= threshold && margin(&found) >= ahead;
        let mut candidates: Vec<Canonical> = found
            .iter()
            .map(|candidate| Canonical {
                value: candidate.id.clone(),
                parts: serde_json::json!({ "name": candidate.name, "matched": candidate.matched, "how": candidate.how }),
                confidence: candidate.score,
                span: span.clone(),
            })
            .collect();
        if sure {
            return Outcome::Canonical(candidates.remove(0));
        }
        Outcome::Ambiguous {
            candidates,
            reason: "no entry is alike enough, or several are",
        }
    }

    /// Bytes to be kept, for [`Vocabulary::from_bytes`].
    pub fn to_bytes(&self) -> Vec<u8> {
        postcard::to_stdvec(self).unwrap_or_default()
    }

    /// The vocabulary that [`Vocabulary::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NormalizeError> {
        let wrong = |message: String| NormalizeError::NotAVocabulary { message };
        let (version, _) = postcard::take_from_bytes::<u32>(bytes).map_err(|error| wrong(error.to_string()))?;
        if version != VERSION {
            return Err(wrong(format!("it has version {version}, and this reads {VERSION}")));
        }
        let read: Self = postcard::from_bytes(bytes).map_err(|error| wrong(error.to_string()))?;
        let names = read.names.len();
        let whole = read.first.len() == read.ids.len()
            && read.folded.len() == names
            && read.owners.len() == names
            && read.ends.len() == read.features.len()
            && read.ends.last().is_none_or(|end| *end as usize == read.postings.len())
            && read.ends.is_sorted()
            && read.owners.iter().all(|owner| (*owner as usize) < read.ids.len())
            && read
                .first
                .iter()
                .chain(&read.postings)
                .all(|name| (*name as usize) < names)
            && read.keys.iter().all(|(_, name)| (*name as usize) < names);
        if whole {
            Ok(read)
        } else {
            Err(wrong("its parts don't fit each other".to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cities() -> Vocabulary {
        let entries = [
            ("1", "Universität Musterstadt", vec!["Musterstadt University", "UM"]),
            ("2", "Musterstadt Institute of Technology", vec!["MIoT"]),
            ("3", "Acme Holdings Ltd.", vec![]),
            ("4", "Société Générale d'Exemples", vec![]),
            ("5", "Northern Example University", vec![]),
            ("6", "Southern Example University", vec![]),
        ];
        Vocabulary::build(entries).unwrap()
    }

    fn best(raw: &str) -> (String, How) {
        let found = cities().lookup(raw, 3);
        found.first().map_or(("-".to_owned(), How::Fuzzy), |candidate| {
            (candidate.id.clone(), candidate.how)
        })
    }

    #[test]
    fn a_name_is_found_exactly_by_alias_folded_and_fuzzily() {
        assert_eq!(best("Universität Musterstadt"), ("1".to_owned(), How::Exact));
        assert_eq!(best("Musterstadt University"), ("1".to_owned(), How::Alias));
        assert_eq!(best("UNIVERSITAT MUSTERSTADT"), ("1".to_owned(), How::Folded));
        assert_eq!(best("University of Musterstadt"), ("1".to_owned(), How::Folded));
        assert_eq!(best("acme holdings"), ("3".to_owned(), How::Folded));
        assert_eq!(best("MIT"), ("2".to_owned(), How::Folded));
        assert_eq!(best("Societe Generale d Exemple"), ("4".to_owned(), How::Fuzzy));
        assert_eq!(
            best("Dept. of Physics, Musterstadt Inst. of Technology"),
            ("2".to_owned(), How::Fuzzy)
        );
    }

    #[test]
    fn what_could_be_two_entries_is_ambiguous() {
        let outcome = cities().normalize("Example University", 0.8, 0.05);
        assert!(outcome.candidates().len() >= 2);
        assert_eq!(outcome.value(), None);
        assert_eq!(
            cities().normalize("zzz", 0.8, 0.05),
            Outcome::Refused {
                reason: Refusal::NotFound
            }
        );
    }

    #[test]
    fn a_vocabulary_is_kept_as_bytes() {
        let bytes = cities().to_bytes();
        let read = Vocabulary::from_bytes(&bytes).unwrap();
        assert_eq!(read.lookup("acme holdings", 1), cities().lookup("acme holdings", 1));
        assert_eq!(Vocabulary::from_bytes(&bytes[..40]).unwrap_err().code(), "RF1706");
        assert_eq!(Vocabulary::from_bytes(&[9, 9]).unwrap_err().code(), "RF1706");
    }

    #[test]
    fn what_an_embedding_says_is_brought_in() {
        let vocabulary = cities();
        let mut found = vocabulary.lookup("Example Univ", 3);
        vocabulary.merge(&mut found, &[(2, 0.4)]);
        assert!(
            found
                .iter()
                .any(|candidate| candidate.id == "3" && candidate.how == How::Outside)
        );
        rerank(&mut found, 0.9, |candidate| {
            Some(if candidate.id == "6" { 1.0 } else { 0.0 })
        });
        assert_eq!(found[0].id, "6");
    }

    #[test]
    fn two_entries_need_two_identifiers() {
        let twice = [("a", "One", Vec::<&str>::new()), ("a", "Two", vec![])];
        assert_eq!(Vocabulary::build(twice).unwrap_err().code(), "RF1703");
        assert_eq!(
            Vocabulary::build(Vec::<(&str, &str, Vec<&str>)>::new())
                .unwrap_err()
                .code(),
            "RF1704"
        );
    }
}
