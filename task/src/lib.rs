//! Tasks and answers: what is asked of a model, and what comes back. No model runs here.

pub mod answer;

pub use answer::{Answer, Scored, Source, Status};
