//! Names as SQL, where there are several.

use refuel_staging::Dialect;

/// Names in quotes, with commas between.
pub(crate) fn list<'a>(dialect: Dialect, names: impl IntoIterator<Item = &'a str>) -> String {
    joined(dialect, names, "", ", ")
}

/// Names in quotes behind a prefix, such as `n.`, with something between.
pub(crate) fn joined<'a>(
    dialect: Dialect,
    names: impl IntoIterator<Item = &'a str>,
    prefix: &str,
    between: &str,
) -> String {
    let names = names.into_iter().map(|name| format!("{prefix}{}", dialect.quote(name)));
    names.collect::<Vec<String>>().join(between)
}
