//! How a raw name is looked up.

use std::cell::RefCell;

use rustc_hash::FxHashMap;

use super::compare::{Word, coverage, score, words};
use super::keys::{self, Sort};
use super::{Candidate, How, Vocabulary, sort};

/// How many names of features are looked at for one raw name; those of rare features come first.
const BUDGET: usize = 60_000;

/// How many names are compared word by word.
const COMPARED: usize = 48;

thread_local! {
    /// What each name has in common with a raw name; all zero between look-ups.
    static OVERLAP: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

impl Vocabulary {
    /// The entries that a raw name may mean, the best first, at most `limit`. Each entry is there once.
    pub fn lookup(&self, raw: &str, limit: usize) -> Vec<Candidate> {
        let raw = &raw[crate::names::trimmed(raw)];
        let mut best: FxHashMap<u32, (f32, How, u32)> = FxHashMap::default();
        let mut keep = |name: u32, score: f32, how: How| {
            let owner = self.owners[name as usize];
            let entry = best.entry(owner).or_insert((0.0, How::Fuzzy, name));
            if score > entry.0 {
                *entry = (score, how, name);
            }
        };
        let mut found_at_once = 0.0_f32;
        // Brackets often hold an abbreviation or a place; without them the name may be found at once.
        let without = without_brackets(raw);
        for (text, penalty) in [(raw, 0.0), (without.as_str(), 0.02)] {
            if penalty > 0.0 && text == raw {
                continue;
            }
            let folded = keys::fold(text);
            if folded.is_empty() {
                continue;
            }
            for (sort, hash) in keys::raw_keys(text, &folded) {
                for &(_, name) in self.names_of_key(hash) {
                    let (score, how) = self.at_once(name, text, sort);
                    found_at_once = found_at_once.max(score - penalty);
                    keep(name, score - penalty, how);
                }
            }
        }
        // What is found surely makes the rest superfluous, but for showing others that are near.
        if found_at_once < 0.97 || limit > 1 {
            for (name, score) in self.fuzzy(&keys::fold(raw)) {
                keep(name, score, How::Fuzzy);
            }
        }
        let mut candidates: Vec<Candidate> = best
            .into_iter()
            .map(|(owner, (score, how, name))| Candidate {
                id: self.ids.get(owner).to_owned(),
                name: self.names.get(self.first[owner as usize]).to_owned(),
                matched: self.names.get(name).to_owned(),
                score,
                how,
            })
            .collect();
        sort(&mut candidates);
        candidates.truncate(limit);
        candidates
    }

    fn names_of_key(&self, hash: u64) -> &[(u64, u32)] {
        let start = self.keys.partition_point(|(key, _)| *key < hash);
        let end = start + self.keys[start..].partition_point(|(key, _)| *key == hash);
        // A key of very many names says nothing.
        &self.keys[start..end.min(start + 1000)]
    }

    fn at_once(&self, name: u32, raw: &str, sort: Sort) -> (f32, How) {
        let first = self.first[self.owners[name as usize] as usize] == name;
        match sort {
            Sort::Written if self.names.get(name) == raw.trim() && first => (1.0, How::Exact),
            Sort::Written if first => (0.99, How::Exact),
            Sort::Written => (0.985, How::Alias),
            Sort::Folded => (0.975, How::Folded),
            Sort::Core => (0.96, How::Folded),
            Sort::Words => (0.955, How::Folded),
            Sort::Initials => (0.72, How::Folded),
        }
    }

    /// How rare a feature is: the logarithm of all names over those that have it.
    fn rarity(&self, having: usize) -> f32 {
        ((1.0 + self.names.len() as f32) / (0.5 + having as f32)).ln().max(0.05)
    }

    /// The names that are most like a folded name, with their scores.
    fn fuzzy(&self, folded: &str) -> Vec<(u32, f32)> {
        let mut features = Vec::new();
        keys::features(folded, &mut features);
        let mut postings: Vec<&[u32]> = features.iter().map(|feature| self.names_with(*feature)).collect();
        postings.retain(|names| !names.is_empty());
        postings.sort_by_key(|names| names.len());
        let near = OVERLAP.with_borrow_mut(|overlap| {
            if overlap.len() < self.names.len() {
                overlap.resize(self.names.len(), 0.0);
            }
            let mut touched: Vec<u32> = Vec::new();
            let mut left = BUDGET;
            for names in postings {
                if names.len() > left {
                    // One that is too common is only looked at where there is nothing better.
                    if !touched.is_empty() || left < BUDGET {
                        break;
                    }
                }
                let weight = self.rarity(names.len());
                for name in names.iter().take(left) {
                    let slot = &mut overlap[*name as usize];
                    if *slot == 0.0 {
                        touched.push(*name);
                    }
                    *slot += weight;
                }
                left = left.saturating_sub(names.len());
            }
            // A short name that shares the same is nearer than a long one.
            let rank = |name: u32| {
                let length = self.folded.get(name).len() as f32;
                overlap[name as usize] / (8.0 + length).sqrt()
            };
            let mut ranked: Vec<(f32, u32)> = touched.iter().map(|name| (overlap[*name as usize], *name)).collect();
            // Lengths are only looked up of those that have much in common.
            best_of(&mut ranked, COMPARED * 6);
            ranked.iter_mut().for_each(|(score, name)| *score = rank(*name));
            best_of(&mut ranked, COMPARED);
            touched.iter().for_each(|name| overlap[*name as usize] = 0.0);
            ranked
        });
        let weigh = |word: &str| self.rarity(self.names_with(keys::word_feature(word)).len());
        let core = keys::core(folded);
        let raw: Vec<Word> = words(core, weigh);
        near.into_iter()
            .map(|(_, name)| {
                let other = keys::core(self.folded.get(name));
                (name, score(core, other, coverage(&raw, &words(other, weigh))))
            })
            .filter(|(_, score)| *score >= 0.35)
            .collect()
    }
}

/// Keeps the `count` highest, in no order.
fn best_of(ranked: &mut Vec<(f32, u32)>, count: usize) {
    if ranked.len() > count {
        ranked.select_nth_unstable_by(count, |one, other| other.0.total_cmp(&one.0));
        ranked.truncate(count);
    }
}

/// A name without what stands in brackets.
fn without_brackets(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    let mut depth = 0_u32;
    for character in name.chars() {
        match character {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            other if depth == 0 => text.push(other),
            _ => {}
        }
    }
    text.trim().to_owned()
}
