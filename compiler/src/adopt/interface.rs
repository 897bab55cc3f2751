//! Which kind of graph an exporter wrote, by the names of its inputs and outputs.

use std::path::Path;

use refuel_formats::config::sentence;

use super::facts::Facts;
use crate::description::{GraphInterface, Pooling};
use crate::error::CompileError;
use crate::onnx::outline::{Outline, Port};

/// What can be taken over, for messages.
const KNOWN: &str = "known are decoders with past_key_values.* and present.* (`optimum-cli export onnx --task \
                     text-generation-with-past`), encoders (`--task feature-extraction`) and sequence classifiers \
                     (`--task text-classification`)";

/// The format's numbers of element types.
const FLOAT: i32 = 1;
const FLOAT16: i32 = 10;

/// Finds out a graph's interface.
///
/// # Errors
/// [`CompileError::UnknownGraph`] with what is not known about it.
pub(super) fn interface(
    graph: &Path,
    files: &Path,
    outline: &Outline,
    facts: &Facts,
) -> Result<GraphInterface, CompileError> {
    let unknown = |what: String| CompileError::UnknownGraph {
        path: graph.to_owned(),
        what,
        hint: KNOWN.to_owned(),
    };
    let takes = |name: &str| outline.inputs.iter().any(|port| port.name == name);
    let gives = |name: &str| outline.outputs.iter().find(|port| port.name == name);
    if !takes("input_ids") {
        return Err(unknown("the graph has no input `input_ids`".to_owned()));
    }
    let layers = cached_layers(outline);
    let cached = |port: &Port| port.name.starts_with("past_key_values.");
    let decoder = outline.inputs.iter().any(cached);
    let known: &[&str] = if decoder {
        &["input_ids", "attention_mask", "position_ids"]
    } else {
        &["input_ids", "attention_mask", "token_type_ids"]
    };
    let strange = outline
        .inputs
        .iter()
        .find(|port| !(known.contains(&port.name.as_str()) || decoder && cached(port)));
    if let Some(port) = strange {
        return Err(unknown(format!(
            "the graph has an input `{}`, whose meaning is not known",
            port.name
        )));
    }
    if decoder {
        let count = outline.inputs.iter().filter(|port| cached(port)).count();
        if layers == 0 || count != 2 * layers {
            return Err(unknown(
                "its past_key_values.* are not one key and one value a layer".to_owned(),
            ));
        }
        if gives("logits").is_none() {
            return Err(unknown("the graph has no output `logits`".to_owned()));
        }
        let missing = (0..layers)
            .flat_map(|layer| ["key", "value"].map(|part| format!("present.{layer}.{part}")))
            .find(|name| gives(name).is_none());
        if let Some(name) = missing {
            return Err(unknown(format!("the graph has no output `{name}`")));
        }
        let cache_type = match outline.inputs.iter().find(|port| cached(port)).map(|port| port.element) {
            Some(FLOAT) => "f32",
            Some(FLOAT16) => "f16",
            _ => return Err(unknown("its past_key_values.* are neither f32 nor f16".to_owned())),
        };
        return Ok(GraphInterface::ExportedDecoder {
            position_ids: takes("position_ids"),
            cache_type: cache_type.to_owned(),
        });
    }
    if !takes("attention_mask") {
        return Err(unknown("the graph has no input `attention_mask`".to_owned()));
    }
    let token_type_ids = takes("token_type_ids");
    if let Some(logits) = gives("logits") {
        return match logits.shape.as_slice() {
            [_, classes] => Ok(GraphInterface::Classifier {
                token_type_ids,
                labels: labels(*classes, facts).map_err(unknown)?,
            }),
            [_, _, _] => Err(unknown(
                "the graph gives logits for every token and has no past_key_values.*".to_owned(),
            )),
            _ => Err(unknown(
                "its output `logits` has neither two nor three dimensions".to_owned(),
            )),
        };
    }
    let modules = sentence::modules(files)?.unwrap_or_default();
    let pooling = match modules.pooling.as_deref() {
        Some("cls") => Pooling::Cls,
        Some("last") => Pooling::Last,
        _ => Pooling::Mean,
    };
    // The whole sentence-transformers pipeline where the graph has it, else token vectors.
    for (name, rank, pooled) in [
        ("sentence_embedding", 2, true),
        ("embedding", 2, true),
        ("last_hidden_state", 3, false),
        ("token_embeddings", 3, false),
    ] {
        if gives(name).is_some_and(|port| port.shape.len() == rank) {
            return Ok(GraphInterface::Encoder {
                token_type_ids,
                output: name.to_owned(),
                pooled,
                pooling,
                normalize: modules.normalize,
            });
        }
    }
    let names: Vec<&str> = outline.outputs.iter().map(|port| port.name.as_str()).take(8).collect();
    Err(unknown(format!("none of its outputs ({}) is known", names.join(", "))))
}

/// How many layers, counted from 0 without gaps, have a key and a value among the inputs.
pub(super) fn cached_layers(outline: &Outline) -> usize {
    let takes = |name: String| outline.inputs.iter().any(|port| port.name == name);
    (0..outline.inputs.len())
        .take_while(|layer| {
            takes(format!("past_key_values.{layer}.key")) && takes(format!("past_key_values.{layer}.value"))
        })
        .count()
}

/// Class names; `LABEL_0` and so on, as the `transformers` library has it, where the configuration doesn't name them.
fn labels(classes: Option<usize>, facts: &Facts) -> Result<Vec<String>, String> {
    match (classes, facts.classes.len()) {
        (Some(classes), 0) if classes <= 4096 => Ok((0..classes).map(|class| format!("LABEL_{class}")).collect()),
        (Some(classes), named) if classes != named => {
            Err(format!("the graph has {classes} classes and config.json names {named}"))
        }
        (None, 0) => Err("neither the graph nor config.json says what its classes are".to_owned()),
        _ => Ok(facts.classes.clone()),
    }
}
