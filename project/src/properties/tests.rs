//! Data tests: queries that return the rows that fail.

use std::sync::Arc;

use refuel_task::Place;
use refuel_task::yaml::{Content, Node};
use serde::Serialize;
use serde_json::Value;

use super::Reference;
use super::keys::{ACCEPTED_VALUES_ARGUMENTS, EXPRESSION_ARGUMENTS, RELATIONSHIPS_ARGUMENTS};
use super::reader::Reader;
use crate::config::{Layered, TestConfig};
use crate::error::ProjectError;
use crate::shape::{Entries, Object};

/// A test of a column or a table.
#[derive(Debug, Clone)]
pub struct DataTest {
    /// What is tested.
    pub kind: TestKind,
    /// The name that it is given. None: one is made of what is tested.
    pub name: Option<String>,
    /// Where it is written.
    pub place: Place,
    /// What it is for, for people.
    pub description: Option<String>,
    /// Configuration by `refuel_project.yml` and by the test itself.
    pub config: Arc<TestConfig>,
}

/// What a data test tests.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "test", rename_all = "snake_case")]
pub enum TestKind {
    /// No value is there twice. Of a column alone.
    Unique,
    /// No value is null. Of a column alone.
    NotNull,
    /// Every value that is not null is one of these. Of a column alone.
    AcceptedValues {
        /// Text, numbers or flags.
        values: Vec<Value>,
        /// Whether the values are written as SQL text; else they are written as they are.
        quote: bool,
    },
    /// Every value that is not null is in a column of another relation. Of a column alone.
    Relationships {
        /// The other relation.
        to: Reference,
        /// The column there.
        field: String,
    },
    /// A condition holds for every row. Of a column, the condition is what follows the column's name, as in `>= 0`.
    Expression {
        /// The condition in SQL.
        expression: String,
    },
}

impl TestKind {
    /// The word that properties use.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Unique => "unique",
            Self::NotNull => "not_null",
            Self::AcceptedValues { .. } => "accepted_values",
            Self::Relationships { .. } => "relationships",
            Self::Expression { .. } => "expression",
        }
    }
}

impl Reader<'_> {
    /// Reads the tests of a column or a table.
    pub(super) fn data_tests(&mut self, entries: &mut Entries, objects: &[&'static Object]) -> Vec<DataTest> {
        let nodes = entries.list("data_tests");
        nodes
            .into_iter()
            .filter_map(|node| self.data_test(node, objects))
            .collect()
    }

    fn data_test(&mut self, node: Node, objects: &[&'static Object]) -> Option<DataTest> {
        let mut place = node.place;
        let (word, value) = match node.content {
            Content::Text(word) => (word, None),
            Content::Map(mut entries) if entries.len() == 1 => {
                let (word, key_place, value) = entries.pop()?;
                place = key_place;
                (word, Some(value))
            }
            _ => return None,
        };
        let object = *objects.iter().find(|object| object.name == word)?;
        let mut entries = value
            .and_then(|value| Entries::open(value, object))
            .unwrap_or_else(|| Entries::none(place.clone(), object));
        let name = entries.text("name");
        let description = entries.filled("description");
        let config = match entries.object("config", TestConfig::KEYS) {
            Some(config) => Arc::new(self.tests.merged(config)),
            None => self.tests.clone(),
        };
        let kind = self.test_kind(&word, &mut entries, &place)?;
        place.path = String::new();
        Some(DataTest {
            kind,
            name,
            place,
            description,
            config,
        })
    }

    fn test_kind(&mut self, word: &str, entries: &mut Entries, place: &Place) -> Option<TestKind> {
        Some(match word {
            "unique" => TestKind::Unique,
            "not_null" => TestKind::NotNull,
            "accepted_values" => {
                let nested = &ACCEPTED_VALUES_ARGUMENTS;
                let values = self.argument(entries, nested, "values", "values: [open, closed]", place)?;
                let values = match values.to_json() {
                    Value::Array(values) if !values.is_empty() => values,
                    Value::Array(_) => {
                        self.problems.push(ProjectError::Invalid {
                            place: values.place,
                            message: "\"values\" has none, so that every row would fail".to_owned(),
                            hint: Some("write the values that there may be: values: [open, closed]".to_owned()),
                        });
                        return None;
                    }
                    _ => return None,
                };
                let quote = take(entries, nested, "quote").map(|node| node.content);
                TestKind::AcceptedValues {
                    values,
                    quote: !matches!(quote, Some(Content::Bool(false))),
                }
            }
            "relationships" => {
                let nested = &RELATIONSHIPS_ARGUMENTS;
                let to = self.argument(entries, nested, "to", "to: ref('NAME')", place);
                let field = self.argument(entries, nested, "field", "field: COLUMN", place);
                TestKind::Relationships {
                    to: Reference::parse(to?.content.text()?)?,
                    field: field?.content.text()?.to_owned(),
                }
            }
            "expression" => {
                let hint = "expression: \"amount >= 0\"";
                let expression = self.argument(entries, &EXPRESSION_ARGUMENTS, "expression", hint, place)?;
                TestKind::Expression {
                    expression: expression.content.text()?.trim().to_owned(),
                }
            }
            _ => return None,
        })
    }

    /// Takes what must be there, below `arguments` or beside it.
    fn argument(
        &mut self,
        entries: &mut Entries,
        nested: &'static Object,
        key: &str,
        hint: &str,
        place: &Place,
    ) -> Option<Node> {
        let found = take(entries, nested, key);
        if found.is_none() {
            self.problems.push(ProjectError::MissingKey {
                place: place.clone(),
                key: key.to_owned(),
                context: entries.title().to_owned(),
                hint: format!("write {hint}"),
            });
        }
        found
    }
}

/// Takes an argument from below `arguments`, or else from beside it.
fn take(entries: &mut Entries, nested: &'static Object, key: &str) -> Option<Node> {
    let beside = entries.take(key);
    let below = entries.within("arguments", nested, key);
    below.or(beside)
}
