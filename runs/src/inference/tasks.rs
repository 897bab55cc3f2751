//! The tasks that calls ask, each with the model that answers it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use refuel_dag::{Dag, Detail};
use refuel_engine::{EngineError, TASK_FILE};
use refuel_staging::{Asked, RelationName};
use refuel_state::{State, TaskKey, TaskVersion};
use refuel_task::Task;
use serde_json::{Map, Value, json};

use crate::error::RunError;
use crate::models::{Answerer, Models, answered_before};

/// The keys of the options of `refuel_complete`.
const OPTIONS: [&str; 3] = ["guidelines", "max_tokens", "stop"];

/// What tables of answers are called.
const TABLE_PREFIX: &str = "_refuel_";

/// A task with the model that answers it.
pub(crate) struct AskedTask {
    /// The task.
    pub(crate) task: Arc<Task>,
    /// Who answers.
    pub(crate) answerer: Arc<dyn Answerer>,
    /// What the state knows it by.
    pub(crate) key: TaskKey,
    /// What a user should know of its calibration.
    pub(crate) note: Option<String>,
}

impl AskedTask {
    /// The name of the table of its answers to inputs of so many texts: it changes with the fingerprint and with the model.
    fn table(&self, arguments: u8) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.answerer.fingerprint().as_bytes());
        hasher.update(self.answerer.digest().as_bytes());
        // A task that reads two sides is asked about two texts, or about a record of both: these are two tables.
        if arguments != if self.task.input.is_two() { 2 } else { 1 } {
            hasher.update(&[arguments]);
        }
        let hash = hasher.finalize().to_hex();
        table_named(&self.task.name, &hash[..8])
    }

    /// What decides what becomes of an answer that is known: threshold, confidence, what it is calibrated by, and fallback.
    pub(crate) fn gate_fingerprint(&self) -> String {
        let gate = self.task.gate();
        let mut text = json!([gate.threshold, self.task.confidence, gate.fallback]).to_string();
        if let Some(calibrated) = &gate.calibrated {
            text.push_str(&json!(calibrated).to_string());
        }
        blake3::hash(text.as_bytes()).to_hex()[..16].to_owned()
    }
}

/// The tasks of a project, prepared when they are first asked for.
pub(crate) struct Tasks<'a> {
    dag: &'a Dag,
    state: &'a State,
    models: &'a Arc<dyn Models>,
    prepared: Mutex<HashMap<Asked, Arc<AskedTask>>>,
}

impl<'a> Tasks<'a> {
    /// Nothing is prepared yet.
    pub(crate) fn new(dag: &'a Dag, state: &'a State, models: &'a Arc<dyn Models>) -> Self {
        Self {
            dag,
            state,
            models,
            prepared: Mutex::default(),
        }
    }

    /// See [`Models::digests_of`].
    pub(crate) fn digests_of(&self, task: &Task) -> Vec<(String, String)> {
        self.models.digests_of(task)
    }

    /// The task that a call asks, with its model.
    pub(crate) fn get(&self, asked: &Asked) -> Result<Arc<AskedTask>, RunError> {
        let mut prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = prepared.get(asked) {
            return Ok(Arc::clone(task));
        }
        let task = self.task(asked)?;
        let answerer = match self.models.prepare(&task) {
            Ok(answerer) => answerer,
            Err(
                error @ (EngineError::NoHead { .. } | EngineError::HeadUnfit { .. } | EngineError::NoCascade { .. }),
            ) => {
                let file = self.file_of(&task.name);
                return Err(RunError::Head { error, file });
            }
            Err(error) => answered_before(error, self.models, &task, self.state)?,
        };
        let key = self.state.task_key(&TaskVersion {
            task: task.name.clone(),
            fingerprint: answerer.fingerprint().to_owned(),
            model_digest: answerer.digest().to_owned(),
            model: answerer.model().to_owned(),
        })?;
        let (task, note) = if task.calibrated.is_none() {
            (task, None)
        } else {
            let settled = Task::clone(&task).settled(answerer.digest(), answerer.fingerprint());
            let (task, note) = settled.map_err(EngineError::from)?;
            (Arc::new(task), note)
        };
        let made = Arc::new(AskedTask {
            task,
            answerer,
            key,
            note,
        });
        prepared.insert(asked.clone(), Arc::clone(&made));
        Ok(made)
    }

    /// The task of the project with this name.
    pub(crate) fn named(&self, name: &str) -> Result<Arc<AskedTask>, RunError> {
        self.get(&Asked::Task {
            name: name.to_owned(),
            version: None,
        })
    }

    /// The file of a task of the project, in the project's folder.
    fn file_of(&self, name: &str) -> String {
        let mut nodes = self.dag.nodes.values();
        let found = nodes.find(|node| matches!(&node.detail, Detail::Task(found) if found.task.name == name));
        found.map_or_else(|| TASK_FILE.to_owned(), |node| node.path.to_string())
    }

    /// The task that a call asks.
    fn task(&self, asked: &Asked) -> Result<Arc<Task>, RunError> {
        match asked {
            Asked::Task { name, .. } => {
                let found = self.dag.nodes.values().find_map(|node| match &node.detail {
                    Detail::Task(found) if found.task.name == *name => Some(Arc::clone(&found.task)),
                    _ => None,
                });
                found.ok_or_else(|| RunError::UnknownNode {
                    id: name.clone(),
                    nearest: None,
                })
            }
            Asked::Embed { model } => embed(model).map(Arc::new),
            Asked::Complete { model, options } => complete(model, options.as_deref().unwrap_or("{}")).map(Arc::new),
        }
    }
}

/// What the table of a task's answers is called. The end tells versions of the task apart.
pub(crate) fn table_named(task: &str, end: &str) -> String {
    // Postgres cuts names at 63 bytes.
    let name: String = task
        .to_lowercase()
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' })
        .take(40)
        .collect();
    format!("{TABLE_PREFIX}{name}_{end}")
}

/// The table of a task's answers to inputs of so many texts in the schema of the target.
pub(crate) fn table_in(schema: Option<&str>, task: &AskedTask, arguments: u8) -> RelationName {
    RelationName::new(schema, task.table(arguments))
}

/// The task that `refuel_embed` stands for: the same as in the extension, so that both give the same answers.
fn embed(model: &str) -> Result<Task, RunError> {
    let name = "refuel_embed";
    let value = json!({"name": name, "kind": "embed", "input": "input", "model": model});
    Ok(Task::from_catalog(&value, name)?)
}

/// The task that `refuel_complete` stands for.
fn complete(model: &str, options: &str) -> Result<Task, RunError> {
    let name = "refuel_complete";
    let wrong = |reason: String| RunError::Options {
        function: name.to_owned(),
        reason,
    };
    let Ok(Value::Object(options)) = serde_json::from_str(options) else {
        return Err(wrong("they are no JSON object".to_owned()));
    };
    let mut fields = Map::from_iter([
        ("name".to_owned(), name.into()),
        ("kind".to_owned(), "complete".into()),
        ("input".to_owned(), "prompt".into()),
        ("model".to_owned(), model.into()),
    ]);
    for (key, value) in options {
        if !OPTIONS.contains(&key.as_str()) {
            return Err(wrong(format!("there is no option \"{key}\"")));
        }
        fields.insert(key, value);
    }
    Ok(Task::from_catalog(&Value::Object(fields), name)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_a_completion_are_those_of_a_task() {
        let task = complete("m", r#"{"max_tokens": 12, "guidelines": "Be short."}"#).unwrap();
        assert_eq!(
            (task.generation.max_tokens, task.guidelines.as_str()),
            (12, "Be short.")
        );
        let error = complete("m", r#"{"temprature": 1}"#).unwrap_err();
        assert_eq!(
            error.to_string(),
            "refuel_complete does not take these options: there is no option \"temprature\""
        );
        assert!(complete("m", "[]").is_err());
        assert_eq!(embed("all-minilm-l6-v2").unwrap().model_name(), "all-minilm-l6-v2");
    }
}
