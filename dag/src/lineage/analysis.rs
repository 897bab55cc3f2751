//! What columns nodes have, and what each of them is computed from.

use std::collections::HashMap;
use std::sync::Arc;

use refuel_project::Format;
use refuel_staging::{Analyzed, Columns, Lineage, RelationName};

use super::error::LineageError;
use crate::dag::Dag;
use crate::nodes::{Detail, Node, Reference};
use crate::render::number_of;

/// Reads the names of columns of files. This crate opens none itself.
pub trait Headers {
    /// The columns of a file, which is named from the project's folder or absolute. None where it can't be read.
    fn columns(&self, path: &str, format: Format, delimiter: Option<char>) -> Option<Vec<String>>;
}

/// Knows no file: columns of seeds and of files that are sources are those that properties declare.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoHeaders;

impl Headers for NoHeaders {
    fn columns(&self, _path: &str, _format: Format, _delimiter: Option<char>) -> Option<Vec<String>> {
        None
    }
}

/// What was found out about a node.
#[derive(Clone)]
pub(super) struct Known {
    /// Its columns, where all of them are known.
    pub(super) columns: Option<Arc<[String]>>,
    /// What a model's columns are computed from.
    pub(super) lineage: Option<Arc<Lineage>>,
}

/// Answers questions about columns of a project. What was read once is kept.
pub struct Lineages<'a> {
    pub(super) dag: &'a Dag,
    headers: &'a dyn Headers,
    known: HashMap<usize, Known>,
}

impl<'a> Lineages<'a> {
    /// For a project; nothing is read yet.
    pub fn new(dag: &'a Dag, headers: &'a dyn Headers) -> Self {
        Self {
            dag,
            headers,
            known: HashMap::new(),
        }
    }

    /// The columns of a node, in their order; None where they can't be told.
    ///
    /// # Errors
    /// [`LineageError::Sql`].
    pub fn columns(&mut self, node: &Node) -> Result<Option<Arc<[String]>>, LineageError> {
        let Some(number) = self.dag.nodes.get_index_of(node.id.as_str()) else {
            return Ok(None);
        };
        Ok(self.known(number)?.columns.clone())
    }

    /// How many nodes were looked at.
    pub fn looked_at(&self) -> usize {
        self.known.len()
    }

    /// What is known of a node, where it was looked at.
    pub(super) fn looked_up(&self, number: usize) -> Option<&Known> {
        self.known.get(&number)
    }

    /// What is known of a node, after everything that it reads, directly or not, was looked at.
    pub(super) fn known(&mut self, number: usize) -> Result<&Known, LineageError> {
        // A chain of thousands of models must not become as many frames of the stack.
        let mut open = vec![(number, false)];
        while let Some((number, parents_are_known)) = open.pop() {
            if self.known.contains_key(&number) {
                continue;
            }
            if parents_are_known {
                let known = self.look_at(number)?;
                self.known.insert(number, known);
            } else {
                open.push((number, true));
                let model = self.dag.nodes[number].model();
                let read = model.into_iter().flat_map(|model| &model.full.references);
                let read = read.filter_map(|reference| self.dag.nodes.get_index_of(reference.node.as_str()));
                // A model that reads itself, as incremental ones do, is left out.
                open.extend(read.filter(|read| *read != number).map(|read| (read, false)));
            }
        }
        Ok(&self.known[&number])
    }

    fn look_at(&self, number: usize) -> Result<Known, LineageError> {
        let node = &self.dag.nodes[number];
        match &node.detail {
            Detail::Model(model) => {
                let analyzed = Analyzed::parse(&model.full.marked, self.dag.dialect());
                let analyzed = analyzed.map_err(|source| LineageError::Sql {
                    node: node.id.clone(),
                    source: Box::new(source),
                })?;
                let lineage = analyzed.lineage(&Read {
                    lineages: self,
                    references: &model.full.references,
                });
                let names = lineage.columns.iter().map(|column| column.name.clone());
                let is_complete = lineage.columns.iter().all(|column| column.name != "*");
                Ok(Known {
                    columns: is_complete.then(|| names.collect()),
                    lineage: Some(Arc::new(lineage)),
                })
            }
            Detail::Seed(seed) => {
                let file = self.dag.project.seeds.get(&*node.name);
                let header = file.and_then(|file| self.headers.columns(&file.path, file.format, seed.config.delimiter));
                Ok(Known {
                    columns: header.or_else(|| self.declared(node)).map(Into::into),
                    lineage: None,
                })
            }
            Detail::Source(source) => {
                let declared = self.dag.project.sources.get(&*source.source);
                let table = declared.and_then(|known| known.tables.iter().find(|table| *table.name == *source.table));
                let file = table.and_then(|table| table.file.as_ref());
                let header = file.and_then(|file| self.headers.columns(&file.path, file.format, file.delimiter));
                let names = table.map(|table| table.columns.iter().map(|column| column.name.clone()).collect());
                let columns = header.or(names).filter(|names: &Vec<String>| !names.is_empty());
                Ok(Known {
                    columns: columns.map(Into::into),
                    lineage: None,
                })
            }
            Detail::Test(_) | Detail::UnitTest(_) | Detail::Evaluation(_) | Detail::Task(_) => Ok(Known {
                columns: None,
                lineage: None,
            }),
        }
    }

    fn declared(&self, node: &Node) -> Option<Vec<String>> {
        let columns = &self.dag.properties(node)?.columns;
        (!columns.is_empty()).then(|| columns.iter().map(|column| column.name.clone()).collect())
    }
}

/// The relations that a model reads, by their marks.
struct Read<'a> {
    lineages: &'a Lineages<'a>,
    references: &'a [Reference],
}

impl Columns for Read<'_> {
    fn columns(&self, relation: &RelationName) -> Option<Vec<String>> {
        let reference = self.references.get(number_of(&relation.name)?)?;
        let number = self.lineages.dag.nodes.get_index_of(reference.node.as_str())?;
        let known = self.lineages.known.get(&number)?;
        Some(known.columns.as_ref()?.to_vec())
    }
}
