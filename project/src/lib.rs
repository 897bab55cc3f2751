//! The files of a project, read and checked.
