//! Unit tests: given rows, the rows that a model must make of them.

use std::collections::BTreeMap;

use refuel_task::Place;
use refuel_task::yaml::Node;
use serde::Serialize;
use serde_json::{Map, Value};

use super::Reference;
use super::keys::{ANSWER, EXPECT, GIVEN, MACRO_OVERRIDES, OVERRIDES, UNIT_TEST, UNIT_TEST_CONFIG};
use super::reader::Reader;
use crate::config::{TestConfig, add_words};
use crate::error::ProjectError;
use crate::shape::Entries;

/// A test of a model's logic on rows that it is given.
#[derive(Debug, Clone)]
pub struct UnitTest {
    /// Name.
    pub name: String,
    /// Where it is written.
    pub place: Place,
    /// What it is for, for people.
    pub description: Option<String>,
    /// The model.
    pub model: String,
    /// Rows of everything that the model reads; an ephemeral model that is not here is its own query.
    pub given: Vec<Given>,
    /// The rows that must come out, in any order. Columns that no row names are not looked at.
    pub expect: Fixture,
    /// What tasks answer in this test. An input that is not here is asked of the task's model.
    pub answers: Vec<ScriptedAnswer>,
    /// What is different in this test.
    pub overrides: Overrides,
    /// `enabled`, `tags` and `meta` count.
    pub config: TestConfig,
}

/// Rows that stand for a relation.
#[derive(Debug, Clone)]
pub struct Given {
    /// The relation.
    pub input: Input,
    /// Where it is written.
    pub place: Place,
    /// Its rows.
    pub rows: Fixture,
}

/// What rows are given for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Input {
    /// A model, seed or source that the model reads.
    Reference(Reference),
    /// What the model, an incremental one, made before.
    This,
}

/// Rows in a test.
#[derive(Debug, Clone, PartialEq)]
pub struct Fixture {
    /// Where they are written.
    pub place: Place,
    /// Names of columns, in the order in which they come up first.
    pub columns: Vec<String>,
    /// Rows, each as long as there are columns; what a row doesn't name is null.
    pub rows: Vec<Vec<Value>>,
    /// Whether the values are of the type that they are written as. Those of CSV are text, whatever their column is.
    pub typed: bool,
}

/// What a task answers in a test.
#[derive(Debug, Clone, PartialEq)]
pub struct ScriptedAnswer {
    /// Where it is written.
    pub place: Place,
    /// The task, or for `refuel_complete` and `refuel_embed` the model, by name.
    pub task: String,
    /// What is asked: text; for two sides a list of two texts; for several columns a map.
    pub input: Value,
    /// The answer's value; null where it abstains.
    pub value: Value,
    /// The answer's confidence, from 0 to 1; 1 unless told.
    pub confidence: f32,
    /// For tasks that compare: the probability that both are the same. None: 1 or 0 as the value says.
    pub score: Option<f32>,
    /// The reason, where the task fails on this input.
    pub error: Option<String>,
}

/// What is different while a unit test runs.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Overrides {
    /// What `is_incremental()` says. None: false.
    pub is_incremental: Option<bool>,
    /// Variables.
    pub vars: Map<String, Value>,
    /// Environment variables.
    pub env_vars: BTreeMap<String, String>,
}

impl Reader<'_> {
    /// Reads a unit test. `below` is the model that it is written below.
    pub(super) fn unit_test(&mut self, node: Node, below: Option<&str>) -> Option<UnitTest> {
        let mut entries = Entries::open(node, &UNIT_TEST)?;
        let place = entries.place.clone();
        let name = entries.text("name")?;
        let model_place = entries.place_of("model").cloned();
        let model = match (entries.filled("model"), below) {
            (Some(model), Some(below)) if model != below => {
                self.problems.push(ProjectError::Invalid {
                    place: model_place.unwrap_or(place),
                    message: format!(
                        "the unit test \"{name}\" is written below the model \"{below}\" and names \"{model}\""
                    ),
                    hint: Some("take \"model\" out, or write the test below the other model".to_owned()),
                });
                return None;
            }
            (Some(model), _) => model,
            (None, Some(below)) => below.to_owned(),
            (None, None) => {
                self.problems.push(ProjectError::MissingKey {
                    place,
                    key: "model".to_owned(),
                    context: "a unit test".to_owned(),
                    hint: "name the model: model: NAME".to_owned(),
                });
                return None;
            }
        };
        let mut given: Vec<Given> = Vec::new();
        for node in entries.list("given") {
            let Some(next) = self.given(node) else { continue };
            if let Some(first) = given.iter().find(|other| other.input == next.input) {
                self.problems.push(ProjectError::Duplicate {
                    place: next.place.clone(),
                    what: "what these rows stand for".to_owned(),
                    first: first.place.clone(),
                    hint: "put all rows of one input into one list".to_owned(),
                });
            }
            given.push(next);
        }
        let expect = entries.object("expect", &EXPECT);
        let expect = expect.and_then(|entries| self.fixture(entries, "rows that are expected"));
        let answers = entries.list("answers");
        let answers = answers.into_iter().filter_map(|node| self.scripted(node)).collect();
        let overrides = entries.object("overrides", &OVERRIDES).map(read_overrides);
        let mut config = TestConfig {
            enabled: self.tests.enabled,
            tags: self.tests.tags.clone(),
            ..TestConfig::default()
        };
        if let Some(mut own) = entries.object("config", &UNIT_TEST_CONFIG) {
            config.enabled = own.flag("enabled").or(config.enabled);
            add_words(&mut config.tags, own.texts("tags").unwrap_or_default());
            config.meta = own.map("meta").unwrap_or_default();
        }
        Some(UnitTest {
            name,
            description: entries.filled("description"),
            model,
            given,
            expect: expect?,
            answers,
            overrides: overrides.unwrap_or_default(),
            config,
            place,
        })
    }

    fn given(&mut self, node: Node) -> Option<Given> {
        let mut entries = Entries::open(node, &GIVEN)?;
        let place = entries.place.clone();
        let named = entries.take("input")?;
        let text = named.content.text()?.trim();
        let input = if text == "this" {
            Some(Input::This)
        } else {
            Reference::parse(text).map(Input::Reference)
        };
        if input.is_none() {
            self.problems.push(ProjectError::Invalid {
                message: format!("\"input\" can't be \"{text}\""),
                hint: Some("write ref('NAME'), source('SOURCE', 'TABLE') or this".to_owned()),
                place: named.place.clone(),
            });
        }
        let rows = self.fixture(entries, "rows that are given")?;
        Some(Given {
            input: input?,
            place,
            rows,
        })
    }

    fn scripted(&mut self, node: Node) -> Option<ScriptedAnswer> {
        let mut entries = Entries::open(node, &ANSWER)?;
        let place = entries.place.clone();
        let answer = ScriptedAnswer {
            task: entries.filled("task")?,
            input: entries.take("input")?.to_json(),
            value: entries.take("value").map_or(Value::Null, |node| node.to_json()),
            confidence: entries.number("confidence").map_or(1.0, |number| number as f32),
            score: entries.number("score").map(|number| number as f32),
            error: entries.filled("error"),
            place: place.clone(),
        };
        if answer.error.is_some() && !answer.value.is_null() {
            self.problems.push(ProjectError::Invalid {
                place,
                message: "an answer has both \"value\" and \"error\"".to_owned(),
                hint: Some("keep one of the two".to_owned()),
            });
        }
        Some(answer)
    }
}

fn read_overrides(mut entries: Entries) -> Overrides {
    Overrides {
        is_incremental: entries
            .object("macros", &MACRO_OVERRIDES)
            .and_then(|mut macros| macros.flag("is_incremental")),
        vars: entries.map("vars").unwrap_or_default(),
        env_vars: entries.text_map("env_vars").unwrap_or_default(),
    }
}
