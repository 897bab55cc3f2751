//! Options of the verbs that run a model.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Heading under which `--help` lists the options of the engine.
const ENGINE: &str = "Engine options";

/// Options of the verbs that run one model.
#[derive(Debug, Clone, Args)]
pub(crate) struct EngineArgs {
    /// Threads that a model runs on
    ///
    /// The default is the number of physical cores. More threads than cores make it slower.
    #[arg(long, env = "REFUEL_THREADS", value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024), help_heading = ENGINE)]
    pub(crate) threads: Option<u16>,

    #[command(flatten)]
    pub(crate) runtime: RuntimeArgs,
}

/// How models run, whichever verb runs them.
#[derive(Debug, Clone, Args)]
pub(crate) struct RuntimeArgs {
    /// Where the model runs
    ///
    /// `auto` takes a GPU when one is there together with its library; `refuel debug` says which it would be, and why.
    /// `cuda` fails when it can't be had, with the reason.
    #[arg(long, env = "REFUEL_DEVICE", value_name = "DEVICE", value_enum, default_value_t, hide_possible_values = true, help_heading = ENGINE)]
    pub(crate) device: DeviceChoice,

    /// Tokens that go through the model at once
    ///
    /// Larger is faster up to a point, and takes more memory. It changes no answer. [default: 384]
    #[arg(long, env = "REFUEL_BATCH_TOKENS", value_name = "N", value_parser = clap::value_parser!(u32).range(16..=1_048_576), help_heading = ENGINE)]
    pub(crate) batch_tokens: Option<u32>,

    /// Most memory for rows, beside the model's weights, such as 500MB or 2GiB
    ///
    /// A long row is run in smaller parts to stay under it, and cut where even that is too much, which its reason says;
    /// answers to rows that were cut for this are not kept. The default has room for one row of the model's whole
    /// context, in a quarter of the machine's memory at most.
    #[arg(long, env = "REFUEL_MEMORY", value_name = "SIZE", value_parser = parse_memory, help_heading = ENGINE)]
    pub(crate) memory: Option<u64>,

    /// ONNX Runtime library
    ///
    /// The default is `lib/libonnxruntime.so` in the home folder.
    #[arg(long, env = "ORT_DYLIB_PATH", value_name = "FILE", help_heading = ENGINE)]
    pub(crate) library: Option<PathBuf>,

    /// Number of the GPU, where there are several
    #[arg(long, env = "REFUEL_DEVICE_ID", value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(i32).range(0..=1023), help_heading = ENGINE)]
    pub(crate) device_id: i32,

    /// Give memory back after each run of the model
    ///
    /// Slower. Without it, ONNX Runtime keeps freed memory for the next run.
    #[arg(long, env = "REFUEL_NO_ARENA", help_heading = ENGINE)]
    pub(crate) no_arena: bool,

    /// Most bytes of answers that are kept on disk
    #[arg(long, env = "REFUEL_CACHE_SIZE", value_name = "SIZE", default_value = "2GB", value_parser = parse_size, help_heading = ENGINE)]
    pub(crate) cache_size: u64,

    /// Ask the model for every row, and keep no answers
    ///
    /// Rows that are equal are still asked once.
    #[arg(long, env = "REFUEL_NO_CACHE", help_heading = ENGINE)]
    pub(crate) no_cache: bool,
}

/// Where a model runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum DeviceChoice {
    /// A GPU where there is one, else the CPU
    #[default]
    Auto,
    /// The CPU
    Cpu,
    /// An NVIDIA GPU
    Cuda,
}

/// The least memory for rows with which a batch of short ones runs.
const LEAST_MEMORY: u64 = 64_000_000;

/// Reads an amount of memory for rows.
fn parse_memory(text: &str) -> Result<u64, String> {
    let bytes = parse_size(text)?;
    if bytes < LEAST_MEMORY {
        return Err("it has to be 64MB or more: a batch of short rows takes as much".to_owned());
    }
    Ok(bytes)
}

/// Reads a size such as `500MB`, `1.5 GiB` or `4096`, in bytes.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no size; write a number with B, kB, MB, GB, KiB, MiB or GiB");
    let text_trimmed = text.trim();
    let unit_at = text_trimmed
        .find(|character: char| character.is_ascii_alphabetic())
        .unwrap_or(text_trimmed.len());
    let (number, unit) = text_trimmed.split_at(unit_at);
    let number: f64 = number.trim().parse().map_err(|_| wrong())?;
    let factor = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "kib" => 1024.0,
        "mib" => 1024.0 * 1024.0,
        "gib" => 1024.0 * 1024.0 * 1024.0,
        _ => return Err(wrong()),
    };
    let bytes = number * factor;
    if !bytes.is_finite() || !(1.0..=1e18).contains(&bytes) {
        return Err(wrong());
    }
    Ok(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_in_decimal_and_binary_units() {
        assert_eq!(parse_size("500MB"), Ok(500_000_000));
        assert_eq!(parse_size("1.5 GiB"), Ok(1_610_612_736));
        assert_eq!(parse_size("4096"), Ok(4096));
        for wrong in ["", "MB", "-1", "0", "1 XB", "1e300GB", "nan"] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
        assert!(parse_memory("10MB").is_err() && parse_memory("64MB").is_ok());
    }
}
