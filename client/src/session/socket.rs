//! Sockets that never block.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect, recv, send, socket_with,
    sockopt,
};

use super::address::Address;
use super::waiter::{Interest, Waiter};
use crate::error::ClientError;

/// How long a connection over TCP may take.
const CONNECT: Duration = Duration::from_secs(10);

/// How long bytes over TCP may go unacknowledged before the other machine counts as gone, in milliseconds.
const UNACKNOWLEDGED_MS: u32 = 30_000;

/// Opens a connection. A name is looked up by the system's resolver, which blocks.
pub(super) fn open(address: &Address, waiter: &mut dyn Waiter) -> Result<OwnedFd, ClientError> {
    match address {
        Address::Unix(path) => {
            let socket = open_unix(path).map_err(|error| refused(address, error.into()))?;
            check_peer(&socket, address)?;
            Ok(socket)
        }
        Address::Tcp { host, port } => {
            let places = (host.as_str(), *port).to_socket_addrs();
            let mut last = io::Error::from(io::ErrorKind::NotFound);
            for place in places.map_err(|source| unreachable(address, source))? {
                match open_tcp(place, waiter)? {
                    Ok(socket) => return Ok(socket),
                    Err(error) => last = error,
                }
            }
            Err(refused(address, last))
        }
    }
}

fn open_unix(path: &Path) -> Result<OwnedFd, Errno> {
    let socket = new(AddressFamily::UNIX)?;
    // A host whose queue of connections is full gives EAGAIN, like one that is not there: both are tried again.
    connect(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(socket)
}

fn open_tcp(place: SocketAddr, waiter: &mut dyn Waiter) -> Result<io::Result<OwnedFd>, ClientError> {
    let begin = || -> Result<(OwnedFd, bool), Errno> {
        let family = if place.is_ipv4() {
            AddressFamily::INET
        } else {
            AddressFamily::INET6
        };
        let socket = new(family)?;
        sockopt::set_tcp_nodelay(&socket, true)?;
        sockopt::set_socket_keepalive(&socket, true)?;
        sockopt::set_tcp_user_timeout(&socket, UNACKNOWLEDGED_MS)?;
        match connect(&socket, &place) {
            Ok(()) => Ok((socket, true)),
            Err(Errno::INPROGRESS) => Ok((socket, false)),
            Err(error) => Err(error),
        }
    };
    let (socket, done) = match begin() {
        Ok(begun) => begun,
        Err(error) => return Ok(Err(error.into())),
    };
    if done {
        return Ok(Ok(socket));
    }
    let deadline = Instant::now() + CONNECT;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(Err(io::ErrorKind::TimedOut.into()));
        }
        waiter.wait(socket.as_fd(), Interest::Writable, left)?;
        match sockopt::socket_error(&socket) {
            Ok(Ok(())) if rustix::net::getpeername(&socket).is_ok() => return Ok(Ok(socket)),
            Ok(Ok(())) => {}
            Ok(Err(error)) | Err(error) => return Ok(Err(error.into())),
        }
    }
}

fn new(family: AddressFamily) -> Result<OwnedFd, Errno> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    socket_with(family, SocketType::STREAM, flags, None)
}

/// Texts go to a process of the same user, or of root, alone: whoever may write to the socket's folder could listen there.
fn check_peer(socket: &OwnedFd, address: &Address) -> Result<(), ClientError> {
    let peer = sockopt::socket_peercred(socket).map_err(|error| unreachable(address, error.into()))?;
    let own = rustix::process::geteuid();
    if peer.uid == own || peer.uid.is_root() {
        return Ok(());
    }
    Err(ClientError::Impostor {
        address: address.clone(),
        user: peer.uid.as_raw(),
        own: own.as_raw(),
    })
}

/// Whether a host may be there later decides whether it is waited for.
fn refused(address: &Address, source: io::Error) -> ClientError {
    use io::ErrorKind as Kind;
    match source.kind() {
        Kind::NotFound
        | Kind::ConnectionRefused
        | Kind::ConnectionReset
        | Kind::ConnectionAborted
        | Kind::WouldBlock
        | Kind::TimedOut
        | Kind::HostUnreachable
        | Kind::NetworkUnreachable
        | Kind::NetworkDown => ClientError::NoHost {
            address: address.clone(),
            waited: Duration::ZERO,
            source,
        },
        _ => unreachable(address, source),
    }
}

fn unreachable(address: &Address, source: io::Error) -> ClientError {
    let address = address.clone();
    ClientError::Unreachable { address, source }
}

/// Reads what is there into the spare room of a buffer, which must have some. None where nothing is there yet, 0 at
/// the end.
pub(super) fn read(socket: &OwnedFd, buffer: &mut Vec<u8>) -> io::Result<Option<usize>> {
    match recv(socket, rustix::buffer::spare_capacity(buffer), RecvFlags::empty()) {
        Ok((bytes, _)) => Ok(Some(bytes)),
        Err(Errno::AGAIN | Errno::INTR) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Writes what there is room for. No SIGPIPE is raised: the process belongs to somebody else.
pub(super) fn write(socket: &OwnedFd, bytes: &[u8]) -> io::Result<usize> {
    match send(socket, bytes, SendFlags::NOSIGNAL) {
        Ok(written) => Ok(written),
        Err(Errno::AGAIN | Errno::INTR) => Ok(0),
        Err(error) => Err(error.into()),
    }
}
