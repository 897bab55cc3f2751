//! ONNX Runtime, where it is.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::OnceLock;

use ort::environment::Environment;
use ort::session::{Session, SessionInputValue};
use ort::value::Tensor;

/// `ORT_DYLIB_PATH`, or the library in `lib/` of Refuel's home folder.
fn library() -> Option<PathBuf> {
    let variable = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let data = || variable("XDG_DATA_HOME").or_else(|| Some(variable("HOME")?.join(".local/share")));
    let home = || variable("REFUEL_HOME").or_else(|| Some(data()?.join("refuel")));
    let name = if cfg!(target_os = "macos") {
        "libonnxruntime.dylib"
    } else {
        "libonnxruntime.so"
    };
    let path = variable("ORT_DYLIB_PATH").or_else(|| Some(home()?.join("lib").join(name)))?;
    path.is_file().then_some(path)
}

fn environment() -> Option<&'static Environment> {
    static ENVIRONMENT: OnceLock<Option<Environment>> = OnceLock::new();
    let environment = ENVIRONMENT.get_or_init(|| {
        let builder = ort::init_from(library()?).expect("the library is one of the right version");
        Some(builder.with_telemetry(false).build().expect("an environment is made"))
    });
    if environment.is_none() {
        eprintln!("SKIPPED: libonnxruntime.so is neither in ORT_DYLIB_PATH nor in lib/ of Refuel's home folder");
    }
    environment.as_ref()
}

/// Runs a graph on inputs by name, each `[rows, columns]`, and gives one output; None, said on standard error, where
/// there is no ONNX Runtime.
pub(crate) fn run(graph: &[u8], inputs: &[(&str, &ndarray::Array2<f32>)], output: &str) -> Option<Vec<f32>> {
    let environment = environment()?;
    let mut session = Session::builder(environment)
        .and_then(|mut builder| builder.commit_from_memory(graph))
        .expect("ONNX Runtime takes the graph");
    let inputs: Vec<(Cow<'static, str>, SessionInputValue<'static>)> = inputs
        .iter()
        .map(|(name, values)| {
            let shape: Vec<i64> = values.shape().iter().map(|&size| size as i64).collect();
            let data: Vec<f32> = values.iter().copied().collect();
            let tensor = Tensor::from_array((shape, data)).expect("the data has its shape");
            (Cow::Owned((*name).to_owned()), tensor.into_dyn().into())
        })
        .collect();
    let outputs = session.run(inputs).expect("the graph runs");
    let (_, values) = outputs[output]
        .try_extract_tensor::<f32>()
        .expect("an output of floats");
    Some(values.to_vec())
}
