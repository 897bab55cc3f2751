//! What templates can say, for whoever writes them.

use minijinja::value::Value;
use minijinja::{Environment, Error};
use refuel_staging::Dialect;

use super::portable::Portable;

/// Something that a template can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TemplateFunction {
    /// How it is written, with the names of its arguments; those in brackets may be left out.
    pub signature: &'static str,
    /// What it gives, and what its arguments are.
    pub about: &'static str,
    /// How it is used.
    pub example: &'static str,
}

/// The names that every template can use.
pub const TEMPLATE_NAMES: [TemplateFunction; 14] = [
    TemplateFunction {
        signature: "ref([project,] name)",
        about: "The relation of a model or seed, which is built first. `name.accepted`, `.review` and `.rejected` are the \
                parts of a model that calls tasks",
        example: "ref('stg_messages')",
    },
    TemplateFunction {
        signature: "source(source, table)",
        about: "The relation of a table that a properties file declares under \"sources\"",
        example: "source('raw', 'tickets')",
    },
    TemplateFunction {
        signature: "this",
        about: "The model's own relation, as it is in the target before the build. `this.schema` and `this.name` are its parts",
        example: "this",
    },
    TemplateFunction {
        signature: "is_incremental()",
        about: "Whether rows are added to the table that is there: an incremental model, built before, without --full-refresh",
        example: "is_incremental()",
    },
    TemplateFunction {
        signature: "config(key=value, ...)",
        about: "Settings of the model or test, as `refuel man project` lists them; nothing is written in its place. \
                `config.get(key, [default])` and `config.require(key)` read one",
        example: "config(materialized='table')",
    },
    TemplateFunction {
        signature: "var(name, [default])",
        about: "A variable of `--vars` or of \"vars\" in refuel_project.yml; without either and a default an error",
        example: "var('since', '2025-01-01')",
    },
    TemplateFunction {
        signature: "env_var(name, [default])",
        about: "An environment variable, as text",
        example: "env_var('REGION', 'eu')",
    },
    TemplateFunction {
        signature: "target",
        about: "What is built in: `target.name`, `target.type` (`sqlite` or `postgres`), `target.schema`, `target.database`, \
                `target.threads`",
        example: "target.type",
    },
    TemplateFunction {
        signature: "run_started_at",
        about: "When the run began, in UTC, with `.strftime(format)`, `.isoformat()` and `.date()`. A model that uses it is \
                never reused",
        example: "run_started_at.date()",
    },
    TemplateFunction {
        signature: "invocation_id",
        about: "The id of the run. A model that uses it is never reused",
        example: "invocation_id",
    },
    TemplateFunction {
        signature: "execute",
        about: "Always true: templates that ask for it work as they are",
        example: "execute",
    },
    TemplateFunction {
        signature: "log(text, [info])",
        about: "Notes a text; it is printed where `info` is true",
        example: "log('all regions', info=true)",
    },
    TemplateFunction {
        signature: "exceptions.raise_compiler_error(message)",
        about: "Ends the compile with a message of your own; `exceptions.warn(message)` goes on",
        example: "exceptions.raise_compiler_error('no such region')",
    },
    TemplateFunction {
        signature: "refuel",
        about: "SQL that is written differently on SQLite and on Postgres: see below",
        example: "refuel.current_timestamp()",
    },
];

/// The functions `refuel.*`: SQL that is written differently on SQLite and on Postgres. Arguments that are expressions
/// are SQL in quotes, as a column is; what is no expression is quoted for the database by the function.
pub const PORTABLE_FUNCTIONS: [TemplateFunction; 7] = [
    TemplateFunction {
        signature: "refuel.concat(expression, ...)",
        about: "The expressions as texts, one after the other; NULL where one of them is. A text of your own is SQL too: \
                `\"', '\"`",
        example: "refuel.concat('first_name', \"' '\", 'last_name')",
    },
    TemplateFunction {
        signature: "refuel.string_agg(expression, [delimiter], [order_by=expression])",
        about: "The texts of a group, joined. `delimiter` is plain text, `,` unless told; `order_by` is what stands behind \
                ORDER BY",
        example: "refuel.string_agg('topic', '; ', order_by='topic DESC')",
    },
    TemplateFunction {
        signature: "refuel.record(column, ...)",
        about: "A JSON object of columns by their names, which is what a task over several columns reads. `t.body` is called \
                `body` in it",
        example: "refuel.record('subject', 't.body')",
    },
    TemplateFunction {
        signature: "refuel.json_text(expression, key)",
        about: "The text at a key of a JSON object; NULL where it has no such key. `key` is plain text",
        example: "refuel.json_text('payload', 'city')",
    },
    TemplateFunction {
        signature: "refuel.split_part(expression, delimiter, number)",
        about: "The part with this number, from 1, of a text that a delimiter divides; empty where there are fewer, NULL of \
                NULL. `delimiter` is plain text",
        example: "refuel.split_part('email', '@', 2)",
    },
    TemplateFunction {
        signature: "refuel.current_timestamp()",
        about: "The time of the statement",
        example: "refuel.current_timestamp()",
    },
    TemplateFunction {
        signature: "refuel.days_between(from, to)",
        about: "Whole days from one date to another, negative where `to` is the earlier. Both are expressions: dates, times, or \
                texts that begin with YYYY-MM-DD",
        example: "refuel.days_between('ordered_on', 'delivered_on')",
    },
];

/// The SQL that a call of one of [`PORTABLE_FUNCTIONS`] gives in a dialect. `call` is what stands between `{{` and `}}`.
///
/// # Errors
/// What is wrong with the call.
pub fn portable_sql(call: &str, dialect: Dialect) -> Result<String, Error> {
    let refuel = Value::from_object(Portable { dialect });
    Environment::new()
        .compile_expression(call)?
        .eval(Value::from_pairs([("refuel", refuel)]))
        .map(|sql| sql.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::portable::METHODS;
    use crate::render::scope::NAMES;

    fn name(function: &TemplateFunction) -> &'static str {
        let end = function.signature.find(['(', ' ']);
        &function.signature[..end.unwrap_or(function.signature.len())]
    }

    #[test]
    fn every_name_of_templates_is_described() {
        let mut described: Vec<&str> = TEMPLATE_NAMES
            .iter()
            .map(|function| name(function).split('.').next().unwrap())
            .collect();
        let mut known = NAMES.to_vec();
        described.sort_unstable();
        known.sort_unstable();
        assert_eq!(described, known);
        let portable: Vec<&str> = PORTABLE_FUNCTIONS.iter().map(name).collect();
        assert_eq!(portable, METHODS.map(|method| format!("refuel.{method}")));
    }

    #[test]
    fn examples_are_what_the_functions_take() {
        let shown: Vec<String> = PORTABLE_FUNCTIONS
            .iter()
            .map(|function| {
                let sql = |dialect| portable_sql(function.example, dialect).unwrap();
                format!(
                    "{}\n  {}\n  {}",
                    function.example,
                    sql(Dialect::Sqlite),
                    sql(Dialect::Postgres)
                )
            })
            .collect();
        insta::assert_snapshot!(shown.join("\n"));
    }
}
