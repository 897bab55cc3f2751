//! From a table and labelled rows to proposals.

use rustc_hash::FxHashMap;

use crate::candidates::Candidate;
use crate::dependencies::Dependency;
use crate::proposal::{EvidenceKind, LabelledRow, Proposal, Remedy};
use crate::settings::Settings;
use crate::study::Study;
use crate::table::{MISSING, Table};
use crate::trust::Trust;
use crate::words::{evidence, unknown};
use crate::{Result, words};

/// A proposal of this confidence is taken before the table is studied again.
const TAKEN: f32 = 0.8;

/// No proposal is surer than this before a row is labelled: of what looked surest in tables with known errors so many were
/// right.
const MOST_UNLABELLED: f32 = 0.98;

/// What a repair found.
#[derive(Debug, Clone, PartialEq)]
pub struct Repairs {
    /// Cells that look wrong, in order of row and column; at most one proposal a cell. Labelled rows have none.
    pub proposals: Vec<Proposal>,
    /// The dependencies that the table shows, for each right side the best first.
    pub dependencies: Vec<Dependency>,
    /// What labelled rows showed of how values are written anew: the column, in words how, and how many labelled values
    /// are for it and against it.
    pub conversions: Vec<LearnedConversion>,
}

/// How values of a column are written anew, learned from labelled rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LearnedConversion {
    /// Index of the column.
    pub column: usize,
    /// What is done, in words.
    pub words: String,
    /// How many labelled values it gets right.
    pub right: usize,
    /// How many it gets wrong.
    pub wrong: usize,
}

/// A study with its candidates, and how far each is trusted.
pub(crate) struct Judged {
    pub(crate) study: Study,
    /// The candidates of rows that nobody labelled, in order of row and column.
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) trust: Trust,
}

impl Judged {
    pub(crate) fn new(study: Study, labels: &[LabelledRow]) -> Self {
        let mut rows: Vec<usize> = labels.iter().map(|label| label.row).collect();
        rows.sort_unstable();
        let values: FxHashMap<usize, &LabelledRow> = labels.iter().map(|label| (label.row, label)).collect();
        let of_labelled = study.candidates(rows.into_iter());
        let judged: Vec<(&Candidate, bool)> = of_labelled
            .iter()
            .map(|candidate| {
                let column = candidate.column as usize;
                let right = values[&(candidate.row as usize)].values[column]
                    .as_deref()
                    .unwrap_or_default();
                (candidate, **study.table.columns[column].text(candidate.code) == *right)
            })
            .collect();
        let trust = Trust::fit(study.table.columns.len(), &judged);
        let unlabelled = (0..study.table.rows()).filter(|&row| !study.is_labelled(row));
        let candidates = study.candidates(unlabelled);
        Self {
            study,
            candidates,
            trust,
        }
    }

    /// The candidates of each cell that has some.
    pub(crate) fn cells(&self) -> impl Iterator<Item = &[Candidate]> {
        self.candidates
            .chunk_by(|one, other| one.row == other.row && one.column == other.column)
    }

    /// The best candidate of a cell and how likely it is right.
    pub(crate) fn best<'a>(&self, cell: &'a [Candidate]) -> (&'a Candidate, f32) {
        let mut best = (&cell[0], self.trust.confidence(&cell[0]));
        for candidate in &cell[1..] {
            let confidence = self.trust.confidence(candidate);
            if confidence > best.1 {
                best = (candidate, confidence);
            }
        }
        best
    }

    /// The cells whose best candidate is as likely right as `least`, with its value.
    fn taken(&self, least: f32) -> Vec<(usize, usize, String)> {
        let mut taken = Vec::new();
        for cell in self.cells() {
            let (candidate, confidence) = self.best(cell);
            if confidence >= least {
                let (row, column) = (candidate.row as usize, candidate.column as usize);
                let value = self.study.table.columns[column].text(candidate.code).to_string();
                taken.push((row, column, value));
            }
        }
        taken
    }
}

/// Finds the cells of a table that look wrong, and what should stand there.
///
/// Without labelled rows only what the table itself shows is proposed; a few of them, best those of
/// [`choose_rows_to_label`](crate::choose_rows_to_label), show which evidence to trust and how values are written anew.
/// The same table, labels and settings give the same proposals.
///
/// # Errors
/// Labelled rows or columns that are not the table's, or a setting outside of what it can be.
pub fn repair(table: &Table, labels: &[LabelledRow], settings: &Settings) -> Result<Repairs> {
    settings.check(table)?;
    LabelledRow::check(labels, table)?;
    let mut first = Judged::new(Study::new(table, labels, &settings.ignore, &[], None), labels);
    first.trust.cautious = labels.is_empty();
    // What is as good as known to be right makes the rest plainer: once more, with it in its place.
    let taken = first.taken(TAKEN);
    let dependencies: Vec<Dependency> = first.study.votes.dependencies().cloned().collect();
    let mut judged = if taken.is_empty() {
        first
    } else {
        drop(first);
        let study = Study::new(table, labels, &settings.ignore, &taken, Some(dependencies.clone()));
        Judged::new(study, labels)
    };
    judged.trust.cautious = labels.is_empty();
    let most = if labels.is_empty() { MOST_UNLABELLED } else { 1.0 };
    let mut proposals = Vec::new();
    for cell in judged.cells() {
        let (candidate, confidence) = judged.best(cell);
        let confidence = confidence * most;
        if confidence >= settings.least_confidence {
            proposals.push(proposal(table, &judged.study, candidate, confidence));
        }
    }
    if settings.show_unknown {
        unknowns(table, &judged, settings.least_confidence, &mut proposals);
    }
    let conversions = words::conversions(&judged.study);
    Ok(Repairs {
        proposals,
        dependencies,
        conversions,
    })
}

fn proposal(table: &Table, study: &Study, candidate: &Candidate, confidence: f32) -> Proposal {
    let (row, column) = (candidate.row as usize, candidate.column as usize);
    Proposal {
        row,
        column,
        before: table.value(row, column).map(str::to_owned),
        remedy: if candidate.code == MISSING {
            Remedy::Clear
        } else {
            Remedy::Replace(study.table.columns[column].text(candidate.code).to_string())
        },
        confidence,
        evidence: evidence(study, candidate),
    }
}

/// Adds the cells that look wrong without a value that would be right.
fn unknowns(table: &Table, judged: &Judged, least: f32, proposals: &mut Vec<Proposal>) {
    let study = &judged.study;
    let proposed: rustc_hash::FxHashSet<(usize, usize)> = proposals
        .iter()
        .map(|proposal| (proposal.row, proposal.column))
        .collect();
    let mut odd: Vec<FxHashMap<u32, Option<(f32, crate::Evidence)>>> = vec![FxHashMap::default(); table.columns.len()];
    for row in (0..table.rows()).filter(|&row| !study.is_labelled(row)) {
        for column in (0..table.columns.len()).filter(|&column| !study.ignored[column]) {
            let code = study.original(row, column);
            // What a conversion made right is not odd.
            if code == MISSING || study.table.columns[column].code(row) != code || proposed.contains(&(row, column)) {
                continue;
            }
            let found = odd[column].entry(code).or_insert_with(|| unknown(study, column, code));
            if let Some((confidence, evidence)) = found.as_ref().filter(|(confidence, _)| *confidence >= least) {
                proposals.push(Proposal {
                    row,
                    column,
                    before: table.value(row, column).map(str::to_owned),
                    remedy: Remedy::Unknown,
                    confidence: *confidence,
                    evidence: vec![evidence.clone()],
                });
            }
        }
    }
    proposals.sort_by_key(|proposal| (proposal.row, proposal.column));
}

impl EvidenceKind {
    /// The kinds of a candidate, in the order in which they convince a person.
    pub(crate) fn of(candidate: &Candidate) -> Vec<Self> {
        let order = [
            Self::Conversion,
            Self::Moved,
            Self::Dependency,
            Self::Vocabulary,
            Self::Format,
            Self::Scale,
        ];
        order.into_iter().filter(|&kind| candidate.has(kind)).collect()
    }
}
