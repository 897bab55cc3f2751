//! A diff as people read it.

use std::fmt;

use serde_json::Value;

use super::changes::{KeyChange, TaskEffect};
use super::nodes::{Change, Diff, NodeChange};
use super::tasks::{TaskChange, TaskChangeKind};

/// Longest value that is written out, in characters.
const LONGEST_VALUE: usize = 60;

/// What changed, a line for each thing, with `+`, `-` and `~` in front of what is new, gone and changed. What is the
/// same in text is left out.
impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("nothing changed\n");
        }
        if !self.tasks.is_empty() {
            f.write_str("tasks\n")?;
            self.tasks.iter().try_for_each(|task| write_task(f, task))?;
        }
        if !self.models.is_empty() {
            f.write_str("models of the registry\n")?;
            for model in &self.models {
                let digest = |digest: &Option<String>| {
                    let digest = digest.as_deref().unwrap_or("none").trim_start_matches("sha256:");
                    digest.chars().take(12).collect::<String>()
                };
                let (before, after) = (digest(&model.before), digest(&model.after));
                writeln!(f, "  ~ {}: {before} -> {after}; its inputs are asked again", model.name)?;
            }
        }
        if !self.nodes.is_empty() {
            f.write_str("nodes\n")?;
            self.nodes.iter().try_for_each(|node| write_node(f, node))?;
        }
        f.write_str(&self.summary())
    }
}

impl Diff {
    /// One line: `2 modified, 1 below them`.
    fn summary(&self) -> String {
        let mut parts = Vec::new();
        for (change, count) in self.counts() {
            let word = match change {
                Change::Added => "new",
                Change::Removed => "gone",
                Change::Modified => "modified",
                Change::Regated => "re-gated",
                Change::Indirect => "below what changed",
                Change::Described => "described otherwise",
            };
            parts.push(format!("{count} {word}"));
        }
        if parts.is_empty() {
            return String::new();
        }
        format!("{}\n", parts.join(", "))
    }
}

fn write_task(f: &mut fmt::Formatter<'_>, task: &TaskChange) -> fmt::Result {
    let (sign, what) = match (task.kind, task.effect) {
        (TaskChangeKind::Added, _) => ('+', "new"),
        (TaskChangeKind::Removed, _) => ('-', "gone"),
        (TaskChangeKind::Changed, TaskEffect::Breaking) => ('~', "breaking: every input is asked again"),
        (TaskChangeKind::Changed, TaskEffect::Regate) => {
            ('~', "re-gate: known answers pass another gate, none is asked")
        }
        (TaskChangeKind::Changed, TaskEffect::Cosmetic) => ('~', "cosmetic: nothing follows"),
    };
    writeln!(f, "  {sign} {}  {what}", task.name)?;
    for key in &task.keys {
        if key.key == "guidelines" {
            writeln!(f, "      guidelines")?;
            write_lines(f, task.guidelines.as_deref().unwrap_or_default())?;
        } else {
            write_key(f, key)?;
        }
    }
    Ok(())
}

fn write_node(f: &mut fmt::Formatter<'_>, node: &NodeChange) -> fmt::Result {
    let mut why = Vec::new();
    let parts = node.parts;
    if parts.body {
        why.push(if node.body.is_empty() && node.settings.is_empty() {
            "content".to_owned()
        } else {
            "body".to_owned()
        });
    }
    if parts.config {
        why.push("settings".to_owned());
    }
    if parts.task {
        why.push(format!("calls {}", node.calls.join(", ")));
    }
    if parts.regate {
        why.push("gate".to_owned());
    }
    if parts.metadata {
        why.push("description".to_owned());
    }
    let (sign, what) = match node.change {
        Change::Added => ('+', "new".to_owned()),
        Change::Removed => ('-', "gone".to_owned()),
        Change::Modified | Change::Regated | Change::Described => ('~', why.join(", ")),
        Change::Indirect => {
            let names = node
                .because
                .iter()
                .map(|id| id.as_str().splitn(3, '.').last().unwrap_or_default());
            let names: Vec<&str> = names.collect();
            ('~', format!("below {}", names.join(", ")))
        }
    };
    writeln!(f, "  {sign} {}  {what}", node.id)?;
    write_lines(f, &node.body)?;
    node.settings
        .iter()
        .chain(&node.about)
        .try_for_each(|key| write_key(f, key))
}

fn write_lines(f: &mut fmt::Formatter<'_>, lines: &str) -> fmt::Result {
    lines.lines().try_for_each(|line| writeln!(f, "        {line}"))
}

fn write_key(f: &mut fmt::Formatter<'_>, change: &KeyChange) -> fmt::Result {
    let key = &change.key;
    match (&change.before, &change.after) {
        (None, Some(after)) => writeln!(f, "      + {key}{}", said(after)),
        (Some(before), None) => writeln!(f, "      - {key}{}", said(before)),
        (Some(before), Some(after)) => writeln!(f, "      {key}: {} -> {}", short(before), short(after)),
        (None, None) => Ok(()),
    }
}

/// A value after its key; nothing where there is no more to it than the key.
fn said(value: &Value) -> String {
    match value {
        Value::Object(object) if object.is_empty() => String::new(),
        value => format!(": {}", short(value)),
    }
}

/// A value in one line, cut where it is long. Text is quoted only where it would be unclear where it ends.
fn short(value: &Value) -> String {
    match value {
        Value::String(text) if !text.is_empty() && !text.contains(char::is_whitespace) => cut(text),
        Value::String(text) => Value::String(cut(text)).to_string(),
        other => cut(&other.to_string()),
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST_VALUE) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
