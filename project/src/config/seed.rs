//! Configuration of a seed.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use super::keys::{Layered, SEED_CONFIG, add_words, set_some};
use crate::shape::{Entries, Object};

/// Configuration of a seed, as said by `refuel_project.yml` and properties together.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct SeedConfig {
    /// Types of columns, by name, as the target's database calls them. Others are found out from the values.
    pub column_types: BTreeMap<String, String>,
    /// The character between fields of a CSV file. None: what the file's ending says.
    pub delimiter: Option<char>,
    /// Words to select it by, each once.
    pub tags: Vec<String>,
    /// Whether it is part of the project. None: it is.
    pub enabled: Option<bool>,
    /// The schema that it is made in. None: the target's.
    pub schema: Option<String>,
    /// The relation's name. None: the seed's.
    pub alias: Option<String>,
    /// Whether each load makes the table anew even where the file is the same.
    pub full_refresh: Option<bool>,
    /// SQL that runs before it is loaded, in the same transaction.
    pub pre_hook: Vec<String>,
    /// SQL that runs after it was loaded, in the same transaction.
    pub post_hook: Vec<String>,
    /// Whatever people want to note.
    pub meta: Map<String, Value>,
}

impl SeedConfig {
    /// Whether it is part of the project.
    pub fn is_enabled(&self) -> bool {
        self.enabled.unwrap_or(true)
    }
}

impl Layered for SeedConfig {
    const KEYS: &'static Object = &SEED_CONFIG;

    fn merged(&self, mut from: Entries) -> Self {
        let mut config = self.clone();
        config
            .column_types
            .extend(from.text_map("column_types").unwrap_or_default());
        let delimiter = from.text("delimiter");
        set_some(&mut config.delimiter, delimiter.and_then(|text| text.chars().next()));
        add_words(&mut config.tags, from.texts("tags").unwrap_or_default());
        set_some(&mut config.enabled, from.flag("enabled"));
        set_some(&mut config.schema, from.text("schema"));
        set_some(&mut config.alias, from.text("alias"));
        set_some(&mut config.full_refresh, from.flag("full_refresh"));
        config.pre_hook.extend(from.texts("pre_hook").unwrap_or_default());
        config.post_hook.extend(from.texts("post_hook").unwrap_or_default());
        config.meta.extend(from.map("meta").unwrap_or_default());
        config
    }
}
