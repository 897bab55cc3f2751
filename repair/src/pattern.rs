//! The form of a value: its characters by class, runs put together.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::table::{Column, MISSING};

/// The pattern of a text: `9` for a run of digits, `A` for one of capitals, `a` for one of small letters, `Aa` for a
/// capital before small letters; white space is one space, and the same word after itself is written once. What is
/// none of these stands for itself: `12.0 oz.` is `9.9 a.`, `San Diego` is `Aa`.
pub(crate) fn pattern(text: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    for letter in text.trim().chars() {
        if letter.is_whitespace() {
            if !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
            continue;
        }
        let class = if letter.is_numeric() {
            '9'
        } else if letter.is_uppercase() {
            'A'
        } else if letter.is_alphabetic() {
            'a'
        } else {
            letter
        };
        if !(matches!(class, '9' | 'A' | 'a') && word.ends_with(class)) {
            word.push(class);
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words.dedup();
    let mut pattern = words.join(" ");
    if text.starts_with(char::is_whitespace) {
        pattern.insert(0, ' ');
    }
    if text.ends_with(char::is_whitespace) {
        pattern.push(' ');
    }
    pattern
}

/// The patterns of a column: how many rows have each.
#[derive(Debug)]
pub(crate) struct Patterns {
    of_code: Vec<u32>,
    lookup: FxHashMap<Arc<str>, u32>,
    names: Vec<Arc<str>>,
    counts: Vec<u32>,
    present: u32,
    dominant: u32,
}

impl Patterns {
    /// The patterns of the values that a column has.
    pub(crate) fn of(column: &Column) -> Self {
        let mut patterns = Self {
            of_code: vec![0],
            lookup: FxHashMap::default(),
            names: vec!["".into()],
            counts: vec![0],
            present: column.present() as u32,
            dominant: 0,
        };
        patterns.extend(column);
        let most = |&id: &u32| (patterns.counts[id as usize], std::cmp::Reverse(id));
        patterns.dominant = (0..patterns.names.len() as u32).max_by_key(most).unwrap_or_default();
        patterns
    }

    /// Takes codes in that the column has got since.
    pub(crate) fn extend(&mut self, column: &Column) {
        for code in self.of_code.len() as u32..column.code_count() as u32 {
            let name = pattern(column.text(code));
            let id = if let Some(&id) = self.lookup.get(name.as_str()) {
                id
            } else {
                let id = self.names.len() as u32;
                let name: Arc<str> = name.into();
                self.names.push(name.clone());
                self.lookup.insert(name, id);
                self.counts.push(0);
                id
            };
            self.counts[id as usize] += column.count(code);
            self.of_code.push(id);
        }
    }

    /// The number of the pattern of a code.
    pub(crate) fn of_code(&self, code: u32) -> u32 {
        self.of_code[code as usize]
    }

    /// The pattern of a code, written out.
    pub(crate) fn name(&self, code: u32) -> &str {
        &self.names[self.of_code(code) as usize]
    }

    /// In how many rows the pattern of a code stands.
    pub(crate) fn count(&self, code: u32) -> u32 {
        if code == MISSING {
            return 0;
        }
        self.counts[self.of_code(code) as usize]
    }

    /// The share of the rows with a value that have a pattern, from 0 to 1.
    pub(crate) fn share_of(&self, text: &str) -> f32 {
        match self.lookup.get(pattern(text).as_str()) {
            Some(&id) if self.present > 0 => self.counts[id as usize] as f32 / self.present as f32,
            _ => 0.0,
        }
    }

    /// The share of the rows with a value that have the pattern of a code, from 0 to 1.
    pub(crate) fn share(&self, code: u32) -> f32 {
        if self.present == 0 {
            return 0.0;
        }
        self.count(code) as f32 / self.present as f32
    }

    /// Whether most rows have one pattern.
    pub(crate) fn has_dominant(&self) -> bool {
        let (_, rows, present) = self.dominant();
        present > 0 && rows * 2 >= present
    }

    /// The most common pattern, how many rows have it, and how many rows have a value.
    pub(crate) fn dominant(&self) -> (&str, u32, u32) {
        let best = self.dominant as usize;
        (&self.names[best], self.counts[best], self.present)
    }
}

#[cfg(test)]
mod tests {
    use super::pattern;

    #[test]
    fn runs_are_put_together() {
        assert_eq!(pattern("12.0 oz."), "9.9 a.");
        assert_eq!(pattern("San Diego"), "Aa");
        assert_eq!(pattern("San Diego CA"), "Aa A");
        assert_eq!(pattern("x565435x00"), "a9a9");
        assert_eq!(pattern(" 5 %"), " 9 %");
        assert_eq!(pattern(""), "");
    }
}
