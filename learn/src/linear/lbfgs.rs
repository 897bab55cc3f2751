//! Limited-memory BFGS (Liu and Nocedal 1989, "On the limited memory BFGS method for large scale optimization").
//!
//! Written here because value and gradient come out of one pass over the examples, in single precision: libraries ask for
//! them one by one, and give up where rounding keeps their line search from its conditions. Here that ends the search at
//! the best point found.

use rayon::prelude::*;

/// Steps whose curvature is remembered.
const MEMORY: usize = 10;
/// Share of the expected decrease that a step must bring (Armijo's condition).
const ENOUGH: f64 = 1e-4;
/// Share of the slope that may be left (the weak Wolfe condition).
const FLAT: f64 = 0.9;
/// Most evaluations in one line search.
const MOST_TRIES: usize = 20;
/// Numbers that one thread sums. Fixed, so that sums don't depend on how many threads there are.
const CHUNK: usize = 1 << 15;

/// Where to stop.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Most steps.
    pub(crate) steps: usize,
    /// Largest entry of a gradient that counts as zero.
    pub(crate) gradient: f32,
    /// Relative decrease of the value in one step that counts as none.
    pub(crate) decrease: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            steps: 300,
            gradient: 1e-5,
            decrease: 1e-6,
        }
    }
}

/// Where a search is: a point, the value there, and its gradient.
struct Place {
    point: Vec<f32>,
    gradient: Vec<f32>,
    value: f64,
}

/// A step that was gone: by how much, how the gradient changed, and the product of the two.
struct Step {
    moved: Vec<f32>,
    turned: Vec<f32>,
    curvature: f64,
}

/// Goes from `start` to a minimum of a function that gives its value and writes its gradient.
pub(crate) fn minimize(
    start: Vec<f32>,
    limits: &Limits,
    mut evaluate: impl FnMut(&[f32], &mut [f32]) -> f64,
) -> Vec<f32> {
    let mut gradient = vec![0.0; start.len()];
    let value = evaluate(&start, &mut gradient);
    let mut next = Place {
        point: start.clone(),
        gradient: gradient.clone(),
        value,
    };
    let mut here = Place {
        point: start,
        gradient,
        value,
    };
    let mut steps: Vec<Step> = Vec::new();
    for _ in 0..limits.steps {
        if here.gradient.iter().all(|slope| slope.abs() <= limits.gradient) {
            break;
        }
        let mut direction = newton_direction(&here.gradient, &steps);
        if dot(&direction, &here.gradient) >= 0.0 {
            steps.clear();
            direction = here.gradient.iter().map(|slope| -slope).collect();
        }
        let first = if steps.is_empty() {
            (1.0 / dot(&direction, &direction).sqrt()).min(1.0)
        } else {
            1.0
        };
        if !search(&here, &direction, first, &mut next, &mut evaluate) {
            break;
        }
        let moved: Vec<f32> = difference(&next.point, &here.point);
        let turned: Vec<f32> = difference(&next.gradient, &here.gradient);
        let curvature = dot(&moved, &turned);
        if curvature > 1e-10 * dot(&turned, &turned) {
            if steps.len() == MEMORY {
                steps.remove(0);
            }
            steps.push(Step {
                moved,
                turned,
                curvature,
            });
        }
        let gained = here.value - next.value;
        std::mem::swap(&mut here, &mut next);
        if gained < limits.decrease * here.value.abs().max(1e-3) {
            break;
        }
    }
    here.point
}

/// Writes the end of a step into `next`; false where no step decreases the value. Halves and doubles between a step that
/// is too short and one that is too long (Lewis and Overton 2013, "Nonsmooth optimization via quasi-Newton methods",
/// section 4.1).
fn search(
    here: &Place,
    direction: &[f32],
    first: f64,
    next: &mut Place,
    evaluate: &mut impl FnMut(&[f32], &mut [f32]) -> f64,
) -> bool {
    let slope = dot(direction, &here.gradient);
    let mut go = |step: f64, next: &mut Place| {
        for ((to, from), along) in next.point.iter_mut().zip(&here.point).zip(direction) {
            *to = from + (step * f64::from(*along)) as f32;
        }
        next.value = evaluate(&next.point, &mut next.gradient);
    };
    let (mut short, mut long) = (0.0, f64::INFINITY);
    let mut step = first;
    for _ in 0..MOST_TRIES {
        go(step, next);
        if next.value.is_finite() && next.value <= here.value + ENOUGH * step * slope {
            if dot(direction, &next.gradient) >= FLAT * slope {
                return true;
            }
            short = step;
        } else {
            long = step;
        }
        step = if long.is_finite() {
            f64::midpoint(short, long)
        } else {
            2.0 * step
        };
    }
    if short > 0.0 {
        go(short, next);
    }
    short > 0.0
}

/// The direction of Newton's method with the curvature that the steps showed: the recursion of two loops (Nocedal 1980,
/// "Updating quasi-Newton matrices with limited storage").
fn newton_direction(gradient: &[f32], steps: &[Step]) -> Vec<f32> {
    let mut direction: Vec<f32> = gradient.iter().map(|slope| -slope).collect();
    let mut shares = Vec::with_capacity(steps.len());
    for step in steps.iter().rev() {
        let share = dot(&step.moved, &direction) / step.curvature;
        add(&mut direction, -share, &step.turned);
        shares.push(share);
    }
    if let Some(last) = steps.last() {
        let scale = (last.curvature / dot(&last.turned, &last.turned)) as f32;
        direction.iter_mut().for_each(|along| *along *= scale);
    }
    for (step, share) in steps.iter().zip(shares.into_iter().rev()) {
        let back = dot(&step.turned, &direction) / step.curvature;
        add(&mut direction, share - back, &step.moved);
    }
    direction
}

fn difference(left: &[f32], right: &[f32]) -> Vec<f32> {
    left.iter().zip(right).map(|(left, right)| left - right).collect()
}

fn add(to: &mut [f32], times: f64, what: &[f32]) {
    let times = times as f32;
    to.iter_mut().zip(what).for_each(|(to, what)| *to += times * what);
}

fn dot(left: &[f32], right: &[f32]) -> f64 {
    let sum = |(left, right): (&[f32], &[f32])| {
        left.iter()
            .zip(right)
            .map(|(left, right)| f64::from(*left) * f64::from(*right))
            .sum::<f64>()
    };
    let sums: Vec<f64> = left.par_chunks(CHUNK).zip(right.par_chunks(CHUNK)).map(sum).collect();
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rosenbrock 1960: a valley that bends, with its minimum at (1, 1).
    #[test]
    fn the_end_of_a_bent_valley_is_found() {
        let limits = Limits {
            decrease: 0.0,
            ..Limits::default()
        };
        let end = minimize(vec![-1.2, 1.0], &limits, |at, slope| {
            let (x, y) = (f64::from(at[0]), f64::from(at[1]));
            slope[0] = (-400.0 * x * (y - x * x) - 2.0 * (1.0 - x)) as f32;
            slope[1] = (200.0 * (y - x * x)) as f32;
            100.0 * (y - x * x).powi(2) + (1.0 - x).powi(2)
        });
        assert!((end[0] - 1.0).abs() < 1e-2 && (end[1] - 1.0).abs() < 1e-2, "{end:?}");
    }

    #[test]
    fn a_function_that_is_nowhere_a_number_leaves_the_start() {
        let end = minimize(vec![3.0], &Limits::default(), |_, slope| {
            slope[0] = 1.0;
            f64::NAN
        });
        assert_eq!(end, [3.0]);
    }
}
