//! `refuel.*`: SQL that is written differently on SQLite and on Postgres.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use minijinja::value::{Object, ObjectRepr, Rest, Value, from_args};
use minijinja::{Error, ErrorKind, State};
use refuel_staging::Dialect;

use super::functions::by_position_and_name;
use crate::error::nearest;

/// The namespace `refuel` of templates.
#[derive(Debug)]
pub(super) struct Portable {
    pub(super) dialect: Dialect,
}

pub(super) const METHODS: [&str; 7] = [
    "concat",
    "string_agg",
    "record",
    "json_text",
    "split_part",
    "current_timestamp",
    "days_between",
];

impl Object for Portable {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call_method(self: &Arc<Self>, _state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        let sql = match method {
            "concat" => {
                let (parts,): (Rest<String>,) = from_args(args)?;
                concat(&parts)?
            }
            "string_agg" => {
                let (positional, named) = by_position_and_name(args)?;
                let (expression, delimiter): (&str, Option<&str>) = from_args(positional)?;
                let order: Option<String> = named.get("order_by")?;
                named.assert_all_used()?;
                string_agg(expression, delimiter.unwrap_or(","), order.as_deref())
            }
            "record" => {
                let (columns,): (Rest<String>,) = from_args(args)?;
                self.record(&columns)?
            }
            "json_text" => {
                let (expression, key): (&str, &str) = from_args(args)?;
                self.json_text(expression, key)
            }
            "split_part" => {
                let (expression, delimiter, number): (&str, &str, usize) = from_args(args)?;
                self.split_part(expression, delimiter, number)?
            }
            "current_timestamp" => {
                let (): () = from_args(args)?;
                "CURRENT_TIMESTAMP".to_owned()
            }
            "days_between" => {
                let (from, to): (&str, &str) = from_args(args)?;
                self.days_between(from, to)
            }
            other => {
                let known = METHODS.map(|name| format!("refuel.{name}")).join(", ");
                let meant = nearest(other, METHODS).map_or(known, |name| format!("did you mean refuel.{name}?"));
                // An unknown method would be looked for among those of Python's types.
                return Err(Error::new(
                    ErrorKind::InvalidOperation,
                    format!("there is no refuel.{other}: {meant}"),
                ));
            }
        };
        Ok(Value::from(sql))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<refuel>")
    }
}

/// Texts one after the other. A null among them makes all null, on both databases.
fn concat(parts: &[String]) -> Result<String, Error> {
    if parts.is_empty() {
        return Err(Error::new(
            ErrorKind::MissingArgument,
            "refuel.concat() takes expressions",
        ));
    }
    let parts: Vec<String> = parts.iter().map(|part| format!("CAST({part} AS text)")).collect();
    Ok(format!("({})", parts.join(" || ")))
}

/// The texts of a group, joined; in an order where one is given.
fn string_agg(expression: &str, delimiter: &str, order: Option<&str>) -> String {
    let order = order.map(|order| format!(" ORDER BY {order}")).unwrap_or_default();
    format!("string_agg(CAST({expression} AS text), {}{order})", literal(delimiter))
}

impl Portable {
    /// A row of columns as a JSON object, as tasks over several columns read it.
    fn record(&self, columns: &[String]) -> Result<String, Error> {
        if columns.is_empty() {
            return Err(Error::new(ErrorKind::MissingArgument, "refuel.record() takes columns"));
        }
        let mut sql = String::from(match self.dialect {
            Dialect::Sqlite => "json_object(",
            Dialect::Postgres => "jsonb_build_object(",
        });
        for (number, column) in columns.iter().enumerate() {
            let comma = if number == 0 { "" } else { ", " };
            // `t.body` is called `body` in the object, as a task reads it.
            let name = column.rsplit('.').next().unwrap_or(column).trim_matches('"');
            let _ = write!(sql, "{comma}{}, {column}", literal(name));
        }
        sql.push(')');
        Ok(sql)
    }

    /// The text at a key of a JSON object.
    fn json_text(&self, expression: &str, key: &str) -> String {
        match self.dialect {
            Dialect::Sqlite => format!("(({expression}) ->> {})", literal(&format!("$.\"{key}\""))),
            Dialect::Postgres => format!("(CAST({expression} AS jsonb) ->> {})", literal(key)),
        }
    }

    /// The part with this number, from 1, of a text that a delimiter divides; empty where there are fewer parts.
    fn split_part(&self, expression: &str, delimiter: &str, number: usize) -> Result<String, Error> {
        if delimiter.is_empty() || number == 0 {
            return Err(Error::new(
                ErrorKind::InvalidOperation,
                "refuel.split_part(expression, delimiter, number) takes a delimiter and a number from 1",
            ));
        }
        let delimiter = literal(delimiter);
        Ok(match self.dialect {
            Dialect::Postgres => format!("split_part(CAST({expression} AS text), {delimiter}, {number})"),
            // SQLite has no such function: the text is cut at one delimiter after the other.
            Dialect::Sqlite => format!(
                "(CASE WHEN ({expression}) IS NOT NULL THEN coalesce((WITH RECURSIVE part(number, head, rest) AS (\
                 SELECT 0, '', ({expression}) || {delimiter} UNION ALL SELECT number + 1, \
                 substr(rest, 1, instr(rest, {delimiter}) - 1), \
                 substr(rest, instr(rest, {delimiter}) + length({delimiter})) FROM part \
                 WHERE rest <> '' AND number < {number}) SELECT head FROM part WHERE number = {number}), '') END)"
            ),
        })
    }

    /// Whole days from one date to another.
    fn days_between(&self, from: &str, to: &str) -> String {
        match self.dialect {
            Dialect::Sqlite => format!("CAST(julianday(date({to})) - julianday(date({from})) AS integer)"),
            Dialect::Postgres => format!("(CAST({to} AS date) - CAST({from} AS date))"),
        }
    }
}

/// A text as SQL writes it.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
