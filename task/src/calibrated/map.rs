//! Functions from a model's confidence to the share of answers that are right.

use serde::{Deserialize, Serialize};

/// How near to 0 and 1 a confidence may come before its logarithm is taken.
const MARGIN: f32 = 1e-6;

/// A rising function from a model's own confidence to confidence, both in `[0, 1]`: a calibration map.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case")]
pub enum CalibrationMap {
    /// The model's own confidence.
    #[default]
    None,
    /// The logit over a temperature (Guo et al. 2017, "On calibration of modern neural networks", section 4, seen for
    /// the answer against all others).
    Temperature {
        /// The temperature.
        temperature: f64,
    },
    /// A straight line on the logit (Platt 1999, "Probabilistic outputs for support vector machines").
    Platt {
        /// What the logit is multiplied by.
        slope: f64,
        /// What is added.
        intercept: f64,
    },
    /// `sigmoid(a ln p - b ln(1 - p) + c)` (Kull, Silva Filho and Flach 2017, "Beta calibration").
    Beta {
        /// Of `ln p`.
        a: f64,
        /// Of `-ln(1 - p)`.
        b: f64,
        /// What is added.
        c: f64,
    },
    /// Any function that never falls (Zadrozny and Elkan 2002, "Transforming classifier scores into accurate multiclass
    /// probability estimates").
    Isotonic {
        /// Corners, by the model's confidence; between them the function is straight.
        corners: Vec<(f32, f32)>,
    },
}

impl CalibrationMap {
    /// Names of the methods, from the simplest.
    pub const METHODS: [&'static str; 5] = ["none", "temperature", "platt", "beta", "isotonic"];

    /// The name of the method.
    pub fn method(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Temperature { .. } => "temperature",
            Self::Platt { .. } => "platt",
            Self::Beta { .. } => "beta",
            Self::Isotonic { .. } => "isotonic",
        }
    }

    /// The confidence for a model's own one. What is not a number stays so.
    pub fn apply(&self, raw: f32) -> f32 {
        if raw.is_nan() {
            return raw;
        }
        match self {
            Self::None => raw,
            Self::Temperature { temperature } => sigmoid(logit(raw) / temperature) as f32,
            Self::Platt { slope, intercept } => sigmoid(slope * logit(raw) + intercept) as f32,
            Self::Beta { a, b, c } => {
                let raw = within(raw);
                sigmoid(a * raw.ln() - b * (1.0 - raw).ln() + c) as f32
            }
            Self::Isotonic { corners } => between(corners, raw),
        }
    }

    /// The same with numbers of six digits, which a person can read and which are written and read back alike.
    #[must_use]
    pub fn rounded(self) -> Self {
        match self {
            Self::None => Self::None,
            Self::Temperature { temperature } => Self::Temperature {
                temperature: six_digits(temperature),
            },
            Self::Platt { slope, intercept } => Self::Platt {
                slope: six_digits(slope),
                intercept: six_digits(intercept),
            },
            Self::Beta { a, b, c } => Self::Beta {
                a: six_digits(a),
                b: six_digits(b),
                c: six_digits(c),
            },
            Self::Isotonic { corners } => {
                let round = |number: f32| six_digits(f64::from(number)) as f32;
                let mut corners: Vec<(f32, f32)> = corners
                    .into_iter()
                    .map(|(own, becomes)| (round(own), round(becomes)))
                    .collect();
                corners.dedup_by(|next, kept| {
                    let is_same = next.0 <= kept.0;
                    if is_same {
                        kept.1 = kept.1.max(next.1);
                    }
                    is_same
                });
                Self::Isotonic { corners }
            }
        }
    }

    /// The least of a model's own confidences that becomes `confidence` or more. None where none in `[0, 1]` does.
    pub fn least(&self, confidence: f32) -> Option<f32> {
        let reaches = |bits: u32| self.apply(f32::from_bits(bits)) >= confidence;
        // Numbers that are not negative are in the order of their bits.
        let (mut below, mut reached) = (0.0f32.to_bits(), 1.0f32.to_bits());
        if !reaches(reached) {
            return None;
        }
        if reaches(below) {
            return Some(0.0);
        }
        while reached - below > 1 {
            let middle = below + (reached - below) / 2;
            if reaches(middle) {
                reached = middle;
            } else {
                below = middle;
            }
        }
        Some(f32::from_bits(reached))
    }
}

/// The number with six digits that count.
fn six_digits(number: f64) -> f64 {
    format!("{number:.5e}").parse().unwrap_or(number)
}

/// `1 / (1 + e^-x)`.
fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// Away from 0 and 1.
fn within(raw: f32) -> f64 {
    f64::from(raw.clamp(MARGIN, 1.0 - MARGIN))
}

fn logit(raw: f32) -> f64 {
    let raw = within(raw);
    (raw / (1.0 - raw)).ln()
}

/// The function of these corners. It is level before the first and behind the last.
fn between(corners: &[(f32, f32)], raw: f32) -> f32 {
    let after = corners.partition_point(|corner| corner.0 < raw);
    match (after.checked_sub(1).map(|before| corners[before]), corners.get(after)) {
        (Some(before), Some(after)) => {
            let share = (raw - before.0) / (after.0 - before.0);
            before.1 + share * (after.1 - before.1)
        }
        (Some(last), None) => last.1,
        (None, Some(first)) => first.1,
        (None, None) => raw,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn maps() -> Vec<CalibrationMap> {
        vec![
            CalibrationMap::None,
            CalibrationMap::Temperature { temperature: 2.5 },
            CalibrationMap::Platt {
                slope: 0.4,
                intercept: -0.3,
            },
            CalibrationMap::Beta { a: 0.6, b: 0.0, c: 0.2 },
            CalibrationMap::Isotonic {
                corners: vec![(0.2, 0.1), (0.5, 0.1), (0.9, 0.8)],
            },
        ]
    }

    #[test]
    fn each_map_is_the_formula_of_its_source() {
        let near = |map: CalibrationMap, raw: f32, expected: f32| {
            let confidence = map.apply(raw);
            assert!((confidence - expected).abs() < 1e-6, "{map:?}: {confidence}");
        };
        near(CalibrationMap::None, 0.7, 0.7);
        // The logit of 0.9 is ln 9; half of it is that of 0.75.
        near(CalibrationMap::Temperature { temperature: 2.0 }, 0.9, 0.75);
        near(
            CalibrationMap::Platt {
                slope: 0.5,
                intercept: 0.0,
            },
            0.9,
            0.75,
        );
        // With a = b = 1 and c = 0 it is the identity.
        near(CalibrationMap::Beta { a: 1.0, b: 1.0, c: 0.0 }, 0.37, 0.37);
        let corners = vec![(0.2, 0.1), (0.6, 0.5)];
        near(
            CalibrationMap::Isotonic {
                corners: corners.clone(),
            },
            0.4,
            0.3,
        );
        near(
            CalibrationMap::Isotonic {
                corners: corners.clone(),
            },
            0.0,
            0.1,
        );
        near(CalibrationMap::Isotonic { corners }, 1.0, 0.5);
    }

    #[test]
    fn names_are_those_that_files_have() {
        for map in maps() {
            let written = serde_json::to_value(&map).unwrap();
            assert_eq!(written["method"], map.method());
            assert!(CalibrationMap::METHODS.contains(&map.method()));
        }
    }

    #[test]
    fn rounding_keeps_corners_rising() {
        let corners = vec![(0.123_456_78, 0.2), (0.123_456_84, 0.3), (0.9, 1.0)];
        let rounded = CalibrationMap::Isotonic { corners }.rounded();
        let expected = vec![(0.123_457, 0.3), (0.9, 1.0)];
        assert_eq!(rounded, CalibrationMap::Isotonic { corners: expected });
        let platt = CalibrationMap::Platt {
            slope: 0.412_345_678,
            intercept: -12.345_678_9,
        };
        let expected = CalibrationMap::Platt {
            slope: 0.412_346,
            intercept: -12.345_7,
        };
        assert_eq!(platt.rounded(), expected);
    }

    proptest! {
        /// What is compared with a threshold behind a map, and before it with the least that reaches it, is the same.
        #[test]
        fn a_threshold_can_be_taken_through_a_map(raw in 0.0f32..=1.0, threshold in 0.0f32..=1.0) {
            for map in maps() {
                let passes = map.apply(raw) >= threshold;
                prop_assert_eq!(map.least(threshold).is_some_and(|least| raw >= least), passes, "{:?}", map);
            }
        }
    }
}
