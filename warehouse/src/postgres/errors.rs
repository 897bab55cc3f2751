//! What a server says, as errors of a warehouse.

use std::error::Error;
use std::io;

use tokio_postgres::error::{DbError, ErrorPosition, SqlState};

use crate::error::Refusal;
use crate::{Position, PostgresTarget, WarehouseError};

/// The error of a server that can't be connected to.
pub(super) fn connecting(target: &PostgresTarget, error: &tokio_postgres::Error) -> WarehouseError {
    let code = error.code();
    let hint = match code {
        // The server's rules are by user, database and whether the connection is encrypted, and it names all three.
        Some(code) if is_login(code) && told(error).contains("no encryption") => Some(
            "the server may ask for TLS: say `sslmode: require` in profiles.yml, or better `verify-full`; or else check \
             `user` and `dbname`"
                .to_owned(),
        ),
        Some(code) if is_login(code) => Some(
            "check `user` and `password` in profiles.yml; without a password there, `PGPASSWORD` and `~/.pgpass` are \
             looked at"
                .to_owned(),
        ),
        Some(code) if *code == SqlState::INVALID_CATALOG_NAME => Some("create the database first".to_owned()),
        Some(_) => None,
        None if told(error).contains("server does not support TLS") => {
            Some("say `sslmode: prefer` or `sslmode: disable`, if the way to the server is safe".to_owned())
        }
        None if told(error).contains("certificate") => {
            Some("check `sslmode` and `sslrootcert` in profiles.yml".to_owned())
        }
        None if told(error).contains("password missing") => {
            Some("give a `password` in profiles.yml, in `PGPASSWORD` or in `~/.pgpass`".to_owned())
        }
        None => Some("check that the server runs, and `host` and `port` in profiles.yml".to_owned()),
    };
    // A handshake that fails is wrong data, and stays so.
    let is_io = error
        .source()
        .and_then(|source| source.downcast_ref::<io::Error>())
        .is_some_and(|source| source.kind() != io::ErrorKind::InvalidData);
    WarehouseError::Connect {
        target: target.name.clone(),
        server: server(target),
        message: error.as_db_error().map_or_else(|| told(error), said),
        hint,
        is_transient: code.map_or(is_io, is_transient),
    }
}

/// The error of a server that can't be connected to for a reason of this machine.
pub(super) fn unreachable(target: &PostgresTarget, error: &io::Error) -> WarehouseError {
    WarehouseError::Connect {
        target: target.name.clone(),
        server: server(target),
        message: error.to_string(),
        hint: None,
        is_transient: true,
    }
}

/// The error of a statement.
pub(super) fn statement(
    target: &PostgresTarget,
    error: &tokio_postgres::Error,
    sql: &str,
    is_stopped: bool,
) -> WarehouseError {
    let name = target.name.clone();
    let Some(database) = error.as_db_error() else {
        if is_stopped {
            return WarehouseError::Cancelled { target: name };
        }
        let message = told(error);
        let is_io = error
            .source()
            .is_some_and(|source| source.downcast_ref::<io::Error>().is_some());
        if error.is_closed() || is_io {
            return WarehouseError::Lost { target: name, message };
        }
        return WarehouseError::Statement {
            target: name,
            refusal: Box::new(Refusal {
                message,
                ..Refusal::default()
            }),
        };
    };
    let code = database.code();
    match code {
        _ if *code == SqlState::QUERY_CANCELED && is_stopped => WarehouseError::Cancelled { target: name },
        _ if *code == SqlState::DISK_FULL => WarehouseError::DiskFull {
            target: name,
            message: said(database),
        },
        _ if is_loss(code) => WarehouseError::Lost {
            target: name,
            message: said(database),
        },
        _ => WarehouseError::Statement {
            target: name,
            refusal: Box::new(Refusal {
                message: said(database),
                hint: database.hint().map(ToOwned::to_owned),
                position: match database.position() {
                    Some(ErrorPosition::Original(at)) => Some(Position::behind(sql, at.saturating_sub(1) as usize)),
                    _ => None,
                },
                sql_state: Some(code.code().to_owned()),
                is_transient: is_transient(code),
            }),
        },
    }
}

/// `host:port`, or the folder of the socket.
fn server(target: &PostgresTarget) -> String {
    format!("{}:{}", target.host, target.port)
}

/// The message with its detail.
fn said(error: &DbError) -> String {
    match error.detail() {
        Some(detail) => format!("{}: {detail}", error.message()),
        None => error.message().to_owned(),
    }
}

/// The innermost cause, which says most.
fn told(error: &tokio_postgres::Error) -> String {
    let mut inner: &dyn Error = error;
    while let Some(below) = inner.source() {
        inner = below;
    }
    inner.to_string()
}

fn is_login(code: &SqlState) -> bool {
    [
        SqlState::INVALID_PASSWORD,
        SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
    ]
    .contains(code)
}

/// The server ends connections: it is shut down, or a connection broke.
fn is_loss(code: &SqlState) -> bool {
    [
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
    ]
    .contains(code)
        || code.code().starts_with("08")
}

/// The same may go through later.
fn is_transient(code: &SqlState) -> bool {
    is_loss(code)
        || [
            SqlState::T_R_SERIALIZATION_FAILURE,
            SqlState::T_R_DEADLOCK_DETECTED,
            SqlState::TOO_MANY_CONNECTIONS,
            SqlState::LOCK_NOT_AVAILABLE,
        ]
        .contains(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_told_from_what_stays() {
        for code in ["40001", "40P01", "53300", "57P01", "57P03", "08006", "55P03"] {
            assert!(is_transient(&SqlState::from_code(code)), "{code}");
        }
        for code in ["42P01", "42601", "28P01", "53100", "23505", "22P02", "57014"] {
            assert!(!is_transient(&SqlState::from_code(code)), "{code}");
        }
    }
}
