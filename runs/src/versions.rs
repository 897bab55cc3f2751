//! What nodes were made from, so that what has not changed is not made again.
//!
//! A node's version is one hash over its own fingerprints and the versions of everything that it reads: other nodes,
//! sources and seeds by their content, tasks by fingerprint, model digest, gate and the verdicts that people gave. Two
//! builds with the same version hold the same rows.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use refuel_dag::{Node, NodeId, TaskNode};

use crate::context::Scope;
use crate::error::RunError;
use crate::inference::AskedTask;

/// The version of something that has never been built, as far as is known.
pub(crate) const UNKNOWN: &str = "unknown";

/// Versions of nodes by their ids, as they become known in a run.
#[derive(Debug, Default)]
pub(crate) struct Versions(Mutex<HashMap<NodeId, String>>);

impl Versions {
    /// A node has this version now.
    pub(crate) fn set(&self, node: &NodeId, version: String) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(node.clone(), version);
    }

    /// The version that a node was given.
    pub(crate) fn get(&self, node: &NodeId) -> Option<String> {
        let versions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        versions.get(node).cloned()
    }
}

/// The version of a task with its model. Its parts can be told apart, see [`TaskChange`].
pub(crate) fn of_task(task: &AskedTask, verdicts: u64) -> String {
    format!(
        "{} {} {} {verdicts}",
        task.answerer.fingerprint(),
        task.answerer.digest(),
        task.gate_fingerprint()
    )
}

/// The version of a task as calls of it are answered: by the extension, where it answers them and no verdicts were given,
/// which alone knows its model; otherwise by this run, as tasks over whole relations always are.
pub(crate) fn of_task_node(scope: &Scope<'_>, node: &Node, of: &TaskNode) -> Result<String, RunError> {
    let verdicts = scope.verdicts_of(&of.task.name);
    if scope.has_extension && verdicts == 0 && of.task.table.is_none() {
        return Ok(format!(
            "{} extension {} 0",
            of.task.fingerprint(),
            node.fingerprints.gate
        ));
    }
    Ok(of_task(scope.tasks.named(&of.task.name)?.as_ref(), verdicts))
}

/// What changed in a task between two of its versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "any of its parts can have changed, each for itself"
)]
pub(crate) struct TaskChange {
    /// Its fingerprint.
    pub(crate) task: bool,
    /// Its model.
    pub(crate) model: bool,
    /// Threshold, confidence or fallback.
    pub(crate) gate: bool,
    /// Verdicts were given or taken back.
    pub(crate) verdicts: bool,
}

impl TaskChange {
    /// What changed. None where nothing did, or where a version can't be read.
    pub(crate) fn between(before: &str, now: &str) -> Option<Self> {
        let parts = |version: &str| {
            let parts: Vec<String> = version.split(' ').map(str::to_owned).collect();
            <[String; 4]>::try_from(parts).ok()
        };
        let (before, now) = (parts(before)?, parts(now)?);
        let change = Self {
            task: before[0] != now[0],
            model: before[1] != now[1],
            gate: before[2] != now[2],
            verdicts: before[3] != now[3],
        };
        (change != Self::default()).then_some(change)
    }

    /// `task changed`, `model and threshold changed`.
    pub(crate) fn to_text(self) -> String {
        let parts = [
            (self.task, "task"),
            (self.model, "model"),
            (self.gate, "threshold"),
            (self.verdicts, "verdicts"),
        ];
        let names: Vec<&str> = parts
            .iter()
            .filter(|(changed, _)| *changed)
            .map(|(_, name)| *name)
            .collect();
        format!("{} changed", names.join(" and "))
    }
}

/// One hash over a node's own fingerprints and the versions of what it reads.
pub(crate) fn of_node(node: &Node, inputs: &BTreeMap<String, String>) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&node.fingerprints.all().0);
    for (id, version) in inputs {
        for part in [id, version] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
    }
    hasher.finalize().to_hex()[..32].to_owned()
}

/// The version of a file: its content. One that can't be read is like no other.
pub(crate) fn of_file(path: &std::path::Path) -> String {
    let mut hasher = blake3::Hasher::new();
    let read = std::fs::File::open(path).and_then(|mut file| std::io::copy(&mut file, &mut hasher));
    match read {
        Ok(_) => hasher.finalize().to_hex().to_string(),
        Err(_) => UNKNOWN.to_owned(),
    }
}

/// Whether a query may give other rows though nothing that it reads has changed: it asks for the time or for chance.
///
/// Tables of such queries are made anew in each build, which is at worst work for nothing where a name only looks so.
pub(crate) fn is_volatile(sql: &str) -> bool {
    const WORDS: [&str; 15] = [
        "random",
        "randomblob",
        "gen_random_uuid",
        "now",
        "current_timestamp",
        "current_date",
        "current_time",
        "localtime",
        "localtimestamp",
        "clock_timestamp",
        "statement_timestamp",
        "transaction_timestamp",
        "timeofday",
        "nextval",
        "setseed",
    ];
    // SQLite takes the time from a text.
    if sql.to_ascii_lowercase().contains("'now'") {
        return true;
    }
    let mut in_text = false;
    sql.split_inclusive('\'').any(|part| {
        let is_code = !in_text;
        in_text = !in_text;
        is_code
            && part
                .split(|letter: char| !letter.is_alphanumeric() && letter != '_')
                .any(|word| WORDS.iter().any(|volatile| word.eq_ignore_ascii_case(volatile)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_in_a_task_is_told() {
        let before = "f1 m1 g1 0";
        assert_eq!(TaskChange::between(before, before), None);
        let change = TaskChange::between(before, "f1 m1 g2 3").unwrap();
        assert_eq!(change.to_text(), "threshold and verdicts changed");
        assert_eq!(
            TaskChange::between(before, "f2 m1 g1 0").unwrap().to_text(),
            "task changed"
        );
        assert_eq!(TaskChange::between("unknown", before), None);
    }

    #[test]
    fn queries_that_ask_for_the_time_or_for_chance_are_known() {
        for sql in [
            "SELECT now()",
            "SELECT CURRENT_TIMESTAMP AS at FROM t",
            "SELECT datetime('now') FROM t",
            "SELECT * FROM t ORDER BY random()",
        ] {
            assert!(is_volatile(sql), "{sql}");
        }
        for sql in [
            "SELECT 'no random text' FROM t",
            "SELECT nowhere, known FROM t",
            "SELECT id FROM t WHERE note = 'it''s now'",
        ] {
            assert!(!is_volatile(sql), "{sql}");
        }
    }
}
