//! Evidence in words.

use crate::candidates::Candidate;
use crate::proposal::{Evidence, EvidenceKind};
use crate::repair::LearnedConversion;
use crate::study::Study;
use crate::table::MISSING;

/// A form that this share of the values has makes others odd.
const USUAL: f32 = 0.9;
/// A form that fewer than this share have is odd.
const UNUSUAL: f32 = 0.02;

/// A value for which nothing better can be proposed is not surer to be wrong than this: in tables without errors there are
/// such values as well.
const MOST_UNKNOWN: f32 = 0.6;

/// How far a number is from the others, in words.
fn far(distance: f32, column: &str) -> String {
    format!("{distance:.0} times the usual spread from the median of {column}, by orders of magnitude")
}

/// Why a candidate should stand in its cell.
pub(crate) fn evidence(study: &Study, candidate: &Candidate) -> Vec<Evidence> {
    EvidenceKind::of(candidate)
        .into_iter()
        .map(|kind| Evidence {
            kind,
            words: words(study, candidate, kind),
        })
        .collect()
}

fn words(study: &Study, candidate: &Candidate, kind: EvidenceKind) -> String {
    let (row, at) = (candidate.row as usize, candidate.column as usize);
    let column = &study.table.columns[at];
    let after = column.text(candidate.code);
    let stands = study.original(row, at);
    match kind {
        EvidenceKind::Dependency => {
            let Some(support) = candidate.support else {
                return format!("other rows have \"{after}\"");
            };
            let dependency = study.votes.dependency(support.dependency);
            let left: Vec<String> = dependency
                .left
                .iter()
                .map(|&left| {
                    let left = &study.table.columns[left];
                    format!("{} \"{}\"", left.name, left.text(left.code(row)))
                })
                .collect();
            format!(
                "{} of {} other rows with {} have \"{after}\"",
                support.rows,
                support.of,
                left.join(" and ")
            )
        }
        EvidenceKind::Vocabulary => {
            let rows = column.count(candidate.code);
            format!("\"{after}\" stands in {rows} rows and looks nearly the same")
        }
        EvidenceKind::Conversion => {
            let conversion = candidate
                .conversion
                .map(|number| &study.conversions[at][number as usize]);
            conversion.map_or_else(String::new, |conversion| {
                let (right, wrong) = conversion.counts();
                format!("{conversion}: right in {right} of {} labelled rows", right + wrong)
            })
        }
        EvidenceKind::Format => {
            let (share, patterns) = (study.patterns[at].share(candidate.code), &study.patterns[at]);
            format!(
                "{:.0} % of values have the form {}, and this one {}",
                share * 100.0,
                patterns.name(candidate.code),
                patterns.name(stands)
            )
        }
        EvidenceKind::Moved => {
            let partner = candidate
                .partner
                .map_or("", |partner| study.table.columns[partner as usize].name.as_str());
            if stands == MISSING {
                format!("it stands in {partner}, behind or before what belongs there")
            } else if column.text(stands).contains(&**after) {
                format!("the rest of the value is one of {partner}, which is missing")
            } else {
                format!("a value of {partner} stands here")
            }
        }
        EvidenceKind::Scale | EvidenceKind::Outlier => {
            let distance = study.spreads[at].and_then(|spread| spread.distance(column.text(stands)));
            far(distance.unwrap_or_default(), &column.name)
        }
    }
}

/// Why a value looks wrong for which nothing can be proposed, and how likely it is.
pub(crate) fn unknown(study: &Study, at: usize, code: u32) -> Option<(f32, Evidence)> {
    let column = &study.table.columns[at];
    let patterns = &study.patterns[at];
    if let Some(spread) = study.spreads[at].filter(|spread| spread.is_far(column.text(code))) {
        let distance = spread.distance(column.text(code))?;
        let evidence = Evidence {
            kind: EvidenceKind::Outlier,
            words: far(distance, &column.name),
        };
        return Some(((1.0 - 3.0 / distance).min(MOST_UNKNOWN), evidence));
    }
    let (name, rows, present) = patterns.dominant();
    let usual = rows as f32 / present.max(1) as f32;
    if usual >= USUAL && patterns.share(code) < UNUSUAL {
        let words = format!(
            "{:.0} % of values have the form {name}, and this one {}",
            usual * 100.0,
            patterns.name(code)
        );
        let evidence = Evidence {
            kind: EvidenceKind::Outlier,
            words,
        };
        let confidence = usual * (1.0 - patterns.share(code) * 10.0);
        return Some((confidence.min(MOST_UNKNOWN), evidence));
    }
    None
}

/// What labelled rows showed of how values are written anew.
pub(crate) fn conversions(study: &Study) -> Vec<LearnedConversion> {
    let columns = study.conversions.iter().enumerate();
    columns
        .flat_map(|(column, conversions)| {
            conversions.iter().map(move |conversion| {
                let (right, wrong) = conversion.counts();
                LearnedConversion {
                    column,
                    words: conversion.to_string(),
                    right,
                    wrong,
                }
            })
        })
        .collect()
}
