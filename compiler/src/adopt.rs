//! From an ONNX folder as exporters write it to a model's folder.

mod facts;
mod interface;

use std::path::{Component, Path};

use refuel_formats::FormatError;

use crate::compile::{write_json, write_tokenizer};
use crate::description::{DESCRIPTION_FILE, GraphInterface, ModelDescription, Role, SCHEMA_VERSION, WeightFormat};
use crate::error::CompileError;
use crate::onnx::graph::GRAPH_FILE;
use crate::onnx::outline::{self, Outline};
use facts::Facts;

/// Takes over a graph that an exporter wrote: a decoder with `past_key_values.*` and `present.*`, an encoder, or a
/// sequence classifier.
///
/// `graph` is the ONNX file, `files` the folder with its `config.json` and `tokenizer.json`. The graph and the files of
/// its weights are copied into the folder `out` as they are; what they are is written beside them, as
/// [`compile`](crate::compile()) does.
///
/// # Errors
/// [`CompileError::Graph`] for a damaged file and for weights outside the folder or too short,
/// [`CompileError::UnknownGraph`] for inputs and outputs of another kind, [`CompileError::Format`] for the files beside
/// it, [`CompileError::Write`] where `out` can't be written.
pub fn adopt(graph: &Path, files: &Path, out: &Path) -> Result<ModelDescription, CompileError> {
    let outline = outline::read(graph)?;
    let external = external_files(graph, &outline)?;
    let facts = Facts::read(files)?;
    let interface = interface::interface(graph, files, &outline, &facts)?;
    let tokenizer = refuel_formats::read_tokenizer(files)?;
    let mut description = describe(graph, &outline, &facts, interface)?;
    description.bos_token = tokenizer.bos_token.as_ref().map(|(id, _)| *id);
    description.eos_tokens = tokenizer.eos_tokens.iter().map(|(id, _)| *id).collect();
    description.add_bos = tokenizer.add_bos;
    if let Some(licence) = refuel_formats::read_licence(files)? {
        description.notes.insert("licence".to_owned(), licence);
    }

    fs_err::create_dir_all(out).map_err(|source| CompileError::write(out, source))?;
    let copy = |from: &Path, to: &Path| {
        let copied = fs_err::copy(from, to).map(|_| ());
        copied.map_err(|source| CompileError::write(to, source))
    };
    let folder = graph.parent().unwrap_or(Path::new(""));
    for name in &external {
        copy(&folder.join(name), &out.join(name))?;
    }
    copy(graph, &out.join(GRAPH_FILE))?;
    write_json(&out.join(DESCRIPTION_FILE), &description)?;
    write_tokenizer(&tokenizer, out)?;
    Ok(description)
}

/// The files that hold the graph's weights. Each is a plain name in the graph's own folder: anything else could reach
/// files that are nobody's business.
fn external_files(graph: &Path, outline: &Outline) -> Result<Vec<String>, CompileError> {
    let wrong = |what: String| CompileError::Graph {
        path: graph.to_owned(),
        what,
    };
    let folder = graph.parent().unwrap_or(Path::new(""));
    let mut files = Vec::new();
    for (location, bytes) in &outline.external {
        let mut parts = Path::new(location).components();
        if !matches!((parts.next(), parts.next()), (Some(Component::Normal(name)), None) if name == location.as_str()) {
            return Err(wrong(format!(
                "its weights are in `{location}`, which is no file of the same folder"
            )));
        }
        let taken = [
            GRAPH_FILE,
            DESCRIPTION_FILE,
            "tokenizer.json",
            "tokenizer_config.json",
            "manifest.json",
        ];
        if taken.contains(&location.as_str()) {
            return Err(wrong(format!(
                "its weights are in `{location}`, which is another file's name"
            )));
        }
        let path = folder.join(location);
        let there = fs_err::metadata(&path).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => FormatError::MissingFile {
                folder: folder.to_owned(),
                file: location.clone(),
            }
            .into(),
            _ => CompileError::read(&path, source),
        })?;
        if !there.is_file() || there.len() < *bytes {
            return Err(wrong(format!(
                "`{location}` should have {bytes} bytes of weights or more, and has {}",
                there.len()
            )));
        }
        files.push(location.clone());
    }
    Ok(files)
}

fn describe(
    graph: &Path,
    outline: &Outline,
    facts: &Facts,
    interface: GraphInterface,
) -> Result<ModelDescription, CompileError> {
    let output = |name: &str| outline.outputs.iter().find(|port| port.name == name);
    let (role, cache) = match &interface {
        GraphInterface::PrefixDecoder | GraphInterface::ExportedDecoder { .. } => (
            Role::Decoder,
            outline.inputs.iter().find(|port| port.name == "past_key_values.0.key"),
        ),
        GraphInterface::Encoder { .. } => (Role::Encoder, None),
        GraphInterface::Classifier { .. } => (Role::Classifier, None),
        GraphInterface::Head => (Role::Head, None),
    };
    let cache_size = |dimension: usize| cache.and_then(|port| *port.shape.get(dimension)?);
    let unknown = |what: &str, field: &str| CompileError::UnknownGraph {
        path: graph.to_owned(),
        what: format!("neither the graph nor config.json says {what}"),
        hint: format!("add `{field}` to config.json"),
    };
    let last = |name: &str| output(name).and_then(|port| *port.shape.last()?);
    let logits = if role == Role::Decoder { last("logits") } else { None };
    let (mut kv_heads, mut head_size, mut layers) = (0, 0, facts.layers.unwrap_or(0));
    if role == Role::Decoder {
        let known = cache_size(1).or(facts.kv_heads);
        kv_heads = known.ok_or_else(|| unknown("how many key and value heads there are", "num_key_value_heads"))?;
        let known = cache_size(3).or(facts.head_size);
        head_size = known.ok_or_else(|| unknown("how wide a head is", "head_dim"))?;
        layers = interface::cached_layers(outline);
    }
    let hidden = match &interface {
        GraphInterface::Encoder { output, .. } => last(output).or(facts.hidden),
        _ => facts.hidden,
    };
    let vocabulary = logits.or(facts.vocabulary);
    Ok(ModelDescription {
        schema_version: SCHEMA_VERSION,
        role,
        family: facts.family.clone(),
        weights: weights(outline),
        context_length: facts
            .context_length
            .ok_or_else(|| unknown("how long a text can be", "max_position_embeddings"))?,
        vocabulary: vocabulary.ok_or_else(|| unknown("how many tokens there are", "vocab_size"))?,
        hidden: hidden.ok_or_else(|| unknown("how wide the hidden state is", "hidden_size"))?,
        layers,
        kv_heads,
        heads: facts.heads.unwrap_or(0),
        head_size,
        sliding_window: None,
        bos_token: None,
        eos_tokens: Vec::new(),
        add_bos: false,
        interface,
        parameters: outline
            .values
            .values()
            .fold(0, |sum, values| u64::saturating_add(sum, *values)),
        notes: std::collections::BTreeMap::from([("source_precision".to_owned(), "ONNX".to_owned())]),
    })
}

/// The format that most of the weights have.
fn weights(outline: &Outline) -> WeightFormat {
    // Numbers of `TensorProto.DataType`: float 1, uint8 2, int8 3, float16 10, bfloat16 16, uint4 21, int4 22.
    let values = |numbers: &[i32]| -> u64 {
        numbers
            .iter()
            .filter_map(|number| outline.values.get(number))
            .fold(0, |sum, more| sum.saturating_add(*more))
    };
    let (bytes, nibbles) = (values(&[2, 3]), values(&[21, 22]));
    // MatMulNBits keeps two weights of 4 bits in a byte.
    let (int8, int4) = if outline.operators.contains("MatMulNBits") {
        (0, bytes.saturating_mul(2).saturating_add(nibbles))
    } else {
        (bytes, nibbles)
    };
    let formats = [
        (int4, WeightFormat::Int4),
        (int8, WeightFormat::Int8),
        (values(&[10, 16]), WeightFormat::F16),
        (values(&[1]), WeightFormat::F32),
    ];
    formats
        .into_iter()
        .max_by_key(|(values, _)| *values)
        .map_or(WeightFormat::F32, |(_, format)| format)
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;
    use crate::onnx::messages::{GraphProto, ModelProto, StringStringEntryProto, TensorProto};

    /// A graph whose only weights are 100 bytes at byte 20 of another file.
    fn graph(location: &str) -> Vec<u8> {
        let entry = |key: &str, value: &str| StringStringEntryProto {
            key: key.to_owned(),
            value: value.to_owned(),
        };
        let tensor = TensorProto {
            name: "weight".to_owned(),
            dims: vec![25],
            data_type: Some(1),
            external_data: vec![
                entry("location", location),
                entry("offset", "20"),
                entry("length", "100"),
            ],
            data_location: Some(1),
            ..TensorProto::default()
        };
        let graph = GraphProto {
            initializer: vec![tensor],
            ..GraphProto::default()
        };
        let model = ModelProto {
            graph: Some(graph),
            ..ModelProto::default()
        };
        model.encode_to_vec()
    }

    #[test]
    fn weights_are_read_from_files_of_the_same_folder_only() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("model");
        fs_err::create_dir_all(inside.join("below")).unwrap();
        fs_err::write(folder.path().join("outside"), [0; 200]).unwrap();
        fs_err::write(inside.join("below/weights"), [0; 200]).unwrap();
        fs_err::write(inside.join("short"), [0; 119]).unwrap();
        fs_err::write(inside.join("weights"), [0; 120]).unwrap();
        let path = inside.join("model.onnx");
        let files = |location: &str| {
            fs_err::write(&path, graph(location)).unwrap();
            external_files(&path, &outline::read(&path).unwrap())
        };
        assert_eq!(files("weights").unwrap(), ["weights"]);
        let absolute = inside.join("weights").display().to_string();
        for location in [
            "../outside",
            "below/weights",
            "./weights",
            "",
            "..",
            &absolute,
            "model.json",
            "below",
            "short",
        ] {
            let error = files(location).unwrap_err();
            assert!(matches!(error, CompileError::Graph { .. }), "{location}: {error}");
        }
        assert_eq!(files("missing").unwrap_err().code(), "RF0106");
    }
}
