//! What a run needs of models: a seam, so that everything around them can be tested with scripted answers.

mod absent;
mod local;

use std::sync::Arc;

use refuel_engine::{Cancel, EngineError, Estimate};
use refuel_task::{Answer, RULES_MODEL, RenderedInput, Task};

pub(crate) use absent::{answered_before, is_missing};
pub use local::LocalModels;

/// Models by the tasks that are asked of them.
pub trait Models: Send + Sync {
    /// Settles which model answers a task, and what identifies its answers. No model needs to be loaded for that.
    ///
    /// # Errors
    /// Where the model isn't there, or can't do what the task asks.
    fn prepare(&self, task: &Task) -> Result<Arc<dyn Answerer>, EngineError>;

    /// The digests of what answers a task, by name: of the model that it asks, and of the head that it reads. What isn't
    /// there is missing.
    fn digests_of(&self, task: &Task) -> Vec<(String, String)> {
        let model = Some(task.model_name()).filter(|name| name != RULES_MODEL);
        let digest = |name| Some((name, self.prepare(task).ok()?.model_digest().to_owned()));
        model.and_then(digest).into_iter().collect()
    }

    /// The model that is to answer a task, as it was named; also where it isn't there.
    fn model_of(&self, task: &Task) -> String {
        task.model_name()
    }
}

/// A task on a model.
pub trait Answerer: Send + Sync {
    /// `name@digest` of the model, as answers carry it.
    fn model(&self) -> &str;

    /// The model's whole digest, with the versions of what answers before it; what identifies the rules where no model is
    /// asked.
    fn digest(&self) -> &str;

    /// The model's digest alone: what is compared to see whether a model of that name is another now.
    fn model_digest(&self) -> &str {
        self.digest()
    }

    /// Fingerprint of the task as it is asked.
    fn fingerprint(&self) -> &str;

    /// Where the model runs, such as `cpu`. None until it is loaded.
    fn device(&self) -> Option<String>;

    /// What a user should know before the answers are trusted. It may be known only once an input was answered.
    fn notes(&self) -> Vec<String>;

    /// Which of `inputs` the machine has an answer to from elsewhere, so that asking them costs nothing.
    fn is_kept(&self, inputs: &[RenderedInput]) -> Vec<bool>;

    /// What a run over `inputs` would cost.
    ///
    /// # Errors
    /// [`EngineError::Cancelled`] when `cancel` was set; the others as for [`Answerer::answer`].
    fn estimate(&self, inputs: &[RenderedInput], cancel: &Cancel) -> Result<Estimate, EngineError>;

    /// Answers in the order of the inputs, as the model gave them: no threshold has been applied. `on_rows(n)` says that
    /// `n` more are there.
    ///
    /// # Errors
    /// When the model can't be loaded or run, and [`EngineError::Cancelled`] when `cancel` was set before the last answer.
    fn answer(
        &self,
        inputs: &[RenderedInput],
        cancel: &Cancel,
        on_rows: &mut dyn FnMut(usize),
    ) -> Result<Vec<Answer>, EngineError>;
}
