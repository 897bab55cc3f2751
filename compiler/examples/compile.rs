//! Compiles a checkpoint: `compile GGUF_OR_FOLDER OUT [--weights int4|int8|f16|f32] [--plain]`.

#![expect(clippy::print_stderr, reason = "an example talks to the person who runs it")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use refuel_compiler::{CompileOptions, WeightFormat, compile, role_of};
use refuel_formats::Checkpoint;

fn main() -> ExitCode {
    let mut paths = Vec::new();
    let (mut weights, mut rotate) = (None, true);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--weights" => {
                weights = match arguments.next().as_deref() {
                    Some("int4") => Some(WeightFormat::Int4),
                    Some("int8") => Some(WeightFormat::Int8),
                    Some("f16") => Some(WeightFormat::F16),
                    Some("f32") => Some(WeightFormat::F32),
                    _ => {
                        eprintln!("--weights takes int4, int8, f16 or f32");
                        return ExitCode::from(2);
                    }
                }
            }
            "--plain" => rotate = false,
            _ => paths.push(PathBuf::from(argument)),
        }
    }
    let [source, out] = paths.as_slice() else {
        eprintln!("usage: compile GGUF_OR_FOLDER OUT [--weights int4|int8|f16|f32] [--plain]");
        return ExitCode::from(2);
    };
    let start = Instant::now();
    let result = Checkpoint::open(source)
        .map_err(refuel_compiler::CompileError::from)
        .and_then(|checkpoint| {
            eprintln!("opened in {:.1} s", start.elapsed().as_secs_f32());
            let mut options = CompileOptions::default_for(role_of(&checkpoint.config));
            options.weights = weights.unwrap_or(options.weights);
            options.rotate = rotate;
            compile(&checkpoint, &options, out, &mut |_| {})
        });
    match result {
        Ok(description) => {
            eprintln!(
                "{} of {} parameters as {:?} in {:.1} s",
                description.family,
                description.parameters,
                description.weights,
                start.elapsed().as_secs_f32()
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error {}: {error}", error.code());
            if let Some(hint) = error.hint() {
                eprintln!("  {hint}");
            }
            ExitCode::FAILURE
        }
    }
}
