//! One to one: each record of a table has at most one match in the other.

use pathfinding::matrix::Matrix;
use pathfinding::prelude::kuhn_munkres;

use super::agglomerate;
use super::weights::Weights;

/// Up to so many records on the smaller side the best assignment as a whole is found, in cubic time; above, pairs are taken
/// from the best one down.
const EXACT_LIMIT: usize = 400;
/// Weights are whole numbers for the assignment: log-odds in these parts.
const PARTS: f32 = 1e6;

/// Groups of one or two records, from two tables; of more tables, groups with at most one record of each.
pub(super) fn one_to_one(weights: &mut Weights<'_>) -> Vec<Vec<u32>> {
    let count = weights.len() as u32;
    let source = |weights: &Weights<'_>, node: u32| weights.sources().of(weights.record(node));
    let mut tables: Vec<u32> = (0..count).map(|node| source(weights, node)).collect();
    tables.sort_unstable();
    tables.dedup();
    let [first, _] = tables[..] else {
        return agglomerate::agglomerate(weights);
    };
    let (left, right): (Vec<u32>, Vec<u32>) = (0..count).partition(|node| source(weights, *node) == first);
    let mut pairs: Vec<(u32, u32, f32)> = weights.pairs();
    pairs.iter_mut().for_each(|pair| pair.2 = weights.log_odds(pair.2));
    pairs.retain(|pair| pair.2 > 0.0);
    let matched = if left.len().min(right.len()) <= EXACT_LIMIT && left.len().max(right.len()) <= 4 * EXACT_LIMIT {
        best_as_a_whole(&left, &right, &pairs)
    } else {
        from_the_best_down(count as usize, pairs)
    };
    let mut alone = vec![true; count as usize];
    matched.iter().flatten().for_each(|node| alone[*node as usize] = false);
    let mut groups = matched;
    groups.extend((0..count).filter(|node| alone[*node as usize]).map(|node| vec![node]));
    groups
}

fn best_as_a_whole(left: &[u32], right: &[u32], pairs: &[(u32, u32, f32)]) -> Vec<Vec<u32>> {
    let (rows, columns) = if left.len() <= right.len() {
        (left, right)
    } else {
        (right, left)
    };
    let mut gains = Matrix::new(rows.len(), columns.len(), 0i64);
    for (a, b, weight) in pairs {
        let place = |side: &[u32]| side.iter().position(|node| node == a || node == b);
        if let (Some(row), Some(column)) = (place(rows), place(columns)) {
            gains[(row, column)] = (weight * PARTS) as i64;
        }
    }
    let (_, assigned) = kuhn_munkres(&gains);
    assigned
        .into_iter()
        .enumerate()
        .filter(|(row, column)| gains[(*row, *column)] > 0)
        .map(|(row, column)| vec![rows[row], columns[column]])
        .collect()
}

fn from_the_best_down(count: usize, mut pairs: Vec<(u32, u32, f32)>) -> Vec<Vec<u32>> {
    pairs.sort_by(|a, b| b.2.total_cmp(&a.2).then((a.0, a.1).cmp(&(b.0, b.1))));
    let mut taken = vec![false; count];
    let mut matched = Vec::new();
    for (a, b, _) in pairs {
        if !taken[a as usize] && !taken[b as usize] {
            taken[a as usize] = true;
            taken[b as usize] = true;
            matched.push(vec![a, b]);
        }
    }
    matched
}
