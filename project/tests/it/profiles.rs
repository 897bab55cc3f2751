//! Targets, and what is needed to reach them.

use std::time::Duration;

use insta::assert_snapshot;
use refuel_project::{Connection, Environment, Extension, LoadOptions, PostgresTarget, Project, SslMode, Target};

use crate::{files, full, told};

fn target(profiles: &str, name: Option<&str>, env: &[(&str, &str)]) -> Result<Target, String> {
    let folder = files(&[("refuel_project.yml", "name: shop\n"), ("profiles.yml", profiles)]);
    load(folder.path(), name, env).map(|project| project.target)
}

fn load(root: &std::path::Path, name: Option<&str>, env: &[(&str, &str)]) -> Result<Project, String> {
    let env = env
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let options = LoadOptions {
        target: name.map(ToOwned::to_owned),
        env: Environment::Fixed(env.collect()),
        ..LoadOptions::default()
    };
    Project::load(root, &options).map_err(|errors| told(&errors))
}

fn postgres(target: Target) -> PostgresTarget {
    match target.connection {
        Connection::Postgres(postgres) => *postgres,
        Connection::Sqlite(_) => panic!("SQLite"),
    }
}

#[test]
fn a_project_without_profiles_works_on_a_file_of_its_own() {
    let folder = files(&[("refuel_project.yml", "name: shop\n")]);
    let project = load(folder.path(), None, &[]).expect("a project");
    let Connection::Sqlite(sqlite) = &project.target.connection else {
        panic!("{:?}", project.target);
    };
    assert_eq!(sqlite.path, folder.path().join("warehouse.sqlite3"));
    assert_eq!((project.target.name.as_str(), project.target.threads), ("dev", 4));
    assert!(load(folder.path(), Some("dev"), &[]).is_ok());
    assert_snapshot!(load(folder.path(), Some("prod"), &[]).unwrap_err(), @r#"
    RF1109 refuel_project.yml: there is no target "prod"
        the project has no profiles.yml: write one, with "prod" below "targets"
    "#);
}

#[test]
fn every_key_of_a_server_is_read() {
    let env = [("PGHOST", "db2"), ("PGPASSWORD", "hunter2")];
    let target = load(full(), Some("prod"), &env).expect("a project").target;
    assert_eq!(
        (target.threads, target.kind(), target.schema()),
        (8, "postgres", Some("analytics"))
    );
    let postgres = postgres(target);
    assert_eq!(postgres.url.expect("a url").expose(), "postgres://db2/shop");
    assert_eq!(postgres.password.expect("a password").expose(), "hunter2");
    assert_eq!(
        (postgres.host.as_deref(), postgres.port),
        (Some("db.example.org"), Some(5433))
    );
    assert_eq!(
        (postgres.user.as_deref(), postgres.database.as_deref()),
        (Some("1001"), Some("shop"))
    );
    assert_eq!(
        (postgres.sslmode, postgres.extension),
        (Some(SslMode::VerifyFull), Extension::Never)
    );
    assert_eq!(postgres.sslrootcert, Some(full().join("certificates/root.pem")));
    assert_eq!(postgres.connect_timeout, Duration::from_secs(5));
    assert_eq!(postgres.application_name, "refuel-nightly");
}

#[test]
fn secrets_are_not_shown() {
    let env = [("PGHOST", "secret-host"), ("PGPASSWORD", "hunter2")];
    let target = load(full(), Some("prod"), &env).expect("a project").target;
    let shown = format!("{target:#?}");
    assert!(!shown.contains("hunter2") && !shown.contains("secret-host"), "{shown}");
}

#[test]
fn only_the_environment_of_the_chosen_target_is_needed() {
    assert!(load(full(), None, &[]).is_ok(), "dev needs nothing");
    assert_snapshot!(load(full(), Some("prod"), &[]).unwrap_err(), @r#"
    RF1110 profiles.yml:7:12: the environment variable PGHOST is not set
        set PGHOST, or give a default: {{ env_var('PGHOST', 'default') }}
    RF1110 profiles.yml:11:17: the environment variable PGPASSWORD is not set
        set PGPASSWORD, or give a default: {{ env_var('PGPASSWORD', 'default') }}
    "#);
}

#[test]
fn a_server_needs_little() {
    let postgres = postgres(
        target(
            "targets: {a: {type: postgres, port: '{{ env_var(\"P\", 1) }}'}}",
            None,
            &[],
        )
        .expect("right"),
    );
    assert_eq!(
        (postgres.schema.as_str(), postgres.port, postgres.host),
        ("public", Some(1), None)
    );
    assert_eq!(postgres.connect_timeout, Duration::from_secs(10));
    assert!(postgres.password.is_none() && postgres.sslmode.is_none());
}

#[test]
fn a_profile_is_chosen_by_the_project() {
    let several = "a: {targets: {x: {type: sqlite, path: a.db}}}\nshop: {targets: {y: {type: sqlite, path: b.db}}}\n";
    assert_eq!(target(several, None, &[]).expect("right").name, "y");
    let project = load(full(), None, &[]).expect("a project");
    assert_eq!(
        (project.settings.profile.as_str(), project.targets),
        ("shop", vec!["dev".to_owned(), "prod".to_owned()])
    );
    assert_snapshot!(target("a: {targets: {x: {type: sqlite}}}\nshops: {targets: {y: {type: sqlite}}}\n", None, &[]).unwrap_err(), @r#"
    RF1109 profiles.yml:1:1: there is no profile "shop"
        did you mean "shops"?
    "#);
}

#[test]
fn what_is_wrong_with_profiles_is_told() {
    let wrong = |profiles: &str, name: Option<&str>| target(profiles, name, &[]).unwrap_err();
    assert_snapshot!(wrong("targets: {dev: {type: sqlite}, prod: {type: sqlite}}", None), @r#"
    RF1106 profiles.yml:1:1: missing key "target" in a profile with several targets
        name the usual one: target: dev or prod, or give --target
    "#);
    assert_snapshot!(wrong("targets: {}", None), @r#"
    RF1107 profiles.yml:1:1: the profile has no target
        write one: targets: {dev: {type: sqlite}}
    "#);
    assert_snapshot!(wrong("target: dve\ntargets: {dev: {type: sqlite}}", None), @r#"
    RF1109 profiles.yml:1:9: there is no target "dve"
        did you mean "dev"?
    "#);
    assert_snapshot!(wrong("targets: {dev: {type: sqlite}}", Some("production")), @r#"
    RF1109 profiles.yml: there is no target "production"
        there is only dev
    "#);
    assert_snapshot!(wrong("tragets: {dev: {type: sqlite}}", None), @r#"
    RF1104 profiles.yml:1:1: unknown key "tragets" in a profile
        did you mean "targets"?
    RF1106 profiles.yml:1:1: missing key "targets" in a profile
        targets: {dev: {type: sqlite}}
    "#);
    assert_snapshot!(wrong("targets: {dev: {path: x}, b: {type: mysql}, c: {type: sqlite, host: x}, d: }", None), @r#"
    RF1106 profiles.yml:1:16: missing key "type" in "targets.dev"
        it can be sqlite, postgres
    RF1107 profiles.yml:1:37: "targets.b.type" can't be "mysql"
        it can be sqlite, postgres
    RF1104 profiles.yml:1:63: unknown key "host" in a target of type "sqlite"
        the keys here are type, path, threads
    RF1105 profiles.yml:1:74: "targets.d" must be a map, not nothing
    "#);
    assert_snapshot!(wrong("targets: {dev: {type: postgres, port: '{{ env_var(\"P\", \"x\") }}', sslmode: yes}}", None), @r#"
    RF1107 profiles.yml:1:75: "targets.dev.sslmode" can't be "yes"
        it can be disable, prefer, require, verify-ca, verify-full
    "#);
    assert_snapshot!(wrong("targets: {dev: {type: postgres, host: '{{ var(\"x\") }}'}}", None), @r#"
    RF1107 profiles.yml:1:39: the expression can't be used: var is unknown
        write {{ env_var('NAME') }} or {{ env_var('NAME', 'default') }}
    "#);
    assert_snapshot!(wrong("", None), @r#"
    RF1107 profiles.yml:1:1: the file is empty
        write targets: {dev: {type: sqlite}}, or take the file out
    "#);
    assert_snapshot!(wrong("[1]", None), @r#"RF1107 profiles.yml:1:1: the file must be a map, a profile, not a list"#);
}

#[test]
fn profiles_are_looked_for_where_they_are_said_to_be() {
    let folder = files(&[
        ("refuel_project.yml", "name: shop\n"),
        ("elsewhere/profiles.yml", "targets: {far: {type: sqlite, path: far.db}}"),
        (
            "home/.refuel/profiles.yml",
            "targets: {home: {type: sqlite, path: /data/home.db}}",
        ),
    ]);
    let home = folder.path().join("home").display().to_string();
    let project = load(folder.path(), None, &[("HOME", &home)]).expect("a project");
    assert_eq!(project.target.name, "home");
    let options = |dir: &str| LoadOptions {
        profiles_dir: Some(folder.path().join(dir)),
        env: Environment::Fixed([].into()),
        ..LoadOptions::default()
    };
    let project = Project::load(folder.path(), &options("elsewhere")).expect("a project");
    let Connection::Sqlite(sqlite) = project.target.connection else {
        panic!("not SQLite");
    };
    assert_eq!(
        sqlite.path,
        folder.path().join("far.db"),
        "from the project's folder, wherever profiles.yml is"
    );
    let errors = Project::load(folder.path(), &options("nowhere")).expect_err("no file");
    assert_eq!(errors[0].code(), "RF1102");
}
