//! `refuel compile --print`: what is sent to the target, each query under a comment that says what it is.

use std::fmt::Write as _;

use refuel_dag::{Dag, NodeId, ResourceType};
use refuel_runs::{CompiledNode, CompiledQuery, CompiledRelation, CompiledStage};
use refuel_staging::{Analyzed, Dialect};

/// The nodes to print: models where there are some among those that were selected, else tests. The tests of a model come
/// along with it, and are asked for by their names.
pub(super) fn chosen(dag: &Dag, selected: Vec<NodeId>) -> Vec<NodeId> {
    let is_model = |id: &NodeId| {
        dag.node(id.as_str())
            .is_some_and(|node| node.resource_type() == ResourceType::Model)
    };
    if selected.iter().any(is_model) {
        selected.into_iter().filter(is_model).collect()
    } else {
        selected
    }
}

/// What is sent for a node.
pub(super) fn text(node: &CompiledNode, target: &str, dialect: Dialect) -> String {
    let mut text = format!("-- {} ({}), target {target}", node.name, node.path);
    if node.as_written {
        text.push_str("\n-- it runs as it is written: the extension answers the calls");
    }
    for query in &node.queries {
        add(query, node, dialect, &mut text);
    }
    text
}

fn add(query: &CompiledQuery, node: &CompiledNode, dialect: Dialect, text: &mut String) {
    if query.incremental {
        text.push_str("\n\n-- where rows are added to the table that is there");
    }
    if let Some(why) = &query.unknown {
        let _ = write!(text, "\n-- its stages are not known: {why}");
    }
    for relation in &query.relations {
        let _ = write!(text, "\n\n-- {}\n{};", of_relation(relation), relation.rows);
    }
    let count = query.stages.len();
    let is_cut = count + query.relations.len() > 0;
    for (at, stage) in query.stages.iter().enumerate() {
        let _ = write!(
            text,
            "\n\n-- stage {} of {count}: {}\n{};",
            at + 1,
            about(stage),
            laid_out(&stage.inputs, dialect)
        );
    }
    match &node.relation {
        Some(relation) if is_cut => {
            let _ = write!(text, "\n\n-- the rows of {relation}");
        }
        _ => {}
    }
    let sql = if is_cut {
        laid_out(&query.sql, dialect)
    } else {
        query.sql.trim().trim_end_matches(';').to_owned()
    };
    let _ = writeln!(text, "\n{sql};");
}

/// `all rows for refuel_resolve 'same' on embedder@1234; the result goes into "_refuel_same_12345678"`.
fn of_relation(relation: &CompiledRelation) -> String {
    let model = relation
        .model
        .as_ref()
        .map_or_else(String::new, |model| format!(" on {model}"));
    let result = if relation.is_kept {
        "the result is kept in"
    } else {
        "the result goes into"
    };
    format!(
        "all rows for {} '{}'{model}; {result} {}",
        relation.function, relation.task, relation.table
    )
}

/// `refuel_label of the task topic on smollm2@1234, after stage 1; answers go into "_refuel_topic_12345678"`.
fn about(stage: &CompiledStage) -> String {
    let model = match &stage.model {
        Some(model) => format!(" on {model}"),
        None => " on a model that is not on this machine".to_owned(),
    };
    let after: Vec<String> = stage.after.iter().map(usize::to_string).collect();
    let after = match &after[..] {
        [] => String::new(),
        [one] => format!(", after stage {one}"),
        several => format!(", after stages {}", several.join(" and ")),
    };
    format!(
        "inputs of {} '{}'{model}{after}; answers go into {}",
        stage.function, stage.task, stage.table
    )
}

/// A query over several lines.
fn laid_out(sql: &str, dialect: Dialect) -> String {
    Analyzed::parse(sql, dialect).map_or_else(|_| sql.to_owned(), |query| query.pretty())
}
