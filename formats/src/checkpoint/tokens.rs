//! `tokenizer.json`, `tokenizer_config.json` and what lies beside them.

use std::path::Path;

use serde_json::{Map, Value};
use tokenizers::Tokenizer;

use super::TokenizerFiles;
use crate::error::FormatError;
use crate::files::read_small;

/// Reads a folder's tokenizer. `config` is the text of its `config.json`, whose token numbers count where the tokenizer's
/// own files are silent.
pub(super) fn read_tokenizer(folder: &Path, config: &[u8]) -> Result<TokenizerFiles, FormatError> {
    let path = folder.join("tokenizer.json");
    let Some(tokenizer_json) = read_small(&path)? else {
        return Err(no_tokenizer(folder));
    };
    let tokenizer = crate::tokenizer::load(&tokenizer_json).map_err(|error| FormatError::Malformed {
        path: path.clone(),
        what: error.to_string(),
    })?;

    let settings = object(&folder.join("tokenizer_config.json"))?;
    let special = object(&folder.join("special_tokens_map.json"))?;
    let generation = object(&folder.join("generation_config.json"))?;
    let config_path = folder.join("config.json");
    let config = parse_object(&config_path, config)?;

    let named = |field: &str| -> Option<String> {
        // A null in tokenizer_config.json says that there is no such token.
        let places = [settings.as_ref(), special.as_ref()];
        let value = places.into_iter().flatten().find_map(|map| map.get(field))?;
        token_text(value).map(str::to_owned)
    };
    let known = |text: String| -> Result<(u32, String), FormatError> {
        match tokenizer.token_to_id(&text) {
            Some(id) => Ok((id, text)),
            None => Err(FormatError::Malformed {
                path: path.clone(),
                what: format!("has no token `{text}`"),
            }),
        }
    };
    let numbered = |ids: Vec<u32>, file: &Path, field: &str| -> Result<Vec<(u32, String)>, FormatError> {
        ids.into_iter()
            .map(|id| match tokenizer.id_to_token(id) {
                Some(text) => Ok((id, text)),
                None => Err(FormatError::Malformed {
                    path: file.to_owned(),
                    what: format!("`{field}` names token {id}, which tokenizer.json doesn't have"),
                }),
            })
            .collect()
    };

    let bos_token = match named("bos_token") {
        Some(text) => Some(known(text)?),
        None if settings.is_some() => None,
        None => {
            let ids = token_ids(config.as_ref(), "bos_token_id", &config_path)?;
            numbered(ids, &config_path, "bos_token_id")?.into_iter().next()
        }
    };
    let mut eos_tokens: Vec<(u32, String)> = Vec::new();
    if let Some(text) = named("eos_token") {
        eos_tokens.push(known(text)?);
    }
    let generation_path = folder.join("generation_config.json");
    let text_config = config
        .as_ref()
        .and_then(|map| map.get("text_config"))
        .and_then(Value::as_object);
    for (map, file) in [
        (generation.as_ref(), &generation_path),
        (config.as_ref(), &config_path),
        (text_config, &config_path),
    ] {
        for token in numbered(token_ids(map, "eos_token_id", file)?, file, "eos_token_id")? {
            if eos_tokens.iter().all(|known| known.0 != token.0) {
                eos_tokens.push(token);
            }
        }
    }

    let asked = settings
        .as_ref()
        .and_then(|map| map.get("add_bos_token"))
        .and_then(Value::as_bool);
    let add_bos = match &bos_token {
        None => false,
        Some((id, _)) => match asked {
            Some(asked) => asked,
            None => starts_with(&tokenizer, *id, &path)?,
        },
    };
    let chat_template = chat_template(folder, settings.as_ref())?;
    Ok(TokenizerFiles {
        tokenizer_json,
        chat_template,
        bos_token,
        eos_tokens,
        add_bos,
    })
}

/// Whether the tokenizer's post-processor puts the token before a text.
fn starts_with(tokenizer: &Tokenizer, token: u32, path: &Path) -> Result<bool, FormatError> {
    let encoding = tokenizer.encode("", true).map_err(|error| FormatError::Malformed {
        path: path.to_owned(),
        what: error.to_string(),
    })?;
    Ok(encoding.get_ids().first() == Some(&token))
}

fn no_tokenizer(folder: &Path) -> FormatError {
    if ["tokenizer.model", "vocab.txt", "vocab.json"]
        .iter()
        .any(|file| folder.join(file).exists())
    {
        return FormatError::Unsupported {
            what: "a tokenizer without tokenizer.json".to_owned(),
            hint: "write it in Python: `AutoTokenizer.from_pretrained(folder, use_fast=True).save_pretrained(folder)`"
                .to_owned(),
        };
    }
    FormatError::MissingFile {
        folder: folder.to_owned(),
        file: "tokenizer.json".to_owned(),
    }
}

fn object(path: &Path) -> Result<Option<Map<String, Value>>, FormatError> {
    match read_small(path)? {
        Some(text) => parse_object(path, &text),
        None => Ok(None),
    }
}

fn parse_object(path: &Path, text: &[u8]) -> Result<Option<Map<String, Value>>, FormatError> {
    serde_json::from_slice(text)
        .map(Some)
        .map_err(|error| FormatError::Malformed {
            path: path.to_owned(),
            what: error.to_string(),
        })
}

/// A special token: its text, or an object that has it as `content`.
fn token_text(value: &Value) -> Option<&str> {
    value.as_str().or_else(|| value.get("content")?.as_str())
}

/// Token numbers: one, or a list of them.
fn token_ids(map: Option<&Map<String, Value>>, field: &str, path: &Path) -> Result<Vec<u32>, FormatError> {
    let Some(value) = map.and_then(|map| map.get(field)).filter(|value| !value.is_null()) else {
        return Ok(Vec::new());
    };
    let one = |value: &Value| value.as_u64().and_then(|id| u32::try_from(id).ok());
    let ids = match value {
        Value::Array(list) => list.iter().map(one).collect::<Option<Vec<_>>>(),
        other => one(other).map(|id| vec![id]),
    };
    ids.ok_or_else(|| FormatError::Malformed {
        path: path.to_owned(),
        what: format!("`{field}` should be a token's number or a list of them"),
    })
}

/// The chat template: `chat_template.jinja`, or what `tokenizer_config.json` has (a text, or a list of named templates of
/// which `default` is taken), or `chat_template.json` as processors of multimodal models wrote it.
fn chat_template(folder: &Path, settings: Option<&Map<String, Value>>) -> Result<Option<String>, FormatError> {
    let path = folder.join("chat_template.jinja");
    if let Some(bytes) = read_small(&path)? {
        return String::from_utf8(bytes)
            .map(Some)
            .map_err(|error| FormatError::Malformed {
                path,
                what: error.to_string(),
            });
    }
    let file = object(&folder.join("chat_template.json"))?;
    Ok([settings, file.as_ref()]
        .into_iter()
        .flatten()
        .find_map(|map| template_text(map.get("chat_template")?)))
}

fn template_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(list) => {
            let named = |entry: &&Value| entry.get("name").and_then(Value::as_str) == Some("default");
            let chosen = list
                .iter()
                .find(named)
                .or(if list.len() == 1 { list.first() } else { None })?;
            chosen.get("template")?.as_str().map(str::to_owned)
        }
        _ => None,
    }
}
