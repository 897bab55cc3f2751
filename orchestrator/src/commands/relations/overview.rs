//! What a task over whole tables says, for people.

use refuel_task::{ResolveTask, TableTask};

use crate::table::Grid;
use crate::words;

/// Adds what a task says to a table of names and what they stand for.
pub(crate) fn add(grid: &mut Grid, table: &TableTask) {
    grid.pair(
        "key",
        table
            .key()
            .map_or_else(|| "the place of a row".to_owned(), str::to_owned),
    );
    let (columns, ignored, threshold) = match table {
        TableTask::Resolve(resolve) => (compared(resolve), &resolve.ignore, resolve.threshold),
        TableTask::Repair(repair) => (repair.columns.clone(), &repair.ignore, repair.threshold),
    };
    let columns = match (&columns[..], &ignored[..]) {
        ([], []) => "all but the key".to_owned(),
        ([], ignored) => format!("all but the key and {}", ignored.join(", ")),
        (named, _) => named.join(", "),
    };
    grid.pair("columns", columns);
    grid.pair("threshold", threshold.to_string());
    let solved = table.solved() as u64;
    match table {
        TableTask::Resolve(resolve) => {
            let rules = resolve.blocking.len() as u64;
            grid.pair(
                "blocking",
                if rules == 0 {
                    "the usual rules".to_owned()
                } else {
                    words::counted(rules, "rule", "rules")
                },
            );
            grid.pair("labelled pairs", words::count(solved));
        }
        TableTask::Repair(_) => grid.pair("rows put right", words::count(solved)),
    }
}

/// Columns with what is said to be in them.
fn compared(resolve: &ResolveTask) -> Vec<String> {
    let columns = resolve.columns.iter();
    columns
        .map(|column| match column.role {
            Some(of) => format!("{} ({})", column.name, of.word()),
            None => column.name.clone(),
        })
        .collect()
}
