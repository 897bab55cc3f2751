//! Which cells of a relation are wrong.

use std::collections::BTreeMap;

use refuel_repair::{LabelledRow, Settings, Table};
use refuel_task::{RepairTask, TableTask, Task};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::{Relation, RelationError, Result};

/// What to do with a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Remedy {
    /// The proposed value should stand there.
    Replace,
    /// Nothing should stand there.
    Clear,
    /// The value looks wrong, and the table does not tell what is right.
    Unknown,
}

impl Remedy {
    /// The word in results: `replace`, `clear`, `unknown`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Replace => "replace",
            Self::Clear => "clear",
            Self::Unknown => "unknown",
        }
    }
}

/// A cell that looks wrong.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RepairRow {
    /// Index of its row in the relation, from 0.
    #[serde(skip)]
    pub row: usize,
    /// Index of its column in the relation, from 0.
    #[serde(skip)]
    pub column: usize,
    /// The row's key.
    pub record_key: String,
    /// The column's name.
    pub column_name: String,
    /// What stands there.
    pub value: Option<String>,
    /// What should stand there; none where nothing should, or where it isn't known.
    pub proposed: Option<String>,
    /// How likely the remedy is right, from 0 to 1; of `unknown`, how likely the value is wrong.
    pub confidence: f32,
    /// Why, in words.
    pub evidence: String,
    /// What to do.
    pub remedy: Remedy,
}

/// What a relation tells of a column by others.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DependencyLine {
    /// The columns that determine it: one or two.
    pub from: Vec<String>,
    /// The column.
    pub to: String,
    /// In what share of rows the others tell it, from 0 to 1.
    pub accuracy: f32,
    /// What share of rows has its most common value, from 0 to 1: what one tells without the others.
    pub baseline: f32,
}

/// What was found besides the cells.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RepairReport {
    /// How many rows there are.
    pub rows: usize,
    /// How many of them a person put right.
    pub labelled: usize,
    /// How many cells look wrong.
    pub cells: usize,
    /// For how many of them there is no value to propose.
    pub unknown: usize,
    /// Proposals by the kind of evidence that is strongest.
    pub by_evidence: BTreeMap<String, usize>,
    /// Proposals by column.
    pub by_column: BTreeMap<String, usize>,
    /// Columns that others determine, the best first of each.
    pub dependencies: Vec<DependencyLine>,
    /// How values are written anew, learned from the rows that a person put right: the column and what is done.
    pub conversions: Vec<(String, String)>,
}

/// What a repair found.
#[derive(Debug, Clone, PartialEq)]
pub struct Repaired {
    /// Cells that look wrong, in the order of rows and columns. Rows that a person put right have none.
    pub rows: Vec<RepairRow>,
    /// What was found besides.
    pub report: RepairReport,
}

/// The parts of a task and a relation that a repair works on.
struct Prepared {
    keys: Vec<String>,
    /// Where each column of the table is in the relation.
    places: Vec<usize>,
    table: Table,
    labels: Vec<LabelledRow>,
    settings: Settings,
}

/// Finds the cells of a relation that look wrong, and what should stand in them.
///
/// # Errors
/// A task of another kind, a column that the relation lacks, and examples of rows that it lacks.
pub fn repair(task: &Task, relation: &Relation) -> Result<Repaired> {
    let prepared = Prepared::new(task, relation)?;
    let found = refuel_repair::repair(&prepared.table, &prepared.labels, &prepared.settings)?;
    let name = |column: usize| relation.columns[prepared.places[column]].clone();
    let rows: Vec<RepairRow> = found
        .proposals
        .iter()
        .map(|proposal| {
            let (proposed, remedy) = match &proposal.remedy {
                refuel_repair::Remedy::Replace(value) => (Some(value.clone()), Remedy::Replace),
                refuel_repair::Remedy::Clear => (None, Remedy::Clear),
                refuel_repair::Remedy::Unknown => (None, Remedy::Unknown),
            };
            let reasons: Vec<&str> = proposal.evidence.iter().map(|evidence| &*evidence.words).collect();
            RepairRow {
                row: proposal.row,
                column: prepared.places[proposal.column],
                record_key: prepared.keys[proposal.row].clone(),
                column_name: name(proposal.column),
                value: proposal.before.clone(),
                proposed,
                confidence: proposal.confidence,
                evidence: reasons.join("; "),
                remedy,
            }
        })
        .collect();
    let mut by_evidence = BTreeMap::new();
    for proposal in &found.proposals {
        if let Some(first) = proposal.evidence.first() {
            *by_evidence.entry(first.kind.name().to_owned()).or_default() += 1;
        }
    }
    let mut by_column = BTreeMap::new();
    for row in &rows {
        *by_column.entry(row.column_name.clone()).or_default() += 1;
    }
    let dependencies = found.dependencies.iter().map(|dependency| DependencyLine {
        from: dependency.left.iter().map(|&column| name(column)).collect(),
        to: name(dependency.right),
        accuracy: dependency.accuracy,
        baseline: dependency.baseline,
    });
    let conversions = found.conversions.iter();
    let report = RepairReport {
        rows: relation.rows.len(),
        labelled: prepared.labels.len(),
        cells: rows.len(),
        unknown: rows.iter().filter(|row| row.remedy == Remedy::Unknown).count(),
        by_evidence,
        by_column,
        dependencies: dependencies.collect(),
        conversions: conversions
            .map(|conversion| (name(conversion.column), conversion.words.clone()))
            .collect(),
    };
    Ok(Repaired { rows, report })
}

/// The rows that a person should put right next, at most so many, the most telling first: their indices, from 0.
///
/// # Errors
/// As for [`repair`].
pub fn choose_rows(task: &Task, relation: &Relation, count: usize) -> Result<Vec<usize>> {
    let prepared = Prepared::new(task, relation)?;
    let chosen = refuel_repair::choose_rows_to_label(&prepared.table, count, &prepared.labels, &prepared.settings)?;
    Ok(chosen)
}

impl Prepared {
    fn new(task: &Task, relation: &Relation) -> Result<Self> {
        let Some(TableTask::Repair(repair)) = &task.table else {
            return Err(RelationError::WrongKind {
                task: task.name.clone(),
                kind: task.kind.to_string(),
                wanted: "repair",
            });
        };
        let keys = relation.row_keys(repair.key.as_deref())?;
        let named: Vec<&str> = repair.columns.iter().map(String::as_str).collect();
        let places = relation.looked_at(&named, &repair.ignore, repair.key.as_deref())?;
        let values = |row: &Vec<Option<String>>| places.iter().map(|&place| row[place].clone()).collect();
        let table = Table::new(
            places.iter().map(|&place| relation.columns[place].clone()),
            relation.rows.iter().map(values),
        )?;
        let labels = labels(task, repair, relation, &keys, &places)?;
        Ok(Self {
            settings: Settings {
                least_confidence: repair.threshold,
                ignore: Vec::new(),
                show_unknown: repair.unknown,
            },
            keys,
            places,
            table,
            labels,
        })
    }
}

/// The rows that a person put right. What such a row doesn't say of a column is right as it is.
fn labels(
    task: &Task,
    repair: &RepairTask,
    relation: &Relation,
    keys: &[String],
    places: &[usize],
) -> Result<Vec<LabelledRow>> {
    let rows: FxHashMap<&str, usize> = keys.iter().enumerate().map(|(row, key)| (key.as_str(), row)).collect();
    repair
        .rows
        .iter()
        .map(|right| {
            let Some(&row) = rows.get(right.key.as_str()) else {
                return Err(RelationError::UnknownKey {
                    task: task.name.clone(),
                    key: right.key.clone(),
                    relation: relation.name.clone(),
                });
            };
            let mut values: Vec<Option<String>> =
                places.iter().map(|&place| relation.rows[row][place].clone()).collect();
            for (column, value) in &right.values {
                let place = relation.place(column)?;
                if let Some(at) = places.iter().position(|looked_at| *looked_at == place) {
                    values[at].clone_from(value);
                }
            }
            Ok(LabelledRow { row, values })
        })
        .collect()
}
