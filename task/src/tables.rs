//! What tasks over whole tables say: which records are the same thing, and which cells are wrong.
//!
//! These are settings alone. What works by them is the crate `refuel-relations`.

use serde::Serialize;

/// Most labelled pairs or rows that a task can have.
pub const MOST_SOLVED: usize = 100_000;

/// What a task over a whole table says, beside its name and what people read.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TableTask {
    /// Kind `resolve`.
    Resolve(ResolveTask),
    /// Kind `repair`.
    Repair(RepairTask),
}

impl TableTask {
    /// The column that names a row, where there is one.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Resolve(task) => task.key.as_deref(),
            Self::Repair(task) => task.key.as_deref(),
        }
    }

    /// Whether the task reads what is in a column: its key, and what it looks at.
    pub fn reads(&self, column: &str) -> bool {
        let named: Vec<&str> = match self {
            Self::Resolve(task) => task.columns.iter().map(|column| &*column.name).collect(),
            Self::Repair(task) => task.columns.iter().map(String::as_str).collect(),
        };
        let (Self::Resolve(ResolveTask { ignore, .. }) | Self::Repair(RepairTask { ignore, .. })) = self;
        let ignored = ignore.iter().any(|name| name == column);
        self.key() == Some(column) || (!ignored && (named.is_empty() || named.contains(&column)))
    }

    /// How many solved pairs or rows the task has.
    pub fn solved(&self) -> usize {
        match self {
            Self::Resolve(task) => task.pairs.len(),
            Self::Repair(task) => task.rows.len(),
        }
    }
}

/// Which records of one or two tables are the same thing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ResolveTask {
    /// The column that names a record. Without one, a record is named by its place, from 1.
    pub key: Option<String>,
    /// The columns that are compared, in the order of their names; none means all but the key and those that are ignored.
    pub columns: Vec<ComparedColumn>,
    /// Columns that are left out.
    pub ignore: Vec<String>,
    /// Where matches are looked for; none means within one table, and between two that are clean by themselves.
    pub mode: Option<LinkMode>,
    /// Which pairs are compared; none means the usual rules.
    pub blocking: Vec<BlockingRule>,
    /// How many pairs are compared at most.
    pub max_pairs: Option<u64>,
    /// Above this probability a pair speaks for being one thing, below it against.
    pub threshold: f32,
    /// How columns of the canonical record are chosen, in the order of their names.
    pub canonical: Vec<(String, CanonicalRule)>,
    /// Pairs of which it is known whether they are the same.
    pub pairs: Vec<LabelledPair>,
}

/// A column that is compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ComparedColumn {
    /// Its name.
    pub name: String,
    /// What is in it; found out where it isn't told.
    pub role: Option<ColumnRole>,
}

/// What is in a column, which decides how it is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnRole {
    /// A few words, of which each counts.
    Name,
    /// Letters and digits without a meaning of their own.
    Code,
    /// Numbers that can be near each other.
    Number,
    /// Dates.
    Date,
    /// Many words.
    Text,
    /// One of a few values.
    Category,
}

impl ColumnRole {
    /// The words in task files.
    pub const WORDS: [(&str, Self); 6] = [
        ("name", Self::Name),
        ("code", Self::Code),
        ("number", Self::Number),
        ("date", Self::Date),
        ("text", Self::Text),
        ("category", Self::Category),
    ];

    /// The word in task files.
    pub fn word(self) -> &'static str {
        Self::WORDS
            .into_iter()
            .find(|(_, own)| *own == self)
            .map_or("", |(word, _)| word)
    }
}

/// Where matches are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkMode {
    /// Within one table.
    Deduplicate,
    /// Between two tables, each of which has nothing twice.
    Link,
    /// Between two tables and within each.
    LinkAndDeduplicate,
}

impl LinkMode {
    /// The words in task files.
    pub const WORDS: [(&str, Self); 3] = [
        ("deduplicate", Self::Deduplicate),
        ("link", Self::Link),
        ("link_and_deduplicate", Self::LinkAndDeduplicate),
    ];
}

/// A way of finding pairs that are worth comparing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BlockingRule {
    /// For each record, so many that share most words with it.
    Words(u32),
    /// For each record, so many that share most runs of three characters with it.
    Trigrams(u32),
    /// For each record, so many whose embeddings are nearest.
    Embeddings(u32),
    /// Records that stand next to each other when sorted by a column.
    Sorted {
        /// The column; without one, each that has many values.
        column: Option<String>,
        /// How many neighbours on either side.
        window: u32,
    },
    /// Records that have the same key.
    Key(Vec<KeyPart>),
    /// Records whose runs of three characters are probably much the same.
    MinHash {
        /// How many chances there are.
        bands: u32,
        /// How many values must agree in one of them.
        rows: u32,
    },
}

/// A part of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyPart {
    /// The column.
    pub column: String,
    /// What of its value.
    pub take: Take,
}

/// What of a value stands in a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Take {
    /// All of it.
    All,
    /// So many letters or digits from its beginning.
    First(u32),
    /// So many letters or digits from its end.
    Last(u32),
    /// Its digits.
    Digits,
}

/// How a column of a canonical record is chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CanonicalRule {
    /// The value that most records have.
    Vote,
    /// The longest value.
    Longest,
    /// The value of the record with the latest date in this column.
    Latest(String),
    /// The value of the record whose table comes first in this list of numbers of tables, from 1.
    Source(Vec<u32>),
}

/// A pair of which it is known whether it is the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LabelledPair {
    /// One record.
    pub left: PairSide,
    /// The other.
    pub right: PairSide,
    /// Whether they are the same thing.
    pub same: bool,
}

/// A record of a labelled pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PairSide {
    /// The one of the table with this key.
    Key(String),
    /// One with these columns and values, whether or not the table has it.
    Record(Vec<(String, String)>),
}

/// Which cells of a table are wrong, and what should stand there.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RepairTask {
    /// The column that names a row. Without one, a row is named by its place, from 1.
    pub key: Option<String>,
    /// The columns that are looked at; none means all but the key and those that are ignored.
    pub columns: Vec<String>,
    /// Columns that are left alone, and tell nothing of others.
    pub ignore: Vec<String>,
    /// The least confidence of a proposal.
    pub threshold: f32,
    /// Whether cells are named that look wrong where nothing can be proposed.
    pub unknown: bool,
    /// Rows that a person put right.
    pub rows: Vec<RightRow>,
}

/// A row that a person put right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RightRow {
    /// Its key.
    pub key: String,
    /// Columns with what should stand in them; none where nothing should.
    pub values: Vec<(String, Option<String>)>,
}
