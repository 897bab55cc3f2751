//! The engine: tasks in, answers out. It knows no database and no command line.
