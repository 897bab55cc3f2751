//! Tensors in and out of ONNX Runtime.

use std::borrow::Cow;

use ort::memory::AllocationDevice;
use ort::session::{OutputSelector, RunOptions, Session, SessionInputValue, SessionOutputs};
use ort::value::{DynValue, PrimitiveTensorElementType, Tensor, TensorValueType};

use crate::error::EngineError;

/// Inputs of one run, by name.
pub(super) type Inputs<'v> = Vec<(Cow<'v, str>, SessionInputValue<'v>)>;

/// Makes errors of ONNX Runtime into ours.
pub(super) fn failed(model: &str) -> impl Fn(ort::Error) -> EngineError + '_ {
    move |error| EngineError::RunFailed {
        model: model.to_owned(),
        reason: error.to_string(),
    }
}

/// A tensor that owns its data.
pub(super) fn tensor<T>(shape: Vec<i64>, data: Vec<T>) -> ort::Result<SessionInputValue<'static>>
where
    T: PrimitiveTensorElementType + std::fmt::Debug + Clone + 'static,
{
    Ok(Tensor::from_array((shape, data))?.into_dyn().into())
}

/// The named outputs, and no others.
pub(super) fn named(outputs: &[&str]) -> OutputSelector {
    outputs
        .iter()
        .fold(OutputSelector::no_default(), |selector, name| selector.with(*name))
}

/// Runs a session for some outputs and hands them to `read`.
pub(super) fn run<R>(
    session: &mut Session,
    model: &str,
    inputs: Inputs<'_>,
    outputs: OutputSelector,
    shrink: Option<&str>,
    read: impl FnOnce(&mut SessionOutputs<'_>) -> Result<R, EngineError>,
) -> Result<R, EngineError> {
    let mut options = RunOptions::new().map_err(failed(model))?.with_outputs(outputs);
    if let Some(arenas) = shrink {
        // An arena keeps the largest size it ever had; after a long row it is given back.
        options
            .set("memory.enable_memory_arena_shrinkage", arenas)
            .map_err(failed(model))?;
    }
    let mut outputs = session.run_with_options(inputs, &options).map_err(failed(model))?;
    read(&mut outputs)
}

/// The single-precision numbers of an output.
pub(super) fn floats<'o>(outputs: &'o SessionOutputs<'_>, name: &str, model: &str) -> Result<&'o [f32], EngineError> {
    let value = outputs.get(name).ok_or_else(|| EngineError::RunFailed {
        model: model.to_owned(),
        reason: format!("the graph gave no output `{name}`"),
    })?;
    let (_, data) = value.try_extract_tensor::<f32>().map_err(failed(model))?;
    Ok(data)
}

/// The single-precision numbers of a value, which are copied where they are on a device.
pub(super) fn numbers(value: &DynValue) -> ort::Result<Cow<'_, [f32]>> {
    let there = value.view().downcast::<TensorValueType<f32>>()?;
    if !there.memory_info().is_cpu_accessible() {
        let here = there.to(AllocationDevice::CPU, 0)?;
        return Ok(Cow::Owned(here.extract_tensor().1.to_vec()));
    }
    Ok(Cow::Borrowed(value.try_extract_tensor::<f32>()?.1))
}

/// Takes an output out of a run, to be an input of the next.
pub(super) fn take(outputs: &mut SessionOutputs<'_>, name: &str, model: &str) -> Result<DynValue, EngineError> {
    outputs.remove(name).ok_or_else(|| EngineError::RunFailed {
        model: model.to_owned(),
        reason: format!("the graph gave no output `{name}`"),
    })
}
