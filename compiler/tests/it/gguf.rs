//! GGUF files of the same models.

use refuel_compiler::WeightFormat;

use crate::decoder::Decoder;
use crate::families::check_every_way;
use crate::fixtures::{Expected, compiled_as, distance, expected};
use crate::runtime;

#[test]
fn llama_in_bf16() {
    check_every_way("gguf/llama.bf16.gguf");
}

#[test]
fn llama_in_q8_0() {
    check_every_way("gguf/llama.q8_0.gguf");
}

#[test]
fn mixtral_in_q8_0() {
    check_every_way("gguf/mixtral.q8_0.gguf");
}

#[test]
fn qwen2_in_q8_0() {
    check_every_way("gguf/qwen2.q8_0.gguf");
}

#[test]
fn qwen3_in_q8_0() {
    check_every_way("gguf/qwen3.q8_0.gguf");
}

#[test]
fn gemma3_in_q8_0() {
    check_every_way("gguf/gemma3.q8_0.gguf");
}

/// The weights are the same numbers, so only the order of rotary pairs, which the file turns, could tell them apart.
#[test]
fn a_gguf_file_and_a_checkpoint_of_one_model_give_the_same_logits() {
    if !runtime::is_there() {
        return;
    }
    let ids = expected::<Expected>("llama").ids();
    let [from_checkpoint, from_gguf] = ["llama", "gguf/llama.bf16.gguf"].map(|name| {
        let (folder, description) = compiled_as(name, WeightFormat::F32);
        Decoder::open(folder.path(), description).run(None, None, &ids).0
    });
    let distance = distance(&from_gguf, &from_checkpoint);
    assert!(distance < 1e-5, "off by {distance}");
}
