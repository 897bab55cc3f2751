//! What is asked about, and what not: the inputs of queries over a table whose rows tell them apart.

use std::collections::BTreeSet;

use crate::support::sqlite::Sqlite;
use crate::support::{Database, Tables, asked, compare, fill};
use refuel_staging::{Analyzed, AnswerTables, Asked, Dialect, Gated, Placement, Plan, RelationName};

const SCHEMA: &str = "
CREATE TABLE ticket (id integer PRIMARY KEY, author text, body text COLLATE NOCASE, n integer);
CREATE TABLE note (id integer PRIMARY KEY, ticket integer, name text);
INSERT INTO ticket VALUES (1, 'ann', 'one', 1), (2, 'bob', 'two', 2), (3, 'ann', 'three', 3), (4, 'cid', 'four', 4),
    (5, NULL, NULL, 5), (6, 'ann', 'one', 6);
INSERT INTO note VALUES (1, 1, 'n1'), (2, 1, 'n2'), (3, 2, 'n3'), (4, 3, 'n4');
";

fn planned(sql: &str) -> Plan {
    Analyzed::parse(sql, Dialect::Sqlite)
        .and_then(|analyzed| analyzed.stage(&Tables::default()))
        .expect("a query that can be staged")
}

/// Runs the stages of a query, after a check that it means the same in both ways, and returns what was asked.
fn inputs(sql: &str) -> Vec<String> {
    let mut database = Sqlite::with(SCHEMA);
    match compare(&mut database, sql) {
        Some(Ok(_)) => {}
        Some(Err(difference)) => panic!("{difference}"),
        None => panic!("no query: {sql}"),
    }
    let plan = planned(sql);
    database.forget();
    asked();
    fill(&mut database, &plan).expect("queries that can be run");
    let texts: BTreeSet<String> = asked().into_iter().map(|(_, texts)| texts.join("/")).collect();
    texts.into_iter().collect()
}

#[test]
fn each_text_is_asked_about_once_and_null_never() {
    assert_eq!(
        inputs("SELECT id, refuel_label(body, 'topic') FROM ticket"),
        ["four", "one", "three", "two"]
    );
}

#[test]
fn rows_that_another_condition_removes_are_not_asked_about() {
    let sql = "SELECT id FROM ticket WHERE refuel_label(body, 'topic') = 'red' AND n < 3 AND author <> 'bob'";
    assert_eq!(inputs(sql), ["one"]);
}

#[test]
fn rows_that_a_call_in_where_removes_are_not_asked_about_in_select() {
    let sql = "SELECT refuel_label(author, 'topic') FROM ticket WHERE refuel_label(body, 'topic') = 'nothing'";
    assert_eq!(inputs(sql), ["four", "one", "three", "two"]);
}

#[test]
fn a_branch_that_is_not_taken_is_not_asked_about() {
    let sql = "SELECT CASE n WHEN 1 THEN refuel_label(body, 'topic') WHEN 2 THEN 'two' ELSE \
               CASE WHEN n < 4 THEN refuel_label(body, 'topic') END END FROM ticket";
    assert_eq!(inputs(sql), ["one", "three"]);
}

#[test]
fn coalesce_asks_only_where_nothing_came_before() {
    assert_eq!(
        inputs("SELECT coalesce(author, refuel_label(id, 'topic')) FROM ticket"),
        ["5"]
    );
    assert_eq!(
        inputs("SELECT iif(n = 2, refuel_label(body, 'topic'), 'no') FROM ticket"),
        ["two"]
    );
}

#[test]
fn an_operand_of_or_is_asked_only_where_the_others_are_not_true() {
    let sql = "SELECT id FROM ticket WHERE author = 'ann' OR refuel_label(body, 'topic') = 'red'";
    assert_eq!(inputs(sql), ["four", "two"]);
}

#[test]
fn a_limit_lets_few_rows_be_asked_about() {
    assert_eq!(
        inputs("SELECT refuel_label(body, 'topic') FROM ticket ORDER BY id DESC LIMIT 1 OFFSET 2"),
        ["four", "one"]
    );
    assert_eq!(
        inputs("SELECT n AS m, refuel_label(body, 'topic') FROM ticket ORDER BY m LIMIT 2"),
        ["one", "two"]
    );
    assert_eq!(
        inputs("SELECT n, refuel_label(body, 'topic') FROM ticket ORDER BY 1 LIMIT 0, 2"),
        ["one", "two"]
    );
}

#[test]
fn equal_rows_at_a_limit_are_those_that_were_asked_about() {
    // Three rows are equal here, and two are wanted: whichever they are, they have answers.
    let mut database = Sqlite::with(SCHEMA);
    let sql = "SELECT body, refuel_confidence(body, 'topic') AS sure FROM ticket ORDER BY author = 'ann' DESC LIMIT 2";
    let plan = planned(sql);
    asked();
    fill(&mut database, &plan).expect("queries that can be run");
    assert!(asked().len() <= 2);
    let rows = database.rows(&plan.sql).unwrap();
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|row| row[1].is_some()), "{rows:?}");
}

#[test]
fn a_limit_that_the_call_decides_asks_about_all_rows() {
    let sql = "SELECT id FROM ticket ORDER BY refuel_label(body, 'topic'), id LIMIT 1";
    assert_eq!(inputs(sql), ["four", "one", "three", "two"]);
    let sql = "SELECT refuel_label(body, 'topic') AS topic FROM ticket ORDER BY topic LIMIT 1";
    assert_eq!(inputs(sql), ["four", "one", "three", "two"]);
    let sql = "SELECT DISTINCT refuel_label(body, 'topic') FROM ticket LIMIT 1";
    assert_eq!(inputs(sql).len(), 4);
}

#[test]
fn a_join_asks_about_the_pairs_that_its_other_conditions_let_through() {
    let sql = "SELECT t.id FROM ticket AS t LEFT JOIN note AS n ON n.ticket = t.id AND refuel_match(t.body, n.name, 'same') WHERE t.n = 1";
    assert_eq!(inputs(sql), ["one/n1", "one/n2"]);
}

#[test]
fn a_subquery_of_each_row_asks_about_its_own_rows() {
    let sql = "SELECT id, (SELECT refuel_label(name, 'topic') FROM note WHERE note.ticket = ticket.id ORDER BY note.id LIMIT 1) \
               FROM ticket WHERE n < 3";
    assert_eq!(inputs(sql), ["n1", "n3"]);
    let sql = "SELECT id FROM ticket WHERE EXISTS (SELECT 1 FROM note WHERE note.ticket = ticket.id AND refuel_match(body, name, 'same'))";
    assert_eq!(inputs(sql), ["one/n1", "one/n2", "three/n4", "two/n3"]);
}

#[test]
fn groups_that_having_removes_are_not_asked_about() {
    let sql = "SELECT author, refuel_label(max(body), 'topic') FROM ticket GROUP BY author HAVING count(*) > 2";
    assert_eq!(inputs(sql), ["three"]);
}

#[test]
fn texts_that_differ_in_case_are_two_inputs_whatever_the_column_compares_by() {
    let mut database = Sqlite::with(&format!("{SCHEMA} INSERT INTO ticket VALUES (7, 'ann', 'ONE', 7);"));
    let sql = "SELECT id, refuel_label(body, 'topic') FROM ticket WHERE n IN (1, 7)";
    assert_eq!(compare(&mut database, sql), Some(Ok(2)));
}

#[test]
fn a_column_named_like_one_of_the_answers_is_the_querys_own() {
    let schema = "CREATE TABLE t (id integer PRIMARY KEY, value text, key_1 text, status text); \
                  INSERT INTO t VALUES (1, 'a', 'b', 'c'), (2, 'd', NULL, 'ok');";
    let mut database = Sqlite::with(schema);
    let sql = "SELECT refuel_label(value, 'topic'), refuel_label(key_1, 'topic'), refuel_label(rowid, 'topic'), \
               refuel_label(\"STATUS\" || value, 'topic') FROM t";
    match compare(&mut database, sql) {
        Some(Ok(asked)) => assert_eq!(asked, 7),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_same_call_in_several_places_is_one_stage() {
    for sql in [
        "SELECT CASE WHEN refuel_label(body, 't') = 'a' THEN 1 WHEN refuel_label(body, 't') = 'b' THEN 2 END FROM ticket",
        "SELECT refuel_label(body, 't'), refuel_confidence(body, 't') FROM ticket WHERE refuel_confidence(body, 't') > 0.5",
        "WITH a AS (SELECT refuel_label(body, 't') AS x FROM ticket), b AS (SELECT refuel_label(name, 't') AS x FROM note) \
         SELECT * FROM a UNION ALL SELECT * FROM b",
        "WITH a AS (SELECT refuel_label(body, 't') AS x FROM ticket) SELECT * FROM a JOIN a AS b ON a.x = b.x",
    ] {
        let plan = planned(sql);
        assert_eq!(plan.stages.len(), 1, "{sql}: {:#?}", plan.stages);
    }
}

#[test]
fn stages_say_what_they_wait_for() {
    let sql = "SELECT refuel_label(refuel_label(body, 'clean'), 'topic') FROM ticket WHERE refuel_label(author, 'spam') = 'no'";
    let plan = planned(sql);
    let stages: Vec<_> = plan
        .stages
        .iter()
        .map(|stage| (stage.task.as_str(), stage.after.clone()))
        .collect();
    assert_eq!(stages, [("spam", vec![]), ("clean", vec![0]), ("topic", vec![0, 1])]);
}

/// The rows with their gates.
fn gates(sql: &str) -> Vec<crate::support::Row> {
    let mut database = Sqlite::with(SCHEMA);
    let plan = planned(sql);
    fill(&mut database, &plan).expect("queries that can be run");
    match plan.gated {
        Some(Gated::Sql(sql)) => database.rows(&sql).expect("a query that can be run"),
        other => panic!("{other:?}"),
    }
}

/// The gate of a text of the table, as the made-up model has it.
fn gate(text: &str, task: &str) -> String {
    crate::support::answer(&[text.to_owned()], task).gate.to_string()
}

#[test]
fn a_row_has_the_worst_gate_of_its_answers() {
    let rows =
        gates("SELECT id, refuel_label(body, 'topic') AS a, refuel_label(author, 'mood') AS b FROM ticket ORDER BY id");
    for (row, (body, author)) in rows
        .iter()
        .zip([("one", "ann"), ("two", "bob"), ("three", "ann"), ("four", "cid")])
    {
        let worst = gate(body, "topic").max(gate(author, "mood"));
        assert_eq!(row[3].as_deref(), Some(worst.as_str()), "{row:?}");
    }
    assert_eq!(rows[4][3].as_deref(), Some("0"), "nothing was asked about NULL");
}

#[test]
fn a_group_has_the_worst_gate_of_its_rows_and_a_star_leaves_gates_last() {
    let rows =
        gates("SELECT author, max(refuel_label(body, 'topic')) AS most FROM ticket GROUP BY author ORDER BY author");
    let worst = gate("one", "topic").max(gate("three", "topic"));
    assert_eq!(rows[1][2].as_deref(), Some(worst.as_str()), "{rows:?}");
    let rows =
        gates("SELECT l.* FROM (SELECT *, refuel_label(body, 'topic') AS topic FROM ticket) AS l WHERE l.id = 4");
    assert_eq!(rows[0].len(), 6);
    assert_eq!(rows[0][5], Some(gate("four", "topic")));
    let rows = gates(
        "WITH l AS (SELECT id, body, refuel_label(body, 'topic') AS topic FROM ticket) \
         SELECT l.*, n.name FROM l LEFT JOIN note AS n ON n.ticket = l.id WHERE l.id = 4",
    );
    assert_eq!(rows[0].len(), 5);
    assert_eq!(rows[0][4], Some(gate("four", "topic")));
}

#[test]
fn an_answer_that_a_row_did_not_need_has_no_gate() {
    // Every text is asked about because of the first column; only the rows that take the branch get its gate.
    let abstained: Vec<String> = (0..40)
        .map(|number| format!("word {number}"))
        .filter(|word| gate(word, "topic") == "1")
        .collect();
    let word = abstained.first().unwrap();
    let schema = format!(
        "CREATE TABLE t (id integer PRIMARY KEY, body text); INSERT INTO t VALUES (1, '{word}'), (2, '{word}');"
    );
    for condition in [
        "CASE WHEN id = 1 THEN refuel_label(body, 'topic') END",
        "refuel_label(body, 'topic') = 'red' AND id = 1",
        "id = 1 AND refuel_label(body, 'topic') = 'red'",
        "coalesce(nullif(id, 1), refuel_label(body, 'topic'))",
    ] {
        let mut database = Sqlite::with(&schema);
        let sql = format!("SELECT id, {condition} AS x FROM t ORDER BY id");
        let plan = planned(&sql);
        fill(&mut database, &plan).expect("queries that can be run");
        let Some(Gated::Sql(sql)) = plan.gated else {
            panic!("no gates: {sql}");
        };
        let gates: Vec<_> = database
            .rows(&sql)
            .unwrap()
            .into_iter()
            .map(|mut row| row.pop().flatten())
            .collect();
        assert_eq!(gates, [Some("1".to_owned()), Some("0".to_owned())], "{sql}");
    }
}

/// The worst gate of the answers of a task to these texts.
fn worst(texts: &[&str], task: &str) -> Option<String> {
    texts.iter().map(|text| gate(text, task)).max()
}

#[test]
fn a_row_that_distinct_returns_has_the_worst_gate_of_those_that_it_stands_for() {
    let rows = gates(
        "SELECT DISTINCT author, coalesce(refuel_label(body, 'topic'), '') = 'none' AS x FROM ticket \
         WHERE body IN ('one', 'three') ORDER BY author",
    );
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(rows[0][2], worst(&["one", "three"], "topic"));
    let rows = gates(
        "WITH l AS (SELECT author, refuel_label(body, 'topic') AS topic FROM ticket) \
         SELECT DISTINCT author FROM l ORDER BY author DESC",
    );
    let ann = rows.iter().find(|row| row[0].as_deref() == Some("ann")).unwrap();
    assert_eq!(ann[1], worst(&["one", "three"], "topic"));
}

#[test]
fn a_row_of_a_set_operation_has_the_worst_gate_of_those_that_it_stands_for() {
    let labelled = |body: &str| {
        format!(
            "SELECT author, coalesce(refuel_label(body, 'topic'), '') = 'none' AS x FROM ticket WHERE body = '{body}'"
        )
    };
    let both = |operation: &str| gates(&format!("{} {operation} {}", labelled("one"), labelled("three")));
    let rows = both("UNION");
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(rows[0][2], worst(&["one", "three"], "topic"));
    let rows = both("INTERSECT");
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(rows[0][2], worst(&["one", "three"], "topic"));
    assert_eq!(both("EXCEPT").len(), 0);
    let rows = gates(&format!("{} EXCEPT SELECT name, false FROM note", labelled("one")));
    assert_eq!(rows[0][2], worst(&["one"], "topic"));
}

#[test]
fn rows_without_a_gate_of_their_own_say_why() {
    for (sql, reason) in [
        (
            "SELECT DISTINCT author, count(*) AS n FROM ticket GROUP BY author, refuel_label(body, 't')",
            "DISTINCT",
        ),
        (
            "SELECT DISTINCT refuel_label(body, 't') AS x, row_number() OVER () AS n FROM ticket",
            "DISTINCT",
        ),
        (
            "SELECT DISTINCT *, refuel_label(body, 't') AS x FROM ticket",
            "name the columns",
        ),
        (
            "SELECT author AS x, refuel_label(body, 't') AS x FROM ticket UNION SELECT name, name FROM note",
            "give them names",
        ),
        (
            "WITH RECURSIVE r AS (SELECT refuel_label(body, 't') AS b, 1 AS n FROM ticket \
             UNION SELECT b, n + 1 FROM r WHERE n < 3) SELECT * FROM r",
            "recursive",
        ),
        (
            "WITH a AS (SELECT *, refuel_label(body, 't') AS x FROM ticket) SELECT a.*, 1 AS one FROM a",
            "the columns of \"a\" behind * aren't known",
        ),
    ] {
        let plan = planned(sql);
        match plan.gated {
            Some(Gated::Impossible(found)) => assert!(found.contains(reason), "{found}"),
            other => panic!("{sql}: {other:?}"),
        }
    }
}

#[test]
fn a_star_is_written_out_where_the_columns_are_known() {
    let mut tables = Tables::default();
    tables
        .columns
        .insert("ticket".to_owned(), vec!["id".to_owned(), "body".to_owned()]);
    let sql = "WITH a AS (SELECT *, refuel_label(body, 't') AS x FROM ticket) SELECT a.*, 1 AS one FROM a";
    let plan = Analyzed::parse(sql, Dialect::Sqlite).unwrap().stage(&tables).unwrap();
    match plan.gated {
        Some(Gated::Sql(sql)) => assert!(
            sql.ends_with("SELECT \"a\".\"id\", \"a\".\"body\", \"a\".\"x\", 1 AS one, COALESCE(a.refuel_gate, 0) AS refuel_gate FROM a"),
            "{sql}"
        ),
        other => panic!("{other:?}"),
    }
}

/// A database with the extension, and one task that people have decided on.
struct Extension;

impl AnswerTables for Extension {
    fn place(&self, asked: &Asked, _arguments: u8) -> Placement {
        if asked.name() == "decided" {
            Placement::Table(RelationName::new(Some("shop"), "_refuel_decided"))
        } else {
            Placement::AsWritten
        }
    }
}

fn with_extension(sql: &str) -> Plan {
    Analyzed::parse(sql, Dialect::Postgres)
        .and_then(|analyzed| analyzed.stage(&Extension))
        .expect("a query that can be staged")
}

#[test]
fn the_extension_answers_calls_as_they_are_written() {
    let sql = "SELECT id, refuel_label(body, 'topic') AS topic, (refuel_detail(body, 'topic')).reason FROM ticket";
    let plan = with_extension(sql);
    assert!(plan.stages.is_empty());
    assert_eq!(plan.sql, sql);
    let Some(Gated::Sql(gated)) = plan.gated else {
        panic!("no gates")
    };
    assert!(
        gated.contains("CASE (refuel_detail(body, 'topic')).status WHEN 'ok' THEN 0 WHEN 'abstained' THEN 1"),
        "{gated}"
    );
    assert!(Analyzed::parse(&gated, Dialect::Postgres).is_ok(), "{gated}");
}

#[test]
fn what_people_have_decided_is_staged_beside_the_extension() {
    let plan = with_extension(
        "SELECT id, refuel_label(body, 'decided') AS d FROM ticket WHERE refuel_label(body, 'topic') = 'red' ORDER BY id",
    );
    assert_eq!(plan.stages.len(), 1);
    assert_eq!(plan.stages[0].table, RelationName::new(Some("shop"), "_refuel_decided"));
    assert!(
        plan.stages[0]
            .inputs
            .contains("WHERE (refuel_label(body, 'topic') = 'red')"),
        "{}",
        plan.stages[0].inputs
    );
    assert!(
        plan.sql.contains("FROM \"shop\".\"_refuel_decided\" AS refuel_lookup"),
        "{}",
        plan.sql
    );
}

#[test]
fn the_extension_tells_the_gate_of_two_texts() {
    for call in [
        "refuel_match(body, author, 'same')",
        "refuel_answer(body, author, 'same')",
    ] {
        let plan = with_extension(&format!("SELECT {call} AS found FROM ticket"));
        let Some(Gated::Sql(gated)) = plan.gated else {
            panic!("no gates")
        };
        assert!(
            gated.contains(
                "CASE (refuel_detail(body, author, 'same')).status WHEN 'ok' THEN 0 WHEN 'abstained' THEN 1 \
                 ELSE CASE WHEN (body) IS NOT NULL AND (author) IS NOT NULL THEN 2 END END"
            ),
            "{gated}"
        );
        assert!(Analyzed::parse(&gated, Dialect::Postgres).is_ok(), "{gated}");
    }
}
