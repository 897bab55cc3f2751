//! From a checkpoint to a model's folder.

use std::collections::BTreeMap;
use std::path::Path;

use refuel_formats::config::Family;
use refuel_formats::{Checkpoint, ModelConfig, TokenizerFiles};

use crate::decoder;
use crate::description::{DESCRIPTION_FILE, GraphInterface, ModelDescription, Role, SCHEMA_VERSION};
use crate::encoder;
use crate::error::CompileError;
use crate::layers::Compilation;
use crate::onnx::graph::GraphBuilder;
use crate::options::{CompileOptions, Progress};

/// What a checkpoint is for.
pub fn role_of(config: &ModelConfig) -> Role {
    match config.family {
        Family::Bert if config.classes.is_empty() => Role::Encoder,
        Family::Bert => Role::Classifier,
        _ => Role::Decoder,
    }
}

/// Compiles a checkpoint into the folder `out`: `model.onnx`, its weights in `model.onnx.data`, `model.json` (the
/// [`ModelDescription`] that is returned), `tokenizer.json` and `tokenizer_config.json` with the chat template.
///
/// Weights are read and written in blocks of rows; the model is never in memory as a whole. The same checkpoint and
/// options give the same bytes.
///
/// # Errors
/// A checkpoint whose weights can't be read or contradict its configuration, or a folder that can't be written.
pub fn compile(
    checkpoint: &Checkpoint,
    options: &CompileOptions,
    out: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<ModelDescription, CompileError> {
    let config = &checkpoint.config;
    check(config)?;
    fs_err::create_dir_all(out).map_err(|source| CompileError::write(out, source))?;
    let source = checkpoint.weights.as_ref();
    let parameters = source
        .names()
        .iter()
        .filter_map(|name| source.matrix(name))
        .map(|(rows, columns)| (rows * columns) as u64)
        .sum();
    let mut compilation = Compilation {
        graph: GraphBuilder::new(config.family.name(), out)?,
        source,
        format: options.weights,
        progress,
        total: parameters,
        done: 0,
    };
    let interface = match role_of(config) {
        Role::Decoder => {
            decoder::build(&mut compilation, config, options)?;
            GraphInterface::PrefixDecoder
        }
        Role::Encoder | Role::Classifier | Role::Head => encoder::build(&mut compilation, config)?,
    };
    let Compilation { graph, progress, .. } = compilation;
    graph.finish(out)?;
    let description = describe(checkpoint, options, interface, parameters);
    write_json(&out.join(DESCRIPTION_FILE), &description)?;
    write_tokenizer(&checkpoint.tokenizer, out)?;
    progress(Progress {
        done: parameters,
        total: parameters,
    });
    Ok(description)
}

/// Contradictions that would only show as a panic or a broken graph later.
fn check(config: &ModelConfig) -> Result<(), CompileError> {
    let wrong = |what: String| Err(CompileError::Configuration { what });
    let sizes = [
        ("hidden size", config.hidden),
        ("layers", config.layers),
        ("heads", config.heads),
        ("key and value heads", config.kv_heads),
        ("head size", config.head_size),
        ("intermediate size", config.intermediate),
        ("vocabulary", config.vocabulary),
        ("context length", config.context_length),
    ];
    if let Some((name, _)) = sizes.iter().find(|(_, size)| *size == 0) {
        return wrong(format!("{name} is 0"));
    }
    if !config.heads.is_multiple_of(config.kv_heads) {
        return wrong(format!(
            "{} heads can't share {} key and value heads",
            config.heads, config.kv_heads
        ));
    }
    if config.rope.is_some() && !config.head_size.is_multiple_of(2) {
        return wrong(format!("a head size of {} can't be turned in pairs", config.head_size));
    }
    if !config.sliding_layers.is_empty() && config.sliding_layers.len() != config.layers {
        return wrong(format!(
            "{} layers, but {} of them are said to slide or not",
            config.layers,
            config.sliding_layers.len()
        ));
    }
    if config.sliding_layers.contains(&true) && config.sliding_window.is_none() {
        return wrong("layers have a sliding window, but its width is not given".to_owned());
    }
    if let Some(experts) = config.experts
        && (experts.count == 0 || experts.per_token == 0 || experts.per_token > experts.count)
    {
        return wrong(format!("{} of {} experts a token", experts.per_token, experts.count));
    }
    Ok(())
}

fn describe(
    checkpoint: &Checkpoint,
    options: &CompileOptions,
    interface: GraphInterface,
    parameters: u64,
) -> ModelDescription {
    let (config, tokenizer) = (&checkpoint.config, &checkpoint.tokenizer);
    let mut notes = BTreeMap::from([("source_precision".to_owned(), checkpoint.weights.file_type())]);
    notes.extend(checkpoint.name.clone().map(|name| ("source_name".to_owned(), name)));
    notes.extend(
        checkpoint
            .licence
            .clone()
            .map(|licence| ("licence".to_owned(), licence)),
    );
    ModelDescription {
        schema_version: SCHEMA_VERSION,
        role: role_of(config),
        family: config.family.name().to_owned(),
        weights: options.weights,
        context_length: config.context_length,
        vocabulary: config.vocabulary,
        hidden: config.hidden,
        layers: config.layers,
        kv_heads: config.kv_heads,
        heads: config.heads,
        head_size: config.head_size,
        sliding_window: config.sliding_window.filter(|_| config.sliding_layers.contains(&true)),
        bos_token: tokenizer.bos_token.as_ref().map(|(id, _)| *id),
        eos_tokens: tokenizer.eos_tokens.iter().map(|(id, _)| *id).collect(),
        add_bos: tokenizer.add_bos,
        interface,
        parameters,
        notes,
    }
}

pub(crate) fn write_tokenizer(tokenizer: &TokenizerFiles, out: &Path) -> Result<(), CompileError> {
    let path = out.join("tokenizer.json");
    fs_err::write(&path, &tokenizer.tokenizer_json).map_err(|source| CompileError::write(&path, source))?;
    let mut settings = serde_json::Map::new();
    settings.insert("add_bos_token".to_owned(), tokenizer.add_bos.into());
    let texts = [
        ("bos_token", tokenizer.bos_token.as_ref()),
        ("eos_token", tokenizer.eos_tokens.first()),
    ];
    for (key, token) in texts {
        if let Some((_, text)) = token {
            settings.insert(key.to_owned(), text.as_str().into());
        }
    }
    if let Some(template) = &tokenizer.chat_template {
        settings.insert("chat_template".to_owned(), template.as_str().into());
    }
    write_json(&out.join("tokenizer_config.json"), &settings)
}

pub(crate) fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<(), CompileError> {
    let write = || {
        let mut text = serde_json::to_string_pretty(value)?;
        text.push('\n');
        fs_err::write(path, text)
    };
    write().map_err(|source| CompileError::write(path, source))
}
