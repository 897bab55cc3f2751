//! Random data and random queries.

use std::fmt::Write as _;

use fastrand::Rng;
use refuel_staging::Dialect;

/// The tables, with random rows: NULLs, blanks and duplicates among them.
pub(crate) fn schema(rng: &mut Rng) -> String {
    let texts = [
        "alpha",
        "beta",
        "gamma",
        "delta",
        "alpha beta",
        "",
        "  ",
        "it''s",
        "Beta",
        "x\"y",
        "zeta",
        "eta",
        "theta",
    ];
    let text = |rng: &mut Rng| {
        if rng.u8(..10) == 0 {
            "NULL".to_owned()
        } else {
            format!("'{}'", rng.choice(texts).unwrap_or_default())
        }
    };
    let number = |rng: &mut Rng| {
        if rng.u8(..8) == 0 {
            "NULL".to_owned()
        } else {
            rng.u8(..4).to_string()
        }
    };
    let mut sql = String::from(
        "CREATE TABLE ticket (id integer PRIMARY KEY, body text, value text, n integer);\n\
         CREATE TABLE note (id integer PRIMARY KEY, name text, status text, n integer);\n",
    );
    for (table, rows) in [("ticket", rng.usize(3..9)), ("note", rng.usize(2..7))] {
        for id in 1..=rows {
            let _ = writeln!(
                sql,
                "INSERT INTO {table} VALUES ({id}, {}, {}, {});",
                text(rng),
                text(rng),
                number(rng)
            );
        }
    }
    sql
}

/// A relation in FROM: its alias, and the names of its columns.
#[derive(Debug, Clone)]
struct Relation {
    alias: String,
    texts: Vec<String>,
    numbers: Vec<String>,
    /// A column that no two rows share.
    unique: Option<String>,
}

/// Makes queries.
pub(crate) struct Generator {
    rng: Rng,
    dialect: Dialect,
    aliases: usize,
    tables: Vec<Relation>,
}

impl Generator {
    pub(crate) fn new(rng: Rng, dialect: Dialect) -> Self {
        Self {
            rng,
            dialect,
            aliases: 0,
            tables: Vec::new(),
        }
    }

    fn one_in(&mut self, chances: u32) -> bool {
        self.rng.u32(..chances) == 0
    }

    fn alias(&mut self) -> String {
        self.aliases += 1;
        format!("t{}", self.aliases)
    }

    /// A whole query.
    pub(crate) fn query(&mut self) -> String {
        self.tables.clear();
        let mut with = Vec::new();
        for _ in 0..self.rng.usize(..3) {
            let name = self.alias();
            let (sql, relation) = self.block(2, &[], true);
            let kept = if self.dialect == Dialect::Postgres && self.one_in(3) {
                "MATERIALIZED "
            } else {
                ""
            };
            with.push(format!("{name} AS {kept}({sql})"));
            self.tables.push(Relation {
                alias: name,
                unique: None,
                ..relation
            });
        }
        let body = self.body();
        if with.is_empty() {
            body
        } else {
            format!("WITH {} {body}", with.join(", "))
        }
    }

    fn body(&mut self) -> String {
        if self.one_in(4) {
            let operator = *self
                .rng
                .choice(&["UNION ALL", "UNION", "UNION ALL", "EXCEPT", "INTERSECT"])
                .unwrap_or(&"UNION");
            let (left, _) = self.block(2, &[], false);
            let (right, _) = self.block(2, &[], false);
            return format!("{left} {operator} {right}");
        }
        self.block(3, &[], true).0
    }

    /// A SELECT of one text and one number, so that every block fits beside every other.
    fn block(&mut self, depth: u32, outer: &[Relation], may_limit: bool) -> (String, Relation) {
        let (from, inner) = self.from(depth, outer);
        let mut seen = outer.to_vec();
        seen.extend(inner.iter().cloned());
        let filter = if self.one_in(3) {
            String::new()
        } else {
            format!(" WHERE {}", self.condition(depth, &seen))
        };
        // Names of their own: which of a column and an alias of the same name is meant is for tests by hand.
        let (out, count) = (format!("o_{}", self.alias()), format!("n_{}", self.alias()));
        let output = Relation {
            alias: String::new(),
            texts: vec![out.clone()],
            numbers: vec![count.clone()],
            unique: None,
        };
        let out = (out.as_str(), count.as_str());
        let sql = match self.rng.u32(..10) {
            0 | 1 => self.grouped(depth, &inner, &from, &filter, out),
            2 => self.windowed(depth, &inner, &from, &filter, out),
            3 => {
                let (text, number) = (self.text(depth, &seen), self.number(&inner));
                format!(
                    "SELECT DISTINCT {text} AS {}, {number} AS {} FROM {from}{filter}",
                    out.0, out.1
                )
            }
            _ => {
                let (text, number) = (self.text(depth, &seen), self.number(&inner));
                let mut sql = format!("SELECT {text} AS {}, {number} AS {} FROM {from}{filter}", out.0, out.1);
                if let [only] = &inner[..]
                    && let Some(unique) = &only.unique
                    && may_limit
                    && self.one_in(2)
                {
                    let key = format!("{}.{unique}", only.alias);
                    let order = if self.one_in(3) {
                        format!("{}, {key}", self.text(1, &inner))
                    } else {
                        key
                    };
                    let _ = write!(sql, " ORDER BY {order} LIMIT {}", self.rng.u8(1..5));
                    if self.one_in(3) {
                        sql.push_str(" OFFSET 1");
                    }
                    // An ORDER BY within a set operation needs parentheses that SQLite doesn't have.
                    sql = format!("SELECT * FROM ({sql}) AS {}", self.alias());
                }
                sql
            }
        };
        (sql, output)
    }

    fn grouped(
        &mut self,
        depth: u32,
        inner: &[Relation],
        from: &str,
        filter: &str,
        (out, count): (&str, &str),
    ) -> String {
        let key = self.text(depth.min(2), inner);
        let aggregate = match self.rng.u32(..6) {
            0 => "count(*)".to_owned(),
            1 => format!("count(DISTINCT {})", self.text(1, inner)),
            2 => format!("count({})", self.call(1, inner)),
            3 => format!("sum(CASE WHEN {} THEN 1 ELSE 0 END)", self.condition(1, inner)),
            4 => format!("count(*) FILTER (WHERE {})", self.condition(1, inner)),
            _ => "count(*) + 1".to_owned(),
        };
        let most = format!("max({})", self.text(1, inner));
        let task = self.task();
        match self.rng.u32(..5) {
            0 => format!("SELECT {most} AS {out}, {aggregate} AS {count} FROM {from}{filter}"),
            1 => format!(
                "SELECT refuel_label({most}, '{task}') AS {out}, {aggregate} AS {count} FROM {from}{filter} GROUP BY {key}"
            ),
            2 => {
                let having = format!("refuel_label({most}, '{task}') <> 'red' AND count(*) > 0");
                format!(
                    "SELECT {key} AS {out}, {aggregate} AS {count} FROM {from}{filter} GROUP BY {key} HAVING {having}"
                )
            }
            3 => {
                let rank = format!("row_number() OVER (ORDER BY {most}, {aggregate})");
                format!(
                    "SELECT CASE WHEN {most} IS NULL THEN 'none' ELSE refuel_label({most}, '{task}') END AS {out}, \
                     {rank} * 0 AS {count} FROM {from}{filter} GROUP BY 1 + 1, {key} HAVING refuel_label({most}, 'topic') IS NOT NULL"
                )
            }
            _ => format!("SELECT {key} AS {out}, {aggregate} AS {count} FROM {from}{filter} GROUP BY {key}"),
        }
    }

    fn windowed(
        &mut self,
        depth: u32,
        inner: &[Relation],
        from: &str,
        filter: &str,
        (out, count): (&str, &str),
    ) -> String {
        let keys: Vec<String> = inner
            .iter()
            .filter_map(|relation| Some(format!("{}.{}", relation.alias, relation.unique.as_ref()?)))
            .collect();
        if keys.len() != inner.len() {
            let (text, number) = (self.text(depth, inner), self.number(inner));
            return format!("SELECT {text} AS {out}, {number} AS {count} FROM {from}{filter}");
        }
        let order = keys.join(", ");
        let by = self.text(1, inner);
        let number = format!("row_number() OVER (PARTITION BY {by} ORDER BY {order})");
        let before = format!("lag({}) OVER (ORDER BY {order})", self.text(1, inner));
        let task = self.task();
        let text = match self.rng.u32(..3) {
            0 => before,
            1 => format!("refuel_label({before}, '{task}')"),
            _ => self.text(depth, inner),
        };
        format!("SELECT {text} AS {out}, {number} AS {count} FROM {from}{filter}")
    }

    fn relation(&mut self, depth: u32, outer: &[Relation]) -> (String, Relation) {
        let alias = self.alias();
        if depth > 1 && self.one_in(5) {
            let lateral = self.dialect == Dialect::Postgres && !outer.is_empty() && self.one_in(2);
            let (sql, relation) = self.block(depth - 1, if lateral { outer } else { &[] }, true);
            let word = if lateral { "LATERAL " } else { "" };
            return (format!("{word}({sql}) AS {alias}"), Relation { alias, ..relation });
        }
        if !self.tables.is_empty() && self.one_in(2) {
            let place = self.rng.usize(..self.tables.len());
            let table = self.tables[place].clone();
            return (format!("{} AS {alias}", table.alias), Relation { alias, ..table });
        }
        let (table, texts) = if self.one_in(3) {
            ("note", ["name", "status"])
        } else {
            ("ticket", ["body", "value"])
        };
        let relation = Relation {
            alias: alias.clone(),
            texts: texts.map(ToOwned::to_owned).to_vec(),
            numbers: vec!["n".to_owned(), "id".to_owned()],
            unique: Some("id".to_owned()),
        };
        (format!("{table} AS {alias}"), relation)
    }

    fn from(&mut self, depth: u32, outer: &[Relation]) -> (String, Vec<Relation>) {
        let (mut sql, first) = self.relation(depth, outer);
        let mut relations = vec![first];
        if depth > 1 && self.one_in(3) {
            let left = relations.clone();
            let mut seen = outer.to_vec();
            seen.extend(left.iter().cloned());
            let (right, second) = self.relation(depth - 1, &left);
            relations.push(second.clone());
            let mut both = left;
            both.push(second);
            let on = format!(
                "{} = {} AND {}",
                self.number(&both[..1]),
                self.number(&both[1..]),
                self.condition(1, &both)
            );
            match self.rng.u32(..7) {
                0 => sql = format!("{sql} LEFT JOIN {right} ON {on}"),
                1 => sql = format!("{sql}, {right}"),
                3 => sql = format!("{sql} RIGHT JOIN {right} ON {on}"),
                4 => sql = format!("{sql} CROSS JOIN {right}"),
                5 if outer.is_empty() => sql = self.nested_join(&sql, &right, &on, &mut relations),
                2 => {
                    let on = self.condition(1, &both);
                    sql = format!("{sql} LEFT JOIN {right} ON {on}");
                }
                _ => sql = format!("{sql} JOIN {right} ON {on}"),
            }
        }
        (sql, relations)
    }

    /// A join between parentheses, which may be the side of an outer join that is missing.
    fn nested_join(&mut self, left: &str, right: &str, on: &str, relations: &mut Vec<Relation>) -> String {
        let (first, relation) = self.relation(1, &[]);
        let word = if self.rng.bool() { "LEFT JOIN" } else { "JOIN" };
        let outside = format!(
            "{} = {}",
            self.number(std::slice::from_ref(&relation)),
            self.number(&relations[..1])
        );
        relations.push(relation);
        format!("{first} {word} ({left} JOIN {right} ON {on}) ON {outside}")
    }

    fn task(&mut self) -> &'static str {
        if self.one_in(3) { "mood@2" } else { "topic" }
    }

    fn column(&mut self, seen: &[Relation]) -> String {
        let relation = &seen[self.rng.usize(..seen.len())];
        let column = &relation.texts[self.rng.usize(..relation.texts.len())];
        // A name without its table is right too where there is one table.
        if seen.len() == 1 && self.rng.bool() {
            column.clone()
        } else {
            format!("{}.{column}", relation.alias)
        }
    }

    fn number(&mut self, seen: &[Relation]) -> String {
        let relation = &seen[self.rng.usize(..seen.len())];
        let column = &relation.numbers[self.rng.usize(..relation.numbers.len())];
        format!("{}.{column}", relation.alias)
    }

    fn call(&mut self, depth: u32, seen: &[Relation]) -> String {
        let text = self.text(depth.saturating_sub(1), seen);
        match self.rng.u32(..8) {
            0 => format!("(refuel_extract({text}, 'fields') ->> 'colour')"),
            1 => format!(
                "refuel_answer({text}, {}, 'found')",
                self.text(depth.saturating_sub(1), seen)
            ),
            _ => format!("refuel_label({text}, '{}')", self.task()),
        }
    }

    fn text(&mut self, depth: u32, seen: &[Relation]) -> String {
        if depth == 0 {
            return self.column(seen);
        }
        match self.rng.u32(..12) {
            0..=3 => self.column(seen),
            4..=6 => self.call(depth, seen),
            7 => format!(
                "CASE WHEN {} THEN {} WHEN {} THEN {} ELSE {} END",
                self.condition(depth - 1, seen),
                self.text(depth - 1, seen),
                self.condition(depth - 1, seen),
                self.text(depth - 1, seen),
                self.text(depth - 1, seen)
            ),
            8 => format!(
                "coalesce({}, {})",
                self.text(depth - 1, seen),
                self.text(depth - 1, seen)
            ),
            9 => format!(
                "({} || '-' || {})",
                self.text(depth - 1, seen),
                self.text(depth - 1, seen)
            ),
            10 if depth > 1 => self.scalar(depth - 1, seen),
            _ => format!("upper({})", self.text(depth - 1, seen)),
        }
    }

    /// A subquery of one value, which may name columns of the query around it.
    fn scalar(&mut self, depth: u32, seen: &[Relation]) -> String {
        let (from, inner) = self.relation(1, &[]);
        let mut both = seen.to_vec();
        both.push(inner.clone());
        let condition = format!("{} = {}", self.number(std::slice::from_ref(&inner)), self.number(seen));
        let text = self.text(depth, &both);
        match &inner.unique {
            Some(unique) if self.one_in(2) => format!(
                "(SELECT {text} FROM {from} WHERE {condition} ORDER BY {}.{unique} LIMIT 1)",
                inner.alias
            ),
            _ => format!(
                "(SELECT max({}) FROM {from} WHERE {condition})",
                self.text(depth, std::slice::from_ref(&inner))
            ),
        }
    }

    fn condition(&mut self, depth: u32, seen: &[Relation]) -> String {
        if depth == 0 {
            return format!("{} <> 'beta'", self.column(seen));
        }
        match self.rng.u32(..12) {
            0 | 1 => format!(
                "{} AND {}",
                self.condition(depth - 1, seen),
                self.condition(depth - 1, seen)
            ),
            2 => format!(
                "({} OR {})",
                self.condition(depth - 1, seen),
                self.condition(depth - 1, seen)
            ),
            3 => format!("NOT ({})", self.condition(depth - 1, seen)),
            4 => format!("{} IS NULL", self.text(depth - 1, seen)),
            5 => format!("{} < 3", self.number(seen)),
            6 => format!("{} = 'red'", self.call(depth, seen)),
            7 => format!(
                "refuel_match({}, {}, 'same')",
                self.text(depth - 1, seen),
                self.text(depth - 1, seen)
            ),
            8 if self.one_in(3) => format!(
                "refuel_confidence({}, {}, 'same') > 0.3",
                self.text(depth - 1, seen),
                self.text(depth - 1, seen)
            ),
            8 => format!("refuel_confidence({}, 'topic') > 0.3", self.text(depth - 1, seen)),
            9 | 10 => self.subquery_condition(depth, seen),
            _ => format!("{} <> 'alpha'", self.text(depth - 1, seen)),
        }
    }

    fn subquery_condition(&mut self, depth: u32, seen: &[Relation]) -> String {
        let (from, inner) = self.relation(1, &[]);
        let mut both = seen.to_vec();
        both.push(inner.clone());
        let word = if self.one_in(3) { "NOT " } else { "" };
        if self.one_in(2) {
            return format!(
                "{word}EXISTS (SELECT 1 FROM {from} WHERE {})",
                self.condition(depth - 1, &both)
            );
        }
        let (left, inside) = (self.text(depth - 1, seen), self.text(depth - 1, &both));
        let condition = self.condition(depth - 1, &both);
        format!("{left} {word}IN (SELECT {inside} FROM {from} WHERE {condition})")
    }
}
