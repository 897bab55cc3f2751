//! The keys of data tests.

use super::{CONFIG_OF_TEST, DESCRIPTION, NAME_OF_TEST};
use crate::shape::{Key, Object, REFERENCE, Shape};

/// Tests of a column.
pub(crate) static COLUMN_TESTS: [&Object; 5] = [&UNIQUE, &NOT_NULL, &ACCEPTED_VALUES, &RELATIONSHIPS, &CONDITION];
/// Tests of a table.
pub(crate) static TABLE_TESTS: [&Object; 1] = [&CONDITION];

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

/// A condition.
pub(crate) static CONDITION: Object = Object::new(
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
