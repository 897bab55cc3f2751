//! How many inputs go to a model together.

/// The first window: enough for a full batch, few enough that a slow model is soon done and its speed known.
const FIRST: usize = 32;

/// The largest: enough for rows of like length to be batched together.
pub(crate) const LARGEST: usize = 2048;

/// Seconds of work in a window, about: what a crash loses.
const SECONDS: f64 = 3.0;

/// The size of the next window, by the speed of the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WindowSize(usize);

impl Default for WindowSize {
    fn default() -> Self {
        Self(FIRST)
    }
}

impl WindowSize {
    /// Inputs.
    pub(crate) fn inputs(self) -> usize {
        self.0
    }

    /// The next size, after `inputs` were answered in `seconds`. It grows eightfold at most, since the first windows are
    /// timed with the model's start in them or with answers that were kept.
    #[must_use]
    pub(crate) fn after(self, inputs: usize, seconds: f64) -> Self {
        let speed = inputs as f64 / seconds.max(1e-6);
        let wanted = (speed * SECONDS).min(LARGEST as f64) as usize;
        Self(wanted.clamp(FIRST, (self.0 * 8).min(LARGEST)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_grow_to_three_seconds_of_work_and_no_further() {
        let first = WindowSize::default();
        assert_eq!(first.inputs(), FIRST);
        let second = first.after(FIRST, 0.1);
        assert_eq!(second.inputs(), 256, "eightfold at most");
        assert_eq!(second.after(256, 1.0).inputs(), 768);
        assert_eq!(second.after(256, 0.001).inputs(), LARGEST);
        assert_eq!(second.after(256, 1000.0).inputs(), FIRST, "a slow model loses little");
    }
}
