//! What a new project holds.
