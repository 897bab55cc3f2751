//! ONNX Runtime, where it is.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ort::environment::Environment;
use ort::session::builder::GraphOptimizationLevel;
use ort::session::{Session, SessionInputValue};
use ort::value::{PrimitiveTensorElementType, Tensor};

/// Where the set-up script puts the library: `ORT_DYLIB_PATH`, or `lib/` in Refuel's home folder.
fn library() -> Option<PathBuf> {
    const NAME: &str = if cfg!(target_os = "macos") {
        "libonnxruntime.dylib"
    } else {
        "libonnxruntime.so"
    };
    if let Some(path) = variable("ORT_DYLIB_PATH") {
        assert!(
            path.is_file(),
            "ORT_DYLIB_PATH names {}, which is not there",
            path.display()
        );
        return Some(path);
    }
    let path = home()?.join("lib").join(NAME);
    path.is_file().then_some(path)
}

/// Refuel's home folder.
pub(crate) fn home() -> Option<PathBuf> {
    let data = || variable("XDG_DATA_HOME").or_else(|| Some(variable("HOME")?.join(".local/share")));
    variable("REFUEL_HOME").or_else(|| Some(data()?.join("refuel")))
}

/// An environment variable that isn't empty.
pub(crate) fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

/// The environment of this process. None, and a word on stderr, where there is no library.
fn environment() -> Option<&'static Environment> {
    static ENVIRONMENT: OnceLock<Option<Environment>> = OnceLock::new();
    let environment = ENVIRONMENT.get_or_init(|| {
        let path = library()?;
        let builder = ort::init_from(path).expect("the library is one of the right version");
        Some(builder.with_telemetry(false).build().expect("an environment is made"))
    });
    if environment.is_none() {
        eprintln!("skipped: libonnxruntime.so is neither in ORT_DYLIB_PATH nor in lib/ of Refuel's home folder");
    }
    environment.as_ref()
}

/// Whether graphs can be run here; says so on stderr where they can't.
pub(crate) fn is_there() -> bool {
    environment().is_some()
}

/// Opens `model.onnx` of a folder, on the processor, with two threads.
pub(crate) fn open(folder: &Path) -> Session {
    let environment = environment().expect("callers have asked whether the library is there");
    Session::builder(environment)
        .and_then(|builder| Ok(builder.with_intra_threads(2)?))
        .and_then(|builder| Ok(builder.with_optimization_level(GraphOptimizationLevel::All)?))
        .and_then(|builder| Ok(builder.with_memory_pattern(false)?))
        .and_then(|mut builder| builder.commit_from_file(folder.join("model.onnx")))
        .expect("ONNX Runtime takes the graph")
}

/// A named input.
pub(crate) fn input<T>(
    name: impl Into<String>,
    shape: &[usize],
    data: Vec<T>,
) -> (Cow<'static, str>, SessionInputValue<'static>)
where
    T: PrimitiveTensorElementType + std::fmt::Debug + Clone + 'static,
{
    let shape: Vec<i64> = shape.iter().map(|&size| size as i64).collect();
    let tensor = Tensor::from_array((shape, data)).expect("the data has its shape");
    (Cow::Owned(name.into()), tensor.into_dyn().into())
}
