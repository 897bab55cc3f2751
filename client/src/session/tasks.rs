//! The numbers under which a connection's tasks are settled.

use crate::wire::{Prepared, TaskSpec};

/// Most tasks that a connection has settled at once; the one that was used longest ago gives its number to the next.
const MOST: usize = 64;

#[derive(Debug)]
struct Entry {
    spec: TaskSpec,
    number: u32,
    /// What the host said of it, where it has settled it.
    settled: Option<Prepared>,
}

/// Tasks with their numbers, the last used first.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    entries: Vec<Entry>,
}

impl Tasks {
    /// The number of a task, which is the last used from now on.
    pub(super) fn number(&mut self, spec: &TaskSpec) -> u32 {
        let at = self.entries.iter().position(|entry| entry.spec == *spec);
        let entry = if let Some(at) = at {
            self.entries.remove(at)
        } else {
            let unused = self.entries.len() as u32;
            let oldest = if self.entries.len() < MOST {
                None
            } else {
                self.entries.pop()
            };
            Entry {
                spec: spec.clone(),
                number: oldest.map_or(unused, |entry| entry.number),
                settled: None,
            }
        };
        let number = entry.number;
        self.entries.insert(0, entry);
        number
    }

    /// Notes that the host has settled a task.
    pub(super) fn settled(&mut self, spec: &TaskSpec, prepared: Prepared) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.spec == *spec) {
            entry.settled = Some(prepared);
        }
    }

    /// What the host said of a task when it settled it.
    pub(super) fn prepared(&self, spec: &TaskSpec) -> Option<&Prepared> {
        self.entries
            .iter()
            .find(|entry| entry.spec == *spec)
            .and_then(|entry| entry.settled.as_ref())
    }

    /// Whether the host has settled a task.
    pub(super) fn is_settled(&self, spec: &TaskSpec) -> bool {
        self.prepared(spec).is_some()
    }

    /// Notes that the host is another one.
    pub(super) fn forget_settled(&mut self) {
        self.entries.iter_mut().for_each(|entry| entry.settled = None);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_number_stands_for_two_tasks(names in proptest::collection::vec(0_u32..100, 0..400)) {
            let mut tasks = Tasks::default();
            // What a host that is told of every task has settled under each number.
            let mut host: HashMap<u32, u32> = HashMap::new();
            for name in names {
                let spec = TaskSpec { name: name.to_string(), json: String::new(), model: None };
                let known = tasks.is_settled(&spec);
                let number = tasks.number(&spec);
                prop_assert!((number as usize) < MOST);
                if known {
                    prop_assert_eq!(host.get(&number), Some(&name));
                } else {
                    host.insert(number, name);
                    tasks.settled(&spec, Prepared::default());
                }
            }
        }
    }
}
