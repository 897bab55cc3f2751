//! Streams of either sort, read and written through shared references.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::io::Interest;
use tokio::net::{TcpStream, UnixStream};

/// Bytes that are read at once, at least.
const PART: usize = 64 << 10;

/// A connection's stream.
#[derive(Debug)]
pub(super) enum Stream {
    /// On this machine.
    Unix(UnixStream),
    /// From anywhere.
    Tcp(TcpStream),
}

impl Stream {
    /// Reads what is there to the end of a buffer, once something is there. 0 at the end.
    pub(super) async fn read(&self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        loop {
            self.ready(Interest::READABLE).await?;
            buffer.reserve(PART);
            let read = match self {
                Self::Unix(stream) => stream.try_read_buf(buffer),
                Self::Tcp(stream) => stream.try_read_buf(buffer),
            };
            match read {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
        }
    }

    /// Writes everything.
    pub(super) async fn write(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            self.ready(Interest::WRITABLE).await?;
            let written = match self {
                Self::Unix(stream) => stream.try_write(bytes),
                Self::Tcp(stream) => stream.try_write(bytes),
            };
            match written {
                Ok(count) => bytes = &bytes[count..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn ready(&self, interest: Interest) -> io::Result<()> {
        let ready = match self {
            Self::Unix(stream) => stream.ready(interest).await,
            Self::Tcp(stream) => stream.ready(interest).await,
        };
        ready.map(drop)
    }

    /// Says that nothing more will be written.
    pub(super) fn end(&self) {
        // Whoever has gone can't be told.
        let _ = rustix::net::shutdown(self, rustix::net::Shutdown::Write);
    }

    /// Whether the other side has closed the connection, whatever is still to be read.
    pub(super) fn has_gone(&self) -> bool {
        let mut sockets = [PollFd::new(self, PollFlags::RDHUP)];
        let now = Timespec::default();
        matches!(poll(&mut sockets, Some(&now)), Ok(1))
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Unix(stream) => stream.as_fd(),
            Self::Tcp(stream) => stream.as_fd(),
        }
    }
}
