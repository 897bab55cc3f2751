//! `refuel host`: answers the clients of this machine.

mod socket;
mod status;

use std::io::Read as _;
use std::sync::Arc;
use std::thread;

use refuel_client::ClientError;
use refuel_host::HostError;
use refuel_host::metrics::Metrics;
use refuel_host::pool::{Pool, PoolOptions};
use refuel_host::server::{Server, ServerOptions, Token, private_folder};
use tokio::sync::Notify;

use crate::answerer;
use crate::cli::HostArgs;
use crate::commands::ExitStatus;
use crate::context::Context;
use crate::error::{CliError, Failure};
use crate::panic;
use socket::Place;

/// Runs `refuel host`.
pub(crate) fn run(arguments: &HostArgs, context: &Context) -> Result<ExitStatus, Failure> {
    let place = Place::of(arguments.socket.as_deref());
    if arguments.status {
        return status::run(&place.path, arguments.format.format, context);
    }
    let home = context.home()?;
    let token = arguments.token_file.as_deref().map(Token::from_file).transpose()?;
    let tcp = match (arguments.listen, token) {
        (Some(address), Some(token)) => Some((address, token)),
        (Some(address), None) => {
            let address = address.to_string();
            return Err(HostError::NoToken { address }.into());
        }
        (None, _) => None,
    };
    if let Some(folder) = &place.folder {
        private_folder(folder)?;
    }
    let server = Server::bind(&ServerOptions {
        socket: place.path,
        tcp,
        metrics: arguments.metrics,
    })?;
    let metrics = Arc::new(Metrics::default());
    let mut options = PoolOptions::new(answerer::engine_options(&arguments.engine, &home));
    if let Some(bytes) = arguments.models_memory {
        options.memory_bytes = bytes;
    }
    options.idle_timeout = arguments.idle_timeout;
    options.observer = Arc::clone(&metrics) as _;
    panic::serve();
    let pool = Pool::start(options)?;
    let stop = Arc::new(Notify::new());
    if arguments.supervised {
        watch_standard_input(Arc::clone(&stop))?;
    }
    server.run(&pool, metrics, &stop)?;
    Ok(ExitStatus::Success)
}

/// Asks the host to stop when standard input ends.
fn watch_standard_input(stop: Arc<Notify>) -> Result<(), Failure> {
    let watch = move || {
        let mut input = std::io::stdin().lock();
        let mut bytes = [0; 4096];
        // Whatever is written there means nothing; an error is an end.
        while matches!(input.read(&mut bytes), Ok(1..)) {}
        stop.notify_one();
    };
    let thread = thread::Builder::new().name("supervisor".to_owned()).spawn(watch);
    thread.map_err(|_| CliError::Stopped {
        part: "watching of standard input",
    })?;
    Ok(())
}

impl From<HostError> for Failure {
    fn from(error: HostError) -> Self {
        let status = if error.is_wrong_request() {
            ExitStatus::Usage
        } else {
            ExitStatus::Failure
        };
        Self::new(&error, error.code(), error.hint(), status)
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let status = match &error {
            ClientError::Address(_) => ExitStatus::Usage,
            _ => ExitStatus::Failure,
        };
        Self::new(&error, error.code().to_owned(), error.hint(), status)
    }
}
