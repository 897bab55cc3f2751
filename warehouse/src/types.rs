//! Names of types, which databases have several of for one type.

use refuel_staging::Dialect;

/// Names that Postgres takes for a type, each with the one that it gives back
/// (<https://www.postgresql.org/docs/current/datatype.html>).
const POSTGRES: [(&str, &str); 17] = [
    ("int", "integer"),
    ("int4", "integer"),
    ("serial", "integer"),
    ("int8", "bigint"),
    ("bigserial", "bigint"),
    ("int2", "smallint"),
    ("float", "double precision"),
    ("float8", "double precision"),
    ("float4", "real"),
    ("bool", "boolean"),
    ("decimal", "numeric"),
    ("varchar", "character varying"),
    ("bpchar", "character"),
    ("char", "character"),
    ("timestamp", "timestamp without time zone"),
    ("timestamptz", "timestamp with time zone"),
    ("time", "time without time zone"),
];

/// The one name of a type: small letters, single spaces, and the name that Postgres gives back. What stands in
/// parentheses is kept: `VARCHAR (20)` is `character varying(20)`.
pub(crate) fn normalized(dialect: Dialect, name: &str) -> String {
    let name = name.to_lowercase();
    let (name, array) = match (name.strip_suffix("[]"), name.strip_prefix('_')) {
        (Some(element), _) | (None, Some(element)) if dialect == Dialect::Postgres => (element, "[]"),
        _ => (name.as_str(), ""),
    };
    let (before, inside, behind) = parts(name);
    let base = [before, behind].join(" ");
    let base = base.split_whitespace().collect::<Vec<&str>>().join(" ");
    let known = POSTGRES.iter().find(|(there, _)| *there == base);
    let base = match known {
        Some((_, one)) if dialect == Dialect::Postgres => one,
        _ => base.as_str(),
    };
    // The zone stands behind the digits: `timestamp(3) with time zone`.
    let (word, rest) = base.split_once(' ').unwrap_or((base, ""));
    match inside {
        Some(inside) if rest.starts_with("with") => format!("{word}({inside}) {rest}{array}"),
        Some(inside) => format!("{base}({inside}){array}"),
        None => format!("{base}{array}"),
    }
}

/// What stands before, inside and behind parentheses.
fn parts(name: &str) -> (&str, Option<String>, &str) {
    let Some((before, rest)) = name.split_once('(') else {
        return (name, None, "");
    };
    let (inside, behind) = rest.split_once(')').unwrap_or((rest, ""));
    (before, Some(inside.replace(' ', "")), behind)
}

/// Whether a column of the type `found` is what was declared. Lengths and digits are compared where both say them. In
/// SQLite types are the same that give a column the same affinity; one that isn't known may be any.
pub(crate) fn is_same(dialect: Dialect, declared: &str, found: Option<&str>) -> bool {
    let Some(found) = found else { return true };
    match dialect {
        Dialect::Postgres => {
            let (declared, found) = (normalized(dialect, declared), normalized(dialect, found));
            let (before, inside, behind) = parts(&declared);
            let (found_before, found_inside, found_behind) = parts(&found);
            before.trim() == found_before.trim()
                && behind == found_behind
                && (inside.is_none() || found_inside.is_none() || inside == found_inside)
        }
        Dialect::Sqlite => Affinity::of(declared).holds(Affinity::of(found)),
    }
}

/// What SQLite makes of a declared type (<https://sqlite.org/datatype3.html#determination_of_column_affinity>), with
/// the types apart that have no affinity of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Affinity {
    Integer,
    Text,
    Blob,
    Real,
    Numeric,
    /// Kept as an integer.
    Boolean,
    /// Dates and times, kept as text.
    Time,
}

impl Affinity {
    pub(crate) fn of(name: &str) -> Self {
        let name = name.to_lowercase();
        let has = |part: &str| name.contains(part);
        if has("int") && !has("interval") && !has("point") {
            Self::Integer
        } else if has("char") || has("clob") || has("text") || has("json") || has("uuid") {
            Self::Text
        } else if has("blob") || has("bytea") || name.is_empty() {
            Self::Blob
        } else if has("real") || has("floa") || has("doub") {
            Self::Real
        } else if has("bool") {
            Self::Boolean
        } else if has("date") || has("time") {
            Self::Time
        } else {
            Self::Numeric
        }
    }

    /// Whether a column that was declared so may be of the other.
    fn holds(self, found: Self) -> bool {
        self == found
            || match self {
                Self::Boolean => matches!(found, Self::Integer | Self::Numeric),
                Self::Time => matches!(found, Self::Text | Self::Numeric),
                Self::Numeric => matches!(found, Self::Integer | Self::Real),
                _ => false,
            }
    }

    /// What `typeof` says of the values that such a column may have; none where it may have any.
    pub(crate) fn value_types(self) -> &'static [&'static str] {
        match self {
            Self::Integer | Self::Boolean => &["integer"],
            Self::Text | Self::Time => &["text"],
            Self::Blob => &[],
            Self::Real => &["real"],
            Self::Numeric => &["integer", "real"],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_has_one_name() {
        let one = |name| normalized(Dialect::Postgres, name);
        assert_eq!(one("INT4"), "integer");
        assert_eq!(one("VARCHAR (20)"), "character varying(20)");
        assert_eq!(one("character  varying(20)"), "character varying(20)");
        assert_eq!(one("numeric(10, 2)"), "numeric(10,2)");
        assert_eq!(one("_text"), "text[]");
        assert_eq!(one("int[]"), "integer[]");
        assert_eq!(one("timestamp(3) with time zone"), "timestamp(3) with time zone");
        assert_eq!(one("timestamptz(3)"), "timestamp(3) with time zone");
        assert_eq!(normalized(Dialect::Sqlite, "VARCHAR(20)"), "varchar(20)");
    }

    #[test]
    fn types_are_compared_as_the_database_means_them() {
        let postgres = |declared, found| is_same(Dialect::Postgres, declared, Some(found));
        assert!(postgres("numeric", "numeric(10,2)"));
        assert!(postgres("varchar(20)", "character varying(20)"));
        assert!(!postgres("varchar(20)", "character varying(30)"));
        assert!(!postgres("text", "character varying"));
        assert!(!postgres("timestamp", "timestamp with time zone"));
        assert!(!postgres("text", "text[]"));
        let sqlite = |declared, found| is_same(Dialect::Sqlite, declared, found);
        assert!(sqlite("varchar", Some("text")));
        assert!(sqlite("bigint", Some("int")));
        assert!(sqlite("boolean", Some("integer")));
        assert!(sqlite("timestamp", Some("text")));
        assert!(sqlite("integer", None), "of an expression nothing is known");
        assert!(!sqlite("integer", Some("text")));
        assert!(!sqlite("text", Some("real")));
    }
}
