//! `config.json`: what is accepted can be compiled, or has weights of another shape.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use refuel_formats::config::huggingface;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(config) = huggingface::from_json(bytes, Path::new("config.json")) {
        // As many tensors as the limits allow would take the fuzzer's time, and nothing else.
        if config.layers * config.experts.map_or(1, |experts| experts.count) < 1000 {
            let sizes = config
                .tensors()
                .into_iter()
                .map(|(_, shape)| shape.iter().map(|&size| size as u64).product::<u64>());
            let _: u64 = sizes.sum();
        }
    }
});
