//! The values that may stand in a cell, with the evidence for each as numbers.

use crate::dependencies::{Fits, Support};
use crate::proposal::EvidenceKind;
use crate::study::Study;
use crate::table::MISSING;
use crate::vocabulary::Aligner;

/// Numbers of evidence.
pub(crate) const FEATURES: usize = 17;

const BIAS: usize = 0;
const DEPENDENCY_MARGIN: usize = 1;
const DEPENDENCY_ROWS: usize = 2;
const FREQUENCY: usize = 3;
const LIKENESS: usize = 4;
const SHARE: usize = 5;
const BREAKING: usize = 6;
const CONVERSION: usize = 7;
const CONVERTED: usize = 8;
const FORMAT: usize = 9;
const MOVED: usize = 10;
const WAS_MISSING: usize = 11;
const AGREED: usize = 12;
const NOVEL: usize = 13;
const SCALED: usize = 14;
const AT_HOME: usize = 15;
const LEFT_DOUBT: usize = 16;

/// What each number weighs before anybody labelled a row. Chosen so that one weak piece of evidence proposes nothing, and
/// two do.
pub(crate) const PRIOR: [f32; FEATURES] = {
    let mut prior = [0.0; FEATURES];
    prior[BIAS] = -3.5;
    prior[DEPENDENCY_MARGIN] = 5.0;
    prior[DEPENDENCY_ROWS] = 0.7;
    prior[FREQUENCY] = 1.5;
    prior[LIKENESS] = 1.5;
    prior[SHARE] = 0.8;
    prior[BREAKING] = 1.5;
    prior[CONVERSION] = 1.0;
    prior[CONVERTED] = 1.5;
    prior[FORMAT] = 1.5;
    prior[MOVED] = 3.5;
    prior[WAS_MISSING] = -1.0;
    prior[AGREED] = 1.0;
    prior[NOVEL] = -1.0;
    prior[SCALED] = 2.5;
    prior[AT_HOME] = -1.0;
    prior[LEFT_DOUBT] = -4.5;
    prior
};

/// Dependencies that say less than this for a value don't propose it.
const LEAST_SHARE: f32 = 0.25;
/// A dependency that holds in this share of rows says what it seems to say.
const STRONG: f32 = 0.9;
/// And one that holds in this share says next to nothing of a row that it doesn't fit.
const WEAK: f32 = 0.6;
/// Values that dependencies propose for a cell, at most.
const PROPOSED: usize = 2;

/// A value that may stand in a cell.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) row: u32,
    pub(crate) column: u32,
    /// The code of the value in the column of the study; [`MISSING`] where nothing should stand there.
    pub(crate) code: u32,
    /// The kinds of evidence for it, as bits.
    pub(crate) kinds: u8,
    pub(crate) features: [f32; FEATURES],
    /// How weak the dependency is that says so, from 0 to 1.
    pub(crate) weak: f32,
    pub(crate) support: Option<Support>,
    pub(crate) conversion: Option<u32>,
    pub(crate) partner: Option<u32>,
}

impl Candidate {
    pub(crate) fn has(&self, kind: EvidenceKind) -> bool {
        self.kinds & kind.bit() != 0
    }
}

/// Makes the candidates of cells. It owns the memory that it works in.
#[derive(Debug, Default)]
pub(crate) struct Maker {
    supports: Vec<Support>,
    fits: Fits,
    fits_row: Option<usize>,
    aligner: Aligner,
}

impl Maker {
    /// Adds the candidates of a cell.
    pub(crate) fn of_cell(&mut self, study: &Study, row: usize, column: usize, candidates: &mut Vec<Candidate>) {
        let start = candidates.len();
        let stands = study.original(row, column);
        let mut propose = |code: u32, kind: EvidenceKind, partner: Option<u32>| {
            let known = candidates[start..].iter().position(|known| known.code == code);
            let at = known.map_or(candidates.len(), |at| at + start);
            if known.is_none() {
                candidates.push(Candidate {
                    row: row as u32,
                    column: column as u32,
                    code,
                    kinds: 0,
                    features: [0.0; FEATURES],
                    weak: 0.0,
                    support: None,
                    conversion: None,
                    partner: None,
                });
            }
            candidates[at].kinds |= kind.bit();
            candidates[at].partner = candidates[at].partner.or(partner);
        };
        study.votes.of(&study.table, row, column, &mut self.supports);
        let mut proposed = 0;
        for support in &self.supports {
            if support.code != stands && support.share >= LEAST_SHARE && proposed < PROPOSED {
                propose(support.code, EvidenceKind::Dependency, None);
                proposed += 1;
            }
        }
        if stands != MISSING {
            for likeness in study.likenesses(column, stands) {
                if likeness.alike >= 0.6 && likeness.share >= 0.15 {
                    propose(likeness.code, EvidenceKind::Vocabulary, None);
                }
            }
            let labelled_row = study.is_labelled(row).then_some(row);
            for &(code, number) in study.converted(column, stands) {
                // Evidence that a labelled row gives for itself teaches nothing.
                let conversion = &study.conversions[column][number as usize];
                // Two values of one form that are unlike are two values, and not one that is always written wrongly.
                let texts = &study.table.columns[column];
                let patterns = &study.patterns[column];
                let is_chance = conversion.is_one_value()
                    && patterns.of_code(code) == patterns.of_code(stands)
                    && self
                        .aligner
                        .likeness(&study.channel, texts.text(code), texts.text(stands))
                        < 0.6;
                if conversion.is_vouched(labelled_row) && !is_chance {
                    propose(code, EvidenceKind::Conversion, None);
                }
            }
            for &code in study.formatted(column, stands) {
                propose(code, EvidenceKind::Format, None);
            }
            if let Some(code) = study.scaled(column, stands) {
                propose(code, EvidenceKind::Scale, None);
            }
        }
        for moved in study.moves(row, column) {
            if moved.code != stands {
                propose(moved.code, EvidenceKind::Moved, Some(moved.partner as u32));
            }
        }
        for candidate in &mut candidates[start..] {
            self.fill(study, stands, candidate);
        }
    }

    fn fill(&mut self, study: &Study, stands: u32, candidate: &mut Candidate) {
        let (row, at) = (candidate.row as usize, candidate.column as usize);
        let column = &study.table.columns[at];
        let patterns = &study.patterns[at];
        let code = candidate.code;
        let features = &mut candidate.features;
        features[BIAS] = 1.0;
        let share = |code: u32| {
            let support = self.supports.iter().find(|support| support.code == code);
            support.map_or(0.0, |support| support.share)
        };
        let working = study.table.columns[at].code(row);
        let rival = [stands, working]
            .into_iter()
            .filter(|&rival| rival != code && rival != MISSING);
        let rival = rival.map(share).fold(0.0, f32::max);
        if !self.supports.is_empty() {
            features[DEPENDENCY_MARGIN] = share(code) - rival;
        }
        candidate.support = self.supports.iter().copied().find(|support| support.code == code);
        if let Some(support) = &candidate.support {
            // Rows of the same group that have what stands there speak against it.
            let own = self.supports.iter().find(|own| own.code == stands && stands != MISSING);
            let own_rows = own.map_or(0, |own| own.rows);
            let ratio = ((1.0 + support.rows as f32) / (1.0 + own_rows as f32)).ln();
            features[DEPENDENCY_ROWS] = ratio.min(4.5) - 1.5;
            if self.fits_row != Some(row) {
                study.votes.fits(&study.table, row, &mut self.fits);
                self.fits_row = Some(row);
            }
            features[LEFT_DOUBT] = study.votes.doubt(&self.fits, support.dependency);
            let accuracy = study.votes.dependency(support.dependency).accuracy;
            candidate.weak = ((STRONG - accuracy) / (STRONG - WEAK)).clamp(0.0, 1.0);
        }
        // A labelled row must not count itself.
        let count = |code: u32| {
            let own = u32::from(study.is_labelled(row) && working == code);
            (column.count(code) - own) as f32
        };
        if stands == MISSING {
            features[WAS_MISSING] = 1.0;
        } else if code != MISSING {
            let text = column.text(stands);
            let likeness = self.aligner.likeness(&study.channel, column.text(code), text);
            features[LIKENESS] = ((likeness - 0.5) * 2.0).clamp(-1.0, 1.0);
            let breaking = |text: &str| text.chars().filter(|&letter| study.channel.breaks(letter)).count();
            if study.channel.has_breaking() && likeness > 0.6 {
                let broken = breaking(text) > breaking(column.text(code));
                features[BREAKING] = if broken { 1.0 } else { -1.0 };
            }
            if likeness >= 0.6 {
                let ratio = ((count(code) + 1.0) / (count(stands) + 1.0)).ln();
                features[FREQUENCY] = (ratio / 5.0).clamp(-1.0, 1.0);
            }
            let known = study.likenesses(at, stands).iter().find(|known| known.code == code);
            // How much likelier it is than all others that are near, as a logarithm.
            let odds = |share: f32| (share / (1.0 - share).max(1e-6)).ln().clamp(-2.0, 3.0);
            features[SHARE] = known.map_or(0.0, |known| odds(known.share) * 0.5);
            let gain = (patterns.share(code) + 0.002).ln() - (patterns.share(stands) + 0.002).ln();
            features[FORMAT] = (gain / 4.0).clamp(-1.0, 1.0);
        }
        if stands != MISSING {
            features[AT_HOME] = ((count(stands) / column.present().max(1) as f32) * 4.0).min(1.0);
        }
        let labelled_row = study.is_labelled(row).then_some(row);
        let converted = study.converted(at, stands).iter().find(|&&(after, _)| after == code);
        if let Some(&(_, number)) = converted.filter(|_| candidate.kinds & EvidenceKind::Conversion.bit() != 0) {
            let trust = study.conversions[at][number as usize].trust(labelled_row);
            features[CONVERSION] = (trust / (1.0 - trust)).ln().clamp(-2.0, 4.0);
            features[CONVERTED] = 1.0;
            candidate.conversion = Some(number);
        }
        if candidate.kinds & EvidenceKind::Moved.bit() != 0 {
            features[MOVED] = 1.0;
        }
        if candidate.kinds & EvidenceKind::Scale.bit() != 0 {
            features[SCALED] = 1.0;
        }
        features[AGREED] = candidate.kinds.count_ones() as f32 - 1.0;
        features[NOVEL] = f32::from(u8::from(code != MISSING && count(code) == 0.0));
    }
}
