//! What can go wrong between a client and its host.

use std::io;
use std::time::Duration;

use thiserror::Error;

use crate::session::{Address, AddressError, Stopped};
use crate::wire::{Failure, FrameError, Preamble};

/// An error of the client, with a stable code and a hint.
#[derive(Debug, Error)]
pub enum ClientError {
    /// An address can't be read.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// No host listens at the address.
    #[error("no host answers at {address}{}", after(*waited))]
    NoHost {
        /// Where one was looked for.
        address: Address,
        /// How long it was waited for one.
        waited: Duration,
        /// Why the last attempt failed.
        source: io::Error,
    },
    /// The address can't be reached by this process, whether or not a host listens there.
    #[error("{address} can't be reached")]
    Unreachable {
        /// The address.
        address: Address,
        /// Why it failed.
        source: io::Error,
    },
    /// Host and client speak different versions of the protocol.
    #[error(
        "the host at {address} has version {} (protocol {}), and this client has version {} (protocol {})",
        host.version, host.protocol, own.version, own.protocol
    )]
    Version {
        /// Where the host is.
        address: Address,
        /// What the host is.
        host: Preamble,
        /// What this client is.
        own: Preamble,
    },
    /// The process at the other end belongs to somebody who could not be trusted with the texts.
    #[error("the process that listens at {address} belongs to user {user}, not to user {own} or to root")]
    Impostor {
        /// The socket.
        address: Address,
        /// The user of the process that listens.
        user: u32,
        /// The user of this process.
        own: u32,
    },
    /// What came is not what a host says.
    #[error("the host at {address} did not keep to the protocol: {what}")]
    Protocol {
        /// Where the host is.
        address: Address,
        /// What was wrong.
        what: String,
    },
    /// The connection broke, again and again, before anything was answered.
    #[error("the connection to the host at {address} was lost")]
    Lost {
        /// Where the host is, or was.
        address: Address,
        /// How it was noticed.
        source: io::Error,
    },
    /// The host took the connection and said nothing.
    #[error("the host at {address} took the connection and said nothing for {} s", waited.as_secs())]
    Silent {
        /// Where the host is.
        address: Address,
        /// How long it was waited.
        waited: Duration,
    },
    /// The caller wants to stop.
    #[error("stopped while waiting for the host")]
    Stopped,
    /// An input is larger than a message can be.
    #[error("can't be sent to the host: {0}")]
    TooLarge(FrameError),
    /// The host said no, or failed.
    #[error("{message}")]
    Refused {
        /// The host's code.
        code: String,
        /// What was wrong.
        message: String,
        /// What to do.
        hint: Option<String>,
        /// Whether the request itself was wrong, so that asking again is in vain.
        wrong_request: bool,
    },
}

/// How long it was waited, where it was.
fn after(waited: Duration) -> String {
    match waited.as_millis() {
        0..100 => String::new(),
        100..10_000 => format!("; waited {:.1} s for one", waited.as_secs_f64()),
        _ => format!("; waited {} s for one", waited.as_secs()),
    }
}

impl ClientError {
    /// The stable code; the host's own where the host refused.
    pub fn code(&self) -> &str {
        match self {
            Self::Address(_) => "RF0701",
            Self::NoHost { .. } => "RF0702",
            Self::Unreachable { .. } => "RF0703",
            Self::Version { .. } => "RF0704",
            Self::Impostor { .. } => "RF0705",
            Self::Protocol { .. } => "RF0706",
            Self::Lost { .. } => "RF0707",
            Self::Silent { .. } => "RF0708",
            Self::Stopped => "RF0709",
            Self::TooLarge(_) => "RF0710",
            Self::Refused { code, .. } => code,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Address(_) => {
                Some("write the path of a socket, such as `/run/refuel/host.sock`, or `tcp://HOST:PORT`".to_owned())
            }
            Self::NoHost { address, .. } => Some(match address {
                Address::Unix(path) => format!("start one with `refuel host --socket {}`", path.display()),
                Address::Tcp { host, port } => {
                    format!("start one with `refuel host --listen {host}:{port} --token-file FILE` on that machine")
                }
            }),
            Self::Unreachable { source, .. } => match source.kind() {
                io::ErrorKind::PermissionDenied => Some(
                    "a host's socket can be used by the user of the host alone; start a host as the user of this process"
                        .to_owned(),
                ),
                _ => None,
            },
            Self::Version { host, own, .. } => Some(match host.protocol.cmp(&own.protocol) {
                std::cmp::Ordering::Less => format!(
                    "the host is the older side: install refuel {} and start the host anew",
                    own.version
                ),
                _ => format!(
                    "this client is the older side: bring it to version {}, and connect anew",
                    host.version
                ),
            }),
            Self::Impostor { .. } => {
                Some("see who listens there, and keep the socket in a folder that only its owner can write to".to_owned())
            }
            Self::Protocol { .. } => Some("see that the address is that of a host; its log says more".to_owned()),
            Self::Lost { .. } => Some("the host's log says why it ended".to_owned()),
            Self::Silent { .. } => Some("see what listens there, and start the host anew if it hangs".to_owned()),
            Self::Stopped => None,
            Self::TooLarge(_) => Some("send a shorter text".to_owned()),
            Self::Refused { hint, .. } => hint.clone(),
        }
    }

    /// Whether asking a host that is started anew may help.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::NoHost { .. } | Self::Lost { .. } | Self::Silent { .. })
    }
}

impl From<Stopped> for ClientError {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

impl From<Failure> for ClientError {
    fn from(failure: Failure) -> Self {
        Self::Refused {
            code: failure.code,
            message: failure.message,
            hint: failure.hint,
            wrong_request: failure.wrong_request,
        }
    }
}
