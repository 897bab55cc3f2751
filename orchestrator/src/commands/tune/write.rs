//! Puts a pick into a task file, whatever else is there staying as it is.

use std::path::Path;

use refuel_task::yaml::{Content, Node};
use refuel_task::{Strategy, Task};

use super::variants::Variant;
use crate::commands::task_file;
use crate::error::{CliError, Failure};

/// Writes the strategy of a pick, and its model and examples where these are not the task's, and checks that the file says
/// that and nothing else.
pub(super) fn write(path: &Path, task: &Task, pick: &Variant) -> Result<(), Failure> {
    let text = task_file::read(path)?;
    let by_hand = || CliError::NotWritten {
        path: path.to_owned(),
        pick: pick.name.clone(),
    };
    let next = changed(&text, task, pick).ok_or_else(by_hand)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let after = Task::from_yaml(&next, &path.display().to_string(), folder).map_err(|_| by_hand())?;
    let wanted = Task {
        model: after.model.clone(),
        keep: after.keep,
        ..pick.task.clone()
    };
    if after.fingerprint() != wanted.fingerprint() {
        return Err(by_hand().into());
    }
    task_file::replace(path, &next)
}

/// The text of the task file with a pick in it. None where it can't be put in line by line.
fn changed(text: &str, task: &Task, pick: &Variant) -> Option<String> {
    let mut next = set(text, None, "strategy", pick.task.strategy.name())?;
    if pick.task.strategy != Strategy::Cascade {
        // Only a cascade keeps an accuracy, and only its task may say which.
        next = without(&next, "keep")?;
    }
    if let Some(model) = &pick.model {
        next = set(&next, None, "model", model)?;
    }
    if pick.task.strategy != Strategy::Model {
        return Some(next);
    }
    match (&task.examples, &pick.task.examples) {
        (Some(own), Some(picked)) if own.select != picked.select => {
            set(&next, Some("examples"), "select", picked.select.name())
        }
        // Examples are not taken out of a file: they are learned from.
        (Some(_), None) => None,
        _ => Some(next),
    }
}

/// The text without the line of a key at the top. None where it has more than one line.
fn without(text: &str, key: &str) -> Option<String> {
    let node = Node::from_yaml(text, "task").ok()?;
    let Content::Map(top) = &node.content else { return None };
    let Some((_, place, _)) = top.iter().find(|(there, ..)| there == key) else {
        return Some(text.to_owned());
    };
    let (line, column) = place.position?;
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    let old = *lines.get(line as usize - 1)?;
    let value = old.trim_start().strip_prefix(key)?.strip_prefix(':')?.trim();
    if column != 1 || value.is_empty() || value.starts_with('#') {
        return None;
    }
    lines.remove(line as usize - 1);
    Some(lines.concat())
}

/// The text with a key set to a word, at the top or in the map `inside`.
fn set(text: &str, inside: Option<&str>, key: &str, word: &str) -> Option<String> {
    let node = Node::from_yaml(text, "task").ok()?;
    let Content::Map(top) = &node.content else { return None };
    let (parent, entries) = match inside {
        None => (None, top),
        Some(name) => {
            let (_, place, node) = top.iter().find(|(there, ..)| there == name)?;
            let Content::Map(entries) = &node.content else {
                return None;
            };
            (place.position, entries)
        }
    };
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    if let Some((_, place, _)) = entries.iter().find(|(there, ..)| there == key) {
        let (line, column) = place.position?;
        let old = lines.get(line as usize - 1)?;
        let start = column as usize - 1 + key.len();
        let (head, rest) = old.split_at_checked(start)?;
        let comment = rest.find(" #").map_or("", |at| rest[at..].trim_end());
        if !rest.starts_with(':') || rest.contains(['{', '[', '|', '>']) {
            return None;
        }
        lines[line as usize - 1] = format!("{head}: {word}{comment}\n");
        return Some(lines.concat());
    }
    if let (Some((line, _)), Some((_, first, _))) = (parent, entries.first()) {
        let (first_line, column) = first.position?;
        if first_line <= line {
            return None;
        }
        let indent = " ".repeat(column as usize - 1);
        lines.insert(first_line as usize - 1, format!("{indent}{key}: {word}\n"));
        return Some(lines.concat());
    }
    // A file that is one map in braces has no line of its own for a key.
    if top.first()?.1.position?.1 != 1 || text.trim_start().starts_with('{') {
        return None;
    }
    if lines.last().is_some_and(|last| !last.ends_with('\n')) {
        lines.push("\n".to_owned());
    }
    lines.push(format!("{key}: {word}\n"));
    Some(lines.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
# Topics.
kind: label
strategy: model  # for now
input: body
labels: [a, b]
examples:
  from: examples.csv  # solved
  count: 4
";

    #[test]
    fn a_key_is_replaced_where_it_stands_and_added_where_it_does_not() {
        let next = set(FILE, None, "strategy", "head").unwrap();
        let next = set(&next, Some("examples"), "select", "similar").unwrap();
        let next = set(&next, None, "model", "other").unwrap();
        insta::assert_snapshot!(next, @r"
        # Topics.
        kind: label
        strategy: head # for now
        input: body
        labels: [a, b]
        examples:
          select: similar
          from: examples.csv  # solved
          count: 4
        model: other
        ");
    }

    #[test]
    fn what_a_cascade_keeps_goes_with_it() {
        let file = "kind: label\nstrategy: cascade\nkeep: 0.9  # of all\ninput: body\n";
        assert_eq!(
            without(file, "keep").unwrap(),
            "kind: label\nstrategy: cascade\ninput: body\n"
        );
        assert_eq!(without("kind: label\n", "keep").unwrap(), "kind: label\n");
        assert_eq!(without("keep:\n  0.9\n", "keep"), None);
    }

    #[test]
    fn a_file_in_braces_is_left_alone() {
        assert_eq!(set("{kind: label, input: body}", None, "strategy", "head"), None);
    }
}
