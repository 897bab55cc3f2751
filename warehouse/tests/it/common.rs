//! A target for a test, of either kind.

use std::path::PathBuf;

use refuel_warehouse::materialize::Make;
use refuel_warehouse::{
    Dialect, Owner, RelationName, SqliteTarget, Target, Value, Warehouse, WarehouseError, Warehouses,
};

use crate::server::Server;

/// A target that is empty, in a place of the test's own.
pub(crate) struct Desk {
    pub(crate) warehouses: Warehouses,
    folder: tempfile::TempDir,
    _server: Option<Server>,
}

impl Desk {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let target = SqliteTarget::new("dev", folder.path().join("warehouse.sqlite3"));
        Self {
            warehouses: Warehouses::open(&Target::Sqlite(target)).unwrap(),
            folder,
            _server: None,
        }
    }

    /// None, said on standard error, where no server can be started.
    pub(crate) fn postgres() -> Option<Self> {
        Server::start(&[]).map(Self::of)
    }

    /// The target of a server.
    pub(crate) fn of(server: Server) -> Self {
        Self {
            warehouses: Warehouses::open(&Target::Postgres(server.target())).unwrap(),
            folder: tempfile::tempdir().unwrap(),
            _server: Some(server),
        }
    }

    pub(crate) fn connect(&self) -> Box<dyn Warehouse> {
        self.warehouses.connect().unwrap()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs_err::write(&path, content).unwrap();
        path
    }
}

/// A test that is one of both kinds of target.
macro_rules! on_both {
    ($($(#[$about:meta])* fn $name:ident($desk:ident: &Desk) $body:block)*) => {
        $(
            $(#[$about])*
            mod $name {
                use super::*;

                fn on($desk: &Desk) $body

                #[test]
                fn sqlite() {
                    on(&Desk::sqlite());
                }

                #[test]
                fn postgres() {
                    if let Some(desk) = Desk::postgres() {
                        on(&desk);
                    }
                }
            }
        )*
    };
}
pub(crate) use on_both;

pub(crate) fn named(name: &str) -> RelationName {
    RelationName::new(None, name)
}

pub(crate) fn owner(node: &str) -> Owner {
    Owner {
        project: "shop".to_owned(),
        node: format!("model.shop.{node}"),
        fingerprint: "f".to_owned(),
    }
}

/// Makes something of a query without further wishes.
pub(crate) fn make<'a>(relation: &'a RelationName, sql: &'a str, owner: &'a Owner) -> Make<'a> {
    Make {
        relation,
        sql,
        owner,
        unique_key: &[],
        contract: None,
    }
}

/// The rows of a query, each as its values with bars between.
pub(crate) fn shown(warehouse: &mut dyn Warehouse, sql: &str) -> Vec<String> {
    let rows = warehouse.rows(sql).unwrap();
    let cell = |value: &Value| {
        if value.is_null() {
            "-".to_owned()
        } else {
            value.to_string()
        }
    };
    rows.iter()
        .map(|row| row.iter().map(cell).collect::<Vec<String>>().join("|"))
        .collect()
}

/// Code, message and hint of an error.
pub(crate) fn told(error: &WarehouseError) -> String {
    match error.hint() {
        Some(hint) => format!("{}: {error}\nhint: {hint}", error.code()),
        None => format!("{}: {error}", error.code()),
    }
}

/// The names of the relations that are there, but for the table of what is owned.
pub(crate) fn relations(warehouse: &mut dyn Warehouse) -> Vec<String> {
    let relations = warehouse.relations(None).unwrap();
    relations
        .iter()
        .filter(|relation| relation.name.name != refuel_warehouse::ownership::TABLE)
        .map(|relation| format!("{} {}", relation.kind, relation.name.name))
        .collect()
}

/// What is one in SQLite and another in Postgres.
pub(crate) fn either<T>(warehouse: &dyn Warehouse, sqlite: T, postgres: T) -> T {
    match warehouse.dialect() {
        Dialect::Sqlite => sqlite,
        Dialect::Postgres => postgres,
    }
}
