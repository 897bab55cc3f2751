//! The first bytes of a connection, in both directions.

use super::{PROTOCOL, VERSION};

const MAGIC: [u8; 8] = *b"refuel\r\n";
const VERSION_BYTES: usize = 20;

/// Length of a preamble, in bytes: magic, protocol (`u32`, little-endian), version (text, filled up with zeros).
pub const PREAMBLE_BYTES: usize = MAGIC.len() + 4 + VERSION_BYTES;

/// What a side is. Its form is the same in every version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preamble {
    /// Version of the protocol.
    pub protocol: u32,
    /// Version of the program, for people.
    pub version: String,
}

impl Preamble {
    /// This program's.
    pub fn own() -> Self {
        Self {
            protocol: PROTOCOL,
            version: VERSION.to_owned(),
        }
    }

    /// The bytes. A version that is too long is cut.
    pub fn to_bytes(&self) -> [u8; PREAMBLE_BYTES] {
        let mut bytes = [0; PREAMBLE_BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&self.protocol.to_le_bytes());
        let version = self.version.as_bytes();
        let length = version.len().min(VERSION_BYTES);
        bytes[12..12 + length].copy_from_slice(&version[..length]);
        bytes
    }

    /// Reads the bytes. None where they are no preamble: something else speaks there.
    pub fn from_bytes(bytes: &[u8; PREAMBLE_BYTES]) -> Option<Self> {
        if bytes[..8] != MAGIC {
            return None;
        }
        let protocol = u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]);
        let version = &bytes[12..];
        let length = version.iter().position(|&byte| byte == 0).unwrap_or(version.len());
        Some(Self {
            protocol,
            version: String::from_utf8_lossy(&version[..length]).into_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preamble_is_read_as_it_was_written() {
        let own = Preamble::own();
        assert_eq!(Preamble::from_bytes(&own.to_bytes()), Some(own));
        let later = Preamble {
            protocol: 900,
            version: "123456789.123456789.123456789".to_owned(),
        };
        let read = Preamble::from_bytes(&later.to_bytes());
        assert_eq!(
            read,
            Some(Preamble {
                protocol: 900,
                version: "123456789.123456789.".to_owned()
            })
        );
        assert_eq!(Preamble::from_bytes(b"HTTP/1.1 400 Bad Request\r\n\r\n\0\0\0\0"), None);
    }
}
