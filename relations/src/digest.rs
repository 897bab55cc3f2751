//! What tells whether a result has to be computed anew.

use refuel_task::Task;

use crate::{Relation, VERSION};

/// Hash of all that decides a result: the task, the model that embeds (by its digest), and the rows in their order. 64
/// hexadecimal digits.
pub fn digest(task: &Task, model: Option<&str>, relations: &[Relation]) -> String {
    let mut hasher = blake3::Hasher::new();
    // The length of each part comes first, so that no two lists of parts are the same bytes.
    let mut add = |part: Option<&str>| match part {
        None => {
            hasher.update(&u64::MAX.to_le_bytes());
        }
        Some(part) => {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
    };
    add(Some(&VERSION.to_string()));
    add(Some(&task.fingerprint()));
    add(model);
    for relation in relations {
        add(Some(&relation.columns.len().to_string()));
        relation.columns.iter().for_each(|column| add(Some(column)));
        add(Some(&relation.rows.len().to_string()));
        for value in relation.rows.iter().flatten() {
            add(value.as_deref());
        }
    }
    hasher.finalize().to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_decides_a_result_changes_the_digest() {
        let task = |text: &str| Task::from_yaml(text, "t.yml", std::path::Path::new(".")).unwrap();
        let relation = |values: &[Option<&str>]| Relation {
            name: "any".to_owned(),
            columns: vec!["a".to_owned(), "b".to_owned()],
            rows: values
                .chunks(2)
                .map(|row| row.iter().map(|value| value.map(str::to_owned)).collect())
                .collect(),
        };
        let plain = task("{name: t, kind: repair}");
        let rows = [relation(&[Some("x"), Some("yz")])];
        let before = digest(&plain, None, &rows);
        assert_eq!(digest(&task("{name: other, kind: repair}"), None, &rows), before);
        let others = [
            digest(&task("{name: t, kind: repair, threshold: 0.6}"), None, &rows),
            digest(&plain, Some("sha256:1"), &rows),
            digest(&plain, None, &[relation(&[Some("xy"), Some("z")])]),
            digest(&plain, None, &[relation(&[Some("x"), None])]),
            digest(&plain, None, &[relation(&[Some("x"), Some("")])]),
        ];
        for (at, other) in others.iter().enumerate() {
            assert_ne!(*other, before);
            assert!(!others[..at].contains(other));
        }
    }
}
