//! SQLite: the file is the warehouse.

mod catalog;
mod connection;
mod digest;
mod errors;
mod rows;
mod wait;
mod writer;

use std::sync::Arc;

use fs_err as fs;

use crate::{Result, SqliteTarget, WarehouseError};

pub(crate) use connection::Connection;
use wait::Waits;
use writer::Writer;

/// A file that connections are opened to.
#[derive(Debug)]
pub(crate) struct Files {
    target: SqliteTarget,
    writer: Arc<Writer>,
    waits: Arc<Waits>,
}

impl Files {
    /// Makes the file and its folder where they aren't there.
    pub(crate) fn open(target: &SqliteTarget) -> Result<Self> {
        if let Some(folder) = target.path.parent() {
            fs::create_dir_all(folder).map_err(|error| WarehouseError::Open {
                target: target.name.clone(),
                path: target.path.clone(),
                message: error.to_string(),
                hint: Some("check the `path` of the target in profiles.yml".to_owned()),
            })?;
        }
        Ok(Self {
            target: target.clone(),
            writer: Arc::default(),
            waits: Arc::default(),
        })
    }

    /// Opens a connection.
    pub(crate) fn connect(&self) -> Result<Connection> {
        Connection::open(&self.target, Arc::clone(&self.writer), Arc::clone(&self.waits))
    }

    /// What is to be told of waits for other programs, and hasn't been yet.
    pub(crate) fn waits(&self) -> Vec<String> {
        self.waits.take()
    }
}
