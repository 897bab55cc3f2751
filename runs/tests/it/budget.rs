//! Plans, and budgets that stop a run before a model runs.

use refuel_engine::Cancel;
use refuel_project::Budget;
use refuel_runs::{Action, Command, PlanReport, RunRequest, plan};

use crate::common::{Shop, TOPIC, lines};

fn planned(shop: &Shop) -> PlanReport {
    let workspace = shop.open();
    let request = RunRequest::new(Command::Build, Shop::all(&workspace));
    plan(&workspace, &request, &Cancel::new()).unwrap_or_else(|error| panic!("{error}"))
}

fn actions(report: &PlanReport) -> Vec<(&str, Action)> {
    report
        .nodes
        .iter()
        .map(|node| (node.name.as_str(), node.action))
        .collect()
}

#[test]
fn a_plan_counts_what_would_be_asked_and_changes_nothing() {
    let shop = Shop::new();
    let report = planned(&shop);
    assert_eq!(
        actions(&report),
        [
            ("messages", Action::Load),
            ("cleaned", Action::Build),
            ("labelled", Action::Build),
            ("report", Action::Build)
        ]
    );
    let stage = &report.nodes[2].stages[0];
    assert_eq!(
        (stage.distinct, stage.answered, stage.to_ask, stage.at_most),
        (4, 0, 4, false)
    );
    assert_eq!(stage.tokens, Some(28));
    assert_eq!(stage.seconds, Some(2.0));
    assert_eq!(report.total.to_ask, 4);
    assert_eq!(shop.models.asked(), [""; 0]);
    assert_eq!(
        shop.table("SELECT count(*) FROM sqlite_schema WHERE name IN ('messages', 'labelled') OR name LIKE '%plan%'"),
        "0"
    );
}

#[test]
fn a_plan_after_a_build_has_nothing_to_do_but_what_changed() {
    let shop = Shop::new();
    shop.build();
    let report = planned(&shop);
    assert!(
        report.nodes.iter().all(|node| node.action == Action::Reuse),
        "{:?}",
        actions(&report)
    );
    shop.write("tasks/topic.yml", &TOPIC.replace("0.6", "0.5"));
    let report = planned(&shop);
    let labelled = &report.nodes[2];
    assert_eq!(labelled.action, Action::Build);
    assert_eq!((labelled.stages[0].to_ask, labelled.stages[0].answered), (0, 4));
    shop.write("tasks/topic.yml", &TOPIC.replace("Say what", "Say in one word what"));
    let report = planned(&shop);
    assert_eq!(report.total.to_ask, 4);
    assert!(report.nodes[2].stages[0].is_measured, "by the speed of the build");
}

#[test]
fn what_depends_on_open_answers_is_said_as_at_most() {
    let shop = Shop::with(&[
        (
            "tasks/mood.yml",
            &TOPIC.replace("[delivery, refund, other]", "[happy, sad]"),
        ),
        (
            "models/report.sql",
            "SELECT id, refuel_label(body, 'mood') AS mood FROM {{ ref('labelled') }} WHERE topic = 'refund'\n",
        ),
    ]);
    let report = planned(&shop);
    let stage = &report.nodes.iter().find(|node| node.name == "report").unwrap().stages[0];
    assert!(stage.at_most);
    assert_eq!(stage.to_ask, 6, "no more than there are rows");
    assert_eq!((report.total.to_ask, report.total.at_most_more), (4, 6));
}

#[test]
fn a_run_over_its_budget_asks_nothing_and_says_by_how_much() {
    let shop = Shop::new();
    let over = |budget: Budget| shop.try_run(Command::Build, |request| request.budget = budget);
    let error = over(Budget {
        max_rows: Some(3),
        ..Budget::default()
    })
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the run would send 4 inputs to models, 1 over the budget of 3 (max_rows)"
    );
    assert_eq!(error.code(), "RF1501");
    assert_eq!(shop.models.asked(), [""; 0]);
    let error = over(Budget {
        max_minutes: Some(0.01),
        ..Budget::default()
    })
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the run would send about 2 seconds of work to models, 1.4 seconds over the budget of 0.01 (max_minutes)"
    );
    let report = over(Budget {
        max_rows: Some(4),
        ..Budget::default()
    })
    .unwrap();
    assert!(report.is_success(), "{}", lines(&report));
}

#[test]
fn the_budget_of_the_project_and_of_a_model_count_too() {
    let shop = Shop::with(&[("refuel_project.yml", "name: shop\nbudgets: {max_rows: 2}\n")]);
    assert!(shop.try_run(Command::Build, |_| {}).is_err());
    shop.write("refuel_project.yml", "name: shop\n");
    shop.write(
        "models/labelled.sql",
        "{{ config(materialized='table', max_rows=2) }}\n\
         SELECT id, body, refuel_label(body, 'topic') AS topic FROM {{ ref('cleaned') }}\n",
    );
    let error = shop.try_run(Command::Build, |_| {}).unwrap_err();
    assert_eq!(
        error.to_string(),
        "labelled would send 4 inputs to models, 2 over the budget of 2 (max_rows)"
    );
    assert_eq!(shop.models.asked(), [""; 0]);
    let ignored = shop.try_run(Command::Build, |request| request.ignore_budget = true);
    assert!(ignored.is_ok_and(|report| report.is_success()), "whatever it costs");
}

#[test]
fn what_the_machine_knows_from_elsewhere_is_not_to_be_asked() {
    let shop = Shop::new();
    shop.models.keep("I want a refund!");
    let report = planned(&shop);
    let stage = &report.nodes[2].stages[0];
    assert_eq!((stage.distinct, stage.answered, stage.to_ask), (4, 1, 3));
    assert_eq!(stage.tokens, Some(21));
}

#[test]
fn what_no_model_is_asked_for_is_outside_every_budget() {
    let shop = Shop::with(&[
        ("tasks/tidy.yml", "kind: clean\ninput: body\n"),
        (
            "refuel_project.yml",
            "name: shop\nbudgets: {max_rows: 0, max_tokens: 0}\n",
        ),
        (
            "models/labelled.sql",
            "SELECT id, body, refuel_clean(body, 'tidy') AS topic FROM {{ ref('cleaned') }}\n",
        ),
    ]);
    let report = planned(&shop);
    let stage = &report.nodes[2].stages[0];
    assert_eq!((stage.to_ask, stage.asks_model), (4, false));
    assert_eq!((report.total.to_ask, report.total.without_model), (0, 4));
    assert_eq!(report.total.tokens, 0);
    assert_eq!(report.over_budget, None);
    let built = shop.build();
    assert!(built.is_success(), "{}", lines(&built));
    assert_eq!((built.asked(), built.without_model()), (0, 4));
}
