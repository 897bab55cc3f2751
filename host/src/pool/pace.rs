//! How much of a lane is run at once, learned from its runs. Pure: no clock, no model.

use super::queue::Limits;

/// Work that a run should take, in seconds: what who comes has to wait at most, about.
const RUN_SECONDS: f64 = 0.4;
/// The least and the most rows of a run.
const RUN_ROWS: (usize, usize) = (16, 512);
/// The most bytes of inputs of a run.
const RUN_BYTES: u64 = 32 << 20;
/// What the rows of a run may cost before the speed is known.
const FIRST_COST: u64 = 64 << 10;

/// Speed and batches of a lane.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pace {
    /// Cost of rows a second; none before the first run.
    speed: Option<f64>,
    /// What the rows of a full batch cost together; none before a run of several.
    batch: Option<f64>,
}

impl Pace {
    /// How much is run at once: as many full batches as take the time that a run should, because one that is not full
    /// takes nearly as long. Before the speed is known, few rows.
    pub(super) fn limits(&self) -> Limits {
        let (least_rows, rows) = RUN_ROWS;
        let limits = |least_rows, cost| Limits {
            rows,
            least_rows,
            cost,
            bytes: RUN_BYTES,
        };
        match (self.speed, self.batch) {
            (None, _) => Limits {
                rows: least_rows,
                ..limits(least_rows, FIRST_COST)
            },
            (Some(speed), None) => limits(least_rows, (speed * RUN_SECONDS) as u64),
            (Some(speed), Some(batch)) => {
                let batches = (speed * RUN_SECONDS / batch).round().max(1.0);
                limits(1, (batches * batch).round() as u64)
            }
        }
    }

    /// Learns from a run: what its rows cost, the rows of each batch in the order in which they ran, longest rows first,
    /// and how long it took. Short runs say little of the speed: they are mostly the fixed part of it.
    pub(super) fn learn(&mut self, mut costs: Vec<u64>, batches: &[usize], seconds: f64) {
        let measured = costs.iter().sum::<u64>() as f64 / seconds.max(1e-6);
        self.speed = Some(match self.speed {
            None => measured,
            Some(before) if costs.len() < RUN_ROWS.0 => before.max(measured),
            Some(before) => f64::midpoint(before, measured),
        });
        // The last one is what was left.
        let Some((_, full @ [_, ..])) = batches.split_last() else {
            return;
        };
        costs.sort_unstable_by(|left, right| right.cmp(left));
        let rows: usize = full.iter().sum();
        let cost: u64 = costs.iter().take(rows).sum();
        let measured = cost as f64 / full.len() as f64;
        if measured > 0.0 {
            self.batch = Some(measured);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn few_rows_run_before_the_speed_is_known() {
        let limits = Pace::default().limits();
        assert_eq!((limits.rows, limits.least_rows, limits.cost), (16, 16, FIRST_COST));
    }

    #[test]
    fn a_run_that_was_one_batch_says_nothing_of_full_ones() {
        let mut pace = Pace::default();
        pace.learn(vec![100; 16], &[16], 0.16);
        assert_eq!(pace.batch, None);
        assert_eq!((pace.limits().cost, pace.limits().least_rows), (4000, 16));
    }

    proptest! {
        /// Whatever the speed, a run of rows of one length is full batches, and takes about the time that it should.
        #[test]
        fn runs_of_rows_that_are_alike_are_full_batches(
            cost in 64_u64..4000, batch in 1_usize..64, rest in 1_usize..64, rows_a_second in 1.0_f64..2000.0,
        ) {
            let mut pace = Pace::default();
            let batches = [batch, batch, rest.min(batch)];
            let rows: usize = batches.iter().sum();
            pace.learn(vec![cost; rows], &batches, rows as f64 / rows_a_second);
            let limits = pace.limits();
            prop_assert_eq!(limits.cost % (cost * batch as u64), 0);
            let (fits, wanted) = ((limits.cost / cost) as f64, rows_a_second * RUN_SECONDS);
            prop_assert!(fits <= (wanted * 1.5).max(batch as f64) + 1e-6, "{fits} rows where {wanted} are wanted");
            prop_assert!(fits >= wanted * 0.5 - 1e-6);
        }
    }
}
