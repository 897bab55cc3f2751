//! Where calls are batched, and what `EXPLAIN` says where they aren't. Each query is also run both ways.

use serde_json::json;

use super::server::Server;

#[test]
fn select_lists() {
    let Some(mut server) = Server::start() else { return };
    server.run(
        r#"SELECT refuel_create_task('whole', '{"kind": "label", "labels": ["a", "b"], "input": ["body", "size"]}');
        CREATE DOMAIN body AS text;
        CREATE TYPE pair AS (left_side text, right_side text);
        CREATE TABLE typed (body body, pair pair);
        INSERT INTO typed VALUES ('text 1', ('text 2', 'text 3')), (NULL, NULL), ('text 4', (NULL, 'text 5'))"#,
    );
    insta::assert_snapshot!(server.plans(&[
        "SELECT refuel_label(body, 'topic') FROM doc",
        "SELECT id, refuel_label(body, 'topic'), refuel_confidence(body, 'topic'), (refuel_detail(body, 'topic')).status,
         refuel_label(body, 'tone') FROM doc",
        "SELECT refuel_label(refuel_label(body, 'topic') || body, 'tone') FROM doc",
        "SELECT refuel_label(body, CASE WHEN size > 2 THEN 'topic' ELSE 'tone' END) FROM doc",
        "SELECT refuel_labels(body, 'tags'), refuel_embed(body, 'm'), refuel_complete(body, 'm') FROM doc",
        "SELECT refuel_match(body, body || 'x', 'same'), refuel_match_score(body, 'text', 'same') FROM doc",
        "SELECT refuel_label(to_jsonb(d), 'whole') FROM doc d",
        "SELECT d FROM doc d WHERE refuel_label(body, 'topic') = 'a'",
        "SELECT refuel_label(body, 'topic'), refuel_label((pair).left_side, 'topic'), pair FROM typed",
        "SELECT refuel_label('the same for all', 'topic') FROM doc",
        "SELECT FROM doc WHERE refuel_label(body, 'topic') = 'a'",
        "SELECT ctid, tableoid::regclass, refuel_label(body, 'topic') FROM doc",
        "SELECT refuel_label('one row', 'topic')",
        "SELECT refuel_label(ARRAY[body, 'x'], 'topic') FROM doc",
        "SELECT unnest(ARRAY[refuel_label(body, 'topic'), body]) FROM doc",
        "SELECT refuel_label(unnest(ARRAY[body, 'text 1']), 'topic') FROM doc",
        "SELECT refuel_label(v, 'topic') FROM (VALUES ('text 1'), ('text 2'), (NULL)) x (v)",
        "VALUES (refuel_label('text 1', 'topic')), (refuel_label('text 2', 'topic'))",
        "SELECT refuel_label(u, 'topic') FROM unnest(ARRAY['text 1', 'text 2', NULL]) u",
        "SELECT * FROM unnest(ARRAY[refuel_label('text 1', 'topic')]) u",
    ]));
}

#[test]
fn parts_of_expressions() {
    let Some(mut server) = Server::start() else { return };
    insta::assert_snapshot!(server.plans(&[
        "SELECT CASE WHEN size > 2 THEN refuel_label(body, 'topic') WHEN size > 1 THEN refuel_label(body, 'tone') END
         FROM doc",
        "SELECT CASE refuel_label(body, 'topic') WHEN 'a' THEN refuel_label(body, 'tone') ELSE 'x' END FROM doc",
        "SELECT refuel_label(CASE size WHEN 1 THEN 'one' WHEN 2 THEN body END, 'topic') FROM doc",
        "SELECT CASE ARRAY[size]::text[] WHEN ARRAY['1'] THEN refuel_label(body, 'topic') END FROM doc",
        "SELECT coalesce(refuel_label(body, 'topic'), refuel_label('else', 'topic')) FROM doc",
        "SELECT size = 1 OR refuel_label(body, 'topic') = 'a', size = 1 AND refuel_label(body, 'tone') = 'a' FROM doc",
        "SELECT (size, refuel_label(body, 'topic')) < (2, 'b') FROM doc",
        "SELECT CASE WHEN random() < 2 THEN refuel_label(body, 'topic') END FROM doc",
        "SELECT refuel_label(body || (random() < 2)::text, 'topic') FROM doc",
        "SELECT nullif(refuel_label(body, 'topic'), 'a'), greatest(refuel_label(body, 'tone'), 'b') FROM doc",
        "SELECT refuel_label(body, 'topic') IN ('a', 'b'), refuel_label(body, 'topic') IS DISTINCT FROM 'c' FROM doc",
    ]));
}

#[test]
fn clauses() {
    let Some(mut server) = Server::start() else { return };
    insta::assert_snapshot!(server.plans(&[
        "SELECT id FROM doc WHERE refuel_label(body, 'topic') = 'a' AND size < 3",
        "SELECT id, refuel_label(body, 'topic') FROM doc WHERE refuel_label(body, 'topic') <> 'a'
         AND refuel_confidence(body, 'topic') > 0.3 AND refuel_label(body, 'tone') = 'b'",
        "SELECT id, refuel_label(body, 'topic') FROM doc WHERE size = 1 OR refuel_label(body, 'topic') = 'a'",
        "SELECT refuel_label(body, 'topic'), count(*) FROM doc GROUP BY 1",
        "SELECT size, count(refuel_label(body, 'topic')), min(refuel_label(body, 'tone')) FILTER (WHERE size > 2) FROM doc
         GROUP BY size",
        "SELECT size FROM doc GROUP BY size HAVING min(refuel_label(body, 'topic')) = 'a'",
        "SELECT refuel_label(string_agg(body, ' ' ORDER BY id), 'topic') FROM doc GROUP BY size",
        "SELECT refuel_label(body, 'topic'), size, count(*) FROM doc GROUP BY ROLLUP (1, 2)",
        "SELECT size, author, max(refuel_label(body, 'topic')) FROM doc GROUP BY GROUPING SETS ((size), (author), ())",
        "SELECT mode() WITHIN GROUP (ORDER BY refuel_label(body, 'topic')) FROM doc",
        "SELECT DISTINCT refuel_label(body, 'topic') FROM doc",
        "SELECT DISTINCT ON (refuel_label(body, 'topic')) refuel_label(body, 'topic'), id FROM doc ORDER BY 1, 2",
        "SELECT id FROM doc ORDER BY refuel_label(body, 'topic'), id",
        "SELECT id, row_number() OVER (PARTITION BY refuel_label(body, 'topic') ORDER BY id) FROM doc",
        "SELECT id, lag(refuel_label(body, 'topic')) OVER (ORDER BY id) FROM doc",
        "SELECT refuel_label(lag(body) OVER (ORDER BY id), 'topic') FROM doc",
        "SELECT * FROM (SELECT id, row_number() OVER (ORDER BY id) AS r, refuel_label(body, 'topic') FROM doc) x
         WHERE r < 4",
        "SELECT refuel_label(body, 'topic') FROM doc UNION SELECT refuel_label(name, 'topic') FROM author",
        "SELECT refuel_label(body, 'topic') FROM doc UNION ALL SELECT 'x'",
        "SELECT refuel_label(body, 'topic') FROM doc INTERSECT SELECT topic FROM author",
        "SELECT refuel_label(body, 'topic') FROM doc EXCEPT SELECT topic FROM author WHERE id < 2",
        "SELECT refuel_label(x, 'topic') FROM (SELECT body AS x FROM doc UNION ALL SELECT name FROM author) y",
    ]));
}

#[test]
fn limits() {
    let Some(mut server) = Server::start() else { return };
    insta::assert_snapshot!(server.plans(&[
        "SELECT id, refuel_label(body, 'topic') FROM doc ORDER BY id LIMIT 10",
        "SELECT id, refuel_label(body, 'topic') FROM doc ORDER BY size, id LIMIT 10 OFFSET 5",
        "SELECT id FROM doc WHERE refuel_label(body, 'topic') = 'a' ORDER BY id LIMIT 3",
        "SELECT id, refuel_label(body, 'tone') FROM doc WHERE refuel_label(body, 'topic') = 'a' ORDER BY id LIMIT 3",
        "SELECT refuel_label(body, 'topic') FROM doc ORDER BY 1 LIMIT 3",
        "SELECT size, refuel_label(body, 'topic') FROM doc ORDER BY size, 2 FETCH FIRST 3 ROWS WITH TIES",
        "SELECT id, refuel_label(body, 'topic') FROM doc ORDER BY id LIMIT length(refuel_label('x', 'topic'))",
        "SELECT * FROM (SELECT id, refuel_label(body, 'topic') FROM doc ORDER BY id LIMIT 5) x ORDER BY id",
    ]));
}

#[test]
fn joins() {
    let Some(mut server) = Server::start() else { return };
    let mut told = String::new();
    let queries = [
        "SELECT d.id, refuel_label(d.body || a.name, 'topic') FROM doc d JOIN author a ON a.id = d.author",
        "SELECT d.id FROM doc d JOIN author a ON refuel_label(d.body, 'topic') = a.topic AND a.id = d.author",
        "SELECT d.id FROM doc d JOIN author a ON a.id = d.author WHERE refuel_label(a.name, 'topic') = 'a' AND d.id < 9",
        "SELECT d.id, a.name FROM doc d LEFT JOIN author a ON a.id = d.author AND refuel_label(d.body, 'topic') = 'a'",
        "SELECT d.id FROM doc d LEFT JOIN author a ON a.id = d.author AND refuel_label(a.name, 'topic') = 'a'
         WHERE a.id IS NULL",
        "SELECT d.id, refuel_label(a.name, 'topic') FROM doc d FULL JOIN author a ON a.id = d.author",
        "SELECT d.id FROM doc d WHERE EXISTS (SELECT FROM tag t WHERE t.doc = d.id
         AND refuel_label(t.name, 'topic') = 'a')",
        "SELECT d.id FROM doc d WHERE NOT EXISTS (SELECT FROM tag t WHERE t.doc = d.id)
         AND refuel_label(d.body, 'topic') = 'a'",
        "SELECT d.id FROM doc d JOIN tag t ON t.doc = d.id WHERE refuel_match(d.body, t.name, 'same')",
    ];
    for methods in [
        ["hashjoin", "mergejoin", "nestloop"],
        ["mergejoin", "hashjoin", "nestloop"],
        ["nestloop", "mergejoin", "hashjoin"],
    ] {
        server.run(&format!(
            "SET enable_{} = on; SET enable_{} = off; SET enable_{} = off",
            methods[0], methods[1], methods[2]
        ));
        told += &format!("---- {}\n\n{}", methods[0], server.plans(&queries));
    }
    insta::assert_snapshot!(told);
}

#[test]
fn subqueries_and_common_tables() {
    let Some(mut server) = Server::start() else { return };
    server.run(
        "CREATE VIEW labelled AS SELECT id, refuel_label(body, 'topic') AS topic, size FROM doc;
         CREATE TEMP TABLE passing AS SELECT id, body FROM doc WHERE id < 20",
    );
    insta::assert_snapshot!(server.plans(&[
        "SELECT topic, count(*) FROM labelled WHERE size > 1 GROUP BY topic",
        "SELECT * FROM labelled WHERE topic = 'a'",
        "SELECT refuel_label(body, 'topic') FROM passing",
        "SELECT id FROM doc WHERE refuel_label(body, 'topic') = (SELECT refuel_label('text 1', 'topic'))",
        "SELECT id FROM doc WHERE author = (SELECT min(id) FROM author WHERE refuel_label(name, 'topic') = 'a')",
        "SELECT id, (SELECT refuel_label(a.name || d.body, 'topic') FROM author a WHERE a.id = d.author) FROM doc d",
        "SELECT id FROM doc WHERE refuel_label(body, 'topic') IN (SELECT refuel_label(name, 'topic') FROM author)",
        "SELECT id FROM doc WHERE refuel_label(body, 'topic') NOT IN (SELECT topic FROM author WHERE id > 4)",
        "SELECT d.id, x.topic FROM doc d CROSS JOIN LATERAL (SELECT refuel_label(t.name || d.body, 'topic') AS topic
         FROM tag t WHERE t.doc = d.id ORDER BY t.name LIMIT 1) x",
        "WITH w AS (SELECT id, refuel_label(body, 'topic') AS topic FROM doc) SELECT * FROM w WHERE topic = 'a'",
        "WITH w AS MATERIALIZED (SELECT id, refuel_label(body, 'topic') AS topic FROM doc)
         SELECT a.id FROM w a JOIN w b ON a.id = b.id WHERE a.topic = 'a'",
        "WITH RECURSIVE w (n, topic) AS (SELECT 1, refuel_label('text 1', 'topic') UNION ALL
         SELECT n + 1, refuel_label(topic || n, 'topic') FROM w WHERE n < 5) SELECT * FROM w",
        "WITH w AS (UPDATE doc SET body = refuel_label(body, 'topic') WHERE size = 1 RETURNING id, body)
         SELECT id, refuel_label(body, 'tone') FROM w",
    ]));
}

#[test]
fn writes() {
    let Some(mut server) = Server::start() else { return };
    server.run(
        "CREATE TABLE target (id int PRIMARY KEY, topic text, size int, twice int GENERATED ALWAYS AS (size * 2) STORED);
         INSERT INTO target SELECT id, 'old', size FROM doc WHERE id <= 10;
         CREATE FUNCTION labelled() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN NEW.topic := refuel_label(NEW.topic, 'topic'); RETURN NEW; END $$;
         CREATE TABLE triggered (topic text);
         CREATE TRIGGER labelled BEFORE INSERT ON triggered FOR EACH ROW EXECUTE FUNCTION labelled()",
    );
    insta::assert_snapshot!(server.plans(&[
        "UPDATE doc SET body = refuel_label(body, 'topic') WHERE size = 1 RETURNING id, body",
        "UPDATE doc SET body = refuel_label(a.name, 'topic') FROM author a WHERE a.id = doc.author RETURNING doc.id, body",
        "UPDATE doc SET (body, size) = (SELECT refuel_label(a.name, 'topic'), 1 FROM author a WHERE a.id = doc.author)
         WHERE id < 9 RETURNING id, body",
        "DELETE FROM doc WHERE refuel_label(body, 'topic') = 'a' RETURNING id",
        "INSERT INTO target (id, topic, size) SELECT id + 1000, refuel_label(body, 'topic'), size FROM doc RETURNING *",
        "INSERT INTO target (id, topic, size) SELECT id, refuel_label(body, 'topic'), size FROM doc
         ON CONFLICT (id) DO UPDATE SET topic = excluded.topic || refuel_label(excluded.topic, 'tone') RETURNING *",
        "INSERT INTO target (id, size) SELECT id + 1000, size FROM doc WHERE id < 5
         RETURNING refuel_label('text ' || id, 'topic')",
        "INSERT INTO triggered SELECT refuel_label(body, 'topic') FROM doc RETURNING topic",
        "MERGE INTO target t USING (SELECT id, size, refuel_label(body, 'topic') AS topic FROM doc WHERE id < 20) s
         ON s.id = t.id WHEN MATCHED THEN UPDATE SET topic = refuel_label(s.topic, 'tone')
         WHEN NOT MATCHED THEN INSERT (id, topic, size) VALUES (s.id, s.topic, s.size)",
        "CREATE TABLE made AS SELECT id, refuel_label(body, 'topic') AS topic FROM doc",
        "CREATE MATERIALIZED VIEW made AS SELECT id, refuel_label(body, 'topic') AS topic FROM doc",
        "DECLARE c CURSOR FOR SELECT id, refuel_label(body, 'topic') FROM doc",
        "DECLARE c SCROLL CURSOR FOR SELECT id, refuel_label(body, 'topic') FROM doc",
        "SELECT id, refuel_label(body, 'topic') FROM doc FOR UPDATE SKIP LOCKED",
    ]));
    // What a statement leaves, where it returns nothing.
    for (statement, look) in [
        (
            "CREATE TABLE made AS SELECT id, refuel_label(body, 'topic') AS topic FROM doc",
            "made",
        ),
        (
            "CREATE MATERIALIZED VIEW made AS SELECT id, refuel_label(body, 'topic') AS topic FROM doc",
            "made",
        ),
        (
            "INSERT INTO target (id, topic) SELECT id + 500, refuel_label(body, 'topic') FROM doc",
            "target",
        ),
        (
            "MERGE INTO target t USING (SELECT id, refuel_label(body, 'topic') AS topic FROM doc) s ON s.id = t.id
             WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (id, topic) VALUES (s.id, s.topic)",
            "target",
        ),
    ] {
        let [expected, found] = ["off", "on"].map(|batching| {
            server.run(&format!("BEGIN; SET LOCAL refuel.batching = {batching}; {statement}"));
            let rows = server.rows(&format!("SELECT * FROM {look} ORDER BY 1"));
            server.run("ROLLBACK");
            rows
        });
        assert_eq!(found, expected, "{statement}");
        assert!(!found.is_empty());
    }
    let error = server
        .session
        .batch_execute(
            "CREATE TABLE g (body text, topic text GENERATED ALWAYS AS (refuel_label(body, 'topic')) STORED)",
        )
        .unwrap_err();
    insta::assert_snapshot!(error.as_db_error().unwrap().message(), @"generation expression is not immutable");
}

#[test]
fn copies_give_out_what_a_query_gives() {
    use std::io::Read;

    let Some(mut server) = Server::start() else { return };
    let query = "SELECT id, refuel_label(body, 'topic') FROM doc ORDER BY id";
    let mut copied = String::new();
    server
        .session
        .copy_out(&format!("COPY ({query}) TO STDOUT (DELIMITER '|', NULL 'NULL')"))
        .unwrap()
        .read_to_string(&mut copied)
        .unwrap();
    let sent = server.host.sent();
    assert_eq!(sent.requests.len(), 1, "{sent:?}");
    assert_eq!(copied.lines().collect::<Vec<_>>(), server.rows(query));
}

#[test]
fn kinds_of_tables() {
    let Some(mut server) = Server::start() else { return };
    let file = server.cluster.folder().join("data/rows.csv");
    std::fs::write(file, "1,text 1\n2,text 2\n3,\n").unwrap();
    server.run(&format!(
        "CREATE TABLE part (id int, body text, size int) PARTITION BY LIST (size);
         CREATE TABLE part_1 PARTITION OF part FOR VALUES IN (0, 1);
         CREATE TABLE part_2 PARTITION OF part FOR VALUES IN (2);
         CREATE TABLE part_rest PARTITION OF part DEFAULT;
         INSERT INTO part SELECT id, body, size FROM doc;
         CREATE INDEX ON part (id);
         CREATE EXTENSION file_fdw;
         CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
         CREATE FOREIGN TABLE file (id int, body text) SERVER files OPTIONS (filename 'rows.csv', format 'csv');
         CREATE EXTENSION postgres_fdw;
         CREATE SERVER itself FOREIGN DATA WRAPPER postgres_fdw
             OPTIONS (host '{}', dbname 'postgres', async_capable 'true');
         CREATE USER MAPPING FOR public SERVER itself OPTIONS (user 'postgres');
         CREATE FOREIGN TABLE remote (id int, body text, size int) SERVER itself OPTIONS (table_name 'doc');
         CREATE FOREIGN TABLE remote_too (id int, body text, size int) SERVER itself OPTIONS (table_name 'doc');
         CREATE VIEW barrier WITH (security_barrier) AS SELECT * FROM doc WHERE refuel_label(body, 'topic') = 'a';
         ANALYZE part;",
        server.cluster.folder().display()
    ));
    insta::assert_snapshot!(server.plans(&[
        "SELECT refuel_label(body, 'topic') FROM part",
        "SELECT id FROM part WHERE refuel_label(body, 'topic') = 'a' AND size IN (1, 2)",
        "SELECT id, refuel_label(body, 'topic') FROM part ORDER BY id LIMIT 5",
        "UPDATE part SET body = refuel_label(body, 'topic') RETURNING id, body",
        "SELECT id, refuel_label(body, 'topic') FROM file",
        "SELECT id, refuel_label(body, 'topic') FROM remote WHERE size = 1",
        "UPDATE remote SET body = refuel_label(body, 'topic') WHERE id < 5 RETURNING id, body",
        "SELECT a.id, refuel_label(a.body || b.body, 'topic') FROM remote a JOIN remote_too b ON a.id = b.id
         WHERE refuel_label(a.body, 'tone') = 'a'",
        "SELECT refuel_label(body, 'topic') FROM remote UNION ALL SELECT refuel_label(body, 'topic') FROM remote_too",
        "SELECT count(refuel_label(body, 'topic')) FROM doc TABLESAMPLE BERNOULLI (100)",
        "SELECT id FROM barrier WHERE size = 1",
        "SELECT id FROM barrier WHERE length(body) > 1 AND author = 1",
        "SELECT id, refuel_label(body, 'topic') FROM doc WHERE ctid = '(0,1)'",
        "SELECT id, refuel_label(body, 'topic') FROM doc WHERE ctid < '(0,9)'",
        "SELECT d.id FROM doc d JOIN tag t ON t.doc = d.id
         WHERE (t.doc = 1 OR t.doc = 2) AND refuel_label(t.name, 'topic') = 'a'",
    ]));
}

#[test]
fn parallel_plans() {
    let Some(mut server) = Server::start() else { return };
    server.run(
        "SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
         SET min_parallel_index_scan_size = 0; SET max_parallel_workers_per_gather = 2; SET force_parallel_mode = on",
    );
    insta::assert_snapshot!(server.plans(&[
        "SELECT id, refuel_label(body, 'topic') FROM doc",
        "SELECT id FROM doc WHERE refuel_label(body, 'topic') = 'a' AND size = 1",
        "SELECT refuel_label(body, 'topic'), count(*) FROM doc GROUP BY 1",
        "SELECT size, count(refuel_label(body, 'topic')) FROM doc GROUP BY size",
        "SELECT id, refuel_label(body, 'topic') FROM doc ORDER BY size, id",
        "SELECT id FROM doc ORDER BY refuel_label(body, 'topic'), id",
        "SELECT d.id, refuel_label(d.body || a.name, 'topic') FROM doc d JOIN author a ON a.id = d.author",
        "SELECT d.id FROM doc d JOIN author a ON refuel_label(d.body, 'topic') = a.topic",
        "SELECT refuel_label(body, 'topic') FROM doc UNION ALL SELECT refuel_label(name, 'tone') FROM author",
        "SELECT id, refuel_label(body, 'topic') FROM doc ORDER BY id LIMIT 10",
        "SELECT id FROM doc d WHERE size = (SELECT count(*) FROM author WHERE refuel_label(name, 'topic') = 'a')
         AND refuel_label(body, 'topic') = 'b'",
    ]));
}

#[test]
fn what_was_done_is_counted() {
    let Some(mut server) = Server::start() else { return };
    let mut told = String::new();
    for (settings, query) in [
        (
            "",
            "SELECT refuel_label(body, 'topic'), refuel_confidence(body, 'topic') FROM doc",
        ),
        (
            "",
            "SELECT id FROM doc WHERE refuel_label(body, 'topic') = 'a' AND size = 1",
        ),
        ("", "SELECT refuel_label(refuel_label(body, 'topic'), 'tone') FROM doc"),
        (
            "SET refuel.batch_rows = 10",
            "SELECT refuel_label(body, 'topic') FROM doc",
        ),
        (
            "RESET refuel.batch_rows",
            "SELECT id, refuel_label(body, 'topic') FROM doc ORDER BY id LIMIT 10",
        ),
        (
            "SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
             SET parallel_leader_participation = off; SET force_parallel_mode = on;
             SET max_parallel_workers_per_gather = 1",
            "SELECT count(refuel_label(body, 'topic')) FROM doc",
        ),
        (
            "SET refuel.batching = off",
            "SELECT count(refuel_label(body, 'topic')) FROM doc",
        ),
    ] {
        server.run(settings);
        let plan = server.explain("ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF", query);
        told += &format!("-- {query}\n{plan}\n\n");
    }
    insta::assert_snapshot!(told);
}

#[test]
fn every_format_of_explain_can_be_read() {
    let Some(mut server) = Server::start() else { return };
    for query in [
        "SELECT refuel_label(body, 'topic'), refuel_label('x' || random(), 'tone') FROM doc",
        "SELECT refuel_label(body, 'to''pic <&>') FROM doc WHERE size < 0",
    ] {
        for analyze in ["", "ANALYZE, "] {
            let json = server.explain(&format!("{analyze}FORMAT JSON"), query);
            let json: serde_json::Value = serde_json::from_str(&json).unwrap();
            let row_by_row = query
                .contains("random")
                .then(|| json!(["refuel_label because its arguments are volatile"]));
            assert_eq!(json.get(1).map(|told| told["Row by Row"].clone()), row_by_row);
            let yaml = server.explain(&format!("{analyze}FORMAT YAML"), query);
            let yaml: serde_json::Value =
                serde_saphyr::from_str(&yaml).unwrap_or_else(|error| panic!("{error}\n{yaml}"));
            assert_eq!(yaml[0]["Plan"]["Node Type"], json[0]["Plan"]["Node Type"]);
            assert_eq!(yaml.get(1), json.get(1));
            let xml = server.explain(&format!("{analyze}FORMAT XML"), query);
            let parsed = server
                .session
                .query_one("SELECT xmlparse(document $1)::text", &[&xml])
                .unwrap();
            assert!(!parsed.get::<_, String>(0).is_empty());
        }
    }
}
