//! The keys of properties files.

use crate::config::{MODEL_CONFIG, SEED_CONFIG, TEST_CONFIG};
use crate::shape::{CHARACTER, Key, NAME, Object, P_VALUE, PROBABILITY_BOUND, PSI, REFERENCE, Shape, TITLE};

const DESCRIPTION: Key = Key::new("description", Shape::Text, "What it is, for people.");
const META: Key = Key::new("meta", Shape::Map(&Shape::Anything), "Whatever people want to note.");
const TAGS: Key = Key::new("tags", Shape::OneOrMore(&Shape::Text), "Words to select it by.");
const COLUMNS: Key = Key::new("columns", Shape::List(&COLUMN_SHAPE), "Columns.");
const DATA_TESTS: Key = Key::new(
    "data_tests",
    Shape::List(&TABLE_TESTS_SHAPE),
    "Tests of the table as a whole.",
)
.or("tests");
static COLUMN_SHAPE: Shape = Shape::Object(&COLUMN);
static TABLE_TESTS_SHAPE: Shape = Shape::Named(&TABLE_TESTS);
const CONFIG_OF_TEST: Key = Key::new("config", Shape::Object(&TEST_CONFIG), "Configuration of the test.");
const NAME_OF_TEST: Key = Key::new(
    "name",
    Shape::Formed(&TITLE),
    "The test's name; one is made of what is tested unless told.",
);
const FORMAT: Shape = Shape::Word(&["csv", "tsv", "jsonl", "parquet"]);

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
            "What it demands.",
        )
        .required("type: not_null"),
        Key::new("name", Shape::Formed(&NAME), "Its name in the database."),
        Key::new(
            "expression",
            Shape::Text,
            "For `check`: the condition. For `foreign_key`: what follows REFERENCES.",
        ),
        Key::new(
            "columns",
            Shape::OneOrMore(&Shape::Text),
            "For constraints of a table: its columns.",
        ),
    ],
);

/// Tests of a column.
pub(crate) static COLUMN_TESTS: [&Object; 5] =
    [&UNIQUE, &NOT_NULL, &ACCEPTED_VALUES, &RELATIONSHIPS, &COLUMN_EXPRESSION];
/// Tests of a table.
pub(crate) static TABLE_TESTS: [&Object; 1] = [&TABLE_EXPRESSION];

/// No value twice.
pub(crate) static UNIQUE: Object = Object::new(
    "unique",
    "a test that no value is there twice",
    &[NAME_OF_TEST, DESCRIPTION, CONFIG_OF_TEST],
);

/// No null.
pub(crate) static NOT_NULL: Object = Object::new(
    "not_null",
    "a test that no value is null",
    &[NAME_OF_TEST, DESCRIPTION, CONFIG_OF_TEST],
);

const VALUES: Key = Key::new("values", Shape::List(&Shape::Scalar), "The values that there may be.");
const QUOTE: Key = Key::new(
    "quote",
    Shape::Flag,
    "Whether the values are text in SQL; so they are unless told.",
);
const TO: Key = Key::new("to", Shape::Formed(&REFERENCE), "The other relation.");
const FIELD: Key = Key::new("field", Shape::Text, "The column there.");
const EXPRESSION: Key = Key::new(
    "expression",
    Shape::Text,
    "The condition in SQL. Of a column, it is what follows the column's name, such as `>= 0`.",
);

/// One of some values.
pub(crate) static ACCEPTED_VALUES: Object = Object::new(
    "accepted_values",
    "a test that every value is one of a list",
    &[
        NAME_OF_TEST,
        DESCRIPTION,
        CONFIG_OF_TEST,
        arguments(&ACCEPTED_VALUES_ARGUMENTS),
        VALUES,
        QUOTE,
    ],
);
pub(crate) static ACCEPTED_VALUES_ARGUMENTS: Object = Object::new(
    "accepted_values_arguments",
    "arguments of \"accepted_values\"",
    &[VALUES, QUOTE],
);

/// A row elsewhere.
pub(crate) static RELATIONSHIPS: Object = Object::new(
    "relationships",
    "a test that every value is in another relation",
    &[
        NAME_OF_TEST,
        DESCRIPTION,
        CONFIG_OF_TEST,
        arguments(&RELATIONSHIPS_ARGUMENTS),
        TO,
        FIELD,
    ],
);
pub(crate) static RELATIONSHIPS_ARGUMENTS: Object = Object::new(
    "relationships_arguments",
    "arguments of \"relationships\"",
    &[TO, FIELD],
);

/// A condition of a column.
pub(crate) static COLUMN_EXPRESSION: Object = Object::new(
    "expression",
    "a test that a condition holds for every row",
    &[
        NAME_OF_TEST,
        DESCRIPTION,
        CONFIG_OF_TEST,
        arguments(&EXPRESSION_ARGUMENTS),
        EXPRESSION,
    ],
);
/// A condition of a table.
pub(crate) static TABLE_EXPRESSION: Object = Object::new(
    "expression",
    "a test that a condition holds for every row",
    &[
        NAME_OF_TEST,
        DESCRIPTION,
        CONFIG_OF_TEST,
        arguments(&EXPRESSION_ARGUMENTS),
        EXPRESSION,
    ],
);
pub(crate) static EXPRESSION_ARGUMENTS: Object =
    Object::new("expression_arguments", "arguments of \"expression\"", &[EXPRESSION]);

const fn arguments(object: &'static Object) -> Key {
    Key::new(
        "arguments",
        Shape::Object(object),
        "What belongs to the test, which may also stand beside this key.",
    )
}

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
            "Rows of what the model reads.",
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
            "What the rows stand for: ref('NAME'), source('SOURCE', 'TABLE'), or `this`, what an incremental model made \
             before.",
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

const TRUTH: Key = Key::new("truth", Shape::Text, "The column of the right answers.");
const PREDICTION: Key = Key::new(
    "prediction",
    Shape::Text,
    "The column of the model that holds the answers. Needed where the task isn't asked of the rows.",
);
const CONFIDENCE: Key = Key::new(
    "confidence",
    Shape::Text,
    "The column of the model that holds the answers' confidence.",
);

/// The rows of an evaluation.
pub(crate) static ON: Object = Object::new(
    "on",
    "the rows of an evaluation",
    &[
        Key::new(
            "relation",
            Shape::Text,
            "ref('NAME'), source('SOURCE', 'TABLE'), or a file from the project's folder; the model itself unless told.",
        ),
        Key::new(
            "key",
            Shape::OneOrMore(&Shape::Text),
            "Columns that the model and the relation have both: the model's answers are held against the rows with the same \
             values. Without it, the task is asked of each row of the relation.",
        ),
        TRUTH,
        PREDICTION,
        CONFIDENCE,
    ],
);

/// An evaluation.
pub(crate) static EVALUATION: Object = Object::new(
    "evaluation",
    "an evaluation",
    &[
        Key::new("name", Shape::Formed(&TITLE), "The evaluation's name.").required("name: NAME"),
        DESCRIPTION,
        Key::new("task", Shape::Text, "The task whose answers are looked at."),
        Key::new(
            "on",
            Shape::Either(&[Shape::Object(&ON), Shape::Text]),
            "The rows whose right answer is known: ref('NAME'), source('SOURCE', 'TABLE'), or a file from the project's \
             folder, or a map that also names their columns. Unless told, they are those of the model itself.",
        ),
        TRUTH,
        PREDICTION,
        CONFIDENCE,
        Key::new(
            "metrics",
            Shape::Object(&METRICS),
            "Bounds of measures against the right answers.",
        ),
        Key::new(
            "drift",
            Shape::Object(&DRIFT),
            "Bounds of how far the distribution of labels is from that of the run before.",
        ),
        Key::new(
            "severity",
            Shape::Word(&["error", "warn"]),
            "What it means where a bound is not kept; `error` unless told.",
        ),
        CONFIG_OF_TEST,
    ],
);

/// Measures against the right answers.
pub(crate) static METRICS: Object = Object::new(
    "metrics",
    "bounds of measures",
    &[
        Key::new(
            "accuracy",
            Shape::Formed(&PROBABILITY_BOUND),
            "The share of right answers.",
        ),
        Key::new(
            "f1",
            Shape::Formed(&PROBABILITY_BOUND),
            "The mean over labels of the harmonic mean of precision and recall.",
        ),
        Key::new(
            "coverage",
            Shape::Formed(&PROBABILITY_BOUND),
            "The share of rows that are answered at the task's threshold.",
        ),
        Key::new(
            "auroc",
            Shape::Formed(&PROBABILITY_BOUND),
            "How well confidence tells right answers from wrong ones.",
        ),
    ],
);

/// Measures of drift.
pub(crate) static DRIFT: Object = Object::new(
    "drift",
    "bounds of drift",
    &[
        Key::new(
            "chi_square",
            Shape::Formed(&P_VALUE),
            "The p-value of the chi-square test of homogeneity.",
        ),
        Key::new("psi", Shape::Formed(&PSI), "The population stability index."),
    ],
);
