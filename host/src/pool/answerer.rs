//! What the pool needs of an engine: a seam, so that scheduling, stopping, panics and memory can be tested with scripted
//! answers.

use refuel_client::wire::{Input, ModelReport, TaskSpec};
use refuel_engine::cache::Scores;
use refuel_engine::{Cancel, Engine, EngineError, EngineOptions, ModelMemory, PreparedTask};
use refuel_task::{Answer, InputHash, Kind, Record, RenderedInput, Task, TaskError};
use serde_json::Value;

use crate::error::HostError;

/// Settles tasks, and owns the models that they run on.
pub(super) trait Backend: Send + Sync {
    /// Reads a task and settles which model answers it. No model is loaded.
    fn settle(&self, spec: &TaskSpec) -> Result<Box<dyn Answerer>, HostError>;

    /// Lets a loaded model go, by its digest.
    fn unload(&self, digest: &str);

    /// Where a loaded model runs: `cpu`, `cuda`.
    fn device(&self, digest: &str) -> Option<String>;

    /// The models that there are, as if none were loaded.
    fn models(&self) -> Result<Vec<ModelReport>, HostError>;

    /// What went wrong without stopping anything. Each is told once.
    fn warnings(&self) -> Vec<String>;

    /// Bytes of kept answers on disk.
    fn cache_bytes(&self) -> u64;
}

/// Answers the inputs of one settled task.
pub(super) trait Answerer: Send + Sync {
    /// The same for tasks that give the same answer to every input: those share their runs.
    fn identity(&self) -> String;

    /// Fingerprint of the task.
    fn fingerprint(&self) -> &str;

    /// `name@digest` of the model.
    fn model(&self) -> &str;

    /// The task.
    fn task(&self) -> &Task;

    /// What the model reads of an input.
    fn render(&self, input: &Input) -> Result<RenderedInput, RenderError>;

    /// Answers that are kept, in the order of the inputs' hashes.
    fn known(&self, inputs: &[InputHash], scores: Scores) -> Vec<Option<Answer>>;

    /// The models that run, the one that answers first. None where rules alone answer.
    fn models(&self) -> Vec<ModelMemory>;

    /// Whether nothing needs to be loaded before the next answer.
    fn is_loaded(&self) -> bool;

    /// Loads the models.
    ///
    /// # Errors
    /// When one can't be loaded; [`EngineError::Cancelled`].
    fn load(&self, cancel: &Cancel) -> Result<(), EngineError>;

    /// Answers inputs that differ, in their order. `on_run` is called after each run of the model with the number of
    /// inputs that it finished.
    ///
    /// # Errors
    /// [`EngineError::RunFailed`] and [`EngineError::Tokenizer`], which a single input may be the cause of; otherwise what is
    /// wrong with the model; [`EngineError::Cancelled`].
    fn answer(
        &self,
        inputs: &[RenderedInput],
        cancel: &Cancel,
        on_run: &mut dyn FnMut(usize),
    ) -> Result<Vec<Answer>, EngineError>;

    /// Holds no model any more.
    fn release(&self);
}

/// Why there is nothing that the model could read of an input.
#[derive(Debug)]
pub(super) enum RenderError {
    /// This row is wrong.
    Row(String),
    /// No input of this form can be right for the task.
    Request(TaskError),
}

impl From<TaskError> for RenderError {
    fn from(error: TaskError) -> Self {
        match error {
            TaskError::NeedsRow { .. } => Self::Request(error),
            _ => Self::Row(error.to_string()),
        }
    }
}

/// The models of this machine.
pub(super) struct Models {
    engine: Engine,
}

impl Models {
    pub(super) fn open(options: EngineOptions) -> Result<Self, HostError> {
        Ok(Self {
            engine: Engine::open(options)?,
        })
    }
}

impl Backend for Models {
    fn settle(&self, spec: &TaskSpec) -> Result<Box<dyn Answerer>, HostError> {
        let value: Value = serde_json::from_str(&spec.json).map_err(|error| HostError::NoTask {
            name: spec.name.clone(),
            reason: error.to_string(),
        })?;
        let task = Task::from_catalog(&value, &spec.name).map_err(EngineError::from)?;
        Ok(Box::new(self.engine.prepare(&task, spec.model.as_deref())?))
    }

    fn unload(&self, digest: &str) {
        self.engine.unload(digest);
    }

    fn device(&self, digest: &str) -> Option<String> {
        let loaded = self.engine.loaded();
        let model = loaded.into_iter().find(|model| model.digest == digest)?;
        Some(model.placement.provider)
    }

    fn models(&self) -> Result<Vec<ModelReport>, HostError> {
        let entries = self.engine.registry().list().map_err(EngineError::from)?;
        let report = |manifest: refuel_registry::Manifest| ModelReport {
            size_bytes: manifest.size(),
            name: manifest.name,
            digest: manifest.digest,
            role: manifest.description.role.name().to_owned(),
            license: (manifest.licence != "unknown").then_some(manifest.licence),
            loaded: false,
            device: None,
            memory_bytes: 0,
            used_ms: None,
        };
        Ok(entries.into_iter().map(|entry| report(entry.manifest)).collect())
    }

    fn warnings(&self) -> Vec<String> {
        self.engine.warnings()
    }

    fn cache_bytes(&self) -> u64 {
        let Some(file) = self.engine.cache_file() else { return 0 };
        let size = |suffix: &str| {
            let mut name = file.clone().into_os_string();
            name.push(suffix);
            fs_err::metadata(name).map_or(0, |metadata| metadata.len())
        };
        size("") + size("-wal")
    }
}

impl Answerer for PreparedTask {
    fn identity(&self) -> String {
        // Aliases, names and owners change no answer; the gate does, and is in no fingerprint.
        format!("{} {} {:?}", self.fingerprint(), self.digest(), self.task().gate())
    }

    fn fingerprint(&self) -> &str {
        self.fingerprint()
    }

    fn model(&self) -> &str {
        self.model()
    }

    fn task(&self) -> &Task {
        self.task()
    }

    fn render(&self, input: &Input) -> Result<RenderedInput, RenderError> {
        Ok(match input {
            Input::Text(text) => RenderedInput::or_nothing(self.task().render_text(text))?,
            Input::Pair(a, b) => RenderedInput::or_nothing(self.task().render_pair(a, b))?,
            Input::Record(json) => {
                let record: Record = serde_json::from_str(json)
                    .map_err(|error| RenderError::Row(format!("the input is no JSON object: {error}")))?;
                RenderedInput::or_nothing(match &self.task().columns()[..] {
                    // The record itself is what the column holds that such a task reads.
                    [column] if self.task().kind == Kind::ENRICH && !record.contains_key(column) => {
                        self.task().render_text(json)
                    }
                    _ => self.task().render_input(&record),
                })?
            }
        })
    }

    fn known(&self, inputs: &[InputHash], scores: Scores) -> Vec<Option<Answer>> {
        self.known(inputs, scores)
    }

    fn models(&self) -> Vec<ModelMemory> {
        self.models()
    }

    fn is_loaded(&self) -> bool {
        self.is_ready()
    }

    fn load(&self, cancel: &Cancel) -> Result<(), EngineError> {
        self.load(cancel)
    }

    fn answer(
        &self,
        inputs: &[RenderedInput],
        cancel: &Cancel,
        on_run: &mut dyn FnMut(usize),
    ) -> Result<Vec<Answer>, EngineError> {
        self.answer_at_once(inputs, cancel, on_run)
    }

    fn release(&self) {
        self.release();
    }
}
