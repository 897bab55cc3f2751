//! What is wrong is told with its place and what to do.

use insta::assert_snapshot;
use refuel_project::Project;

use crate::{files, options, told, wrong};

const MODEL: (&str, &str) = ("models/orders.sql", "SELECT 1 AS id");

#[test]
fn a_folder_that_is_no_project_is_told() {
    let folder = files(&[("models/a.sql", "SELECT 1")]);
    let error = Project::find(&folder.path().join("models")).expect_err("no project");
    assert_eq!(error.code(), "RF1101");
    assert!(error.to_string().contains("no refuel_project.yml in `"), "{error}");
    assert!(error.hint().expect("a hint").contains("refuel init"));
    let errors = Project::load(folder.path(), &options()).expect_err("no project");
    assert_eq!(errors[0].code(), "RF1101");
}

#[test]
fn a_project_is_found_from_any_folder_in_it() {
    let folder = files(&[
        ("refuel_project.yml", "name: shop\n"),
        ("models/staging/a.sql", "SELECT 1"),
    ]);
    let found = Project::find(&folder.path().join("models/staging")).expect("a project");
    assert_eq!(found, folder.path());
    assert_eq!(Project::find(folder.path()).expect("a project"), folder.path());
}

#[test]
fn unknown_keys_name_the_nearest() {
    assert_snapshot!(wrong(&[
        ("refuel_project.yml", "name: shop\nmodel-path: [models]\nwhatever: 1\n"),
        MODEL,
        ("models/a.yml", "models:\n  - name: orders\n    colums:\n      - name: id\n    config:\n      materialised: table\n      max-row: 3\n"),
    ]), @r#"
    RF1104 models/a.yml:3:5: unknown key "colums" in a model
        did you mean "columns"?
    RF1104 models/a.yml:6:7: unknown key "materialised" in the configuration of a model
        did you mean "materialized"?
    RF1104 models/a.yml:7:7: unknown key "max-row" in the configuration of a model
        did you mean "max_rows"?
    RF1104 refuel_project.yml:2:1: unknown key "model-path" in refuel_project.yml
        did you mean "model_paths"?
    RF1104 refuel_project.yml:3:1: unknown key "whatever" in refuel_project.yml
        the keys here are name, version, description, profile, model_paths, task_paths, seed_paths, test_paths, macro_paths, target_path, vars, models, seeds, data_tests, budgets, on_run_start, on_run_end, schedule, pools
    "#);
}

#[test]
fn wrong_values_say_what_they_must_be() {
    assert_snapshot!(wrong(&[
        ("refuel_project.yml", "name: my shop\nbudgets: {max_rows: -1, max_minutes: soon}\npools: {gpu: 0}\nschedule:\n  - {name: a, cron: '@daily', timeout: fast, retries: 1000, catchup: some, vars: 3}\n"),
        MODEL,
        ("models/a.yml", "models:\n  - name: orders\n    config: {materialized: tabel, tags: [1], unique_key: {a: b}, enabled: 'yes'}\n    data_tests: unique\n    columns: [{name: 7}]\n"),
    ]), @"");
}

#[test]
fn missing_keys_say_what_to_write() {
    assert_snapshot!(wrong(&[
        ("refuel_project.yml", "version: 1\n"),
        MODEL,
        ("models/a.yml", "models:\n  - description: x\nsources:\n  - name: raw\nunit_tests:\n  - name: t\n    expect: {}\n"),
    ]), @"");
}

#[test]
fn text_that_is_not_yaml_is_told_with_its_place() {
    assert_snapshot!(wrong(&[
        MODEL,
        ("models/a.yml", "models:\n  - name: [orders\n"),
        ("models/b.yml", "models: []\nmodels: []\n"),
        ("models/c.yml", "models: []\n---\nmodels: []\n"),
    ]), @"");
    assert_snapshot!(wrong(&[("refuel_project.yml", "")]), @"");
    assert_snapshot!(wrong(&[("refuel_project.yml", "- name")]), @"");
}

#[test]
fn tests_are_told_apart_from_their_arguments() {
    assert_snapshot!(wrong(&[
        MODEL,
        ("models/a.yml", "\
models:
  - name: orders
    columns:
      - name: status
        data_tests:
          - uniqe
          - accepted_values:
            values: [open]
          - accepted_values
          - accepted_values: {values: []}
          - relationships: {to: orders}
          - relationships: {to: ref('a b', field: id}
          - unique: [x]
          - not_null: {serverity: warn}
          - not_null: {config: {warn_if: many}}
          - {}
          -
"),
    ]), @"");
}

#[test]
fn tests_of_a_column_are_none_of_a_table() {
    assert_snapshot!(wrong(&[
        MODEL,
        ("models/a.yml", "models:\n  - name: orders\n    data_tests: [unique]\n"),
    ]), @"");
}

#[test]
fn things_of_one_name_are_told_with_both_places() {
    assert_snapshot!(wrong(&[
        ("refuel_project.yml", "name: shop\nmodels: {+tags: a, +post_hook: x, +post-hook: y}\nschedule:\n  - {name: a, cron: '@daily'}\n  - {name: a, cron: '@hourly'}\n"),
        MODEL,
        ("models/sub/ORDERS.sql", "SELECT 1"),
        ("seeds/orders.csv", "id\n1\n"),
        ("models/a.yml", "models: [{name: orders, columns: [{name: id}, {name: id}], tests: [], data_tests: []}]\nsources:\n  - {name: raw, tables: [{name: t}, {name: t}]}\n"),
        ("models/b.yml", "models: [{name: orders}]\nsources: [{name: raw, tables: [{name: t}]}]\n"),
        ("models/c.yml", "unit_tests:\n  - {name: t, model: orders, expect: {rows: []}}\n  - {name: t, model: orders, expect: {rows: []}}\n"),
        ("tasks/one.yml", "name: topic\nkind: label\ninput: body\nlabels: [a, b]\n"),
        ("tasks/two.yml", "name: topic\nkind: label\ninput: body\nlabels: [a, b]\n"),
    ]), @"");
}

#[test]
fn names_of_what_is_not_there_suggest_the_nearest() {
    assert_snapshot!(wrong(&[
        ("refuel_project.yml", "name: shop\nmodels: {shop: {stagin: {+tags: a}}, staging: {stg: {+tags: b}}}\nseeds: {raw: {+tags: a}}\nschedule: [{name: a, cron: '@daily', pool: gpu}]\n"),
        ("models/staging/orders.sql", "SELECT 1"),
        ("seeds/cities.csv", "id\n1\n"),
        ("models/a.yml", "models: [{name: order}, {name: cities}]\nseeds: [{name: citys}]\nunit_tests: [{name: t, model: ordres, expect: {rows: []}}]\n"),
    ]), @"");
}

#[test]
fn keys_of_folders_need_a_plus() {
    assert_snapshot!(wrong(&[
        ("refuel_project.yml", "name: shop\nmodels: {materialized: table, staging: view, +materialised: x}\n"),
        ("models/staging/orders.sql", "SELECT 1"),
    ]), @"");
}

#[test]
fn files_that_cannot_be_used_are_told() {
    let folder = files(&[
        (
            "refuel_project.yml",
            "name: shop\nmodel-paths: [models, more, ../up, /abs, '']\n",
        ),
        ("models/1st.sql", "SELECT 1"),
        ("models/a-b.sql", "SELECT 1"),
        ("models/_refuel_x.sql", "SELECT 1"),
        ("models/orders__review.sql", "SELECT 1"),
        (
            "models/this_name_is_so_long_that_no_relation_of_postgres_could_have_it.sql",
            "SELECT 1",
        ),
        (
            "models/a.yml",
            "sources:\n  - name: raw\n    tables:\n      - {name: t, path: none.csv}\n      - {name: u, path: data.txt}\n      - {name: v, delimiter: ','}\n",
        ),
        ("tasks/topic.yml", "kind: labl\ninput: body\n"),
    ]);
    std::fs::write(folder.path().join("models/latin.sql"), b"SELECT 1\n-- caf\xe9\n").expect("a file");
    assert_snapshot!(told(&Project::load(folder.path(), &options()).expect_err("wrong")), @"");
}

#[test]
fn evaluations_say_what_they_lack() {
    assert_snapshot!(wrong(&[
        MODEL,
        ("models/a.yml", "\
models:
  - name: orders
    evaluations:
      - {name: bare}
      - {name: no_truth, task: t, metrics: {accuracy: '>= 0.8'}}
      - {name: no_task, on: ref('x'), truth: y, metrics: {accuracy: '>= 0.8'}}
      - {name: no_file, task: t, on: none.csv, truth: y, metrics: {accuracy: '>= 0.8'}}
      - {name: no_rows, task: t, on: nowhere, truth: y, metrics: {accuracy: '>= 0.8'}}
      - {name: bounds, task: t, drift: {psi: '0.2', chi_square: 'q > 1'}, metrics: {accuracy: '> 80', f2: '> 1'}}
      - {name: no_confidence, prediction: x, truth: y, metrics: {auroc: '> 0.5'}}
      - {name: key, on: {key: id, prediction: x, truth: y}, metrics: {f1: '> 0.5'}}
"),
    ]), @"");
}

#[test]
fn unit_tests_say_what_they_lack() {
    assert_snapshot!(wrong(&[
        MODEL,
        ("tests/fixtures/orders.csv", "a,b\n1\n"),
        ("models/a.yml", "\
models:
  - name: orders
    unit_tests:
      - {name: other, model: order, expect: {rows: []}}
      - name: rows
        given:
          - {input: orders, rows: []}
          - {input: ref('a'), rows: [], fixture: orders}
          - {input: ref('b'), fixture: order}
          - {input: ref('c'), fixture: orders}
          - {input: ref('d'), rows: \"a,b\\n1,2\\n3\\n\"}
          - {input: ref('e')}
          - {input: ref('f'), rows: [1]}
          - {input: ref('g'), rows: []}
          - {input: ref('g'), rows: []}
        answers:
          - {task: t, input: x, value: y, error: z}
          - {task: t, confidence: 2}
        expect: {rows: [], format: csv}
"),
    ]), @"");
}

#[test]
fn a_failed_task_keeps_its_own_code_and_place() {
    let errors = wrong(&[(
        "tasks/topic.yml",
        "kind: label\ninput: body\nlabels: [a, b]\nguidlines: x\n",
    )]);
    assert_snapshot!(errors, @"");
}
