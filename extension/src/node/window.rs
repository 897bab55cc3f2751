//! The rows that a node has gathered, and the answers that they wait for. Pure: it knows rows by number.

use std::rc::Rc;

use indexmap::IndexSet;
use refuel_client::wire::{Answer, Input, Work};
use rustc_hash::FxBuildHasher;

use crate::catalog::Resolved;

/// An input of a group.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    group: u32,
    input: u32,
}

/// Inputs of one task, each once.
struct Group {
    resolved: Rc<Resolved>,
    detail: bool,
    inputs: IndexSet<Input, FxBuildHasher>,
    answers: Vec<Answer>,
}

/// See the module.
#[derive(Default)]
pub(super) struct Window {
    groups: Vec<Group>,
    /// For each row, for each call, the input whose answer it takes; none where the result is null.
    places: Vec<Option<Place>>,
    /// Rows.
    pub(super) rows: usize,
    /// The next row that is given out.
    pub(super) position: usize,
    /// Bytes of the inputs.
    pub(super) bytes: usize,
    /// Calls that take an answer.
    pub(super) asked: usize,
}

impl Window {
    /// Adds what one call of the current row asks. Rows have all their calls added one after another.
    pub(super) fn add(&mut self, asked: Option<(&Rc<Resolved>, bool, Input)>) {
        let place = asked.map(|(resolved, detail, input)| {
            let known = self
                .groups
                .iter()
                .position(|group| Rc::ptr_eq(&group.resolved, resolved));
            let index = known.unwrap_or_else(|| {
                self.groups.push(Group {
                    resolved: Rc::clone(resolved),
                    detail: false,
                    inputs: IndexSet::default(),
                    answers: Vec::new(),
                });
                self.groups.len() - 1
            });
            let group = &mut self.groups[index];
            group.detail |= detail;
            let bytes = input.bytes();
            let (input, new) = group.inputs.insert_full(input);
            if new {
                self.bytes += bytes;
            }
            self.asked += 1;
            Place {
                group: index as u32,
                input: input as u32,
            }
        });
        self.places.push(place);
    }

    /// Different inputs.
    pub(super) fn distinct(&self) -> usize {
        self.groups.iter().map(|group| group.inputs.len()).sum()
    }

    /// Gets the answers, group by group. `ask` answers in the order of the inputs.
    pub(super) fn settle<E>(
        &mut self,
        mut ask: impl FnMut(&Resolved, bool, &[Input]) -> Result<(Vec<Answer>, Work), E>,
    ) -> Result<Work, E> {
        let mut work = Work::default();
        for group in &mut self.groups {
            let inputs: Vec<Input> = std::mem::take(&mut group.inputs).into_iter().collect();
            let (answers, took) = ask(&group.resolved, group.detail, &inputs)?;
            group.answers = answers;
            work += took;
        }
        Ok(work)
    }

    /// The answer that a call of a row takes.
    pub(super) fn answer(&self, row: usize, call: usize, calls: usize) -> Option<(&Answer, &Resolved)> {
        let place = self.places[row * calls + call]?;
        let group = &self.groups[place.group as usize];
        Some((&group.answers[place.input as usize], &group.resolved))
    }
}
