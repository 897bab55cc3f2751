//! Runs of whole projects, with models that are scripted.

mod budget;
mod build;
mod checks;
mod common;
mod crash;
mod explain;
mod gates;
mod incremental;
mod order;
mod postgres;
mod scripted;
mod verdicts;
