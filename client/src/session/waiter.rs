//! How a client waits, which its caller decides: a database backend has to hear of a cancelled query meanwhile.

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// What a socket is waited for to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    /// There are bytes to read, or the other side has gone.
    Readable,
    /// Bytes can be written.
    Writable,
    /// Either of them.
    Either,
}

/// The caller wants to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped;

/// How to wait.
///
/// An implementation may also leave by unwinding: a session that is left in this way is fit for the next request.
pub trait Waiter {
    /// Returns when the socket is ready, when the time is over, or earlier for no reason at all.
    ///
    /// # Errors
    /// [`Stopped`] when the caller wants to stop.
    fn wait(&mut self, socket: BorrowedFd<'_>, interest: Interest, timeout: Duration) -> Result<(), Stopped>;

    /// Waits for some time.
    ///
    /// # Errors
    /// [`Stopped`] when the caller wants to stop.
    fn sleep(&mut self, time: Duration) -> Result<(), Stopped>;
}

/// How often [`Blocking`] looks whether it is to stop.
const SLICE: Duration = Duration::from_millis(50);

/// Waits with poll(2), in slices of 50 ms where there is something that can ask it to stop.
#[derive(Clone, Copy, Default)]
pub struct Blocking<'a> {
    stop: Option<&'a dyn Fn() -> bool>,
}

impl<'a> Blocking<'a> {
    /// Waits until `stop` says true.
    pub fn until(stop: &'a dyn Fn() -> bool) -> Self {
        Self { stop: Some(stop) }
    }

    fn check(&self) -> Result<(), Stopped> {
        match self.stop {
            Some(stop) if stop() => Err(Stopped),
            _ => Ok(()),
        }
    }

    /// Polls in slices until something is there, or the time is over.
    fn poll(&self, sockets: &mut [PollFd<'_>], timeout: Duration) -> Result<(), Stopped> {
        let deadline = Instant::now().checked_add(timeout);
        loop {
            self.check()?;
            let left = deadline.map_or(SLICE, |deadline| deadline.saturating_duration_since(Instant::now()));
            let slice = if self.stop.is_some() { left.min(SLICE) } else { left };
            // A time that is too long for the system is no time at all; an interrupted call counts as ready.
            let slice = Timespec::try_from(slice).ok();
            let ready = poll(sockets, slice.as_ref()).unwrap_or(1);
            if (ready > 0 && !sockets.is_empty()) || deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return self.check();
            }
        }
    }
}

impl Waiter for Blocking<'_> {
    fn wait(&mut self, socket: BorrowedFd<'_>, interest: Interest, timeout: Duration) -> Result<(), Stopped> {
        let flags = match interest {
            Interest::Readable => PollFlags::IN,
            Interest::Writable => PollFlags::OUT,
            Interest::Either => PollFlags::IN | PollFlags::OUT,
        };
        self.poll(&mut [PollFd::from_borrowed_fd(socket, flags)], timeout)
    }

    fn sleep(&mut self, time: Duration) -> Result<(), Stopped> {
        self.poll(&mut [], time)
    }
}
