//! Kinds of function. No catalog is at hand, so that the built-in ones are known by name, and others by how they are
//! called.

use sqlparser::ast::{Expr, Function, FunctionArguments};

use crate::Dialect;

/// Aggregates of SQLite and Postgres.
const AGGREGATES: &[&str] = &[
    "any_value",
    "array_agg",
    "avg",
    "bit_and",
    "bit_or",
    "bit_xor",
    "bool_and",
    "bool_or",
    "corr",
    "count",
    "covar_pop",
    "covar_samp",
    "every",
    "group_concat",
    "json_agg",
    "json_agg_strict",
    "json_arrayagg",
    "json_group_array",
    "json_group_object",
    "json_object_agg",
    "json_object_agg_strict",
    "json_object_agg_unique",
    "json_objectagg",
    "jsonb_agg",
    "jsonb_agg_strict",
    "jsonb_group_array",
    "jsonb_group_object",
    "jsonb_object_agg",
    "jsonb_object_agg_strict",
    "jsonb_object_agg_unique",
    "max",
    "median",
    "min",
    "mode",
    "percentile",
    "percentile_cont",
    "percentile_disc",
    "range_agg",
    "range_intersect_agg",
    "regr_avgx",
    "regr_avgy",
    "regr_count",
    "regr_intercept",
    "regr_r2",
    "regr_slope",
    "regr_sxx",
    "regr_sxy",
    "regr_syy",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "string_agg",
    "sum",
    "total",
    "var_pop",
    "var_samp",
    "variance",
    "xmlagg",
];

/// Functions of Postgres that return several rows where they are called.
const SETS: &[&str] = &[
    "generate_series",
    "generate_subscripts",
    "json_array_elements",
    "json_array_elements_text",
    "json_each",
    "json_each_text",
    "json_object_keys",
    "json_populate_recordset",
    "jsonb_array_elements",
    "jsonb_array_elements_text",
    "jsonb_each",
    "jsonb_each_text",
    "jsonb_object_keys",
    "jsonb_path_query",
    "regexp_matches",
    "regexp_split_to_table",
    "string_to_table",
    "unnest",
];

fn name(function: &Function) -> Option<String> {
    Some(function.name.0.last()?.as_ident()?.value.to_ascii_lowercase())
}

/// Whether a function makes one value of many rows of its block.
pub(crate) fn is_aggregate(function: &Function, dialect: Dialect) -> bool {
    if function.over.is_some() {
        return false;
    }
    if function.filter.is_some() || !function.within_group.is_empty() {
        return true;
    }
    let FunctionArguments::List(list) = &function.args else {
        return false;
    };
    if list.duplicate_treatment.is_some() || !list.clauses.is_empty() {
        return true;
    }
    let Some(name) = name(function) else { return false };
    // With several arguments these are the greatest and the least of them.
    let scalar = dialect == Dialect::Sqlite && matches!(name.as_str(), "max" | "min") && list.args.len() > 1;
    !scalar && AGGREGATES.binary_search(&name.as_str()).is_ok()
}

/// Whether an expression is a function over a window.
pub(crate) fn is_window(expression: &Expr) -> bool {
    matches!(expression, Expr::Function(function) if function.over.is_some())
}

/// Whether an expression is a function that returns several rows.
pub(crate) fn is_set(expression: &Expr, dialect: Dialect) -> bool {
    dialect == Dialect::Postgres
        && matches!(expression, Expr::Function(function)
            if name(function).is_some_and(|name| SETS.binary_search(&name.as_str()).is_ok()))
}

/// What Postgres names the column of an expression: the function, the column or the type of it; none where there is no
/// such word.
pub(crate) fn column_name(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Identifier(identifier) => Some(identifier.value.clone()),
        Expr::CompoundIdentifier(parts) => Some(parts.last()?.value.clone()),
        Expr::Function(function) => name(function),
        Expr::Nested(inner) | Expr::Collate { expr: inner, .. } => column_name(inner),
        Expr::Cast { expr, data_type, .. } => column_name(expr).or_else(|| {
            let name = data_type.to_string().to_lowercase();
            name.chars()
                .all(|letter| letter.is_ascii_alphanumeric())
                .then_some(name)
        }),
        Expr::Case { else_result, .. } => else_result
            .as_deref()
            .and_then(strong_name)
            .or_else(|| Some("case".to_owned())),
        Expr::Exists { .. } => Some("exists".to_owned()),
        Expr::Array(_) => Some("array".to_owned()),
        _ => None,
    }
}

/// The name that a CASE takes from its ELSE: of a column or function, but of no type.
fn strong_name(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Cast { expr, .. } => strong_name(expr),
        Expr::Case { .. } | Expr::Exists { .. } | Expr::Array(_) => None,
        other => column_name(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_sorted_as_the_search_needs_them() {
        assert!(AGGREGATES.is_sorted());
        assert!(SETS.is_sorted());
    }
}
