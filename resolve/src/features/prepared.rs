//! A record with everything that comparing it needs, computed once.

use jiff::civil::Date;

use super::bag::Bag;
use crate::profile::{Profile, Role};
use crate::record::Record;
use crate::text::{Quantity, Tokens, Trigrams, compact, normalize, parse_date, parse_number, stable_hash, tokenize};

/// How many runs of three characters are kept of a value and of a record.
const FIELD_TRIGRAMS: usize = 96;
const RECORD_TRIGRAMS: usize = 192;
/// How many codes of a record are compared; the rarest are taken.
const CODE_LIMIT: usize = 24;

/// A record ready to be compared: at most some kilobytes, however long its texts are.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// One for each column of the profile; `None` where the value is missing.
    pub(crate) fields: Vec<Option<Field>>,
    pub(crate) bag: Bag,
    pub(crate) trigrams: Trigrams,
    pub(crate) codes: Vec<Code>,
    pub(crate) quantities: Vec<Quantity>,
    /// Numbers, those of quantities among them, each once, in ascending order.
    pub(crate) numbers: Vec<f64>,
    /// Letters and digits of the record, run together.
    pub(crate) compact: Box<str>,
    pub(crate) first_word: Box<str>,
    /// Says which of two records comes first, so that a pair has the same features both ways.
    pub(crate) order: u64,
}

/// A value.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) text: Box<str>,
    /// Letters and digits run together, of codes and dates.
    pub(crate) compact: Box<str>,
    pub(crate) hash: u64,
    pub(crate) bag: Bag,
    pub(crate) trigrams: Trigrams,
    pub(crate) number: Option<f64>,
    pub(crate) date: Option<Date>,
}

/// A model, part or serial number.
#[derive(Debug, Clone)]
pub(crate) struct Code {
    pub(crate) text: Box<str>,
    pub(crate) rarity: f32,
}

impl Prepared {
    pub(crate) fn new(record: &Record, profile: &Profile) -> Self {
        let mut all = Tokens::default();
        let mut whole = String::new();
        for (_, text) in record.fields() {
            let text = normalize(text);
            let tokens = tokenize(&text);
            all.words.extend(tokens.words);
            all.codes.extend(tokens.codes);
            all.quantities.extend(tokens.quantities);
            all.numbers.extend(tokens.numbers);
            if !whole.is_empty() {
                whole.push(' ');
            }
            whole.push_str(&text);
        }
        let fields = profile
            .columns()
            .iter()
            .map(|column| {
                let text = normalize(record.get(&column.name)?);
                let with_code = matches!(column.role, Role::Code | Role::Date);
                let words = if with_code || column.role == Role::Number {
                    Vec::new()
                } else {
                    tokenize(&text).words
                };
                let runs = match column.role {
                    Role::Name | Role::Text | Role::Category => Trigrams::new(&text, FIELD_TRIGRAMS),
                    _ => Trigrams::default(),
                };
                Some(Field {
                    compact: if with_code { compact(&text) } else { String::new() }.into_boxed_str(),
                    hash: stable_hash(&text),
                    bag: Bag::new(&words, &column.words),
                    trigrams: runs,
                    number: (column.role == Role::Number).then(|| parse_number(&text)).flatten(),
                    date: (column.role == Role::Date).then(|| parse_date(&text)).flatten(),
                    text: text.into_boxed_str(),
                })
            })
            .collect();
        let mut numbers = all.numbers;
        numbers.extend(all.quantities.iter().map(|quantity| quantity.value));
        numbers.sort_by(f64::total_cmp);
        numbers.dedup();
        Self {
            fields,
            bag: Bag::new(&all.words, &profile.words),
            trigrams: Trigrams::new(&whole, RECORD_TRIGRAMS),
            codes: codes(all.codes, profile),
            quantities: all.quantities,
            numbers,
            first_word: all.words.first().cloned().unwrap_or_default().into_boxed_str(),
            order: stable_hash(&whole),
            compact: compact(&whole).into_boxed_str(),
        }
    }
}

/// Each code once, the rarest first.
fn codes(mut texts: Vec<String>, profile: &Profile) -> Vec<Code> {
    texts.sort_unstable();
    texts.dedup();
    let mut codes: Vec<Code> = texts
        .into_iter()
        .map(|text| Code {
            rarity: profile.words.rarity(stable_hash(&text)),
            text: text.into_boxed_str(),
        })
        .collect();
    codes.sort_by(|a, b| b.rarity.total_cmp(&a.rarity));
    codes.truncate(CODE_LIMIT);
    codes
}
