//! From SQL to stages of model calls.
