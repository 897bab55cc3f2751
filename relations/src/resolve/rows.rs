//! What was found, as rows.

use std::collections::BTreeMap;

use refuel_resolve::{Comparator, Entity, MergedPairs, Mode, Resolution};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Resolving, Trained, options};
use crate::Result;

/// A record with the entity that it belongs to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ResolveRow {
    /// The number of its relation, from 0.
    #[serde(skip)]
    pub relation: u32,
    /// Its row in that relation, from 0.
    #[serde(skip)]
    pub row: usize,
    /// Its key.
    pub record_key: String,
    /// The number of its entity, from 1, in the order of their first records.
    pub entity_id: i64,
    /// Whether it is the one record of its entity that is most like the canonical one.
    pub is_canonical: bool,
    /// How sure it is that the record belongs there, from 0 to 1. Of a record that is alone, that it is.
    pub confidence: f32,
}

/// Records that are the same thing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EntityRow {
    /// Its number, from 1.
    pub entity_id: i64,
    /// How many records it has.
    pub records: usize,
    /// How sure it is, from 0 to 1.
    pub confidence: f32,
    /// Key of the record that is most like the canonical one.
    pub record_key: String,
    /// One record for all of them: columns with values as texts.
    pub canonical: Map<String, Value>,
}

/// Two records that were compared.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PairRow {
    /// Key of the one that comes first.
    pub left_key: String,
    /// Key of the other.
    pub right_key: String,
    /// How likely they are the same thing, from 0 to 1.
    pub probability: f32,
    /// Whether they came into one entity.
    pub same_entity: bool,
    /// How many rules of blocking found the pair.
    pub rules: u32,
}

/// A column that was compared.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ColumnLine {
    /// Its name.
    pub name: String,
    /// What is in it, in the words of task files.
    pub role: &'static str,
    /// In what share of the records it has a value, from 0 to 1.
    pub filled: f64,
}

/// What a rule of blocking found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RuleLine {
    /// The rule, in words.
    pub rule: String,
    /// How many pairs it found.
    pub pairs: usize,
    /// How many of them no other rule found.
    pub alone: usize,
    /// Of the pairs that came out as the same, how many it found.
    pub matches: usize,
}

/// How a classifier did on labelled pairs that it had not seen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct HeldOut {
    /// Of the pairs that it took for the same, the share that is.
    pub precision: f64,
    /// Of the pairs that are the same, the share that it took for that.
    pub recall: f64,
    /// Harmonic mean of both.
    pub f1: f64,
    /// The share of pairs that it got right.
    pub accuracy: f64,
    /// The share that always saying the more frequent answer gets right.
    pub majority: f64,
}

/// What labelled pairs tell.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LabelledReport {
    /// How many there are.
    pub pairs: usize,
    /// How many of them are the same.
    pub same: usize,
    /// How the classifier did on those that it had not seen.
    pub held_out: HeldOut,
    /// Of the labelled matches among the records, how many blocking found, and how many there are.
    pub blocked: Option<(usize, usize)>,
}

/// What was done and found, in numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ResolveReport {
    /// Records of each relation.
    pub records: Vec<usize>,
    /// How many entities there are.
    pub entities: usize,
    /// How many of them have several records.
    pub merged: usize,
    /// How many records the largest has.
    pub largest: usize,
    /// The columns that were compared.
    pub columns: Vec<ColumnLine>,
    /// What the rules of blocking found.
    pub blocking: Vec<RuleLine>,
    /// How many pairs were compared.
    pub compared: usize,
    /// How many pairs there are.
    pub possible: u64,
    /// How many pairs were left out because there were too many.
    pub dropped: usize,
    /// What share of the matches blocking found, estimated from how much its rules overlap; none where that tells nothing.
    pub estimated_recall: Option<f64>,
    /// What labelled pairs tell; none without any.
    pub labelled: Option<LabelledReport>,
    /// Where the weights were estimated from the records themselves: what the pairs that came into one entity agree in.
    pub merged_pairs: Option<MergedPairs>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolved {
    /// One for each record, in the order of relations and rows.
    pub rows: Vec<ResolveRow>,
    /// In ascending order of their numbers.
    pub entities: Vec<EntityRow>,
    /// In ascending order of their records.
    pub pairs: Vec<PairRow>,
    /// All this in numbers.
    pub report: ResolveReport,
}

impl Resolved {
    /// The canonical record of a row's entity.
    pub fn canonical(&self, row: &ResolveRow) -> &Map<String, Value> {
        &self.entities[row.entity_id as usize - 1].canonical
    }
}

pub(super) fn of(
    resolving: &Resolving<'_>,
    comparator: &Comparator,
    found: &Resolution,
    trained: Option<&Trained>,
) -> Result<Resolved> {
    let mut rows: Vec<Option<ResolveRow>> = vec![None; resolving.records()];
    let mut entities = Vec::with_capacity(found.entities.len());
    for (entity, number) in found.entities.iter().zip(1..) {
        let best = most_like(entity);
        for member in &entity.cluster.members {
            // One to one, others compete for a record, which only the confidence of the whole pair knows of.
            let of_whole = entity.cluster.members.len() == 1 || resolving.sources.mode() == Mode::Link;
            rows[member.record as usize] = Some(ResolveRow {
                relation: resolving.sources.of(member.record),
                row: resolving.row_of(member.record),
                record_key: resolving.keys[member.record as usize].clone(),
                entity_id: number,
                is_canonical: member.record == best,
                confidence: if of_whole {
                    entity.cluster.confidence
                } else {
                    member.probability
                },
            });
        }
        let fields = entity.canonical.iter();
        entities.push(EntityRow {
            entity_id: number,
            records: entity.cluster.members.len(),
            confidence: entity.cluster.confidence,
            record_key: resolving.keys[best as usize].clone(),
            canonical: fields
                .map(|field| (field.column.clone(), field.value.as_str().into()))
                .collect(),
        });
    }
    let rows: Vec<ResolveRow> = rows.into_iter().flatten().collect();
    let pairs = found
        .pairs
        .iter()
        .zip(&found.candidates)
        .map(|(pair, candidate)| PairRow {
            left_key: resolving.keys[pair.left as usize].clone(),
            right_key: resolving.keys[pair.right as usize].clone(),
            probability: pair.probability,
            same_entity: rows[pair.left as usize].entity_id == rows[pair.right as usize].entity_id,
            rules: candidate.rules.count_ones(),
        })
        .collect();
    let report = report(resolving, comparator, found, trained, &rows)?;
    Ok(Resolved {
        rows,
        entities,
        pairs,
        report,
    })
}

/// The record that gave most of the canonical one; of several, the surest, then the first.
fn most_like(entity: &Entity) -> u32 {
    let mut given: BTreeMap<u32, usize> = BTreeMap::new();
    for field in &entity.canonical {
        *given.entry(field.record).or_default() += 1;
    }
    let mut best = entity.cluster.members[0];
    let count = |record: u32| given.get(&record).copied().unwrap_or(0);
    for member in &entity.cluster.members[1..] {
        let more = count(member.record).cmp(&count(best.record));
        if more.then(member.probability.total_cmp(&best.probability)).is_gt() {
            best = *member;
        }
    }
    best.record
}

fn report(
    resolving: &Resolving<'_>,
    comparator: &Comparator,
    found: &Resolution,
    trained: Option<&Trained>,
    rows: &[ResolveRow],
) -> Result<ResolveReport> {
    let sizes = found.entities.iter().map(|entity| entity.cluster.members.len());
    let same = |left: u32, right: u32| rows[left as usize].entity_id == rows[right as usize].entity_id;
    let labelled = trained
        .map(|trained| {
            let count = resolving.records();
            let known: Vec<(u32, u32)> = resolving
                .pairs
                .iter()
                .filter(|pair| pair.same && pair.left < count && pair.right < count)
                .map(|pair| (pair.left as u32, pair.right as u32))
                .collect();
            let recall = found.blocking.recall(&found.candidates, &known, count)?;
            Ok::<_, crate::RelationError>(LabelledReport {
                pairs: trained.pairs,
                same: trained.same,
                held_out: trained.held_out,
                blocked: (recall.known > 0).then_some((recall.found, recall.known)),
            })
        })
        .transpose()?;
    let blocking = found.blocking.rules.iter().enumerate().map(|(number, rule)| RuleLine {
        rule: options::words(&rule.rule),
        pairs: rule.pairs,
        alone: rule.alone,
        matches: found
            .candidates
            .iter()
            .filter(|pair| pair.rules & (1 << number) != 0 && same(pair.left, pair.right))
            .count(),
    });
    let columns = comparator.profile().columns().iter().map(|column| ColumnLine {
        name: column.name.clone(),
        role: options::role_word(column.role),
        filled: column.filled,
    });
    Ok(ResolveReport {
        records: resolving.relations.iter().map(|relation| relation.rows.len()).collect(),
        entities: found.entities.len(),
        merged: sizes.clone().filter(|size| *size > 1).count(),
        largest: sizes.max().unwrap_or(0),
        columns: columns.collect(),
        blocking: blocking.collect(),
        compared: found.blocking.pairs,
        possible: found.blocking.possible,
        dropped: found.blocking.dropped,
        estimated_recall: found.estimated_recall,
        labelled,
        merged_pairs: found.merged,
    })
}

/// Records of which none has a value are all alone, and nothing says so.
pub(super) fn alone(resolving: &Resolving<'_>) -> Resolved {
    let rows: Vec<ResolveRow> = resolving
        .keys
        .iter()
        .enumerate()
        .map(|(record, key)| ResolveRow {
            relation: resolving.sources.of(record as u32),
            row: resolving.row_of(record as u32),
            record_key: key.clone(),
            entity_id: record as i64 + 1,
            is_canonical: true,
            confidence: 0.0,
        })
        .collect();
    let entities = rows.iter().map(|row| EntityRow {
        entity_id: row.entity_id,
        records: 1,
        confidence: row.confidence,
        record_key: row.record_key.clone(),
        canonical: Map::new(),
    });
    Resolved {
        entities: entities.collect(),
        pairs: Vec::new(),
        report: ResolveReport {
            records: resolving.relations.iter().map(|relation| relation.rows.len()).collect(),
            entities: rows.len(),
            merged: 0,
            largest: usize::from(!rows.is_empty()),
            columns: Vec::new(),
            blocking: Vec::new(),
            compared: 0,
            possible: resolving.sources.pairs(),
            dropped: 0,
            estimated_recall: None,
            labelled: None,
            merged_pairs: None,
        },
        rows,
    }
}
