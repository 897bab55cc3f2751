//! ONNX graphs that others wrote.

#![no_main]

use std::cell::LazyCell;
use std::fs;

use libfuzzer_sys::fuzz_target;
use refuel_compiler::adopt;
use tempfile::TempDir;

const CONFIG: &str = include_str!("../../tests/fixtures/onnx/decoder/config.json");
const TOKENIZER: &str = include_str!("../../tests/fixtures/onnx/decoder/tokenizer.json");

thread_local! {
    static FOLDER: LazyCell<TempDir> = LazyCell::new(|| {
        let folder = tempfile::tempdir().expect("a folder is made");
        fs::write(folder.path().join("config.json"), CONFIG).expect("a file is written");
        fs::write(folder.path().join("tokenizer.json"), TOKENIZER).expect("a file is written");
        folder
    });
}

fuzz_target!(|bytes: &[u8]| {
    FOLDER.with(|folder| {
        let graph = folder.path().join("model.onnx");
        fs::write(&graph, bytes).expect("a file is written");
        let _ = adopt(&graph, folder.path(), &folder.path().join("out"));
    });
});
