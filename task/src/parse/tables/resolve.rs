//! Reads tasks of kind `resolve`.

use std::path::Path;

use serde_json::Value;

use super::{Solved, check_columns, column, ignored, key, solved_rows, value};
use crate::error::{Place, TaskError};
use crate::input::Record;
use crate::kinds::{Kind, Known};
use crate::parse::fields::{Fields, not_one_of, text, wrong_type};
use crate::tables::{
    BlockingRule, CanonicalRule, ColumnRole, ComparedColumn, KeyPart, LabelledPair, LinkMode, PairSide, ResolveTask,
    Take,
};
use crate::yaml::{Content, Node};

/// Above this probability a pair speaks for being one thing, unless told.
pub(crate) const THRESHOLD: f32 = 0.5;
/// Most rules of blocking.
pub(crate) const MOST_RULES: usize = 32;
/// Most records that a rule pairs a record with.
pub(crate) const MOST_NEIGHBOURS: u64 = 10_000;

const RULES: [&str; 6] = ["words", "trigrams", "embeddings", "sorted", "key", "min_hash"];
/// The key of an example, and the column of a file of examples, that says whether a pair is the same.
const ANSWER: &str = "match";

pub(super) fn read(fields: &mut Fields, folder: Option<&Path>) -> Result<ResolveTask, TaskError> {
    let key = key(fields)?;
    let place = fields.place_of("columns").unwrap_or(&fields.place).clone();
    let mut columns = fields.take("columns").map(compared).transpose()?.unwrap_or_default();
    // The table says their order. A catalog keeps maps in another than they were written in.
    columns.sort_by(|one, other| one.name.cmp(&other.name));
    let ignore = ignored(fields)?;
    let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    check_columns(&place, &names, &ignore, key.as_deref())?;
    let embeds = fields.place_of("model").is_some();
    let blocking = match fields.take("blocking") {
        None => Vec::new(),
        Some(node) => rules(node, embeds)?,
    };
    let of_threshold = fields.place_of("threshold").cloned();
    let threshold = fields.probability("threshold")?.unwrap_or(THRESHOLD);
    if threshold <= 0.0 || threshold >= 1.0 {
        return Err(TaskError::Invalid {
            place: of_threshold.unwrap_or(place),
            message: format!("\"threshold\" must be between 0 and 1, not {threshold}"),
            hint: Some("a pair that is more probable than this is taken for one thing".to_owned()),
        });
    }
    let canonical = fields.take("canonical").map(choices).transpose()?.unwrap_or_default();
    let pairs = pairs(&solved_rows(fields, Some(ANSWER), folder)?)?;
    Ok(ResolveTask {
        key,
        columns,
        ignore,
        mode: fields.choice("mode", &LinkMode::WORDS)?,
        blocking,
        max_pairs: fields.whole("max_pairs", 1, u64::from(u32::MAX))?,
        threshold,
        canonical,
        pairs,
    })
}

/// Columns as a list of names, or as a map of names to what is in them.
fn compared(node: Node) -> Result<Vec<ComparedColumn>, TaskError> {
    match node.content {
        Content::List(items) => items
            .into_iter()
            .map(|item| {
                Ok(ComparedColumn {
                    name: column(item)?,
                    role: None,
                })
            })
            .collect(),
        Content::Map(entries) => entries
            .into_iter()
            .map(|(name, _, node)| {
                let role = match node.content {
                    Content::Null => None,
                    _ => Some(word(node, &name, &ColumnRole::WORDS)?),
                };
                Ok(ComparedColumn { name, role })
            })
            .collect(),
        _ => Err(wrong_type(
            &node,
            "a list of columns, or a map of columns to what is in them",
        )),
    }
}

/// One word out of a fixed set.
fn word<T: Copy>(node: Node, key: &str, words: &[(&str, T)]) -> Result<T, TaskError> {
    let place = node.place.clone();
    let written = text(node)?;
    let found = words.iter().find(|(word, _)| *word == written);
    found
        .map(|(_, meant)| *meant)
        .ok_or_else(|| not_one_of(place, key, &written, words.iter().map(|(word, _)| *word)))
}

fn rules(node: Node, embeds: bool) -> Result<Vec<BlockingRule>, TaskError> {
    let place = node.place.clone();
    let Content::List(items) = node.content else {
        return Err(wrong_type(&node, "a list of rules"));
    };
    if items.is_empty() || items.len() > MOST_RULES {
        return Err(TaskError::Invalid {
            place,
            message: format!(
                "\"blocking\" must have from 1 to {MOST_RULES} rules, not {}",
                items.len()
            ),
            hint: Some("leave it out for the usual rules".to_owned()),
        });
    }
    items.into_iter().map(|item| rule(item, embeds)).collect()
}

/// A rule is a map with one key.
fn rule(node: Node, embeds: bool) -> Result<BlockingRule, TaskError> {
    let mut fields = Fields::open(node, &RULES)?;
    let place = fields.place.clone();
    let given: Vec<&str> = RULES
        .into_iter()
        .filter(|rule| fields.place_of(rule).is_some())
        .collect();
    let [name] = given[..] else {
        return Err(TaskError::Invalid {
            place,
            message: format!("a rule of \"blocking\" has one key, not {}", given.len()),
            hint: Some("write each rule as an item of the list, such as `- words: 20`".to_owned()),
        });
    };
    Ok(match name {
        "words" => BlockingRule::Words(count(&mut fields, name)?),
        "trigrams" => BlockingRule::Trigrams(count(&mut fields, name)?),
        "embeddings" if embeds => BlockingRule::Embeddings(count(&mut fields, name)?),
        "embeddings" => {
            return Err(TaskError::Invalid {
                place,
                message: "blocking by embeddings needs a model".to_owned(),
                hint: Some("name an embedding model: model: all-minilm-l6-v2".to_owned()),
            });
        }
        "sorted" => sorted(&mut fields)?,
        "key" => BlockingRule::Key(parts(&mut fields)?),
        _ => {
            let mut inner = Fields::open(fields.require(name, "")?, &["bands", "rows"])?;
            BlockingRule::MinHash {
                bands: inner.whole("bands", 1, MOST_NEIGHBOURS)?.unwrap_or(20) as u32,
                rows: inner.whole("rows", 1, MOST_NEIGHBOURS)?.unwrap_or(5) as u32,
            }
        }
    })
}

/// How many records a rule pairs a record with.
fn count(fields: &mut Fields, name: &str) -> Result<u32, TaskError> {
    let count = fields.whole(name, 1, MOST_NEIGHBOURS)?;
    Ok(count.unwrap_or_default() as u32)
}

fn sorted(fields: &mut Fields) -> Result<BlockingRule, TaskError> {
    let node = fields.require("sorted", "")?;
    if matches!(node.content, Content::Map(_)) {
        let mut inner = Fields::open(node, &["column", "window"])?;
        let column = inner.take("column").map(column).transpose()?;
        let window = inner.whole("window", 1, MOST_NEIGHBOURS)?.unwrap_or(3) as u32;
        return Ok(BlockingRule::Sorted { column, window });
    }
    match &node.content {
        Content::Number(number)
            if number
                .as_u64()
                .is_some_and(|window| (1..=MOST_NEIGHBOURS).contains(&window)) =>
        {
            let window = number.as_u64().unwrap_or_default() as u32;
            Ok(BlockingRule::Sorted { column: None, window })
        }
        _ => Err(wrong_type(
            &node,
            "how many neighbours are looked at, or a map of \"column\" and \"window\"",
        )),
    }
}

/// The parts of a key: a column, or a list of columns and of maps that take a part of one.
fn parts(fields: &mut Fields) -> Result<Vec<KeyPart>, TaskError> {
    let node = fields.require("key", "")?;
    let place = node.place.clone();
    let items = match node.content {
        Content::List(items) => items,
        _ => vec![node],
    };
    if items.is_empty() {
        return Err(TaskError::Invalid {
            place,
            message: "a key has no parts".to_owned(),
            hint: Some("name its columns, such as `- key: [city, {column: name, first: 4}]`".to_owned()),
        });
    }
    items.into_iter().map(part).collect()
}

fn part(node: Node) -> Result<KeyPart, TaskError> {
    if !matches!(node.content, Content::Map(_)) {
        return Ok(KeyPart {
            column: column(node)?,
            take: Take::All,
        });
    }
    let mut fields = Fields::open(node, &["column", "first", "last", "digits"])?;
    let place = fields.place.clone();
    let named = column(fields.require("column", "name the column that the part is taken of")?)?;
    let first = fields.whole("first", 1, MOST_NEIGHBOURS)?;
    let last = fields.whole("last", 1, MOST_NEIGHBOURS)?;
    let digits = fields.flag("digits")?.unwrap_or(false);
    let take = match (first, last, digits) {
        (None, None, false) => Take::All,
        (Some(count), None, false) => Take::First(count as u32),
        (None, Some(count), false) => Take::Last(count as u32),
        (None, None, true) => Take::Digits,
        _ => {
            return Err(TaskError::Invalid {
                place,
                message: "a part of a key has several of \"first\", \"last\" and \"digits\"".to_owned(),
                hint: Some("keep one; a column may stand in a key twice".to_owned()),
            });
        }
    };
    Ok(KeyPart { column: named, take })
}

fn choices(node: Node) -> Result<Vec<(String, CanonicalRule)>, TaskError> {
    let Content::Map(entries) = node.content else {
        return Err(wrong_type(&node, "a map of columns to how they are chosen"));
    };
    let mut choices = entries
        .into_iter()
        .map(|(column, _, node)| Ok((column.clone(), choice(&column, node)?)))
        .collect::<Result<Vec<_>, TaskError>>()?;
    choices.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(choices)
}

fn choice(of: &str, node: Node) -> Result<CanonicalRule, TaskError> {
    if !matches!(node.content, Content::Map(_)) {
        let words = [("vote", false), ("longest", true)];
        return Ok(if word(node, of, &words)? {
            CanonicalRule::Longest
        } else {
            CanonicalRule::Vote
        });
    }
    let mut fields = Fields::open(node, &["latest", "source"])?;
    let place = fields.place.clone();
    match (fields.take("latest"), fields.take("source")) {
        (Some(by), None) => Ok(CanonicalRule::Latest(column(by)?)),
        (None, Some(order)) => Ok(CanonicalRule::Source(sources(order)?)),
        _ => Err(TaskError::Invalid {
            place,
            message: format!("how \"{of}\" is chosen is not said"),
            hint: Some("write vote, longest, {latest: COLUMN} or {source: [2, 1]}".to_owned()),
        }),
    }
}

fn sources(node: Node) -> Result<Vec<u32>, TaskError> {
    let wrong = wrong_type(&node, "a list of numbers of tables, from 1");
    let Content::List(items) = node.content else {
        return Err(wrong);
    };
    let numbers = items.iter().map(|item| match &item.content {
        Content::Number(number) => number.as_u64().filter(|number| (1..=1000).contains(number)),
        _ => None,
    });
    let numbers: Option<Vec<u32>> = numbers.map(|number| number.map(|number| number as u32)).collect();
    numbers.filter(|numbers| !numbers.is_empty()).ok_or(wrong)
}

/// Pairs out of `left`, `right` and `match`: keys of records, or records; or out of `left_name`, `right_name` and so on.
fn pairs(solved: &Solved) -> Result<Vec<LabelledPair>, TaskError> {
    let answer = solved.answer_column.as_deref().unwrap_or(ANSWER);
    let mut pairs = Vec::with_capacity(solved.records.len());
    for (place, record) in &solved.records {
        let missing = |key: &str, hint: &str| TaskError::MissingKey {
            place: place.clone(),
            key: key.to_owned(),
            context: " in an example".to_owned(),
            hint: hint.to_owned(),
        };
        let Some(said) = record.get(answer) else {
            return Err(missing(
                answer,
                "it says whether the pair is the same; \"match\" beside \"from\" names another column",
            ));
        };
        let same = Kind::MATCH.rules().read_answer(said, Known::default());
        let same = same.map_err(|problem| TaskError::Invalid {
            place: place.clone(),
            message: problem.message,
            hint: problem.hint,
        })?;
        let side = |name: &str| {
            side(record, name, place)?.ok_or_else(|| {
                missing(
                    name,
                    "give the key of a record, or a record, or its columns as left_name and right_name",
                )
            })
        };
        pairs.push(LabelledPair {
            left: side("left")?,
            right: side("right")?,
            same: same == Value::Bool(true),
        });
    }
    Ok(pairs)
}

fn side(record: &Record, name: &str, place: &Place) -> Result<Option<PairSide>, TaskError> {
    let fields = |entries: &mut dyn Iterator<Item = (String, &Value)>| -> Vec<(String, String)> {
        let mut fields: Vec<(String, String)> = entries
            .filter_map(|(column, held)| Some((column, value(held)?)))
            .collect();
        fields.sort_unstable();
        fields
    };
    match record.get(name) {
        Some(Value::Object(map)) => {
            let fields = fields(&mut map.iter().map(|(column, held)| (column.clone(), held)));
            Ok(Some(PairSide::Record(fields)))
        }
        Some(Value::Array(_)) => Err(TaskError::Invalid {
            place: place.clone(),
            message: format!("\"{name}\" of an example must be a key or a map, not a list"),
            hint: None,
        }),
        Some(key) => Ok(value(key).map(PairSide::Key)),
        None => {
            let prefix = format!("{name}_");
            let own = record.iter().filter_map(|(column, held)| {
                let column = column.strip_prefix(&prefix)?;
                Some((column.to_owned(), held))
            });
            let mut own = own.peekable();
            if own.peek().is_none() {
                return Ok(None);
            }
            Ok(Some(PairSide::Record(fields(&mut own))))
        }
    }
}
