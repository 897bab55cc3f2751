//! Databases that a project builds in: SQLite and Postgres.
