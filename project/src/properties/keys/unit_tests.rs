//! The keys of unit tests.

use super::{DESCRIPTION, META, TAGS};
use crate::shape::{Key, Object, Shape, TITLE};

/// A unit test.
pub(crate) static UNIT_TEST: Object = Object::new(
    "unit_test",
    "a unit test",
    &[
        Key::new("name", Shape::Formed(&TITLE), "The test's name.").required("name: NAME"),
        DESCRIPTION,
        Key::new(
            "model",
            Shape::Text,
            "The model; that which it is written below, unless told.",
        ),
        Key::new(
            "given",
            Shape::List(&Shape::Object(&GIVEN)),
            "Rows of everything that the model reads; `rows: []` for none.",
        ),
        Key::new(
            "expect",
            Shape::Object(&EXPECT),
            "The rows that must come out, in any order.",
        )
        .required("expect: {rows: [{COLUMN: VALUE}]}"),
        Key::new(
            "answers",
            Shape::List(&Shape::Object(&ANSWER)),
            "What tasks answer in this test. An input that isn't here is asked of the task's model.",
        ),
        Key::new(
            "overrides",
            Shape::Object(&OVERRIDES),
            "What is different in this test.",
        ),
        Key::new("config", Shape::Object(&UNIT_TEST_CONFIG), "Configuration of the test."),
    ],
);

/// Configuration of a unit test.
pub(crate) static UNIT_TEST_CONFIG: Object = Object::new(
    "unit_test_config",
    "the configuration of a unit test",
    &[
        Key::new("enabled", Shape::Flag, "Whether it is part of the project."),
        TAGS,
        META,
    ],
);

const ROWS: Key = Key::new(
    "rows",
    Shape::Either(&[Shape::List(&Shape::Map(&Shape::Anything)), Shape::Text]),
    "The rows: a list of maps from columns to values, or CSV with a line of names.",
);
const ROWS_FORMAT: Key = Key::new(
    "format",
    Shape::Word(&["dict", "csv"]),
    "How the rows are written; it may be left out.",
);
const FIXTURE: Key = Key::new(
    "fixture",
    Shape::Text,
    "A CSV file of rows, instead: its name in the folder `fixtures` of a folder of tests, with or without .csv.",
);

/// Rows that are given.
pub(crate) static GIVEN: Object = Object::new(
    "given",
    "rows that are given",
    &[
        Key::new(
            "input",
            Shape::Text,
            "What the rows stand for: ref('NAME'), source('SOURCE', 'TABLE'), or `this`, what an incremental model \
             made before.",
        )
        .required("input: ref('NAME')"),
        ROWS,
        ROWS_FORMAT,
        FIXTURE,
    ],
);

/// Rows that are expected.
pub(crate) static EXPECT: Object = Object::new("expect", "rows that are expected", &[ROWS, ROWS_FORMAT, FIXTURE]);

/// An answer in a test.
pub(crate) static ANSWER: Object = Object::new(
    "answer",
    "an answer in a test",
    &[
        Key::new(
            "task",
            Shape::Text,
            "The task; for refuel_complete and refuel_embed the model.",
        )
        .required("task: NAME"),
        Key::new(
            "input",
            Shape::Anything,
            "What is asked: text; for two sides a list of two texts; for several columns a map.",
        )
        .required("input: TEXT"),
        Key::new(
            "value",
            Shape::Anything,
            "The answer's value. Without one, the task abstains.",
        ),
        Key::new(
            "confidence",
            Shape::Number { least: 0.0, most: 1.0 },
            "The answer's confidence; 1 unless told.",
        ),
        Key::new(
            "score",
            Shape::Number { least: 0.0, most: 1.0 },
            "For tasks that compare: the probability that both sides are the same.",
        ),
        Key::new("error", Shape::Text, "The reason, where the task fails on this input."),
    ],
);

/// What is different in a unit test.
pub(crate) static OVERRIDES: Object = Object::new(
    "overrides",
    "what is different in a unit test",
    &[
        Key::new("macros", Shape::Object(&MACRO_OVERRIDES), "What macros say."),
        Key::new("vars", Shape::Map(&Shape::Anything), "Variables."),
        Key::new("env_vars", Shape::Map(&Shape::Scalar), "Environment variables."),
    ],
);

/// What macros say in a unit test.
pub(crate) static MACRO_OVERRIDES: Object = Object::new(
    "macro_overrides",
    "what macros say in a unit test",
    &[Key::new(
        "is_incremental",
        Shape::Flag,
        "What is_incremental() says; false unless told.",
    )],
);
