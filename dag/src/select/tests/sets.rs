use std::collections::BTreeMap;

use super::{Before, Changes, Ended, Request, SelectError, Selector, Shop};
use crate::select::IndirectSelection;

#[track_caller]
fn selects(text: &str, expected: &str) {
    assert_eq!(Shop::new().select(text).as_deref(), Ok(expected), "{text}");
}

#[test]
fn a_name_means_a_model_a_seed_a_test_or_a_folder() {
    selects("report", "report");
    selects("countries", "countries");
    selects("no_lost_tickets", "no_lost_tickets");
    selects("staging", "tickets orders stg_tickets stg_orders");
    selects("marts.support", "labelled");
    selects("shop.marts.support.labelled", "labelled");
    selects("stg_*", "stg_tickets stg_orders");
    selects("marts.*", "labelled report");
    selects("raw.orders", "orders");
    selects("stg_?ickets", "stg_tickets");
}

#[test]
fn graph_operators_take_neighbours_in() {
    selects("+labelled", "tickets ticket_topic stg_tickets labelled");
    selects("1+report", "stg_orders labelled report");
    selects("2+report", "orders ticket_topic stg_tickets stg_orders labelled report");
    selects(
        "stg_tickets+1",
        "stg_tickets labelled unique_stg_tickets_id no_lost_tickets",
    );
    selects("0+report", "report");
    selects(
        "source:raw.orders+",
        "orders stg_orders report relationships_report_order",
    );
    selects(
        "@stg_orders",
        "tickets orders ticket_topic stg_tickets stg_orders labelled report relationships_report_order",
    );
}

#[test]
fn methods_look_at_one_thing_each() {
    selects("tag:money", "stg_orders report");
    selects("path:models/marts", "labelled report");
    selects("path:models/*/stg_*.sql", "stg_tickets stg_orders");
    selects("models/marts/report.sql", "report");
}

#[test]
fn every_other_method_finds_its_nodes() {
    selects("path:models/**/*.sql", "stg_tickets stg_orders labelled report");
    selects("path:seeds", "countries");
    selects("report.sql", "report");
    selects("file:report", "report");
    selects("task:ticket_topic", "labelled");
    selects("task:ticket_topic+1", "labelled report blank topic");
    selects("source:raw", "tickets orders");
    selects("source:raw.tick*", "tickets");
    selects("config.materialized:incremental", "labelled");
    selects("config.meta.owner:ada", "stg_tickets stg_orders labelled report");
    selects("config.tags:money", "stg_orders report");
    selects("resource_type:seed", "countries");
    selects("test_type:unit", "blank");
    selects(
        "test_type:data",
        "unique_stg_tickets_id relationships_report_order no_lost_tickets",
    );
    selects("test_type:singular", "no_lost_tickets");
    selects("test_type:evaluation", "topic");
    selects("test_name:unique", "unique_stg_tickets_id");
    selects("package:shop,resource_type:task", "ticket_topic");
}

#[test]
fn spaces_unite_and_commas_intersect() {
    selects("tag:money report countries", "countries stg_orders report");
    selects("tag:money,tag:nightly", "stg_orders");
    selects("+report,tag:nightly", "stg_tickets stg_orders labelled");
}

fn tests_that_come_along(text: &str, indirect: IndirectSelection) -> String {
    let shop = Shop::new();
    let selector = Selector::parse(text).unwrap();
    let selected = shop.ask(&Request {
        select: Some(&selector),
        indirect,
        resource_types: &["test", "unit_test", "evaluation"],
        allow_empty: true,
        ..Request::default()
    });
    selected.unwrap()
}

#[test]
fn tests_follow_what_they_test() {
    use IndirectSelection::{Buildable, Cautious, Eager, Empty};
    let along = tests_that_come_along;
    assert_eq!(along("report", Eager), "relationships_report_order");
    assert_eq!(along("report", Cautious), "", "stg_orders is not chosen");
    assert_eq!(along("report", Buildable), "relationships_report_order", "it is above");
    assert_eq!(along("stg_orders", Buildable), "", "report is below");
    assert_eq!(along("report stg_orders", Cautious), "relationships_report_order");
    assert_eq!(along("report", Empty), "");
    assert_eq!(along("labelled", Cautious), "blank topic", "a task needs no choosing");
    assert_eq!(along("stg_tickets,test_type:singular", Eager), "no_lost_tickets");
    assert_eq!(along("task:ticket_topic", Eager), "blank topic");
    assert_eq!(
        along("resource_type:task", Eager),
        "",
        "a task brings no tests of models"
    );
}

#[test]
fn what_is_excluded_takes_its_tests_along() {
    let shop = Shop::new();
    let select = Selector::parse("stg_tickets labelled").unwrap();
    let exclude = Selector::parse("labelled").unwrap();
    let mut request = Request {
        select: Some(&select),
        exclude: Some(&exclude),
        ..Request::default()
    };
    let expected = "stg_tickets unique_stg_tickets_id no_lost_tickets";
    assert_eq!(shop.ask(&request).as_deref(), Ok(expected));
    let tests = Selector::parse("test_type:data").unwrap();
    request.exclude = Some(&tests);
    for indirect in [
        IndirectSelection::Eager,
        IndirectSelection::Cautious,
        IndirectSelection::Buildable,
    ] {
        request.indirect = indirect;
        assert_eq!(
            shop.ask(&request).as_deref(),
            Ok("stg_tickets labelled blank topic"),
            "{indirect:?}"
        );
    }
    request.select = None;
    request.exclude = Some(&exclude);
    assert!(!shop.ask(&request).unwrap().contains("labelled"));
}

#[test]
fn states_are_compared_part_by_part() {
    let shop = Shop::new();
    let changed = |change: fn(&mut Changes)| {
        let mut changes = Changes::default();
        change(&mut changes);
        changes
    };
    let before = Before(BTreeMap::from([
        ("model.shop.stg_tickets", changed(|changes| changes.body = true)),
        ("model.shop.stg_orders", changed(|changes| changes.config = true)),
        ("model.shop.labelled", changed(|changes| changes.task = true)),
        ("model.shop.report", changed(|changes| changes.metadata = true)),
    ]));
    let select = |text: &str| {
        let selector = Selector::parse(&format!("resource_type:model,{text}")).unwrap();
        let request = Request {
            select: Some(&selector),
            previous: Some(&before),
            indirect: IndirectSelection::Empty,
            allow_empty: true,
            ..Request::default()
        };
        shop.ask(&request).unwrap()
    };
    assert_eq!(select("state:modified"), "stg_tickets stg_orders labelled");
    assert_eq!(select("state:modified.body"), "stg_tickets");
    assert_eq!(select("state:modified.config"), "stg_orders");
    assert_eq!(select("state:modified.task"), "labelled");
    assert_eq!(select("state:modified.regate"), "");
    assert_eq!(select("state:modified.metadata"), "report");
    assert_eq!(select("state:unmodified"), "report", "a description is no modification");
    assert_eq!(select("state:old"), "stg_tickets stg_orders labelled report");
    assert_eq!(select("state:new"), "");
    let selector = Selector::parse("state:new").unwrap();
    let request = Request {
        select: Some(&selector),
        previous: Some(&before),
        resource_types: &["seed"],
        ..Request::default()
    };
    assert_eq!(shop.ask(&request).as_deref(), Ok("countries"));
}

#[test]
fn results_are_those_of_the_earlier_run() {
    let shop = Shop::new();
    let ended = Ended(BTreeMap::from([
        ("model.shop.labelled", "error"),
        ("model.shop.report", "skipped"),
    ]));
    let selector = Selector::parse("result:error+ result:skipped").unwrap();
    let request = Request {
        select: Some(&selector),
        results: Some(&ended),
        resource_types: &["model"],
        ..Request::default()
    };
    assert_eq!(shop.ask(&request).as_deref(), Ok("labelled report"));
}

#[test]
fn nothing_selected_is_an_error_that_names_the_method_and_the_nearest_name() {
    let shop = Shop::new();
    let refused = |text: &str| {
        let error = shop.select(text).unwrap_err();
        format!("{} {error} ({})", error.code(), error.hint().unwrap())
    };
    insta::assert_snapshot!(
        [
            "stg_ticket",
            "nightly",
            "ticket_topic",
            "orders+",
            "tag:nigthly",
            "tag:labelled",
            "task:ticket_topc",
            "source:row",
            "path:models/stagin",
            "config.materialized:tabel",
            "zzz",
            "tag:money,labelled",
            "zzz tag:qqq",
            "state:new",
            "result:error",
        ]
        .map(refused)
        .join("\n"),
        @r"
        RF1253 nothing is selected: `stg_ticket`: no model, seed, test or folder has this name (did you mean `stg_tickets`?)
        RF1253 nothing is selected: `nightly`: no model, seed, test or folder has this name (did you mean `tag:nightly`?)
        RF1253 nothing is selected: `ticket_topic`: no model, seed, test or folder has this name (did you mean `task:ticket_topic`?)
        RF1253 nothing is selected: `orders+`: no model, seed, test or folder has this name (did you mean `source:raw.orders+`?)
        RF1253 nothing is selected: `tag:nigthly`: no node has this tag (did you mean `tag:nightly`?)
        RF1253 nothing is selected: `tag:labelled`: no node has this tag (did you mean `labelled`?)
        RF1253 nothing is selected: `task:ticket_topc`: no model calls this task (did you mean `task:ticket_topic`?)
        RF1253 nothing is selected: `source:row`: no source has this name (did you mean `source:raw`?)
        RF1253 nothing is selected: `path:models/stagin`: no node is at this path (did you mean `path:models/staging`?)
        RF1253 nothing is selected: `config.materialized:tabel`: no node has this setting (did you mean `config.materialized:table`?)
        RF1253 nothing is selected: `zzz`: no model, seed, test or folder has this name (`refuel ls` shows what there is; `--allow-empty-selection` makes nothing of it)
        RF1253 nothing is selected: no node is in all of what is intersected (`refuel ls` shows what there is; `--allow-empty-selection` makes nothing of it)
        RF1253 nothing is selected: `zzz`: no model, seed, test or folder has this name; `tag:qqq`: no node has this tag (`refuel ls` shows what there is; `--allow-empty-selection` makes nothing of it)
        RF1254 `state:new` compares with an earlier state of the project, and there is none (`refuel build` remembers the state that it built)
        RF1255 `result:error` reads the results of an earlier run, and there is none (`refuel build` leaves the results of its run)
        "
    );
}

#[test]
fn an_empty_selection_is_fine_where_it_is_allowed() {
    let shop = Shop::new();
    let selector = Selector::parse("zzz").unwrap();
    let mut request = Request {
        select: Some(&selector),
        ..Request::default()
    };
    assert!(matches!(shop.ask(&request), Err(SelectError::Nothing { .. })));
    request.allow_empty = true;
    assert_eq!(shop.ask(&request).as_deref(), Ok(""));
    assert_eq!(shop.catalog().select(&request).unwrap().unmatched[0].criterion, "zzz");
}

#[test]
fn the_reason_for_nothing_is_told_where_all_is_excluded_or_of_another_type() {
    let shop = Shop::new();
    let selector = Selector::parse("report").unwrap();
    let all_excluded = shop.ask(&Request {
        select: Some(&selector),
        exclude: Some(&selector),
        indirect: IndirectSelection::Empty,
        ..Request::default()
    });
    assert_eq!(
        all_excluded.unwrap_err().to_string(),
        "nothing is selected: the one node that was chosen is excluded"
    );
    let other_type = shop.ask(&Request {
        select: Some(&selector),
        resource_types: &["seed"],
        ..Request::default()
    });
    assert_eq!(
        other_type.unwrap_err().to_string(),
        "nothing is selected: the 2 nodes that were chosen are of another type"
    );
}

#[test]
fn a_part_that_matches_nothing_beside_others_is_told() {
    let shop = Shop::new();
    let selector = Selector::parse("report reprot").unwrap();
    let selected = shop.catalog().select(&Request {
        select: Some(&selector),
        ..Request::default()
    });
    let unmatched = selected.unwrap().unmatched;
    assert_eq!(unmatched.len(), 1);
    assert_eq!(
        unmatched[0].to_string(),
        "`reprot`: no model, seed, test or folder has this name"
    );
    assert_eq!(unmatched[0].nearest.as_deref(), Some("report"));
}
