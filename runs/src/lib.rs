//! Runs of a project: nodes, models, tests.
