use std::collections::HashMap;

use refuel_project::Format;

use super::{Direction, Headers, LineageError, Lineages, NoHeaders, node_lineage};
use crate::diff::shop::Shop;

/// The header of a file, as a reader of files would give it.
struct Files(HashMap<&'static str, Vec<&'static str>>);

impl Headers for Files {
    fn columns(&self, path: &str, _format: Format, _delimiter: Option<char>) -> Option<Vec<String>> {
        let columns = self.0.get(path)?;
        Some(columns.iter().map(ToString::to_string).collect())
    }
}

fn files() -> Files {
    Files(HashMap::from([("seeds/countries.csv", vec!["code", "name"])]))
}

#[test]
fn a_column_is_followed_up_to_its_sources_through_calls() {
    let shop = Shop::new();
    let dag = shop.compile();
    let files = files();
    let mut lineages = Lineages::new(&dag, &files);
    let topic = lineages.of_column("report", "topic", Direction::Upstream).unwrap();
    insta::assert_snapshot!(topic.tree(Direction::Upstream), @r"
    report.topic
    └─ labelled.topic
       └─ refuel_label(ticket_topic)
          └─ stg_tickets.body
             └─ raw.tickets.body
    ");
    let country = lineages
        .of_column("report", "country_name", Direction::Upstream)
        .unwrap();
    insta::assert_snapshot!(country.tree(Direction::Upstream), @r"
    report.country_name
    └─ countries.name
    ");
}

#[test]
fn a_column_is_followed_down_to_what_comes_from_it() {
    let shop = Shop::new();
    let dag = shop.compile();
    let files = files();
    let mut lineages = Lineages::new(&dag, &files);
    let body = lineages
        .of_column("raw.tickets", "BODY", Direction::Downstream)
        .unwrap();
    insta::assert_snapshot!(body.tree(Direction::Downstream), @r"
    raw.tickets.body
    └─ stg_tickets.body
       ├─ labelled.body
       └─ refuel_label(ticket_topic)
          └─ labelled.topic
             └─ report.topic
    ");
    let id = lineages.of_column("stg_tickets", "id", Direction::Downstream).unwrap();
    insta::assert_snapshot!(id.tree(Direction::Downstream), @r"
    stg_tickets.id
    └─ labelled.id
    ");
}

#[test]
fn what_is_above_and_below_is_each_others_reverse() {
    let shop = Shop::new();
    let dag = shop.compile();
    let files = files();
    let mut lineages = Lineages::new(&dag, &files);
    let up = lineages.of_column("report", "topic", Direction::Upstream).unwrap();
    let down = lineages
        .of_column("raw.tickets", "body", Direction::Downstream)
        .unwrap();
    let labels = |graph: &super::LineageGraph| -> Vec<String> {
        let label = |number: &usize| graph.vertices[*number].label();
        let mut edges: Vec<String> = graph
            .edges
            .iter()
            .map(|(from, to)| format!("{} > {}", label(from), label(to)))
            .collect();
        edges.sort();
        edges
    };
    assert!(
        labels(&up).iter().all(|edge| labels(&down).contains(edge)),
        "{:?} {:?}",
        labels(&up),
        labels(&down)
    );
}

#[test]
fn only_what_is_asked_for_is_read() {
    let shop = Shop::new();
    let dag = shop.compile();
    let mut lineages = Lineages::new(&dag, &NoHeaders);
    lineages.of_column("stg_tickets", "body", Direction::Upstream).unwrap();
    assert_eq!(lineages.looked_at(), 2, "the model and its source");
}

#[test]
fn columns_follow_from_the_sql() {
    let shop = Shop::new();
    let dag = shop.compile();
    let files = files();
    let mut lineages = Lineages::new(&dag, &files);
    let mut columns = |id: &str| {
        lineages
            .columns(dag.node(id).unwrap())
            .unwrap()
            .map(|columns| columns.join(" "))
    };
    assert_eq!(columns("model.shop.labelled").as_deref(), Some("id body country topic"));
    assert_eq!(
        columns("model.shop.report").as_deref(),
        Some("country_name topic messages")
    );
    assert_eq!(columns("seed.shop.countries").as_deref(), Some("code name"));
    assert_eq!(columns("task.shop.ticket_topic"), None);
}

#[test]
fn a_star_over_unknown_columns_passes_them_on() {
    let shop = Shop::new();
    shop.replace(
        "models/sources.yml",
        "        columns:\n          - name: id\n          - name: body\n          - name: country_code\n",
        "",
    );
    shop.write(
        "models/staging/stg_tickets.sql",
        "select * from {{ source('raw', 'tickets') }}\n",
    );
    let dag = shop.compile();
    let mut lineages = Lineages::new(&dag, &NoHeaders);
    let body = lineages.of_column("stg_tickets", "body", Direction::Upstream).unwrap();
    assert_eq!(
        body.tree(Direction::Upstream),
        "stg_tickets.body\n└─ raw.tickets.body\n"
    );
    let topic = lineages.of_column("labelled", "topic", Direction::Upstream).unwrap();
    assert_eq!(
        topic.tree(Direction::Upstream),
        "labelled.topic\n└─ refuel_label(ticket_topic)\n   └─ stg_tickets.body\n      └─ raw.tickets.body\n"
    );
    let down = lineages
        .of_column("raw.tickets", "body", Direction::Downstream)
        .unwrap();
    assert!(
        down.tree(Direction::Downstream).contains("labelled.topic"),
        "{}",
        down.tree(Direction::Downstream)
    );
}

#[test]
fn wrong_names_suggest_right_ones() {
    let shop = Shop::new();
    let dag = shop.compile();
    let mut lineages = Lineages::new(&dag, &NoHeaders);
    let mut refused = |node: &str, column: &str| {
        let error = lineages.of_column(node, column, Direction::Upstream).unwrap_err();
        format!("{} {error} ({})", error.code(), error.hint().unwrap())
    };
    insta::assert_snapshot!(
        [
            refused("reprot", "topic"),
            refused("raw.ticket", "topic"),
            refused("report", "topics"),
            refused("report", "x"),
            refused("ticket_topic", "x"),
        ].join("\n"),
        @r#"
    RF1270 no model, seed or source is called "reprot" (did you mean "report"?)
    RF1270 no model, seed or source is called "raw.ticket" (did you mean "raw.tickets"?)
    RF1271 model.shop.report has no column "topics" (did you mean "topic"?)
    RF1271 model.shop.report has no column "x" (it has country_name, topic, messages)
    RF1270 no model, seed or source is called "ticket_topic" (`refuel ls` shows what there is)
    "#
    );
    assert!(matches!(
        lineages.of_columns("countries", Direction::Upstream),
        Err(LineageError::NoColumns { .. })
    ));
}

#[test]
fn nodes_have_a_lineage_too() {
    let shop = Shop::new();
    let dag = shop.compile();
    let report = dag.node("model.shop.report").unwrap();
    let up = node_lineage(&dag, &[report], Direction::Upstream, None, false);
    insta::assert_snapshot!(up.tree(Direction::Upstream), @r"
    report
    ├─ countries (seed)
    └─ labelled
       ├─ ticket_topic (task)
       └─ stg_tickets
          └─ raw.tickets (source)
    ");
    let one = node_lineage(&dag, &[report], Direction::Upstream, Some(1), false);
    assert_eq!(one.tree(Direction::Upstream).lines().count(), 3);
    let source = dag.node("source.shop.raw.tickets").unwrap();
    let down = node_lineage(&dag, &[source], Direction::Downstream, None, true);
    assert!(
        down.tree(Direction::Downstream)
            .contains("unique_stg_tickets_id (test)")
    );
}

#[test]
fn lineage_is_json() {
    let shop = Shop::new();
    let dag = shop.compile();
    let mut lineages = Lineages::new(&dag, &NoHeaders);
    let topic = lineages.of_column("labelled", "topic", Direction::Upstream).unwrap();
    insta::assert_snapshot!(serde_json::to_string(&topic).unwrap(), @r#"
    {"roots":[0],"vertices":[{"type":"column","node":"model.shop.labelled","name":"labelled","column":"topic"},{"type":"call","node":"model.shop.labelled","function":"refuel_label","asked":"ticket_topic","number":0},{"type":"column","node":"model.shop.stg_tickets","name":"stg_tickets","column":"body"},{"type":"column","node":"source.shop.raw.tickets","name":"raw.tickets","column":"body"}],"edges":[[2,1],[1,0],[3,2]]}
    "#);
}

/// Five hundred models that each take everything of the one before.
#[test]
fn a_long_chain_of_stars_is_followed() {
    let shop = Shop::new();
    shop.write("models/chain/m0.sql", "select * from {{ ref('stg_tickets') }}");
    for number in 1..500 {
        shop.write(
            &format!("models/chain/m{number}.sql"),
            &format!("select * from {{{{ ref('m{}') }}}}", number - 1),
        );
    }
    let dag = shop.compile();
    let mut lineages = Lineages::new(&dag, &NoHeaders);
    let body = lineages.of_column("m499", "body", Direction::Upstream).unwrap();
    assert_eq!(body.vertices.len(), 502);
}
