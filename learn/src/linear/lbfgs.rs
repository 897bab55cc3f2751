//! Limited-memory BFGS (Liu and Nocedal 1989, "On the limited memory BFGS method for large scale optimization").
//!
//! Written here because value and gradient come out of one pass over the examples, in single precision: libraries ask for
//! them one by one, and give up where rounding keeps their line search from its conditions. Here that ends the search at
//! the best point found.

use super::vectors::{add, dot, shifted};

/// Steps whose curvature is remembered.
const MEMORY: usize = 10;
/// Share of the expected decrease that a step must bring (Armijo's condition).
const ENOUGH: f64 = 1e-4;
/// Share of the slope that may be left (the weak Wolfe condition).
const FLAT: f64 = 0.9;
/// Most evaluations in one line search.
const MOST_TRIES: usize = 20;

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

/// A step that was gone: by how much, how the gradient changed, the product of the two, and of the change with itself.
struct Step {
    moved: Vec<f32>,
    turned: Vec<f32>,
    curvature: f64,
    square: f64,
}

impl Step {
    fn new(size: usize) -> Self {
        Self {
            moved: vec![0.0; size],
            turned: vec![0.0; size],
            curvature: 0.0,
            square: 0.0,
        }
    }
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
    let mut direction = vec![0.0; here.point.len()];
    let mut steps: Vec<Step> = Vec::with_capacity(MEMORY);
    for _ in 0..limits.steps {
        if here.gradient.iter().all(|slope| slope.abs() <= limits.gradient) {
            break;
        }
        newton_direction(&mut direction, &here.gradient, &steps);
        if dot(&direction, &here.gradient) >= 0.0 {
            steps.clear();
            newton_direction(&mut direction, &here.gradient, &steps);
        }
        let first = if steps.is_empty() {
            (1.0 / dot(&direction, &direction).sqrt()).min(1.0)
        } else {
            1.0
        };
        if !search(&here, &direction, first, &mut next, &mut evaluate) {
            break;
        }
        // The room of the oldest step is taken again.
        let mut step = if steps.len() < MEMORY {
            Step::new(here.point.len())
        } else {
            steps.remove(0)
        };
        shifted(&mut step.moved, &next.point, -1.0, &here.point);
        shifted(&mut step.turned, &next.gradient, -1.0, &here.gradient);
        step.curvature = dot(&step.moved, &step.turned);
        step.square = dot(&step.turned, &step.turned);
        if step.curvature > 1e-10 * step.square {
            steps.push(step);
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
        shifted(&mut next.point, &here.point, step as f32, direction);
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

/// Writes the direction of Newton's method with the curvature that the steps showed: the recursion of two loops (Nocedal
/// 1980, "Updating quasi-Newton matrices with limited storage").
fn newton_direction(direction: &mut [f32], gradient: &[f32], steps: &[Step]) {
    direction
        .iter_mut()
        .zip(gradient)
        .for_each(|(along, slope)| *along = -slope);
    let mut shares = [0.0; MEMORY];
    for (step, share) in steps.iter().zip(&mut shares).rev() {
        *share = dot(&step.moved, direction) / step.curvature;
        add(direction, -*share as f32, &step.turned);
    }
    if let Some(last) = steps.last() {
        let scale = (last.curvature / last.square) as f32;
        direction.iter_mut().for_each(|along| *along *= scale);
    }
    for (step, share) in steps.iter().zip(shares) {
        let back = dot(&step.turned, direction) / step.curvature;
        add(direction, (share - back) as f32, &step.moved);
    }
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
