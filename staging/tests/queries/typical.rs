//! Queries as a warehouse has them: how they are staged on both databases, and that they mean the same there.

use crate::support::sqlite::Sqlite;
use crate::support::{Database, Tables, compare};
use refuel_staging::{Analyzed, Dialect, Gated};

const SCHEMA: &str = "
CREATE TABLE ticket (id integer PRIMARY KEY, author text, subject text, body text, value text, n integer);
CREATE TABLE note (id integer PRIMARY KEY, ticket integer, name text, status text, n integer);
INSERT INTO ticket VALUES (1, 'ann', 'Order', 'Where is my parcel?', 'alpha', 1), (2, 'bob', 'Stove', 'It broke.', 'beta', 2),
    (3, 'ann', 'Return', 'I want my money back.', NULL, 3), (4, 'cid', NULL, 'Where is my parcel?', 'gamma', 4),
    (5, NULL, 'Tent', NULL, 'delta', NULL), (6, 'bob', 'Tent', 'A pole snapped.', 'beta', 6), (7, 'dot', 'Blank', '  ', 'eta', 7);
INSERT INTO note VALUES (1, 1, 'late', 'open', 1), (2, 1, 'lost', 'done', 2), (3, 2, 'broken', 'open', 3), (4, 4, NULL, 'open', 4),
    (5, 6, 'A pole', 'done', 5);
";

/// Name and text; those that only Postgres reads have a name that ends in `_postgres`.
const QUERIES: &[(&str, &str)] = &[
    ("label", "SELECT id, refuel_label(body, 'topic') AS topic FROM ticket"),
    (
        "where",
        "SELECT id FROM ticket WHERE n > 1 AND refuel_label(body, 'topic') = 'red' AND author = 'bob'",
    ),
    (
        "where_then_select",
        "SELECT id, refuel_label(subject, 'mood@2') AS mood FROM ticket WHERE refuel_label(body, 'topic') <> 'red'",
    ),
    (
        "label_and_confidence",
        "SELECT id, refuel_label(body, 'topic') AS topic, refuel_confidence(body, 'topic') AS sure FROM ticket",
    ),
    (
        "nested",
        "SELECT id, refuel_label(refuel_label(body, 'mood@2'), 'topic') AS topic FROM ticket",
    ),
    (
        "case",
        "SELECT id, CASE WHEN n IS NULL THEN 'none' WHEN n > 3 THEN refuel_label(body, 'topic') ELSE author END AS topic FROM ticket",
    ),
    (
        "case_of_calls",
        "SELECT id, CASE WHEN refuel_label(body, 'topic') = 'red' THEN refuel_label(subject, 'mood@2') END AS mood FROM ticket",
    ),
    (
        "coalesce",
        "SELECT id, COALESCE(value, refuel_label(body, 'topic')) AS value FROM ticket",
    ),
    (
        "or",
        "SELECT id FROM ticket WHERE author = 'ann' OR refuel_label(body, 'topic') = 'red'",
    ),
    (
        "ctes",
        "WITH labelled AS (SELECT *, refuel_label(body, 'topic') AS topic FROM ticket WHERE n > 0), \
         counted AS (SELECT topic, count(*) AS tickets FROM labelled GROUP BY topic) \
         SELECT l.id, l.topic, c.tickets FROM labelled AS l JOIN counted AS c ON c.topic = l.topic",
    ),
    (
        "group_by_call",
        "SELECT refuel_label(body, 'topic') AS topic, count(*) AS tickets FROM ticket GROUP BY refuel_label(body, 'topic')",
    ),
    (
        "group_by_alias",
        "SELECT refuel_label(body, 'topic') AS topic, count(*) AS tickets FROM ticket GROUP BY topic",
    ),
    (
        "group_by_number",
        "SELECT refuel_label(body, 'topic') AS topic, count(*) AS tickets FROM ticket GROUP BY 1 ORDER BY 2 DESC, 1",
    ),
    (
        "of_groups",
        "SELECT author, refuel_label(max(body), 'topic') AS topic, count(*) AS tickets FROM ticket GROUP BY author \
         HAVING count(*) > 1 AND refuel_label(max(body), 'topic') IS NOT NULL ORDER BY author",
    ),
    (
        "of_all",
        "SELECT refuel_label(max(body), 'topic') AS topic, count(*) FILTER (WHERE refuel_label(subject, 'topic') = 'red') AS reds FROM ticket",
    ),
    (
        "of_window",
        "SELECT id, refuel_label(lag(body) OVER (PARTITION BY author ORDER BY id), 'topic') AS before FROM ticket",
    ),
    (
        "window_by_call",
        "SELECT id, row_number() OVER (PARTITION BY refuel_label(body, 'topic') ORDER BY id) AS place FROM ticket",
    ),
    (
        "limit",
        "SELECT id, refuel_label(body, 'topic') AS topic FROM ticket ORDER BY id DESC LIMIT 2 OFFSET 1",
    ),
    (
        "order_by_call",
        "SELECT id FROM ticket ORDER BY refuel_confidence(body, 'topic') DESC, id LIMIT 3",
    ),
    (
        "distinct",
        "SELECT DISTINCT refuel_label(body, 'topic') AS topic FROM ticket",
    ),
    (
        "union_all",
        "SELECT id, refuel_label(body, 'topic') AS topic FROM ticket UNION ALL SELECT id, refuel_label(name, 'topic') FROM note",
    ),
    (
        "left_join",
        "SELECT t.id, n.name FROM ticket AS t LEFT JOIN note AS n ON n.ticket = t.id AND refuel_match(t.body, n.name, 'same') \
         WHERE t.author = 'ann'",
    ),
    (
        "join",
        "SELECT t.id, n.id AS note FROM ticket AS t JOIN note AS n ON refuel_match(t.body, n.name, 'same') AND n.n < t.n WHERE n.status = 'open'",
    ),
    (
        "exists",
        "SELECT id FROM ticket AS t WHERE EXISTS (SELECT 1 FROM note AS n WHERE n.ticket = t.id AND refuel_label(n.name, 'topic') = 'red')",
    ),
    (
        "in",
        "SELECT id FROM ticket WHERE value IN (SELECT refuel_label(name, 'topic') FROM note WHERE status = 'open')",
    ),
    (
        "latest",
        "SELECT id, (SELECT refuel_label(n.name, 'topic') FROM note AS n WHERE n.ticket = t.id ORDER BY n.id DESC LIMIT 1) AS latest \
         FROM ticket AS t WHERE t.n > 0",
    ),
    (
        "names_of_answers",
        "SELECT id, refuel_label(value, 'topic') FROM ticket",
    ),
    (
        "values",
        "WITH given (word) AS (VALUES ('a'), ('b')) SELECT word, refuel_label(word, 'topic') AS topic FROM given",
    ),
    ("constant", "SELECT refuel_label('hello', 'topic') AS topic"),
    (
        "fields_of_a_record",
        "SELECT id, refuel_extract(body, 'fields') ->> 'colour' AS colour FROM ticket \
         WHERE refuel_extract(body, 'fields') ->> 'colour' <> 'red'",
    ),
    (
        "answer_and_confidence",
        "SELECT id, refuel_answer(body, subject, 'found') AS found, refuel_confidence(body, subject, 'found') AS sure FROM ticket",
    ),
    (
        "answer_about_an_answer_postgres",
        "SELECT id, refuel_label(t.refuel_answer, 'topic') AS topic \
         FROM (SELECT id, refuel_answer(body, 'who?', 'found') FROM ticket) AS t",
    ),
    (
        "answer_named_after_its_function_postgres",
        "SELECT id, refuel_label(refuel_answer.refuel_answer, 'topic') AS topic \
         FROM ticket AS t, refuel_answer(t.body, t.subject, 'found')",
    ),
    (
        "groups_by_an_answer_from_outside",
        "SELECT t.id, (SELECT count(*) FROM note AS n WHERE refuel_match(t.body, t.subject, 'same')) AS notes FROM ticket AS t",
    ),
    (
        "chain_of_kinds",
        "SELECT id, refuel_normalize(refuel_extract(refuel_clean(body, 'mended'), 'fields') ->> 'colour', 'colour') AS colour FROM ticket",
    ),
    (
        "record_postgres",
        "SELECT id, refuel_enrich(to_jsonb(t), 'fields') ->> 'colour' AS colour FROM ticket AS t WHERE id < 3",
    ),
    (
        "using",
        "SELECT id, refuel_label(t.subject, 'topic') AS topic FROM ticket AS t JOIN note AS n USING (id)",
    ),
    (
        "lateral_postgres",
        "SELECT t.id, l.topic FROM ticket AS t CROSS JOIN LATERAL (SELECT refuel_label(t.body, 'topic') AS topic) AS l WHERE t.n > 1",
    ),
    (
        "words_postgres",
        "SELECT t.id, w.word, refuel_label(w.word, 'topic') AS topic FROM ticket AS t, unnest(string_to_array(t.subject, ' ')) AS w (word)",
    ),
    (
        "distinct_on_postgres",
        "SELECT DISTINCT ON (refuel_label(body, 'topic')) id, body FROM ticket ORDER BY refuel_label(body, 'topic'), id",
    ),
    (
        "row_postgres",
        "SELECT id, refuel_label(to_jsonb(t), 'topic') AS topic FROM ticket AS t WHERE id < 3",
    ),
    (
        "casts_postgres",
        "SELECT id, refuel_label(n::text, 'topic')::varchar(5) AS topic FROM ticket WHERE refuel_confidence(body, 'topic') > 0.1::real",
    ),
];

fn reads(name: &str, dialect: Dialect) -> bool {
    dialect == Dialect::Postgres || !name.ends_with("_postgres")
}

#[test]
fn queries_are_staged_like_this() {
    for (name, sql) in QUERIES {
        let mut shown = format!("{sql}\n");
        for dialect in [Dialect::Sqlite, Dialect::Postgres] {
            if !reads(name, dialect) {
                continue;
            }
            let plan = Analyzed::parse(sql, dialect)
                .unwrap()
                .stage(&Tables::default())
                .unwrap();
            shown.push_str(&format!("\n{dialect}\n"));
            for (place, stage) in plan.stages.iter().enumerate() {
                shown.push_str(&format!(
                    "  {place}: {} {} after {:?}\n     {}\n",
                    stage.function, stage.task, stage.after, stage.inputs
                ));
            }
            shown.push_str(&format!("  {}\n", plan.sql));
            match plan.gated.unwrap() {
                Gated::Sql(sql) => shown.push_str(&format!("  {sql}\n")),
                Gated::Impossible(reason) => shown.push_str(&format!("  no gates: {reason}\n")),
            }
        }
        insta::assert_snapshot!(*name, shown);
    }
}

fn mean_the_same(database: &mut dyn Database) {
    for (name, sql) in QUERIES {
        if !reads(name, database.dialect()) {
            continue;
        }
        match compare(database, sql) {
            None => panic!("{name} is no query of {}", database.dialect()),
            Some(Ok(_)) => {}
            Some(Err(difference)) => panic!("{name}: {difference}"),
        }
    }
}

#[test]
fn queries_mean_the_same_on_sqlite() {
    mean_the_same(&mut Sqlite::with(SCHEMA));
}

#[test]
fn queries_mean_the_same_on_postgres() {
    let Some(server) = crate::support::postgres::Server::start() else {
        eprintln!("skipped: there is no PostgreSQL to start");
        return;
    };
    mean_the_same(&mut server.with(SCHEMA));
}
