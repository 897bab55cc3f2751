//! What is read out of a query: what it calls and reads, where its columns come from, and what is wrong with it.

use crate::support::Tables;
use proptest::prelude::*;
use refuel_staging::{Analyzed, Columns, Dialect, NoColumns, RelationName, StagingError};

fn wrong(sql: &str, dialect: Dialect) -> StagingError {
    match Analyzed::parse(sql, dialect).and_then(|analyzed| analyzed.stage(&Tables::default())) {
        Ok(plan) => panic!("nothing is wrong with {sql}: {}", plan.sql),
        Err(error) => error,
    }
}

#[test]
fn an_error_says_what_where_and_what_to_do() {
    let cases = [
        "SELECT id FORM ticket WHERE",
        "SELECT 'open",
        "INSERT INTO t VALUES (1)",
        "CREATE TABLE t (id integer)",
        "SELECT 1; SELECT 2",
        "",
        "SELECT refuel_lable(body, 't') FROM ticket",
        "SELECT\n  refuel_label(body)\nFROM ticket",
        "SELECT refuel_match(a, 't') FROM ticket",
        "SELECT refuel_answer(body, 't') FROM ticket",
        "SELECT refuel_extract(body, subject, 't') FROM ticket",
        "SELECT refuel_confidence(a, b, c, 't') FROM ticket",
        "SELECT refuel_enrich(body) FROM ticket",
        "SELECT refuel_label(body, task) FROM ticket",
        "SELECT refuel_label(body, 'a' || 'b') FROM ticket",
        "SELECT refuel_complete(body, 'm', options) FROM ticket",
        "SELECT refuel_label(DISTINCT body, 't') FROM ticket",
        "SELECT refuel_label(body, 't') OVER () FROM ticket",
        "SELECT refuel_label(body, 't') FILTER (WHERE true) FROM ticket",
        "SELECT refuel_detail(body, 't') FROM ticket",
        "SELECT refuel_label(ARRAY[body], 't') FROM ticket",
        "WITH RECURSIVE r AS (SELECT body FROM ticket UNION ALL SELECT refuel_label(body, 't') FROM r) SELECT * FROM r",
        "SELECT id FROM ticket LIMIT length(refuel_label('a', 't'))",
        "SELECT id FROM ticket UNION SELECT id FROM note ORDER BY refuel_label(id, 't')",
        "SELECT *, refuel_label(lag(body) OVER (ORDER BY id), 't') AS x FROM ticket",
        "SELECT id INTO other FROM ticket",
        "WITH gone AS (DELETE FROM ticket RETURNING *) SELECT * FROM gone",
    ];
    let mut shown = String::new();
    for sql in cases {
        let error = wrong(sql, Dialect::Postgres);
        shown.push_str(&format!("{sql}\n  {} {error}, {}\n", error.code(), error.position()));
        if let Some(hint) = error.hint() {
            shown.push_str(&format!("  hint: {hint}\n"));
        }
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn sql_of_the_other_database_is_told_as_such() {
    let shown = |sql: &str, dialect| {
        let error = wrong(sql, dialect);
        format!("{error}; hint: {}", error.hint().unwrap_or_default())
    };
    insta::assert_snapshot!(
        [
            shown("SELECT ARRAY[1, 2] AS pair FROM ticket", Dialect::Sqlite),
            shown("SELECT a FROM ticket WHERE a GLOB 'x*'", Dialect::Postgres),
            shown("SELECT FROM WHERE", Dialect::Sqlite),
        ]
        .join("\n")
    );
}

#[test]
fn a_recursive_query_may_be_asked_about_from_outside_and_at_its_start() {
    for sql in [
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT refuel_label(n, 't') FROM r",
        "WITH RECURSIVE r AS (SELECT refuel_label(body, 't') AS b, 1 AS n FROM ticket UNION ALL SELECT b, n + 1 FROM r WHERE n < 3) SELECT * FROM r",
    ] {
        let plan = Analyzed::parse(sql, Dialect::Sqlite)
            .unwrap()
            .stage(&Tables::default())
            .unwrap();
        assert_eq!(plan.stages.len(), 1);
    }
}

#[test]
fn facts_are_calls_and_relations_with_their_places() {
    let sql = "-- tickets\nWITH a AS (SELECT * FROM shop.ticket),\n  b AS (SELECT refuel_label(body, 'topic@3') AS x FROM a)\n\
               SELECT x, refuel_complete('hi', 'tiny', '{\"max_tokens\": 3}'), refuel_embed(x, 'vec')\n\
               FROM b JOIN \"Note\" AS n ON true WHERE x IN (SELECT body FROM shop.ticket)";
    let facts = Analyzed::facts(sql, Dialect::Postgres).unwrap();
    let analyzed = Analyzed::parse(sql, Dialect::Postgres).unwrap();
    assert_eq!(facts.canonical_hash, analyzed.canonical_hash());
    assert_eq!(facts.calls, analyzed.calls());
    insta::assert_json_snapshot!(facts);
}

#[test]
fn a_common_table_expression_hides_a_relation_only_where_it_is_seen() {
    let relations = |sql: &str, dialect| -> Vec<String> {
        let facts = Analyzed::facts(sql, dialect).unwrap();
        facts
            .relations
            .iter()
            .map(|(relation, _)| relation.to_string())
            .collect()
    };
    let own = "WITH orders AS (SELECT * FROM orders) SELECT * FROM orders";
    assert_eq!(relations(own, Dialect::Postgres), ["orders"]);
    let qualified = "WITH orders AS (SELECT * FROM main.orders) SELECT * FROM orders, (WITH x AS (SELECT 1) SELECT * FROM x) AS y, x";
    assert_eq!(relations(qualified, Dialect::Sqlite), ["main.orders", "x"]);
    assert_eq!(
        relations("SELECT * FROM json_each('[1]') AS j, T", Dialect::Sqlite),
        ["T"]
    );
    assert_eq!(
        relations("SELECT * FROM generate_series(1, 2), T", Dialect::Postgres),
        ["t"]
    );
}

#[test]
fn comments_and_layout_are_no_part_of_a_query() {
    let hash = |sql: &str| Analyzed::facts(sql, Dialect::Sqlite).unwrap().canonical_hash;
    let plain = hash("SELECT a, b FROM t WHERE c = 'x'");
    assert_eq!(hash("select a,\n  b -- the b\nfrom t /* all */ where c='x';"), plain);
    assert_ne!(hash("SELECT a, b FROM t WHERE c = 'y'"), plain);
    assert_ne!(hash("SELECT b, a FROM t WHERE c = 'x'"), plain);
}

struct Known;

impl Columns for Known {
    fn columns(&self, relation: &RelationName) -> Option<Vec<String>> {
        let columns: &[&str] = match relation.name.as_str() {
            "ticket" => &["id", "body", "author"],
            "note" => &["id", "ticket", "name"],
            _ => return None,
        };
        Some(columns.iter().map(|column| (*column).to_owned()).collect())
    }
}

#[test]
fn columns_are_followed_through_queries_and_calls() {
    let cases = [
        "SELECT id, lower(body) AS text, refuel_label(body || author, 'topic') AS topic FROM ticket",
        "WITH a AS (SELECT *, refuel_label(body, 'clean') AS c FROM ticket), b AS (SELECT a.*, refuel_label(c, 'topic') AS t FROM a) \
         SELECT b.id, t, n.name FROM b LEFT JOIN note AS n ON n.ticket = b.id",
        "SELECT name, count(*) AS n, max(refuel_label(name, 'topic')) FROM note GROUP BY name",
        "SELECT body FROM ticket UNION ALL SELECT refuel_label(name, 'topic') FROM note",
        "SELECT (SELECT max(name) FROM note WHERE note.ticket = t.id) AS latest, to_jsonb(t) AS whole FROM ticket AS t",
        "SELECT * FROM ticket JOIN note USING (id)",
        "SELECT *, x FROM elsewhere",
        "SELECT a, e.b FROM elsewhere AS e, other",
        "SELECT d.first FROM (SELECT id, body FROM ticket) AS d (first, second)",
        "SELECT w FROM ticket AS t, unnest(string_to_array(t.body, ' ')) AS u (w)",
        "SELECT nothing, t.nothing FROM ticket AS t",
    ];
    let mut shown = String::new();
    for sql in cases {
        let lineage = Analyzed::parse(sql, Dialect::Postgres).unwrap().lineage(&Known);
        shown.push_str(&format!("{sql}\n"));
        for column in &lineage.columns {
            let from: Vec<String> = column
                .from
                .iter()
                .map(|from| format!("{}.{}", from.relation, from.column))
                .collect();
            shown.push_str(&format!("  {}: [{}]", column.name, from.join(", ")));
            column.calls.iter().for_each(|call| show(call, &mut shown));
            if !column.unknown.is_empty() {
                shown.push_str(&format!(" unknown {:?}", column.unknown));
            }
            shown.push('\n');
        }
    }
    insta::assert_snapshot!(shown);
}

fn show(call: &refuel_staging::CallOrigin, shown: &mut String) {
    let from: Vec<String> = call
        .from
        .iter()
        .map(|from| format!("{}.{}", from.relation, from.column))
        .collect();
    shown.push_str(&format!(
        " {}({}; {}",
        call.function,
        call.asked.name(),
        from.join(", ")
    ));
    call.calls.iter().for_each(|inner| show(inner, shown));
    shown.push(')');
}

#[test]
fn a_chain_of_many_terms_is_read_and_staged() {
    // Each term is one level more of the tree, which is cloned, printed and dropped level by level.
    let terms: Vec<String> = (0..20_000).map(|term| format!("n <> {term}")).collect();
    let sql = format!(
        "SELECT refuel_label(body, 't') FROM ticket WHERE {}",
        terms.join(" OR ")
    );
    let plan = Analyzed::parse(&sql, Dialect::Sqlite)
        .unwrap()
        .stage(&Tables::default())
        .unwrap();
    assert_eq!(plan.stages.len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever is written, reading it ends with a query or an error.
    #[test]
    fn reading_never_panics(words in prop::collection::vec(prop::sample::select(vec![
        "SELECT", "FROM", "WHERE", "t", "u", "*", ",", "(", ")", "refuel_label", "'topic'", "a", "a.b", "1", "GROUP BY", "ORDER BY",
        "LIMIT", "AS", "WITH", "UNION ALL", "JOIN", "ON", "EXISTS", "IN", "CASE", "WHEN", "THEN", "END", "max", "OVER", "AND", "OR", "=",
        "LATERAL", "VALUES", "RECURSIVE", "NOT", "NULL", ";", "--", "\"", "HAVING", "DISTINCT",
    ]), 0..40)) {
        let sql = words.join(" ");
        for dialect in [Dialect::Sqlite, Dialect::Postgres] {
            if let Ok(analyzed) = Analyzed::parse(&sql, dialect) {
                let _ = analyzed.stage(&Tables::default());
                let _ = analyzed.lineage(&NoColumns);
                let again = Analyzed::parse(&analyzed.canonical(), dialect);
                prop_assert!(again.is_ok(), "{} became {}", sql, analyzed.canonical());
            }
        }
    }
}
