//! Names of what stands beside a relation.

use refuel_staging::RelationName;

/// Bytes that Postgres keeps of a name.
const LONGEST: usize = 63;

/// What stands behind the name of something that is not in its place yet.
pub(crate) const BESIDE: &str = "__refuel_tmp";

/// Where a relation is made before it is put into its place.
pub(crate) fn beside(relation: &RelationName) -> RelationName {
    relation.sibling(behind(&relation.name, BESIDE))
}

/// The index on a table's unique key.
pub(super) fn index(relation: &RelationName) -> String {
    behind(&relation.name, "__refuel_key")
}

/// The name of a table with the rows of one statement, for the connection alone.
pub(super) fn rows(relation: &RelationName) -> String {
    behind(&relation.name, "__refuel_rows")
}

/// A name with something behind it. A long one is cut, and told from others by some digits of its hash.
pub(crate) fn behind(name: &str, end: &str) -> String {
    if name.len() + end.len() <= LONGEST {
        return format!("{name}{end}");
    }
    let digits = &blake3::hash(name.as_bytes()).to_hex()[..8];
    let mut kept = LONGEST - end.len() - digits.len() - 1;
    while !name.is_char_boundary(kept) {
        kept -= 1;
    }
    format!("{}_{digits}{end}", &name[..kept])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_cut_and_stay_different() {
        assert_eq!(behind("orders", "__refuel_tmp"), "orders__refuel_tmp");
        let long = "é".repeat(31);
        let [one, other] = ["1", "2"].map(|end| behind(&format!("{long}{end}"), "__refuel_tmp"));
        assert_ne!(one, other);
        assert!(one.len() <= LONGEST && one.ends_with("__refuel_tmp"), "{one}");
    }
}
