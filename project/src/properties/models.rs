//! Properties of models and seeds.

use refuel_task::Place;
use serde::Serialize;
use serde_json::{Map, Value};

use super::keys::{COLUMN, COLUMN_TESTS, CONSTRAINT, TABLE_TESTS};
use super::reader::Reader;
use super::{DataTest, Evaluation};
use crate::error::ProjectError;
use crate::shape::Entries;

/// What properties files say of a model or a seed.
#[derive(Debug, Clone)]
pub struct Properties {
    /// Where.
    pub place: Place,
    /// What it is, for people.
    pub description: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Columns, in the order written. Tests of columns are with them.
    pub columns: Vec<Column>,
    /// Constraints of the table as a whole.
    pub constraints: Vec<Constraint>,
    /// Tests of the table as a whole.
    pub tests: Vec<DataTest>,
    /// Evaluations of what tasks answered. Seeds have none.
    pub evaluations: Vec<Evaluation>,
    /// Whatever people want to note. That of configuration is with the configuration.
    pub meta: Map<String, Value>,
}

/// A column that a properties file tells of.
#[derive(Debug, Clone)]
pub struct Column {
    /// Name.
    pub name: String,
    /// Where it is written.
    pub place: Place,
    /// What it is, for people.
    pub description: Option<String>,
    /// Its type, as the target's database calls it.
    pub data_type: Option<String>,
    /// Constraints of this column.
    pub constraints: Vec<Constraint>,
    /// Tests of this column.
    pub tests: Vec<DataTest>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Whatever people want to note.
    pub meta: Map<String, Value>,
}

/// A constraint that the database is to keep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Constraint {
    /// What it demands.
    #[serde(rename = "type")]
    pub kind: ConstraintKind,
    /// Its name in the database.
    pub name: Option<String>,
    /// For `check`: the condition.
    pub expression: Option<String>,
    /// The columns, for constraints of a table.
    pub columns: Vec<String>,
}

/// What a constraint demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ConstraintKind {
    /// No null.
    NotNull,
    /// No value twice.
    Unique,
    /// Both.
    PrimaryKey,
    /// A condition.
    Check,
}

/// A constraint that other tools have.
const FOREIGN_KEY: &str = "foreign_key";

impl Reader<'_> {
    /// Reads what a file says of a model or a seed, but for its name and configuration, which are taken before.
    pub(super) fn properties(&mut self, mut entries: Entries, is_model: bool) -> Properties {
        let place = entries.place.clone();
        Properties {
            description: entries.filled("description"),
            owner: entries.filled("owner"),
            columns: self.columns(&mut entries),
            tests: self.data_tests(&mut entries, &TABLE_TESTS),
            constraints: if is_model {
                self.constraints(&mut entries, true)
            } else {
                Vec::new()
            },
            evaluations: if is_model {
                self.evaluations(&mut entries)
            } else {
                Vec::new()
            },
            meta: entries.map("meta").unwrap_or_default(),
            place,
        }
    }

    pub(super) fn columns(&mut self, entries: &mut Entries) -> Vec<Column> {
        let mut columns: Vec<Column> = Vec::new();
        for node in entries.list("columns") {
            let Some(mut entries) = Entries::open(node, &COLUMN) else {
                continue;
            };
            let place = entries.place.clone();
            let Some(name) = entries.filled("name") else { continue };
            if let Some(first) = columns.iter().find(|column| column.name == name) {
                self.problems.push(ProjectError::Duplicate {
                    place: place.clone(),
                    what: format!("a column named \"{name}\""),
                    first: first.place.clone(),
                    hint: "keep one of the two".to_owned(),
                });
            }
            columns.push(Column {
                name,
                description: entries.filled("description"),
                data_type: entries.filled("data_type"),
                constraints: self.constraints(&mut entries, false),
                tests: self.data_tests(&mut entries, &COLUMN_TESTS),
                tags: entries.texts("tags").unwrap_or_default(),
                meta: entries.map("meta").unwrap_or_default(),
                place,
            });
        }
        columns
    }

    fn constraints(&mut self, entries: &mut Entries, of_table: bool) -> Vec<Constraint> {
        let kinds = [
            ("not_null", ConstraintKind::NotNull),
            ("unique", ConstraintKind::Unique),
            ("primary_key", ConstraintKind::PrimaryKey),
            ("check", ConstraintKind::Check),
        ];
        let mut constraints = Vec::new();
        for node in entries.list("constraints") {
            let Some(mut entries) = Entries::open(node, &CONSTRAINT) else {
                continue;
            };
            let place = entries.place.clone();
            let word = entries.take("type");
            let Some(word) = word.as_ref().and_then(|node| node.content.text()) else {
                continue;
            };
            if word == FOREIGN_KEY {
                self.problems.push(ProjectError::Invalid {
                    place,
                    message:
                        "a table can't have a foreign_key: each build puts a new table in the place of the other, \
                              which the database does not allow where a key points to it"
                            .to_owned(),
                    hint: Some(
                        "test it instead, below the column: relationships: {to: ref('customers'), field: id}"
                            .to_owned(),
                    ),
                });
                continue;
            }
            let Some(kind) = kinds.iter().find(|(name, _)| *name == word).map(|(_, kind)| *kind) else {
                continue;
            };
            let constraint = Constraint {
                kind,
                name: entries.text("name"),
                expression: entries.filled("expression"),
                columns: entries.texts("columns").unwrap_or_default(),
            };
            let missing = match kind {
                ConstraintKind::Check if constraint.expression.is_none() => {
                    Some(("expression", "say what it demands: expression: \"amount >= 0\""))
                }
                ConstraintKind::Check => None,
                _ if of_table && constraint.columns.is_empty() => {
                    Some(("columns", "name the columns: columns: [id], or put it below a column"))
                }
                _ => None,
            };
            if let Some((key, hint)) = missing {
                self.problems.push(ProjectError::MissingKey {
                    place,
                    key: key.to_owned(),
                    context: "a constraint".to_owned(),
                    hint: hint.to_owned(),
                });
            }
            constraints.push(constraint);
        }
        constraints
    }
}
