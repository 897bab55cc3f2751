//! Entries of sources.

use indexmap::IndexMap;
use refuel_project::{Source, SourceTable};
use serde::Serialize;
use serde_json::{Map, Value};

use super::columns::{ColumnEntry, columns};
use super::entries::Scope;
use super::names::{Whereabouts, patch_path};
use crate::nodes::{Detail, Node, NodeId};

#[derive(Serialize)]
struct SourceEntry<'a> {
    database: Option<&'a str>,
    schema: &'a str,
    name: &'a str,
    resource_type: &'a str,
    package_name: &'a str,
    path: &'a str,
    original_file_path: &'a str,
    unique_id: &'a NodeId,
    fqn: Vec<&'a str>,
    source_name: &'a str,
    source_description: &'a str,
    loader: &'a str,
    identifier: &'a str,
    quoting: Quoting,
    loaded_at_field: Option<&'a str>,
    loaded_at_query: Option<&'a str>,
    freshness: Option<&'a str>,
    external: Option<External<'a>>,
    description: &'a str,
    columns: IndexMap<&'a str, ColumnEntry<'a>>,
    meta: &'a Map<String, Value>,
    source_meta: &'a Map<String, Value>,
    tags: Vec<&'a str>,
    config: SourceConfig<'a>,
    patch_path: Option<String>,
    unrendered_config: Map<String, Value>,
    relation_name: Option<String>,
    created_at: f64,
    unrendered_database: Option<&'a str>,
    unrendered_schema: Option<&'a str>,
    doc_blocks: [&'a str; 0],
}

#[derive(Serialize, Default)]
struct Quoting {
    database: Option<bool>,
    schema: Option<bool>,
    identifier: Option<bool>,
    column: Option<bool>,
}

/// The file that is loaded into the table.
#[derive(Serialize)]
struct External<'a> {
    location: &'a str,
    file_format: &'a str,
    row_format: Option<&'a str>,
    tbl_properties: Option<&'a str>,
    partitions: Option<&'a str>,
}

#[derive(Serialize)]
struct SourceConfig<'a> {
    enabled: bool,
    event_time: Option<&'a str>,
    freshness: Option<&'a str>,
    loaded_at_field: Option<&'a str>,
    loaded_at_query: Option<&'a str>,
    meta: &'a Map<String, Value>,
    tags: Vec<&'a str>,
    refuel: OfSource<'a>,
}

#[derive(Serialize)]
struct OfSource<'a> {
    fingerprints: &'a crate::fingerprint::Fingerprints,
}

impl<'a> Scope<'a> {
    /// The declaration of a source's table.
    fn declared(&self, node: &'a Node) -> Option<(&'a Source, &'a SourceTable)> {
        let Detail::Source(detail) = &node.detail else {
            return None;
        };
        let source = self.dag.project.sources.get(&*detail.source)?;
        let table = source.tables.iter().find(|table| *table.name == *detail.table)?;
        Some((source, table))
    }

    /// Writes the entry of a table of a source.
    pub(super) fn source(&self, node: &'a Node, bytes: &mut Vec<u8>) -> serde_json::Result<()> {
        let Some((source, table)) = self.declared(node) else {
            return serde_json::to_writer(bytes, &());
        };
        let whereabouts = Whereabouts::of(self.dag, node);
        let external = table.file.as_ref().map(|file| External {
            location: &file.path,
            file_format: file.format.name(),
            row_format: None,
            tbl_properties: None,
            partitions: None,
        });
        let tags: Vec<&str> = node.tags.iter().map(|tag| &**tag).collect();
        let entry = SourceEntry {
            database: source.database.as_deref().or(whereabouts.database),
            schema: whereabouts.schema,
            name: &table.name,
            resource_type: "source",
            package_name: &self.dag.project.settings.name,
            path: &node.path,
            original_file_path: &node.path,
            unique_id: &node.id,
            fqn: node.fqn.iter().map(|part| &**part).collect(),
            source_name: &source.name,
            source_description: source.description.as_deref().unwrap_or_default(),
            loader: "",
            identifier: table.identifier.as_deref().unwrap_or(&table.name),
            quoting: Quoting::default(),
            loaded_at_field: None,
            loaded_at_query: None,
            freshness: None,
            external,
            description: table.description.as_deref().unwrap_or_default(),
            columns: columns(&table.columns),
            meta: &table.meta,
            source_meta: &source.meta,
            config: SourceConfig {
                enabled: table.enabled,
                event_time: None,
                freshness: None,
                loaded_at_field: None,
                loaded_at_query: None,
                meta: &table.meta,
                tags: tags.clone(),
                refuel: OfSource {
                    fingerprints: &node.fingerprints,
                },
            },
            tags,
            patch_path: Some(patch_path(self.dag, &table.place.source)),
            unrendered_config: Map::new(),
            relation_name: whereabouts.relation_name,
            created_at: self.created_at,
            unrendered_database: None,
            unrendered_schema: None,
            doc_blocks: [],
        };
        serde_json::to_writer(bytes, &entry)
    }
}
