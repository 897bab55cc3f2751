//! Reads `strategy`, and the keys that go with it: `rules`, `keep`, `head`.

use regex::Regex;

use super::fields::{Fields, not_one_of, text, wrong_type};
use super::task::read_model;
use crate::error::{Place, TaskError};
use crate::examples::ExampleSet;
use crate::kinds::{Kind, Known, Problem, read_label};
use crate::strategy::{Condition, LabelRule, Strategy};
use crate::task::ModelName;
use crate::yaml::{Content, Node};

/// Keys of a rule.
pub(crate) const RULE_KEYS: [&str; 4] = ["contains", "equals", "matches", "label"];
/// Most rules of a task.
pub(crate) const MOST_RULES: usize = 1000;
/// Share of a cascade's answers that are right, unless told.
pub(crate) const KEPT_UNLESS_TOLD: f32 = 0.95;

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) strategy: Strategy,
    pub(super) rules: Vec<LabelRule>,
    pub(super) keep: f32,
    pub(super) head: Option<ModelName>,
}

/// The strategies of a kind of task.
pub(crate) fn strategies(kind: Kind) -> &'static [Strategy] {
    if kind == Kind::MATCH || kind == Kind::EXTRACT {
        &[Strategy::Head, Strategy::Model, Strategy::Cascade]
    } else if kind == Kind::ANSWER {
        &[Strategy::Head, Strategy::Model]
    } else {
        &Strategy::ALL
    }
}

/// Takes the keys out of a task of a kind that has strategies.
pub(super) fn read(
    fields: &mut Fields,
    kind: Kind,
    known: Known<'_>,
    examples: Option<&ExampleSet>,
) -> Result<Read, TaskError> {
    let mut read = Read {
        keep: KEPT_UNLESS_TOLD,
        ..Read::default()
    };
    if !kind.rules().keys().contains(&"strategy") {
        return Ok(read);
    }
    let place = fields.place.clone();
    let strategy_place = fields.place_of("strategy").cloned().unwrap_or_else(|| place.clone());
    if let Some(node) = fields.take("strategy") {
        let word = text(node.clone())?;
        let names = strategies(kind).iter().map(|strategy| strategy.name());
        read.strategy = Strategy::named(&word)
            .filter(|strategy| strategies(kind).contains(strategy))
            .ok_or_else(|| not_one_of(node.place, "strategy", &word, names))?;
    }
    let missing = |key: &str, hint: &str| {
        Err(TaskError::MissingKey {
            place: strategy_place.clone(),
            key: key.to_owned(),
            context: format!(" for the strategy \"{}\"", read.strategy.name()),
            hint: hint.to_owned(),
        })
    };
    if kind == Kind::LABEL
        && let Some(node) = fields.take("rules")
    {
        read.rules = read_rules(node, known)?;
    }
    if read.strategy == Strategy::Rules && read.rules.is_empty() {
        return missing("rules", "list them: rules: [{contains: money back, label: refund}]");
    }
    if read.strategy == Strategy::Similar && examples.is_none_or(|examples| examples.items.is_empty()) {
        return missing("examples", "name a file of solved rows: examples: {from: examples.csv}");
    }
    let no_use = |place: &Place, key: &str, strategies: &str| TaskError::Invalid {
        place: place.clone(),
        message: format!("\"{key}\" has no use for the strategy \"{}\"", read.strategy.name()),
        hint: Some(format!("take it out, or choose {strategies}")),
    };
    if let Some(place) = fields.place_of("keep").filter(|_| read.strategy != Strategy::Cascade) {
        return Err(no_use(place, "keep", "strategy: cascade"));
    }
    if let Some(place) = fields.place_of("head").filter(|_| !read.strategy.reads_head()) {
        return Err(no_use(place, "head", "strategy: head, or cascade"));
    }
    if let Some(keep) = fields.probability("keep")? {
        read.keep = keep;
    }
    read.head = fields.take("head").map(read_model).transpose()?;
    Ok(read)
}

fn read_rules(node: Node, known: Known<'_>) -> Result<Vec<LabelRule>, TaskError> {
    let place = node.place.clone();
    let Content::List(items) = node.content else {
        return Err(wrong_type(&node, "a list of rules"));
    };
    if items.len() > MOST_RULES {
        return Err(TaskError::Invalid {
            place,
            message: format!("there are {} rules; {MOST_RULES} are the most", items.len()),
            hint: Some("let a head learn from examples: strategy: head".to_owned()),
        });
    }
    items.into_iter().map(|item| read_rule(item, known)).collect()
}

fn read_rule(item: Node, known: Known<'_>) -> Result<LabelRule, TaskError> {
    if !matches!(item.content, Content::Map(_)) {
        return Err(wrong_type(
            &item,
            "a map with \"label\" and one of \"contains\", \"equals\" and \"matches\"",
        ));
    }
    let place = item.place.clone();
    let mut fields = Fields::open(item, &RULE_KEYS)?;
    let label = fields.require("label", "write the label that the rule gives")?;
    let label_place = label.place.clone();
    let label = read_label(&label.to_json(), known.labels).map_err(|Problem { message, hint }| TaskError::Label {
        place: label_place,
        message: format!("the rule's label can't be given: {message}"),
        hint,
    })?;
    let given: Vec<(&str, Node)> = RULE_KEYS[..3]
        .iter()
        .filter_map(|&key| Some((key, fields.take(key)?)))
        .collect();
    let mut given = given.into_iter();
    let (Some((key, node)), None) = (given.next(), given.next()) else {
        return Err(TaskError::Invalid {
            place,
            message: "a rule has one of \"contains\", \"equals\" and \"matches\"".to_owned(),
            hint: Some("write two rules for two conditions; `contains` and `equals` take a list, too".to_owned()),
        });
    };
    let condition = match key {
        "contains" => Condition::Contains(texts(node)?),
        "equals" => Condition::Equals(texts(node)?),
        _ => Condition::Matches(pattern(node)?),
    };
    Ok(LabelRule { condition, label })
}

/// One text or a list of them, none of them blank.
fn texts(node: Node) -> Result<Vec<String>, TaskError> {
    let place = node.place.clone();
    let texts = match node.content {
        Content::List(items) => items.into_iter().map(text).collect::<Result<Vec<_>, _>>()?,
        Content::Text(text) => vec![text],
        _ => return Err(wrong_type(&node, "text, or a list of texts")),
    };
    if texts.is_empty() || texts.iter().any(|text| text.trim().is_empty()) {
        return Err(TaskError::Invalid {
            place,
            message: "a rule looks for nothing, which is in every text".to_owned(),
            hint: Some("write what to look for".to_owned()),
        });
    }
    Ok(texts)
}

fn pattern(node: Node) -> Result<Regex, TaskError> {
    let place = node.place.clone();
    let written = text(node)?;
    Regex::new(&written).map_err(|error| {
        // The library draws the pattern with an arrow under it, on lines of its own; the last one says what is wrong.
        let message = error.to_string();
        let what = message.lines().last().unwrap_or_default();
        TaskError::Invalid {
            place,
            message: format!("\"{written}\" is not a pattern: {}", what.trim_start_matches("error: ")),
            hint: Some("patterns are those of the crate regex: no look-around, no back-references".to_owned()),
        }
    })
}
