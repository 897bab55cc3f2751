//! Configuration of a test.

use refuel_task::Place;
use serde::Serialize;
use serde_json::{Map, Value};

use super::Comparison;
use super::keys::{Layered, TEST_CONFIG, add_words, set, set_some};
use crate::error::ProjectError;
use crate::shape::{Entries, Object};

/// What a failure means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The run fails, and what is downstream isn't built.
    #[default]
    Error,
    /// It is said, and the run goes on.
    Warn,
}

/// Configuration of a test, as said by `refuel_project.yml`, properties and the test's file together.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct TestConfig {
    /// What a failure means at most.
    pub severity: Severity,
    /// The count of failures from which on it warns. None: `!= 0`.
    pub warn_if: Option<Comparison>,
    /// The count of failures from which on it is an error. None: `!= 0`.
    pub error_if: Option<Comparison>,
    /// Whether the rows that fail are kept in a table.
    pub store_failures: bool,
    /// A condition in SQL: the only rows that are tested.
    #[serde(rename = "where")]
    pub condition: Option<String>,
    /// The most rows of failures that are counted and kept.
    pub limit: Option<u64>,
    /// Whether it is part of the project. None: it is.
    pub enabled: Option<bool>,
    /// Words to select it by, each once.
    pub tags: Vec<String>,
    /// Whatever people want to note.
    pub meta: Map<String, Value>,
}

impl TestConfig {
    /// Whether it is part of the project.
    pub fn is_enabled(&self) -> bool {
        self.enabled.unwrap_or(true)
    }

    /// This configuration with what is said nearer to the test, such as the arguments of `config(...)` in its file.
    /// `place` is where `from`, a map, is written.
    ///
    /// # Errors
    /// Everything that is wrong with `from`; never empty.
    pub fn with(&self, from: &Value, place: &Place) -> Result<Self, Vec<ProjectError>> {
        self.with_value(from, place)
    }
}

impl Layered for TestConfig {
    const KEYS: &'static Object = &TEST_CONFIG;

    fn merged(&self, mut from: Entries) -> Self {
        let mut config = self.clone();
        let severities = [("error", Severity::Error), ("warn", Severity::Warn)];
        let comparison = |text: Option<String>| text.and_then(|text| Comparison::parse(&text, ""));
        set(&mut config.severity, from.word("severity", &severities));
        set_some(&mut config.warn_if, comparison(from.text("warn_if")));
        set_some(&mut config.error_if, comparison(from.text("error_if")));
        set(&mut config.store_failures, from.flag("store_failures"));
        set_some(&mut config.condition, from.filled("where"));
        set_some(&mut config.limit, from.whole("limit"));
        set_some(&mut config.enabled, from.flag("enabled"));
        add_words(&mut config.tags, from.texts("tags").unwrap_or_default());
        config.meta.extend(from.map("meta").unwrap_or_default());
        config
    }
}
