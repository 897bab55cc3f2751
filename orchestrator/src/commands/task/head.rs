//! What is told of the head of a task before the task is asked.

use std::path::Path;

use refuel_engine::session::Budget;
use refuel_engine::session::onnx::RuntimeOptions;
use refuel_engine::{CachePolicy, Engine, EngineError, EngineOptions};
use refuel_registry::RegistryError;
use refuel_task::{Kind, Task};

use crate::context::Context;
use crate::error::Failure;
use crate::words;

/// Warns where the head that a task asks is not on this machine, or would not answer the task as it is now. Nothing is
/// loaded for that but what says which task a head is for.
pub(super) fn warn(task: &Task, file: &Path, model: Option<&str>, context: &Context) -> Result<(), Failure> {
    if !task.strategy.reads_head() {
        return Ok(());
    }
    let engine = Engine::open(EngineOptions {
        runtime: RuntimeOptions::new(&context.home()?),
        budget: Budget::default(),
        cache: CachePolicy::Memory,
    })?;
    let printer = context.printer;
    let train = format!(
        "`{} train {}`",
        context.program(),
        words::shell(&file.display().to_string())
    );
    let head = task.head_name();
    if let Err(RegistryError::Unknown { .. }) = engine.registry().get(&head) {
        printer.warn(format!("the head `{head}` is not on this machine: {train} makes it"));
        return Ok(());
    }
    match engine.prepare(task, model) {
        Ok(prepared) => prepared.notes().iter().for_each(|note| printer.warn(note)),
        Err(EngineError::NoHead { .. }) => {
            printer.warn(format!(
                "`{head}` is a model that is no head: give the task another name for its head, under `head`"
            ));
        }
        Err(error @ (EngineError::HeadUnfit { .. } | EngineError::NoCascade { .. })) => {
            printer.warn(format!("{error}: {train} makes one that does"));
        }
        Err(error) => printer.warn(error),
    }
    Ok(())
}

/// The label that is right where no other is. None where no label is.
pub(super) fn catch_all(task: &Task) -> Option<String> {
    let (label, share) = task.catch_all()?;
    Some(format!(
        "`{}` is right where no other label is, which is expected of {} of the rows",
        words::one_line(&task.labels[label].name, 40),
        words::share(f64::from(share))
    ))
}

/// What the head of a task does behind the language model. None where it answers before it, or instead of it.
pub(super) fn judges(task: &Task) -> Option<String> {
    (task.kind == Kind::ANSWER && task.strategy.reads_head())
        .then(|| format!("the head `{}`, by what the model holds in mind", task.head_name()))
}
