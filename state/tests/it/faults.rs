//! Files that are not what they should be.

use refuel_state::{State, StateError};

use crate::common::{answer, fresh, hash, keep, version};

#[test]
fn a_corrupt_file_is_an_error_and_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.sqlite3");
    let rubbish = "this is no database ".repeat(500);
    std::fs::write(&file, &rubbish).unwrap();
    for _ in 1..=2 {
        let error = State::open(&file).unwrap_err();
        assert_eq!(error.code(), "RF1405");
        assert!(error.hint().unwrap().contains("move it away"), "{:?}", error.hint());
        assert_eq!(std::fs::read_to_string(&file).unwrap(), rubbish);
    }
}

#[test]
fn a_file_of_a_later_version_is_refused() {
    let fresh = fresh();
    let file = fresh.state.path().to_owned();
    drop(fresh.state);
    let connection = rusqlite::Connection::open(&file).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    let error = State::open(&file).unwrap_err();
    assert!(matches!(error, StateError::Newer { version: 99, .. }), "{error:?}");
    assert_eq!(
        error.hint().as_deref(),
        Some("use that version of refuel, or another copy of the project")
    );
    assert!(fresh.folder.path().join(".refuel/state.sqlite3").exists());
}

#[test]
fn a_database_of_something_else_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.sqlite3");
    let connection = rusqlite::Connection::open(&file).unwrap();
    connection.execute_batch("CREATE TABLE customers (id)").unwrap();
    drop(connection);
    let error = State::open(&file).unwrap_err();
    assert_eq!(error.code(), "RF1404");
    let connection = rusqlite::Connection::open(&file).unwrap();
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .unwrap();
    assert_eq!(tables, 1);
}

#[test]
fn a_folder_where_the_file_should_be_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let error = State::open(folder.path()).unwrap_err();
    assert_eq!(error.code(), "RF1402");
    assert!(
        error.to_string().contains(&folder.path().display().to_string()),
        "{error}"
    );
}

#[test]
fn no_state_is_begun_by_looking() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(".refuel/state.sqlite3");
    assert!(State::open_if_there(&file).unwrap().is_none());
    assert!(!folder.path().join(".refuel").exists());
    drop(State::open(&file).unwrap());
    assert!(State::open_if_there(&file).unwrap().is_some());
}

#[test]
fn what_is_damaged_in_the_midst_of_a_file_is_said() {
    let fresh = fresh();
    let key = fresh.state.task_key(&version("topic", "f1")).unwrap();
    keep(&fresh.state, key, "a", &answer("refund", 0.9));
    let file = fresh.state.path().to_owned();
    drop(fresh.state);
    let connection = rusqlite::Connection::open(&file).unwrap();
    connection.execute_batch("UPDATE answers SET value = 'refund'").unwrap();
    drop(connection);
    let state = State::open(&file).unwrap();
    let error = state.known(key, &[hash("a")]).unwrap_err();
    assert_eq!(error.code(), "RF1411");
    assert!(
        error
            .to_string()
            .contains("the value of an answer is not what was written"),
        "{error}"
    );
}
