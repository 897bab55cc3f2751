//! How values of a column are written anew: small programs, learned from values that a person put right.
//!
//! Gulwani (2011) finds programs on texts from examples; Mahdavi and Abedjan (2020) learn corrections of a table from
//! few labelled rows. Here a program is a short chain of operations, or a template over the parts of a value; those
//! are kept that get labelled values right, and they are trusted as far as different values vouch for them.

mod learn;
mod operation;
mod template;

pub(crate) use learn::{Conversion, Example, learn};
pub(crate) use operation::Operation;
