//! One connection to a host.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use super::address::Address;
use super::socket;
use super::waiter::{Interest, Waiter};
use crate::error::ClientError;
use crate::wire::{
    FrameError, Hello, PREAMBLE_BYTES, PROTOCOL, Preamble, STOPPING, ToClient, ToHost, Welcome, decode, encode,
    take_frame,
};

/// How long a host may take to say what it is.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// The longest single wait; there is no deadline on answers, since a model may run for long.
const LONG: Duration = Duration::from_mins(1);

/// Bytes that are read at once, and that buffers shrink back to.
const USUAL_BUFFER: usize = 64 << 10;

/// Buffers with more room than this are given back when they are empty.
const LARGE_BUFFER: usize = 1 << 20;

/// One connection to a host that has said welcome. Nothing in it blocks but the [`Waiter`].
///
/// Any error leaves it unfit for use. Dropping it at any moment is right: the host then drops its work.
#[derive(Debug)]
pub struct Connection {
    address: Address,
    socket: OwnedFd,
    incoming: Vec<u8>,
    /// Bytes of `incoming` that were read.
    taken: usize,
    outgoing: Vec<u8>,
    /// Bytes of `outgoing` that were written.
    written: usize,
    /// Whether the host's preamble was read.
    greeted: bool,
    welcome: Welcome,
}

impl Connection {
    /// Connects, sees that both sides speak the same version, and says who asks.
    ///
    /// # Errors
    /// [`ClientError::NoHost`], [`ClientError::Unreachable`], [`ClientError::Version`], [`ClientError::Impostor`],
    /// [`ClientError::Silent`], [`ClientError::Lost`], [`ClientError::Refused`], [`ClientError::Protocol`],
    /// [`ClientError::Stopped`].
    pub fn open(address: &Address, hello: &Hello, waiter: &mut dyn Waiter) -> Result<Self, ClientError> {
        let socket = socket::open(address, waiter)?;
        let mut connection = Self {
            address: address.clone(),
            socket,
            incoming: Vec::new(),
            taken: 0,
            outgoing: Preamble::own().to_bytes().to_vec(),
            written: 0,
            greeted: false,
            welcome: Welcome {
                pid: 0,
                window_bytes: 0,
            },
        };
        let deadline = Instant::now() + HANDSHAKE;
        while !connection.greet()? {
            connection.advance(waiter, Some(deadline))?;
        }
        connection.queue(&ToHost::Hello(hello.clone()))?;
        match connection.receive_until(waiter, Some(deadline))? {
            ToClient::Welcome(welcome) => connection.welcome = welcome,
            _ => return Err(connection.protocol("it did not say welcome")),
        }
        Ok(connection)
    }

    /// Reads the host's preamble; says whether it has arrived.
    fn greet(&mut self) -> Result<bool, ClientError> {
        let Some(bytes) = self.incoming.first_chunk::<PREAMBLE_BYTES>() else {
            return Ok(false);
        };
        let Some(host) = Preamble::from_bytes(bytes) else {
            return Err(self.protocol("something else than a host listens there"));
        };
        if host.protocol != PROTOCOL {
            let (address, own) = (self.address.clone(), Preamble::own());
            return Err(ClientError::Version { address, host, own });
        }
        self.taken = PREAMBLE_BYTES;
        self.greeted = true;
        Ok(true)
    }

    /// What the host said at the start.
    pub fn welcome(&self) -> &Welcome {
        &self.welcome
    }

    /// Puts a message behind what is to be sent; it goes out while [`Connection::receive`] waits, or with
    /// [`Connection::send`].
    ///
    /// # Errors
    /// [`ClientError::TooLarge`].
    pub fn queue(&mut self, message: &ToHost) -> Result<(), ClientError> {
        encode(message, &mut self.outgoing).map_err(ClientError::TooLarge)
    }

    /// Sends a message.
    ///
    /// # Errors
    /// [`ClientError::TooLarge`], [`ClientError::Lost`], [`ClientError::Stopped`].
    pub fn send(&mut self, message: &ToHost, waiter: &mut dyn Waiter) -> Result<(), ClientError> {
        self.queue(message)?;
        self.write()?;
        while self.written < self.outgoing.len() {
            self.advance(waiter, None)?;
        }
        Ok(())
    }

    /// The next message.
    ///
    /// # Errors
    /// [`ClientError::Lost`], [`ClientError::Protocol`], [`ClientError::Refused`] where the host ends the connection,
    /// [`ClientError::Stopped`].
    pub fn receive(&mut self, waiter: &mut dyn Waiter) -> Result<ToClient, ClientError> {
        self.receive_until(waiter, None)
    }

    fn receive_until(&mut self, waiter: &mut dyn Waiter, deadline: Option<Instant>) -> Result<ToClient, ClientError> {
        // What is to be sent comes first: a host has nothing to say that was not asked for.
        self.write()?;
        loop {
            if let Some(message) = self.take()? {
                return match message {
                    ToClient::Failed(failure) if failure.code == STOPPING => {
                        Err(self.lost(io::ErrorKind::ConnectionAborted.into()))
                    }
                    ToClient::Failed(failure) if failure.request.is_none() && failure.task.is_none() => {
                        Err(failure.into())
                    }
                    message => Ok(message),
                };
            }
            self.advance(waiter, deadline)?;
        }
    }

    /// The message that has arrived, if one has.
    fn take(&mut self) -> Result<Option<ToClient>, ClientError> {
        let read = match take_frame(&self.incoming[self.taken..]) {
            Ok(None) => None,
            Ok(Some((body, bytes))) => Some((decode::<ToClient>(body), bytes)),
            Err(error) => return Err(self.unread(&error)),
        };
        let Some((message, bytes)) = read else {
            return Ok(None);
        };
        self.taken += bytes;
        if self.taken == self.incoming.len() {
            self.taken = 0;
            empty(&mut self.incoming);
        }
        message.map(Some).map_err(|error| self.unread(&error))
    }

    /// Writes and reads what can be, after waiting for it.
    fn advance(&mut self, waiter: &mut dyn Waiter, deadline: Option<Instant>) -> Result<(), ClientError> {
        self.write()?;
        if self.read()? {
            return Ok(());
        }
        let interest = if self.written < self.outgoing.len() {
            Interest::Either
        } else {
            Interest::Readable
        };
        let timeout = deadline.map_or(LONG, |deadline| deadline.saturating_duration_since(Instant::now()));
        if timeout.is_zero() {
            let address = self.address.clone();
            let waited = HANDSHAKE;
            return Err(ClientError::Silent { address, waited });
        }
        waiter.wait(self.socket.as_fd(), interest, timeout)?;
        self.write()
    }

    fn write(&mut self) -> Result<(), ClientError> {
        while self.written < self.outgoing.len() {
            match socket::write(&self.socket, &self.outgoing[self.written..]) {
                Ok(0) => return Ok(()),
                Ok(bytes) => self.written += bytes,
                // What the host said before it closed its side may tell why.
                Err(error) => {
                    while self.read()? {}
                    return Err(self.lost(error));
                }
            }
        }
        self.written = 0;
        empty(&mut self.outgoing);
        Ok(())
    }

    /// Reads what is there; says whether anything was.
    fn read(&mut self) -> Result<bool, ClientError> {
        if self.taken > 0 {
            self.incoming.drain(..self.taken);
            self.taken = 0;
        }
        self.incoming.reserve(self.missing().max(USUAL_BUFFER));
        match socket::read(&self.socket, &mut self.incoming) {
            Ok(None) => Ok(false),
            Ok(Some(0)) => Err(self.ended(io::ErrorKind::UnexpectedEof.into())),
            Ok(Some(_)) => Ok(true),
            Err(error) => Err(self.ended(error)),
        }
    }

    /// Bytes that the frame under way still needs, where its length is known and sane.
    fn missing(&self) -> usize {
        let Some(length) = self.incoming.first_chunk::<4>() else {
            return 0;
        };
        let length = u32::from_le_bytes(*length) as usize;
        if length > crate::wire::LARGEST_FRAME {
            return 0;
        }
        (length + 4).saturating_sub(self.incoming.len())
    }

    /// The connection has ended; the last words of the host tell why, where there are any.
    fn ended(&mut self, error: io::Error) -> ClientError {
        // A host that refuses a client may have gone before the client has said anything.
        if !self.greeted {
            match self.greet() {
                Ok(true) => {}
                Ok(false) => return self.lost(error),
                Err(error) => return error,
            }
        }
        while let Ok(Some(message)) = self.take() {
            if let ToClient::Failed(failure) = message
                && failure.request.is_none()
                && failure.task.is_none()
                && failure.code != STOPPING
            {
                return failure.into();
            }
        }
        self.lost(error)
    }

    fn lost(&self, source: io::Error) -> ClientError {
        let address = self.address.clone();
        ClientError::Lost { address, source }
    }

    fn unread(&self, error: &FrameError) -> ClientError {
        self.protocol(&error.to_string())
    }

    /// Bytes of memory that buffers hold.
    #[cfg(test)]
    pub(super) fn buffered(&self) -> usize {
        self.incoming.capacity() + self.outgoing.capacity()
    }

    pub(super) fn protocol(&self, what: &str) -> ClientError {
        ClientError::Protocol {
            address: self.address.clone(),
            what: what.to_owned(),
        }
    }
}

/// Empties a buffer, and gives back what a large message took.
fn empty(buffer: &mut Vec<u8>) {
    buffer.clear();
    if buffer.capacity() > LARGE_BUFFER {
        buffer.shrink_to(USUAL_BUFFER);
    }
}
