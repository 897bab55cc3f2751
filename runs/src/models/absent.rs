//! A model that isn't on this machine, and whose answers from when it was are known.

use std::sync::Arc;

use refuel_engine::{Cancel, EngineError, Estimate};
use refuel_registry::RegistryError;
use refuel_state::{State, TaskVersion};
use refuel_task::{Answer, RenderedInput, Task};

use super::{Answerer, Models};
use crate::error::RunError;

/// A task whose model isn't there any more. What was answered is found by the digest that the model had; whatever is not
/// known fails as it would have from the start.
struct Absent {
    models: Arc<dyn Models>,
    task: Arc<Task>,
    version: TaskVersion,
}

/// The task on the model that answered it last, where `error` says that the model isn't on this machine.
///
/// # Errors
/// `error`, where it says something else or nothing was ever answered.
pub(crate) fn answered_before(
    error: EngineError,
    models: &Arc<dyn Models>,
    task: &Arc<Task>,
    state: &State,
) -> Result<Arc<dyn Answerer>, RunError> {
    if !is_missing(&error) {
        return Err(error.into());
    }
    let wanted = models.model_of(task);
    let fingerprint = task.fingerprint();
    let known = state
        .task_versions(&task.name)?
        .into_iter()
        .find(|version| version.fingerprint == fingerprint && is_called(version, &wanted));
    match known {
        Some(version) => Ok(Arc::new(Absent {
            models: Arc::clone(models),
            task: Arc::clone(task),
            version,
        })),
        None => Err(error.into()),
    }
}

/// Whether an error says that a model isn't on this machine.
pub(crate) fn is_missing(error: &EngineError) -> bool {
    matches!(error, EngineError::Registry(RegistryError::Unknown { .. }))
}

/// Whether the model of a version is the one that a name means: `name`, or `name@` with the beginning of a digest.
fn is_called(version: &TaskVersion, wanted: &str) -> bool {
    let (name, digest) = wanted.split_once('@').unwrap_or((wanted, ""));
    version.model.split('@').next() == Some(name) && version.model_digest.starts_with(digest)
}

impl Absent {
    fn missing(&self) -> EngineError {
        match self.models.prepare(&self.task) {
            Err(error) => error,
            Ok(_) => EngineError::RunFailed {
                model: self.version.model.clone(),
                reason: "it was installed while the run went on".to_owned(),
            },
        }
    }
}

impl Answerer for Absent {
    fn model(&self) -> &str {
        &self.version.model
    }

    fn digest(&self) -> &str {
        &self.version.model_digest
    }

    fn fingerprint(&self) -> &str {
        &self.version.fingerprint
    }

    fn device(&self) -> Option<String> {
        None
    }

    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    fn is_kept(&self, inputs: &[RenderedInput]) -> Vec<bool> {
        vec![false; inputs.len()]
    }

    fn estimate(&self, _inputs: &[RenderedInput], _cancel: &Cancel) -> Result<Estimate, EngineError> {
        Err(self.missing())
    }

    fn answer(
        &self,
        _inputs: &[RenderedInput],
        _cancel: &Cancel,
        _on_rows: &mut dyn FnMut(usize),
    ) -> Result<Vec<Answer>, EngineError> {
        Err(self.missing())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_found_by_its_name_and_the_beginning_of_its_digest() {
        let version = TaskVersion {
            task: "topic".to_owned(),
            fingerprint: "f".to_owned(),
            model_digest: "abc123".to_owned(),
            model: "small@abc1".to_owned(),
        };
        for (wanted, is) in [
            ("small", true),
            ("small@abc", true),
            ("small@abd", false),
            ("smal", false),
        ] {
            assert_eq!(is_called(&version, wanted), is, "{wanted}");
        }
    }
}
