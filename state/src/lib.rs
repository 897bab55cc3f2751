//! What a project remembers from run to run.
