//! The engine on real models and real rows. Each test says so and passes where the model, the ONNX Runtime library or the
//! data is not there; `scripts/setup` puts the first two in place.

#![expect(clippy::print_stderr, reason = "a test that is skipped says so")]

mod answer_kind;
mod answerable;
mod answers;
mod catch_all;
mod cuda;
mod entries;
mod extract;
mod guesses;
mod heads;
mod home;
mod invariance;
mod limits;
mod quality;
mod tagger;
mod values;
