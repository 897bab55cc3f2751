//! Random queries over random rows: a tape of numbers is read as choices, so that a shorter tape with smaller numbers is a
//! simpler query.

use std::fmt::Write;

use super::host::{UNSURE, WRONG};
use super::scope::{Scope, author, doc};

/// What a case of the property is.
#[derive(Debug)]
pub(super) struct Case {
    /// Statements that fill the tables.
    pub(super) rows: String,
    /// Settings of the session.
    pub(super) settings: String,
    /// The query.
    pub(super) query: String,
    /// Statements before and after it.
    pub(super) around: Option<(String, String)>,
    /// Whether the rows come in one order only.
    pub(super) ordered: bool,
    /// Whether all of what the query reads is read in any case, so that nothing is asked ahead in vain.
    pub(super) exact: bool,
}

/// Reads choices from a tape.
pub(super) struct Tape<'a> {
    rest: &'a [u16],
    exact: bool,
    /// Tables have names of their own.
    tables: usize,
}

const TASKS: [&str; 4] = [
    "'topic'",
    "'tone'",
    "'topic@1'",
    "CASE WHEN length(current_setting('TimeZone')) = 3 THEN 'topic' ELSE 'tone' END",
];

impl<'a> Tape<'a> {
    pub(super) fn new(numbers: &'a [u16]) -> Self {
        Self {
            rest: numbers,
            exact: true,
            tables: 0,
        }
    }

    /// A number below `end`; 0 at the end of the tape.
    fn below(&mut self, end: usize) -> usize {
        let Some((&first, rest)) = self.rest.split_first() else {
            return 0;
        };
        self.rest = rest;
        first as usize % end
    }

    fn one_of<'b>(&mut self, choices: &[&'b str]) -> &'b str {
        choices[self.below(choices.len())]
    }

    fn column(&mut self, columns: &[String]) -> String {
        columns[self.below(columns.len())].clone()
    }

    fn name(&mut self, start: &str) -> String {
        self.tables += 1;
        format!("{start}{}", self.tables)
    }

    pub(super) fn case(&mut self) -> Case {
        let rows = self.rows();
        let mut settings = self.settings();
        let (mut query, ordered) = self.query();
        let mut around = None;
        match self.below(8) {
            1 => {
                let mode = self.one_of(&["force_generic_plan", "force_custom_plan", "auto"]);
                settings += &format!("SET plan_cache_mode = {mode};");
                around = Some((
                    format!("PREPARE asked (text) AS {}", query.replace("'b'", "$1")),
                    "DEALLOCATE asked".to_owned(),
                ));
                "EXECUTE asked('b')".clone_into(&mut query);
            }
            2 => {
                let scroll = self.one_of(&["", "SCROLL", "NO SCROLL"]);
                let mut begin = format!("BEGIN; DECLARE asked {scroll} CURSOR FOR {query};");
                // Which rows were moved over is not said where there is no order.
                if ordered {
                    let _ = write!(begin, "MOVE {} FROM asked;", 1 + self.below(5));
                }
                if scroll == "SCROLL" {
                    begin += "MOVE FORWARD ALL FROM asked; MOVE BACKWARD ALL FROM asked;";
                }
                around = Some((begin, "ROLLBACK".to_owned()));
                "FETCH ALL FROM asked".clone_into(&mut query);
                self.exact = false;
            }
            3 => {
                query = format!(
                    "WITH made AS (INSERT INTO kept SELECT x::text FROM ({query}) x RETURNING *) SELECT * FROM made"
                );
                around = Some(("BEGIN".to_owned(), "ROLLBACK".to_owned()));
                return self.finish(rows, settings, query, around, false);
            }
            4 => {
                let scope = doc("doc");
                let (set, condition) = (self.text(&scope, 2), self.condition(&scope, 2));
                query = format!("UPDATE doc SET body = {set} WHERE {condition} RETURNING id, body, author");
                around = Some(("BEGIN".to_owned(), "ROLLBACK".to_owned()));
                return self.finish(rows, settings, query, around, false);
            }
            5 => {
                let scope = doc("doc");
                let condition = self.condition(&scope.with(&author("a")), 2);
                query =
                    format!("DELETE FROM doc USING author a WHERE doc.author = a.id AND {condition} RETURNING doc.id");
                self.exact = false;
                around = Some(("BEGIN".to_owned(), "ROLLBACK".to_owned()));
                return self.finish(rows, settings, query, around, false);
            }
            _ => {}
        }
        self.finish(rows, settings, query, around, ordered)
    }

    fn finish(
        &mut self,
        rows: String,
        settings: String,
        query: String,
        around: Option<(String, String)>,
        ordered: bool,
    ) -> Case {
        Case {
            rows,
            settings,
            query,
            around,
            ordered,
            exact: self.exact,
        }
    }

    fn rows(&mut self) -> String {
        let mut sql = "TRUNCATE doc, author, tag;".to_owned();
        let count = [3, 0, 1, 12, 40, 90][self.below(6)];
        for id in 0..count {
            let body = match self.below(12) {
                0..6 => format!("'text {}'", self.below(9)),
                6..8 => "NULL".to_owned(),
                8 => "''".to_owned(),
                9 => format!("'{UNSURE} {}'", self.below(3)),
                10 => format!("'{}'", ["a", "b", "c"][self.below(3)]),
                _ => format!("'{WRONG} {}'", self.below(2)),
            };
            let author = match self.below(9) {
                8 => "NULL".to_owned(),
                number => number.to_string(),
            };
            let _ = write!(
                sql,
                "INSERT INTO doc VALUES ({id}, {body}, {author}, {});",
                self.below(5)
            );
        }
        let authors = [6, 0, 1][self.below(3)];
        let _ = write!(
            sql,
            "INSERT INTO author SELECT n, 'author ' || n / 2, CASE n % 4 WHEN 3 THEN NULL ELSE chr(97 + n % 4) END
             FROM generate_series(1, {authors}) n;
             INSERT INTO tag SELECT n % 20, 'tag ' || n % 5 FROM generate_series(1, {}) n;
             ANALYZE doc, author, tag;",
            [30, 0, 3][self.below(3)]
        );
        sql
    }

    fn settings(&mut self) -> String {
        let mut sql = format!(
            "SET refuel.batch_rows = {}; SET refuel.on_error = '{}';",
            self.one_of(&["1024", "1", "2", "7"]),
            self.one_of(&["null", "capture", "fail"]),
        );
        for method in [
            "hashjoin",
            "mergejoin",
            "nestloop",
            "hashagg",
            "sort",
            "material",
            "memoize",
            "seqscan",
            "indexscan",
        ] {
            if self.below(4) == 1 {
                let _ = write!(sql, "SET enable_{method} = off;");
            }
        }
        if self.below(3) == 1 {
            sql += "SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
                SET min_parallel_index_scan_size = 0;";
            let _ = write!(
                sql,
                "SET force_parallel_mode = {}; SET parallel_leader_participation = {};",
                self.one_of(&["off", "on"]),
                self.one_of(&["on", "off"]),
            );
        }
        if self.below(4) == 1 {
            sql += "SET work_mem = '64kB'; SET refuel.batch_memory = '64kB';";
        }
        if self.below(4) == 1 {
            sql += "SET enable_partitionwise_join = on; SET enable_partitionwise_aggregate = on;";
        }
        sql
    }

    /// A query, and whether its rows come in one order.
    fn query(&mut self) -> (String, bool) {
        let (from, scope) = self.from(2);
        let condition = if self.below(3) == 0 {
            String::new()
        } else {
            format!(" WHERE {}", self.condition(&scope, 2))
        };
        match self.below(12) {
            0 | 1 => {
                let outputs = self.outputs(&scope);
                let columns = outputs.len();
                let query = format!("SELECT {} FROM {from}{condition}", outputs.join(", "));
                self.order(query, columns)
            }
            2 => {
                let key = self.text(&scope, 2);
                let (a, b) = (self.text(&scope, 1), self.text(&scope, 1));
                let filter = self.condition(&scope, 1);
                let having = if self.below(3) == 1 {
                    format!(" HAVING refuel_label(max({a}), 'tone') <> 'c' OR count(*) > 1")
                } else {
                    String::new()
                };
                let group = self.one_of(&["", "ROLLUP ", "CUBE "]);
                let other = self.column(&scope.numbers);
                let query = format!(
                    "SELECT {key}, {other}, count(*), count(DISTINCT {a}), string_agg({b}, ',' ORDER BY {b}),
                     count({a}) FILTER (WHERE {filter}), refuel_label(min({b}), 'topic')
                     FROM {from}{condition} GROUP BY {group}(({key}), ({other})){having}"
                );
                self.order(query, 7)
            }
            3 => {
                let outputs = self.outputs(&scope);
                let columns = outputs.len();
                self.order(
                    format!("SELECT DISTINCT {} FROM {from}{condition}", outputs.join(", ")),
                    columns,
                )
            }
            4 => {
                let (a, b) = (self.text(&scope, 2), self.text(&scope, 1));
                let number = self.column(&scope.numbers);
                let query = format!(
                    "SELECT {a}, {number}, count(*) OVER (PARTITION BY {a}), max({b}) OVER (PARTITION BY {number}),
                     count({b}) FILTER (WHERE {number} > 1) OVER (ORDER BY {number}), rank() OVER (ORDER BY {b})
                     FROM {from}{condition}"
                );
                self.order(query, 6)
            }
            5 => {
                let operator = self.one_of(&["UNION ALL", "UNION", "INTERSECT", "EXCEPT"]);
                let (other, others) = self.from(1);
                let (a, b) = (self.text(&scope, 2), self.text(&others, 2));
                self.order(
                    format!("SELECT {a} FROM {from}{condition} {operator} SELECT {b} FROM {other}"),
                    1,
                )
            }
            6 => {
                // Calls above the limit.
                self.exact = false;
                let outputs = self.outputs(&scope);
                let keys: Vec<String> = scope.texts.iter().chain(&scope.numbers).cloned().collect();
                let query = format!(
                    "SELECT {}, {} FROM {from}{condition} ORDER BY {} LIMIT {} OFFSET {}",
                    keys.join(", "),
                    outputs.join(", "),
                    keys.join(", "),
                    1 + self.below(20),
                    self.below(3)
                );
                (query, true)
            }
            7 => {
                let name = self.name("w");
                let materialized = self.one_of(&["", "MATERIALIZED", "NOT MATERIALIZED"]);
                let (a, number) = (self.text(&scope, 2), self.column(&scope.numbers));
                let inner = Scope {
                    texts: vec![format!("{name}.t")],
                    numbers: vec![format!("{name}.n")],
                };
                let (b, test) = (self.text(&inner, 2), self.condition(&inner, 1));
                let query = format!(
                    "WITH {name} AS {materialized} (SELECT {a} AS t, {number} AS n FROM {from}{condition})
                     SELECT {b}, {name}.t FROM {name} WHERE {test}"
                );
                self.order(query, 2)
            }
            8 => {
                let (a, b) = (self.text(&scope, 2), self.text(&scope, 2));
                let number = self.column(&scope.numbers);
                let query = format!(
                    "SELECT DISTINCT ON ({a}) {a}, {number}, {b} FROM {from}{condition} ORDER BY {a}, {number}, {b}"
                );
                (query, true)
            }
            9 => {
                self.exact = false;
                let (text, number) = (self.text(&scope, 2), self.column(&scope.numbers));
                let query = format!(
                    "SELECT {text}, {number} FROM {from}{condition} ORDER BY {number} FETCH FIRST {} ROWS WITH TIES",
                    1 + self.below(5)
                );
                (query, false)
            }
            10 => {
                self.exact = false;
                let (text, number) = (self.text(&scope, 1), self.column(&scope.numbers));
                let query = format!(
                    "SELECT {text}, x.* FROM {from} CROSS JOIN LATERAL (SELECT refuel_label(t.name || {text}, 'topic') AS a,
                     t.name FROM tag t WHERE t.doc = {number} ORDER BY t.name LIMIT 2) x{condition}"
                );
                self.order(query, 3)
            }
            _ => {
                let (text, number) = (self.text(&scope, 2), self.column(&scope.numbers));
                let query = format!(
                    "SELECT {text}, unnest(ARRAY[{text}, 'x']), generate_series(1, {number}) FROM {from}{condition}"
                );
                self.order(query, 3)
            }
        }
    }

    fn order(&mut self, query: String, columns: usize) -> (String, bool) {
        let every: Vec<String> = (1..=columns).map(|column| column.to_string()).collect();
        match self.below(4) {
            1 => (format!("{query} ORDER BY {}", every.join(", ")), true),
            2 => {
                self.exact = false;
                let limit = 1 + self.below(9);
                (
                    format!("{query} ORDER BY {} LIMIT {limit}", every.join(" DESC, ")),
                    true,
                )
            }
            _ => (query, false),
        }
    }

    fn outputs(&mut self, scope: &Scope) -> Vec<String> {
        (0..=self.below(3))
            .map(|_| match self.below(4) {
                0 | 1 => self.text(scope, 3),
                2 => format!("({})", self.condition(scope, 2)),
                _ => format!("refuel_confidence({}, 'topic')", self.text(scope, 1)),
            })
            .collect()
    }

    fn from(&mut self, depth: usize) -> (String, Scope) {
        let choice = if depth == 0 { self.below(2) } else { self.below(12) };
        match choice {
            0 => {
                let name = self.name("d");
                (format!("doc {name}"), doc(&name))
            }
            1 => {
                let name = self.name("p");
                (format!("part {name}"), doc(&name))
            }
            2..7 => {
                self.exact = false;
                let (left, a) = self.from(depth - 1);
                let name = self.name("a");
                let b = author(&name);
                let both = a.clone().with(&b);
                let kind = self.one_of(&["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"]);
                let on = match self.below(4) {
                    0 => format!("{} = {name}.id", self.column(&a.numbers)),
                    1 => format!("{} = {name}.topic", self.text(&a, 2)),
                    2 => format!("{} = {}", self.column(&a.texts), self.text(&b, 2)),
                    _ if kind == "FULL JOIN" => format!("{} = {name}.id", self.column(&a.numbers)),
                    _ => format!(
                        "{} = {name}.id AND {}",
                        self.column(&a.numbers),
                        self.condition(&both, 2)
                    ),
                };
                (
                    format!("{left} {kind} {b} ON {on}", b = format_args!("author {name}")),
                    both,
                )
            }
            7 => {
                self.exact = false;
                let (left, a) = self.from(depth - 1);
                let name = self.name("l");
                let inner = Scope {
                    texts: vec![format!("{name}i.name")],
                    numbers: vec![format!("{name}i.doc")],
                };
                let number = self.column(&a.numbers);
                let text = self.text(&inner.clone().with(&a), 1);
                let both = a.with(&Scope {
                    texts: vec![format!("{name}.t")],
                    numbers: vec![format!("{name}.n")],
                });
                let from = format!(
                    "{left} CROSS JOIN LATERAL (SELECT {text} AS t, {name}i.doc AS n FROM tag {name}i
                     WHERE {name}i.doc = {number}) {name}"
                );
                (from, both)
            }
            8 | 9 => {
                let (inner, scope) = self.from(depth - 1);
                let name = self.name("s");
                let (text, number) = (self.text(&scope, 2), self.column(&scope.numbers));
                let keep = self.one_of(&["", " OFFSET 0"]);
                let condition = self.condition(&scope, 1);
                let from = format!("(SELECT {text} AS t, {number} AS n FROM {inner} WHERE {condition}{keep}) {name}");
                let scope = Scope {
                    texts: vec![format!("{name}.t")],
                    numbers: vec![format!("{name}.n")],
                };
                (from, scope)
            }
            10 => {
                self.exact = false;
                let (left, a) = self.from(depth - 1);
                let (right, b) = self.from(depth - 1);
                let both = a.clone().with(&b);
                let on = match self.below(3) {
                    0 => format!("{} = {}", self.column(&a.numbers), self.column(&b.numbers)),
                    1 => format!("{} = {}", self.text(&a, 1), self.text(&b, 1)),
                    _ => format!("{} = {}", self.column(&a.texts), self.column(&b.texts)),
                };
                let right = if right.contains(" JOIN ") {
                    format!("({right})")
                } else {
                    right
                };
                (format!("{left} JOIN {right} ON {on}"), both)
            }
            _ => {
                let name = self.name("v");
                (
                    format!("(VALUES ('text 1', 1), (NULL, 2), ('text 2', 3)) {name} (body, size)"),
                    Scope {
                        texts: vec![format!("{name}.body")],
                        numbers: vec![format!("{name}.size")],
                    },
                )
            }
        }
    }

    fn text(&mut self, scope: &Scope, depth: usize) -> String {
        if depth == 0 {
            return self.column(&scope.texts);
        }
        match self.below(14) {
            0 => self.column(&scope.texts),
            1..6 => {
                let task = self.one_of(&TASKS);
                format!("refuel_label({}, {task})", self.text(scope, depth - 1))
            }
            6 => format!(
                "coalesce({}, {})",
                self.text(scope, depth - 1),
                self.text(scope, depth - 1)
            ),
            7 => format!(
                "CASE WHEN {} THEN {} ELSE {} END",
                self.condition(scope, depth - 1),
                self.text(scope, depth - 1),
                self.text(scope, depth - 1)
            ),
            8 => format!(
                "CASE {} WHEN 'a' THEN {} WHEN {} THEN 'x' END",
                self.text(scope, depth - 1),
                self.text(scope, depth - 1),
                self.text(scope, depth - 1)
            ),
            9 => format!("({} || 'b')", self.text(scope, depth - 1)),
            10 => format!("refuel_complete({}, 'm')", self.text(scope, depth - 1)),
            11 => format!(
                "array_to_string(refuel_labels({}, 'tags'), '+')",
                self.text(scope, depth - 1)
            ),
            12 => format!(
                "nullif({}, {})",
                self.text(scope, depth - 1),
                self.text(scope, depth - 1)
            ),
            _ => {
                let field = self.one_of(&["value", "status", "reason"]);
                format!("(refuel_detail({}, 'topic')).{field}", self.text(scope, depth - 1))
            }
        }
    }

    fn condition(&mut self, scope: &Scope, depth: usize) -> String {
        if depth == 0 {
            return format!("{} > {}", self.column(&scope.numbers), self.below(4));
        }
        match self.below(12) {
            0 => format!("{} > {}", self.column(&scope.numbers), self.below(4)),
            1 | 2 => format!("{} = 'b'", self.text(scope, depth)),
            3 => format!(
                "({} AND {})",
                self.condition(scope, depth - 1),
                self.condition(scope, depth - 1)
            ),
            4 => format!(
                "({} OR {})",
                self.condition(scope, depth - 1),
                self.condition(scope, depth - 1)
            ),
            5 => format!("NOT ({})", self.condition(scope, depth - 1)),
            6 => format!("{} IS NOT NULL", self.text(scope, depth)),
            7 => format!(
                "refuel_match({}, {}, 'same')",
                self.text(scope, depth - 1),
                self.column(&scope.texts)
            ),
            8 => {
                self.exact = false;
                let name = self.name("e");
                let number = self.column(&scope.numbers);
                let inner = Scope {
                    texts: vec![format!("{name}.name")],
                    numbers: vec![format!("{name}.doc")],
                };
                let condition = self.condition(&inner.with(scope), depth - 1);
                let not = self.one_of(&["", "NOT "]);
                format!("{not}EXISTS (SELECT FROM tag {name} WHERE {name}.doc = {number} AND {condition})")
            }
            9 => {
                self.exact = false;
                let name = self.name("i");
                let inner = author(&name);
                let (left, right) = (self.text(scope, depth - 1), self.text(&inner, depth - 1));
                let not = self.one_of(&["", "NOT "]);
                format!("{left} {not}IN (SELECT {right} FROM author {name})")
            }
            10 => {
                self.exact = false;
                let name = self.name("q");
                let inner = author(&name);
                let (left, right) = (self.text(scope, depth - 1), self.text(&inner.with(scope), depth - 1));
                let number = self.column(&scope.numbers);
                format!("{left} = (SELECT {right} FROM author {name} WHERE {name}.id = {number})")
            }
            _ => format!(
                "({}, {}) < ('b', 'x')",
                self.text(scope, depth - 1),
                self.text(scope, depth - 1)
            ),
        }
    }
}
