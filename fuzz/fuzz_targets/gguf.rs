//! GGUF: header, configuration, tokenizer, and every weight.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use refuel_formats::gguf::{self, Gguf};

fuzz_target!(|bytes: &[u8]| {
    let Ok(gguf) = Gguf::from_bytes(bytes.to_vec(), Path::new("fuzz.gguf")) else {
        return;
    };
    for tensor in gguf.tensors() {
        let mut values = vec![0.0; tensor.values()];
        gguf.read_values(tensor, 0, &mut values)
            .expect("a tensor that was found is inside the file");
    }
    let Ok(checkpoint) = gguf::checkpoint(gguf) else {
        return;
    };
    for name in checkpoint.weights.names() {
        checkpoint
            .weights
            .read(&name)
            .expect("a weight that was found is inside the file");
    }
});
