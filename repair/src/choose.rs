//! Which rows a person should look at.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::Result;
use crate::proposal::LabelledRow;
use crate::repair::Judged;
use crate::settings::Settings;
use crate::study::Study;
use crate::table::{MISSING, Table};

/// What a label of a sort is worth when one of that sort is labelled already, against what that one was.
const AGAIN: f32 = 0.5;
/// What a cell without candidates is worth against one whose best candidate is a toss-up.
const PLAIN: f32 = 0.15;

/// What a cell without candidates is worth whose form is unlike that of most.
const ODD: f32 = 0.6;
/// A form that fewer values of a column have is unlike that of most.
const UNUSUAL: f32 = 0.2;

/// A sort of cells that one label tells of: column, form, kinds of evidence and step of confidence.
type Sort = (u32, u32, u8, u8);

/// Chooses up to `count` rows that are best labelled next, the best first, when `labelled` are labelled already.
///
/// Cells fall into sorts: those of one column whose values have one form, for whose best candidate the same kinds of
/// evidence speak with about the same confidence. A row is worth the more, the more common and the less sure the sorts
/// of its cells are, and the less labelled rows have of them. Choosing a few rows at a time, with the labels of the
/// former in hand, does better than choosing all at once.
///
/// # Errors
/// Labelled rows or columns that are not the table's, or a setting outside of what it can be.
pub fn choose_rows_to_label(
    table: &Table,
    count: usize,
    labelled: &[LabelledRow],
    settings: &Settings,
) -> Result<Vec<usize>> {
    settings.check(table)?;
    LabelledRow::check(labelled, table)?;
    let judged = Judged::new(Study::new(table, labelled, &settings.ignore, &[], None), labelled);
    let study = &judged.study;
    let mut of_candidates: FxHashMap<(u32, u32), (u8, f32)> = FxHashMap::default();
    for cell in judged.cells() {
        let (candidate, confidence) = judged.best(cell);
        of_candidates.insert((candidate.row, candidate.column), (candidate.kinds, confidence));
    }
    let sort = |row: usize, column: usize| -> (Sort, f32) {
        let code = study.original(row, column);
        let form = if code == MISSING {
            u32::MAX
        } else {
            study.patterns[column].of_code(code)
        };
        if let Some(&(kinds, confidence)) = of_candidates.get(&(row as u32, column as u32)) {
            let unsure = 4.0 * confidence * (1.0 - confidence);
            let step = (confidence * 4.0) as u8;
            return ((column as u32, form, kinds, step), 0.1 + unsure);
        }
        let patterns = &study.patterns[column];
        let odd = code != MISSING && patterns.share(code) < UNUSUAL && patterns.has_dominant();
        ((column as u32, form, 0, 0), if odd { ODD } else { PLAIN })
    };
    let columns: Vec<usize> = (0..table.columns.len())
        .filter(|&column| !study.ignored[column])
        .collect();
    let mut numbers: FxHashMap<Sort, u32> = FxHashMap::default();
    let mut worth: Vec<f32> = Vec::new();
    let mut sizes: Vec<u32> = Vec::new();
    let mut sorts: Vec<u32> = Vec::with_capacity(table.rows() * columns.len());
    for row in 0..table.rows() {
        for &column in &columns {
            let (sort, unsure) = sort(row, column);
            let number = *numbers.entry(sort).or_insert_with(|| {
                worth.push(0.0);
                sizes.push(0);
                worth.len() as u32 - 1
            });
            worth[number as usize] += unsure;
            sizes[number as usize] += 1;
            sorts.push(number);
        }
    }
    // A sort is worth its mean doubt, times a little less than its size: twice the cells are not twice the news.
    for (worth, &size) in worth.iter_mut().zip(&sizes) {
        *worth = *worth / size as f32 * (size as f32).sqrt();
    }
    let width = columns.len();
    let of_row = |row: usize| &sorts[row * width..(row + 1) * width];
    let mut gone: FxHashSet<usize> = FxHashSet::default();
    for label in labelled {
        gone.insert(label.row);
        of_row(label.row).iter().for_each(|&sort| worth[sort as usize] *= AGAIN);
    }
    let mut chosen = Vec::new();
    while chosen.len() < count.min(table.rows()) {
        let mut best: Option<(f32, usize)> = None;
        for row in (0..table.rows()).filter(|row| !gone.contains(row)) {
            let value = of_row(row).iter().map(|&sort| worth[sort as usize]).sum::<f32>();
            if best.is_none_or(|(most, _)| value > most) {
                best = Some((value, row));
            }
        }
        let Some((_, row)) = best else { break };
        gone.insert(row);
        of_row(row).iter().for_each(|&sort| worth[sort as usize] *= AGAIN);
        chosen.push(row);
    }
    Ok(chosen)
}
