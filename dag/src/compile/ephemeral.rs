//! Ephemeral models: queries that are written out in front of those that read them.

/// What every such query is called by.
const PREFIX: &str = "__refuel__cte__";

/// The name of an ephemeral model's common table expression.
pub(super) fn cte_name(model: &str) -> String {
    format!("{PREFIX}{model}")
}

/// A query with common table expressions in front of it, behind the WITH that it may have.
pub(super) fn in_front<'a>(sql: &str, ctes: impl ExactSizeIterator<Item = (&'a str, &'a str)>) -> String {
    if ctes.len() == 0 {
        return sql.to_owned();
    }
    let mut list = String::new();
    for (number, (name, body)) in ctes.enumerate() {
        let comma = if number == 0 { "" } else { ",\n" };
        // The body stands on lines of its own: its last one may end in a comment.
        list.push_str(&format!("{comma}{name} AS (\n{}\n)", without_semicolon(body)));
    }
    match after_with(sql) {
        Some(at) => format!("{} {list},{}", &sql[..at], &sql[at..]),
        None => format!("WITH {list}\n{sql}"),
    }
}

/// The place behind the `WITH` or `WITH RECURSIVE` that a query starts with.
fn after_with(sql: &str) -> Option<usize> {
    let start = skip_blank(sql, 0);
    let with = keyword(sql, start, "with")?;
    let next = skip_blank(sql, with);
    Some(keyword(sql, next, "recursive").unwrap_or(with))
}

/// The end of a keyword that stands at a place.
fn keyword(sql: &str, at: usize, word: &str) -> Option<usize> {
    let end = at + word.len();
    let is_word = sql.get(at..end)?.eq_ignore_ascii_case(word);
    let goes_on = sql[end..].starts_with(|character: char| character.is_alphanumeric() || character == '_');
    (is_word && !goes_on).then_some(end)
}

/// The first place from `at` on that is neither white space nor in a comment.
fn skip_blank(sql: &str, mut at: usize) -> usize {
    loop {
        let rest = &sql[at..];
        let trimmed = rest.trim_start();
        at += rest.len() - trimmed.len();
        if trimmed.starts_with("--") {
            at += trimmed.find('\n').map_or(trimmed.len(), |end| end + 1);
        } else if trimmed.starts_with("/*") {
            at += comment_length(trimmed);
        } else {
            return at;
        }
    }
}

/// The length of the comment that a text starts with. Comments in comments end first, as Postgres has it.
fn comment_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut depth = 0_usize;
    let mut at = 0;
    while at + 1 < bytes.len() {
        match &bytes[at..at + 2] {
            b"/*" => {
                depth += 1;
                at += 2;
            }
            b"*/" => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    bytes.len()
}

/// A query without the semicolons and the white space at its end.
pub(super) fn without_semicolon(sql: &str) -> &str {
    sql.trim_end_matches(|character: char| character == ';' || character.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(sql: &str) -> String {
        in_front(sql, [("__refuel__cte__a", "select 1 -- one")].into_iter())
    }

    #[test]
    fn a_query_gets_a_with() {
        assert_eq!(
            put("select * from __refuel__cte__a"),
            "WITH __refuel__cte__a AS (\nselect 1 -- one\n)\nselect * from __refuel__cte__a"
        );
    }

    #[test]
    fn a_with_that_is_there_is_gone_on_with() {
        assert_eq!(
            put("-- why\n/* a /* nested */ one */ with b as (select 2) select * from b"),
            "-- why\n/* a /* nested */ one */ with __refuel__cte__a AS (\nselect 1 -- one\n), b as (select 2) select * from b"
        );
        assert!(put("WITH RECURSIVE b AS (select 1) select 1").starts_with("WITH RECURSIVE __refuel__cte__a AS ("));
        assert!(
            put("without").starts_with("WITH __refuel__cte__a"),
            "a word that only starts so"
        );
    }

    #[test]
    fn nothing_is_put_in_front_where_there_is_nothing() {
        assert_eq!(in_front("select 1", std::iter::empty()), "select 1");
        assert_eq!(without_semicolon("select 1 ;\n ; "), "select 1");
    }
}
