//! Raw values made canonical.

mod moment;
mod text;

pub use moment::{Expression, Kind, Reading};

/// Expressions of time.
pub fn moments(text: &str, reference: jiff::civil::DateTime, day_first: bool) -> Vec<Expression> {
    moment::find(text, &moment::Context { reference, day_first })
}
