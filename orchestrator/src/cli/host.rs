//! Arguments of `refuel host`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::FormatArgs;
use super::engine::{EngineArgs, parse_size};

const EXAMPLES: &str = "\
Examples:
  Answer the databases and programs of this user:
    refuel host
  See what it does:
    refuel host --status
  Give it a socket, 8 GB for models, and metrics for Prometheus:
    refuel host --socket /run/refuel/host.sock --models-memory 8GB --metrics 9187
  Answer clients of other machines, that know the token:
    refuel host --listen 0.0.0.0:7733 --token-file /etc/refuel/token";

/// Heading under which `--help` lists how clients reach the host.
const REACH: &str = "Connection options";

/// Arguments of `refuel host`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct HostArgs {
    /// Show the host that runs: models, memory, what is under way
    #[arg(long, conflicts_with_all = ["supervised", "listen", "metrics"])]
    pub(crate) status: bool,

    #[command(flatten)]
    pub(crate) format: FormatArgs,

    /// Most memory that models may take together, such as 8GB
    ///
    /// Models that are not in use make room for others. The default is half of the machine's memory.
    #[arg(long, env = "REFUEL_MODELS_MEMORY", value_name = "SIZE", value_parser = parse_size)]
    pub(crate) models_memory: Option<u64>,

    /// How long a model stays loaded that nobody asks, such as 90s or 1h
    #[arg(long, env = "REFUEL_IDLE_TIMEOUT", value_name = "TIME", default_value = "15m", value_parser = parse_duration)]
    pub(crate) idle_timeout: Duration,

    /// End when standard input ends: whoever started the host has gone
    #[arg(long)]
    pub(crate) supervised: bool,

    /// Form of the log on standard error [default: text on a terminal, else json]
    #[arg(long, env = "REFUEL_LOG_FORMAT", value_name = "FORM", value_enum)]
    pub(crate) log_format: Option<LogFormat>,

    /// Unix socket that it listens on; this user and root alone can use it
    ///
    /// The default is `$XDG_RUNTIME_DIR/refuel.sock`, or `/tmp/refuel-UID/host.sock`.
    #[arg(long, env = "REFUEL_SOCKET", value_name = "PATH", help_heading = REACH)]
    pub(crate) socket: Option<PathBuf>,

    /// TCP address to listen on besides: ADDRESS:PORT, or a port of this machine alone
    ///
    /// It needs `--token-file`. What is said is not encrypted.
    #[arg(long, env = "REFUEL_LISTEN", value_name = "ADDRESS", value_parser = parse_address, help_heading = REACH)]
    pub(crate) listen: Option<SocketAddr>,

    /// File with the token that clients on TCP have to know; its owner alone can read it
    #[arg(long, env = "REFUEL_TOKEN_FILE", value_name = "FILE", help_heading = REACH)]
    pub(crate) token_file: Option<PathBuf>,

    /// Address for `/metrics` and `/healthz`: ADDRESS:PORT, or a port of this machine alone
    #[arg(long, env = "REFUEL_METRICS", value_name = "ADDRESS", value_parser = parse_address, help_heading = REACH)]
    pub(crate) metrics: Option<SocketAddr>,

    #[command(flatten)]
    pub(crate) engine: EngineArgs,
}

/// Form of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// A JSON object a line
    Json,
    /// For people
    Text,
}

/// Reads a time such as `90s`, `15m` or `1h 30m`.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    let duration = text.parse::<jiff::SignedDuration>().ok();
    duration
        .and_then(|duration| Duration::try_from(duration).ok())
        .ok_or_else(|| format!("`{text}` is no time; write such as 90s, 15m or 1h"))
}

/// Reads `ADDRESS:PORT`, or a port of this machine.
fn parse_address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(port) = text.parse() {
        return Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    }
    text.parse()
        .map_err(|_| format!("`{text}` is no address; write a port, or an IP address and a port such as 0.0.0.0:7733"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_addresses_are_read() {
        assert_eq!(parse_duration("15m"), Ok(Duration::from_mins(15)));
        assert_eq!(parse_duration("1h 30m"), Ok(Duration::from_mins(90)));
        for wrong in ["", "15", "-1m", "soon"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
        assert_eq!(parse_address("9187"), Ok(SocketAddr::from(([127, 0, 0, 1], 9187))));
        assert_eq!(parse_address("0.0.0.0:80"), Ok(SocketAddr::from(([0, 0, 0, 0], 80))));
        for wrong in ["", "localhost:80", "70000", "1.2.3.4"] {
            assert!(parse_address(wrong).is_err(), "{wrong}");
        }
    }
}
