//! The labelled rows that are learned from.

use std::collections::HashSet;
use std::path::Path;

use refuel_engine::learning::outranked;
use refuel_project::Project;
use refuel_state::{State, as_record};
use refuel_tables::{self as tables, Input, Layout};
use refuel_task::{Example, InputHash, Task};
use serde::Serialize;

use crate::cli::InputFormatArgs;
use crate::commands::eval::cases::{self, Cases, Wanted};
use crate::error::{CliError, Failure};
use crate::printer::Printer;
use crate::words;

/// How many labelled rows that are learned from came from where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(in crate::commands) struct Counts {
    /// From `examples` of the task.
    pub(in crate::commands) examples: usize,
    /// From a table.
    pub(in crate::commands) table: usize,
    /// From a teacher.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::commands) taught: Option<usize>,
    /// From `refuel review`.
    pub(in crate::commands) verdicts: usize,
}

impl Counts {
    /// All of them.
    pub(in crate::commands) fn all(self) -> usize {
        self.examples + self.table + self.taught.unwrap_or_default() + self.verdicts
    }
}

/// Labelled rows, by where they came from.
#[derive(Debug, Default)]
pub(in crate::commands) struct Rows {
    /// What a teacher said, which everything else outranks.
    taught: Option<Vec<Example>>,
    examples: Vec<Example>,
    table: Vec<Example>,
    verdicts: Vec<Example>,
}

impl Rows {
    /// The examples of a task.
    pub(in crate::commands) fn of_task(task: &Task) -> Self {
        Self {
            examples: task.solved().to_vec(),
            ..Self::default()
        }
    }

    /// Adds what a teacher said.
    pub(in crate::commands) fn add_taught(&mut self, taught: Vec<Example>) {
        self.taught = Some(taught);
    }

    /// Adds the rows of a table whose right answers are in a column; gives what was left out.
    pub(in crate::commands) fn add_table(
        &mut self,
        task: &Task,
        path: &Path,
        expected: &str,
        format: InputFormatArgs,
    ) -> Result<Cases, Failure> {
        let mut cases = read_table(task, path, expected, format)?;
        let rows = std::mem::take(&mut cases.rows);
        self.table.extend(rows.into_iter().filter_map(|case| {
            Some(Example {
                input: case.input.ok()?,
                answer: case.expected,
            })
        }));
        Ok(cases)
    }

    /// Adds what people decided in the project that the task's file is in. Nothing where it is in none.
    pub(in crate::commands) fn add_verdicts(
        &mut self,
        task: &Task,
        file: &Path,
        printer: Printer,
    ) -> Result<(), Failure> {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        let Ok(root) = Project::find(folder.unwrap_or(Path::new("."))) else {
            return Ok(());
        };
        let Some(state) = State::open_if_there(root.join(refuel_state::FILE))? else {
            return Ok(());
        };
        let mut unusable = 0;
        for verdict in state.reviews_as_examples(&task.name)? {
            let input = as_record(&verdict.input, task)
                .and_then(|record| task.render_input(&record).map_err(|error| error.to_string()));
            match (input, task.normalize_expected(&verdict.answer)) {
                (Ok(input), Ok(answer)) => self.verdicts.push(Example { input, answer }),
                _ => unusable += 1,
            }
        }
        if unusable > 0 {
            let verdicts = words::counted(unusable, "verdict", "verdicts");
            printer.warn(format!(
                "left out {verdicts} on what the task does not read or answer any more"
            ));
        }
        Ok(())
    }

    /// All rows, of which a verdict outranks the rest, a row of a table the examples, and these what a teacher said.
    pub(in crate::commands) fn all(&self) -> Vec<Example> {
        outranked([
            self.taught.clone().unwrap_or_default(),
            self.examples.clone(),
            self.table.clone(),
            self.verdicts.clone(),
        ])
    }

    /// How many of [`Rows::all`] came from where. A row that a later source outranks is not learned from, and not counted.
    pub(in crate::commands) fn counts(&self) -> Counts {
        let taught = self.taught.as_deref().unwrap_or_default();
        let mut later: HashSet<InputHash> = HashSet::new();
        let mut learned = |source: &[Example]| {
            let own: Vec<InputHash> = source.iter().map(|example| example.input.hash()).collect();
            let count = own.iter().filter(|input| !later.contains(*input)).count();
            later.extend(own);
            count
        };
        // The last source first: it outranks all others.
        let verdicts = learned(&self.verdicts);
        let table = learned(&self.table);
        let examples = learned(&self.examples);
        let taught = learned(taught);
        Counts {
            examples,
            table,
            taught: self.taught.as_ref().map(|_| taught),
            verdicts,
        }
    }
}

/// Reads the rows of a table with their right answers.
pub(in crate::commands) fn read_table(
    task: &Task,
    path: &Path,
    expected: &str,
    format: InputFormatArgs,
) -> Result<Cases, Failure> {
    let input = Input::new(path);
    let layout = Layout::new(input.format(format.input_format.map(Into::into))?, format.delimiter);
    let wanted = Wanted::new(task, expected, &[]);
    let mut reader = tables::open(&input, layout, &wanted.columns)?;
    if cases::are_own_answers(reader.as_ref(), expected)? {
        let column = expected.to_owned();
        return Err(CliError::OwnAnswers { column }.into());
    }
    // What the prompt shows is learned from as well.
    let bare = Task {
        examples: None,
        ..task.clone()
    };
    cases::read(reader.as_mut(), &wanted, &[&bare], None)
}

/// Warns of rows whose right answer the task can't give.
pub(in crate::commands) fn tell_left_out(cases: &Cases, expected: &str, printer: Printer) {
    if let Some((value, (_, reason))) = cases.unusable.first_key_value() {
        let rows = words::counted(cases.unusable_rows, "row", "rows");
        printer.warn(format!(
            "left out {rows} whose `{expected}` is nothing that the task can answer with; the first is \"{value}\": {reason}"
        ));
    }
}

#[cfg(test)]
mod tests {
    use refuel_task::RenderedInput;

    use super::*;

    #[test]
    fn a_row_of_the_table_that_is_an_example_too_is_counted_once() {
        let example = |text: &str, label: &str| Example {
            input: RenderedInput::text(text),
            answer: label.into(),
        };
        let rows = Rows {
            taught: Some(vec![example("a", "x"), example("e", "x")]),
            examples: vec![example("a", "x"), example("b", "y"), example("c", "y")],
            table: vec![example("b", "y"), example("c", "y"), example("d", "x")],
            verdicts: vec![example("c", "x")],
        };
        let counts = rows.counts();
        assert_eq!(
            (counts.taught, counts.examples, counts.table, counts.verdicts),
            (Some(1), 1, 2, 1)
        );
        assert_eq!(rows.all().len(), 5);
    }
}
