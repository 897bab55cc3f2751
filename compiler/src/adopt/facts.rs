//! What `config.json` says of a model of any architecture.

use std::path::Path;

use refuel_formats::FormatError;
use serde_json::Value;

use crate::error::CompileError;

/// Largest `config.json`, in bytes.
const MOST_BYTES: u64 = 16 << 20;
/// Largest number that a size can have.
const MOST: u64 = 1 << 30;
/// Most classes of a classifier.
const MOST_CLASSES: usize = 1 << 20;

/// What `config.json` says of a model of any architecture. The names of the fields are those that the configuration
/// classes of the `transformers` library have or had.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) family: String,
    pub(super) hidden: Option<usize>,
    pub(super) layers: Option<usize>,
    pub(super) heads: Option<usize>,
    pub(super) kv_heads: Option<usize>,
    pub(super) head_size: Option<usize>,
    pub(super) vocabulary: Option<usize>,
    /// Tokens; the tokenizer's own limit where that is less.
    pub(super) context_length: Option<usize>,
    /// Class names in the order of their numbers.
    pub(super) classes: Vec<String>,
}

impl Facts {
    pub(super) fn read(folder: &Path) -> Result<Self, CompileError> {
        let Some(config) = object(&folder.join("config.json"))? else {
            let (folder, file) = (folder.to_owned(), "config.json".to_owned());
            return Err(FormatError::MissingFile { folder, file }.into());
        };
        let number = |names: &[&str]| {
            // Multimodal checkpoints have the text model's numbers in an object of their own.
            let places = [&config, &config["text_config"]];
            let mut found = places
                .into_iter()
                .flat_map(|place| names.iter().map(|name| &place[*name]));
            let number = found.find_map(Value::as_u64)?;
            usize::try_from(number.min(MOST)).ok().filter(|number| *number > 0)
        };
        let hidden = number(&["hidden_size", "n_embd", "d_model", "dim"]);
        let heads = number(&["num_attention_heads", "n_head", "n_heads"]);
        let tokenizer = object(&folder.join("tokenizer_config.json"))?.unwrap_or_default();
        // Tokenizers without a limit of their own say 1e30.
        let limit = tokenizer["model_max_length"]
            .as_f64()
            .filter(|limit| *limit >= 1.0 && *limit < MOST as f64);
        let limit = limit.map(|limit| limit as usize);
        let positions = number(&[
            "max_position_embeddings",
            "n_positions",
            "n_ctx",
            "max_seq_len",
            "seq_length",
        ]);
        Ok(Self {
            family: config["model_type"].as_str().unwrap_or("onnx").to_owned(),
            hidden,
            layers: number(&["num_hidden_layers", "n_layer", "n_layers", "num_layers"]),
            heads,
            kv_heads: number(&["num_key_value_heads", "num_kv_heads"]).or(heads),
            head_size: number(&["head_dim"])
                .or_else(|| Some(hidden? / heads?))
                .filter(|size| *size > 0),
            vocabulary: number(&["vocab_size"]),
            context_length: [positions, limit].into_iter().flatten().min(),
            classes: classes(&config["id2label"]),
        })
    }
}

/// Class names out of `{"0": "NEGATIVE", "1": "POSITIVE"}`; none where the numbers have gaps.
fn classes(value: &Value) -> Vec<String> {
    let Some(map) = value.as_object().filter(|map| map.len() <= MOST_CLASSES) else {
        return Vec::new();
    };
    let name = |number: usize| Some(map.get(&number.to_string())?.as_str()?.to_owned());
    (0..map.len()).map(name).collect::<Option<Vec<_>>>().unwrap_or_default()
}

fn object(path: &Path) -> Result<Option<Value>, CompileError> {
    use std::io::Read;
    let file = match fs_err::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(CompileError::read(path, error)),
    };
    let mut bytes = Vec::new();
    let read = file.take(MOST_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|source| CompileError::read(path, source))?;
    let malformed = |what: String| FormatError::Malformed {
        path: path.to_owned(),
        what,
    };
    if bytes.len() as u64 > MOST_BYTES {
        return Err(malformed(format!("has more than {MOST_BYTES} bytes")).into());
    }
    let value: Value = serde_json::from_slice(&bytes).map_err(|error| malformed(error.to_string()))?;
    Ok(Some(value))
}
