//! A trained head.

use std::sync::Arc;

use refuel_registry::ModelEntry;
use refuel_task::{Answer, Kind, RenderedInput, Task};

use super::{Reply, Step};
use crate::cancel::Cancel;
use crate::engine::{ModelMemory, Shared};
use crate::error::EngineError;
use crate::learned::encoder::Encoder;
use crate::learned::labels::LabelHead;
use crate::learned::pairs::PairHead;
use crate::learned::tagger::TaggerHead;
use crate::learned::unusable;

/// What a head reads.
enum Reads {
    /// Embeddings of texts.
    Texts(Box<LabelHead>, Box<Encoder>),
    /// Features of pairs.
    Pairs(Box<PairHead>),
    /// States of tokens.
    Tokens(Box<TaggerHead>, Box<Encoder>),
}

/// See the module.
pub(crate) struct Head {
    entry: ModelEntry,
    reads: Reads,
    /// The least confidence with which it answers; without one it answers everything.
    threshold: Option<f32>,
}

impl Head {
    /// The head in `entry`, which is to answer a task.
    ///
    /// # Errors
    /// Where it can't be read, is for another task, or the model whose embeddings it reads is not on this machine.
    pub(crate) fn new(
        shared: Arc<Shared>,
        task: &Task,
        entry: ModelEntry,
        threshold: Option<f32>,
    ) -> Result<Self, EngineError> {
        let reads = if task.kind == Kind::MATCH {
            Reads::Pairs(Box::new(PairHead::open(&entry, task)?))
        } else {
            let encoder = |name: Option<&str>| {
                let name = name.ok_or_else(|| unusable(&entry, "it names no embedding model"))?;
                Encoder::new(shared, name).map(Box::new)
            };
            if task.kind == Kind::EXTRACT {
                let head = TaggerHead::open(&entry, task)?;
                let encoder = encoder(head.encoder())?;
                Reads::Tokens(Box::new(head), encoder)
            } else {
                let head = LabelHead::open(&entry, task)?;
                let encoder = encoder(head.encoder())?;
                Reads::Texts(Box::new(head), encoder)
            }
        };
        Ok(Self {
            entry,
            reads,
            threshold,
        })
    }

    /// The answers to inputs, however sure they are.
    pub(crate) fn answers(&self, inputs: &[&RenderedInput], cancel: &Cancel) -> Result<Vec<Answer>, EngineError> {
        match &self.reads {
            Reads::Texts(head, encoder) => {
                let texts: Vec<&str> = inputs.iter().map(|input| input.text.as_str()).collect();
                head.answers(inputs, &encoder.vectors(&texts, cancel, &mut |_| {})?)
            }
            Reads::Pairs(head) => head.answers(inputs),
            Reads::Tokens(head, encoder) => head.answers(inputs, encoder, cancel),
        }
    }

    fn encoder(&self) -> Option<&Encoder> {
        match &self.reads {
            Reads::Texts(_, encoder) | Reads::Tokens(_, encoder) => Some(encoder),
            Reads::Pairs(_) => None,
        }
    }
}

impl Step for Head {
    /// That of the head, which holds the digest of the model whose embeddings it reads.
    fn digest(&self) -> String {
        self.entry.manifest.digest.clone()
    }

    fn ask(&self, inputs: &[&RenderedInput], cancel: &Cancel) -> Result<Vec<Reply>, EngineError> {
        let answers = self.answers(inputs, cancel)?.into_iter();
        Ok(answers
            .map(|answer| {
                let sure = |threshold: f32| answer.confidence.is_some_and(|confidence| confidence >= threshold);
                if self.threshold.is_none_or(sure) {
                    return Reply::Answered(answer);
                }
                Reply::Passed {
                    input: None,
                    otherwise: Some(answer),
                }
            })
            .collect())
    }

    fn model(&self) -> Option<String> {
        Some(self.entry.manifest.reference())
    }

    fn answers_all(&self) -> bool {
        self.threshold.is_none()
    }

    fn models(&self) -> Vec<ModelMemory> {
        self.encoder().map(Encoder::memory).into_iter().collect()
    }

    fn is_quick(&self) -> bool {
        false
    }

    fn is_ready(&self) -> bool {
        self.encoder().is_none_or(Encoder::is_loaded)
    }

    fn load(&self, _cancel: &Cancel) -> Result<(), EngineError> {
        self.encoder().map_or(Ok(()), |encoder| encoder.load().map(drop))
    }

    fn release(&self) {
        if let Some(encoder) = self.encoder() {
            encoder.release();
        }
    }
}
