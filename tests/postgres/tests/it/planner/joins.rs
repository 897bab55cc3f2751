//! Joins whose rows depend on where a condition is evaluated.

use super::server::Server;

/// `l` joins `r`, each with several rows of a key; a key and a mark are unique in `r`.
const TABLES: &str = "
    CREATE TABLE l (k int, v int);
    INSERT INTO l SELECT n % 50, n FROM generate_series(1, 200) n;
    CREATE INDEX ON l (k);
    CREATE TABLE r (k int, m text, w int);
    INSERT INTO r SELECT n / 3, chr(97 + n % 3), n FROM generate_series(0, 299) n;
    CREATE UNIQUE INDEX ON r (k, m);
    CREATE TABLE s (k int, m text COLLATE \"C\", w int);
    INSERT INTO s SELECT * FROM r;
    CREATE UNIQUE INDEX ON s (k, m);
    ANALYZE l, r, s";

const QUERIES: &[&str] = &[
    "SELECT l.v, r.w FROM l JOIN r ON l.k = r.k WHERE r.m = refuel_label('text 1', 'topic') ORDER BY 1, 2",
    "SELECT l.v, s.w FROM l JOIN s ON l.k = s.k WHERE s.m || '' = refuel_label('text 1', 'topic') ORDER BY 1, 2",
    "SELECT l.v, r.w FROM l JOIN r ON l.k = r.k AND r.m = refuel_label('text ' || l.k, 'topic') ORDER BY 1, 2",
    "SELECT l.v, r.w FROM l JOIN r ON l.k = r.k WHERE refuel_label('text ' || r.w, 'topic') <> 'a' AND l.v = 17
     ORDER BY 1, 2",
    "SELECT l.v, r.w FROM l JOIN r ON l.k = r.k WHERE refuel_label('text ' || l.v, 'topic') <> 'a' AND r.w < 17
     ORDER BY 1, 2",
    "SELECT l.v, r.w FROM l JOIN r ON l.k = r.k AND r.m = 'a' WHERE refuel_label('text ' || l.v, 'topic') <> 'a'
     AND refuel_label('text ' || r.w, 'tone') <> 'b' ORDER BY 1, 2",
    "SELECT l.v, r.x FROM l LEFT JOIN (SELECT k, coalesce(refuel_label('text ' || w, 'topic'), 'e') AS x FROM r
     WHERE refuel_label('text ' || w, 'tone') <> 'b') r ON l.k = r.k ORDER BY 1, 2",
    "SELECT l.v, a.w, b.w FROM l JOIN r a ON l.k = a.k JOIN r b ON b.k = a.k WHERE a.m = 'a'
     AND refuel_label('text ' || l.v, 'topic') = 'b' AND refuel_label('text ' || a.w, 'topic') = 'b'
     AND refuel_match('text ' || a.w, 'text ' || b.w, 'same') ORDER BY 1, 2, 3",
    "SELECT l.v FROM l WHERE refuel_label('text ' || l.v, 'topic') = 'a' AND EXISTS (SELECT FROM r WHERE r.k = l.k AND r.w < 20)
     ORDER BY 1",
    "SELECT l.v FROM l WHERE refuel_label('text ' || l.v, 'topic') = 'a' AND NOT EXISTS (SELECT FROM r WHERE r.k = l.k
     AND r.w < 20) ORDER BY 1",
    "SELECT l.v, d.id FROM l JOIN doc d ON d.id = l.v JOIN author a ON a.id = d.author
     WHERE refuel_label(d.body, 'topic') = 'a' AND a.name = 'author 3' AND l.k < 30 ORDER BY 1",
];

#[test]
fn whatever_the_method_the_rows_are_the_same() {
    let Some(mut server) = Server::start() else { return };
    server.run(TABLES);
    for off in [
        &["hashjoin", "nestloop"][..],
        &["hashjoin", "nestloop", "sort"],
        &["hashjoin", "nestloop", "material"],
        &["mergejoin", "nestloop"],
        &["mergejoin", "hashjoin"],
        &["mergejoin", "hashjoin", "memoize"],
        &["mergejoin", "hashjoin", "material", "seqscan"],
        &[],
    ] {
        server.run("RESET ALL");
        for method in off {
            server.run(&format!("SET enable_{method} = off"));
        }
        for query in QUERIES {
            server.both(query);
        }
    }
}

#[test]
fn conditions_wait_for_joins_that_leave_fewer_rows() {
    let Some(mut server) = Server::start() else { return };
    server.run(TABLES);
    server.run("SET enable_mergejoin = off; SET enable_hashjoin = off");
    // One request, not one for each row of the outer side.
    let (rows, sent) = server.both(QUERIES[10]);
    assert!(!rows.is_empty());
    assert!(
        sent.requests.len() <= 1,
        "{sent:?}\n{}",
        server.explain("COSTS OFF", QUERIES[10])
    );
    server.run("RESET ALL");
    let query = "SELECT d.id FROM doc d JOIN author a ON a.id = d.author
        WHERE a.name = 'author 3' AND refuel_label(d.body, 'topic') = 'a'";
    let (_, sent) = server.both(query);
    assert!(
        sent.inputs.len() <= 13,
        "{sent:?}\n{}",
        server.explain("COSTS OFF", query)
    );
}
