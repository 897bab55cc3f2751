//! Names of declared tests, as dbt makes them: kind, relation and arguments, so that a test keeps its name when another
//! one comes or goes. (dbt-core, `synthesize_generic_test_names`.)

use std::sync::Arc;

use refuel_project::{DataTest, TestKind};
use serde_json::Value;

/// The longest name that is used as it is. Postgres cuts identifiers after 63 bytes, and failures are stored under the
/// test's name.
const LONGEST: usize = 63;
/// What is kept of a longer name, in front of a hash of all of it.
const KEPT: usize = 30;

/// The name of a test, and the name that it would have if names could be of any length. Both are the same for a test
/// that was given a name.
pub(super) fn test_name(test: &DataTest, relation: &str, column: Option<&str>) -> (Arc<str>, Arc<str>) {
    if let Some(name) = &test.name {
        let name: Arc<str> = name.as_str().into();
        return (Arc::clone(&name), name);
    }
    let identifier = format!("{}_{relation}", test.kind.name());
    let arguments: Vec<String> = arguments(&test.kind, column)
        .iter()
        .map(|argument| plain(argument))
        .collect();
    let full: Arc<str> = format!("{identifier}_{}", arguments.join("__")).into();
    if full.len() <= LONGEST {
        return (Arc::clone(&full), full);
    }
    let hash = blake3::hash(full.as_bytes()).to_hex();
    let kept: String = identifier.chars().take(KEPT).collect();
    (format!("{kept}_{}", &hash[..32]).into(), full)
}

/// The arguments of a test in the order of their names, the column among them.
fn arguments(kind: &TestKind, column: Option<&str>) -> Vec<String> {
    let column = column.map(ToOwned::to_owned);
    match kind {
        TestKind::Unique | TestKind::NotNull => column.into_iter().collect(),
        TestKind::AcceptedValues { values, quote } => {
            let mut found: Vec<String> = column.into_iter().collect();
            if !quote {
                found.push("False".to_owned());
            }
            found.extend(values.iter().map(|value| match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            }));
            found
        }
        TestKind::Relationships { to, field } => column.into_iter().chain([field.clone(), to.to_string()]).collect(),
        TestKind::Expression { expression } => column.into_iter().chain([expression.clone()]).collect(),
    }
}

/// A text with `_` for each run of what is neither a letter, a digit nor `_`.
fn plain(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut in_run = false;
    for character in text.chars() {
        if character.is_ascii_alphanumeric() || character == '_' {
            result.push(character);
            in_run = false;
        } else if !std::mem::replace(&mut in_run, true) {
            result.push('_');
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use refuel_project::Reference;
    use refuel_task::Place;
    use serde_json::json;

    use super::*;

    fn name_of(kind: TestKind, column: Option<&str>) -> String {
        let test = DataTest {
            kind,
            name: None,
            place: Place::of("p.yml"),
            description: None,
            config: Arc::default(),
        };
        test_name(&test, "orders", column).0.to_string()
    }

    #[test]
    fn names_are_those_that_dbt_gives() {
        assert_eq!(name_of(TestKind::NotNull, Some("id")), "not_null_orders_id");
        let kind = TestKind::AcceptedValues {
            values: vec![json!("placed"), json!("on its way")],
            quote: true,
        };
        assert_eq!(
            name_of(kind, Some("status")),
            "accepted_values_orders_status__placed__on_its_way"
        );
        let kind = TestKind::Relationships {
            to: Reference::Model {
                name: "customers".to_owned(),
            },
            field: "id".to_owned(),
        };
        assert_eq!(
            name_of(kind, Some("customer")),
            "relationships_orders_customer__id__ref_customers_"
        );
        let kind = TestKind::Expression {
            expression: "total >= 0".to_owned(),
        };
        assert_eq!(name_of(kind, None), "expression_orders_total_0");
    }

    #[test]
    fn a_long_name_is_cut_and_keeps_a_hash_of_all_of_it() {
        let kind = |last: &str| TestKind::AcceptedValues {
            values: vec![json!("a".repeat(40)), json!(last)],
            quote: true,
        };
        let name = name_of(kind("x"), Some("status"));
        assert_eq!(name.len(), 22 + 1 + 32, "{name}");
        assert!(name.starts_with("accepted_values_orders_"));
        assert_ne!(name, name_of(kind("y"), Some("status")));
    }
}
