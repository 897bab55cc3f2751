//! What is evaluated only sometimes is asked only sometimes.

use super::server::Server;

#[test]
fn a_call_that_a_filter_needed_for_some_rows_is_made_for_the_others_where_they_are_given_out() {
    let Some(mut server) = Server::start() else { return };
    let (_, sent) = server.both(
        "SELECT id, refuel_label(body, 'topic') FROM doc WHERE size = 1 OR refuel_label(body, 'topic') = 'a' ORDER BY id",
    );
    let mut texts = sent.texts();
    let all = texts.len();
    texts.dedup();
    assert_eq!(texts.len(), all, "an input was sent twice");
}

#[test]
fn a_call_inside_an_aggregate_with_a_filter_is_another_one_outside_it() {
    let Some(mut server) = Server::start() else { return };
    server.both(
        "SELECT refuel_label(body, 'topic'), count(refuel_label(body, 'topic')) FILTER (WHERE size > 2) FROM doc
         GROUP BY body ORDER BY 1, 2, body",
    );
    server.both(
        "SELECT refuel_label(body, 'topic'), count(refuel_label(body, 'topic')) FROM doc GROUP BY ROLLUP (body)
         ORDER BY 1, 2, body",
    );
}

#[test]
fn a_condition_that_changes_is_evaluated_once() {
    let Some(mut server) = Server::start() else { return };
    server.run("CREATE SEQUENCE turn");
    for batching in ["off", "on"] {
        server.run(&format!(
            "SET refuel.batching = {batching}; ALTER SEQUENCE turn RESTART"
        ));
        let rows = server.rows(
            "SELECT count(label) FROM (SELECT CASE WHEN nextval('turn') % 2 = 0 THEN refuel_label('text ' || n, 'topic')
             END AS label FROM generate_series(1, 10) n OFFSET 0) x",
        );
        assert_eq!(rows, ["5"], "batching {batching}");
        let rows = server.rows(
            "SELECT count(DISTINCT d.x), count(*) FROM (SELECT refuel_complete(nextval('turn')::text, 'm') || ' ' ||
             refuel_complete(nextval('turn')::text, 'm') AS x FROM generate_series(1, 10) OFFSET 0) d
             WHERE split_part(x, ':', 1) <> split_part(split_part(x, ' ', 3), ':', 1)",
        );
        assert_eq!(rows, ["10|10"], "batching {batching}");
    }
}
