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

/// What share of the numbers is beyond the ends of what is usual on a side.
const TAIL: f32 = 0.1;
/// Numbers are spread evenly where the last tenth below is this many times as far as that above. It is 2.7 times where they
/// are perfectly so, 1.6 where they fall off exponentially, and 1 where their logarithms are spread normally.
const EVENLY: f32 = 2.0;
/// How many standard deviations from the mean these ends are where numbers are spread normally.
const TAIL_DEVIATIONS: f32 = 1.2816;

/// The spread of a column of numbers, by orders of magnitude: median of the logarithms, and for each side the larger of the
/// median absolute deviation and the distance of the last tenth, both as a standard deviation. Numbers that are spread evenly
/// have many small ones, by orders of magnitude far from the median, and none of them is out of place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spread {
    middle: f32,
    below: f32,
    above: f32,
    /// Whether numbers are spread as evenly as counts up to a limit are: then any small one is at home.
    evenly: bool,
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
        let middle = quantile(&mut numbers, rows, 0.5);
        let last =
            |share: f32, numbers: &mut [(f32, u32)]| (quantile(numbers, rows, share) - middle).abs() / TAIL_DEVIATIONS;
        let (below, above) = (last(TAIL, &mut numbers), last(1.0 - TAIL, &mut numbers));
        for (magnitude, _) in &mut numbers {
            *magnitude = (*magnitude - middle).abs();
        }
        let deviation = (quantile(&mut numbers, rows, 0.5) * 1.4826).max(0.05);
        Some(Self {
            middle,
            evenly: below > EVENLY * above,
            below: below.max(deviation),
            above: above.max(deviation),
        })
    }

    /// How far a text is from the middle, in units of the spread; none where it is no number.
    pub(crate) fn distance(&self, text: &str) -> Option<f32> {
        Some(self.of_magnitude(magnitude(text)?))
    }

    fn of_magnitude(&self, magnitude: f32) -> f32 {
        let from_middle = magnitude - self.middle;
        if from_middle < 0.0 {
            let distance = -from_middle / self.below;
            if self.evenly { distance.min(NEAR) } else { distance }
        } else {
            from_middle / self.above
        }
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
        let distance = |number: f64| self.of_magnitude(number.abs().log10() as f32);
        scaled
            .filter(|&number| distance(number) < NEAR)
            .min_by(|&one, &other| distance(one).total_cmp(&distance(other)))
            .map(|number| number.to_string())
    }
}

/// The weighted number that this share of the others is below.
fn quantile(numbers: &mut [(f32, u32)], rows: u32, share: f32) -> f32 {
    numbers.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut seen = 0;
    for &(number, count) in numbers.iter() {
        seen += count;
        if seen as f32 >= share * rows as f32 {
            return number;
        }
    }
    0.0
}
