//! A server that connections are opened to.

use std::fmt;
use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};
use tokio_postgres::Config;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{Connection, errors, password, tls};
use crate::{PostgresTarget, Result};

/// A server that connections are opened to.
pub(crate) struct Server {
    target: Arc<PostgresTarget>,
    config: Config,
    tls: MakeRustlsConnect,
    runtime: Arc<Runtime>,
}

impl fmt::Debug for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Server")
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}

impl Server {
    /// Settles how to connect, and makes the schema where it isn't there.
    pub(crate) fn open(target: &PostgresTarget) -> Result<Self> {
        // The one thread moves bytes between sockets and connections; what takes time is done by the callers.
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("refuel-postgres")
            .enable_all()
            .build()
            .map_err(|error| errors::unreachable(target, &error))?;
        let opened = Self {
            config: config(target),
            tls: tls::connector(target)?,
            target: Arc::new(target.clone()),
            runtime: Arc::new(runtime),
        };
        opened.connect()?.make_schema(&target.schema)?;
        Ok(opened)
    }

    /// Opens a connection.
    pub(crate) fn connect(&self) -> Result<Connection> {
        Connection::open(&self.target, &self.config, &self.tls, &self.runtime)
    }
}

fn config(target: &PostgresTarget) -> Config {
    let mut config = Config::new();
    config
        .host(&target.host)
        .port(target.port)
        .dbname(&target.database)
        .user(&target.user)
        .application_name(&target.application_name)
        .connect_timeout(target.connect_timeout)
        .ssl_mode(tls::mode(target));
    if let Some(password) = password::of(target) {
        config.password(password);
    }
    config
}
