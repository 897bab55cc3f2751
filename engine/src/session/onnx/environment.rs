//! The ONNX Runtime library: where it is, and what it can do.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

use ort::environment::Environment;
use serde::Serialize;

use crate::error::EngineError;

/// Where a model is to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Device {
    /// CUDA where it works, else the processor; the reason is told.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// CUDA; an error where it doesn't work.
    Cuda,
}

/// Settings of ONNX Runtime.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeOptions {
    /// The library; `None` looks for it (see [`find_library`]).
    pub library: Option<PathBuf>,
    /// Refuel's home folder, in whose `lib/` the set-up script puts the library.
    pub home: PathBuf,
    /// Threads that one operator may use; 0 takes one a physical core.
    pub threads: usize,
    /// Where models run.
    pub device: Device,
    /// Index of the CUDA device.
    pub device_id: i32,
    /// Keep freed memory for the next run. Faster; off gives memory back at once.
    pub memory_arena: bool,
}

impl RuntimeOptions {
    /// Defaults, for a home folder.
    pub fn new(home: &Path) -> Self {
        Self {
            library: None,
            home: home.to_path_buf(),
            threads: 0,
            device: Device::Auto,
            device_id: 0,
            memory_arena: true,
        }
    }

    /// The number of threads that `threads` stands for.
    pub fn resolved_threads(&self) -> usize {
        if self.threads > 0 {
            return self.threads;
        }
        crate::machine::physical_cores()
    }
}

/// The library that is in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LibraryReport {
    /// Its path.
    pub path: PathBuf,
    /// ONNX Runtime's own description of its build.
    pub build: String,
}

struct Loaded {
    environment: Environment,
    report: LibraryReport,
}

// A process has one ONNX Runtime: its library can't be unloaded safely.
static LOADED: OnceLock<Loaded> = OnceLock::new();
static LOADING: Mutex<()> = Mutex::new(());

/// Paths where the library may be, in order: the given one, `ORT_DYLIB_PATH`, `HOME/lib`, beside the executable, the
/// loader's own search.
pub fn find_library(options: &RuntimeOptions) -> Result<PathBuf, EngineError> {
    const NAME: &str = if cfg!(target_os = "macos") {
        "libonnxruntime.dylib"
    } else {
        "libonnxruntime.so"
    };
    // A path that somebody named is the only one that counts: a different library would be a surprise.
    let named = options
        .library
        .clone()
        .or_else(|| std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from));
    if let Some(path) = named.filter(|path| !path.as_os_str().is_empty()) {
        return if path.is_file() {
            Ok(path)
        } else {
            Err(EngineError::LibraryMissing { looked: vec![path] })
        };
    }
    let beside = std::env::current_exe()
        .ok()
        .and_then(|path| path.parent().map(|folder| folder.join(NAME)));
    let system = [
        "/usr/local/lib",
        "/usr/lib",
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
    ];
    let looked: Vec<PathBuf> = std::iter::once(options.home.join("lib").join(NAME))
        .chain(beside)
        .chain(system.iter().map(|folder| Path::new(folder).join(NAME)))
        .collect();
    looked
        .iter()
        .find(|path| path.is_file())
        .cloned()
        .ok_or(EngineError::LibraryMissing { looked })
}

/// Loads the library, once a process, and says what it is.
pub fn library(options: &RuntimeOptions) -> Result<LibraryReport, EngineError> {
    loaded(options).map(|loaded| loaded.report.clone())
}

/// The environment in which sessions are made.
pub(super) fn environment(options: &RuntimeOptions) -> Result<&'static Environment, EngineError> {
    loaded(options).map(|loaded| &loaded.environment)
}

fn loaded(options: &RuntimeOptions) -> Result<&'static Loaded, EngineError> {
    if let Some(loaded) = LOADED.get() {
        return Ok(loaded);
    }
    let _guard = LOADING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(loaded) = LOADED.get() {
        return Ok(loaded);
    }
    let path = find_library(options)?;
    let unusable = |reason: String| EngineError::LibraryUnusable {
        path: path.clone(),
        reason,
    };
    let environment = ort::init_from(&path)
        .map_err(|error| unusable(error.to_string()))?
        .with_name("refuel")
        .with_telemetry(false)
        .build()
        .map_err(|error| unusable(error.to_string()))?;
    environment.set_log_level(ort::logging::LogLevel::Error);
    let report = LibraryReport {
        path: path.clone(),
        build: ort::info().to_owned(),
    };
    Ok(LOADED.get_or_init(|| Loaded { environment, report }))
}

/// Whether CUDA can be used: `Ok` with what was found, or `Err` with what is missing and how to mend it.
pub fn cuda_report(options: &RuntimeOptions) -> Result<String, String> {
    let device = Path::new("/dev/nvidia0").exists() || Path::new("/proc/driver/nvidia/version").exists();
    if !device {
        return Err("no NVIDIA device is visible to this process".to_owned());
    }
    let path = find_library(options).map_err(|error| error.to_string())?;
    let resolved = path.canonicalize().unwrap_or(path);
    let provider = resolved.with_file_name("libonnxruntime_providers_cuda.so");
    if !provider.is_file() {
        return Err(format!(
            "there is a device, but `{}` is not there: the library is the one for processors; run `scripts/setup --gpu`",
            provider.display()
        ));
    }
    Ok(format!("a device is visible and `{}` is there", provider.display()))
}
