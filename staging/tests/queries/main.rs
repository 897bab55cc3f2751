//! Queries on databases: staged, they mean what they mean row by row.

mod asked;
mod meaning;
mod reading;
mod support;
mod typical;
