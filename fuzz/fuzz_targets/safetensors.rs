//! Safetensors: the header, and every weight.

#![no_main]

use std::cell::LazyCell;
use std::fs;

use libfuzzer_sys::fuzz_target;
use refuel_formats::config::Family;
use refuel_formats::{SafetensorsWeights, WeightSource};
use tempfile::TempDir;

thread_local! {
    static FOLDER: LazyCell<TempDir> = LazyCell::new(|| tempfile::tempdir().expect("a folder is made"));
}

fuzz_target!(|bytes: &[u8]| {
    FOLDER.with(|folder| {
        fs::write(folder.path().join("model.safetensors"), bytes).expect("a file is written");
        let Ok(weights) = SafetensorsWeights::open(folder.path(), Family::Llama) else {
            return;
        };
        for name in weights.names() {
            // Types that can't be read are errors; places outside the file would be panics or others.
            if let Err(error) = weights.read(&name) {
                assert_eq!(error.code(), "RF0103", "{error}");
            }
        }
    });
});
