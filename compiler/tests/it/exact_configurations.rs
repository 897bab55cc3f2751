//! The configurations of Llama-3-Refueled and Mixtral 8x7B exactly as they were published, over weights that are all zero:
//! files with a hole where the weights would be. That the architectures compute the right thing is what `families`
//! shows, on small ones; here it is the sizes.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use refuel_compiler::{CompileOptions, ModelDescription, WeightFormat, compile};
use refuel_formats::config::{Experts, huggingface};
use refuel_formats::{Checkpoint, ModelConfig};
use serde_json::{Map, Value, json};

use crate::decoder::Decoder;
use crate::memory::growth;
use crate::runtime;

/// `refuelai/Llama-3-Refueled`.
fn llama_3_refueled() -> Value {
    serde_json::from_str(include_str!(
        "../../../tests/fixtures/configurations/llama-3-refueled.json"
    ))
    .unwrap()
}

/// `mistralai/Mixtral-8x7B-v0.1`.
fn mixtral_8x7b() -> Value {
    serde_json::from_str(include_str!("../../../tests/fixtures/configurations/mixtral-8x7b.json")).unwrap()
}

fn with_layers(mut config: Value, layers: usize) -> Value {
    config["num_hidden_layers"] = layers.into();
    config
}

/// Opens a checkpoint of that configuration in `folder`, with bfloat16 weights that take no space.
fn checkpoint(folder: &Path, config: &Value) -> Checkpoint {
    let text = config.to_string();
    fs::write(folder.join("config.json"), &text).unwrap();
    let parsed: ModelConfig = huggingface::from_json(text.as_bytes(), Path::new("config.json")).unwrap();
    let mut header = Map::new();
    let mut end = 0;
    for (name, shape) in parsed.tensors() {
        let begin = end;
        end += 2 * shape.iter().product::<usize>() as u64;
        header.insert(
            name,
            json!({"dtype": "BF16", "shape": shape, "data_offsets": [begin, end]}),
        );
    }
    let header = Value::Object(header).to_string();
    let mut file = File::create(folder.join("model.safetensors")).unwrap();
    file.write_all(&(header.len() as u64).to_le_bytes()).unwrap();
    file.write_all(header.as_bytes()).unwrap();
    file.set_len(8 + header.len() as u64 + end).unwrap();
    let (begin, stop) = (&config["bos_token_id"], &config["eos_token_id"]);
    let tokenizer = json!({
        "version": "1.0",
        "model": {"type": "WordLevel", "unk_token": "<unk>", "vocab": {"<unk>": 0, "<s>": begin, "</s>": stop}},
    });
    fs::write(folder.join("tokenizer.json"), tokenizer.to_string()).unwrap();
    Checkpoint::open(folder).unwrap()
}

fn parameters(checkpoint: &Checkpoint) -> u64 {
    let tensors = checkpoint.config.tensors();
    tensors
        .iter()
        .map(|(_, shape)| shape.iter().product::<usize>() as u64)
        .sum()
}

/// Compiles and says how many bytes of memory that took.
fn compiled(checkpoint: &Checkpoint, weights: WeightFormat, out: &Path) -> (ModelDescription, Option<u64>) {
    let options = CompileOptions::new(weights);
    let (description, growth) = growth(|| compile(checkpoint, &options, out, &mut |_| {}).unwrap());
    if let Some(growth) = growth {
        let file = fs::metadata(out.join("model.onnx.data")).unwrap().len();
        let parameters = description.parameters;
        eprintln!("{parameters} parameters in {weights:?}: {file} bytes on disk, {growth} bytes of memory");
    }
    (description, growth)
}

/// Without weights every token is as likely as every other.
fn runs(folder: &Path, description: ModelDescription) {
    if !runtime::is_there() {
        return;
    }
    let vocabulary = description.vocabulary;
    let mut decoder = Decoder::open(folder, description);
    let (logits, prefix) = decoder.run(None, None, &[1, 2, 3]);
    assert!(logits.iter().flatten().all(|&logit| logit == 0.0));
    let (logits, _) = decoder.run(Some(&prefix), None, &[4, vocabulary as i64 - 1]);
    assert_eq!((logits.len(), logits[1].len()), (2, vocabulary));
}

#[test]
fn llama_3_refueled_opens_with_all_its_tensors() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = checkpoint(folder.path(), &llama_3_refueled());
    assert_eq!(checkpoint.weights.names().len(), 291);
    assert_eq!(parameters(&checkpoint), 8_030_261_248);
    assert_eq!(checkpoint.tokenizer.bos_token, Some((128_000, "<s>".to_owned())));
}

#[test]
fn mixtral_8x7b_opens_with_all_its_tensors() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = checkpoint(folder.path(), &mixtral_8x7b());
    assert_eq!(checkpoint.weights.names().len(), 995);
    assert_eq!(parameters(&checkpoint), 46_702_792_704);
    let experts = Experts { count: 8, per_token: 2 };
    assert_eq!(checkpoint.config.experts, Some(experts));
}

/// The largest matrices (a vocabulary of 128,256, a feed-forward part of 14,336) are in every layer, so one is enough for
/// what memory a compilation needs.
#[test]
fn a_layer_of_llama_3_refueled_compiles_and_runs() {
    let (folder, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let checkpoint = checkpoint(folder.path(), &with_layers(llama_3_refueled(), 1));
    let (description, growth) = compiled(&checkpoint, WeightFormat::Int8, out.path());
    assert_eq!((description.layers, description.vocabulary), (1, 128_256));
    // One matrix of the feed-forward part in single precision, and the same turned over.
    assert!(growth.is_none_or(|growth| growth < 640 << 20), "{growth:?}");
    runs(out.path(), description);
}

#[test]
fn a_layer_of_mixtral_8x7b_compiles_and_runs() {
    let (folder, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let checkpoint = checkpoint(folder.path(), &with_layers(mixtral_8x7b(), 1));
    let (description, growth) = compiled(&checkpoint, WeightFormat::Int4, out.path());
    assert_eq!((description.layers, description.context_length), (1, 32_768));
    assert!(growth.is_none_or(|growth| growth < 640 << 20), "{growth:?}");
    runs(out.path(), description);
}

#[test]
#[ignore = "takes a minute and writes 5 GB"]
fn all_of_llama_3_refueled_compiles() {
    let (folder, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let checkpoint = checkpoint(folder.path(), &llama_3_refueled());
    let (description, growth) = compiled(&checkpoint, WeightFormat::Int4, out.path());
    assert_eq!(description.parameters, 8_030_261_248);
    assert!(growth.is_none_or(|growth| growth < 640 << 20), "{growth:?}");
    runs(out.path(), description);
}
