//! Where a host listens.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use thiserror::Error;

/// Where a host listens: a Unix socket, or TCP.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// A socket in the file system.
    Unix(PathBuf),
    /// A port of a machine.
    Tcp {
        /// Its name, or its address; an IPv6 address without brackets.
        host: String,
        /// The port.
        port: u16,
    },
}

/// Text that is no address.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{text}` is no address of a host: {reason}")]
pub struct AddressError {
    /// The text.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

/// Longest path that `sockaddr_un` holds with its final zero, as unix(7) describes it.
const LONGEST_PATH: usize = 107;

impl FromStr for Address {
    type Err = AddressError;

    /// Reads `PATH`, `unix:PATH`, `unix://PATH` or `tcp://HOST:PORT`.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let wrong = |reason| AddressError {
            text: text.to_owned(),
            reason,
        };
        let text = text.trim();
        if let Some(rest) = text.strip_prefix("tcp://") {
            let (host, port) = rest.rsplit_once(':').ok_or_else(|| wrong("it has no port"))?;
            let port = port.parse().map_err(|_| wrong("the port is no number up to 65535"))?;
            let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
            if bracketed.is_none() && host.contains(':') {
                return Err(wrong("an IPv6 address stands in brackets"));
            }
            let host = bracketed.unwrap_or(host);
            if host.is_empty() || port == 0 {
                return Err(wrong("a machine and a port are needed"));
            }
            let host = host.to_owned();
            return Ok(Self::Tcp { host, port });
        }
        let path = text
            .strip_prefix("unix://")
            .or_else(|| text.strip_prefix("unix:"))
            .unwrap_or(text);
        if path.is_empty() {
            return Err(wrong("it is empty"));
        }
        if path.contains("://") {
            return Err(wrong("only unix: and tcp:// are known"));
        }
        if path.contains('\0') {
            return Err(wrong("it has a zero byte in it"));
        }
        if path.len() > LONGEST_PATH {
            return Err(wrong("the path of a socket has 107 bytes at most"));
        }
        Ok(Self::Unix(path.into()))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(formatter, "{}", path.display()),
            Self::Tcp { host, port } if host.contains(':') => write!(formatter, "tcp://[{host}]:{port}"),
            Self::Tcp { host, port } => write!(formatter, "tcp://{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tcp(host: &str, port: u16) -> Address {
        let host = host.to_owned();
        Address::Tcp { host, port }
    }

    #[test]
    fn addresses_are_read() {
        for (text, address) in [
            ("/run/refuel.sock", Address::Unix("/run/refuel.sock".into())),
            ("unix:/run/refuel.sock", Address::Unix("/run/refuel.sock".into())),
            ("unix:///run/refuel.sock", Address::Unix("/run/refuel.sock".into())),
            (" host.sock ", Address::Unix("host.sock".into())),
            ("tcp://localhost:7733", tcp("localhost", 7733)),
            ("tcp://[::1]:7733", tcp("::1", 7733)),
        ] {
            assert_eq!(text.parse(), Ok(address), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_reason() {
        let long = format!("/{}", "x".repeat(107));
        for (text, reason) in [
            ("", "it is empty"),
            ("unix:", "it is empty"),
            ("tcp://localhost", "it has no port"),
            ("tcp://localhost:http", "the port is no number up to 65535"),
            ("tcp://localhost:70000", "the port is no number up to 65535"),
            ("tcp://:7733", "a machine and a port are needed"),
            ("tcp://::1:7733", "an IPv6 address stands in brackets"),
            ("http://localhost:80", "only unix: and tcp:// are known"),
            (&long, "the path of a socket has 107 bytes at most"),
        ] {
            let error = text.parse::<Address>().expect_err(text);
            assert_eq!((error.text.as_str(), error.reason), (text, reason));
        }
    }

    proptest! {
        #[test]
        fn an_address_is_read_as_it_is_shown(text in "\\PC{0,40}") {
            if let Ok(address) = text.parse::<Address>() {
                prop_assert_eq!(address.to_string().parse(), Ok(address));
            }
        }
    }
}
