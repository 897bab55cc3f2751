//! GGUF files made to break their reader: all give an error, at once and without much memory.

use std::path::Path;

use proptest::prelude::*;
use refuel_formats::gguf::{self, Gguf};
use refuel_formats::{Checkpoint, FormatError};

use crate::gguf_builder::{Bytes, File, array, flag, float, floats, number, numbers, string, text, texts};

fn open(bytes: Vec<u8>) -> Result<Checkpoint, FormatError> {
    gguf::checkpoint(Gguf::from_bytes(bytes, Path::new("hostile.gguf"))?)
}

/// Opens a file and reads every number it has.
fn read_all(bytes: Vec<u8>) -> Result<(), FormatError> {
    let checkpoint = open(bytes)?;
    for name in checkpoint.weights.names() {
        checkpoint.weights.read(&name)?;
    }
    Ok(())
}

#[track_caller]
fn refused(file: &File, code: &str, word: &str) {
    let error = read_all(file.bytes()).expect_err(word);
    assert_eq!(error.code(), code, "{error}");
    assert!(error.to_string().contains(word), "{error} doesn't say `{word}`");
}

#[track_caller]
fn malformed(file: &File, word: &str) {
    refused(file, "RF0102", word);
}

#[test]
fn the_file_that_the_others_are_made_of_is_fine() {
    read_all(File::llama().bytes()).unwrap();
}

#[test]
fn a_file_cut_short_anywhere_is_refused() {
    let bytes = File::llama().bytes();
    for length in 0..bytes.len() {
        let error = read_all(bytes[..length].to_vec()).unwrap_err();
        assert!(matches!(error.code(), "RF0101" | "RF0102"), "{length} bytes: {error}");
    }
}

#[test]
fn counts_and_lengths_beyond_the_file_make_no_room() {
    for count in [1 << 20, 1 << 32, 1 << 60, u64::MAX] {
        for counts in [(count, 1), (1, count)] {
            let file = File {
                counts: Some(counts),
                ..File::llama()
            };
            malformed(&file, "don't fit in the");
        }
        let key = "tokenizer.ggml.tokens";
        for kind in 0..=12 {
            malformed(&File::llama().with(key, array(kind, count, &[0; 64])), "");
        }
        let long = Bytes(8, [&count.to_le_bytes()[..], b"x"].concat());
        malformed(&File::llama().with("general.name", long), "bytes of a string");
    }
}

#[test]
fn names_that_are_too_long_or_there_twice_are_refused() {
    let mut file = File::llama();
    file.metadata.push(("k".repeat(70_000), flag(true)));
    malformed(&file, "a name has 70000 bytes");
    let mut file = File::llama();
    file.metadata.push(file.metadata[0].clone());
    malformed(&file, "the key general.architecture is there twice");
    let mut file = File::llama();
    file.tensors.push(file.tensors[0].clone());
    malformed(&file, "the tensor token_embd.weight is there twice");
}

#[test]
fn other_files_and_versions_are_named() {
    malformed(
        &File {
            counts: None,
            version: 3,
            metadata: vec![],
            tensors: vec![],
            data: vec![],
        },
        "general.architecture",
    );
    let mut bytes = File::llama().bytes();
    bytes[0] = b'X';
    assert!(read_all(bytes).unwrap_err().to_string().contains("no GGUF file"));
    for (version, word) in [(1, "version 1"), (4, "version 4"), (3_u32.swap_bytes(), "big-endian")] {
        refused(
            &File {
                version,
                ..File::llama()
            },
            "RF0103",
            word,
        );
    }
    read_all(
        File {
            version: 2,
            ..File::llama()
        }
        .bytes(),
    )
    .unwrap();
}

#[test]
fn values_of_no_type_and_of_the_wrong_type_are_refused() {
    for kind in [13, 14, 255, u32::MAX] {
        malformed(&File::llama().with("x", Bytes(kind, vec![0; 8])), "no value type");
        malformed(&File::llama().with("x", array(kind, 1, &[0; 8])), "no value type");
    }
    malformed(&File::llama().with("x", Bytes(7, vec![2])), "a boolean is 2");
    malformed(&File::llama().with("x", array(7, 2, &[1, 9])), "a boolean is 9");
    malformed(
        &File::llama().with("x", Bytes(8, [&2_u64.to_le_bytes()[..], &[0xc3, 0x28]].concat())),
        "UTF-8",
    );
    for key in [
        "general.architecture",
        "tokenizer.ggml.model",
        "tokenizer.ggml.pre",
        "tokenizer.chat_template",
    ] {
        malformed(&File::llama().with(key, number(7)), "should be a string");
    }
    for key in ["llama.block_count", "llama.context_length"] {
        malformed(&File::llama().with(key, text("7")), "should be a whole number");
        malformed(&File::llama().with(key, float(1.0)), "should be a whole number");
        malformed(
            &File::llama().with(key, Bytes(5, (-1_i32).to_le_bytes().to_vec())),
            "should be a whole number",
        );
    }
}

#[test]
fn nesting_without_end_is_refused() {
    let mut nested = number(1).1;
    let mut kind = 4_u32;
    for _ in 0..10_000 {
        nested = [&kind.to_le_bytes(), &1_u64.to_le_bytes()[..], &nested].concat();
        kind = 9;
    }
    malformed(&File::llama().with("x", Bytes(9, nested)), "nested more than 4 deep");
}

#[test]
fn dimensions_that_overflow_are_refused() {
    for sizes in [
        vec![],
        vec![1; 5],
        vec![8, 0],
        vec![u64::MAX],
        vec![u64::MAX, 2],
        vec![1 << 32, 1 << 32],
        vec![1 << 16, 1 << 16, 1 << 16, 1 << 16],
        vec![1 << 62],
        vec![1 << 40, 1 << 20],
    ] {
        malformed(
            &File::llama().tensor("token_embd.weight", |tensor| tensor.sizes.clone_from(&sizes)),
            "token_embd",
        );
    }
}

#[test]
fn tensors_outside_the_file_are_refused() {
    let length = File::llama().data.len() as u64;
    for offset in [length, length - 32, 1 << 40, u64::MAX - 31, u64::MAX / 32 * 32] {
        malformed(
            &File::llama().tensor("token_embd.weight", |tensor| tensor.offset = offset),
            "token_embd.weight",
        );
    }
    for offset in [1, 16, 31, 33] {
        malformed(
            &File::llama().tensor("token_embd.weight", |tensor| tensor.offset = offset),
            "no multiple of 32",
        );
    }
}

/// Nothing is written, so that one byte may be read twice; some files share weights so.
#[test]
fn tensors_that_overlap_are_read() {
    let file = File::llama().tensor("output_norm.weight", |tensor| tensor.offset = 0);
    read_all(file.bytes()).unwrap();
}

#[test]
fn alignments_that_can_not_be_are_refused() {
    for alignment in [0, 3, 24, (1 << 20) + 1, 1 << 21, 1 << 31, u32::MAX] {
        malformed(
            &File::llama().with("general.alignment", number(alignment)),
            "general.alignment",
        );
    }
    malformed(
        &File::llama().with("general.alignment", text("32")),
        "general.alignment",
    );
    malformed(
        &File::llama().with("general.alignment", number(1 << 20)),
        "token_embd.weight",
    );
}

#[test]
fn types_that_are_not_known_are_named() {
    for (kind, word) in [
        (15, "Q8_K"),
        (16, "IQ2_XXS"),
        (39, "MXFP4"),
        (4, "type number 4"),
        (u32::MAX, "type number"),
    ] {
        refused(
            &File::llama().tensor("token_embd.weight", |tensor| tensor.kind = kind),
            "RF0103",
            word,
        );
    }
    // A row of 8 numbers is no whole block.
    for kind in [2, 3, 6, 7, 8, 10, 11, 12, 13, 14] {
        malformed(
            &File::llama().tensor("token_embd.weight", |tensor| tensor.kind = kind),
            "no multiple of",
        );
    }
}

#[test]
fn sizes_that_can_not_be_are_refused_with_their_key() {
    for key in [
        "embedding_length",
        "block_count",
        "attention.head_count",
        "feed_forward_length",
        "context_length",
    ] {
        let key = format!("llama.{key}");
        malformed(&File::llama().with(&key, number(0)), &key);
        malformed(
            &File::llama().with(&key, Bytes(10, u64::MAX.to_le_bytes().to_vec())),
            &key,
        );
        malformed(&File::llama().without(&key), &key);
    }
    malformed(
        &File::llama().with("llama.attention.head_count", number(3)),
        "can't share evenly",
    );
    malformed(&File::llama().with("llama.attention.head_count_kv", number(3)), "");
    for epsilon in [f32::NAN, f32::INFINITY, -1.0] {
        let key = "llama.attention.layer_norm_rms_epsilon";
        assert!(
            read_all(File::llama().with(key, float(epsilon)).bytes()).is_err(),
            "{epsilon}"
        );
    }
    for theta in [f32::NAN, f32::INFINITY, 0.0, -1.0] {
        assert!(
            read_all(File::llama().with("llama.rope.freq_base", float(theta)).bytes()).is_err(),
            "{theta}"
        );
    }
}

#[test]
fn tensors_that_contradict_the_metadata_are_refused() {
    refused(
        &File::llama().with("llama.block_count", number(2)),
        "RF0104",
        "model.layers.1",
    );
    refused(
        &File::llama().with("llama.feed_forward_length", number(5)),
        "RF0105",
        "mlp",
    );
    let file = File::llama().tensor("blk.0.ffn_up.weight", |tensor| {
        tensor.name = "blk.7.ffn_up.weight".to_owned();
    });
    refused(&file, "RF0103", "blk.7.ffn_up.weight");
    let file = File::llama().tensor("blk.0.attn_q.weight", |tensor| tensor.sizes = vec![8, 3]);
    malformed(&file, "blk.0.attn_q.weight");
    let file = File::llama().tensor("blk.0.attn_q.weight", |tensor| tensor.sizes = vec![2, 2, 2, 8]);
    malformed(&file, "blk.0.attn_q.weight");
}

#[test]
fn one_part_of_several_is_named() {
    let file = File::llama().with("split.count", Bytes(2, 3_u16.to_le_bytes().to_vec()));
    refused(&file, "RF0103", "one part of several");
}

#[test]
fn vocabularies_that_contradict_themselves_are_refused() {
    let file = || File::llama().with("tokenizer.ggml.model", text("llama"));
    malformed(&file(), "tokenizer.ggml.scores is missing");
    malformed(
        &file().with("tokenizer.ggml.scores", floats(&[0.0; 3])),
        "4 tokens have 3 scores",
    );
    malformed(
        &file().with("tokenizer.ggml.scores", floats(&[f32::NAN; 4])),
        "not a number",
    );
    malformed(&File::llama().with("tokenizer.ggml.tokens", texts(&[])), "0 tokens");
    malformed(
        &File::llama().with("tokenizer.ggml.tokens", texts(&["a", "b", "a", "<s>"])),
        "same text",
    );
    malformed(
        &File::llama().with("tokenizer.ggml.tokens", numbers(&[1])),
        "array of strings",
    );
    malformed(
        &File::llama().with("tokenizer.ggml.token_type", numbers(&[1, 1, 1])),
        "4 tokens have 3 types",
    );
    malformed(
        &File::llama().with("tokenizer.ggml.token_type", numbers(&[1, 1, 9, 1])),
        "no token type 9",
    );
    for merge in ["a", "", " ", "a ", "a x", "b a"] {
        malformed(&File::llama().with("tokenizer.ggml.merges", texts(&[merge])), "merge 0");
    }
    for id in [4, 100, u32::MAX - 1] {
        malformed(
            &File::llama().with("tokenizer.ggml.bos_token_id", number(id)),
            "bos_token_id",
        );
    }
    refused(
        &File::llama().with("tokenizer.ggml.model", text("t5")),
        "RF0103",
        "of kind t5",
    );
    refused(
        &File::llama().with("tokenizer.ggml.pre", text("new")),
        "RF0103",
        "pre-tokenizer new",
    );
}

/// Every way of cutting every token in two is looked at, which a few long tokens would make endless.
#[test]
fn vocabularies_made_to_take_forever_are_refused() {
    let long: Vec<String> = (1..2000).map(|length| "a".repeat(length)).collect();
    let tokens: Vec<&str> = long.iter().map(String::as_str).collect();
    let file = File::llama()
        .with("tokenizer.ggml.model", text("llama"))
        .with("tokenizer.ggml.tokens", texts(&tokens))
        .with("tokenizer.ggml.scores", floats(&vec![0.0; tokens.len()]))
        .without("tokenizer.ggml.token_type");
    malformed(&file, "too long to rebuild merges");
    let huge = "a".repeat(5000);
    let file = File::llama().with("tokenizer.ggml.tokens", texts(&["a", "b", "ab", &huge]));
    malformed(&file, "token 3 has 5000 bytes");
}

/// A file whose header is larger than any that is published is not read to its end.
#[test]
fn endless_headers_are_refused() {
    let mut bytes = b"GGUF".to_vec();
    bytes.extend(3_u32.to_le_bytes());
    bytes.extend(0_u64.to_le_bytes());
    bytes.extend(2_u64.to_le_bytes());
    bytes.extend(string("x"));
    bytes.extend(9_u32.to_le_bytes());
    bytes.extend(0_u32.to_le_bytes());
    bytes.extend((1_u64 << 32).to_le_bytes());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("endless.gguf");
    std::fs::write(&path, &bytes).unwrap();
    // The file is as long as it says, but takes no space.
    std::fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(1 << 33)
        .unwrap();
    let error = gguf::open(&path).unwrap_err();
    assert_eq!(error.code(), "RF0102", "{error}");
    assert!(error.to_string().contains("longer than"), "{error}");
}

proptest! {
    /// Changed bytes give another file or an error.
    #[test]
    fn changed_bytes_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = File::llama().bytes();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let _ = read_all(bytes);
    }

    /// The same where eight bytes are changed at once: counts, lengths, offsets.
    #[test]
    fn changed_numbers_never_panic(
        place: prop::sample::Index,
        value in prop_oneof![
            any::<u64>(), 0..64_u64, Just(u64::MAX), Just(1 << 63), Just(1 << 32), Just(i64::MAX as u64),
        ],
    ) {
        let mut bytes = File::llama().bytes();
        let place = place.index(bytes.len() - 8);
        bytes[place..place + 8].copy_from_slice(&value.to_le_bytes());
        let _ = read_all(bytes);
    }

    /// Parts of the file put in other places.
    #[test]
    fn moved_parts_never_panic(
        from: prop::sample::Index, to: prop::sample::Index, length in 1..200_usize, remove: bool,
    ) {
        let bytes = File::llama().bytes();
        let from = from.index(bytes.len());
        let part = bytes[from..].iter().copied().take(length).collect::<Vec<_>>();
        let to = to.index(bytes.len());
        let end = if remove { (to + length).min(bytes.len()) } else { to };
        let _ = read_all([&bytes[..to], &part, &bytes[end..]].concat());
    }

    #[test]
    fn other_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = read_all([b"GGUF\x03\0\0\0".to_vec(), bytes].concat());
    }
}
