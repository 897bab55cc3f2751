//! Postgres, with the extension or without it.

mod catalog;
mod connection;
mod copy;
mod errors;
mod password;
mod server;
mod tls;
mod values;

pub(crate) use connection::Connection;
pub(crate) use server::Server;
