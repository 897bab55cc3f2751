//! Figures of a graded set, with their intervals.

/// Counts of a decision for each pair.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) true_positives: f64,
    pub(crate) false_positives: f64,
    pub(crate) false_negatives: f64,
    pub(crate) right: f64,
    pub(crate) rows: f64,
}

impl Counts {
    pub(crate) fn of(pairs: impl Iterator<Item = (bool, bool)>) -> Self {
        let mut counts = Self::default();
        for (said, truth) in pairs {
            counts.rows += 1.0;
            counts.right += f64::from(said == truth);
            counts.true_positives += f64::from(said && truth);
            counts.false_positives += f64::from(said && !truth);
            counts.false_negatives += f64::from(!said && truth);
        }
        counts
    }

    pub(crate) fn f1(&self) -> f64 {
        let found = 2.0 * self.true_positives;
        if found == 0.0 {
            return 0.0;
        }
        found / (found + self.false_positives + self.false_negatives)
    }

    pub(crate) fn accuracy(&self) -> f64 {
        self.right / self.rows.max(1.0)
    }
}

/// The middle 95 % of a figure over a thousand resamples of the rows.
pub(crate) fn bootstrap(rows: &[(bool, bool)], figure: fn(&Counts) -> f64) -> (f64, f64) {
    let mut random = fastrand::Rng::with_seed(7);
    let mut figures: Vec<f64> = (0..1000)
        .map(|_| figure(&Counts::of((0..rows.len()).map(|_| rows[random.usize(..rows.len())]))))
        .collect();
    figures.sort_by(f64::total_cmp);
    (figures[25], figures[974])
}

/// The engine's area under the curve, not a number where all rows are of one side.
pub(crate) fn auroc(scored: &[(f32, bool)]) -> f64 {
    let scored: Vec<(f64, bool)> = scored.iter().map(|&(score, side)| (score.into(), side)).collect();
    refuel_engine::evaluate::auroc(&scored).unwrap_or(f64::NAN)
}
