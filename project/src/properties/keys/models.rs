//! The keys of models, seeds and their columns.

use super::{COLUMN_TESTS, COLUMNS, DATA_TESTS, DESCRIPTION, EVALUATION, META, SOURCE, TAGS, UNIT_TEST};
use crate::config::{MODEL_CONFIG, SEED_CONFIG};
use crate::shape::{Key, NAME, Object, Shape};

/// A properties file.
pub(crate) static FILE: Object = Object::new(
    "properties",
    "a properties file",
    &[
        Key::new(
            "version",
            Shape::Whole { least: 1, most: 2 },
            "The version of the form; it may be left out.",
        ),
        Key::new("models", Shape::List(&Shape::Object(&MODEL)), "Models."),
        Key::new("seeds", Shape::List(&Shape::Object(&SEED)), "Seeds."),
        Key::new(
            "sources",
            Shape::List(&Shape::Object(&SOURCE)),
            "Sources: tables that the project reads and doesn't make.",
        ),
        Key::new(
            "unit_tests",
            Shape::List(&Shape::Object(&UNIT_TEST)),
            "Tests of models on rows that they are given.",
        ),
    ],
);

/// A model.
pub(crate) static MODEL: Object = Object::new(
    "model",
    "a model",
    &[
        Key::new("name", Shape::Text, "The model: the name of its file without .sql.").required("name: NAME"),
        DESCRIPTION,
        Key::new("owner", Shape::Text, "Who answers for it."),
        Key::new(
            "config",
            Shape::Object(&MODEL_CONFIG),
            "Configuration, which outranks that of folders.",
        ),
        COLUMNS,
        Key::new(
            "constraints",
            Shape::List(&Shape::Object(&CONSTRAINT)),
            "Constraints of the table as a whole.",
        ),
        DATA_TESTS,
        Key::new(
            "unit_tests",
            Shape::List(&Shape::Object(&UNIT_TEST)),
            "Tests of this model on rows that it is given.",
        ),
        Key::new(
            "evaluations",
            Shape::List(&Shape::Object(&EVALUATION)),
            "How good the answers behind it must be.",
        ),
        META,
    ],
);

/// A seed.
pub(crate) static SEED: Object = Object::new(
    "seed",
    "a seed",
    &[
        Key::new(
            "name",
            Shape::Text,
            "The seed: the name of its file without its ending.",
        )
        .required("name: NAME"),
        DESCRIPTION,
        Key::new("owner", Shape::Text, "Who answers for it."),
        Key::new(
            "config",
            Shape::Object(&SEED_CONFIG),
            "Configuration, which outranks that of folders.",
        ),
        COLUMNS,
        DATA_TESTS,
        META,
    ],
);

/// A column.
pub(crate) static COLUMN: Object = Object::new(
    "column",
    "a column",
    &[
        Key::new("name", Shape::Text, "The column's name.").required("name: NAME"),
        DESCRIPTION,
        Key::new("data_type", Shape::Text, "Its type, as the target's database calls it."),
        Key::new(
            "constraints",
            Shape::List(&Shape::Object(&CONSTRAINT)),
            "Constraints that the database is to keep.",
        ),
        Key::new(
            "data_tests",
            Shape::List(&Shape::Named(&COLUMN_TESTS)),
            "Tests of the column.",
        )
        .or("tests"),
        TAGS,
        META,
    ],
);

/// A constraint.
pub(crate) static CONSTRAINT: Object = Object::new(
    "constraint",
    "a constraint",
    &[
        Key::new(
            "type",
            Shape::Word(&["not_null", "unique", "primary_key", "check", "foreign_key"]),
            "What it demands. `foreign_key` is refused: a build replaces tables, which the database does not let be done \
             with one that others point to; the test `relationships` checks the same.",
        )
        .required("type: not_null"),
        Key::new("name", Shape::Formed(&NAME), "Its name in the database."),
        Key::new(
            "expression",
            Shape::Text,
            "For `check`: the condition.",
        ),
        Key::new(
            "columns",
            Shape::OneOrMore(&Shape::Text),
            "For constraints of a table: its columns.",
        ),
    ],
);
