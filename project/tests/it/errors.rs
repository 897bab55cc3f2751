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
fn a_foreign_key_is_refused_with_the_test_that_checks_the_same() {
    assert_snapshot!(wrong(&[
        ("refuel_project.yml", "name: shop\n"),
        MODEL,
        ("models/a.yml", "models:\n  - name: orders\n    columns:\n      - name: id\n        constraints:\n          - {type: foreign_key, expression: \"other (id)\"}\n"),
    ]), @r"
    RF1107 models/a.yml:6:13: a table can't have a foreign_key: each build puts a new table in the place of the other, which the database does not allow where a key points to it
        test it instead, below the column: relationships: {to: ref('customers'), field: id}
    ");
}

#[test]
fn wrong_values_say_what_they_must_be() {
    assert_snapshot!(wrong(&[
        ("refuel_project.yml", "name: my shop\nbudgets: {max_rows: -1, max_minutes: soon}\npools: {gpu: 0}\nschedule:\n  - {name: a, cron: '@daily', timeout: fast, retries: 1000, catchup: some, vars: 3}\n"),
        MODEL,
        ("models/a.yml", "models:\n  - name: orders\n    config: {materialized: tabel, tags: [1], unique_key: {a: b}, enabled: 'yes'}\n    data_tests: unique\n    columns: [{name: 7}]\n"),
    ]), @r#"
    RF1107 models/a.yml:3:28: "models[1].config.materialized" can't be "tabel"
        did you mean "table"?
    RF1105 models/a.yml:3:42: "models[1].config.tags[1]" must be text, not a number
        put it in quotes: "1"
    RF1105 models/a.yml:3:58: "models[1].config.unique_key" must be text, or a list, not a map
    RF1105 models/a.yml:3:75: "models[1].config.enabled" must be true or false, not text
    RF1105 models/a.yml:4:17: "models[1].data_tests" must be a list, not text
    RF1105 models/a.yml:5:22: "models[1].columns[1].name" must be text, not a number
        put it in quotes: "7"
    RF1107 refuel_project.yml:1:7: "name" can't be "my shop"
        write a letter, then letters, digits and _, such as stg_orders
    RF1107 refuel_project.yml:2:21: "budgets.max_rows" must be a whole number of at least 0, not -1
    RF1105 refuel_project.yml:2:38: "budgets.max_minutes" must be a number, not text
    RF1107 refuel_project.yml:3:14: "pools.gpu" must be a whole number from 1 to 10000, not 0
    RF1107 refuel_project.yml:5:40: "schedule[1].timeout" can't be "fast"
        write a length of time such as 90s, 5m or 1h 30m
    RF1107 refuel_project.yml:5:55: "schedule[1].retries" must be a whole number from 0 to 100, not 1000
    RF1107 refuel_project.yml:5:70: "schedule[1].catchup" can't be "some"
        it can be none, last, all
    RF1105 refuel_project.yml:5:82: "schedule[1].vars" must be a map, not a number
    "#);
}

#[test]
fn missing_keys_say_what_to_write() {
    assert_snapshot!(wrong(&[
        ("refuel_project.yml", "version: 1\n"),
        MODEL,
        ("models/a.yml", "models:\n  - description: x\nsources:\n  - name: raw\nunit_tests:\n  - name: t\n    expect: {}\n"),
    ]), @r#"
    RF1106 models/a.yml:2:5: missing key "name" in a model
        name: NAME
    RF1106 models/a.yml:4:5: missing key "tables" in a source
        tables: [{name: TABLE}]
    RF1106 models/a.yml:6:5: missing key "model" in a unit test
        name the model: model: NAME
    RF1106 refuel_project.yml:1:1: missing key "name" in refuel_project.yml
        name: NAME
    "#);
}

#[test]
fn text_that_is_not_yaml_is_told_with_its_place() {
    assert_snapshot!(wrong(&[
        MODEL,
        ("models/a.yml", "models:\n  - name: [orders\n"),
        ("models/b.yml", "models: []\nmodels: []\n"),
        ("models/c.yml", "models: []\n---\nmodels: []\n"),
    ]), @r#"
    RF1103 models/a.yml:2:11: not valid YAML: unclosed bracket '['
    RF1103 models/b.yml:2:1: the key "models" is given twice
        keep one of the two
    RF1103 models/c.yml:2:1: there is more than one YAML document; a file is one
    "#);
    assert_snapshot!(wrong(&[("refuel_project.yml", "")]), @r#"
    RF1107 refuel_project.yml:1:1: the file is empty
        give the project a name: name: NAME
    "#);
    assert_snapshot!(wrong(&[("refuel_project.yml", "- name")]), @r#"RF1107 refuel_project.yml:1:1: the file must be a map, not a list"#);
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
    ]), @r#"
    RF1109 models/a.yml:6:13: there is no data test "uniqe"
        did you mean "unique"?
    RF1107 models/a.yml:7:13: "models[1].columns[1].data_tests[2]" must have one key, not 2
        indent what belongs to "accepted_values" below it
    RF1106 models/a.yml:9:13: missing key "values" in a test that every value is one of a list
        write values: [open, closed]
    RF1107 models/a.yml:10:39: "values" has none, so that every row would fail
        write the values that there may be: values: [open, closed]
    RF1106 models/a.yml:11:13: missing key "field" in a test that every value is in another relation
        write field: COLUMN
    RF1107 models/a.yml:11:33: "models[1].columns[1].data_tests[5].relationships.to" can't be "orders"
        write ref('NAME') or source('SOURCE', 'TABLE')
    RF1107 models/a.yml:12:33: "models[1].columns[1].data_tests[6].relationships.to" can't be "ref('a b'"
        write ref('NAME') or source('SOURCE', 'TABLE')
    RF1105 models/a.yml:13:21: "models[1].columns[1].data_tests[7].unique" must be a map, a test that no value is there twice, not a list
    RF1104 models/a.yml:14:24: unknown key "serverity" in a test that no value is null
        the keys here are name, description, config
    RF1107 models/a.yml:15:42: "models[1].columns[1].data_tests[9].not_null.config.warn_if" can't be "many"
        write a comparison such as "> 10" or "!= 0"
    RF1107 models/a.yml:16:13: "models[1].columns[1].data_tests[10]" must have one key, not 0
        write one name, and below it what belongs to it
    RF1105 models/a.yml:17:12: "models[1].columns[1].data_tests[11]" must be a name, or a map of one name, not nothing
    "#);
}

#[test]
fn tests_of_a_column_are_none_of_a_table() {
    assert_snapshot!(wrong(&[
        MODEL,
        ("models/a.yml", "models:\n  - name: orders\n    data_tests: [unique]\n"),
    ]), @r#"
    RF1109 models/a.yml:3:18: there is no data test "unique"
        it is a test of a column: write it below one
    "#);
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
    ]), @r#"
    RF1108 models/a.yml:1:47: a column named "id" is there already: models/a.yml:1:35
        keep one of the two
    RF1108 models/a.yml:1:71: "data_tests", another spelling of "tests", is there already: models/a.yml:1:60
        keep one of the two
    RF1108 models/a.yml:3:37: a table named "t" in the source "raw" is there already: models/a.yml:3:26
        keep one of the two
    RF1108 models/b.yml:1:10: what is said of the model "orders" is there already: models/a.yml:1:10
        say all of it in one place
    RF1108 models/b.yml:2:11: a source named "raw" is there already: models/a.yml:3:5
        put all tables of a source below one name
    RF1108 models/c.yml:3:5: a unit test named "t" of the model "orders" is there already: models/c.yml:2:5
        give each a name of its own
    RF1108 models/sub/ORDERS.sql: a model named "ORDERS" but for case is there already: models/orders.sql
        rename one of the two files
    RF1108 refuel_project.yml:2:35: "+post-hook", another spelling of "+post_hook", is there already: refuel_project.yml:2:20
        keep one of the two
    RF1108 refuel_project.yml:5:5: a job named "a" is there already: refuel_project.yml:4:5
        give each job a name of its own
    RF1108 seeds/orders.csv: a model or seed named "orders" is there already: models/orders.sql
        rename one of the two files
    RF1108 tasks/two.yml: a task named "topic" is there already: tasks/one.yml
        give one of the two another name
    "#);
}

#[test]
fn names_of_what_is_not_there_suggest_the_nearest() {
    assert_snapshot!(wrong(&[
        ("refuel_project.yml", "name: shop\nmodels: {shop: {stagin: {+tags: a}}, staging: {stg: {+tags: b}}}\nseeds: {raw: {+tags: a}}\nschedule: [{name: a, cron: '@daily', pool: gpu}]\n"),
        ("models/staging/orders.sql", "SELECT 1"),
        ("seeds/cities.csv", "id\n1\n"),
        ("models/a.yml", "models: [{name: order}, {name: cities}]\nseeds: [{name: citys}]\nunit_tests: [{name: t, model: ordres, expect: {rows: []}}]\n"),
    ]), @r#"
    RF1109 models/a.yml:1:10: there is no model "order"
        did you mean "orders"?
    RF1109 models/a.yml:1:25: there is no model "cities"
        it is a seed: write it below "seeds"
    RF1109 models/a.yml:2:9: there is no seed "citys"
        did you mean "cities"?
    RF1109 models/a.yml:3:14: there is no model "ordres"
        did you mean "orders"?
    RF1109 refuel_project.yml:2:17: there is no model or folder of models "stagin"
        did you mean "staging"?
    RF1109 refuel_project.yml:2:48: there is no model or folder of models "staging/stg"
        there is only orders
    RF1109 refuel_project.yml:3:9: there is no seed or folder of seeds "raw"
        there is only cities
    RF1109 refuel_project.yml:4:38: there is no pool "gpu"
        declare it: pools: {gpu: 1}
    "#);
}

#[test]
fn keys_of_folders_need_a_plus() {
    assert_snapshot!(wrong(&[
        ("refuel_project.yml", "name: shop\nmodels: {materialized: table, staging: view, +materialised: x}\n"),
        ("models/staging/orders.sql", "SELECT 1"),
    ]), @r#"
    RF1104 refuel_project.yml:2:10: unknown key "materialized" in configuration by folder
        write "+materialized": keys without "+" are folders
    RF1105 refuel_project.yml:2:40: "models.staging" must be a map: keys without "+" are folders, not text
    RF1104 refuel_project.yml:2:46: unknown key "+materialised" in the configuration of a model
        did you mean "+materialized"?
    "#);
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
    assert_snapshot!(told(&Project::load(folder.path(), &options()).expect_err("wrong")), @r#"
    RF1107 models/1st.sql: "1st" can't be the name of a model
        rename the file: a model is named by a letter, then letters, digits and _, such as stg_orders
    RF1107 models/_refuel_x.sql: "_refuel_x" can't be the name of a model: names with that beginning are our own
        rename the file
    RF1107 models/a-b.sql: "a-b" can't be the name of a model
        rename the file: a model is named by a letter, then letters, digits and _, such as stg_orders
    RF1107 models/a.yml:5:25: how "data.txt" is written can't be told from its name
        say it: format: csv, tsv, jsonl or parquet
    RF1107 models/a.yml:6:19: "delimiter" has no use here: the table is not loaded from a file
        name the file, path: data/messages.csv, or take it out
    RF1107 models/latin.sql:2: the file is not UTF-8 from this line on
        save it as UTF-8
    RF1107 models/orders__review.sql: "orders__review" can't be the name of a model: "__review" is the ending of what is made beside a model
        rename the file
    RF1107 models/this_name_is_so_long_that_no_relation_of_postgres_could_have_it.sql: "this_name_is_so_long_that_no_relation_of_postgres_could_have_it" can't be the name of a model: it has 63 characters, and 52 are the most
        rename the file: a model is named by a letter, then letters, digits and _, such as stg_orders
    RF1107 refuel_project.yml: there is no folder "more" for models
        make the folder, or take it out of "model-paths"
    RF1107 refuel_project.yml:2:1: "../up" is no folder inside of the project
        name a folder from the project's: model_paths: [folder]
    RF1107 refuel_project.yml:2:1: "/abs" is no folder inside of the project
        name a folder from the project's: model_paths: [folder]
    RF1107 refuel_project.yml:2:1: "" is no folder inside of the project
        name a folder from the project's: model_paths: [folder]
    RF0406 tasks/topic.yml:1:7: "kind" can't be "labl"
        did you mean "label"?
    "#);
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
    ]), @r#"
    RF1107 models/a.yml:4:9: the evaluation "bare" has no bound
        give one: metrics: {accuracy: ">= 0.8"}, or drift: {psi: "< 0.2"}
    RF1107 models/a.yml:4:9: the evaluation "bare" names no answers
        name the task: task: NAME, or the column of the answers: prediction: COLUMN
    RF1107 models/a.yml:5:9: the evaluation "no_truth" has no column of right answers
        name it: truth: COLUMN
    RF1107 models/a.yml:5:9: the evaluation "no_truth" names no column of answers
        name it: prediction: COLUMN
    RF1107 models/a.yml:6:9: the evaluation "no_task" names no task to ask of the rows
        name it, task: NAME, or the columns that the model and the rows have both: key: id
    RF1107 models/a.yml:8:38: "on" can't be "nowhere"
        write ref('NAME'), source('SOURCE', 'TABLE'), or a file such as data/labelled.csv
    RF1107 models/a.yml:9:9: the evaluation "bounds" has no column of right answers
        name it: truth: COLUMN
    RF1107 models/a.yml:9:9: the evaluation "bounds" names no column of answers
        name it: prediction: COLUMN
    RF1107 models/a.yml:9:46: "models[1].evaluations[6].drift.psi" can't be "0.2"
        write a comparison such as "< 0.2"
    RF1107 models/a.yml:9:65: "models[1].evaluations[6].drift.chi_square" can't be "q > 1"
        write a comparison with a number from 0 to 1, such as "p > 0.01"
    RF1107 models/a.yml:9:95: "models[1].evaluations[6].metrics.accuracy" can't be "> 80"
        write a comparison with a number from 0 to 1, such as ">= 0.8"
    RF1104 models/a.yml:9:103: unknown key "f2" in bounds of measures
        the keys here are accuracy, f1, coverage, auroc
    RF1107 models/a.yml:10:9: the evaluation "no_confidence" has a bound of auroc, and names no column of confidence
        name it: confidence: COLUMN
    RF1107 models/a.yml:11:9: the evaluation "key" has a "key" and no other rows
        name them, relation: ref('NAME'), or take "key" out
    "#);
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
    ]), @r#"
    RF1107 models/a.yml:4:23: the unit test "other" is written below the model "orders" and names "order"
        take "model" out, or write the test below the other model
    RF1107 models/a.yml:7:21: "input" can't be "orders"
        write ref('NAME'), source('SOURCE', 'TABLE') or this
    RF1107 models/a.yml:8:50: rows that are given have both "rows" and "fixture"
        keep one of the two
    RF1109 models/a.yml:9:40: there is no fixture "order"
        did you mean "orders.csv"?
    RF1107 models/a.yml:11:37: the rows are not CSV: line 3 has 1 fields, and the first has 2
        each line has as many fields as the first
    RF1106 models/a.yml:12:13: missing key "rows" in rows that are given
        write rows: [{COLUMN: VALUE}], or rows: [] for none, or fixture: FILE
    RF1105 models/a.yml:13:38: "models[1].unit_tests[2].given[7].rows[1]" must be a map, not a number
    RF1108 models/a.yml:15:13: what these rows stand for is there already: models/a.yml:14:13
        put all rows of one input into one list
    RF1107 models/a.yml:17:13: an answer has both "value" and "error"
        keep one of the two
    RF1106 models/a.yml:18:13: missing key "input" in an answer in a test
        input: TEXT
    RF1107 models/a.yml:18:35: "models[1].unit_tests[2].answers[2].confidence" must be a number from 0 to 1, not 2
    RF1107 models/a.yml:19:24: "format" is "csv", and the rows are a list of maps
        take "format" out: how rows are written is plain to see
    RF1107 tests/fixtures/orders.csv: the rows are not CSV: line 2 has 1 fields, and the first has 2
        each line has as many fields as the first
    "#);
}

#[test]
fn a_failed_task_keeps_its_own_code_and_place() {
    let errors = wrong(&[(
        "tasks/topic.yml",
        "kind: label\ninput: body\nlabels: [a, b]\nguidlines: x\n",
    )]);
    assert_snapshot!(errors, @r#"
    RF0403 tasks/topic.yml:4:1: unknown key "guidlines"
        did you mean "guidelines"?
    "#);
}
