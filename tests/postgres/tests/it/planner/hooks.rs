//! Beside other extensions that have the same hooks, and with compiled expressions.

use refuel_postgres_tests::Plan;

use super::server::Server;

const QUERY: &str = "SELECT id, refuel_label(body, 'topic') FROM doc WHERE refuel_label(body, 'tone') = 'a'";

#[test]
fn other_extensions_are_loaded_before_and_after() {
    for preload in [
        "auto_explain, pg_stat_statements, refuel",
        "refuel, pg_stat_statements, auto_explain",
        "pg_stat_statements, refuel, auto_explain",
    ] {
        let plan = Plan::default()
            .preload(preload)
            .setting("auto_explain.log_min_duration = 0")
            .setting("auto_explain.log_analyze = on")
            .setting("auto_explain.log_nested_statements = on")
            .setting("auto_explain.log_verbose = on")
            .setting("compute_query_id = on");
        let Some(mut server) = Server::planned(plan) else {
            return;
        };
        server.run("CREATE EXTENSION pg_stat_statements; SELECT pg_stat_statements_reset()");
        let (rows, _) = server.both(QUERY);
        server.rows(QUERY);
        let told = server.rows(&format!(
            "SELECT calls, rows FROM pg_stat_statements WHERE query = '{}'",
            "SELECT id, refuel_label(body, $1) FROM doc WHERE refuel_label(body, $2) = $3"
        ));
        assert_eq!(told, [format!("3|{}", rows.len() * 3)], "{preload}");
        let log = server.cluster.log();
        assert!(log.contains("Custom Scan (Refuel Batch)"), "{preload}");
        assert!(log.contains("Inputs: rows="), "{preload}");
        assert!(server.explain("COSTS OFF", QUERY).contains("Refuel Batch"), "{preload}");
        // A mistake of one of them would end the server.
        assert!(!log.contains("terminated by signal"), "{log}");
    }
}

#[test]
fn expressions_are_compiled_or_not() {
    let Some(mut server) = Server::start() else { return };
    server.run("SET jit_above_cost = 0; SET jit_inline_above_cost = 0; SET jit_optimize_above_cost = 0");
    for jit in ["on", "off"] {
        server.run(&format!("SET jit = {jit}"));
        server.both(QUERY);
        server.both(
            "SELECT d.id, CASE WHEN d.size > 1 THEN refuel_label(d.body || a.name, 'topic') END FROM doc d
             JOIN author a ON a.id = d.author WHERE refuel_label(d.body, 'tone') = 'a' ORDER BY 1",
        );
    }
}

#[test]
fn a_plan_that_was_kept_counts_for_its_own_values() {
    let Some(mut server) = Server::start() else { return };
    for mode in ["force_custom_plan", "force_generic_plan"] {
        server.run(&format!(
            "SET plan_cache_mode = {mode};
             PREPARE asked (text, int, text) AS SELECT id, refuel_label(body || $1, $3) FROM doc WHERE size = $2
             AND refuel_label(body, $3) <> $1 ORDER BY id LIMIT $2 + 2"
        ));
        for (text, size, task) in [("a", 1, "topic"), ("b", 2, "tone"), ("c", 3, "topic"), ("a", 1, "tone")] {
            let plain = format!(
                "SELECT id, refuel_label(body || '{text}', '{task}') FROM doc WHERE size = {size}
                 AND refuel_label(body, '{task}') <> '{text}' ORDER BY id LIMIT {size} + 2"
            );
            let (expected, _) = server.both(&plain);
            assert_eq!(
                server.rows(&format!("EXECUTE asked('{text}', {size}, '{task}')")),
                expected
            );
        }
        server.run("DEALLOCATE asked");
    }
}
