//! The modules of sentence-transformers: how an encoder's token vectors become one vector of the text.

use std::path::{Component, Path};

use serde_json::Value;

use super::ModelConfig;
use super::fields::Fields;
use super::huggingface::unsupported;
use crate::error::FormatError;
use crate::files::read_small;

/// Reads `modules.json` and the pooling module's `config.json`, where a folder has them, into the configuration of an
/// encoder.
///
/// # Errors
/// [`FormatError::Unsupported`] for modules and poolings other than mean, first and last token, and normalization.
pub(crate) fn read_modules(folder: &Path, config: &mut ModelConfig) -> Result<(), FormatError> {
    if let Some(modules) = modules(folder)? {
        config.normalize |= modules.normalize;
        if modules.pooling.is_some() {
            config.pooling = modules.pooling;
        }
    }
    Ok(())
}

/// What the modules of a folder do with token vectors.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SentenceModules {
    /// How a text's vector is made of token vectors: `mean`, `cls` or `last`.
    pub pooling: Option<String>,
    /// The vector is scaled to length 1.
    pub normalize: bool,
}

/// Reads `modules.json` and the pooling module's `config.json`. None where a folder has no modules.
///
/// # Errors
/// [`FormatError::Unsupported`] for modules and poolings other than mean, first and last token, and normalization.
pub fn modules(folder: &Path) -> Result<Option<SentenceModules>, FormatError> {
    let path = folder.join("modules.json");
    let Some(text) = read_small(&path)? else {
        return Ok(None);
    };
    let mut found = SentenceModules::default();
    let malformed = |what: String| FormatError::Malformed {
        path: path.clone(),
        what,
    };
    let modules: Vec<Value> = serde_json::from_slice(&text).map_err(|error| malformed(error.to_string()))?;
    for module in &modules {
        let fields = Fields::root(&path, module)?;
        // Types are Python paths, which have moved between versions; the class name has not.
        let kind = fields.text("type")?.unwrap_or_default();
        match kind.rsplit('.').next().unwrap_or_default() {
            "Transformer" => {}
            "Normalize" => found.normalize = true,
            "Pooling" => {
                let name = fields.text("path")?.unwrap_or_default();
                let plain = Path::new(name)
                    .components()
                    .all(|part| matches!(part, Component::Normal(_)));
                if name.is_empty() || !plain {
                    return Err(malformed(format!("module path `{name}` leaves the folder")));
                }
                found.pooling = Some(read_pooling(&folder.join(name))?);
            }
            other => {
                return Err(unsupported(
                    format!("the sentence-transformers module `{other}`"),
                    "the modules Transformer, Pooling and Normalize can be compiled",
                ));
            }
        }
    }
    Ok(Some(found))
}

fn read_pooling(folder: &Path) -> Result<String, FormatError> {
    let path = folder.join("config.json");
    let text = read_small(&path)?.ok_or_else(|| FormatError::MissingFile {
        folder: folder.to_owned(),
        file: "config.json".to_owned(),
    })?;
    let value: Value = serde_json::from_slice(&text).map_err(|error| FormatError::Malformed {
        path: path.clone(),
        what: error.to_string(),
    })?;
    let fields = Fields::root(&path, &value)?;
    let mut modes = Vec::new();
    if let Some(mode) = fields.text("pooling_mode")? {
        modes.push(mode);
    } else {
        for (field, mode) in [
            ("pooling_mode_cls_token", "cls"),
            ("pooling_mode_mean_tokens", "mean"),
            ("pooling_mode_lasttoken", "lasttoken"),
            ("pooling_mode_max_tokens", "max"),
            ("pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens"),
            ("pooling_mode_weightedmean_tokens", "weightedmean"),
        ] {
            if fields.flag(field)? {
                modes.push(mode);
            }
        }
    }
    match modes.as_slice() {
        ["cls"] => Ok("cls".to_owned()),
        ["mean"] => Ok("mean".to_owned()),
        ["lasttoken"] => Ok("last".to_owned()),
        [] => Err(fields.wrong("pooling_mode_mean_tokens", "and all other poolings are off")),
        other => Err(unsupported(
            format!("pooling by {}", other.join(" and ")),
            "pooling by mean, first token (cls) or last token can be compiled",
        )),
    }
}
