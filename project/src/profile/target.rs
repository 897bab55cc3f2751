//! Targets: databases with how they are reached.

use std::path::PathBuf;
use std::time::Duration;

use refuel_task::Place;
use serde::Serialize;

use super::Secret;

/// A database that a project works on.
#[derive(Debug, Clone)]
pub struct Target {
    /// Name.
    pub name: String,
    /// Where it is written; the place of `refuel_project.yml` where there is no `profiles.yml`.
    pub place: Place,
    /// How many statements run at once.
    pub threads: usize,
    /// How it is reached.
    pub connection: Connection,
}

impl Target {
    /// The schema that relations are made in, on Postgres.
    pub fn schema(&self) -> Option<&str> {
        match &self.connection {
            Connection::Sqlite(_) => None,
            Connection::Postgres(postgres) => Some(&postgres.schema),
        }
    }

    /// The word that profiles use for this kind of database: `sqlite` or `postgres`.
    pub fn kind(&self) -> &'static str {
        match self.connection {
            Connection::Sqlite(_) => "sqlite",
            Connection::Postgres(_) => "postgres",
        }
    }
}

/// How a database is reached.
#[derive(Debug, Clone)]
pub enum Connection {
    /// A SQLite file.
    Sqlite(SqliteTarget),
    /// A Postgres server.
    Postgres(Box<PostgresTarget>),
}

/// A SQLite file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteTarget {
    /// The file, absolute.
    pub path: PathBuf,
}

/// A Postgres server, with what is to be used there.
#[derive(Debug, Clone)]
pub struct PostgresTarget {
    /// All of the connection in one address, `postgres://user:password@host:port/database?sslmode=require`. None: the
    /// fields below say it. What they say beside an address outranks it.
    pub url: Option<Secret>,
    /// Name or address of the server, or the folder of its socket.
    pub host: Option<String>,
    /// Port.
    pub port: Option<u16>,
    /// User.
    pub user: Option<String>,
    /// Password.
    pub password: Option<Secret>,
    /// Database.
    pub database: Option<String>,
    /// Schema that relations are made in.
    pub schema: String,
    /// Whether the connection is encrypted, and how the server is checked. None: as the address says, or else `prefer`.
    pub sslmode: Option<SslMode>,
    /// File of certificates that the server's must come from. None: the system's.
    pub sslrootcert: Option<PathBuf>,
    /// Whether the extension answers calls of tasks.
    pub extension: Extension,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// What the server calls our connections.
    pub application_name: String,
}

/// Whether a connection is encrypted, as libpq has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SslMode {
    /// Never.
    Disable,
    /// Where the server can.
    #[default]
    Prefer,
    /// Always; whoever answers is trusted.
    Require,
    /// Always; the server's certificate must come from one that is trusted.
    VerifyCa,
    /// Always; the certificate must also be that of the host.
    VerifyFull,
}

impl SslMode {
    /// The word that profiles use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }
}

/// Whether the extension in the database answers calls of tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Extension {
    /// Where it is there.
    #[default]
    Auto,
    /// Always: a database without it is an error.
    Required,
    /// Never: answers are joined in from tables.
    Never,
}

impl Extension {
    /// The word that profiles use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Required => "required",
            Self::Never => "never",
        }
    }
}
