//! Arguments of `refuel debug`.

use clap::Args;

use super::engine::EngineArgs;
use super::FormatArgs;

/// Arguments of `refuel debug`.
#[derive(Debug, Args)]
pub(crate) struct DebugArgs {
    #[command(flatten)]
    pub(crate) format: FormatArgs,

    #[command(flatten)]
    pub(crate) engine: EngineArgs,
}
