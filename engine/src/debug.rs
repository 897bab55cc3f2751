//! What the engine finds on this machine: for `refuel debug`, and for whoever reads a report of a problem.

use std::path::PathBuf;

use serde::Serialize;

use crate::machine;
use crate::session::onnx::{RuntimeOptions, cuda_report, find_library, library};

/// What the engine finds on this machine.
#[derive(Debug, Clone, Serialize)]
pub struct DebugReport {
    /// Version of this program.
    pub version: &'static str,
    /// The home folder.
    pub home: PathBuf,
    /// ONNX Runtime.
    pub runtime: RuntimeFound,
    /// CUDA.
    pub cuda: CudaFound,
    /// The processor.
    pub processor: machine::Processor,
    /// Threads that one operator will use.
    pub threads: usize,
    /// Whether ONNX Runtime keeps freed memory for the next run.
    pub memory_arena: bool,
    /// Bytes of memory that the machine has.
    pub memory_total_bytes: Option<u64>,
    /// Bytes of it that are free or can be freed.
    pub memory_available_bytes: Option<u64>,
}

/// The ONNX Runtime library.
#[derive(Debug, Clone, Serialize)]
pub struct RuntimeFound {
    /// The library, where there is one.
    pub library: Option<PathBuf>,
    /// What it says of its own build.
    pub build: Option<String>,
    /// Why it can't be used.
    pub problem: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
}

/// Whether CUDA can be used.
#[derive(Debug, Clone, Serialize)]
pub struct CudaFound {
    /// Whether it can be used.
    pub usable: bool,
    /// What was found, or what is missing.
    pub reason: String,
}

/// Looks at the machine. The library is loaded; no model is.
pub fn debug_report(options: &RuntimeOptions) -> DebugReport {
    let runtime = match library(options) {
        Ok(found) => RuntimeFound {
            library: Some(found.path),
            build: Some(found.build),
            problem: None,
            hint: None,
        },
        Err(error) => RuntimeFound {
            library: find_library(options).ok(),
            build: None,
            problem: Some(error.to_string()),
            hint: error.hint(),
        },
    };
    let cuda = match cuda_report(options) {
        Ok(reason) => CudaFound { usable: true, reason },
        Err(reason) => CudaFound { usable: false, reason },
    };
    let (memory_total_bytes, memory_available_bytes) = machine::memory();
    DebugReport {
        version: env!("CARGO_PKG_VERSION"),
        home: options.home.clone(),
        runtime,
        cuda,
        processor: machine::processor(),
        threads: options.resolved_threads(),
        memory_arena: options.memory_arena,
        memory_total_bytes,
        memory_available_bytes,
    }
}
