//! Configuration of a model.

use refuel_task::{OnError, Place};
use serde::Serialize;
use serde_json::{Map, Value};

use super::keys::{CONTRACT, Layered, MODEL_CONFIG, add_words, set, set_some};
use crate::error::ProjectError;
use crate::shape::{Entries, Object};

/// How a model is kept in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Materialized {
    /// A view. A model with calls of tasks is answered when it is built, and the view looks the answers up.
    #[default]
    View,
    /// A table that each build makes anew.
    Table,
    /// A table to which each build adds what is new.
    Incremental,
    /// Nothing: the query is put into those that refer to it.
    Ephemeral,
}

impl Materialized {
    /// The word that configuration uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Table => "table",
            Self::Incremental => "incremental",
            Self::Ephemeral => "ephemeral",
        }
    }
}

/// How an incremental model takes new rows in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IncrementalStrategy {
    /// New rows are added, whatever is there.
    Append,
    /// A row with a key that is there replaces the columns of that row; the others are added.
    Merge,
    /// Rows with a key that is among the new ones are deleted, and the new ones are added.
    #[serde(rename = "delete+insert")]
    DeleteInsert,
}

impl IncrementalStrategy {
    /// The word that configuration uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Append => "append",
            Self::Merge => "merge",
            Self::DeleteInsert => "delete+insert",
        }
    }
}

/// What happens where an incremental model has other columns than its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnSchemaChange {
    /// The table keeps its columns: new ones are left out, and ones that are gone are null.
    #[default]
    Ignore,
    /// The model fails.
    Fail,
    /// New columns are added to the table; none is dropped.
    AppendNewColumns,
    /// New columns are added, and ones that are gone are dropped.
    SyncAllColumns,
}

impl OnSchemaChange {
    /// The word that configuration uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ignore => "ignore",
            Self::Fail => "fail",
            Self::AppendNewColumns => "append_new_columns",
            Self::SyncAllColumns => "sync_all_columns",
        }
    }
}

/// The most that models may be asked. What has no bound is None.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Budget {
    /// Distinct inputs that are sent.
    pub max_rows: Option<u64>,
    /// Tokens, prompts and answers together.
    pub max_tokens: Option<u64>,
    /// Minutes, by the speed measured before.
    pub max_minutes: Option<f64>,
}

impl Budget {
    /// Whether nothing is bounded.
    pub fn is_unlimited(&self) -> bool {
        *self == Self::default()
    }
}

/// Configuration of a model, as said by `refuel_project.yml`, properties and the model's file together.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct ModelConfig {
    /// How it is kept.
    pub materialized: Materialized,
    /// Columns that tell rows apart, for `merge` and `delete+insert`.
    pub unique_key: Vec<String>,
    /// How new rows are taken in. None: see [`ModelConfig::strategy`].
    pub incremental_strategy: Option<IncrementalStrategy>,
    /// What happens where columns changed.
    pub on_schema_change: OnSchemaChange,
    /// Words to select it by, each once.
    pub tags: Vec<String>,
    /// Whether it is part of the project. None: it is.
    pub enabled: Option<bool>,
    /// The schema that it is made in. None: the target's.
    pub schema: Option<String>,
    /// The relation's name. None: the model's.
    pub alias: Option<String>,
    /// Whether columns and types must be as the properties declare them.
    pub contract: bool,
    /// Whether rows carry what became of the answers behind them, for `ref('m.accepted')` and the like. None: they do
    /// where something refers to them so.
    pub gates: Option<bool>,
    /// For incremental models: whether each build makes it anew. None: as the command line says.
    pub full_refresh: Option<bool>,
    /// SQL that runs before it is built, in the same transaction.
    pub pre_hook: Vec<String>,
    /// SQL that runs after it was built, in the same transaction.
    pub post_hook: Vec<String>,
    /// Whatever people want to note.
    pub meta: Map<String, Value>,
    /// What happens to a row that a task can't answer. None: as the task says.
    pub on_error: Option<OnError>,
    /// The most that this model's calls may ask.
    #[serde(flatten)]
    pub budget: Budget,
}

impl ModelConfig {
    /// Whether it is part of the project.
    pub fn is_enabled(&self) -> bool {
        self.enabled.unwrap_or(true)
    }

    /// How new rows are taken in: as said, or else `merge` where there is a key, and `append` where there is none.
    pub fn strategy(&self) -> IncrementalStrategy {
        self.incremental_strategy.unwrap_or(if self.unique_key.is_empty() {
            IncrementalStrategy::Append
        } else {
            IncrementalStrategy::Merge
        })
    }

    /// This configuration with what is said nearer to the model, such as the arguments of `config(...)` in its file.
    /// Tags and hooks are added, `meta` is merged key by key; for all else the nearer word counts. `place` is where
    /// `from`, a map, is written.
    ///
    /// # Errors
    /// Everything that is wrong with `from`; never empty.
    pub fn with(&self, from: &Value, place: &Place) -> Result<Self, Vec<ProjectError>> {
        self.with_value(from, place)
    }
}

impl Layered for ModelConfig {
    const KEYS: &'static Object = &MODEL_CONFIG;

    fn merged(&self, mut from: Entries) -> Self {
        let mut config = self.clone();
        let materialized = [
            Materialized::View,
            Materialized::Table,
            Materialized::Incremental,
            Materialized::Ephemeral,
        ]
        .map(|kind| (kind.name(), kind));
        let strategies = [
            IncrementalStrategy::Append,
            IncrementalStrategy::Merge,
            IncrementalStrategy::DeleteInsert,
        ]
        .map(|strategy| (strategy.name(), strategy));
        let changes = [
            OnSchemaChange::Ignore,
            OnSchemaChange::Fail,
            OnSchemaChange::AppendNewColumns,
            OnSchemaChange::SyncAllColumns,
        ]
        .map(|change| (change.name(), change));
        let errors = [
            ("fail", OnError::Fail),
            ("null", OnError::Null),
            ("capture", OnError::Capture),
        ];
        set(&mut config.materialized, from.word("materialized", &materialized));
        set(&mut config.unique_key, from.texts("unique_key"));
        set_some(
            &mut config.incremental_strategy,
            from.word("incremental_strategy", &strategies),
        );
        set(&mut config.on_schema_change, from.word("on_schema_change", &changes));
        add_words(&mut config.tags, from.texts("tags").unwrap_or_default());
        set_some(&mut config.enabled, from.flag("enabled"));
        set_some(&mut config.schema, from.text("schema"));
        set_some(&mut config.alias, from.text("alias"));
        if let Some(mut contract) = from.object("contract", &CONTRACT) {
            set(&mut config.contract, contract.flag("enforced"));
        }
        set_some(&mut config.gates, from.flag("gates"));
        set_some(&mut config.full_refresh, from.flag("full_refresh"));
        config.pre_hook.extend(from.texts("pre_hook").unwrap_or_default());
        config.post_hook.extend(from.texts("post_hook").unwrap_or_default());
        config.meta.extend(from.map("meta").unwrap_or_default());
        // Without quotes, `on_error: null` is a null to YAML, and means what it says.
        if from.is_null("on_error") {
            config.on_error = Some(OnError::Null);
        }
        set_some(&mut config.on_error, from.word("on_error", &errors));
        set_some(&mut config.budget.max_rows, from.whole("max_rows"));
        set_some(&mut config.budget.max_tokens, from.whole("max_tokens"));
        set_some(&mut config.budget.max_minutes, from.number("max_minutes"));
        config
    }
}
