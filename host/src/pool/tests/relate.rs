//! Tasks over whole relations.

use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use refuel_client::wire::{
    Failure, Hello, REPAIRED, RESOLVED, Relate, Relation, Report, ReportKind, Row, TaskSpec, ToClient,
};

use super::super::Client;
use super::script::Stage;

const PATIENCE: Duration = Duration::from_secs(30);

const RESOLVE: &str = r#"{"name": "t", "kind": "resolve", "key": "id", "ignore": ["note"]}"#;

fn client(stage: &Stage) -> Client {
    stage.pool.connect(Hello {
        role: "anna".to_owned(),
        ..Hello::default()
    })
}

fn spec(json: &str) -> TaskSpec {
    TaskSpec {
        name: "same_vendor@1".to_owned(),
        json: json.to_owned(),
        model: Some("small:10".to_owned()),
    }
}

fn vendors() -> Relation {
    let rows = [
        ["b", "Harbor Light Trading Co.", "Boston", "x"],
        ["a", "Harbour Light Trading", "Boston", "y"],
        ["c", "Old Mill Bakery", "Concord", ""],
    ];
    let value = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Relation {
        name: "vendors".to_owned(),
        columns: ["id", "name", "city", "note"].map(str::to_owned).to_vec(),
        rows: rows
            .iter()
            .map(|row| row.iter().map(|text| value(text)).collect())
            .collect(),
    }
}

fn begin(client: &Client, json: &str, relations: Vec<Relation>) -> Receiver<ToClient> {
    let task = client.prepare(&spec(json)).unwrap();
    let (sender, messages) = channel();
    let relate = Relate {
        request: 7,
        task: 1,
        relations,
    };
    let deliver = move |message| {
        let _ = sender.send(message);
    };
    client.relate(&task, relate, deliver).unwrap();
    messages
}

fn end(messages: &Receiver<ToClient>) -> Result<Vec<Row>, Failure> {
    let mut all = Vec::new();
    loop {
        match messages.recv_timeout(PATIENCE).unwrap() {
            ToClient::Rows { request, rows, .. } => {
                assert_eq!(request, 7);
                all.extend(rows);
            }
            ToClient::Done { request, .. } => {
                assert_eq!(request, 7);
                assert!(
                    messages.recv_timeout(Duration::from_millis(20)).is_err(),
                    "nothing comes behind the end"
                );
                return Ok(all);
            }
            ToClient::Failed(failure) => return Err(failure),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn records_come_with_their_entities_in_the_order_of_their_keys() {
    let stage = Stage::new();
    let client = client(&stage);
    let rows = end(&begin(&client, RESOLVE, vec![vendors()])).unwrap();
    assert!(rows.iter().all(|row| row.len() == RESOLVED.len()), "{rows:?}");
    let keys: Vec<&str> = rows.iter().map(|row| row[0].as_deref().unwrap()).collect();
    assert_eq!(keys, ["a", "b", "c"]);
    let mut turned = vendors();
    turned.rows.reverse();
    assert_eq!(
        end(&begin(&client, RESOLVE, vec![turned])).unwrap(),
        rows,
        "the order counts for nothing"
    );
    let Report::Usage(usage) = stage.pool.report(ReportKind::Usage) else {
        panic!()
    };
    assert_eq!((usage[0].requests, usage[0].inputs), (2, 6), "records count as inputs");
}

#[test]
fn cells_come_with_what_should_stand_there() {
    let stage = Stage::new();
    let client = client(&stage);
    let cities = ["Berlin", "Hamburg", "Munich"];
    let row = |number: usize| {
        let city = if number == 7 { "Hamburq" } else { cities[number % 3] };
        vec![
            Some(number.to_string()),
            Some((10_000 + number % 3).to_string()),
            Some(city.to_owned()),
        ]
    };
    let shops = Relation {
        name: "shops".to_owned(),
        columns: ["id", "zip", "city"].map(str::to_owned).to_vec(),
        rows: (1..=90).map(row).collect(),
    };
    let rows = end(&begin(
        &client,
        r#"{"name": "t", "kind": "repair", "key": "id"}"#,
        vec![shops.clone()],
    ))
    .unwrap();
    let told: Vec<Option<&str>> = rows
        .iter()
        .flat_map(|row| row[..4].iter().map(Option::as_deref))
        .collect();
    assert_eq!(told, [Some("7"), Some("city"), Some("Hamburq"), Some("Hamburg")]);
    assert_eq!(rows[0].len(), REPAIRED.len());
    let failure = end(&begin(
        &client,
        r#"{"name": "t", "kind": "repair", "key": "id"}"#,
        vec![shops.clone(), shops],
    ))
    .unwrap_err();
    assert_eq!((failure.code.as_str(), failure.wrong_request), ("RF2406", true));
}

#[test]
fn what_is_wrong_with_a_relation_is_told() {
    let stage = Stage::new();
    let client = client(&stage);
    let failure = end(&begin(&client, r#"{"name": "t", "kind": "resolve"}"#, vec![vendors()])).unwrap_err();
    assert_eq!((failure.code.as_str(), failure.request), ("RF2408", Some(7)));
    let failure = end(&begin(
        &client,
        r#"{"name": "t", "kind": "resolve", "key": "ids"}"#,
        vec![vendors()],
    ))
    .unwrap_err();
    assert!(failure.hint.unwrap().contains("\"id\""), "the nearest column is named");
    let failure = end(&begin(
        &client,
        r#"{"name": "t", "kind": "label", "input": "x", "labels": ["a", "b"]}"#,
        vec![vendors()],
    ));
    assert_eq!(failure.unwrap_err().code, "RF2408");
    stage.until_quiet();
}

/// The scripted model answers with texts.
#[test]
fn a_model_that_makes_no_vectors_is_told_of() {
    let stage = Stage::new();
    let client = client(&stage);
    let json = r#"{"name": "t", "kind": "resolve", "key": "id", "model": "small"}"#;
    let failure = end(&begin(&client, json, vec![vendors()])).unwrap_err();
    assert_eq!((failure.code.as_str(), failure.wrong_request), ("RF0826", true));
    assert_eq!(
        stage.script.runs().concat().len(),
        3,
        "a text for each record was asked for"
    );
}

#[test]
fn a_cancelled_relation_stops_its_model_and_says_nothing_more() {
    let stage = Stage::new();
    let client = client(&stage);
    let json = r#"{"name": "t", "kind": "resolve", "key": "id", "model": "small"}"#;
    let task = client.prepare(&spec(json)).unwrap();
    let (sender, messages) = channel();
    stage.script.hold();
    let relate = Relate {
        request: 7,
        task: 1,
        relations: vec![vendors()],
    };
    let request = client
        .relate(&task, relate, move |message| sender.send(message).unwrap_or_default())
        .unwrap();
    stage.script.until_held();
    client.cancel(&request);
    stage.script.until_cancelled(1);
    stage.until_quiet();
    assert!(messages.recv_timeout(Duration::from_millis(100)).is_err());
    stage.script.let_all_go();
}
