//! Finding of dependencies: left sides of one and two columns.

use rustc_hash::FxHashMap;

use crate::table::{Column, MISSING, Table};

/// A dependency must tell this much of what the most common value does not tell already.
const LEAST_LIFT: f32 = 0.35;
/// A second column on the left side must add this much.
const LEAST_GAIN: f32 = 0.1;
/// A column that one other tells this well needs no pair.
const GOOD_ENOUGH: f32 = 0.9;
/// The most dependencies that are kept for one right side.
const MOST: usize = 8;
/// Values that are looked at for pairs, at most: columns that tell little by themselves are not tried in pairs of a wide
/// table.
const MOST_LOOKS: usize = 1_500_000_000;
/// Rows that pairs of columns are tried on.
const SAMPLE: usize = 20_000;

/// A functional dependency that holds in most rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Dependency {
    /// Indices of the columns on the left side: one or two.
    pub left: Vec<usize>,
    /// Index of the column that they determine.
    pub right: usize,
    /// The least share of rows that would have to go for it to hold in all, from 0 to 1 (`g3`).
    pub error: f32,
    /// The share of rows whose value the other rows of their group tell, from 0 to 1, of the rows that have such others.
    pub accuracy: f32,
    /// The share of rows that have the most common value, from 0 to 1: what one tells without the left side.
    pub baseline: f32,
    /// How many rows have others in their group.
    pub rows: usize,
}

impl Dependency {
    /// How much of what the most common value does not tell is told, up to 1.
    pub fn lift(&self) -> f32 {
        lift(self.accuracy, self.baseline)
    }
}

/// How much of what is left by a baseline an accuracy tells.
pub(super) fn lift(accuracy: f32, baseline: f32) -> f32 {
    (accuracy - baseline) / (1.0 - baseline).max(1e-6)
}

/// Rows by group, one group after the other.
struct Groups {
    /// Rows in order of their group.
    order: Vec<u32>,
    /// Where each group starts in `order`, and the end.
    starts: Vec<u32>,
}

impl Groups {
    /// Groups rows by a number below `count`; rows of group [`MISSING`] are left out.
    fn new(group_of: impl Iterator<Item = (u32, u32)> + Clone, count: usize) -> Self {
        let mut starts = vec![0_u32; count + 1];
        for (_, group) in group_of.clone() {
            if group != MISSING {
                starts[group as usize + 1] += 1;
            }
        }
        for group in 1..starts.len() {
            starts[group] += starts[group - 1];
        }
        let mut next = starts.clone();
        let mut order = vec![0; starts[count] as usize];
        for (row, group) in group_of {
            if group != MISSING {
                order[next[group as usize] as usize] = row;
                next[group as usize] += 1;
            }
        }
        Self { order, starts }
    }

    fn iter(&self) -> impl Iterator<Item = &[u32]> {
        self.starts
            .windows(2)
            .map(|bounds| &self.order[bounds[0] as usize..bounds[1] as usize])
    }

    /// How well groups tell a column. `seen` is scratch: zeros, as many as the column has codes.
    fn tell(&self, right: &Column, seen: &mut [u32]) -> (f32, f32, usize) {
        let mut rows = 0_usize;
        let mut all = 0_usize;
        let mut kept = 0_usize;
        let mut told = 0.0_f64;
        let mut codes = Vec::new();
        for group in self.iter() {
            codes.clear();
            for &row in group {
                let code = right.code(row as usize);
                if code != MISSING {
                    if seen[code as usize] == 0 {
                        codes.push(code);
                    }
                    seen[code as usize] += 1;
                }
            }
            let (mut most, mut second, mut total) = (0_u32, 0_u32, 0_u32);
            for &code in &codes {
                let count = std::mem::take(&mut seen[code as usize]);
                total += count;
                if count > most {
                    second = most;
                    most = count;
                } else if count > second {
                    second = count;
                }
            }
            all += total as usize;
            kept += most as usize;
            if total < 2 {
                continue;
            }
            rows += total as usize;
            // A row of the majority is told by the others where they still are the majority without it.
            if most > second + 1 {
                told += f64::from(most);
            } else if most == second + 1 && most > 1 {
                told += f64::from(most) * 0.5;
            }
        }
        let accuracy = if rows > 0 { (told / rows as f64) as f32 } else { 0.0 };
        let error = if all > 0 { 1.0 - kept as f32 / all as f32 } else { 0.0 };
        (accuracy, error, rows)
    }
}

/// The share of the most common value of each column.
fn baselines(table: &Table) -> Vec<f32> {
    table
        .columns
        .iter()
        .map(|column| {
            let most = column.present_codes().map(|code| column.count(code)).max().unwrap_or(0);
            most as f32 / column.present().max(1) as f32
        })
        .collect()
}

/// Whether a column can stand on a left side: it varies, and its values come back.
fn groups_rows(column: &Column) -> bool {
    let distinct = column.present_codes().count();
    distinct > 1 && (distinct as f32) < 0.9 * column.present() as f32
}

/// The dependencies of a table, for each right side the best first.
pub(crate) fn discover(table: &Table) -> Vec<Dependency> {
    let baselines = baselines(table);
    let least_rows = (table.rows() / 50).max(6);
    let width = table.columns.len();
    let mut found: Vec<Vec<Dependency>> = vec![Vec::new(); width];
    let mut seen: Vec<Vec<u32>> = table
        .columns
        .iter()
        .map(|column| vec![0; column.code_count()])
        .collect();
    let lefts: Vec<usize> = (0..width).filter(|&left| groups_rows(&table.columns[left])).collect();
    let keep = |left: Vec<usize>, right: usize, told: (f32, f32, usize), above: f32| {
        let (accuracy, error, rows) = told;
        let dependency = Dependency {
            left,
            right,
            error,
            accuracy,
            baseline: baselines[right],
            rows,
        };
        (rows >= least_rows && baselines[right] < 1.0 && dependency.lift() >= above).then_some(dependency)
    };
    for &left in &lefts {
        let column = &table.columns[left];
        let group_of = (0_u32..).zip(column.codes().iter().copied());
        let groups = Groups::new(group_of, column.code_count());
        for right in (0..width).filter(|&right| right != left) {
            let told = groups.tell(&table.columns[right], &mut seen[right]);
            found[right].extend(keep(vec![left], right, told, LEAST_LIFT));
        }
    }
    let best: Vec<f32> = found
        .iter()
        .map(|of_right| of_right.iter().map(Dependency::lift).fold(0.0, f32::max))
        .collect();
    let wanting: Vec<usize> = (0..width)
        .filter(|&right| best[right] < GOOD_ENOUGH && baselines[right] < 1.0)
        .collect();
    if !wanting.is_empty() {
        let step = table.rows().div_ceil(SAMPLE).max(1);
        let lefts = for_pairs(
            lefts,
            &found,
            MOST_LOOKS / (wanting.len() * (table.rows() / step).max(1)),
        );
        for (at, &first) in lefts.iter().enumerate() {
            for &second in &lefts[at + 1..] {
                let (ids, count) = pair_groups(&table.columns[first], &table.columns[second], step);
                // Pairs that are a key tell nothing.
                if count * 2 > ids.len() {
                    continue;
                }
                let group_of = (0_u32..).step_by(step).zip(ids.iter().copied());
                let groups = Groups::new(group_of, count);
                for &right in &wanting {
                    if right == first || right == second {
                        continue;
                    }
                    let single = found[right]
                        .iter()
                        .filter(|single| single.left == [first] || single.left == [second])
                        .map(Dependency::lift)
                        .fold(0.0, f32::max);
                    let mut told = groups.tell(&table.columns[right], &mut seen[right]);
                    told.2 *= step;
                    let above = LEAST_LIFT.max(single + LEAST_GAIN).max(best[right] * 0.9);
                    found[right].extend(keep(vec![first, second], right, told, above));
                }
            }
        }
    }
    for of_right in &mut found {
        of_right.sort_by(|one, other| other.lift().total_cmp(&one.lift()));
        of_right.truncate(MOST);
    }
    found.into_iter().flatten().collect()
}

/// As many columns as make `pairs` pairs: those that tell most of another column by themselves, in their order.
fn for_pairs(mut lefts: Vec<usize>, found: &[Vec<Dependency>], pairs: usize) -> Vec<usize> {
    let most = (2.0 * pairs as f64).sqrt() as usize;
    let tells = |left: &usize| {
        let of_left = found.iter().flatten().filter(|dependency| dependency.left == [*left]);
        of_left.map(Dependency::lift).fold(0.0, f32::max)
    };
    lefts.sort_by(|one, other| tells(other).total_cmp(&tells(one)).then(one.cmp(other)));
    lefts.truncate(most.max(2));
    lefts.sort_unstable();
    lefts
}

/// Numbers for the pairs of values in two columns, of every `step`-th row, and how many numbers there are.
fn pair_groups(first: &Column, second: &Column, step: usize) -> (Vec<u32>, usize) {
    let mut numbers: FxHashMap<(u32, u32), u32> = FxHashMap::default();
    let pairs = first.codes().iter().zip(second.codes()).step_by(step);
    let ids = pairs
        .map(|(&first, &second)| {
            if first == MISSING || second == MISSING {
                return MISSING;
            }
            let next = numbers.len() as u32 + 1;
            *numbers.entry((first, second)).or_insert(next)
        })
        .collect();
    (ids, numbers.len() + 1)
}
