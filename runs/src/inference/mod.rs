//! Asking models: the inputs of a stage, in windows, through the one pool, into the state and the table of answers.

mod counts;
mod few;
mod input;
mod pool;
mod row;
mod stage;
mod tables;
mod tasks;
mod window;

pub(crate) use counts::StageCounts;
pub(crate) use few::ask_few;
pub(crate) use input::{render, shown};
pub(crate) use pool::{Answered, Pool};
pub(crate) use row::{AnswerRow, GateOutcome};
pub(crate) use stage::StageRun;
pub(crate) use tables::{AnswerTable, drop_unused, input_of, make_notes, note_table};
pub(crate) use tasks::{AskedTask, Tasks, table_in, table_named};
