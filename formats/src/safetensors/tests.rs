//! What is read from safetensors files, and what is refused.

use std::fs;

use half::{bf16, f16};
use proptest::prelude::*;
use safetensors::tensor::{TensorView, serialize};

use super::*;

/// The bytes of a file with these tensors.
fn file(tensors: &[(&str, Dtype, Vec<usize>, Vec<u8>)]) -> Vec<u8> {
    let views: Vec<_> = tensors
        .iter()
        .map(|(name, dtype, shape, bytes)| (*name, TensorView::new(*dtype, shape.clone(), bytes).unwrap()))
        .collect();
    serialize(views, None).unwrap()
}

fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn open(bytes: &[u8], family: Family) -> Result<SafetensorsWeights, FormatError> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("model.safetensors"), bytes).unwrap();
    SafetensorsWeights::open(folder.path(), family)
}

fn sample() -> Vec<u8> {
    let values = [1.0, -2.5, 3.25, 0.0, -0.125, 7.0];
    let halves: Vec<u8> = values.iter().flat_map(|v| f16::from_f32(*v).to_le_bytes()).collect();
    let brains: Vec<u8> = values.iter().flat_map(|v| bf16::from_f32(*v).to_le_bytes()).collect();
    file(&[
        ("single", Dtype::F32, vec![3, 2], floats(&values)),
        ("half", Dtype::F16, vec![3, 2], halves),
        ("brain", Dtype::BF16, vec![3, 2], brains),
        ("vector", Dtype::F32, vec![2], floats(&[4.0, 5.0])),
        ("whole", Dtype::I64, vec![1], vec![0; 8]),
    ])
}

#[test]
fn every_precision_gives_the_same_rows() {
    let weights = open(&sample(), Family::Llama).unwrap();
    for name in ["single", "half", "brain"] {
        assert_eq!(weights.shape(name), Some(vec![3, 2]));
        assert_eq!(weights.read(name).unwrap(), [1.0, -2.5, 3.25, 0.0, -0.125, 7.0]);
        let mut row = [0.0; 2];
        weights.read_rows(name, 2..3, &mut row).unwrap();
        assert_eq!(row.to_vec(), [-0.125, 7.0]);
    }
    assert_eq!(weights.matrix("vector"), Some((1, 2)));
    assert_eq!(weights.read("vector").unwrap(), [4.0, 5.0]);
    assert_eq!(weights.file_type(), "F32");
}

#[test]
fn long_half_tensors_are_read_over_several_chunks() {
    let count = 2 * CHUNK + 7;
    let bytes: Vec<u8> = (0..count)
        .flat_map(|i| bf16::from_f32((i % 251) as f32).to_le_bytes())
        .collect();
    let weights = open(&file(&[("long", Dtype::BF16, vec![count], bytes)]), Family::Llama).unwrap();
    let values = weights.read("long").unwrap();
    let expected: Vec<f32> = (0..count).map(|i| (i % 251) as f32).collect();
    assert!(values == expected);
}

#[test]
fn wrong_requests_are_errors() {
    let weights = open(&sample(), Family::Llama).unwrap();
    assert_eq!(
        weights.read_rows("single", 2..4, &mut [0.0; 4]).unwrap_err().code(),
        "RF0105"
    );
    assert_eq!(
        weights.read_rows("single", 0..1, &mut [0.0; 3]).unwrap_err().code(),
        "RF0105"
    );
    assert_eq!(weights.read("absent").unwrap_err().code(), "RF0104");
    let other_type = weights.read("whole").unwrap_err();
    assert_eq!(other_type.code(), "RF0103");
    assert_eq!(other_type.to_string(), "tensor whole of type I64 is not supported");
}

#[test]
fn names_lose_the_prefixes_of_the_class_that_wrote_them() {
    let one = |name: &'static str| (name, Dtype::F32, vec![1], floats(&[0.0]));
    let text = open(
        &file(&[
            one("language_model.model.norm.weight"),
            one("language_model.lm_head.weight"),
            one("vision_tower.head.weight"),
            one("model.layers.0.self_attn.rotary_emb.inv_freq"),
        ]),
        Family::Gemma3,
    );
    assert_eq!(text.unwrap().names(), ["lm_head.weight", "model.norm.weight"]);
    let newer = open(
        &file(&[one("model.language_model.norm.weight"), one("model.vision_tower.x")]),
        Family::Gemma3,
    );
    assert_eq!(newer.unwrap().names(), ["model.norm.weight"]);
    let encoder = open(
        &file(&[
            one("bert.embeddings.LayerNorm.gamma"),
            one("bert.embeddings.LayerNorm.beta"),
            one("classifier.weight"),
            one("bert.embeddings.position_ids"),
        ]),
        Family::Bert,
    );
    assert_eq!(
        encoder.unwrap().names(),
        [
            "classifier.weight",
            "embeddings.LayerNorm.bias",
            "embeddings.LayerNorm.weight"
        ]
    );
    let twice = open(&file(&[one("bert.pooler.x"), one("pooler.x")]), Family::Bert).unwrap_err();
    assert!(twice.to_string().ends_with("tensor pooler.x is there twice"), "{twice}");
}

#[test]
fn a_file_cut_short_anywhere_is_refused() {
    let bytes = sample();
    for length in 0..bytes.len() {
        let error = open(&bytes[..length], Family::Llama).unwrap_err();
        assert_eq!(error.code(), "RF0102", "cut to {length} bytes: {error}");
    }
    let mut longer = bytes;
    longer.push(0);
    assert_eq!(open(&longer, Family::Llama).unwrap_err().code(), "RF0102");
}

#[test]
fn headers_that_lie_are_refused() {
    let with_header = |header: &str, data: usize| {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(header.as_bytes());
        bytes.resize(bytes.len() + data, 0);
        open(&bytes, Family::Llama).unwrap_err()
    };
    let huge = u64::MAX;
    for (header, data) in [
        // A shape whose product overflows, a place outside the file, overlapping places, a hole, an end before the start.
        (format!(r#"{{"a":{{"dtype":"F32","shape":[{huge},{huge}],"data_offsets":[0,4]}}}}"#), 4),
        (r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#.to_owned(), 4),
        (r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#.to_owned(), 4),
        (r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#.to_owned(), 8),
        (r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#.to_owned(), 4),
        (r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,18446744073709551615]}}"#.to_owned(), 4),
        (r#"{"a":{"dtype":"Q99","shape":[1],"data_offsets":[0,4]}}"#.to_owned(), 4),
        ("[".repeat(100_000), 0),
        ("not json".to_owned(), 0),
    ] {
        let error = with_header(&header, data);
        assert_eq!(error.code(), "RF0102", "{}: {error}", &header[..header.len().min(120)]);
    }
    // A header of 2^63 bytes is refused before anything is allocated for it.
    let mut bytes = (1_u64 << 63).to_le_bytes().to_vec();
    bytes.extend_from_slice(b"{}");
    assert_eq!(open(&bytes, Family::Llama).unwrap_err().code(), "RF0102");
}

fn sharded(map: &str) -> (tempfile::TempDir, Result<SafetensorsWeights, FormatError>) {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    fs::create_dir(&inner).unwrap();
    let tensor = |name: &'static str, value: f32| file(&[(name, Dtype::F32, vec![1], floats(&[value]))]);
    fs::write(inner.join("model-1.safetensors"), tensor("a", 1.0)).unwrap();
    fs::write(inner.join("model-2.safetensors"), tensor("b", 2.0)).unwrap();
    fs::write(folder.path().join("outside.safetensors"), tensor("c", 3.0)).unwrap();
    fs::write(
        inner.join("model.safetensors.index.json"),
        format!(r#"{{"weight_map":{map}}}"#),
    )
    .unwrap();
    let opened = SafetensorsWeights::open(&inner, Family::Llama);
    (folder, opened)
}

#[test]
fn shards_are_read_through_their_index() {
    let (_folder, opened) = sharded(r#"{"a":"model-1.safetensors","b":"model-2.safetensors"}"#);
    let weights = opened.unwrap();
    assert_eq!(weights.names(), ["a", "b"]);
    assert_eq!(
        (weights.read("a").unwrap(), weights.read("b").unwrap()),
        (vec![1.0], vec![2.0])
    );
}

#[test]
fn an_index_can_not_leave_its_folder() {
    for name in [
        "../outside.safetensors",
        "..",
        ".",
        "",
        "/etc/passwd",
        "sub/../../outside.safetensors",
        "..\\\\outside.safetensors",
        "./model-1.safetensors",
        "model-1.safetensors/",
    ] {
        let (_folder, opened) = sharded(&format!(r#"{{"c":"{name}"}}"#));
        let error = opened.unwrap_err();
        assert_eq!(error.code(), "RF0102", "{name}");
        assert!(
            error
                .to_string()
                .contains("is not the name of a file in the same folder"),
            "{error}"
        );
    }
}

#[test]
fn an_index_that_does_not_fit_its_shards_is_refused() {
    let (_folder, absent) = sharded(r#"{"a":"model-9.safetensors"}"#);
    assert_eq!(absent.unwrap_err().code(), "RF0106");
    let (_folder, elsewhere) = sharded(r#"{"a":"model-2.safetensors"}"#);
    assert_eq!(elsewhere.unwrap_err().code(), "RF0102");
    let (_folder, empty) = sharded("{}");
    assert_eq!(empty.unwrap_err().code(), "RF0102");
}

#[test]
fn weights_in_other_formats_are_named_with_a_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let none = SafetensorsWeights::open(folder.path(), Family::Llama).unwrap_err();
    assert_eq!(none.code(), "RF0106");
    fs::write(folder.path().join("pytorch_model.bin"), b"PK").unwrap();
    let pickle = SafetensorsWeights::open(folder.path(), Family::Llama).unwrap_err();
    assert_eq!(
        pickle.to_string(),
        "pytorch_model.bin (weights that aren't safetensors) is not supported"
    );
    assert!(pickle.hint().unwrap().contains("safe_serialization=True"));
}

proptest! {
    /// Whatever one changed byte makes of a file, opening and reading it gives numbers or an error.
    #[test]
    fn a_changed_byte_never_panics(place in 0_usize..600, byte: u8) {
        let mut bytes = sample();
        let place = place % bytes.len();
        bytes[place] = byte;
        if let Ok(weights) = open(&bytes, Family::Llama) {
            for name in weights.names() {
                let _ = weights.read(&name);
            }
        }
    }

    /// The same for a header of any text.
    #[test]
    fn any_header_never_panics(header in r#"[\{\}\[\]":,a-z0-9]{0,80}"#, data in prop::collection::vec(any::<u8>(), 0..16)) {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(&data);
        let _ = open(&bytes, Family::Bert).map(|weights| weights.names());
    }
}
