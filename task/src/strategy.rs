//! What answers: rules, labelled examples, a trained head, a language model, or one after another.

use std::fmt;

use regex::Regex;
use serde::Serialize;

use crate::examples::Example;
use crate::task::{RULES_MODEL, Task};

/// What answers a row that no rule answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// Nothing: rules alone.
    Rules,
    /// The labels of the examples that are most like the row, by the cosine of embeddings.
    Similar,
    /// A head that was trained on the examples.
    Head,
    /// The language model.
    #[default]
    Model,
    /// Whichever of the others is sure enough, the cheapest first.
    Cascade,
}

impl Strategy {
    /// Every strategy, from the cheapest.
    pub const ALL: [Self; 5] = [Self::Rules, Self::Similar, Self::Head, Self::Model, Self::Cascade];

    /// The word in task files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rules => "rules",
            Self::Similar => "similar",
            Self::Head => "head",
            Self::Model => "model",
            Self::Cascade => "cascade",
        }
    }

    /// The strategy of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|strategy| strategy.name() == name)
    }

    /// Whether it reads a trained head from the registry.
    pub fn reads_head(self) -> bool {
        matches!(self, Self::Head | Self::Cascade)
    }

    /// Whether a language model may be asked.
    pub fn leaves_to_model(self) -> bool {
        matches!(self, Self::Model | Self::Cascade)
    }

    /// Whether each of the task's examples can change an answer, not only those that a prompt shows.
    pub fn reads_every_example(self) -> bool {
        self == Self::Similar
    }
}

/// When a rule holds for a text.
#[derive(Clone)]
pub enum Condition {
    /// One of these is somewhere in the text, whatever the case of letters.
    Contains(Vec<String>),
    /// The whole text is one of these, whatever the case of letters and the white space at its ends.
    Equals(Vec<String>),
    /// The pattern is somewhere in the text. A pattern minds case, unless it begins with `(?i)`.
    Matches(Regex),
}

impl Condition {
    /// The key in task files.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Contains(_) => "contains",
            Self::Equals(_) => "equals",
            Self::Matches(_) => "matches",
        }
    }

    /// What is looked for, as it was written.
    pub fn texts(&self) -> Vec<&str> {
        match self {
            Self::Contains(texts) | Self::Equals(texts) => texts.iter().map(String::as_str).collect(),
            Self::Matches(pattern) => vec![pattern.as_str()],
        }
    }

    /// Whether it holds. `lower` is `text` in lower case.
    fn holds(&self, text: &str, lower: &str) -> bool {
        match self {
            Self::Contains(texts) => texts.iter().any(|part| lower.contains(&part.to_lowercase())),
            Self::Equals(texts) => texts.iter().any(|whole| lower.trim() == whole.trim().to_lowercase()),
            Self::Matches(pattern) => pattern.is_match(text),
        }
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple(self.key()).field(&self.texts()).finish()
    }
}

/// A rule of a task of kind `label`: a condition on the text that is read, and the label where it holds.
#[derive(Debug, Clone)]
pub struct LabelRule {
    /// When it holds.
    pub condition: Condition,
    /// The name of the label.
    pub label: String,
}

impl LabelRule {
    /// The rule in words, such as `contains "refund"`.
    pub fn describe(&self) -> String {
        let texts: Vec<String> = self
            .condition
            .texts()
            .iter()
            .map(|text| format!("\"{text}\""))
            .collect();
        format!("{} {}", self.condition.key(), texts.join(" or "))
    }
}

impl Task {
    /// The first rule that holds for a text. None where none does.
    pub fn rule_for(&self, text: &str) -> Option<&LabelRule> {
        if self.label_rules.is_empty() {
            return None;
        }
        let lower = text.to_lowercase();
        self.label_rules.iter().find(|rule| rule.condition.holds(text, &lower))
    }

    /// The name that the task's head has in the registry: the one that the task names, or else the task's own.
    pub fn head_name(&self) -> String {
        self.head
            .as_ref()
            .map_or_else(|| self.name.to_lowercase(), ToString::to_string)
    }

    /// What of the registry answers the task, by name: the model that it asks, the head that it reads, and the model whose
    /// embeddings find entries of its vocabulary. Empty where rules alone answer.
    pub fn registry_names(&self) -> Vec<String> {
        let model = Some(self.model_name()).filter(|name| name != RULES_MODEL);
        let head = self.strategy.reads_head().then(|| self.head_name());
        let embeddings = self.embedded_vocabulary().map(|(_, model)| model.to_string());
        model.into_iter().chain(head).chain(embeddings).collect()
    }

    /// All examples that are there, whether a prompt shows them or not: what is learned from.
    pub fn solved(&self) -> &[Example] {
        self.examples.as_ref().map_or(&[], |examples| &examples.items)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn task(rules: &str) -> Task {
        let text = format!(
            "name: t\nkind: label\ninput: body\nlabels: [refund, delivery, other]\nstrategy: rules\nrules:\n{rules}"
        );
        Task::from_yaml(&text, "t.yml", Path::new(".")).unwrap()
    }

    #[test]
    fn the_first_rule_that_holds_gives_the_label() {
        let task = task(
            "- {contains: [Refund, money back], label: refund}\n- {equals: \" Where? \", label: delivery}\n- {matches: '\\bORD-\\d+', label: delivery}\n- {matches: '(?i)ord-', label: other}",
        );
        let label = |text: &str| task.rule_for(text).map(|rule| rule.label.as_str());
        assert_eq!(label("I want my MONEY BACK for ORD-1"), Some("refund"));
        assert_eq!(label("where?"), Some("delivery"));
        assert_eq!(label("where is it?"), None);
        assert_eq!(label("ORD-77 is late"), Some("delivery"));
        assert_eq!(label("ord-77 is late"), Some("other"));
        assert_eq!(task.label_rules[0].describe(), "contains \"Refund\" or \"money back\"");
    }

    #[test]
    fn the_head_of_a_question_judges_what_a_model_says() {
        let read = |more: &str| {
            let text = format!("name: q\nkind: answer\ninput: {{context: a, question: b}}\nmodel: m\n{more}");
            Task::from_yaml(&text, "q.yml", Path::new("."))
        };
        let judged = read("strategy: head\n").unwrap();
        assert!(judged.asks_model());
        assert_eq!(judged.registry_names(), ["m", "q"]);
        let bare = read("").unwrap();
        assert_eq!(read("strategy: model\n").unwrap().fingerprint(), bare.fingerprint());
        assert_ne!(judged.fingerprint(), bare.fingerprint());
        assert!(read("strategy: cascade\n").is_err(), "nothing comes before the model");
    }

    #[test]
    fn strategies_are_found_by_their_names() {
        for strategy in Strategy::ALL {
            assert_eq!(Strategy::named(strategy.name()), Some(strategy));
        }
        assert_eq!(Strategy::named("heads"), None);
    }
}
