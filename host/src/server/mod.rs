//! Listens, and hands what clients say to the pool.
//!
//! One task a connection, on a runtime of two threads; models run on the pool's own. A client that does not read what it
//! asked for is not read from, and no more of its work is done than it has room for.

mod connection;
mod http;
mod incoming;
mod requests;
mod socket;
mod stream;
mod token;

use std::io;
use std::net::{SocketAddr, TcpListener as StdTcpListener};
use std::os::unix::net::UnixListener as StdUnixListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use tracing::{debug, info, warn};

pub use socket::private_folder;
pub use token::Token;

use crate::error::HostError;
use crate::metrics::Metrics;
use crate::pool::Pool;
use connection::{Admission, Shared};
use requests::Held;
use socket::Socket;
use stream::Stream;

/// Most connections at a time; more wait to be taken.
const MOST_CLIENTS: usize = 4096;

/// Pause after a connection could not be taken, such as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long a TCP connection may go without a word before it is seen whether the other machine is still there.
const UNACKNOWLEDGED_MS: u32 = 30_000;

/// How long connections have to end when the host stops.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Where a host listens.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// The Unix socket.
    pub socket: PathBuf,
    /// A port for clients of other machines or users, with the token that they have to know.
    pub tcp: Option<(SocketAddr, Token)>,
    /// A port for metrics.
    pub metrics: Option<SocketAddr>,
}

/// Why a host ended.
#[derive(Debug, Clone, Copy)]
enum Ended {
    /// A signal asked it to.
    Signal,
    /// Whoever started it has gone.
    Supervisor,
}

impl Ended {
    fn reason(self) -> &'static str {
        match self {
            Self::Signal => "signal",
            Self::Supervisor => "supervisor",
        }
    }
}

/// A host that listens; clients that connect wait until it is [run](Server::run).
#[derive(Debug)]
pub struct Server {
    socket: Socket,
    unix: StdUnixListener,
    tcp: Option<(StdTcpListener, Token)>,
    metrics: Option<StdTcpListener>,
}

impl Server {
    /// Begins to listen.
    ///
    /// # Errors
    /// [`HostError`], where an address is in use or can't be trusted.
    pub fn bind(options: &ServerOptions) -> Result<Self, HostError> {
        let (socket, unix) = Socket::listen(&options.socket)?;
        let listen = |address: SocketAddr| {
            let listener = StdTcpListener::bind(address).and_then(|listener| {
                listener.set_nonblocking(true)?;
                Ok(listener)
            });
            listener.map_err(|source| HostError::Listen {
                address: address.to_string(),
                source,
            })
        };
        let tcp = match &options.tcp {
            Some((address, token)) => Some((listen(*address)?, token.clone())),
            None => None,
        };
        let metrics = options.metrics.map(listen).transpose()?;
        Ok(Self {
            socket,
            unix,
            tcp,
            metrics,
        })
    }

    /// Serves clients until a signal (SIGTERM, SIGINT, SIGHUP) or `stop` asks it to end, and stops the pool. The socket and
    /// its lock are taken away.
    ///
    /// # Errors
    /// [`HostError::Start`].
    pub fn run(self, pool: &Pool, metrics: Arc<Metrics>, stop: &Notify) -> Result<(), HostError> {
        let started = |source| HostError::Start { part: "server", source };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("refuel-server")
            .enable_all()
            .build()
            .map_err(started)?;
        let shared = Shared {
            pool: pool.clone(),
            metrics,
            held: Arc::new(Held::new(pool.queue_bytes())),
        };
        runtime.block_on(self.serve(shared, stop)).map_err(started)?;
        // The socket has gone with what served it. Work is dropped while connections end.
        pool.stop();
        runtime.shutdown_timeout(LAST_WORDS);
        Ok(())
    }

    async fn serve(self, shared: Shared, stop: &Notify) -> io::Result<()> {
        let mut signals = Signals::listen()?;
        let unix = UnixListener::from_std(self.unix)?;
        let mut parts = JoinSet::new();
        info!(
            socket = %self.socket.path().display(),
            tcp = self.tcp.as_ref().and_then(|(listener, _)| listener.local_addr().ok()).map(|address| address.to_string()),
            metrics = self.metrics.as_ref().and_then(|listener| listener.local_addr().ok()).map(|address| address.to_string()),
            pid = std::process::id(),
            version = env!("CARGO_PKG_VERSION"),
            "ready"
        );
        parts.spawn(accept(Listener::Unix(unix), shared.clone()));
        if let Some((listener, token)) = self.tcp {
            let listener = TcpListener::from_std(listener)?;
            parts.spawn(accept(Listener::Tcp(listener, token), shared.clone()));
        }
        if let Some(listener) = self.metrics {
            parts.spawn(http::serve(TcpListener::from_std(listener)?, shared));
        }
        // A service manager may wait for this; where there is none, nothing is said.
        if let Err(error) = sd_notify::notify(&[sd_notify::NotifyState::Ready]) {
            debug!(%error, "the service manager can't be told");
        }
        let ended = tokio::select! {
            () = signals.any() => Ended::Signal,
            () = stop.notified() => Ended::Supervisor,
        };
        info!(reason = ended.reason(), "stopping");
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
        parts.shutdown().await;
        drop(self.socket);
        Ok(())
    }
}

/// Signals that ask the host to end.
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn any(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }
}

/// Where clients come from.
enum Listener {
    Unix(UnixListener),
    Tcp(TcpListener, Token),
}

impl Listener {
    /// The next client, and what it has to be.
    async fn accept(&self) -> io::Result<(Stream, Admission)> {
        match self {
            Self::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                let user = stream.peer_cred()?.uid();
                Ok((Stream::Unix(stream), Admission::Peer { user }))
            }
            Self::Tcp(listener, token) => {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                rustix::net::sockopt::set_socket_keepalive(&stream, true)?;
                rustix::net::sockopt::set_tcp_user_timeout(&stream, UNACKNOWLEDGED_MS)?;
                Ok((Stream::Tcp(stream), Admission::Token(token.clone())))
            }
        }
    }
}

async fn accept(listener: Listener, shared: Shared) {
    let permits = Arc::new(Semaphore::new(MOST_CLIENTS));
    let mut clients = JoinSet::new();
    loop {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, admission)) => {
                let served = connection::serve(stream, admission, shared.clone());
                clients.spawn(async move {
                    served.await;
                    drop(permit);
                });
            }
            Err(error) => not_accepted(&error).await,
        }
        while clients.try_join_next().is_some() {}
    }
}

async fn not_accepted(error: &io::Error) {
    warn!(%error, "a client could not be taken");
    tokio::time::sleep(ACCEPT_PAUSE).await;
}
