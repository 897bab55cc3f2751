//! Messages of a client, as they come.

use std::io;
use std::time::Duration;

use refuel_client::wire::{PREAMBLE_BYTES, Preamble, ToHost, decode, take_frame};

use super::stream::Stream;
use crate::error::HostError;

/// Buffers with more room than this are given back when they are empty.
const LARGE_BUFFER: usize = 1 << 20;

/// Bytes of a buffer that is given back.
const USUAL_BUFFER: usize = 64 << 10;

/// Longest first message: nobody has shown a token before it.
const LONGEST_HELLO: usize = 64 << 10;

/// Why nothing more is read.
#[derive(Debug)]
pub(super) enum End {
    /// The client has gone.
    Gone,
    /// The connection broke.
    Broken(io::Error),
    /// The client has to be told something, and the connection ends.
    Refused(HostError),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Self::Gone,
            _ => Self::Broken(error),
        }
    }
}

impl From<HostError> for End {
    fn from(error: HostError) -> Self {
        Self::Refused(error)
    }
}

/// What is wrong with what a client says.
pub(super) fn protocol(what: impl Into<String>) -> End {
    End::Refused(HostError::Protocol { what: what.into() })
}

/// Bytes of a client, as they come.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    bytes: Vec<u8>,
    taken: usize,
}

impl Incoming {
    /// What the client is.
    pub(super) async fn preamble(&mut self, stream: &Stream) -> Result<Preamble, End> {
        let bytes = loop {
            if let Some(bytes) = self.bytes.first_chunk::<PREAMBLE_BYTES>() {
                break *bytes;
            }
            self.read(stream).await?;
        };
        self.taken = PREAMBLE_BYTES;
        Preamble::from_bytes(&bytes).ok_or_else(|| protocol("it sent no preamble"))
    }

    /// The first message, which is short.
    pub(super) async fn first(&mut self, stream: &Stream) -> Result<ToHost, End> {
        loop {
            if let Some(message) = self.take()? {
                return Ok(message);
            }
            let length = self.bytes[self.taken..].first_chunk::<4>();
            if length.is_some_and(|length| u32::from_le_bytes(*length) as usize > LONGEST_HELLO) {
                return Err(protocol("its first message is too long"));
            }
            self.read(stream).await?;
        }
    }

    /// The next message.
    pub(super) async fn next(&mut self, stream: &Stream) -> Result<ToHost, End> {
        loop {
            if let Some(message) = self.take()? {
                return Ok(message);
            }
            self.read(stream).await?;
        }
    }

    fn take(&mut self) -> Result<Option<ToHost>, End> {
        let frame = take_frame(&self.bytes[self.taken..]).map_err(|error| protocol(error.to_string()))?;
        let Some((body, bytes)) = frame else {
            return Ok(None);
        };
        let message = decode(body).map_err(|error| protocol(error.to_string()))?;
        self.taken += bytes;
        if self.taken == self.bytes.len() {
            self.taken = 0;
            self.bytes.clear();
            if self.bytes.capacity() > LARGE_BUFFER {
                self.bytes.shrink_to(USUAL_BUFFER);
            }
        }
        Ok(Some(message))
    }

    async fn read(&mut self, stream: &Stream) -> Result<(), End> {
        if self.taken > 0 {
            self.bytes.drain(..self.taken);
            self.taken = 0;
        }
        match stream.read(&mut self.bytes).await? {
            0 => Err(End::Gone),
            _ => Ok(()),
        }
    }
}

/// Waits until a client that was told something has read it and goes, but not for long: closing at once may lose what
/// it was told.
pub(super) async fn linger(stream: &Stream) {
    const LONGEST: Duration = Duration::from_secs(1);
    stream.end();
    let mut rest = Vec::new();
    let _ = tokio::time::timeout(LONGEST, async {
        while matches!(stream.read(&mut rest).await, Ok(1..)) {
            rest.clear();
        }
    })
    .await;
}
