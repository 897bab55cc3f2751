//! What a part of a query sees: names of common table expressions, relations, aliases; and what kinds of function there
//! are.

pub(crate) mod functions;
pub(crate) mod mentions;
pub(crate) mod outputs;
pub(crate) mod walk;
