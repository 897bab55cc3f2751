//! The labels of the examples that are most like the row.

use std::sync::{Arc, Mutex, PoisonError};

use refuel_learn::{ChosenCalibration, NearestNeighbours, best_of};
use refuel_task::{Example, RenderedInput, Source, Task};
use serde_json::Value;

use super::{Reply, Step};
use crate::cancel::Cancel;
use crate::engine::{ModelMemory, Shared};
use crate::error::EngineError;
use crate::learned::encoder::Encoder;
use crate::learned::{Answering, choices_of, matrix};
use crate::learning::{groups, numbered};

/// The version of how neighbours vote: another one gives other confidences.
const VERSION: &str = "nearest@2";

/// Where the parts come from that confidence is calibrated on.
const SEED: u64 = 17;

/// See the module.
pub(crate) struct Similar {
    encoder: Encoder,
    examples: Vec<Example>,
    labels: Vec<String>,
    model: String,
    ready: Mutex<Option<Arc<Ready>>>,
}

/// The examples with their vectors.
struct Ready {
    nearest: NearestNeighbours,
    calibration: refuel_learn::Calibration,
}

impl Similar {
    /// The examples of a task, with the model that embeds.
    pub(crate) fn new(shared: Arc<Shared>, task: &Task) -> Result<Self, EngineError> {
        let encoder = Encoder::new(shared, &embedding_model(task))?;
        Ok(Self {
            model: encoder.entry().manifest.reference(),
            encoder,
            examples: task.solved().to_vec(),
            labels: choices_of(task),
            ready: Mutex::default(),
        })
    }

    fn ready(&self, cancel: &Cancel) -> Result<Arc<Ready>, EngineError> {
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ready) = &*ready {
            return Ok(Arc::clone(ready));
        }
        let texts: Vec<&str> = self
            .examples
            .iter()
            .map(|example| example.input.text.as_str())
            .collect();
        let vectors = self.encoder.vectors(&texts, cancel, &mut |_| {})?;
        let labels = numbered(&self.examples, &self.labels);
        let groups = groups(&self.examples);
        let nearest = NearestNeighbours::new(matrix(&vectors)?, labels.clone(), self.labels.len(), Some(&groups))?;
        // What an example would be answered if it were none.
        let shares = nearest.left_out(Some(&groups));
        let scored: Vec<(f32, bool)> = best_of(&shares)
            .into_iter()
            .enumerate()
            .map(|(row, best)| (shares[[row, best]], best == labels[row]))
            .collect();
        let made = Arc::new(Ready {
            nearest,
            calibration: ChosenCalibration::of(&scored, SEED).calibration,
        });
        *ready = Some(Arc::clone(&made));
        Ok(made)
    }
}

/// The model that embeds the examples of a task.
pub(crate) fn embedding_model(task: &Task) -> String {
    let named = task.examples.as_ref().and_then(|examples| examples.model.as_ref());
    named.map_or_else(|| refuel_task::EMBEDDING_MODEL.to_owned(), ToString::to_string)
}

impl Step for Similar {
    fn digest(&self) -> String {
        format!("{VERSION}+{}", self.encoder.entry().manifest.digest)
    }

    fn ask(&self, inputs: &[&RenderedInput], cancel: &Cancel) -> Result<Vec<Reply>, EngineError> {
        let ready = self.ready(cancel)?;
        let texts: Vec<&str> = inputs.iter().map(|input| input.text.as_str()).collect();
        let vectors = self.encoder.vectors(&texts, cancel, &mut |_| {})?;
        let shares = ready.nearest.probabilities(&matrix(&vectors)?);
        let answering = Answering {
            model: &self.model,
            source: Source::Similar,
            calibration: &ready.calibration,
        };
        let value = |label: usize| Value::from(self.labels[label].as_str());
        let rows = shares.rows().into_iter();
        Ok(rows
            .map(|shares| Reply::Answered(answering.best(&self.labels, &shares.to_vec(), value)))
            .collect())
    }

    fn model(&self) -> Option<String> {
        Some(self.model.clone())
    }

    fn answers_all(&self) -> bool {
        true
    }

    fn models(&self) -> Vec<ModelMemory> {
        vec![self.encoder.memory()]
    }

    fn is_quick(&self) -> bool {
        false
    }

    fn is_ready(&self) -> bool {
        self.encoder.is_loaded() && self.ready.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn load(&self, cancel: &Cancel) -> Result<(), EngineError> {
        self.encoder.load()?;
        self.ready(cancel).map(drop)
    }

    fn release(&self) {
        self.encoder.release();
    }
}
