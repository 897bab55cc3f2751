//! The ways in which a task can be answered.

use refuel_task::{Kind, Selection, Strategy, Task};

/// A way to answer.
#[derive(Debug, Clone)]
pub(super) struct Variant {
    /// What it is called in the table.
    pub(super) name: String,
    /// The task that is asked so, without its gate.
    pub(super) task: Task,
    /// The language model, where it isn't the task's.
    pub(super) model: Option<String>,
}

/// What an answer costs, in steps that differ by far: rules read the text, neighbours and heads embed it, a language model reads it,
/// and a cascade asks one about some rows.
pub(super) fn cost(strategy: Strategy) -> u8 {
    match strategy {
        Strategy::Rules => 0,
        Strategy::Similar | Strategy::Head => 1,
        Strategy::Cascade => 2,
        Strategy::Model => 3,
    }
}

/// Whether a head can answer the task.
pub(super) fn takes_head(task: &Task) -> bool {
    [Kind::LABEL, Kind::MATCH, Kind::EXTRACT].contains(&task.kind)
}

/// Every way to answer a task, from the cheapest; language models in the order in which they are named.
pub(super) fn of(task: &Task, models: &[String], no_model: bool) -> Vec<Variant> {
    let by = |name: &str, strategy: Strategy| Variant {
        name: name.to_owned(),
        task: Task {
            strategy,
            ..task.ungated()
        },
        model: None,
    };
    let has_examples = !task.solved().is_empty();
    let mut variants = Vec::new();
    if !task.label_rules.is_empty() {
        variants.push(by("rules", Strategy::Rules));
    }
    if has_examples && task.kind == Kind::LABEL {
        variants.push(by("similar", Strategy::Similar));
    }
    if has_examples && takes_head(task) {
        variants.push(by("head", Strategy::Head));
        variants.push(by("cascade", Strategy::Cascade));
    }
    if no_model {
        return variants;
    }
    let by_model = Task {
        strategy: Strategy::Model,
        ..task.clone()
    };
    let own = std::iter::once(None).chain(models.iter().map(Some));
    for model in own {
        let name = model.cloned().unwrap_or_else(|| by_model.model_name());
        for (what, select) in selections(task) {
            let mut variant = by(&format!("model {name}{what}"), Strategy::Model);
            match select {
                None => variant.task.examples = None,
                Some(select) => {
                    if let Some(examples) = &mut variant.task.examples {
                        examples.select = select;
                        examples.balance = select != Selection::Similar && task.kind != Kind::COMPLETE;
                    }
                }
            }
            variant.model = model.cloned();
            variants.push(variant);
        }
    }
    variants
}

/// The ways in which examples are shown, with what each is called: none, as the task says, and by likeness to the row.
fn selections(task: &Task) -> Vec<(String, Option<Selection>)> {
    let Some(examples) = &task.examples else {
        return vec![(String::new(), None)];
    };
    let mut all = vec![(", no examples".to_owned(), None)];
    for select in [examples.select, Selection::Similar] {
        let named = format!(", {} {}", examples.count.min(examples.items.len()), select.name());
        if all.iter().all(|(there, _)| *there != named) {
            all.push((named, Some(select)));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn names(yaml: &str, models: &[&str], no_model: bool) -> Vec<String> {
        let task = Task::from_yaml(yaml, "t.yml", Path::new(".")).unwrap();
        let models: Vec<String> = models.iter().map(|&model| model.to_owned()).collect();
        of(&task, &models, no_model)
            .into_iter()
            .map(|variant| variant.name)
            .collect()
    }

    #[test]
    fn a_task_is_tried_in_every_way_that_it_can_be_answered() {
        let bare = "{name: t, kind: label, input: body, labels: [a, b]}";
        assert_eq!(names(bare, &[], false), ["model smollm2-135m-instruct"]);
        let full = "{name: t, kind: label, input: body, labels: [a, b], rules: [{contains: x, label: a}],
                     strategy: head, model: m, examples: {items: [{input: x, label: a}, {input: y, label: b}]}}";
        assert_eq!(
            names(full, &["other"], false),
            [
                "rules",
                "similar",
                "head",
                "cascade",
                "model m, no examples",
                "model m, 2 fixed",
                "model m, 2 similar",
                "model other, no examples",
                "model other, 2 fixed",
                "model other, 2 similar",
            ]
        );
        assert_eq!(names(full, &[], true), ["rules", "similar", "head", "cascade"]);
    }
}
