//! What can go wrong in the host.

use std::io;
use std::path::PathBuf;

use refuel_client::wire::Failure;
use refuel_engine::EngineError;
use refuel_registry::RegistryError;
use refuel_relations::RelationError;
use thiserror::Error;

/// An error of the host, with a stable code and a hint. Codes up to `RF0819` are the server's, the others the pool's.
#[derive(Debug, Error)]
pub enum HostError {
    /// Another host listens on the socket.
    #[error("another host listens on `{}`", path.display())]
    SocketInUse {
        /// The socket.
        path: PathBuf,
    },
    /// The socket, or the lock beside it, can't be made.
    #[error("can't make the socket `{}`", path.display())]
    Socket {
        /// The socket.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// What stands where the socket should be is something else.
    #[error("`{}` is there and is no socket", path.display())]
    NoSocket {
        /// The path.
        path: PathBuf,
    },
    /// Others could put a socket of their own into the folder.
    #[error("the folder `{}` of the socket can't be trusted: {reason}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// An address can't be listened on.
    #[error("can't listen on {address}")]
    Listen {
        /// The address.
        address: String,
        /// Why it failed.
        source: io::Error,
    },
    /// A host on TCP answers nobody without a token.
    #[error("listening on {address} needs a token")]
    NoToken {
        /// The address.
        address: String,
    },
    /// The file of the token can't be used.
    #[error("the token file `{}` can't be used: {reason}", path.display())]
    TokenFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A part of the host can't be started.
    #[error("the {part} can't be started")]
    Start {
        /// Which part.
        part: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// The client belongs to somebody else.
    #[error("this host answers user {own} alone; the client is user {client}")]
    OtherUser {
        /// The host's user.
        own: u32,
        /// The client's user.
        client: u32,
    },
    /// The client has no token, or a wrong one.
    #[error("the token is missing or wrong")]
    WrongToken,
    /// The client did not keep to the protocol.
    #[error("the client did not keep to the protocol: {what}")]
    Protocol {
        /// What it did.
        what: String,
    },
    /// The host is about to end.
    #[error("the host is stopping")]
    Stopping,
    /// What should be a task is no JSON.
    #[error("the task `{name}` is no JSON: {reason}")]
    NoTask {
        /// Its name.
        name: String,
        /// What the reader said.
        reason: String,
    },
    /// A model takes more memory than models may.
    #[error("the model `{model}` takes up to {} of memory, and models may take {}", gigabytes(*needed), gigabytes(*budget))]
    Memory {
        /// `name@digest`.
        model: String,
        /// Bytes that it takes with its rows, and with the models that it works with.
        needed: u64,
        /// Bytes that models may take.
        budget: u64,
    },
    /// More inputs wait than may.
    #[error("{} of inputs wait already, and {} may", gigabytes(*bytes), gigabytes(*limit))]
    QueueFull {
        /// Bytes that wait.
        bytes: u64,
        /// Bytes that may.
        limit: u64,
    },
    /// A client has more inputs under way than it may.
    #[error("the client has {bytes} bytes of inputs under way, far beyond its window of {limit}")]
    Window {
        /// Bytes under way.
        bytes: u64,
        /// The window.
        limit: u64,
    },
    /// The engine refused, or failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A whole relation can't be worked on.
    #[error(transparent)]
    Relation(#[from] RelationError),
    /// The vectors of a relation's records can't be made.
    #[error("no vectors can be made of the records: {}", .0.message)]
    Vectors(Box<Failure>),
    /// The model makes none of any record.
    #[error("the model `{model}` makes no vector of any record")]
    NoVectors {
        /// `name@digest` of the model.
        model: String,
    },
    /// Something happened that is not foreseen.
    #[error("the work on a relation was given up: {cause}")]
    Mistake {
        /// What happened.
        cause: String,
    },
}

impl HostError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::SocketInUse { .. } => "RF0801",
            Self::Socket { .. } => "RF0802",
            Self::NoSocket { .. } => "RF0803",
            Self::Folder { .. } => "RF0804",
            Self::Listen { .. } => "RF0805",
            Self::NoToken { .. } => "RF0806",
            Self::TokenFile { .. } => "RF0807",
            Self::Start { .. } => "RF0808",
            Self::OtherUser { .. } => "RF0809",
            Self::WrongToken => "RF0810",
            Self::Protocol { .. } => "RF0811",
            Self::Stopping => "RF0812",
            Self::NoTask { .. } => "RF0820",
            Self::Memory { .. } => "RF0821",
            Self::QueueFull { .. } => "RF0822",
            Self::Window { .. } => "RF0823",
            Self::Vectors(_) => "RF0824",
            Self::Mistake { .. } => "RF0825",
            Self::NoVectors { .. } => "RF0826",
            Self::Engine(error) => error.code(),
            Self::Relation(error) => error.code(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::SocketInUse { .. } => Some(
                "one host serves every client of the machine; `refuel host --status` shows it, and `--socket PATH` \
                 starts a second one elsewhere"
                    .to_owned(),
            ),
            Self::Socket { path, source } if source.kind() == io::ErrorKind::NotFound => path
                .parent()
                .map(|folder| format!("make the folder first: `mkdir -m 700 -p {}`", folder.display())),
            Self::Socket { .. } => {
                Some("check the permissions of the folder, or name another with `--socket`".to_owned())
            }
            Self::NoSocket { .. } => Some("name another path with `--socket`".to_owned()),
            Self::Folder { path, .. } => Some(format!(
                "`{}` has to belong to the user of the host, and only that user may write to it; or name a socket in \
                 another folder with `--socket`",
                path.display()
            )),
            Self::Listen { .. } => {
                Some("check that the address is this machine's and that nothing else listens there".to_owned())
            }
            Self::NoToken { .. } => {
                Some("name a file that holds one with `--token-file`; `openssl rand -hex 32` makes one".to_owned())
            }
            Self::TokenFile { path, .. } => Some(format!(
                "it holds one line of 16 characters or more that its owner alone can read: `chmod 600 {}`",
                path.display()
            )),
            Self::OtherUser { .. } => Some("start a host as the user that the client runs as".to_owned()),
            Self::WrongToken => Some("give the client the content of the host's token file".to_owned()),
            Self::Protocol { .. } | Self::Window { .. } => Some("use the client of the host's own version".to_owned()),
            Self::Stopping => Some("ask again: whoever supervises it starts it anew".to_owned()),
            Self::NoTask { .. } => Some("`refuel man task` describes what a task is made of".to_owned()),
            Self::Memory { .. } => Some(
                "start the host with more `--models-memory`, or use a smaller model or one with a shorter context; \
                 `refuel model ls` shows their sizes"
                    .to_owned(),
            ),
            Self::QueueFull { .. } => {
                Some("ask again when less is under way; `refuel host --status` shows it".to_owned())
            }
            Self::Engine(error) => error.hint(),
            Self::Relation(error) => error.hint(),
            Self::Vectors(failure) => failure.hint.clone(),
            Self::NoVectors { .. } => Some(
                "name another embedding model in the task; `refuel model ls` shows those that are there".to_owned(),
            ),
            Self::Mistake { .. } => Some("report it, with what the task and the relation look like".to_owned()),
            Self::Start { .. } => None,
        }
    }

    /// Whether the request itself was wrong, so that asking again is in vain.
    pub fn is_wrong_request(&self) -> bool {
        match self {
            Self::Engine(error) => matches!(
                error,
                EngineError::WrongRole { .. }
                    | EngineError::NotEncoder { .. }
                    | EngineError::PromptTooLong { .. }
                    | EngineError::UnknownClass { .. }
                    | EngineError::Task(_)
                    | EngineError::Registry(
                        RegistryError::Unknown { .. } | RegistryError::Name { .. } | RegistryError::Ambiguous { .. }
                    )
            ),
            Self::NoSocket { .. }
            | Self::Folder { .. }
            | Self::NoToken { .. }
            | Self::TokenFile { .. }
            | Self::OtherUser { .. }
            | Self::WrongToken
            | Self::Protocol { .. }
            | Self::NoTask { .. }
            | Self::Window { .. }
            | Self::NoVectors { .. }
            | Self::Relation(_) => true,
            Self::Vectors(failure) => failure.wrong_request,
            Self::SocketInUse { .. }
            | Self::Socket { .. }
            | Self::Listen { .. }
            | Self::Start { .. }
            | Self::Stopping
            | Self::Memory { .. }
            | Self::QueueFull { .. }
            | Self::Mistake { .. } => false,
        }
    }

    /// What a client is told.
    pub fn failure(&self, request: Option<u64>, task: Option<u32>) -> Failure {
        let mut message = self.to_string();
        let mut below = std::error::Error::source(self);
        while let Some(cause) = below {
            let cause_text = cause.to_string();
            if !message.contains(&cause_text) {
                message = format!("{message}: {cause_text}");
            }
            below = cause.source();
        }
        Failure {
            request,
            task,
            code: self.code().to_owned(),
            message,
            hint: self.hint(),
            wrong_request: self.is_wrong_request(),
        }
    }
}

/// A size for people.
fn gigabytes(bytes: u64) -> String {
    format!("{:.2} GB", bytes as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_know_a_host_that_is_stopping_by_its_code() {
        assert_eq!(HostError::Stopping.code(), refuel_client::wire::STOPPING);
        assert!(!HostError::Stopping.is_wrong_request());
    }

    #[test]
    fn a_client_is_told_causes_too() {
        let error = HostError::Listen {
            address: "127.0.0.1:1".to_owned(),
            source: io::Error::other("there is a reason"),
        };
        let failure = error.failure(Some(7), None);
        assert_eq!(failure.message, "can't listen on 127.0.0.1:1: there is a reason");
        assert_eq!(
            (failure.request, failure.task, failure.code.as_str()),
            (Some(7), None, "RF0805")
        );
    }
}
