//! Names that were meant.

/// The name nearest to `name`, where one is near enough to have been meant.
pub fn nearest<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_lowercase();
    names
        .into_iter()
        .map(|there| {
            (
                strsim::normalized_damerau_levenshtein(&there.to_lowercase(), &lower),
                there,
            )
        })
        .filter(|(likeness, _)| *likeness >= 0.6)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, there)| there)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_near_is_found() {
        assert_eq!(nearest("bodi", ["id", "body"]), Some("body"));
        assert_eq!(nearest("xyz", ["id", "body"]), None);
    }
}
