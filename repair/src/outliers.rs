//! Numbers that are far from the other numbers of their column.

use crate::table::Column;

/// A column is one of numbers where this share of its values are.
const NUMERIC: f32 = 0.8;
/// Distances from the median, in units of the spread, beyond which a number is an outlier.
const FAR: f32 = 6.0;
/// And within which it is at home.
const NEAR: f32 = 2.5;
/// Distinct numbers that a spread needs.
const LEAST_DISTINCT: usize = 10;

/// The spread of a column of numbers, by orders of magnitude: median and median absolute deviation of the logarithms, as
/// the mean and its deviation follow what they should find.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spread {
    middle: f32,
    deviation: f32,
}

fn magnitude(text: &str) -> Option<f32> {
    let number: f64 = text.trim().parse().ok()?;
    (number != 0.0 && number.is_finite()).then(|| number.abs().log10() as f32)
}

impl Spread {
    /// The spread of a column; none where it is not one of numbers, or of too few.
    pub(crate) fn of(column: &Column) -> Option<Self> {
        let mut numbers: Vec<(f32, u32)> = Vec::new();
        for code in column.present_codes() {
            numbers.extend(magnitude(column.text(code)).map(|magnitude| (magnitude, column.count(code))));
        }
        let rows: u32 = numbers.iter().map(|&(_, count)| count).sum();
        if numbers.len() < LEAST_DISTINCT || (rows as f32) < NUMERIC * column.present() as f32 {
            return None;
        }
        let middle = median(&mut numbers, rows);
        for (magnitude, _) in &mut numbers {
            *magnitude = (*magnitude - middle).abs();
        }
        let deviation = median(&mut numbers, rows) * 1.4826;
        Some(Self {
            middle,
            deviation: deviation.max(0.05),
        })
    }

    /// How far a text is from the middle, in units of the spread; none where it is no number.
    pub(crate) fn distance(&self, text: &str) -> Option<f32> {
        Some((magnitude(text)? - self.middle).abs() / self.deviation)
    }

    /// Whether a text is a number that is far from the others.
    pub(crate) fn is_far(&self, text: &str) -> bool {
        self.distance(text).is_some_and(|distance| distance > FAR)
    }

    /// The number that a far one is when its decimal point is put where the others have it.
    pub(crate) fn scaled(&self, text: &str) -> Option<String> {
        if !self.is_far(text) {
            return None;
        }
        let number: f64 = text.trim().parse().ok()?;
        let scaled = [-1, 1, -2, 2, -3, 3].into_iter().map(|power: i32| {
            // Division by a whole power of ten rounds once; a product with 0.01 would round twice.
            let factor = 10_f64.powi(power.abs());
            if power < 0 { number / factor } else { number * factor }
        });
        let distance = |number: f64| (number.abs().log10() as f32 - self.middle).abs() / self.deviation;
        scaled
            .filter(|&number| distance(number) < NEAR)
            .min_by(|&one, &other| distance(one).total_cmp(&distance(other)))
            .map(|number| number.to_string())
    }
}

/// The weighted median.
fn median(numbers: &mut [(f32, u32)], rows: u32) -> f32 {
    numbers.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut seen = 0;
    for &(number, count) in numbers.iter() {
        seen += count;
        if seen * 2 >= rows {
            return number;
        }
    }
    0.0
}
