//! A loaded model: its session, its tokenizer and its chat template.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use refuel_compiler::ModelDescription;
use refuel_task::{ChatTemplate, Segment};
use serde::Deserialize;

use crate::error::EngineError;
use crate::guide::Vocabulary;
use crate::session::onnx::{RuntimeOptions, load};
use crate::session::{Budget, Placement, Session};
use crate::tokenizer::Tokenizer;

/// What is read of `tokenizer_config.json`.
#[derive(Debug, Default, Deserialize)]
struct TokenizerConfig {
    chat_template: Option<String>,
    bos_token: Option<Token>,
    eos_token: Option<Token>,
}

/// A special token: its text, or an object that holds it.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Token {
    Text(String),
    Object { content: String },
}

impl Token {
    fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Object { content: text } => text,
        }
    }
}

/// A loaded model.
pub(crate) struct Model {
    /// `name@digest`, as answers carry it.
    pub name: String,
    /// What it is.
    pub description: ModelDescription,
    /// Text to tokens and back.
    pub tokenizer: Tokenizer,
    /// The model's own chat template. None for encoders and base models.
    pub template: Option<ChatTemplate>,
    session: Mutex<Box<dyn Session>>,
    placement: Placement,
    // Made when a grammar is first asked for: most tasks ask for none.
    vocabulary: OnceLock<Result<Arc<Vocabulary>, String>>,
}

impl Model {
    /// Loads the model in `folder`, as the registry keeps it.
    pub(crate) fn load(
        name: &str,
        folder: &Path,
        description: &ModelDescription,
        options: &RuntimeOptions,
        budget: Budget,
    ) -> Result<Self, EngineError> {
        // The tokenizer and the graph are read at once: each takes a good part of the time to the first answer.
        let (tokenizer, session) = std::thread::scope(|scope| {
            let tokenizer = scope.spawn(|| Tokenizer::open(name, folder));
            let session = load(name, folder, description, options, budget);
            let tokenizer = tokenizer.join().unwrap_or_else(|_| {
                Err(EngineError::Tokenizer {
                    model: name.to_owned(),
                    reason: "its file made the reader fail".to_owned(),
                })
            });
            (tokenizer, session)
        });
        let (tokenizer, session) = (tokenizer?, session?);
        let placement = session.placement().clone();
        Ok(Self {
            name: name.to_owned(),
            description: description.clone(),
            tokenizer,
            template: chat_template(name, folder)?,
            session: Mutex::new(session),
            placement,
            vocabulary: OnceLock::new(),
        })
    }

    /// Where it runs, and why there.
    pub(crate) fn placement(&self) -> &Placement {
        &self.placement
    }

    /// Its tokens as bytes.
    ///
    /// # Errors
    /// [`EngineError::Tokenizer`] where it can't be told which bytes they stand for.
    pub(crate) fn vocabulary(&self) -> Result<Arc<Vocabulary>, EngineError> {
        let made = self.vocabulary.get_or_init(|| {
            let terminator = self.template.as_ref().and_then(ChatTemplate::terminator);
            let terminator = terminator.map(|text| self.tokenizer.segments(&[Segment::Template(text.to_owned())]));
            let terminator = terminator.transpose().map_err(|error| error.to_string())?;
            let mut ends: Vec<u32> = terminator.iter().flatten().take(1).copied().collect();
            ends.extend(&self.description.eos_tokens);
            Vocabulary::new(self.tokenizer.data(), self.description.vocabulary, &ends).map(Arc::new)
        });
        made.clone().map_err(|reason| EngineError::Tokenizer {
            model: self.name.clone(),
            reason,
        })
    }

    /// The session, for one run at a time.
    pub(crate) fn session(&self) -> MutexGuard<'_, Box<dyn Session>> {
        // A panic in an earlier run leaves no half-made state behind: a session only adds whole prefixes.
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The chat template of the model in `folder`, from its `tokenizer_config.json`. None where it has none.
pub fn chat_template(name: &str, folder: &Path) -> Result<Option<ChatTemplate>, EngineError> {
    let path = folder.join("tokenizer_config.json");
    if !path.is_file() {
        return Ok(None);
    }
    let config: TokenizerConfig =
        serde_json::from_slice(&fs_err::read(&path)?).map_err(|error| EngineError::ModelUnusable {
            model: name.to_owned(),
            reason: format!("tokenizer_config.json: {error}"),
        })?;
    let text = |token: &Option<Token>| token.as_ref().map_or(String::new(), |token| token.text().to_owned());
    let (bos, eos) = (text(&config.bos_token), text(&config.eos_token));
    Ok(config
        .chat_template
        .map(|source| ChatTemplate::new(&source, &bos, &eos))
        .transpose()?)
}
