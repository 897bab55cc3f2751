//! Text from people who make mistakes, and from people who don't.

use proptest::prelude::*;
use refuel_project::Project;
use tempfile::TempDir;

use crate::{load, options, wrong};

/// Lines of properties, right and wrong, so that random text gets past the first check.
fn lines() -> impl Strategy<Value = String> {
    let lines = vec![
        "name: shop",
        "models:",
        "sources:",
        "seeds:",
        "unit_tests:",
        "  - name: orders",
        "  - name: 3",
        "    columns:",
        "      - name: id",
        "        data_tests: [unique, not_null]",
        "        data_tests: [{unique: }]",
        "    data_tests:",
        "      - accepted_values: {values: [a]}",
        "      - relationships: {to: ref('x'), field: y}",
        "    config: {materialized: view, +tags: x}",
        "    evaluations: [{name: a, on: {}, metrics: {f1: '> 1e400'}}]",
        "    expect: {rows: 'a,b'}",
        "    given: [{input: this, rows: [{}]}, {input: this, fixture: ../../../etc/passwd}]",
        "    tables: [{name: t, path: /dev/null, format: csv}]",
        "target: dev",
        "targets:",
        "  dev: {type: sqlite}",
        "  dev: {type: postgres, port: '{{ env_var(1) }}'}",
        "schedule: [{name: a, cron: x, retry_delay: -5, timeout: 1e300}]",
        "vars: {a: &a [1], b: *a}",
        "models: {a: {b: {+tags: [c]}}, +meta: }",
        "? [a]",
        "<<: *a",
        "---",
        "\t",
    ];
    let line = prop_oneof![6 => prop::sample::select(lines).prop_map(ToOwned::to_owned), 1 => any::<String>()];
    prop::collection::vec(line, 0..12).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever the files hold, they are read or refused, and what is wrong has a code and is told in one line.
    #[test]
    fn any_files_are_read_or_refused(project in lines(), profiles in lines(), properties in lines(), csv in any::<String>()) {
        let files = [
            ("refuel_project.yml", project.as_str()),
            ("profiles.yml", profiles.as_str()),
            ("models/orders.sql", "SELECT 1"),
            ("models/properties.yml", properties.as_str()),
            ("tests/properties.yml", profiles.as_str()),
            ("tests/fixtures/a.csv", csv.as_str()),
            ("tasks/task.yml", properties.as_str()),
        ];
        if let Err(errors) = load(&files) {
            prop_assert!(!errors.is_empty());
            for error in errors {
                prop_assert!(error.code().starts_with("RF"), "{}", error);
                prop_assert!(!error.to_string().contains('\n'), "{}", error);
                let _ = error.hint();
            }
        }
    }

    /// The same where the project's own file is right, so that the others are looked at.
    #[test]
    fn any_properties_are_read_or_refused(properties in lines(), more in lines()) {
        let files = [
            ("models/orders.sql", "SELECT 1"),
            ("models/properties.yml", properties.as_str()),
            ("models/more.yml", more.as_str()),
        ];
        if let Err(errors) = load(&files) {
            prop_assert!(!errors.is_empty());
        }
    }
}

#[test]
fn too_deep_and_too_much_are_refused() {
    let deep = format!("models: {}{}", "[".repeat(100), "]".repeat(100));
    assert!(wrong(&[("models/a.yml", &deep)]).contains("nested more than 32 deep"));
    let large = format!("# {}\n", "x".repeat(9 << 20));
    assert!(wrong(&[("models/a.sql", &large)]).contains("the file has 9 MB"));
}

#[test]
fn a_link_in_a_circle_is_told() {
    let folder = TempDir::new().expect("a folder");
    std::fs::write(folder.path().join("refuel_project.yml"), "name: shop\n").expect("a file");
    std::fs::create_dir_all(folder.path().join("models/a")).expect("a folder");
    std::os::unix::fs::symlink(folder.path().join("models"), folder.path().join("models/a/b")).expect("a link");
    let errors = Project::load(folder.path(), &options()).expect_err("a circle");
    assert!(
        errors[0].to_string().contains("leads to a folder that it is in"),
        "{}",
        errors[0]
    );
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_text() {
    let project = load(&[
        ("refuel_project.yml", "\u{feff}name: shop\n"),
        ("models/a.sql", "\u{feff}SELECT 1"),
    ])
    .expect("a project");
    assert_eq!(project.models["a"].sql.shown(), "SELECT 1");
}
