//! Values that stand in the column of another, whole or in part.

use rustc_hash::FxHashMap;

use crate::table::{MISSING, Table};

/// Words of a value that may be another column's, at most.
const MOST_WORDS: usize = 3;
/// A value that stands in so many rows belongs to its column.
const AT_HOME: u32 = 2;

/// A value for a cell that another cell of its row has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Move {
    pub(crate) code: u32,
    /// The column that the value was taken from, or that the rest of it goes to.
    pub(crate) partner: usize,
}

/// The moves that a table shows, by row and column. Values that a column gets by them are given codes.
pub(crate) fn moves(table: &mut Table, ignored: &[bool]) -> FxHashMap<(u32, u32), Vec<Move>> {
    let mut moves: FxHashMap<(u32, u32), Vec<Move>> = FxHashMap::default();
    let width = table.columns.len();
    for column in (0..width).filter(|&column| !ignored[column]) {
        for other in (0..width).filter(|&other| other != column && !ignored[other]) {
            split(table, column, other, &mut moves);
            if column < other {
                swap(table, column, other, &mut moves);
            }
        }
    }
    moves
}

fn record(moves: &mut FxHashMap<(u32, u32), Vec<Move>>, row: usize, column: usize, code: u32, partner: usize) {
    moves
        .entry((row as u32, column as u32))
        .or_default()
        .push(Move { code, partner });
}

/// Rows where `empty` is missing and a value of it stands at the end or the start of `full`.
fn split(table: &mut Table, full: usize, empty: usize, moves: &mut FxHashMap<(u32, u32), Vec<Move>>) {
    if table.columns[empty].count(MISSING) == 0 || table.columns[empty].present() == 0 {
        return;
    }
    let rows: Vec<usize> = (0..table.rows())
        .filter(|&row| table.columns[empty].code(row) == MISSING && table.columns[full].code(row) != MISSING)
        .collect();
    let mut known: FxHashMap<u32, Option<(u32, u32)>> = FxHashMap::default();
    for row in rows {
        let code = table.columns[full].code(row);
        let parts = *known.entry(code).or_insert_with(|| parts(table, full, empty, code));
        if let Some((rest, part)) = parts {
            record(moves, row, full, rest, empty);
            record(moves, row, empty, part, full);
        }
    }
}

/// The rest of a value and the part of it that is a value of another column.
fn parts(table: &mut Table, full: usize, empty: usize, code: u32) -> Option<(u32, u32)> {
    let text = table.columns[full].text(code).clone();
    let is_part = |part: &str| {
        let part_code = table.columns[empty].code_of(part.trim_matches(|letter: char| ",;/()".contains(letter)))?;
        let at_home = table.columns[empty].count(part_code) >= AT_HOME && part.chars().any(char::is_alphabetic);
        (part_code != MISSING && at_home).then_some(part_code)
    };
    let spaces: Vec<usize> = text.match_indices([' ', ',']).map(|(at, _)| at).collect();
    let ends = spaces
        .iter()
        .rev()
        .take(MOST_WORDS)
        .map(|&at| (&text[..at], &text[at + 1..]));
    let starts = spaces.iter().take(MOST_WORDS).map(|&at| (&text[at + 1..], &text[..at]));
    for (rest, part) in ends.chain(starts) {
        let rest = rest.trim_matches(|letter: char| letter.is_whitespace() || ",;/(".contains(letter));
        if let Some(part) = is_part(part).filter(|_| rest.chars().any(char::is_alphanumeric)) {
            return Some((table.columns[full].intern(rest), part));
        }
    }
    None
}

/// Rows where each of two columns has a value that belongs to the other.
fn swap(table: &mut Table, one: usize, other: usize, moves: &mut FxHashMap<(u32, u32), Vec<Move>>) {
    let mut swapped = Vec::new();
    {
        let (left, right) = (&table.columns[one], &table.columns[other]);
        for row in 0..table.rows() {
            let (first, second) = (left.code(row), right.code(row));
            let strangers =
                first != MISSING && second != MISSING && left.count(first) <= AT_HOME && right.count(second) <= AT_HOME;
            if !strangers {
                continue;
            }
            let at_home = |code: Option<u32>, of: &crate::table::Column| code.filter(|&code| of.count(code) > AT_HOME);
            let for_right = at_home(right.code_of(left.text(first)), right);
            let for_left = at_home(left.code_of(right.text(second)), left);
            if let (Some(for_left), Some(for_right)) = (for_left, for_right) {
                swapped.push((row, for_left, for_right));
            }
        }
    }
    for (row, for_left, for_right) in swapped {
        record(moves, row, one, for_left, other);
        record(moves, row, other, for_right, one);
    }
}
