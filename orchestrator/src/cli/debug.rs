//! Arguments of `refuel debug`.

use clap::Args;

use super::FormatArgs;
use super::engine::EngineArgs;

/// Arguments of `refuel debug`.
#[derive(Debug, Args)]
pub(crate) struct DebugArgs {
    #[command(flatten)]
    pub(crate) format: FormatArgs,

    #[command(flatten)]
    pub(crate) engine: EngineArgs,
}
