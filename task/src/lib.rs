//! Tasks and answers: what is asked of a model, and what comes back. No model runs here.
//!
//! A [`Task`] is read from a file, checked, and turned into a [`Plan`]: the part of the prompt that every row shares, the
//! part that a row adds, and the texts that can be answered. Nothing here knows tokens; the engine tokenizes
//! [`Segment`]s and scores [`Choice`]s.

pub mod answer;
mod calibrated;
mod error;
mod examples;
mod fingerprint;
mod gate;
mod input;
mod kinds;
mod parse;
mod prompt;
mod schema;
mod shape;
mod strategy;
mod tables;
mod task;
mod values;
pub mod yaml;

pub use answer::{Answer, Scored, Source, Status};
pub use calibrated::{Calibrated, CalibrationMap, ChosenThreshold, KEPT_DIGITS, Mismatch, field_of, identity_of};
pub use error::{Place, TaskError, nearest};
pub use examples::{
    EMBEDDING_MODEL, Example, ExampleSet, MOST_SHOWN, SHOWN_UNLESS_TOLD, Selection, diverse, fixed, similar,
};
pub use gate::Gate;
pub use input::{InputHash, InputSpec, InputTemplate, Part, Record, RenderedInput};
pub use kinds::Kind;
pub use prompt::{
    CONTENT_FREE, ChatTemplate, Choice, LAYOUT_VERSION, Message, NO_ANSWER, NO_ENTRY, NO_VALUE, Plan, Role, Segment,
};
pub use schema::schema;
pub use shape::{DEEPEST_SHAPE, Field, Format, MOST_CHOICES, MOST_FIELDS, Shape, TextShape, spaced};
pub use strategy::{Condition, LabelRule, Strategy};
pub use tables::{
    BlockingRule, CanonicalRule, ColumnRole, ComparedColumn, KeyPart, LabelledPair, LinkMode, MOST_SOLVED, PairSide,
    RepairTask, ResolveTask, RightRow, TableTask, Take,
};
pub use task::{
    Calibration, Confidence, DEFAULT_MODEL, Generation, LARGEST_FILE, LONGEST_GUIDELINES, LONGEST_LABEL, Label,
    MOST_LABELS, ModelName, OnError, RULES_MODEL, Task, Truncate, decimal, names_rules,
};
pub use values::{
    Cleaning, Enriched, Entry, FEWEST_EMBEDDED, Mended, Normalization, Normalized, Reference, Terms, ValueRules,
    format_word,
};
