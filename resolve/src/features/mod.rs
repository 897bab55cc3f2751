//! Pairs of records as numbers that can be explained.

mod bag;
mod codes;
mod measure;
mod prepared;

use serde::{Deserialize, Serialize};
use strsim::jaro_winkler;

use crate::profile::{Column, Profile, Role};
use crate::record::Record;
use crate::text::{Dimension, day_number};
use bag::Overlap;
pub use measure::{Direction, Measure};
use prepared::Field;
pub use prepared::Prepared;

/// One number of a pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feature {
    /// `price.ratio`; for one of the whole record `*.code_agreement`.
    pub name: String,
    /// The column, or `None` for the whole record.
    pub column: Option<String>,
    /// How it is compared.
    pub measure: Measure,
    /// What a higher value says.
    pub direction: Direction,
}

/// Compares records by a profile.
///
/// A pair has the same features both ways and in whatever company it is compared. A feature that can't be told, because a
/// side has no value, is NaN; the flags called `missing` never are.
#[derive(Debug, Clone)]
pub struct Comparator {
    profile: Profile,
    features: Vec<Feature>,
    embeddings: bool,
}

impl Comparator {
    /// Compares the columns of a profile; with `embeddings`, the cosine that [`compare`](Self::compare) is given too.
    pub fn new(profile: Profile, embeddings: bool) -> Self {
        let mut features: Vec<Feature> = profile
            .columns()
            .iter()
            .flat_map(|column| {
                Measure::of_column(column.role)
                    .iter()
                    .map(|measure| feature(Some(&column.name), *measure))
            })
            .collect();
        features.extend(Measure::OF_RECORD.iter().map(|measure| feature(None, *measure)));
        features.push(feature(None, Measure::LengthRatio));
        if embeddings {
            features.push(feature(None, Measure::EmbeddingCosine));
        }
        Self {
            profile,
            features,
            embeddings,
        }
    }

    /// The profile.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// What [`compare`](Self::compare) returns, in order.
    pub fn features(&self) -> &[Feature] {
        &self.features
    }

    /// Takes a record apart, once, however many others it is compared with.
    pub fn prepare(&self, record: &Record) -> Prepared {
        Prepared::new(record, &self.profile)
    }

    /// The features of a pair, as many as [`features`](Self::features) names. `cosine` is that of the records' embeddings.
    pub fn compare(&self, a: &Prepared, b: &Prepared, cosine: Option<f32>) -> Vec<f32> {
        let mut row = Vec::with_capacity(self.features.len());
        self.compare_into(a, b, cosine, &mut row);
        row
    }

    /// [`compare`](Self::compare), appended to a row.
    pub fn compare_into(&self, a: &Prepared, b: &Prepared, cosine: Option<f32>, row: &mut Vec<f32>) {
        let (a, b) = if a.order <= b.order { (a, b) } else { (b, a) };
        for ((column, left), right) in self.profile.columns().iter().zip(&a.fields).zip(&b.fields) {
            compare_column(column, left.as_ref(), right.as_ref(), row);
        }
        compare_whole(a, b, self.profile.words.highest_rarity(), row);
        if self.embeddings {
            row.push(cosine.unwrap_or(f32::NAN));
        }
    }
}

fn feature(column: Option<&str>, measure: Measure) -> Feature {
    Feature {
        name: format!("{}.{}", column.unwrap_or("*"), measure.name()),
        column: column.map(str::to_owned),
        measure,
        direction: measure.direction(),
    }
}

fn compare_column(column: &Column, left: Option<&Field>, right: Option<&Field>, row: &mut Vec<f32>) {
    let measures = Measure::of_column(column.role);
    let (Some(a), Some(b)) = (left, right) else {
        let missing = f32::from(u8::from(left.is_none()) + u8::from(right.is_none())) / 2.0;
        row.push(missing);
        row.extend(std::iter::repeat_n(f32::NAN, measures.len() - 1));
        return;
    };
    let words = !a.bag.is_empty() && !b.bag.is_empty();
    let overlap = words.then(|| {
        let fuzzy = column.role == Role::Name;
        a.bag.overlap(&b.bag, column.words.highest_rarity(), fuzzy)
    });
    let of_overlap = |read: fn(&Overlap) -> f32| overlap.as_ref().map_or(f32::NAN, read);
    for measure in measures {
        row.push(match measure {
            Measure::Missing => 0.0,
            Measure::Exact => f32::from(exact(column.role, a, b)),
            Measure::RareExact => f32::from(exact(column.role, a, b)) * rarity_of_value(column, a),
            Measure::JaroWinkler => jaro_winkler(first_characters(&a.text), first_characters(&b.text)) as f32,
            Measure::WordCosine => of_overlap(|overlap| overlap.cosine),
            Measure::SoftWordCosine => of_overlap(|overlap| overlap.soft_cosine),
            Measure::BestWords => of_overlap(|overlap| overlap.best_words),
            Measure::Containment => of_overlap(|overlap| overlap.containment),
            Measure::Trigrams => a.trigrams.jaccard(&b.trigrams),
            Measure::CodeContainment => codes::containment(&a.compact, &b.compact),
            Measure::EditSimilarity => codes::edit_similarity(&a.compact, &b.compact),
            Measure::Ratio => numbers(a, b).map_or(f32::NAN, |(a, b)| ratio(a, b)),
            Measure::Closeness => distance(column.role, a, b).map_or(f32::NAN, |far| closeness(far, column.scale)),
            _ => f32::NAN,
        });
    }
}

fn exact(role: Role, a: &Field, b: &Field) -> bool {
    match role {
        Role::Code => a.compact == b.compact,
        Role::Number | Role::Date => distance(role, a, b).map_or(a.text == b.text, |far| far < 1e-9),
        _ => a.text == b.text,
    }
}

fn numbers(a: &Field, b: &Field) -> Option<(f64, f64)> {
    Some((a.number?, b.number?))
}

/// How far apart two numbers are, or two dates in days.
fn distance(role: Role, a: &Field, b: &Field) -> Option<f64> {
    match role {
        Role::Date => Some((day_number(a.date?) - day_number(b.date?)).abs()),
        _ => numbers(a, b).map(|(a, b)| (a - b).abs()),
    }
}

fn ratio(a: f64, b: f64) -> f32 {
    if (a - b).abs() < 1e-9 {
        1.0
    } else if a * b <= 0.0 {
        0.0
    } else {
        (a.abs().min(b.abs()) / a.abs().max(b.abs())) as f32
    }
}

fn closeness(distance: f64, scale: f64) -> f32 {
    if scale > 0.0 {
        (-distance / scale).exp() as f32
    } else {
        f32::from(distance == 0.0)
    }
}

/// 1 for a value that two records have at most, less for one that many have.
fn rarity_of_value(column: &Column, a: &Field) -> f32 {
    let highest = column.values.highest_rarity();
    let twice = (column.values.highest_rarity().exp_m1() / 2.0).ln_1p();
    (column.values.rarity(a.hash) / twice.min(highest)).min(1.0)
}

fn first_characters(text: &str) -> &str {
    match text.char_indices().nth(64) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

fn compare_whole(a: &Prepared, b: &Prepared, highest: f32, row: &mut Vec<f32>) {
    if a.bag.is_empty() || b.bag.is_empty() {
        row.extend(std::iter::repeat_n(f32::NAN, Measure::OF_RECORD.len() + 1));
        return;
    }
    let overlap = a.bag.overlap(&b.bag, highest, true);
    let code = codes::compare(a, b, highest);
    let of_code = |read: fn(&codes::CodeAgreement) -> f32| code.as_ref().map_or(f32::NAN, read);
    let (agreeing, conflicting) = quantities(a, b);
    for measure in Measure::OF_RECORD {
        row.push(match measure {
            Measure::WordCosine => overlap.cosine,
            Measure::SoftWordCosine => overlap.soft_cosine,
            Measure::BestWords => overlap.best_words,
            Measure::Containment => overlap.containment,
            Measure::Coverage => overlap.coverage,
            Measure::Trigrams => a.trigrams.jaccard(&b.trigrams),
            Measure::RarestShared => overlap.rarest_shared,
            Measure::RarestUnshared => overlap.rarest_unshared,
            Measure::NumberOverlap => number_overlap(&a.numbers, &b.numbers),
            Measure::QuantityAgreement if agreeing + conflicting > 0 => {
                agreeing as f32 / (agreeing + conflicting) as f32
            }
            Measure::QuantityConflict => conflicting.min(3) as f32,
            Measure::CodeAgreement => of_code(|code| code.agreement),
            Measure::CodeCoverage => of_code(|code| code.coverage),
            Measure::CodeCoverageBoth => of_code(|code| code.coverage_both),
            Measure::CodeNearMiss => of_code(|code| code.near_miss),
            Measure::CodeMissing => f32::from(u8::from(a.codes.is_empty()) + u8::from(b.codes.is_empty())) / 2.0,
            Measure::FirstWord => jaro_winkler(&a.first_word, &b.first_word) as f32,
            _ => f32::NAN,
        });
    }
    row.push(overlap.length_ratio);
}

/// In how many dimensions that both sides give a quantity for one agrees, and in how many none does.
fn quantities(a: &Prepared, b: &Prepared) -> (usize, usize) {
    let mut dimensions: Vec<Dimension> = a.quantities.iter().map(|quantity| quantity.dimension).collect();
    dimensions.sort_unstable();
    dimensions.dedup();
    let (mut agreeing, mut conflicting) = (0, 0);
    for dimension in dimensions {
        if !b.quantities.iter().any(|quantity| quantity.dimension == dimension) {
            continue;
        }
        let agrees = a
            .quantities
            .iter()
            .filter(|mine| mine.dimension == dimension)
            .any(|mine| b.quantities.iter().any(|theirs| mine.agrees(*theirs)));
        if agrees {
            agreeing += 1;
        } else {
            conflicting += 1;
        }
    }
    (agreeing, conflicting)
}

fn number_overlap(a: &[f64], b: &[f64]) -> f32 {
    if a.is_empty() || b.is_empty() {
        return f32::NAN;
    }
    let shared = a
        .iter()
        .filter(|number| b.binary_search_by(|other| other.total_cmp(number)).is_ok())
        .count();
    shared as f32 / (a.len() + b.len() - shared) as f32
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "what is compared here is exact")]
mod tests;
