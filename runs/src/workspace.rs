//! What a run works on: a compiled project, its target, its state, and models.

use std::collections::BTreeMap;
use std::sync::Arc;

use refuel_dag::Dag;
use refuel_dag::diff::Snapshot;
use refuel_project::{Connection, Extension, PostgresTarget, Project, SslMode};
use refuel_state::State;
use refuel_warehouse::{ExtensionUse, SqliteTarget, Target, Warehouses};

use crate::error::RunError;
use crate::models::Models;

/// What a run works on.
pub struct Workspace {
    /// The compiled project.
    pub dag: Arc<Dag>,
    /// The target.
    pub warehouses: Warehouses,
    /// What is remembered from run to run.
    pub state: Arc<State>,
    /// Models.
    pub models: Arc<dyn Models>,
}

impl Workspace {
    /// Opens the target and the state of a project.
    ///
    /// # Errors
    /// Where the target can't be connected to, or the state can't be opened.
    pub fn open(dag: Arc<Dag>, models: Arc<dyn Models>) -> Result<Self, RunError> {
        let target = target_of(&dag.project)?;
        let state = State::open(dag.project.root.join(refuel_state::FILE))?;
        Ok(Self {
            warehouses: Warehouses::open(&target)?,
            state: Arc::new(state),
            dag,
            models,
        })
    }

    /// What the project was when its last run of this target ended. None before the first, and where what was kept is of
    /// another version.
    ///
    /// # Errors
    /// Where the state can't be read.
    pub fn snapshot(&self) -> Result<Option<Snapshot>, RunError> {
        let kept = self.state.snapshot(self.target())?;
        Ok(kept.and_then(|(_, content)| serde_json::from_slice(&content).ok()))
    }

    /// The digests of the models and heads that tasks name, by those names. What isn't there is missing.
    pub fn model_digests(&self) -> BTreeMap<String, String> {
        let tasks = self.dag.project.tasks.values();
        tasks.flat_map(|file| self.models.digests_of(&file.task)).collect()
    }

    /// The name of the target.
    pub fn target(&self) -> &str {
        &self.dag.project.target.name
    }
}

/// The target of a project, as a warehouse is connected to.
///
/// # Errors
/// [`RunError::NotPossible`] where an address can't be read.
pub fn target_of(project: &Project) -> Result<Target, RunError> {
    let name = project.target.name.clone();
    match &project.target.connection {
        Connection::Sqlite(sqlite) => Ok(Target::Sqlite(SqliteTarget::new(name, sqlite.path.clone()))),
        Connection::Postgres(postgres) => Ok(Target::Postgres(postgres_target(name, postgres)?)),
    }
}

fn postgres_target(name: String, from: &PostgresTarget) -> Result<refuel_warehouse::PostgresTarget, RunError> {
    let address = match &from.url {
        Some(url) => Address::read(url.expose()).ok_or_else(|| RunError::NotPossible {
            node: name.clone(),
            reason: "has an address that can't be read".to_owned(),
            hint: Some("write it as postgres://user:password@host:5432/database".to_owned()),
        })?,
        None => Address::default(),
    };
    let host = from
        .host
        .clone()
        .or(address.host)
        .unwrap_or_else(|| "localhost".to_owned());
    let user = from
        .user
        .clone()
        .or(address.user)
        .or_else(|| std::env::var("PGUSER").ok())
        .or_else(|| std::env::var("USER").ok())
        .unwrap_or_else(|| "postgres".to_owned());
    let database = from
        .database
        .clone()
        .or(address.database)
        .unwrap_or_else(|| user.clone());
    let mut target = refuel_warehouse::PostgresTarget::new(name, host, user, database);
    if let Some(port) = from.port.or(address.port) {
        target.port = port;
    }
    target.password = from
        .password
        .as_ref()
        .map(|password| password.expose().to_owned())
        .or(address.password);
    target.schema.clone_from(&from.schema);
    if let Some(mode) = from.sslmode {
        target.ssl_mode = match mode {
            SslMode::Disable => refuel_warehouse::SslMode::Disable,
            SslMode::Prefer => refuel_warehouse::SslMode::Prefer,
            SslMode::Require => refuel_warehouse::SslMode::Require,
            SslMode::VerifyCa => refuel_warehouse::SslMode::VerifyCa,
            SslMode::VerifyFull => refuel_warehouse::SslMode::VerifyFull,
        };
    } else if let Some(mode) = address.ssl_mode.and_then(|word| word.parse().ok()) {
        target.ssl_mode = mode;
    }
    target.ssl_root_certificate.clone_from(&from.sslrootcert);
    target.connect_timeout = from.connect_timeout;
    target.application_name.clone_from(&from.application_name);
    target.extension = match from.extension {
        Extension::Auto => ExtensionUse::Auto,
        Extension::Required => ExtensionUse::Required,
        Extension::Never => ExtensionUse::Never,
    };
    Ok(target)
}

/// What an address says (<https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS>).
#[derive(Debug, Default, PartialEq, Eq)]
struct Address {
    host: Option<String>,
    port: Option<u16>,
    user: Option<String>,
    password: Option<String>,
    database: Option<String>,
    ssl_mode: Option<String>,
}

impl Address {
    fn read(text: &str) -> Option<Self> {
        let url = url::Url::parse(text).ok()?;
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            return None;
        }
        let decoded = |text: &str| {
            percent_encoding::percent_decode_str(text)
                .decode_utf8()
                .ok()
                .map(String::from)
        };
        let some = |text: &str| if text.is_empty() { None } else { decoded(text) };
        let mut address = Self {
            host: url.host_str().and_then(some),
            port: url.port(),
            user: some(url.username()),
            password: url.password().and_then(some),
            database: some(url.path().trim_start_matches('/')),
            ssl_mode: None,
        };
        for (key, value) in url.query_pairs() {
            match &*key {
                "sslmode" => address.ssl_mode = Some(value.into_owned()),
                // The folder of a socket can't stand where a host does.
                "host" => address.host = Some(value.into_owned()),
                _ => {}
            }
        }
        Some(address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_where_and_who() {
        let address = Address::read("postgres://ada:p%40ss@db.example.com:6543/shop?sslmode=verify-full").unwrap();
        assert_eq!(
            address,
            Address {
                host: Some("db.example.com".to_owned()),
                port: Some(6543),
                user: Some("ada".to_owned()),
                password: Some("p@ss".to_owned()),
                database: Some("shop".to_owned()),
                ssl_mode: Some("verify-full".to_owned()),
            }
        );
        let socket = Address::read("postgresql:///shop?host=/var/run/postgresql").unwrap();
        assert_eq!(socket.host.as_deref(), Some("/var/run/postgresql"));
        assert_eq!(Address::read("mysql://x"), None);
    }
}
