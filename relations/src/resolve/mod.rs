//! Which records of one or two relations are the same thing.

mod options;
mod rows;
mod scorer;

use std::collections::BTreeMap;

use refuel_resolve::{Comparator, Profile, Record, ResolveOptions, Role, Rule, Scorer, Sources, Vectors, Watch};
use refuel_task::{PairSide, ResolveTask, TableTask, Task};
use rustc_hash::FxHashMap;

pub use rows::{
    ColumnLine, EntityRow, HeldOut, LabelledReport, PairRow, ResolveReport, ResolveRow, Resolved, RuleLine,
};
use scorer::Trained;

use crate::{Relation, RelationError, Result};

/// A task and relations, ready to be resolved.
///
/// Records are numbered from 0, those of the first relation first.
#[derive(Debug)]
pub struct Resolving<'a> {
    task: &'a ResolveTask,
    relations: &'a [Relation],
    /// Key of each record.
    keys: Vec<String>,
    /// Records of the relations, and behind them those that only labelled pairs have.
    records: Vec<Record>,
    sources: Sources,
    roles: BTreeMap<String, Role>,
    options: ResolveOptions,
    pairs: Vec<Labelled>,
}

/// A labelled pair of records, by their numbers.
#[derive(Debug, Clone, Copy)]
struct Labelled {
    left: usize,
    right: usize,
    same: bool,
}

impl<'a> Resolving<'a> {
    /// Takes the columns that the task compares out of one relation or two.
    ///
    /// # Errors
    /// A task of another kind, more than two relations, a column or a key that a relation lacks, and examples of records
    /// that there are not.
    pub fn new(task: &'a Task, relations: &'a [Relation]) -> Result<Self> {
        let Some(TableTask::Resolve(resolve)) = &task.table else {
            return Err(RelationError::WrongKind {
                task: task.name.clone(),
                kind: task.kind.to_string(),
                wanted: "resolve",
            });
        };
        if !(1..=2).contains(&relations.len()) {
            return Err(RelationError::Count { count: relations.len() });
        }
        let mode = options::mode(resolve.mode, relations.len()).ok_or_else(|| RelationError::OneTable {
            task: task.name.clone(),
        })?;
        let named: Vec<&str> = resolve.columns.iter().map(|column| &*column.name).collect();
        let (mut keys, mut records, mut of) = (Vec::new(), Vec::new(), Vec::new());
        let mut by_key: Vec<FxHashMap<String, usize>> = Vec::new();
        for (number, relation) in relations.iter().enumerate() {
            let places = relation.looked_at(&named, &resolve.ignore, resolve.key.as_deref())?;
            let own = relation.row_keys(resolve.key.as_deref())?;
            let first = records.len();
            by_key.push(
                own.iter()
                    .enumerate()
                    .map(|(row, key)| (key.clone(), first + row))
                    .collect(),
            );
            keys.extend(own);
            records.extend(relation.rows.iter().map(|row| {
                Record::new(places.iter().map(|&place| {
                    let value = row[place].clone().unwrap_or_default();
                    (relation.columns[place].clone(), value)
                }))
            }));
            of.resize(records.len(), number as u32);
        }
        let sources = options::sources(mode, of)?;
        let mut resolving = Self {
            task: resolve,
            relations,
            keys,
            records,
            sources,
            roles: options::roles(resolve),
            options: options::of(resolve),
            pairs: Vec::new(),
        };
        resolving.add_pairs(task, &by_key)?;
        Ok(resolving)
    }

    /// Finds the records of labelled pairs; those that no relation has are put behind the others.
    fn add_pairs(&mut self, task: &Task, by_key: &[FxHashMap<String, usize>]) -> Result<()> {
        let last = by_key.len() - 1;
        let mut own: FxHashMap<Vec<(String, String)>, usize> = FxHashMap::default();
        for pair in &self.task.pairs {
            let mut find = |side: &PairSide, relation: usize| match side {
                PairSide::Key(key) => by_key[relation]
                    .get(key)
                    .copied()
                    .ok_or_else(|| RelationError::UnknownKey {
                        task: task.name.clone(),
                        key: key.clone(),
                        relation: self.relations[relation].name.clone(),
                    }),
                PairSide::Record(fields) => Ok(*own.entry(fields.clone()).or_insert_with(|| {
                    self.records.push(Record::new(fields.iter().cloned()));
                    self.records.len() - 1
                })),
            };
            let (left, right) = (find(&pair.left, 0)?, find(&pair.right, last)?);
            self.pairs.push(Labelled {
                left,
                right,
                same: pair.same,
            });
        }
        Ok(())
    }

    /// How many records the relations have.
    pub fn records(&self) -> usize {
        self.keys.len()
    }

    /// The texts that embeddings are made of, one a record: its columns as `name: value`, a line each. Those of records
    /// that only labelled pairs have are behind the others. A record without a value has an empty text.
    pub fn texts(&self) -> Vec<String> {
        self.records
            .iter()
            .map(|record| {
                let lines: Vec<String> = record
                    .fields()
                    .map(|(column, text)| format!("{column}: {text}"))
                    .collect();
                lines.join("\n")
            })
            .collect()
    }

    /// Finds which records are the same thing. `vectors` are the embeddings of [`texts`](Self::texts), in their order;
    /// without them none are used. `watch` is told how far it is and says whether to go on.
    ///
    /// # Errors
    /// Columns that no record has, too few labelled pairs of a side, embeddings of another number than the texts, and
    /// [`ResolveError::Cancelled`](refuel_resolve::ResolveError::Cancelled) where the watch said so.
    pub fn resolve(&self, vectors: Option<Vec<Vec<f32>>>, watch: Watch<'_>) -> Result<Resolved> {
        let count = self.records();
        if self.records[..count]
            .iter()
            .all(|record| record.fields().next().is_none())
        {
            return Ok(rows::alone(self));
        }
        let vectors = vectors.map(|vectors| self.vectors(vectors)).transpose()?;
        let profile = Profile::fit(&self.records, &self.roles)?;
        let comparator = Comparator::new(profile, vectors.is_some());
        let trained = if self.pairs.is_empty() {
            None
        } else {
            Some(Trained::new(self, &comparator, vectors.as_ref())?)
        };
        let mut options = self.options.clone();
        if vectors.is_none() {
            // They would find nothing, and be told of.
            options
                .blocking
                .rules
                .retain(|rule| !matches!(rule, Rule::Embeddings { .. }));
        }
        let of_relations = vectors.as_ref().map(|vectors| vectors.first(count)).transpose()?;
        let score = |row: &[f32]| trained.as_ref().map_or(0.0, |trained| trained.probability(row));
        let scorer = match &trained {
            Some(_) => Scorer::Trained(&score),
            None => Scorer::Unsupervised,
        };
        let resolution = refuel_resolve::resolve(
            &self.records[..count],
            &self.sources,
            &comparator,
            of_relations.as_ref(),
            scorer,
            &options,
            watch,
        )?;
        rows::of(self, &comparator, &resolution, trained.as_ref())
    }

    fn vectors(&self, vectors: Vec<Vec<f32>>) -> Result<Vectors> {
        let rows = self.records.len();
        if vectors.len() != rows {
            return Err(refuel_resolve::ResolveError::Count {
                what: "vectors",
                found: vectors.len(),
                expected: rows,
            }
            .into());
        }
        let numbers = self.records.iter().zip(vectors).flat_map(|(record, mut vector)| {
            if record.fields().next().is_none() {
                // What has no value means nothing, and is near nothing.
                vector.fill(0.0);
            }
            vector
        });
        Ok(Vectors::new(numbers.collect(), rows)?)
    }

    /// The row of a record in its relation, from 0.
    fn row_of(&self, record: u32) -> usize {
        let record = record as usize;
        if self.sources.of(record as u32) == 0 {
            record
        } else {
            record - self.relations[0].rows.len()
        }
    }
}
