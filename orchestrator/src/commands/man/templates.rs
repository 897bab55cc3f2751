//! What templates can say, from the tables of the crate that renders them.

use refuel_dag::{PORTABLE_FUNCTIONS, TEMPLATE_NAMES, portable_sql};
use refuel_staging::Dialect;

/// The text, as Markdown.
pub(super) fn text() -> String {
    let mut text = "# Templates\n\n\
        Models, tests, hooks and macros are templates: `{{ ... }}` is put in, `{% ... %}` decides and repeats, `{# ... #}` is \
        left out. The language is that of [Jinja](https://jinja.palletsprojects.com/en/stable/templates/). Macros are files \
        below `macros/`, and are called by their names everywhere.\n\n\
        Arguments in brackets may be left out.\n\n\
        | name | what it gives | example |\n|---|---|---|\n"
        .to_owned();
    for function in TEMPLATE_NAMES {
        text.push_str(&format!(
            "| `{}` | {} | `{}` |\n",
            function.signature, function.about, function.example
        ));
    }
    text.push_str(
        "\n## SQL of one database\n\n\
         Each model is read as SQL of the target. What only one database can say goes into a model that is left out \
         elsewhere, or into a branch:\n\n\
         ```sql\n\
         {{ config(enabled=(target.type == 'postgres')) }}\n\
         SELECT DISTINCT ON (sender) sender, body FROM {{ ref('stg_messages') }} ORDER BY sender, received_on DESC\n\
         ```\n\n\
         ```sql\n\
         {% if target.type == 'postgres' %} body ~ '[0-9]+' {% else %} body GLOB '*[0-9]*' {% endif %}\n\
         ```\n\n\
         ## SQL that is written differently on SQLite and on Postgres\n\n\
         An expression is SQL in quotes, such as a column: `refuel.concat('a', 'b')`. A delimiter or a key is plain text, and \
         is quoted by the function.\n",
    );
    for function in PORTABLE_FUNCTIONS {
        text.push_str(&format!("\n### `{}`\n\n{}.\n\n", function.signature, function.about));
        text.push_str(&format!(
            "```sql\n{{{{ {} }}}}\n{}```\n",
            function.example,
            in_each(function.example)
        ));
    }
    text
}

/// What a call gives in each dialect, as comments behind it.
fn in_each(call: &str) -> String {
    [Dialect::Sqlite, Dialect::Postgres]
        .into_iter()
        .filter_map(|dialect| Some(format!("-- {dialect}: {}\n", portable_sql(call, dialect).ok()?)))
        .collect()
}
