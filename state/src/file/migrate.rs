//! Forms of the file. Each is a script that makes it of the one before; a released one is never changed.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use crate::error::StateError;

/// What SQLite keeps in the file's head to say whose it is: `RFst` in ASCII.
const APPLICATION: i64 = 0x5246_7374;

const SCRIPTS: [&str; 1] = [include_str!("migrations/0001.sql")];

/// Brings a file to the latest form. All steps are one transaction: whoever is killed in between leaves the form that was.
pub(super) fn bring_up(connection: &mut Connection, path: &Path) -> Result<(), StateError> {
    bring_up_by(connection, path, &SCRIPTS)
}

fn bring_up_by(connection: &mut Connection, path: &Path, scripts: &[&str]) -> Result<(), StateError> {
    let failed = |error| StateError::of(path, error);
    let known = scripts.len() as i64;
    if form(connection, path)? == known {
        return Ok(());
    }
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed)?;
    // Another process may have done it by now.
    let version = form(&transaction, path)?;
    if version > known {
        return Err(StateError::Newer {
            path: path.to_owned(),
            version,
            known,
        });
    }
    for script in scripts.iter().skip(usize::try_from(version).unwrap_or_default()) {
        transaction.execute_batch(script).map_err(failed)?;
    }
    transaction
        .pragma_update(None, "application_id", APPLICATION)
        .and_then(|()| transaction.pragma_update(None, "user_version", known))
        .and_then(|()| transaction.commit())
        .map_err(failed)
}

/// The form of a file; 0 for one that is empty.
fn form(connection: &Connection, path: &Path) -> Result<i64, StateError> {
    let failed = |error| StateError::of(path, error);
    let number = |sql: &str| {
        connection
            .query_row(sql, [], |row| row.get::<_, i64>(0))
            .map_err(failed)
    };
    let application = number("PRAGMA application_id")?;
    // Also the first read of the schema, which a corrupt file fails.
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    let version = number("PRAGMA user_version")?;
    match (application, tables) {
        (APPLICATION, _) => Ok(version),
        (0, 0) if version == 0 => Ok(0),
        _ => Err(StateError::NotAState { path: path.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(connection: &Connection) -> Vec<String> {
        let mut statement = connection
            .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
            .unwrap();
        let names = statement.query_map([], |row| row.get(0)).unwrap();
        names.map(Result::unwrap).collect()
    }

    fn version(connection: &Connection) -> i64 {
        form(connection, Path::new("x")).unwrap()
    }

    #[test]
    fn steps_that_are_missing_are_done_and_others_are_not_done_again() {
        let mut connection = Connection::open_in_memory().unwrap();
        let (path, first, second) = (
            Path::new("x"),
            "CREATE TABLE a (x)",
            "ALTER TABLE a ADD y; CREATE TABLE b (x)",
        );
        bring_up_by(&mut connection, path, &[first]).unwrap();
        assert_eq!((version(&connection), tables(&connection)), (1, vec!["a".to_owned()]));
        bring_up_by(&mut connection, path, &[first, second]).unwrap();
        bring_up_by(&mut connection, path, &[first, second]).unwrap();
        assert_eq!(version(&connection), 2);
        assert_eq!(tables(&connection), ["a", "b"]);
    }

    #[test]
    fn a_step_that_fails_leaves_the_form_that_was() {
        let mut connection = Connection::open_in_memory().unwrap();
        let (path, first) = (Path::new("x"), "CREATE TABLE a (x)");
        bring_up_by(&mut connection, path, &[first]).unwrap();
        let failed = bring_up_by(
            &mut connection,
            path,
            &[first, "CREATE TABLE b (x)", "CREATE TABLE a (x)"],
        );
        assert!(matches!(failed, Err(StateError::Query { .. })), "{failed:?}");
        assert_eq!((version(&connection), tables(&connection)), (1, vec!["a".to_owned()]));
    }

    #[test]
    fn a_later_form_is_refused_and_left_alone() {
        let mut connection = Connection::open_in_memory().unwrap();
        let path = Path::new("state.sqlite3");
        bring_up_by(&mut connection, path, &["CREATE TABLE a (x)", "CREATE TABLE b (x)"]).unwrap();
        let error = bring_up_by(&mut connection, path, &["CREATE TABLE a (x)"]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the state in `state.sqlite3` is of a later version of refuel: it has form 2, and this version knows forms up to 1"
        );
        assert_eq!(error.code(), "RF1403");
        assert_eq!(version(&connection), 2);
    }

    #[test]
    fn a_database_of_something_else_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE customers (id)").unwrap();
        let error = bring_up(&mut connection, Path::new("x")).unwrap_err();
        assert!(matches!(error, StateError::NotAState { .. }), "{error:?}");
        assert_eq!(tables(&connection), ["customers"]);
    }
}
