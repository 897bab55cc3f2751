//! Runs in the file.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, named_params};

use super::{NewRun, Resume, Run, RunId, RunStatus};
use crate::error::StateError;
use crate::lock::RunLock;
use crate::state::State;
use crate::time;

const COLUMNS: &str =
    "id, command, arguments, target, selection, started, ended, status, message, pid, process_started, version";

impl State {
    /// Begins a run of the target that is locked.
    pub fn begin_run(&self, lock: &RunLock, new: &NewRun) -> Result<RunId, StateError> {
        let id = RunId::new();
        self.write(|connection| {
            connection
                .prepare_cached(
                    "INSERT INTO runs (id, command, arguments, target, selection, started, status, pid, process_started, version)
                     VALUES (:id, :command, :arguments, :target, :selection, :started, 'running', :pid, :process_started, :version)",
                )?
                .execute(named_params! {
                    ":id": id.0,
                    ":command": new.command,
                    ":arguments": new.arguments.to_string(),
                    ":target": lock.target(),
                    ":selection": new.selection,
                    ":started": time::to_file(Timestamp::now()),
                    ":pid": std::process::id(),
                    ":process_started": process_started(),
                    ":version": new.version,
                })
        })?;
        Ok(id)
    }

    /// Ends a run. Nodes that are still marked as running were interrupted.
    pub fn end_run(&self, run: &RunId, status: RunStatus, message: Option<&str>) -> Result<(), StateError> {
        let known = self.write(|connection| {
            let Some(number) = number_of(connection, run)? else {
                return Ok(false);
            };
            end(connection, number, status, message)?;
            Ok(true)
        })?;
        if known { Ok(()) } else { Err(unknown(run)) }
    }

    /// A run by its name.
    pub fn run(&self, run: &RunId) -> Result<Option<Run>, StateError> {
        self.read(|connection| {
            connection
                .prepare_cached(&format!("SELECT {COLUMNS} FROM runs WHERE id = ?1"))?
                .query_row([&run.0], run_of)
                .optional()
        })
    }

    /// A run by its name, or by as many of its first letters as tell it from the others.
    ///
    /// # Errors
    /// [`StateError::UnknownRun`] where there is none, or more than one.
    pub fn find_run(&self, prefix: &str) -> Result<Run, StateError> {
        let mut found = self.read(|connection| {
            connection
                .prepare_cached(&format!(
                    "SELECT {COLUMNS} FROM runs WHERE substr(id, 1, length(?1)) = ?1 ORDER BY number DESC LIMIT 2"
                ))?
                .query_map([prefix], run_of)?
                .collect::<rusqlite::Result<Vec<Run>>>()
        })?;
        match (found.pop(), found.pop()) {
            (Some(run), None) => Ok(run),
            _ => Err(StateError::UnknownRun { id: prefix.to_owned() }),
        }
    }

    /// The last runs, newest first: of one target, or of all.
    pub fn runs(&self, target: Option<&str>, most: usize) -> Result<Vec<Run>, StateError> {
        self.read(|connection| {
            connection
                .prepare_cached(&format!(
                    "SELECT {COLUMNS} FROM runs WHERE ?1 IS NULL OR target = ?1 ORDER BY number DESC LIMIT ?2"
                ))?
                .query_map((target, most as i64), run_of)?
                .collect()
        })
    }

    /// The last run of a target, whatever became of it.
    pub fn last_run(&self, target: &str) -> Result<Option<Run>, StateError> {
        Ok(self.runs(Some(target), 1)?.pop())
    }

    /// The last run of a target with what became of its nodes. None where there was no run.
    pub fn resume(&self, target: &str) -> Result<Option<Resume>, StateError> {
        let Some(run) = self.last_run(target)? else {
            return Ok(None);
        };
        let results = self.node_results(&run.id)?;
        Ok(Some(Resume { run, results }))
    }
}

/// Runs that are marked as going on, with their targets.
pub(crate) fn going_on(connection: &Connection) -> rusqlite::Result<Vec<(i64, String)>> {
    connection
        .prepare_cached("SELECT number, target FROM runs WHERE status = 'running'")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

/// Marks runs of a target that are said to go on as interrupted. The caller holds the target's lock.
pub(crate) fn mark_dead(connection: &Connection, target: &str) -> rusqlite::Result<()> {
    let mut dead = going_on(connection)?;
    dead.retain(|(_, of)| of == target);
    let dead: Vec<i64> = dead.into_iter().map(|(number, _)| number).collect();
    mark_dead_runs(connection, &dead).map(|_| ())
}

/// Marks runs as interrupted, and gives their names.
pub(crate) fn mark_dead_runs(connection: &Connection, numbers: &[i64]) -> rusqlite::Result<Vec<RunId>> {
    let mut marked = Vec::new();
    for number in numbers {
        let id = connection
            .prepare_cached("SELECT id FROM runs WHERE number = ?1 AND status = 'running'")?
            .query_row([number], |row| row.get(0))
            .optional()?;
        if let Some(id) = id {
            end(
                connection,
                *number,
                RunStatus::Interrupted,
                Some("the process ended before the run did"),
            )?;
            marked.push(RunId(id));
        }
    }
    Ok(marked)
}

fn end(connection: &Connection, number: i64, status: RunStatus, message: Option<&str>) -> rusqlite::Result<()> {
    let now = time::to_file(Timestamp::now());
    connection
        .prepare_cached("UPDATE runs SET status = ?2, message = ?3, ended = ?4 WHERE number = ?1")?
        .execute((number, status.as_str(), message, now))?;
    connection
        .prepare_cached(
            "UPDATE node_results SET status = 'interrupted', ended = ?2 WHERE run = ?1 AND status = 'running'",
        )?
        .execute((number, now))?;
    connection
        .prepare_cached("UPDATE batches SET state = 'interrupted', ended = ?2 WHERE run = ?1 AND state = 'asked'")?
        .execute((number, now))?;
    Ok(())
}

/// The number by which other tables know a run.
pub(crate) fn number_of(connection: &Connection, run: &RunId) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT number FROM runs WHERE id = ?1")?
        .query_row([&run.0], |row| row.get(0))
        .optional()
}

pub(crate) fn unknown(run: &RunId) -> StateError {
    StateError::UnknownRun { id: run.0.clone() }
}

fn run_of(row: &Row<'_>) -> rusqlite::Result<Run> {
    Ok(Run {
        id: RunId(row.get(0)?),
        command: row.get(1)?,
        arguments: crate::columns::json(row, 2)?,
        target: row.get(3)?,
        selection: row.get(4)?,
        started: time::from_file(row.get(5)?),
        ended: row.get::<_, Option<i64>>(6)?.map(time::from_file),
        status: crate::columns::word(row, 7)?,
        message: row.get(8)?,
        pid: row.get(9)?,
        process_started: row.get(10)?,
        version: row.get(11)?,
    })
}

/// When this process started, as Linux counts it: field 22 of `/proc/self/stat` (`proc_pid_stat(5)`).
fn process_started() -> Option<String> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program, in parentheses, may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(19).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    #[cfg(target_os = "linux")]
    #[test]
    fn the_start_of_this_process_is_a_number_of_ticks() {
        let ticks: u64 = super::process_started().unwrap().parse().unwrap();
        assert!(ticks > 0);
    }
}
