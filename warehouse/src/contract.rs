//! Contracts: what columns a relation is declared to have, and what has to be true of its rows.

use refuel_staging::{Dialect, RelationName};

use crate::materialize::names;
use crate::types::{self, Affinity};
use crate::{Column, Result, WarehouseError};

/// What is declared of a relation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Contract {
    /// Every column that it has, in any order.
    pub columns: Vec<Declared>,
    /// What the database itself is to make sure of, in tables.
    pub constraints: Vec<Constraint>,
}

/// A column that is declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// Its name.
    pub name: String,
    /// Its type, in any of the database's words for it; none where any is right.
    pub data_type: Option<String>,
}

/// What the database makes sure of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraint {
    /// Its name in the database; none where it gets one from the names of the table and its columns.
    pub name: Option<String>,
    /// What is made sure of.
    pub rule: Rule,
}

/// What is to be true of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// A column has no null.
    NotNull(String),
    /// No two rows have the same values in some columns.
    Unique(Vec<String>),
    /// The same, and no null among them.
    PrimaryKey(Vec<String>),
    /// An SQL expression is true, or null, for each row.
    Check(String),
}

impl From<Rule> for Constraint {
    fn from(rule: Rule) -> Self {
        Self { name: None, rule }
    }
}

/// A constraint whose name belongs to one table of a schema alone, since there is an index of that name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Renamed {
    /// Its name while the table stands beside the one that it replaces.
    pub(crate) beside: String,
    /// The name that it is to have.
    pub(crate) name: String,
}

/// A column that isn't what was declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Its name.
    pub column: String,
    /// The declared type, or what else is known of the declaration.
    pub declared: String,
    /// The type that was found, or what else is known of it.
    pub found: String,
}

impl Difference {
    /// The differences, one a line, with their columns below each other.
    pub fn table(differences: &[Self]) -> String {
        let head = ["column", "declared", "found"].map(ToOwned::to_owned);
        let rows = differences.iter().map(|difference| {
            [
                difference.column.clone(),
                difference.declared.clone(),
                difference.found.clone(),
            ]
        });
        let rows: Vec<[String; 3]> = [head].into_iter().chain(rows).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let (first, second) = (width(0), width(1));
        let lines = rows.iter().map(|[column, declared, found]| {
            format!("  {column:first$}  {declared:second$}  {found}")
                .trim_end()
                .to_owned()
        });
        lines.collect::<Vec<String>>().join("\n")
    }
}

impl Contract {
    /// Where columns are not as declared: missing ones, others that nobody declared, and those of another type.
    pub fn differences(&self, dialect: Dialect, found: &[Column]) -> Vec<Difference> {
        let mut differences = Vec::new();
        for declared in &self.columns {
            let told = declared.data_type.as_deref();
            let column = found
                .iter()
                .find(|column| is_name(dialect, &column.name, &declared.name));
            let found = match column {
                None => "missing".to_owned(),
                Some(column) => match (told, &column.data_type) {
                    (Some(told), Some(found)) if !types::is_same(dialect, told, Some(found)) => found.clone(),
                    _ => continue,
                },
            };
            differences.push(Difference {
                column: declared.name.clone(),
                declared: told.unwrap_or("declared").to_owned(),
                found,
            });
        }
        for column in found {
            if !self
                .columns
                .iter()
                .any(|declared| is_name(dialect, &column.name, &declared.name))
            {
                differences.push(Difference {
                    column: column.name.clone(),
                    declared: "not declared".to_owned(),
                    found: column.data_type.clone().unwrap_or_else(|| "there".to_owned()),
                });
            }
        }
        differences
    }

    /// Refuses a query whose columns are not as declared.
    pub(crate) fn refuse(&self, dialect: Dialect, relation: &RelationName, found: &[Column]) -> Result<()> {
        let differences = self.differences(dialect, found);
        if differences.is_empty() {
            return Ok(());
        }
        Err(WarehouseError::Contract {
            relation: relation.clone(),
            differences,
        })
    }

    /// What stands in the parentheses of `CREATE TABLE` for a query with these columns, in their order. Constraints that
    /// can't have their names yet are among `renamed`.
    pub(crate) fn definition(&self, dialect: Dialect, found: &[Column], renamed: &[Renamed]) -> String {
        let named = |name: &str| format!("CONSTRAINT {} ", dialect.quote(name));
        let columns = found.iter().map(|column| {
            let declared = self
                .columns
                .iter()
                .find(|declared| is_name(dialect, &column.name, &declared.name));
            let told = declared.and_then(|declared| declared.data_type.as_deref());
            let name = dialect.quote(&column.name);
            let mut text = format!("{name} {}", told.or(column.data_type.as_deref()).unwrap_or_default());
            let not_null = self.constraints.iter().find(
                |constraint| matches!(&constraint.rule, Rule::NotNull(there) if is_name(dialect, there, &column.name)),
            );
            if let Some(not_null) = not_null {
                let name = not_null.name.as_deref().map(named).unwrap_or_default();
                text.push_str(&format!(" {name}NOT NULL"));
            }
            if let (Dialect::Sqlite, Some(told)) = (dialect, told) {
                text.push_str(&type_check(&column.name, told));
            }
            text.trim_end().to_owned()
        });
        let constraints = self.constraints.iter().filter_map(|constraint| {
            let names = |columns: &[String]| crate::quote::list(dialect, columns.iter().map(String::as_str));
            let rule = match &constraint.rule {
                Rule::NotNull(_) => return None,
                Rule::Unique(columns) => format!("UNIQUE ({})", names(columns)),
                Rule::PrimaryKey(columns) => format!("PRIMARY KEY ({})", names(columns)),
                Rule::Check(expression) => format!("CHECK ({expression})"),
            };
            let name = constraint.name.as_deref().map(|name| {
                let beside = renamed.iter().find(|renamed| renamed.name == name);
                named(beside.map_or(name, |renamed| &renamed.beside))
            });
            Some(format!("{}{rule}", name.unwrap_or_default()))
        });
        columns.chain(constraints).collect::<Vec<String>>().join(", ")
    }

    /// The same contract with a name for each constraint that Postgres would name after the table, which stands beside
    /// another while it is made: the name that it would have if the table were in its place.
    pub(crate) fn named(&self, table: &str) -> Self {
        let mut taken: Vec<String> = self.constraints.iter().filter_map(|own| own.name.clone()).collect();
        let constraints = self.constraints.iter().map(|constraint| {
            let parts = match &constraint.rule {
                _ if constraint.name.is_some() => None,
                Rule::NotNull(_) => None,
                Rule::PrimaryKey(_) => Some((table.to_owned(), "_pkey")),
                Rule::Unique(columns) => Some((format!("{table}_{}", columns.join("_")), "_key")),
                Rule::Check(_) => Some((table.to_owned(), "_check")),
            };
            let name = parts.map(|(of, end)| {
                let mut name = names::behind(&of, end);
                let mut number = 0;
                while taken.contains(&name) {
                    number += 1;
                    name = names::behind(&of, &format!("{end}{number}"));
                }
                taken.push(name.clone());
                name
            });
            Constraint {
                name: name.or_else(|| constraint.name.clone()),
                rule: constraint.rule.clone(),
            }
        });
        let constraints = constraints.collect();
        Self {
            columns: self.columns.clone(),
            constraints,
        }
    }

    /// The constraints whose names the table that is to be replaced may have.
    pub(crate) fn renamed(&self) -> Vec<Renamed> {
        let has_index = |constraint: &&Constraint| matches!(constraint.rule, Rule::Unique(_) | Rule::PrimaryKey(_));
        let names = self
            .constraints
            .iter()
            .filter(has_index)
            .filter_map(|own| own.name.clone());
        names
            .map(|name| Renamed {
                beside: names::behind(&name, names::BESIDE),
                name,
            })
            .collect()
    }

    /// The column whose values SQLite refuses by this message, with its declared type.
    pub(crate) fn broken_type(&self, message: &str) -> Option<(&str, &str)> {
        let name = message.strip_prefix("CHECK constraint failed: ")?;
        let typed = self
            .columns
            .iter()
            .filter_map(|column| Some((column.name.as_str(), column.data_type.as_deref()?)));
        let mut typed = typed.filter(|(column, declared)| type_check_name(column, declared) == name);
        typed.next()
    }
}

/// SQLite takes any value into a column of any type, and the types of expressions aren't known beforehand: the rows are
/// looked at as they come.
fn type_check(column: &str, declared: &str) -> String {
    let types = Affinity::of(declared).value_types();
    if types.is_empty() {
        return String::new();
    }
    let words: Vec<String> = types.iter().chain(&["null"]).map(|word| format!("'{word}'")).collect();
    let name = Dialect::Sqlite.quote(&type_check_name(column, declared));
    let column = Dialect::Sqlite.quote(column);
    format!(" CONSTRAINT {name} CHECK (typeof({column}) IN ({}))", words.join(", "))
}

fn type_check_name(column: &str, declared: &str) -> String {
    format!("{column} is {}", types::normalized(Dialect::Sqlite, declared))
}

/// Whether a database takes two names of columns for the same.
pub(crate) fn is_name(dialect: Dialect, one: &str, other: &str) -> bool {
    match dialect {
        Dialect::Sqlite => one.eq_ignore_ascii_case(other),
        Dialect::Postgres => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(columns: &[(&str, Option<&str>)]) -> Vec<Column> {
        let columns = columns.iter().map(|(name, data_type)| Column {
            name: (*name).to_owned(),
            data_type: data_type.map(ToOwned::to_owned),
            not_null: false,
        });
        columns.collect()
    }

    fn contract() -> Contract {
        let declared = [("id", "int"), ("name", "varchar"), ("born", "date")];
        Contract {
            columns: declared
                .map(|(name, data_type)| Declared {
                    name: name.to_owned(),
                    data_type: Some(data_type.to_owned()),
                })
                .to_vec(),
            constraints: vec![
                Rule::NotNull("id".to_owned()).into(),
                Rule::PrimaryKey(vec!["id".to_owned()]).into(),
                Rule::Check("id > 0".to_owned()).into(),
            ],
        }
    }

    #[test]
    fn differences_are_shown_in_a_table() {
        let found = columns(&[
            ("id", Some("text")),
            ("name", Some("character varying")),
            ("extra", None),
        ]);
        let differences = contract().differences(Dialect::Postgres, &found);
        insta::assert_snapshot!(Difference::table(&differences), @r"
          column  declared      found
          id      int           text
          born    date          missing
          extra   not declared  there
        ");
    }

    #[test]
    fn a_table_is_made_with_what_is_declared() {
        let found = columns(&[("name", Some("text")), ("ID", None), ("born", Some("text"))]);
        assert_eq!(contract().differences(Dialect::Sqlite, &found), []);
        insta::assert_snapshot!(contract().definition(Dialect::Sqlite, &found, &[]), @r#""name" varchar CONSTRAINT "name is varchar" CHECK (typeof("name") IN ('text', 'null')), "ID" int NOT NULL CONSTRAINT "ID is int" CHECK (typeof("ID") IN ('integer', 'null')), "born" date CONSTRAINT "born is date" CHECK (typeof("born") IN ('text', 'null')), PRIMARY KEY ("id"), CHECK (id > 0)"#);
        insta::assert_snapshot!(contract().definition(Dialect::Postgres, &columns(&[("id", Some("integer"))]), &[]), @r#""id" int NOT NULL, PRIMARY KEY ("id"), CHECK (id > 0)"#);
    }

    #[test]
    fn names_of_constraints_are_those_of_the_table_in_its_place() {
        let mut contract = contract();
        contract.constraints.push(Constraint {
            name: Some("one_name".to_owned()),
            rule: Rule::Unique(vec!["name".to_owned()]),
        });
        contract.constraints.push(Rule::Check("id < 9".to_owned()).into());
        let named = contract.named("people");
        let found = columns(&[("id", Some("integer")), ("name", Some("text"))]);
        insta::assert_snapshot!(named.definition(Dialect::Postgres, &found, &named.renamed()), @r#""id" int NOT NULL, "name" varchar, CONSTRAINT "people_pkey__refuel_tmp" PRIMARY KEY ("id"), CONSTRAINT "people_check" CHECK (id > 0), CONSTRAINT "one_name__refuel_tmp" UNIQUE ("name"), CONSTRAINT "people_check1" CHECK (id < 9)"#);
    }
}
