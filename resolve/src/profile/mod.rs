//! What the unlabelled records say: which columns there are, what is in them, and how rare each word is.

mod frequencies;
mod roles;

use std::collections::BTreeMap;

use rayon::prelude::*;
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};

pub(crate) use frequencies::Frequencies;
pub use roles::Role;

use crate::error::{ResolveError, unknown_column};
use crate::record::Record;
use crate::text::{Tokens, day_number, normalize, parse_date, parse_number, tokenize};

/// A column as it is compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What is in it.
    pub role: Role,
    /// In what share of the records it has a value, from 0 to 1.
    pub filled: f64,
    /// How many different values it has, case and accents aside.
    pub distinct: usize,
    /// The typical distance of two of its numbers (dates: in days): the interquartile range. 0 where it has none.
    pub scale: f64,
    pub(crate) words: Frequencies,
    pub(crate) values: Frequencies,
}

/// Columns and statistics of records. Pairs are compared by it, so it is kept with what was trained on them: the same pair
/// then has the same features wherever and in whatever company it is compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    columns: Vec<Column>,
    records: usize,
    pub(crate) words: Frequencies,
}

impl Profile {
    /// Learns from records without labels. A record that is given several times counts once.
    ///
    /// `declared` fixes the roles of columns by name; those of the others are inferred.
    ///
    /// # Errors
    /// A declared column that no record has, and records without a single value.
    pub fn fit(records: &[Record], declared: &BTreeMap<String, Role>) -> Result<Self, ResolveError> {
        let mut seen = FxHashSet::default();
        let records: Vec<&Record> = records.iter().filter(|record| seen.insert(*record)).collect();
        let names = column_names(&records);
        for column in declared.keys() {
            if !names.contains(column) {
                return Err(unknown_column(column, &names));
            }
        }
        let columns: Vec<Column> = names
            .into_par_iter()
            .filter_map(|name| {
                let role = declared.get(&name).copied();
                column(name, role, &records)
            })
            .collect();
        if columns.is_empty() {
            return Err(ResolveError::NoRecords);
        }
        let mut words = Frequencies::default();
        let documents: Vec<Vec<String>> = records.par_iter().map(|record| whole_tokens(record).words).collect();
        documents.iter().for_each(|document| words.add(document));
        Ok(Self {
            columns,
            records: records.len(),
            words,
        })
    }

    /// The columns that are compared, in the order of the first record that has them. One that is empty everywhere is not
    /// among them.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// How many different records it was learned from.
    pub fn records(&self) -> usize {
        self.records
    }

    /// Leaves out words that only one record has, which weigh as much as words that none has. This is what makes a saved
    /// profile small; no feature changes.
    #[must_use]
    pub fn pruned(mut self) -> Self {
        self.words.prune();
        for column in &mut self.columns {
            column.words.prune();
            column.values.prune();
        }
        self
    }
}

/// The tokens of all values of a record, one after another.
pub(crate) fn whole_tokens(record: &Record) -> Tokens {
    let mut all = Tokens::default();
    for (_, text) in record.fields() {
        let tokens = tokenize(&normalize(text));
        all.words.extend(tokens.words);
        all.codes.extend(tokens.codes);
        all.quantities.extend(tokens.quantities);
        all.numbers.extend(tokens.numbers);
    }
    all
}

/// Each column once, in the order in which they first come.
fn column_names(records: &[&Record]) -> Vec<String> {
    let mut seen = FxHashSet::default();
    let mut names = Vec::new();
    for record in records {
        for name in record.columns() {
            if seen.insert(name) {
                names.push(name.to_owned());
            }
        }
    }
    names
}

fn column(name: String, declared: Option<Role>, records: &[&Record]) -> Option<Column> {
    let texts: Vec<String> = records
        .iter()
        .filter_map(|record| record.get(&name))
        .map(normalize)
        .collect();
    if texts.is_empty() {
        return None;
    }
    let role = declared.unwrap_or_else(|| Role::infer(&texts));
    let mut words = Frequencies::default();
    let mut values = Frequencies::default();
    for text in &texts {
        words.add(&tokenize(text).words);
        values.add(std::slice::from_ref(text));
    }
    let mut numbers: Vec<f64> = match role {
        Role::Number => texts.iter().filter_map(|text| parse_number(text)).collect(),
        Role::Date => texts
            .iter()
            .filter_map(|text| parse_date(text))
            .map(day_number)
            .collect(),
        _ => Vec::new(),
    };
    numbers.sort_by(f64::total_cmp);
    let scale = match numbers.len() {
        0 => 0.0,
        count => numbers[(count * 3 / 4).min(count - 1)] - numbers[count / 4],
    };
    Some(Column {
        name,
        role,
        filled: texts.len() as f64 / records.len() as f64,
        distinct: values.distinct(),
        scale,
        words,
        values,
    })
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "what is compared here is exact")]
mod tests {
    use super::*;

    fn records() -> Vec<Record> {
        (0..40)
            .map(|i| {
                Record::new([
                    ("title", format!("camera model number {i} with case")),
                    ("price", format!("{}.5", 100 + i)),
                    ("empty", String::new()),
                ])
            })
            .collect()
    }

    #[test]
    fn a_column_that_is_empty_everywhere_is_not_compared() {
        let profile = Profile::fit(&records(), &BTreeMap::new()).unwrap();
        let names: Vec<&str> = profile.columns().iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["title", "price"]);
        assert_eq!(profile.columns()[1].role, Role::Number);
        assert_eq!(profile.columns()[1].scale, 20.0);
        assert_eq!(profile.records(), 40);
    }

    #[test]
    fn records_that_are_given_twice_count_once() {
        let twice: Vec<Record> = records().into_iter().chain(records()).collect();
        assert_eq!(
            Profile::fit(&twice, &BTreeMap::new()),
            Profile::fit(&records(), &BTreeMap::new())
        );
    }

    #[test]
    fn a_declared_column_must_be_there() {
        let declared = BTreeMap::from([("titel".to_owned(), Role::Name)]);
        let error = Profile::fit(&records(), &declared).unwrap_err();
        assert_eq!(error.hint().as_deref(), Some("did you mean \"title\"?"));
        assert_eq!(Profile::fit(&[], &BTreeMap::new()), Err(ResolveError::NoRecords));
    }

    #[test]
    fn a_profile_is_the_same_after_it_was_saved() {
        let profile = Profile::fit(&records(), &BTreeMap::new()).unwrap();
        let saved = serde_json::to_string(&profile).unwrap();
        assert_eq!(serde_json::from_str::<Profile>(&saved).unwrap(), profile);
        let small = serde_json::to_string(&profile.clone().pruned()).unwrap();
        assert!(small.len() < saved.len());
    }
}
