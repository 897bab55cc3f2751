//! Repairs of tables: suspected wrong cells, what should stand there, and why.
//!
//! A [`Table`] mostly tells itself what is wrong in it: columns that determine others ([`Dependency`]), values that look
//! nearly like frequent ones, forms that most values have, values in the wrong column, numbers off by a power of ten.
//! [`repair`] gathers this evidence into a [`Proposal`] a cell, with its confidence. A few rows that a person put right
//! ([`LabelledRow`], best those of [`choose_rows_to_label`]) show which evidence to trust and how values are to be
//! written anew.
//!
//! The plan is that of Raha and Baran (Mahdavi and others 2019, 2020), error detection and correction that learn from
//! few labels which of many weak strategies to trust. Everything here is pure and gives the same on the same input.

mod candidates;
mod choose;
mod conversions;
mod dependencies;
mod error;
mod moves;
mod outliers;
mod pattern;
mod proposal;
mod repair;
mod settings;
mod study;
mod table;
mod trust;
mod vocabulary;
mod words;

pub use choose::choose_rows_to_label;
pub use dependencies::Dependency;
pub use error::RepairError;
pub use proposal::{Evidence, EvidenceKind, LabelledRow, Proposal, Remedy};
pub use repair::{LearnedConversion, Repairs, repair};
pub use settings::Settings;
pub use table::Table;

/// A result of this crate.
pub type Result<T> = std::result::Result<T, RepairError>;
