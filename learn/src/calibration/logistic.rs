//! Logistic regression of a few columns in double precision, drawn weakly to given weights.

/// Weights of `N` columns, by Newton's method. `penalty` is the factor of half the squared distance to `centre`, beside
/// the sum of the rows' cross-entropies. Targets are probabilities.
pub(super) fn fit<const N: usize>(rows: &[([f64; N], f64)], centre: [f64; N], penalty: f64) -> [f64; N] {
    let rows: Vec<([f64; N], f64, f64)> = rows.iter().map(|(row, target)| (*row, *target, 1.0)).collect();
    fit_weighted(&rows, centre, penalty)
}

/// The same for rows that count differently: each has its columns, its target and its weight.
pub(crate) fn fit_weighted<const N: usize>(rows: &[([f64; N], f64, f64)], centre: [f64; N], penalty: f64) -> [f64; N] {
    let mut weights = centre;
    let mut loss = loss_of(rows, &weights, &centre, penalty);
    for _ in 0..100 {
        let mut gradient = [0.0; N];
        let mut hessian = [[0.0; N]; N];
        for (row, target, weight) in rows {
            let share = sigmoid(product(row, &weights));
            for at in 0..N {
                gradient[at] += weight * (share - target) * row[at];
                for other in 0..N {
                    hessian[at][other] += weight * share * (1.0 - share) * row[at] * row[other];
                }
            }
        }
        for at in 0..N {
            gradient[at] += penalty * (weights[at] - centre[at]);
            hessian[at][at] += penalty;
        }
        let direction = solve(hessian, gradient);
        // A whole step can go too far where probabilities are near 0 or 1.
        let mut step = 1.0;
        let before = loss;
        for _ in 0..30 {
            let mut next = weights;
            (0..N).for_each(|at| next[at] -= step * direction[at]);
            let reached = loss_of(rows, &next, &centre, penalty);
            if reached <= loss {
                (weights, loss) = (next, reached);
                break;
            }
            step /= 2.0;
        }
        if before - loss < 1e-10 * before.abs().max(1.0) {
            break;
        }
    }
    weights
}

fn product<const N: usize>(row: &[f64; N], weights: &[f64; N]) -> f64 {
    row.iter().zip(weights).map(|(value, weight)| value * weight).sum()
}

/// `1 / (1 + e^-x)`.
pub(super) fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn loss_of<const N: usize>(rows: &[([f64; N], f64, f64)], weights: &[f64; N], centre: &[f64; N], penalty: f64) -> f64 {
    let losses = rows.iter().map(|(row, target, weight)| {
        let logit = product(row, weights);
        weight * (logit.max(0.0) + (-logit.abs()).exp().ln_1p() - target * logit)
    });
    let distance: f64 = weights
        .iter()
        .zip(centre)
        .map(|(weight, centre)| (weight - centre).powi(2))
        .sum();
    losses.sum::<f64>() + 0.5 * penalty * distance
}

/// Solves a positive definite system by elimination.
fn solve<const N: usize>(mut matrix: [[f64; N]; N], mut right: [f64; N]) -> [f64; N] {
    for at in 0..N {
        let pivot = matrix[at];
        for below in at + 1..N {
            let factor = matrix[below][at] / pivot[at];
            for (value, of_pivot) in matrix[below].iter_mut().zip(pivot) {
                *value -= factor * of_pivot;
            }
            right[below] -= factor * right[at];
        }
    }
    for at in (0..N).rev() {
        for column in at + 1..N {
            right[at] -= matrix[at][column] * right[column];
        }
        right[at] /= matrix[at][at];
    }
    right
}
