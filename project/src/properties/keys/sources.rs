//! The keys of sources.

use super::{COLUMNS, DATA_TESTS, DESCRIPTION, META, TAGS};
use crate::shape::{CHARACTER, Key, NAME, Object, Shape};

const FORMAT: Shape = Shape::Word(&["csv", "tsv", "jsonl", "parquet"]);

/// A source.
pub(crate) static SOURCE: Object = Object::new(
    "source",
    "a source",
    &[
        Key::new("name", Shape::Formed(&NAME), "The source's name.").required("name: NAME"),
        DESCRIPTION,
        Key::new(
            "schema",
            Shape::Text,
            "The schema that its tables are in: on Postgres the source's name, and on SQLite none, unless told.",
        ),
        Key::new(
            "database",
            Shape::Text,
            "The database that its tables are in; the target's unless told.",
        ),
        Key::new("tables", Shape::List(&Shape::Object(&SOURCE_TABLE)), "Its tables.")
            .required("tables: [{name: TABLE}]"),
        Key::new(
            "config",
            Shape::Object(&SOURCE_CONFIG),
            "Configuration of all its tables.",
        ),
        TAGS,
        META,
    ],
);

/// A table of a source.
pub(crate) static SOURCE_TABLE: Object = Object::new(
    "source_table",
    "a table of a source",
    &[
        Key::new("name", Shape::Text, "The table's name, as the project uses it.").required("name: NAME"),
        DESCRIPTION,
        Key::new(
            "identifier",
            Shape::Text,
            "The table's name in the database; the same unless told.",
        ),
        Key::new(
            "path",
            Shape::Text,
            "A file that is loaded into the table, from the project's folder: .csv, .tsv, .jsonl, .ndjson or .parquet.",
        )
        .or("external"),
        Key::new(
            "format",
            FORMAT,
            "How the file is written; what its ending says unless told.",
        ),
        Key::new(
            "delimiter",
            Shape::Formed(&CHARACTER),
            "The character between fields of a CSV file.",
        ),
        Key::new(
            "column_types",
            Shape::Map(&Shape::Text),
            "For a file: types of columns, by name, as the target's database calls them.",
        ),
        COLUMNS,
        DATA_TESTS,
        Key::new("config", Shape::Object(&SOURCE_CONFIG), "Configuration of the table."),
        TAGS,
        META,
    ],
);

/// Configuration of a source.
pub(crate) static SOURCE_CONFIG: Object = Object::new(
    "source_config",
    "the configuration of a source",
    &[
        Key::new("enabled", Shape::Flag, "Whether it is part of the project."),
        TAGS,
        META,
    ],
);
