//! What is read of a project that has every key.

use std::time::Duration;

use refuel_project::{
    Budget, Catchup, Comparison, ConstraintKind, DataTest, Drift, EvaluationRows, Format, Hook, IncrementalStrategy,
    Input, JobCommand, Metric, Operator, Overlap, Project, Reference, Severity, TestKind,
};
use serde_json::{Value, json};

use crate::{full, options, told};

fn project() -> Project {
    Project::load(full(), &options()).unwrap_or_else(|errors| panic!("{}", told(&errors)))
}

#[test]
fn settings_and_the_schedule() {
    let settings = project().settings;
    assert_eq!(settings.version.as_deref(), Some("1.2"));
    assert_eq!(
        (settings.task_paths, settings.seed_paths),
        (vec!["tasks".to_owned()], vec!["seeds".to_owned()])
    );
    assert_eq!(
        settings.budget,
        Budget {
            max_rows: Some(1000),
            max_tokens: Some(1_000_000),
            max_minutes: Some(2.5)
        }
    );
    assert_eq!((settings.on_run_start.len(), settings.on_run_end.len()), (1, 2));
    let [job] = settings.schedule.as_slice() else {
        panic!("one job");
    };
    assert_eq!(
        (job.name.as_str(), job.cron.as_str(), job.command),
        ("nightly-build", "30 3 * * *", JobCommand::Build)
    );
    assert_eq!(
        (job.catchup, job.overlap, job.retries),
        (Catchup::All, Overlap::CancelPrevious, 3)
    );
    assert_eq!(job.retry_delay, Duration::from_secs(90));
    assert_eq!(job.timeout, Some(Duration::from_mins(90)));
    assert_eq!((job.select.len(), job.exclude.len()), (2, 1));
    assert_eq!(job.on_success, [Hook::Webhook("https://example.org/done".to_owned())]);
    assert_eq!(job.on_failure[0], Hook::Command("echo failed".to_owned()));
    assert_eq!(job.cron_place.to_string(), "refuel_project.yml:46:5");
    assert_eq!(settings.pools["gpu"], 1);
}

#[test]
fn models_with_their_configuration_and_properties() {
    let project = project();
    let names: Vec<&str> = project.models.keys().map(|name| &**name).collect();
    assert_eq!(names, ["orders", "stg_orders", "stg_visits"]);
    let orders = &project.models["orders"];
    assert_eq!(
        (&*orders.path, orders.config.strategy()),
        ("models/orders.sql", IncrementalStrategy::DeleteInsert)
    );
    insta::assert_json_snapshot!(*orders.config, @r#"
    {
      "materialized": "incremental",
      "unique_key": [
        "id",
        "line"
      ],
      "incremental_strategy": "delete+insert",
      "on_schema_change": "sync_all_columns",
      "tags": [
        "all",
        "orders"
      ],
      "enabled": true,
      "schema": "marts",
      "alias": "orders_all",
      "contract": true,
      "gates": true,
      "full_refresh": false,
      "pre_hook": [
        "SELECT 'before'"
      ],
      "post_hook": [
        "ANALYZE",
        "SELECT 'after'"
      ],
      "meta": {
        "team": "data",
        "owner": "sales"
      },
      "on_error": "null",
      "max_rows": 10,
      "max_tokens": 20,
      "max_minutes": 3.0
    }
    "#);
    assert!(!project.models["stg_visits"].config.is_enabled());
    let properties = orders.properties.as_deref().expect("properties");
    assert_eq!(properties.place.to_string(), "models/models.yml:3:5");
    assert_eq!(
        (properties.description.as_deref(), properties.owner.as_deref()),
        (Some("Orders with their tone."), Some("data@example.org"))
    );
    let kinds: Vec<ConstraintKind> = properties
        .constraints
        .iter()
        .map(|constraint| constraint.kind)
        .collect();
    assert_eq!(
        kinds,
        [
            ConstraintKind::PrimaryKey,
            ConstraintKind::Check,
            ConstraintKind::Unique
        ]
    );
    let id = &properties.columns[0];
    assert_eq!(
        (id.data_type.as_deref(), id.constraints.len(), &id.tags),
        (Some("bigint"), 2, &vec!["key".to_owned()])
    );
}

#[test]
fn data_tests() {
    let project = project();
    let properties = project.models["orders"].properties.as_deref().expect("properties");
    let of = |column: usize| properties.columns[column].tests.as_slice();
    let kinds = |tests: &[DataTest]| {
        serde_json::to_value(tests.iter().map(|test| &test.kind).collect::<Vec<_>>()).expect("JSON")
    };
    assert_eq!(
        kinds(of(0)),
        json!([{"test": "unique"}, {"test": "not_null"}, {"test": "relationships", "to": "ref('stg_orders')", "field": "id"}])
    );
    assert_eq!(
        kinds(of(1)),
        json!([
            {"test": "accepted_values", "values": ["open", "closed"], "quote": true},
            {"test": "accepted_values", "values": [1, 2, true], "quote": false},
            {"test": "relationships", "to": "source('shop', 'states')", "field": "name"},
        ])
    );
    assert_eq!(
        kinds(&properties.tests),
        json!([{"test": "expression", "expression": "amount > 0 OR status = 'open'"}])
    );
    let test = &of(0)[1];
    assert_eq!(
        (test.name.as_deref(), test.place.to_string().as_str()),
        (Some("every_order_has_an_id"), "models/models.yml:32:13")
    );
    assert_eq!(test.config.severity, Severity::Warn);
    let bound = |operator, bound| Some(Comparison { operator, bound });
    assert_eq!(test.config.warn_if, bound(Operator::Greater, 10.0));
    assert_eq!(test.config.error_if, bound(Operator::GreaterOrEqual, 100.0));
    assert_eq!(
        (test.config.condition.as_deref(), test.config.limit),
        (Some("amount > 0"), Some(50))
    );
    assert!(matches!(of(0)[0].kind, TestKind::Unique));
    assert_eq!(of(0)[0].config.severity, Severity::Warn, "by refuel_project.yml");
}

#[test]
fn unit_tests_with_rows_and_answers() {
    let project = project();
    let [tone, file] = project.unit_tests.as_slice() else {
        panic!("two tests");
    };
    assert_eq!((tone.name.as_str(), tone.model.as_str()), ("tone_is_kept", "orders"));
    let given = &tone.given[0];
    let stg_orders = Reference::Model {
        name: "stg_orders".to_owned(),
    };
    assert_eq!(given.input, Input::Reference(stg_orders));
    assert_eq!(given.rows.columns, ["id", "comment", "amount"]);
    assert_eq!(given.rows.rows[0], [json!(1), json!("Thanks!"), Value::Null]);
    assert_eq!(given.rows.rows[1], [json!(2), json!("Never again"), json!(2.5)]);
    assert_eq!(tone.given[1].input, Input::This);
    assert!(tone.expect.typed);
    assert_eq!(
        (tone.answers[0].value.clone(), tone.answers[0].score),
        (json!("kind"), Some(0.5))
    );
    assert_eq!(tone.answers[1].error.as_deref(), Some("too angry"));
    assert_eq!(
        (
            tone.overrides.is_incremental,
            tone.overrides.env_vars["REGION"].as_str()
        ),
        (Some(true), "7")
    );
    assert_eq!(
        file.given[0].rows.rows[1],
        [json!("2"), Value::Null, json!("3"), Value::Null]
    );
    assert_eq!(file.given[0].rows.place.to_string(), "tests/fixtures/orders.csv");
    assert_eq!(
        (file.expect.rows[1].clone(), file.expect.typed),
        (vec![json!("2"), Value::Null], false)
    );
}

#[test]
fn evaluations() {
    let project = project();
    let properties = project.models["orders"].properties.as_deref().expect("properties");
    let [people, asked, columns] = properties.evaluations.as_slice() else {
        panic!("three evaluations");
    };
    let checked = Reference::Model {
        name: "checked".to_owned(),
    };
    assert_eq!(
        (&people.rows, &people.key),
        (&EvaluationRows::Reference(checked), &vec!["id".to_owned()])
    );
    assert_eq!(
        (
            people.truth.as_deref(),
            people.prediction.as_deref(),
            people.confidence.as_deref()
        ),
        (Some("tone"), Some("tone"), Some("sure"))
    );
    let metrics: Vec<String> = people
        .metrics
        .iter()
        .map(|(metric, bound)| format!("{} {bound}", metric.name()))
        .collect();
    assert_eq!(
        metrics,
        ["accuracy >= 0.8", "f1 > 0.7", "coverage >= 0.5", "auroc > 0.6"]
    );
    let drift: Vec<String> = people
        .drift
        .iter()
        .map(|(drift, bound)| format!("{} {bound}", drift.name()))
        .collect();
    assert_eq!(drift, ["chi_square > 0.01", "psi < 0.2"]);
    assert_eq!(
        (people.drift[0].0, people.config.severity),
        (Drift::ChiSquare, Severity::Warn)
    );
    let file = EvaluationRows::File {
        path: "data/labelled.csv".to_owned(),
        format: Format::Csv,
    };
    assert_eq!(
        (&asked.rows, asked.key.len(), asked.metrics[0].0),
        (&file, 0, Metric::Accuracy)
    );
    assert_eq!(columns.rows, EvaluationRows::Model);
}

#[test]
fn sources_and_seeds() {
    let project = project();
    let shop = &project.sources["shop"];
    assert_eq!(
        (shop.schema.as_deref(), shop.database.as_deref(), shop.tables.len()),
        (Some("public"), Some("main"), 2)
    );
    let orders = &shop.tables[0];
    assert_eq!(
        (orders.identifier.as_deref(), orders.enabled),
        (Some("tbl_orders"), false)
    );
    assert_eq!(orders.tags, ["orders", "x", "raw", "system"]);
    let file = orders.file.as_ref().expect("a file");
    assert_eq!(
        (file.path.as_str(), file.format, file.delimiter),
        ("data/orders.txt", Format::Csv, Some('|'))
    );
    let states = shop.tables[1].file.as_ref().expect("a file");
    assert_eq!((states.format, shop.tables[1].enabled), (Format::Jsonl, true));

    let checked = &project.seeds["checked"];
    assert_eq!(
        (&*checked.path, checked.format, checked.config.delimiter),
        ("seeds/checked.csv", Format::Csv, Some(','))
    );
    assert_eq!(checked.config.column_types["id"], "bigint");
    let cities = &project.seeds["cities"].config;
    assert_eq!((cities.delimiter, cities.schema.as_deref()), (Some(';'), Some("raw")));
    assert_eq!(cities.column_types["id"], "integer");
}

#[test]
fn tasks_macros_and_tests() {
    let project = project();
    assert_eq!(
        (&*project.tasks["tone"].path, project.macros.len()),
        ("tasks/tone.yml", 1)
    );
    assert_eq!(&*project.tests["no_negative_order"].path, "tests/no_negative_order.sql");
}

#[test]
fn variables_given_outrank_those_of_the_project() {
    let mut options = options();
    options.vars.insert("since".to_owned(), json!("2030-01-01"));
    let project = Project::load(full(), &options).expect("a project");
    assert_eq!(
        (&project.vars["since"], &project.vars["limits"]["high"]),
        (&json!("2030-01-01"), &json!(2))
    );
}

#[test]
fn the_example_projects_of_the_repository_are_right() {
    let folder = full().join("../../../dags");
    let mut names: Vec<String> = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("a folder").path();
        if !path.join("refuel_project.yml").is_file() {
            continue;
        }
        let project = Project::load(&path, &options()).unwrap_or_else(|errors| panic!("{}", told(&errors)));
        assert!(
            !project.models.is_empty() && !project.tasks.is_empty(),
            "{}",
            path.display()
        );
        names.push(project.settings.name);
    }
    assert!(names.len() >= 3, "{names:?}");
}
