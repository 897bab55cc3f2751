//! Sources: tables that are there already, and files that are loaded into tables.

use std::collections::BTreeMap;

use refuel_task::Place;
use refuel_task::yaml::Node;
use serde::Serialize;
use serde_json::{Map, Value};

use super::keys::{SOURCE, SOURCE_CONFIG, SOURCE_TABLE, TABLE_TESTS};
use super::reader::Reader;
use super::{Column, DataTest};
use crate::error::ProjectError;
use crate::shape::Entries;

/// How a file of rows is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Comma-separated values, with a line of names.
    Csv,
    /// Tab-separated values, with a line of names.
    Tsv,
    /// One JSON object a line.
    Jsonl,
    /// Apache Parquet.
    Parquet,
}

impl Format {
    /// The endings of files, without the dot, and their formats.
    pub const ENDINGS: [(&'static str, Self); 5] = [
        ("csv", Self::Csv),
        ("tsv", Self::Tsv),
        ("jsonl", Self::Jsonl),
        ("ndjson", Self::Jsonl),
        ("parquet", Self::Parquet),
    ];

    /// The format that a file's name tells by its ending.
    pub fn of_name(name: &str) -> Option<Self> {
        let (_, ending) = name.rsplit_once('.')?;
        let found = Self::ENDINGS
            .iter()
            .find(|(known, _)| ending.eq_ignore_ascii_case(known));
        found.map(|(_, format)| *format)
    }

    /// The word that properties use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Tsv => "tsv",
            Self::Jsonl => "jsonl",
            Self::Parquet => "parquet",
        }
    }
}

/// Tables that the project reads and doesn't make.
#[derive(Debug, Clone)]
pub struct Source {
    /// Name.
    pub name: String,
    /// Where it is written.
    pub place: Place,
    /// What it is, for people.
    pub description: Option<String>,
    /// The schema that its tables are in. None: the source's name on Postgres, and no schema on SQLite.
    pub schema: Option<String>,
    /// The database that its tables are in. On SQLite, the name of an attached one. None: the target's.
    pub database: Option<String>,
    /// Words to select its tables by.
    pub tags: Vec<String>,
    /// Whatever people want to note.
    pub meta: Map<String, Value>,
    /// Tables, in the order written.
    pub tables: Vec<SourceTable>,
}

/// A table of a source.
#[derive(Debug, Clone)]
pub struct SourceTable {
    /// Name that the project uses.
    pub name: String,
    /// Where it is written.
    pub place: Place,
    /// What it is, for people.
    pub description: Option<String>,
    /// Name in the database. None: the same.
    pub identifier: Option<String>,
    /// The file that is loaded into the table. None: the table is there already.
    pub file: Option<SourceFile>,
    /// Columns, in the order written.
    pub columns: Vec<Column>,
    /// Tests of the table as a whole.
    pub tests: Vec<DataTest>,
    /// Words to select it by: the source's and its own.
    pub tags: Vec<String>,
    /// Whatever people want to note.
    pub meta: Map<String, Value>,
    /// Whether it is part of the project.
    pub enabled: bool,
}

/// A file that is loaded into a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceFile {
    /// The file, from the project's folder, or absolute.
    pub path: String,
    /// How it is written.
    pub format: Format,
    /// The character between fields of a CSV file. None: what the format says.
    pub delimiter: Option<char>,
    /// Types of columns, by name, as the target's database calls them. Others are found out from the values.
    pub column_types: BTreeMap<String, String>,
}

/// Tags, notes and the switch that a source and a table have in two places.
struct Common {
    tags: Vec<String>,
    meta: Map<String, Value>,
    enabled: Option<bool>,
}

impl Common {
    fn read(entries: &mut Entries) -> Self {
        let mut common = Self {
            tags: entries.texts("tags").unwrap_or_default(),
            meta: entries.map("meta").unwrap_or_default(),
            enabled: None,
        };
        if let Some(mut config) = entries.object("config", &SOURCE_CONFIG) {
            common.tags.extend(config.texts("tags").unwrap_or_default());
            common.meta.extend(config.map("meta").unwrap_or_default());
            common.enabled = config.flag("enabled");
        }
        common
    }
}

impl Reader<'_> {
    pub(super) fn source(&mut self, node: Node) -> Option<Source> {
        let mut entries = Entries::open(node, &SOURCE)?;
        let place = entries.place.clone();
        let name = entries.text("name")?;
        let common = Common::read(&mut entries);
        let mut tables: Vec<SourceTable> = Vec::new();
        for node in entries.list("tables") {
            let Some(table) = self.source_table(node, &common) else {
                continue;
            };
            if let Some(first) = tables.iter().find(|other| other.name == table.name) {
                self.problems.push(ProjectError::Duplicate {
                    place: table.place.clone(),
                    what: format!("a table named \"{}\" in the source \"{name}\"", table.name),
                    first: first.place.clone(),
                    hint: "keep one of the two".to_owned(),
                });
            }
            tables.push(table);
        }
        Some(Source {
            name,
            description: entries.filled("description"),
            schema: entries.filled("schema"),
            database: entries.filled("database"),
            tags: common.tags,
            meta: common.meta,
            tables,
            place,
        })
    }

    fn source_table(&mut self, node: Node, source: &Common) -> Option<SourceTable> {
        let mut entries = Entries::open(node, &SOURCE_TABLE)?;
        let place = entries.place.clone();
        let name = entries.filled("name")?;
        let mut common = Common::read(&mut entries);
        for tag in &source.tags {
            if !common.tags.contains(tag) {
                common.tags.push(tag.clone());
            }
        }
        Some(SourceTable {
            name,
            description: entries.filled("description"),
            identifier: entries.filled("identifier"),
            file: self.source_file(&mut entries),
            columns: self.columns(&mut entries),
            tests: self.data_tests(&mut entries, &TABLE_TESTS),
            tags: common.tags,
            meta: common.meta,
            enabled: common.enabled.or(source.enabled).unwrap_or(true),
            place,
        })
    }

    /// The file that is loaded into a table, where there is one, and what belongs to it.
    fn source_file(&mut self, entries: &mut Entries) -> Option<SourceFile> {
        let formats = [Format::Csv, Format::Tsv, Format::Jsonl, Format::Parquet].map(|format| (format.name(), format));
        let belongs = ["format", "delimiter", "column_types"];
        let alone = belongs
            .into_iter()
            .find_map(|key| Some((key, entries.place_of(key)?.clone())));
        let named = entries.take("path");
        let said = entries.word("format", &formats);
        let delimiter = entries.text("delimiter").and_then(|text| text.chars().next());
        let column_types = entries.text_map("column_types").unwrap_or_default();
        let Some(named) = named else {
            if let Some((key, place)) = alone {
                self.problems.push(ProjectError::Invalid {
                    place,
                    message: format!("\"{key}\" has no use here: the table is not loaded from a file"),
                    hint: Some("name the file, path: data/messages.csv, or take it out".to_owned()),
                });
            }
            return None;
        };
        let path = named.content.text()?;
        let Some(format) = said.or_else(|| Format::of_name(path)) else {
            self.problems.push(ProjectError::Invalid {
                message: format!("how \"{path}\" is written can't be told from its name"),
                hint: Some("say it: format: csv, tsv, jsonl or parquet".to_owned()),
                place: named.place,
            });
            return None;
        };
        // Whether the file is there matters to what reads it alone: others of the project are built without it.
        Some(SourceFile {
            path: path.to_owned(),
            format,
            delimiter,
            column_types,
        })
    }
}
