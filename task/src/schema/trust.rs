//! The schema of what decides what becomes of an answer.

use serde_json::{Value, json};

use super::{keyed, object};
use crate::calibrated::CalibrationMap;
use crate::kinds::KindRules;
use crate::parse::{AUTO, CALIBRATED_KEYS, CHOSEN_KEYS, MAP_KEYS, TARGET_UNLESS_TOLD};

/// The keys whose schemas are here.
pub(super) const KEYS: [&str; 3] = ["threshold", "target_precision", "calibrated"];

fn share(description: &str) -> Value {
    json!({"type": "number", "minimum": 0, "maximum": 1, "description": description})
}

/// The schema of one of [`KEYS`].
pub(super) fn property(rules: &dyn KindRules, key: &str) -> Value {
    match key {
        "threshold" => json!({
            "oneOf": [{"type": "number", "minimum": 0, "maximum": 1}, {"const": AUTO}],
            "description": "Answers with less confidence abstain: their value is the fallback, or null. `auto`: the least \
             confidence that `refuel calibrate` found to keep `target_precision`.",
        }),
        "target_precision" => json!({
            "type": "number",
            "exclusiveMinimum": 0,
            "exclusiveMaximum": 1,
            "default": TARGET_UNLESS_TOLD,
            "description": "With `threshold: auto`, the share of accepted answers that is to be right.",
        }),
        "calibrated" => calibrated(rules),
        other => unreachable!("the key {other} has no schema here"),
    }
}

fn calibrated(rules: &dyn KindRules) -> Value {
    let digits =
        |description: &str| json!({"type": "string", "pattern": "^[0-9a-fA-F]{6,64}$", "description": description});
    let map = map();
    let mut properties = keyed(&CALIBRATED_KEYS, |key| match key {
        "model" => digits("First digits of the digest of the model whose answers were looked at."),
        "fingerprint" => digits("First digits of the fingerprint that the task had."),
        "rows" => json!({"type": "integer", "minimum": 0, "description": "Rows that were looked at."}),
        "map" => map.clone(),
        "threshold" => {
            let mut schema = object(&keyed(&CHOSEN_KEYS, chosen), &["value", "target"]);
            schema["description"] = "The threshold that was chosen for `threshold: auto`.".into();
            schema
        }
        "fields" => json!({
            "type": "object",
            "additionalProperties": map,
            "description": "What the confidence of each field becomes.",
        }),
        other => unreachable!("the key {other} of a calibration has no schema"),
    });
    if !rules.keys().contains(&"fields") {
        properties.shift_remove("fields");
    }
    let mut schema = object(&properties, &["map"]);
    schema["description"] =
        "What `refuel calibrate` learned of the confidence of the answers. It changes none of them.".into();
    schema
}

fn chosen(key: &str) -> Value {
    match key {
        "value" => share("Answers with this confidence or more are accepted."),
        "target" => share("The share of accepted answers that was to be right."),
        "accepted" => {
            json!({"type": "integer", "minimum": 0, "description": "Rows that it accepts of those that were looked at."})
        }
        "precision" => share("The share of these that is right."),
        "at_least" => share("Lower bound of that share, at 95 % one-sided."),
        other => unreachable!("the key {other} of a threshold has no schema"),
    }
}

fn map() -> Value {
    let number = |description: &str| json!({"type": "number", "description": description});
    let rising = |description: &str| json!({"type": "number", "minimum": 0, "description": description});
    let properties = keyed(&MAP_KEYS, |key| match key {
        "method" => json!({"enum": CalibrationMap::METHODS, "description": "The form of the function."}),
        "temperature" => json!({
            "type": "number",
            "exclusiveMinimum": 0,
            "description": "For `temperature`: what the logit is divided by.",
        }),
        "slope" => rising("For `platt`: what the logit is multiplied by."),
        "intercept" => number("For `platt`: what is added to the logit."),
        "a" => rising("For `beta`: the factor of ln p."),
        "b" => rising("For `beta`: the factor of -ln(1 - p)."),
        "c" => number("For `beta`: what is added."),
        "corners" => json!({
            "type": "array",
            "minItems": 1,
            "items": {"type": "array", "items": {"type": "number", "minimum": 0, "maximum": 1}, "minItems": 2, "maxItems": 2},
            "description": "For `isotonic`: the model's confidence and what it becomes, rising; straight between.",
        }),
        other => unreachable!("the key {other} of a map has no schema"),
    });
    let mut schema = object(&properties, &["method"]);
    schema["description"] = "What the confidence of an answer becomes.".into();
    schema
}
