//! Models that answer by rules, and remember what they were asked.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use refuel_engine::{Cancel, EngineError, Estimate};
use refuel_registry::RegistryError;
use refuel_runs::{Answerer, Models};
use refuel_task::{Answer, Kind, RenderedInput, Status, Task};

/// What all tasks of a [`Scripted`] share.
#[derive(Default)]
struct Shared {
    asked: Mutex<Vec<(String, String)>>,
    windows: Mutex<Vec<usize>>,
    /// Inputs that the machine has answers to from elsewhere.
    kept: Mutex<Vec<String>>,
    /// How long a window takes.
    wait: Mutex<Duration>,
    /// Where every input is written down before it is answered, for those who outlive the process.
    log: Mutex<Option<PathBuf>>,
    /// What the model is called: another name is another model.
    version: Mutex<String>,
    /// Whether the models are on this machine no more.
    is_gone: AtomicBool,
}

/// Models that answer by rules.
#[derive(Clone, Default)]
pub(crate) struct Scripted(Arc<Shared>);

impl Scripted {
    /// The inputs that were asked since this was last called, sorted.
    pub(crate) fn asked(&self) -> Vec<String> {
        let mut asked: Vec<String> = std::mem::take(&mut *lock(&self.0.asked))
            .into_iter()
            .map(|(_, input)| input)
            .collect();
        asked.sort();
        asked
    }

    /// Has the machine know an input from elsewhere.
    pub(crate) fn keep(&self, input: &str) {
        lock(&self.0.kept).push(input.to_owned());
    }

    /// How many inputs each window had.
    pub(crate) fn windows(&self) -> Vec<usize> {
        std::mem::take(&mut *lock(&self.0.windows))
    }

    /// Every window takes so long.
    pub(crate) fn slow(&self, wait: Duration) {
        *lock(&self.0.wait) = wait;
    }

    /// Writes down what is asked.
    pub(crate) fn log_to(&self, path: PathBuf) {
        *lock(&self.0.log) = Some(path);
    }

    /// From now on the models are other ones.
    pub(crate) fn other_model(&self, version: &str) {
        version.clone_into(&mut lock(&self.0.version));
    }
}

impl Scripted {
    /// From now on the models are on this machine no more.
    pub(crate) fn remove(&self) {
        self.0.is_gone.store(true, Ordering::Relaxed);
    }
}

impl Models for Scripted {
    fn prepare(&self, task: &Task) -> Result<Arc<dyn Answerer>, EngineError> {
        if self.0.is_gone.load(Ordering::Relaxed) {
            return Err(RegistryError::Unknown {
                name: task.model_name(),
                hint: String::new(),
            }
            .into());
        }
        let version = lock(&self.0.version).clone();
        let digest = format!("digest{version}");
        Ok(Arc::new(ScriptedTask {
            shared: Arc::clone(&self.0),
            model: format!("{}@{digest}", task.model_name()),
            digest,
            fingerprint: task.fingerprint(),
            task: task.clone(),
        }))
    }
}

struct ScriptedTask {
    shared: Arc<Shared>,
    task: Task,
    model: String,
    digest: String,
    fingerprint: String,
}

impl ScriptedTask {
    /// The label whose name is in the text, or else the last one; of `extract` the fields `first`, `words` and `all`. The
    /// more marks of exclamation, the surer; a text with `broken` in it can't be answered.
    fn answer_one(&self, input: &RenderedInput) -> Answer {
        let text = input.text.to_lowercase();
        if text.contains("broken") {
            return Answer::error(&self.model, "the model broke on it");
        }
        let sure = 0.5 + 0.1 * text.matches('!').count().min(4) as f32;
        let value = if self.task.kind == Kind::MATCH {
            let sides = input.sides.clone().unwrap_or_default();
            (sides[0].to_lowercase() == sides[1].to_lowercase()).into()
        } else if self.task.kind == Kind::MULTILABEL {
            let labels = self.task.labels.iter().filter(|label| text.contains(&label.name));
            labels.map(|label| label.name.clone()).collect::<Vec<_>>().into()
        } else if self.task.kind == Kind::ANSWER {
            // The word of the context that begins as the question does.
            let [context, question] = input.sides.clone().unwrap_or_default();
            let first = question.chars().next().unwrap_or_default().to_lowercase().to_string();
            let found = context
                .split_whitespace()
                .find(|word| word.to_lowercase().starts_with(&first));
            found.map(str::to_owned).into()
        } else if self.task.kind == Kind::EXTRACT {
            let words = || {
                text.split(|letter: char| !letter.is_alphanumeric())
                    .filter(|word| !word.is_empty())
            };
            serde_json::json!({"first": words().next(), "words": words().count(), "all": words().collect::<Vec<_>>()})
        } else if self.task.kind == Kind::CLEAN {
            input.text.split_whitespace().collect::<Vec<_>>().join(" ").into()
        } else if self.task.labels.is_empty() {
            text.to_uppercase().into()
        } else {
            let found = self.task.labels.iter().find(|label| text.contains(&label.name));
            let label = found.or(self.task.labels.last());
            label.map(|label| label.name.clone()).into()
        };
        Answer {
            value,
            confidence: Some(sure),
            raw_confidence: Some(sure),
            status: Status::Ok,
            reason: None,
            input_tokens: text.split_whitespace().count() as u32,
            output_tokens: 1,
            ..Answer::error(&self.model, "")
        }
    }
}

impl Answerer for ScriptedTask {
    fn model(&self) -> &str {
        &self.model
    }

    fn digest(&self) -> &str {
        &self.digest
    }

    fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    fn device(&self) -> Option<String> {
        Some("cpu".to_owned())
    }

    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    fn is_kept(&self, inputs: &[RenderedInput]) -> Vec<bool> {
        let kept = lock(&self.shared.kept);
        inputs.iter().map(|input| kept.contains(&input.text)).collect()
    }

    fn estimate(&self, inputs: &[RenderedInput], _cancel: &Cancel) -> Result<Estimate, EngineError> {
        Ok(Estimate {
            rows: inputs.len(),
            distinct: inputs.len(),
            cached: 0,
            prefix_tokens: 10,
            row_tokens: inputs.len() * 7,
            seconds: inputs.len() as f64 * 0.5,
        })
    }

    fn answer(
        &self,
        inputs: &[RenderedInput],
        cancel: &Cancel,
        on_rows: &mut dyn FnMut(usize),
    ) -> Result<Vec<Answer>, EngineError> {
        if let Some(path) = &*lock(&self.shared.log) {
            let mut file = std::fs::OpenOptions::new()
                .append(true)
                .create(true)
                .open(path)
                .unwrap();
            for input in inputs {
                writeln!(file, "{}", input.text).unwrap();
            }
        }
        lock(&self.shared.windows).push(inputs.len());
        let wait = *lock(&self.shared.wait);
        thread::sleep(wait);
        if cancel.is_cancelled() {
            return Err(EngineError::Cancelled);
        }
        lock(&self.shared.asked).extend(inputs.iter().map(|input| (self.task.name.clone(), input.text.clone())));
        on_rows(inputs.len());
        Ok(inputs.iter().map(|input| self.answer_one(input)).collect())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
