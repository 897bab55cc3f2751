//! Models of this machine, by the engine.

use std::sync::Arc;

use refuel_engine::{Cancel, Engine, EngineError, Estimate, PreparedTask};
use refuel_task::{Answer, Kind, RenderedInput, Task};

use super::{Answerer, Models};

/// Models of this machine. Each is loaded once, when the first input is met that has no answer yet.
#[derive(Clone)]
pub struct LocalModels {
    engine: Engine,
    model: Option<String>,
}

impl LocalModels {
    /// Models of an engine. `model` answers instead of those that tasks name, where it is given; vectors are still made
    /// by the models that make them, and what rules alone answer they still do.
    pub fn new(engine: Engine, model: Option<String>) -> Self {
        Self { engine, model }
    }

    fn instead_of_named(&self, task: &Task) -> Option<&str> {
        let model = self.model.as_deref();
        model.filter(|_| task.kind != Kind::EMBED && task.asks_model())
    }
}

impl Models for LocalModels {
    fn prepare(&self, task: &Task) -> Result<Arc<dyn Answerer>, EngineError> {
        // The state keeps answers as the model gave them, so that another threshold needs no model.
        let ungated = task.ungated();
        let task = self.engine.prepare(&ungated, self.instead_of_named(task))?;
        Ok(Arc::new(Prepared { task }))
    }

    fn digests_of(&self, task: &Task) -> Vec<(String, String)> {
        let known = |name: String| {
            // What answers instead of the model that the task names is told under that name.
            let asked = self.instead_of_named(task).filter(|_| name == task.model_name());
            let entry = self.engine.registry().get(asked.unwrap_or(&name)).ok()?;
            Some((name, entry.manifest.digest))
        };
        task.registry_names().into_iter().filter_map(known).collect()
    }

    fn model_of(&self, task: &Task) -> String {
        let instead = self.instead_of_named(task);
        instead.map_or_else(|| task.model_name(), ToOwned::to_owned)
    }
}

struct Prepared {
    task: PreparedTask,
}

impl Answerer for Prepared {
    fn model(&self) -> &str {
        self.task.model()
    }

    fn digest(&self) -> &str {
        self.task.digest()
    }

    fn model_digest(&self) -> &str {
        self.task.model_digest()
    }

    fn fingerprint(&self) -> &str {
        self.task.fingerprint()
    }

    fn device(&self) -> Option<String> {
        self.task.placement().map(|placement| placement.provider)
    }

    fn notes(&self) -> Vec<String> {
        self.task.notes()
    }

    fn is_kept(&self, inputs: &[RenderedInput]) -> Vec<bool> {
        self.task.is_kept(inputs)
    }

    fn estimate(&self, inputs: &[RenderedInput], cancel: &Cancel) -> Result<Estimate, EngineError> {
        self.task.estimate(inputs, cancel)
    }

    fn answer(
        &self,
        inputs: &[RenderedInput],
        cancel: &Cancel,
        on_rows: &mut dyn FnMut(usize),
    ) -> Result<Vec<Answer>, EngineError> {
        // A window is sized by the speed already, and is kept as a whole.
        self.task.answer_at_once(inputs, cancel, on_rows)
    }
}
