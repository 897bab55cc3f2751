//! What the dependencies say of a cell.

use rustc_hash::FxHashMap;

use super::discover::{Dependency, lift};
use crate::table::{MISSING, Table};

/// Values of a group that are kept, the most common first.
const KEPT: usize = 12;
/// Values of a group that are voted for.
const VOTED: usize = 3;
/// How many labelled rows the accuracy that the table shows weighs.
const PRIOR_ROWS: f32 = 4.0;

/// The values that rows of one left side have.
#[derive(Debug, Default)]
struct Group {
    total: u32,
    /// Code and count, the most common first.
    values: Vec<(u32, u32)>,
}

/// The groups of one dependency.
#[derive(Debug)]
struct Grouped {
    dependency: Dependency,
    weight: f32,
    groups: FxHashMap<(u32, u32), Group>,
}

/// What dependencies say for one value in one cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Support {
    pub(crate) code: u32,
    /// The weighted share of votes, from 0 to 1.
    pub(crate) share: f32,
    /// In how many other rows of its group the value stands, at most over dependencies.
    pub(crate) rows: u32,
    /// How many other rows that group has.
    pub(crate) of: u32,
    /// Which of the dependencies says so most strongly.
    pub(crate) dependency: usize,
}

/// How the dependencies fit a row: for each, whether the group of its left side mostly has the value that the row has.
/// None where there is no majority of other rows.
#[derive(Debug, Default)]
pub(crate) struct Fits(Vec<Option<bool>>);

/// The dependencies of a table, ready to vote.
#[derive(Debug)]
pub(crate) struct Votes {
    grouped: Vec<Grouped>,
    of_right: Vec<Vec<usize>>,
    of_left: Vec<Vec<usize>>,
}

fn key(table: &Table, left: &[usize], row: usize) -> Option<(u32, u32)> {
    let code = |at: usize| left.get(at).map(|&column| table.columns[column].code(row));
    let first = code(0).filter(|&code| code != MISSING)?;
    match code(1) {
        None => Some((first, MISSING)),
        Some(MISSING) => None,
        Some(second) => Some((first, second)),
    }
}

impl Votes {
    /// Counts the groups of dependencies. `labelled` are rows whose values are known to be right: they say which
    /// dependencies tell the truth, where the rest of the table says only which ones hold.
    pub(crate) fn new(table: &Table, dependencies: Vec<Dependency>, labelled: &[usize]) -> Self {
        let mut of_right = vec![Vec::new(); table.columns.len()];
        let mut of_left = vec![Vec::new(); table.columns.len()];
        let mut grouped = Vec::new();
        for dependency in dependencies {
            let right = &table.columns[dependency.right];
            let mut counts: FxHashMap<(u32, u32), Group> = FxHashMap::default();
            for row in 0..table.rows() {
                let code = right.code(row);
                let Some(key) = key(table, &dependency.left, row).filter(|_| code != MISSING) else {
                    continue;
                };
                let group = counts.entry(key).or_default();
                group.total += 1;
                if let Some((_, count)) = group.values.iter_mut().find(|(value, _)| *value == code) {
                    *count += 1;
                } else if group.values.len() < 8 * KEPT {
                    // A group with more values tells nothing; counting all of them would cost the square.
                    group.values.push((code, 1));
                }
            }
            counts.retain(|_, group| group.total > 1);
            for group in counts.values_mut() {
                group
                    .values
                    .sort_by_key(|&(code, count)| (std::cmp::Reverse(count), code));
                group.values.truncate(KEPT);
            }
            of_right[dependency.right].push(grouped.len());
            for &left in &dependency.left {
                of_left[left].push(grouped.len());
            }
            let mut with_groups = Grouped {
                weight: dependency.lift().max(0.0).powi(2),
                dependency,
                groups: counts,
            };
            with_groups.weigh(table, labelled);
            grouped.push(with_groups);
        }
        Self {
            grouped,
            of_right,
            of_left,
        }
    }

    /// The dependencies, as votes number them.
    pub(crate) fn dependency(&self, number: usize) -> &Dependency {
        &self.grouped[number].dependency
    }

    /// Every dependency.
    pub(crate) fn dependencies(&self) -> impl Iterator<Item = &Dependency> {
        self.grouped.iter().map(|grouped| &grouped.dependency)
    }

    /// How the dependencies fit a row.
    pub(crate) fn fits(&self, table: &Table, row: usize, fits: &mut Fits) {
        fits.0.clear();
        fits.0.extend(self.grouped.iter().map(|grouped| {
            let own = table.columns[grouped.dependency.right].code(row);
            let (group, others) = grouped.others(table, row, own).filter(|_| own != MISSING)?;
            let others_with = |&(code, count): &(u32, u32)| count - u32::from(code == own);
            let own_count = group.values.iter().find(|value| value.0 == own).map_or(0, others_with);
            let most = group.values.iter().map(others_with).max().unwrap_or(0);
            // A group without a majority says nothing.
            (most * 2 > others).then_some(own_count == most)
        }));
    }

    /// How far the left side of a dependency is in doubt in a row, from 0 to 1: the share of what it else determines that
    /// does not fit, while other left sides say that it is right. A value that fits nothing in its row is wrong itself.
    pub(crate) fn doubt(&self, fits: &Fits, number: usize) -> f32 {
        let asked = &self.grouped[number].dependency;
        let (mut misfits, mut others) = (0.0, 0.0);
        for &number in asked.left.iter().flat_map(|&column| &self.of_left[column]) {
            let Some(fit) = fits.0[number] else { continue };
            let right = self.grouped[number].dependency.right;
            if right == asked.right || asked.left.contains(&right) {
                continue;
            }
            let vouched = || {
                self.of_right[right].iter().any(|&number| {
                    let left = &self.grouped[number].dependency.left;
                    let apart = left
                        .iter()
                        .all(|column| !asked.left.contains(column) && *column != asked.right);
                    apart && fits.0[number] == Some(true)
                })
            };
            others += 1.0;
            misfits += f32::from(u8::from(!fit && vouched()));
        }
        if others == 0.0 { 0.0 } else { misfits / others }
    }

    /// What is said of a cell by the other rows: values with their support, the best first. The value that stands there
    /// is among them where it has support.
    pub(crate) fn of(&self, table: &Table, row: usize, column: usize, supports: &mut Vec<Support>) {
        supports.clear();
        let own = table.columns[column].code(row);
        let mut weights = 0.0;
        for &number in &self.of_right[column] {
            let grouped = &self.grouped[number];
            let Some((group, others)) = grouped.others(table, row, own) else {
                continue;
            };
            weights += grouped.weight;
            for (rank, &(code, count)) in group.values.iter().enumerate() {
                let count = count - u32::from(code == own);
                if count == 0 || (rank >= VOTED && code != own) {
                    continue;
                }
                let share = grouped.weight * count as f32 / (others as f32 + 0.25);
                let support = Support {
                    code,
                    share,
                    rows: count,
                    of: others,
                    dependency: number,
                };
                match supports.iter_mut().find(|known| known.code == code) {
                    Some(known) => {
                        known.share += share;
                        if count > known.rows {
                            *known = Support {
                                share: known.share,
                                ..support
                            };
                        }
                    }
                    None => supports.push(support),
                }
            }
        }
        if weights > 0.0 {
            supports.iter_mut().for_each(|support| support.share /= weights);
        }
        supports.sort_by(|one, other| other.share.total_cmp(&one.share).then(one.code.cmp(&other.code)));
    }
}

impl Grouped {
    /// The group of a row, and how many other rows it has.
    fn others(&self, table: &Table, row: usize, own: u32) -> Option<(&Group, u32)> {
        let group = self.groups.get(&key(table, &self.dependency.left, row)?)?;
        let others = group.total - u32::from(own != MISSING);
        (others > 0).then_some((group, others))
    }

    /// Weighs the dependency by how often it tells the values of labelled rows.
    fn weigh(&mut self, table: &Table, labelled: &[usize]) {
        let (mut told, mut asked) = (0.0, 0.0);
        for &row in labelled {
            let own = table.columns[self.dependency.right].code(row);
            let Some((group, _)) = self.others(table, row, own).filter(|_| own != MISSING) else {
                continue;
            };
            let best = group
                .values
                .iter()
                .map(|&(code, count)| (count - u32::from(code == own), code))
                .max_by_key(|&(count, code)| (count, std::cmp::Reverse(code)));
            asked += 1.0;
            told += f32::from(u8::from(best.is_some_and(|(count, code)| count > 0 && code == own)));
        }
        let accuracy = (told + PRIOR_ROWS * self.dependency.accuracy) / (asked + PRIOR_ROWS);
        self.weight = lift(accuracy, self.dependency.baseline.min(0.95)).max(0.02).powi(2);
    }
}
