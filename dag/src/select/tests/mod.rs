mod laws;
mod sets;
mod syntax;

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Catalog, Changes, Previous, Request, Results, SelectError, Selectable, Selector, TestType};

/// A node that is nothing but what it can be selected by.
#[derive(Debug, Clone, Default)]
struct Plain {
    id: String,
    resource_type: &'static str,
    path: String,
    tags: Vec<&'static str>,
    config: Value,
    test_type: Option<TestType>,
    test_name: Option<&'static str>,
}

impl Selectable for Plain {
    fn unique_id(&self) -> &str {
        &self.id
    }
    fn resource_type(&self) -> &str {
        self.resource_type
    }
    fn name(&self) -> &str {
        self.id.rsplit('.').next().unwrap()
    }
    fn fully_qualified_name(&self) -> Vec<&str> {
        let mut names = vec!["shop"];
        let folders = self.path.split('/').skip(1).filter(|part| !part.contains('.'));
        names.extend(folders);
        names.extend(self.source());
        names.push(self.name());
        names
    }
    fn path(&self) -> &str {
        &self.path
    }
    fn tags(&self) -> Vec<&str> {
        self.tags.clone()
    }
    fn config(&self, keys: &[String]) -> Option<Value> {
        keys.iter().try_fold(&self.config, |value, key| value.get(key)).cloned()
    }
    fn source(&self) -> Option<&str> {
        (self.resource_type == "source").then(|| self.id.split('.').nth(2).unwrap())
    }
    fn test_type(&self) -> Option<TestType> {
        self.test_type
    }
    fn test_name(&self) -> Option<&str> {
        self.test_name
    }
}

struct Before(BTreeMap<&'static str, Changes>);

impl Previous for Before {
    fn changes(&self, unique_id: &str) -> Option<Changes> {
        self.0.get(unique_id).copied()
    }
}

struct Ended(BTreeMap<&'static str, &'static str>);

impl Results for Ended {
    fn status(&self, unique_id: &str) -> Option<&str> {
        self.0.get(unique_id).copied()
    }
}

/// ```text
/// raw.tickets ─ stg_tickets ─ labelled ─┬─ report
/// raw.orders ── stg_orders ─────────────┘
/// ticket_topic ───────────────┘
/// ```
struct Shop {
    nodes: Vec<Plain>,
    edges: Vec<(&'static str, &'static str)>,
}

impl Shop {
    fn new() -> Self {
        let model = |name: &str, folder: &str, tags: &[&'static str], materialized: &str| Plain {
            id: format!("model.shop.{name}"),
            resource_type: "model",
            path: format!("models/{folder}/{name}.sql"),
            tags: tags.to_vec(),
            config: serde_json::json!({"materialized": materialized, "meta": {"owner": "ada"}, "tags": tags}),
            ..Plain::default()
        };
        let test = |name: &str, test_name| Plain {
            id: format!("test.shop.{name}"),
            resource_type: "test",
            path: "models/schema.yml".to_owned(),
            test_type: Some(TestType::Generic),
            test_name: Some(test_name),
            ..Plain::default()
        };
        let other = |id: &str, resource_type, path: &str, test_type| Plain {
            id: id.to_owned(),
            resource_type,
            path: path.to_owned(),
            test_type,
            ..Plain::default()
        };
        Self {
            nodes: vec![
                other("source.shop.raw.tickets", "source", "models/staging/sources.yml", None),
                other("source.shop.raw.orders", "source", "models/staging/sources.yml", None),
                other("task.shop.ticket_topic", "task", "tasks/ticket_topic.yml", None),
                other("seed.shop.countries", "seed", "seeds/countries.csv", None),
                model("stg_tickets", "staging", &["nightly"], "view"),
                model("stg_orders", "staging", &["nightly", "money"], "view"),
                model("labelled", "marts/support", &["nightly"], "incremental"),
                model("report", "marts", &["money"], "table"),
                test("unique_stg_tickets_id", "unique"),
                test("relationships_report_order", "relationships"),
                other(
                    "test.shop.no_lost_tickets",
                    "test",
                    "tests/no_lost_tickets.sql",
                    Some(TestType::Singular),
                ),
                other(
                    "unit_test.shop.labelled.blank",
                    "unit_test",
                    "models/schema.yml",
                    Some(TestType::Unit),
                ),
                other(
                    "evaluation.shop.labelled.topic",
                    "evaluation",
                    "models/schema.yml",
                    Some(TestType::Evaluation),
                ),
            ],
            edges: vec![
                ("source.shop.raw.tickets", "model.shop.stg_tickets"),
                ("source.shop.raw.orders", "model.shop.stg_orders"),
                ("model.shop.stg_tickets", "model.shop.labelled"),
                ("task.shop.ticket_topic", "model.shop.labelled"),
                ("model.shop.labelled", "model.shop.report"),
                ("model.shop.stg_orders", "model.shop.report"),
                ("model.shop.stg_tickets", "test.shop.unique_stg_tickets_id"),
                ("model.shop.report", "test.shop.relationships_report_order"),
                ("model.shop.stg_orders", "test.shop.relationships_report_order"),
                ("source.shop.raw.tickets", "test.shop.no_lost_tickets"),
                ("model.shop.stg_tickets", "test.shop.no_lost_tickets"),
                ("model.shop.labelled", "unit_test.shop.labelled.blank"),
                ("model.shop.labelled", "evaluation.shop.labelled.topic"),
                ("task.shop.ticket_topic", "evaluation.shop.labelled.topic"),
            ],
        }
    }

    fn catalog(&self) -> Catalog<'_> {
        let position = |id: &str| self.nodes.iter().position(|node| node.id == id).unwrap();
        let nodes = self.nodes.iter().map(|node| node as &dyn Selectable).collect();
        Catalog::new(
            nodes,
            self.edges.iter().map(|(from, to)| (position(from), position(to))),
        )
    }

    /// Names of what is selected, in the order of the catalog.
    fn ask(&self, request: &Request<'_>) -> Result<String, SelectError> {
        let selected = self.catalog().select(request)?;
        let names: Vec<&str> = selected.nodes.iter().map(|&at| self.nodes[at].name()).collect();
        Ok(names.join(" "))
    }

    /// The same for a selector, without the tests that come along.
    fn select(&self, text: &str) -> Result<String, SelectError> {
        let selector = Selector::parse(text)?;
        self.ask(&Request {
            select: Some(&selector),
            indirect: super::IndirectSelection::Empty,
            ..Request::default()
        })
    }
}
