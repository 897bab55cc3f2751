//! Changes of keys, and of lines of text.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use similar::TextDiff;

/// What follows from a change of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskEffect {
    /// Nothing: no answer and no gate is another.
    Cosmetic,
    /// Known answers pass through another gate; no input is asked again.
    Regate,
    /// Answers can be other ones: every input is asked again.
    Breaking,
}

/// A key whose value is another. None: it was not said, or is not said any more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeyChange {
    /// The key, such as `threshold` or `labels.refund`.
    pub key: String,
    /// What it was.
    pub before: Option<Value>,
    /// What it is.
    pub after: Option<Value>,
    /// Of a task's keys: what follows from this change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<TaskEffect>,
}

/// The keys whose values differ: those that are there now in their order, then those that are gone.
pub(super) fn changed_keys(before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<KeyChange> {
    let there = after.iter().map(|(key, value)| (key, before.get(key), Some(value)));
    let gone = before
        .iter()
        .filter(|(key, _)| !after.contains_key(*key))
        .map(|(key, value)| (key, Some(value), None));
    there
        .chain(gone)
        .filter(|(_, before, after)| before != after)
        .map(|(key, before, after)| KeyChange {
            key: key.clone(),
            before: before.cloned(),
            after: after.cloned(),
            effect: None,
        })
        .collect()
}

/// The lines that differ, as a unified diff with three lines around each change and without a header. Empty where none
/// does.
pub(super) fn changed_lines(before: &str, after: &str) -> String {
    let diff = TextDiff::from_lines(before, after);
    let mut text = String::new();
    for hunk in diff
        .unified_diff()
        .context_radius(3)
        .missing_newline_hint(false)
        .iter_hunks()
    {
        text.push_str(&hunk.to_string());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_that_differ_are_found() {
        let map = |value: Value| value.as_object().unwrap().clone();
        let before = map(json!({"a": 1, "b": 2, "c": 3}));
        let after = map(json!({"d": 4, "b": 5, "a": 1}));
        let changes = changed_keys(&before, &after);
        let found: Vec<(&str, bool, bool)> = changes
            .iter()
            .map(|change| (change.key.as_str(), change.before.is_some(), change.after.is_some()))
            .collect();
        assert_eq!(found, [("d", false, true), ("b", true, true), ("c", true, false)]);
    }

    #[test]
    fn lines_that_differ_are_found() {
        assert_eq!(changed_lines("a\nb\n", "a\nb\n"), "");
        insta::assert_snapshot!(changed_lines("select\n  id,\n  body\nfrom t", "select\n  id,\n  trim(body) as body\nfrom t"), @r"
        @@ -1,4 +1,4 @@
         select
           id,
        -  body
        +  trim(body) as body
         from t
        ");
    }
}
