//! From a model's folder to a session.

use std::path::Path;

use ort::ep;
use ort::session::Session as OrtSession;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use refuel_compiler::{GraphInterface, ModelDescription, SCHEMA_VERSION, WeightFormat};

use super::decoder::DecoderSession;
use super::encoder::EncoderSession;
use super::environment::{Device, RuntimeOptions, cuda_report, environment};
use super::exported::ExportedSession;
use crate::error::EngineError;
use crate::session::{Budget, Placement, Session};

/// Loads the model in `folder` (`model.onnx` beside its `model.json`) under `name`, as it is named in answers.
pub fn load(
    name: &str,
    folder: &Path,
    description: &ModelDescription,
    options: &RuntimeOptions,
    budget: Budget,
) -> Result<Box<dyn Session>, EngineError> {
    if description.schema_version != SCHEMA_VERSION {
        return Err(EngineError::ModelOutdated {
            model: name.to_owned(),
            version: description.schema_version,
        });
    }
    let (session, placement) = open(name, &folder.join("model.onnx"), description, options)?;
    let budget = budget
        .placed(&placement)
        .settled(description.context_length, description.cache_bytes_a_token());
    let (model, description) = (name.to_owned(), description.clone());
    Ok(match description.interface {
        GraphInterface::PrefixDecoder => {
            let device = options.device_id;
            Box::new(DecoderSession::new(
                model,
                session,
                description,
                placement,
                budget,
                device,
            )?)
        }
        GraphInterface::ExportedDecoder { .. } => {
            Box::new(ExportedSession::new(model, session, description, placement, budget))
        }
        GraphInterface::Encoder { .. } | GraphInterface::Classifier { .. } => Box::new(EncoderSession {
            model,
            session,
            description,
            placement,
            budget,
        }),
        GraphInterface::Head => {
            return Err(EngineError::ModelUnusable {
                model,
                reason: "it is a head, which reads no text by itself".to_owned(),
            });
        }
    })
}

fn open(
    name: &str,
    path: &Path,
    description: &ModelDescription,
    options: &RuntimeOptions,
) -> Result<(OrtSession, Placement), EngineError> {
    let environment = environment(options)?;
    let threads = options.resolved_threads();
    let unusable = |error: ort::Error| EngineError::ModelUnusable {
        model: name.to_owned(),
        reason: error.to_string(),
    };
    let builder = || -> Result<SessionBuilder, ort::Error> {
        Ok(OrtSession::builder(environment)?
            .with_intra_threads(threads)?
            .with_optimization_level(GraphOptimizationLevel::All)?
            // Shapes change with every pack, so that a remembered pattern is never right.
            .with_memory_pattern(false)?)
    };
    let on_processor = |reason: String| -> Result<(OrtSession, Placement), EngineError> {
        let session = builder()
            .and_then(|builder| {
                let cpu = ep::CPU::default().with_arena_allocator(options.memory_arena).build();
                Ok(builder.with_execution_providers([cpu])?)
            })
            .and_then(|mut builder| builder.commit_from_file(path))
            .map_err(unusable)?;
        Ok((
            session,
            Placement {
                provider: "cpu".to_owned(),
                reason,
                threads,
                arenas: options.memory_arena.then(|| "cpu:0".to_owned()),
            },
        ))
    };
    if options.device == Device::Cpu {
        return on_processor("asked for".to_owned());
    }
    let refused = |reason: String| {
        if options.device == Device::Cuda {
            return Err(EngineError::DeviceUnusable {
                device: "cuda".to_owned(),
                reason,
            });
        }
        on_processor(format!("CUDA is not used: {reason}"))
    };
    let found = match cuda_for(description, options) {
        Ok(found) => found,
        Err(reason) => return refused(reason),
    };
    let cuda = ep::CUDA::default()
        .with_device_id(options.device_id)
        // Factors that are rounded to 10 bits make products several times as fast. Who asks for single precision gets it.
        .with_tf32(description.weights != WeightFormat::F32)
        .build()
        .error_on_failure();
    let session = builder()
        .and_then(|builder| Ok(builder.with_execution_providers([cuda])?))
        .and_then(|mut builder| builder.commit_from_file(path));
    match session {
        Ok(session) => Ok((
            session,
            Placement {
                provider: "cuda".to_owned(),
                reason: found,
                threads,
                arenas: Some(format!("cpu:0;gpu:{}", options.device_id)),
            },
        )),
        Err(error) => refused(error.to_string()),
    }
}

/// Whether CUDA can run a model: `Ok` with what was found, or `Err` with why not.
pub fn cuda_for(description: &ModelDescription, options: &RuntimeOptions) -> Result<String, String> {
    let found = cuda_report(options)?;
    if description.weights == WeightFormat::Int8 {
        // Per-token int8 products have no CUDA kernel; every layer would travel to the processor and back.
        return Err("int8 weights have no CUDA kernel; pull the model with `--weights f16` or `f32`".to_owned());
    }
    Ok(found)
}
