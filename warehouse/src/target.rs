//! What has to be known of a target before it can be connected to.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// A target: a database with the name that profiles give it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A file of SQLite.
    Sqlite(SqliteTarget),
    /// A Postgres server.
    Postgres(PostgresTarget),
}

impl Target {
    /// The name that profiles give it.
    pub fn name(&self) -> &str {
        match self {
            Self::Sqlite(target) => &target.name,
            Self::Postgres(target) => &target.name,
        }
    }
}

/// A file of SQLite. It is made where it isn't there, and so is its folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteTarget {
    /// The name that profiles give it, such as `dev`.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// How long a statement waits for another program that writes to the file.
    pub busy_timeout: Duration,
}

impl SqliteTarget {
    /// A file that waits half a minute for other programs.
    pub fn new(name: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        Self {
            name: name.into(),
            path: path.into(),
            busy_timeout: Duration::from_secs(30),
        }
    }
}

/// A Postgres server and a schema on it.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresTarget {
    /// The name that profiles give it, such as `prod`.
    pub name: String,
    /// A host name or address, or the folder of a Unix socket.
    pub host: String,
    /// The port, usually 5432.
    pub port: u16,
    /// The database.
    pub database: String,
    /// The role.
    pub user: String,
    /// The password; without one it is looked for in `PGPASSWORD`, then in the password file.
    pub password: Option<String>,
    /// The schema that relations are made in. It is made where it isn't there.
    pub schema: String,
    /// Whether and how the connection is encrypted.
    pub ssl_mode: SslMode,
    /// A file with the certificates that sign those of servers, or `system` for those that the system trusts.
    pub ssl_root_certificate: Option<PathBuf>,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// What the server is told of the program that connects.
    pub application_name: String,
    /// Whether the extension is to be used.
    pub extension: ExtensionUse,
}

impl PostgresTarget {
    /// A database with the usual port, schema and settings.
    pub fn new(
        name: impl Into<String>,
        host: impl Into<String>,
        user: impl Into<String>,
        database: impl Into<String>,
    ) -> Self {
        Self {
            name: name.into(),
            host: host.into(),
            port: 5432,
            database: database.into(),
            user: user.into(),
            password: None,
            schema: "public".to_owned(),
            ssl_mode: SslMode::Prefer,
            ssl_root_certificate: None,
            connect_timeout: Duration::from_secs(10),
            application_name: "refuel".to_owned(),
            extension: ExtensionUse::Auto,
        }
    }
}

/// Without the password, which no message may show.
impl fmt::Debug for PostgresTarget {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PostgresTarget")
            .field("name", &self.name)
            .field("host", &self.host)
            .field("port", &self.port)
            .field("database", &self.database)
            .field("user", &self.user)
            .field("schema", &self.schema)
            .field("ssl_mode", &self.ssl_mode)
            .field("ssl_root_certificate", &self.ssl_root_certificate)
            .field("extension", &self.extension)
            .finish_non_exhaustive()
    }
}

/// Whether the extension is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ExtensionUse {
    /// Where the database has it.
    #[default]
    Auto,
    /// Always: a database without it is refused.
    Required,
    /// Not even where the database has it.
    Never,
}

/// Whether and how a connection is encrypted, as libpq means the words
/// (<https://www.postgresql.org/docs/current/libpq-ssl.html#LIBPQ-SSL-SSLMODE-STATEMENTS>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SslMode {
    /// Never.
    Disable,
    /// Where the server can; whoever it is.
    #[default]
    Prefer,
    /// Always. Whoever the server is, unless a root certificate is named: then as [`SslMode::VerifyCa`].
    Require,
    /// Always, with a server whose certificate a trusted one has signed.
    VerifyCa,
    /// The same, and the certificate has to be for the host's name.
    VerifyFull,
}

impl SslMode {
    /// Every mode with its word.
    pub const ALL: [(&'static str, Self); 5] = [
        ("disable", Self::Disable),
        ("prefer", Self::Prefer),
        ("require", Self::Require),
        ("verify-ca", Self::VerifyCa),
        ("verify-full", Self::VerifyFull),
    ];
}

impl FromStr for SslMode {
    type Err = String;

    /// The mode of a word, or what to write instead of it.
    fn from_str(word: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|(there, _)| *there == word);
        found.map(|(_, mode)| *mode).ok_or_else(|| {
            let words = Self::ALL.map(|(there, _)| there);
            match refuel_tables::nearest(word, words) {
                Some(near) => format!("there is no sslmode `{word}`; did you mean `{near}`?"),
                None => format!("there is no sslmode `{word}`; it is one of {}", words.join(", ")),
            }
        })
    }
}
