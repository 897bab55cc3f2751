//! Connecting to servers: encryption, passwords, servers that aren't there or go away.

use std::path::{Path, PathBuf};
use std::process::Command;

use refuel_warehouse::{ExtensionUse, PostgresTarget, SslMode, Target, Warehouses};

use crate::common::{named, told};
use crate::server::Server;

fn open(target: PostgresTarget) -> refuel_warehouse::Result<Warehouses> {
    Warehouses::open(&Target::Postgres(target))
}

/// An error without the places of this run.
fn plain(error: &refuel_warehouse::WarehouseError, target: &PostgresTarget) -> String {
    told(error)
        .replace(&target.port.to_string(), "PORT")
        .replace(target.host.as_str(), "HOST")
}

/// A certificate for `localhost` that signs itself, with its key; none where the program that makes it is missing.
fn certificate(folder: &Path) -> Option<(PathBuf, PathBuf)> {
    let (key, certificate) = (folder.join("key.pem"), folder.join("certificate.pem"));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
        ])
        .args([
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
        ])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output();
    let Ok(made) = made else {
        eprintln!("skipped: there is no openssl to make a certificate with");
        return None;
    };
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    Some((certificate, key))
}

#[test]
fn a_connection_is_encrypted_as_the_mode_says() {
    let folder = tempfile::tempdir().unwrap();
    let (Some(mut server), Some((certificate, key))) = (Server::prepare(), certificate(folder.path())) else {
        return;
    };
    let read = |path: &Path| fs_err::read(path).unwrap();
    let kept = [("server.crt", &certificate), ("server.key", &key)].map(|(name, path)| server.keep(name, &read(path)));
    server.configure(&[
        "ssl = on",
        &format!("ssl_cert_file = '{}'", kept[0].display()),
        &format!("ssl_key_file = '{}'", kept[1].display()),
    ]);
    server.run();
    let target = |host: &str, ssl_mode, root: Option<&Path>| PostgresTarget {
        ssl_mode,
        ssl_root_certificate: root.map(Path::to_owned),
        ..server.network_target(host)
    };
    let is_encrypted = |target: PostgresTarget| {
        let warehouses = open(target).unwrap();
        let mut warehouse = warehouses.connect().unwrap();
        let value = warehouse
            .value("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
            .unwrap();
        value.unwrap().as_integer() == Some(1)
    };
    let root = Some(certificate.as_path());
    assert!(!is_encrypted(target("localhost", SslMode::Disable, None)));
    assert!(is_encrypted(target("localhost", SslMode::Prefer, None)));
    assert!(is_encrypted(target("localhost", SslMode::Require, None)));
    assert!(is_encrypted(target("localhost", SslMode::VerifyFull, root)));
    assert!(
        is_encrypted(target("127.0.0.1", SslMode::VerifyCa, root)),
        "whatever the name"
    );
    assert!(is_encrypted(target("127.0.0.1", SslMode::Require, root)));
    assert!(
        !is_encrypted(server.target()),
        "bytes in a socket don't leave the machine"
    );
    // The certificate isn't for this name.
    let wrong = target("127.0.0.1", SslMode::VerifyFull, root);
    let error = open(wrong.clone()).unwrap_err();
    assert!(!error.is_transient());
    insta::assert_snapshot!(plain(&error, &wrong));
    // Another one signed it.
    let other = folder.path().join("other");
    fs_err::create_dir(&other).unwrap();
    let (other, _) = self::certificate(&other).unwrap();
    for mode in [SslMode::VerifyCa, SslMode::VerifyFull, SslMode::Require] {
        let wrong = target("localhost", mode, Some(&other));
        let error = open(wrong.clone()).unwrap_err();
        assert_eq!(error.code(), "RF1302", "{mode:?}");
        assert!(error.to_string().contains("certificate"), "{error}");
        assert!(!error.is_transient());
    }
    let missing = target("localhost", SslMode::VerifyCa, Some(Path::new("/nowhere/root.crt")));
    let error = open(missing).unwrap_err();
    insta::assert_snapshot!(told(&error));
    // A statement is stopped through an encrypted connection too.
    let warehouses = open(target("localhost", SslMode::VerifyFull, root)).unwrap();
    let mut warehouse = warehouses.connect().unwrap();
    let handle = warehouse.cancel_handle();
    std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(100));
        handle.cancel();
    });
    assert_eq!(warehouse.value("SELECT pg_sleep(60)").unwrap_err().code(), "RF1305");
}

/// Not the user's name or password is wrong then.
#[test]
fn a_server_that_asks_for_encryption_is_told_with_the_mode_that_gives_it() {
    let Some(mut server) = Server::prepare() else { return };
    let rules = server.keep("rules", b"local all all trust\nhostssl all all all trust\n");
    server.configure(&[&format!("hba_file = '{}'", rules.display())]);
    server.run();
    let target = PostgresTarget {
        ssl_mode: SslMode::Disable,
        ..server.network_target("127.0.0.1")
    };
    let error = open(target.clone()).unwrap_err();
    assert!(error.to_string().contains("no encryption"), "{error}");
    assert!(error.hint().unwrap().contains("sslmode: require"), "{error}");
}

#[test]
fn a_server_without_encryption_is_told_of_where_it_is_required() {
    let Some(server) = Server::start(&[]) else { return };
    let target = PostgresTarget {
        ssl_mode: SslMode::Require,
        ..server.network_target("localhost")
    };
    let error = open(target.clone()).unwrap_err();
    insta::assert_snapshot!(plain(&error, &target));
}

#[test]
fn a_wrong_password_is_told_of() {
    let Some(server) = Server::start(&[]) else { return };
    let target = server.network_target("localhost");
    open(target.clone()).unwrap();
    let wrong = PostgresTarget {
        password: Some("wrong".to_owned()),
        ..target.clone()
    };
    let error = open(wrong.clone()).unwrap_err();
    assert!(!error.is_transient());
    insta::assert_snapshot!(plain(&error, &wrong));
    assert!(
        !format!("{target:?}").contains(crate::server::PASSWORD),
        "no message shows it"
    );
    let database = PostgresTarget {
        database: "nosuch".to_owned(),
        ..target
    };
    let error = open(database.clone()).unwrap_err();
    insta::assert_snapshot!(plain(&error, &database));
}

#[test]
fn a_server_that_is_not_there_may_come() {
    let target = PostgresTarget {
        port: 1,
        ..PostgresTarget::new("prod", "127.0.0.1", "ann", "shop")
    };
    let error = open(target).unwrap_err();
    assert!(error.is_transient());
    insta::assert_snapshot!(told(&error));
}

#[test]
fn a_connection_that_is_lost_may_come_again() {
    let Some(mut server) = Server::start(&[]) else { return };
    let warehouses = open(server.target()).unwrap();
    let mut warehouse = warehouses.connect().unwrap();
    let mut other = warehouses.connect().unwrap();
    let own = warehouse.value("SELECT pg_backend_pid()").unwrap().unwrap();
    other
        .execute(&format!("SELECT pg_terminate_backend({own}), pg_sleep(0.1)"))
        .unwrap();
    let error = warehouse.execute("SELECT 1").unwrap_err();
    assert_eq!((error.code(), error.is_transient()), ("RF1307", true), "{error}");
    warehouse = warehouses.connect().unwrap();
    warehouse.begin().unwrap();
    server.stop();
    let error = warehouse.execute("CREATE TABLE t (i integer)").unwrap_err();
    assert_eq!((error.code(), error.is_transient()), ("RF1307", true), "{error}");
    let error = warehouses.connect().map(|_| ()).unwrap_err();
    assert_eq!((error.code(), error.is_transient()), ("RF1302", true), "{error}");
}

#[test]
fn transactions_in_each_others_way_may_go_through_later() {
    let Some(server) = Server::start(&["deadlock_timeout = 50ms"]) else {
        return;
    };
    let warehouses = open(server.target()).unwrap();
    let (mut one, mut other) = (warehouses.connect().unwrap(), warehouses.connect().unwrap());
    one.execute("CREATE TABLE t (i integer, v integer); INSERT INTO t VALUES (1, 0), (2, 0)")
        .unwrap();
    one.begin().unwrap();
    other.begin().unwrap();
    one.execute("UPDATE t SET v = 1 WHERE i = 1").unwrap();
    other.execute("UPDATE t SET v = 2 WHERE i = 2").unwrap();
    let both = std::thread::scope(|scope| {
        let waits = scope.spawn(|| one.execute("UPDATE t SET v = 1 WHERE i = 2"));
        let second = other.execute("UPDATE t SET v = 2 WHERE i = 1");
        if second.is_err() {
            other.rollback().unwrap();
        }
        [waits.join().unwrap(), second]
    });
    let errors: Vec<_> = both.iter().filter_map(|done| done.as_ref().err()).collect();
    assert_eq!(errors.len(), 1);
    assert!(errors[0].is_transient(), "{}", errors[0]);
    assert_eq!(errors[0].code(), "RF1303");
}

#[test]
fn a_role_without_rights_works_in_a_schema_that_is_there() {
    let Some(server) = Server::start(&[]) else { return };
    let boss = open(server.target()).unwrap();
    boss.connect()
        .unwrap()
        .execute("CREATE ROLE ann LOGIN; CREATE SCHEMA hers AUTHORIZATION ann")
        .unwrap();
    let target = |schema: &str| PostgresTarget {
        user: "ann".to_owned(),
        schema: schema.to_owned(),
        ..server.target()
    };
    let warehouses = open(target("hers")).unwrap();
    let mut warehouse = warehouses.connect().unwrap();
    let owner = crate::common::owner("t");
    let name = named("t");
    refuel_warehouse::materialize::table(warehouse.as_mut(), &crate::common::make(&name, "SELECT 1 AS i", &owner))
        .unwrap();
    assert!(!warehouse.has_extension());
    assert_eq!(warehouse.schema(), Some("hers"));
    assert_eq!(open(target("new")).unwrap_err().code(), "RF1303");
    let required = PostgresTarget {
        extension: ExtensionUse::Required,
        ..target("hers")
    };
    insta::assert_snapshot!(told(&open(required).unwrap_err()), @r"
    RF1320: target `prod`: the database `postgres` doesn't have the extension refuel, which the profile requires
    hint: run `CREATE EXTENSION refuel` there, or say `extension: auto` in the profile
    ");
}
