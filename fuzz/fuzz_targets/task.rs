//! Task files.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use refuel_task::Task;

fuzz_target!(|text: &str| {
    // A folder that is not there: files that a task names are not found.
    match Task::from_yaml(text, "fuzz.yml", Path::new("/nonexistent")) {
        Ok(task) => assert_eq!(task.fingerprint().len(), 64),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
