//! The keys of properties files.

mod evaluations;
mod models;
mod sources;
mod tests;
mod unit_tests;

use crate::config::TEST_CONFIG;
use crate::shape::{Key, Shape, TITLE};

pub(crate) use evaluations::{DRIFT, EVALUATION, METRICS, ON};
pub(crate) use models::{COLUMN, CONSTRAINT, FILE, MODEL, SEED};
pub(crate) use sources::{SOURCE, SOURCE_CONFIG, SOURCE_TABLE};
pub(crate) use tests::{
    ACCEPTED_VALUES_ARGUMENTS, COLUMN_TESTS, EXPRESSION_ARGUMENTS, RELATIONSHIPS_ARGUMENTS, TABLE_TESTS,
};
pub(crate) use unit_tests::{ANSWER, EXPECT, GIVEN, MACRO_OVERRIDES, OVERRIDES, UNIT_TEST, UNIT_TEST_CONFIG};

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
