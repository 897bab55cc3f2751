//! The example projects, each built on SQLite, on Postgres without the extension and on Postgres with it: the same rows.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use refuel_postgres_tests::Cluster;
use serde_json::{Map, Value};

/// Digits behind the point that scores agree in, whatever they were batched with.
const DIGITS: i32 = 3;

/// A copy of an example project, with a server to build it on.
struct Example {
    folder: tempfile::TempDir,
    cluster: Cluster,
}

/// Where a project is built.
#[derive(Clone, Copy)]
struct Target {
    /// The target of its profile.
    name: &'static str,
    /// The database.
    database: &'static str,
}

const SQLITE: Target = Target {
    name: "dev",
    database: "",
};
const WITHOUT: Target = Target {
    name: "postgres",
    database: "plain",
};
const WITH: Target = Target {
    name: "postgres",
    database: "postgres",
};

/// What a build did.
struct Built {
    /// How each node ended.
    statuses: BTreeMap<String, String>,
    /// Inputs that a model was asked for.
    asked: u64,
    /// Inputs that rules answered.
    without_model: u64,
}

impl Example {
    /// A copy of `dags/NAME`. None, said on standard error, where the machine lacks what it needs.
    fn of(name: &str) -> Option<Self> {
        let cluster = Cluster::ready()?;
        cluster.connect().batch_execute("CREATE DATABASE plain").unwrap();
        let folder = tempfile::Builder::new().prefix("refuel-project").tempdir().unwrap();
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dags").join(name);
        copy(&from, folder.path());
        Some(Self { folder, cluster })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, target: Target, arguments: &[&str]) -> Command {
        let mut command = self.cluster.client("refuel");
        command
            .current_dir(self.folder.path())
            .args(arguments)
            .args(["--target", target.name])
            .env("PGDATABASE", target.database)
            .env("REFUEL_HOME", self.cluster.folder().join("home"))
            .env("NO_COLOR", "1");
        command
    }

    /// What a verb says as JSON. A status of 1 is fine: a report says why.
    #[track_caller]
    fn json(&self, target: Target, arguments: &[&str]) -> Value {
        let output = self
            .command(target, &[arguments, &["--format", "json", "--quiet"]].concat())
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{arguments:?} on {}: {told}", target.database))
    }

    #[track_caller]
    fn build(&self, target: Target) -> Built {
        let report = self.json(target, &["build"]);
        let nodes = report["nodes"].as_array().unwrap();
        let status = |node: &Value| {
            let told = node["message"].as_str().unwrap_or_default();
            assert_ne!(node["status"], "error", "{}: {told}", node["node"]);
            assert_ne!(node["status"], "skipped", "{}: {told}", node["node"]);
            assert_ne!(node["status"], "fail", "{}: {told}", node["node"]);
            (
                node["name"].as_str().unwrap().to_owned(),
                node["status"].as_str().unwrap().to_owned(),
            )
        };
        let sum = |name: &str| nodes.iter().filter_map(|node| node[name].as_u64()).sum();
        Built {
            statuses: nodes.iter().map(status).collect(),
            asked: sum("asked"),
            without_model: sum("without_model"),
        }
    }

    /// The rows of a relation, in an order and a spelling that is the same on every target.
    #[track_caller]
    fn rows(&self, target: Target, relation: &str) -> Vec<String> {
        let rows = self.json(target, &["show", relation, "--limit", "100000"]);
        let mut rows: Vec<String> = rows.as_array().unwrap().iter().map(plain).collect();
        rows.sort();
        rows
    }

    /// Builds everywhere, and compares every relation.
    fn is_the_same_everywhere(&self, relations: &[&str]) {
        let first = self.build(SQLITE);
        assert!(first.asked + first.without_model > 0, "nothing was answered");
        self.build(WITHOUT);
        self.build(WITH);
        for relation in relations {
            let here = self.rows(SQLITE, relation);
            assert!(!here.is_empty(), "{relation} is empty");
            for target in [WITHOUT, WITH] {
                assert_eq!(here, self.rows(target, relation), "{relation} in {}", target.database);
            }
        }
        let again = self.build(SQLITE);
        assert_eq!((again.asked, again.without_model), (0, 0));
        // A test that warns is tried again, so that its warning isn't forgotten.
        let is_quiet = |status: &String| status == "reused" || status == "warn";
        assert!(again.statuses.values().all(is_quiet), "{:?}", again.statuses);
    }

    /// Changes a file.
    fn edit(&self, name: &str, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.path(name)).unwrap();
        assert!(text.contains(from), "{name} has no {from}");
        std::fs::write(self.path(name), text.replacen(from, to, 1)).unwrap();
    }
}

/// A row without what databases write differently: true and 1, `95.00` and `95`, digits that batching can change.
fn plain(row: &Value) -> String {
    let plain = |value: &Value| match value {
        Value::Bool(flag) => Value::from(f64::from(u8::from(*flag))),
        Value::Number(number) => rounded(number.as_f64().unwrap()),
        Value::String(text) => text.parse::<f64>().map_or_else(|_| value.clone(), rounded),
        other => other.clone(),
    };
    let row: Map<String, Value> = row
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.clone(), plain(value)))
        .collect();
    Value::Object(row).to_string()
}

fn rounded(number: f64) -> Value {
    let factor = 10_f64.powi(DIGITS);
    Value::from((number * factor).round() / factor)
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let (name, target) = (entry.file_name(), to.join(entry.file_name()));
        let is_made =
            ["target", ".refuel"].iter().any(|made| *made == name) || name.to_string_lossy().contains(".sqlite3");
        if is_made {
            continue;
        }
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn vendors_are_the_same_everywhere() {
    let Some(example) = Example::of("vendor_master") else {
        return;
    };
    example.is_the_same_everywhere(&[
        "vendors_normalized",
        "vendor_entities",
        "vendor_master",
        "invoice_cells",
        "invoices_mended",
        "spend",
    ]);
}

#[test]
fn products_are_the_same_everywhere() {
    let Some(example) = Example::of("product_catalog") else {
        return;
    };
    example.is_the_same_everywhere(&[
        "stg_listings",
        "categorized",
        "details",
        "details.accepted",
        "matched",
        "known_articles",
        "catalog",
        "category_report",
        "shipped",
    ]);
}

#[test]
fn tickets_are_the_same_everywhere_and_only_what_changed_is_asked() {
    let Some(example) = Example::of("support_tickets") else {
        return;
    };
    let seed = example.path("seeds/support_messages.csv");
    // A part of the messages is enough, and is read in a moment.
    let text = std::fs::read_to_string(&seed).unwrap();
    let end = text.match_indices("\nM-").nth(60).unwrap().0;
    std::fs::write(&seed, format!("{}\n", &text[..end])).unwrap();
    // How good the model is on so few is no matter here.
    example.edit("models/marts/marts.yml", ">= 0.25", ">= 0.0");
    example.edit("models/marts/marts.yml", ">= 0.5", ">= 0.0");
    example.is_the_same_everywhere(&[
        "stg_messages",
        "labelled_messages",
        "labelled_messages.accepted",
        "labelled_messages.review",
        "routed_messages",
        "topic_report",
        "faults",
        "faults.accepted",
    ]);

    example.edit(
        "seeds/support_messages.csv",
        "where is my parcel??",
        "where is my parcel now??",
    );
    assert_eq!(example.build(SQLITE).asked, 1, "one message has changed");

    let waiting = example.rows(SQLITE, "labelled_messages.review").len();
    example.edit("tasks/ticket_topic.yml", "threshold: 0.5", "threshold: 0.6");
    assert_eq!(example.build(SQLITE).asked, 0, "a threshold asks nothing");
    assert!(example.rows(SQLITE, "labelled_messages.review").len() > waiting);

    // A person decides, and the verdict outlives the guidelines that it was given under.
    let queue = example.path("queue.csv");
    let export = example
        .command(SQLITE, &["review", "labelled_messages", "--export", "queue.csv"])
        .status()
        .unwrap();
    assert!(export.success());
    let lines = std::fs::read_to_string(&queue).unwrap();
    let verdict = lines.replacen(",,\n", ",sizing,\n", 1);
    assert_ne!(lines, verdict, "the column of verdicts is empty at first: {lines}");
    std::fs::write(&queue, verdict).unwrap();
    let import = example
        .command(SQLITE, &["review", "--import", "queue.csv"])
        .status()
        .unwrap();
    assert!(import.success());
    example.edit(
        "tasks/ticket_topic.yml",
        "Decide what the customer wants",
        "Say what the customer wants",
    );
    example.build(SQLITE);
    let accepted = example.rows(SQLITE, "labelled_messages.accepted");
    let is_verdict = |row: &String| row.contains("\"topic\":\"sizing\"");
    assert!(accepted.iter().any(is_verdict), "{accepted:?}");
}
