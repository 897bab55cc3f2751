//! `tokenizer.json`, and texts through what it makes.

#![no_main]

use std::cell::{Cell, LazyCell};
use std::{fs, panic};

use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;
use tokenizers::Tokenizer;

const SETTINGS: &str = r#"{"bos_token":"<s>","eos_token":"</s>","chat_template":"{{ bos_token }}"}"#;

const TEXTS: [&str; 6] = [
    "",
    "w04 w05",
    "Hello, world! 123",
    "ﬁ İ ß 각 हिन्दी",
    "\0\u{85}\u{fffd}\u{200d}😀",
    "<s>a</s>",
];

thread_local! {
    static FOLDER: LazyCell<TempDir> = LazyCell::new(|| {
        let folder = tempfile::tempdir().expect("a folder is made");
        fs::write(folder.path().join("config.json"), "{}").expect("a file is written");
        fs::write(folder.path().join("tokenizer_config.json"), SETTINGS).expect("a file is written");
        folder
    });
}

thread_local! {
    static READING: Cell<bool> = const { Cell::new(false) };
}

/// The reader catches panics of the library. The fuzzer's own hook would take them for finds.
fn ignore_panics_while_reading() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |found| {
        if !READING.get() {
            before(found);
        }
    }));
}

fuzz_target!(init: ignore_panics_while_reading(), |bytes: &[u8]| {
    FOLDER.with(|folder| {
        fs::write(folder.path().join("tokenizer.json"), bytes).expect("a file is written");
        READING.set(true);
        let files = refuel_formats::read_tokenizer(folder.path());
        READING.set(false);
        let Ok(files) = files else { return };
        let tokenizer = Tokenizer::from_bytes(&files.tokenizer_json).expect("a tokenizer that was read loads");
        for text in TEXTS {
            for around in [false, true] {
                if let Ok(encoding) = tokenizer.encode_fast(text, around) {
                    let _ = tokenizer.decode(encoding.get_ids(), false);
                }
            }
        }
    });
});
