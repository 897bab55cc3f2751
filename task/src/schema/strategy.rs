//! The schemas of `strategy` and of the keys that go with it.

use serde_json::{Value, json};

use super::{keyed, object};
use crate::kinds::{Kind, KindRules};
use crate::parse::{KEPT_UNLESS_TOLD, MOST_RULES, RULE_KEYS, strategies};

/// The keys that are here.
pub(super) const KEYS: [&str; 4] = ["strategy", "rules", "keep", "head"];

/// The schema of one of [`KEYS`], for a kind that has strategies.
pub(super) fn property(rules: &dyn KindRules, key: &str) -> Value {
    match key {
        "strategy" => {
            let known = Kind::named(rules.name()).map_or(&[][..], strategies);
            let names: Vec<&str> = known.iter().map(|strategy| strategy.name()).collect();
            json!({
                "enum": names,
                "default": "model",
                "description": "What answers: rules alone; the examples most alike; the head that `refuel train` made of the \
                 examples; the language model; or the cheapest of these that is sure enough. For `answer` the head judges what the \
                 language model says.",
            })
        }
        "rules" => {
            let texts = json!({
                "oneOf": [
                    {"type": "string", "pattern": "\\S"},
                    {"type": "array", "items": {"type": "string", "pattern": "\\S"}, "minItems": 1},
                ],
            });
            let described = |description: &str| {
                let mut schema = texts.clone();
                schema["description"] = description.into();
                schema
            };
            let rule = keyed(&RULE_KEYS, |key| match key {
                "contains" => {
                    described("It holds where one of these is somewhere in the text, in upper or lower case.")
                }
                "equals" => described("It holds where the whole text is one of these, in upper or lower case."),
                "matches" => json!({
                    "type": "string",
                    "description": "It holds where this regular expression is somewhere in the text; `(?i)` at its beginning passes over case.",
                }),
                "label" => json!({"type": "string", "description": "The label that it gives, by name or alias."}),
                other => unreachable!("the key {other} of a rule has no schema"),
            });
            let mut rule = object(&rule, &["label"]);
            rule["oneOf"] = RULE_KEYS[..3].iter().map(|key| json!({"required": [key]})).collect();
            json!({
                "type": "array",
                "maxItems": MOST_RULES,
                "items": rule,
                "description": "Rules, tried in this order before anything else is asked; the first that holds gives the label.",
                "examples": [[{"contains": ["money back", "refund"], "label": "refund"}]],
            })
        }
        "keep" => json!({
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "default": (f64::from(KEPT_UNLESS_TOLD) * 100.0).round() / 100.0,
            "description": "For `cascade`: the share of answers that each step ahead of the last has to have right, by the \
             lower bound of its interval. What it is not that sure of goes on to the next step.",
        }),
        "head" => json!({
            "$ref": "#/$defs/model",
            "description": "For `head` and `cascade`: the trained head, by its name in the registry, and by digest to pin it. \
             The task's own name where it is left out.",
        }),
        other => unreachable!("the key {other} has no schema"),
    }
}
