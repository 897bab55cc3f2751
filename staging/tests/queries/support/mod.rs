//! What the tests of meaning share: a made-up model, and databases that run a query in two ways.
//!
//! Row by row, the functions are there as functions of the database, which answer at once. Staged, they are not there:
//! the stages are run one after the other, the made-up model fills the tables of answers, and the last query reads them.

pub(crate) mod generator;
pub(crate) mod postgres;
pub(crate) mod sqlite;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use refuel_staging::{Analyzed, AnswerTables, Asked, Dialect, Gated, Placement, Plan, RelationName, Stage};

/// An answer of the made-up model.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) text: Option<String>,
    pub(crate) boolean: Option<bool>,
    /// A JSON object.
    pub(crate) record: Option<String>,
    pub(crate) confidence: f64,
    pub(crate) gate: u8,
    pub(crate) status: &'static str,
}

/// The number that decides an answer. Postgres computes the same in SQL; texts are ASCII.
pub(crate) fn number(text: &str, task: &str) -> u64 {
    let sum: u64 = text
        .bytes()
        .zip(1..)
        .map(|(byte, place): (u8, u64)| place * u64::from(byte))
        .sum();
    (sum + 13 * task.len() as u64) % 97
}

/// The answer to an input: a blank text fails, some texts are abstained from, and the others get a colour.
pub(crate) fn answer(texts: &[String], task: &str) -> Answer {
    let text = texts.join("/");
    let number = number(&text, task);
    if texts.iter().all(|text| text.trim().is_empty()) {
        return Answer {
            text: None,
            boolean: None,
            record: None,
            confidence: 0.0,
            gate: 2,
            status: "error",
        };
    }
    let abstained = number.is_multiple_of(5);
    let colour = ["red", "green", "blue"][(number % 3) as usize];
    Answer {
        text: (!abstained).then(|| colour.to_owned()),
        record: (!abstained).then(|| format!(r#"{{"colour": "{colour}", "number": {number}}}"#)),
        boolean: (!abstained).then_some(number.is_multiple_of(2)),
        confidence: number as f64 / 128.0,
        gate: u8::from(abstained),
        status: if abstained { "abstained" } else { "ok" },
    }
}

/// Tables of answers named after tasks.
#[derive(Default)]
pub(crate) struct Tables {
    pub(crate) columns: BTreeMap<String, Vec<String>>,
}

impl AnswerTables for Tables {
    fn place(&self, asked: &Asked, _arguments: u8) -> Placement {
        Placement::Table(RelationName::new(None, format!("_refuel_{}", asked.name())))
    }

    fn columns(&self, relation: &RelationName) -> Option<Vec<String>> {
        self.columns.get(&relation.name).cloned()
    }
}

/// A row as texts, to compare.
pub(crate) type Row = Vec<Option<String>>;

/// A database with data.
pub(crate) trait Database {
    fn dialect(&self) -> Dialect;
    /// The rows of a query, whose functions the database has.
    fn row_by_row(&mut self, sql: &str) -> Result<Vec<Row>, String>;
    /// The rows of a query.
    fn rows(&mut self, sql: &str) -> Result<Vec<Row>, String>;
    /// Makes a table of answers if it isn't there.
    fn make(&mut self, table: &RelationName, asked: &Asked, arguments: u8);
    /// Adds an answer, or replaces one that failed.
    fn keep(&mut self, table: &RelationName, asked: &Asked, texts: &[String], answer: &Answer);
    /// Drops tables of answers.
    fn forget(&mut self);
}

thread_local! {
    static ASKED: RefCell<Vec<(String, Vec<String>)>> = const { RefCell::new(Vec::new()) };
}

/// What was asked since the last call of this: table and texts.
pub(crate) fn asked() -> Vec<(String, Vec<String>)> {
    ASKED.with_borrow_mut(std::mem::take)
}

/// Runs the stages of a plan. An error says which SQL failed.
pub(crate) fn fill(database: &mut dyn Database, plan: &Plan) -> Result<(), String> {
    for stage in &plan.stages {
        database.make(&stage.table, &stage.asked, stage.arguments);
    }
    for stage in &plan.stages {
        let inputs = database
            .rows(&stage.inputs)
            .map_err(|error| format!("{error}\ninputs: {}", stage.inputs))?;
        let all = database
            .rows(&stage.all_inputs)
            .map_err(|error| format!("{error}\nall inputs: {}", stage.all_inputs))?;
        let all: BTreeSet<Row> = all.into_iter().collect();
        for input in inputs {
            assert!(
                all.contains(&input),
                "{input:?} is an input that is not among all inputs: {}",
                stage.inputs
            );
            ask(database, stage, &input);
        }
    }
    Ok(())
}

fn ask(database: &mut dyn Database, stage: &Stage, input: &Row) {
    assert_eq!(input.len(), usize::from(stage.arguments));
    let texts: Vec<String> = input
        .iter()
        .map(|text| text.clone().expect("an input has no NULL"))
        .collect();
    ASKED.with_borrow_mut(|asked| asked.push((stage.table.name.clone(), texts.clone())));
    let answer = answer(&texts, &stage.task);
    database.keep(&stage.table, &stage.asked, &texts, &answer);
}

/// The rows in an order of their own.
pub(crate) fn bag(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort();
    rows
}

/// Runs a query in both ways, and says how they differ. None where the database can't run it row by row.
pub(crate) fn compare(database: &mut dyn Database, sql: &str) -> Option<Result<usize, String>> {
    let expected = bag(database.row_by_row(sql).ok()?);
    Some(staged(database, sql, &expected))
}

fn staged(database: &mut dyn Database, sql: &str, expected: &[Row]) -> Result<usize, String> {
    let plan = Analyzed::parse(sql, database.dialect())
        .and_then(|analyzed| analyzed.stage(&Tables::default()))
        .map_err(|error| format!("{error} ({:?})\n{sql}", error.position()))?;
    let explained = |what: &str| {
        let stages: Vec<String> = plan
            .stages
            .iter()
            .map(|stage| format!("{} {:?}: {}", stage.task, stage.after, stage.inputs))
            .collect();
        format!(
            "{what}\nquery:  {sql}\nstaged: {}\nstages:\n  {}",
            plan.sql,
            stages.join("\n  ")
        )
    };
    database.forget();
    asked();
    fill(database, &plan).map_err(|error| explained(&error))?;
    let first = asked();
    let distinct: BTreeSet<_> = first.iter().filter(|(_, texts)| !is_blank(texts)).collect();
    let asked_about = first.iter().filter(|(_, texts)| !is_blank(texts)).count();
    if distinct.len() != asked_about {
        return Err(explained("an input was asked about twice"));
    }
    let rows = bag(database.rows(&plan.sql).map_err(|error| explained(&error))?);
    if rows != expected {
        return Err(explained(&format!("expected {expected:?}\ngot      {rows:?}")));
    }
    match &plan.gated {
        Some(Gated::Sql(sql)) => {
            let gated = database
                .rows(sql)
                .map_err(|error| explained(&format!("{error}\ngated: {sql}")))?;
            let mut without = Vec::new();
            for mut row in gated {
                match row.pop().flatten().as_deref() {
                    Some("0" | "1" | "2") => without.push(row),
                    gate => return Err(explained(&format!("{gate:?} is no gate\ngated: {sql}"))),
                }
            }
            if bag(without) != expected {
                return Err(explained(&format!("other rows with gates than without\ngated: {sql}")));
            }
        }
        Some(Gated::Impossible(_)) => {}
        None => assert!(plan.stages.is_empty(), "a query with stages has gates"),
    }
    fill(database, &plan).map_err(|error| explained(&error))?;
    if let Some((_, texts)) = asked().iter().find(|(_, texts)| !is_blank(texts)) {
        return Err(explained(&format!("{texts:?} was asked about again in a second run")));
    }
    Ok(first.len())
}

fn is_blank(texts: &[String]) -> bool {
    texts.iter().all(|text| text.trim().is_empty())
}

/// What the answers of a task are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    Boolean,
    /// A JSON object.
    Record,
}

/// What the answers of what is asked are, by the task's name.
pub(crate) fn form(asked: &Asked) -> Form {
    match asked.name().as_str() {
        "same" => Form::Boolean,
        "fields" => Form::Record,
        _ => Form::Text,
    }
}
