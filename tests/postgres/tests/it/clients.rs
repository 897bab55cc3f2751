//! Real clients: `pgbench`, a `pg_cron` job, a dbt project.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use refuel_postgres_tests::{Cluster, Installation, Plan, wait_until};

use crate::common::{wait_for_rest, with_mood};

#[test]
fn pgbench_runs_with_32_clients() {
    let Some(cluster) = with_mood(Plan::default()) else {
        return;
    };
    std::fs::write(
        cluster.folder().join("load.sql"),
        "\\set n random(1, 40)\nSELECT refuel_label('load ' || :n, 'mood');\n",
    )
    .unwrap();
    let output = cluster
        .client("pgbench")
        .args([
            "--no-vacuum",
            "--client=32",
            "--jobs=2",
            "--transactions=20",
            "--file=load.sql",
            "--max-tries=1",
        ])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{told}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        told.contains("number of transactions actually processed: 640/640"),
        "{told}"
    );
    let mut session = cluster.connect();
    wait_for_rest(&mut session);
    // Forty texts were asked 640 times: the model read each of them once.
    let (inputs, cached): (i64, i64) = {
        let row = session
            .query_one("SELECT sum(inputs)::bigint, sum(cached)::bigint FROM refuel.usage", &[])
            .unwrap();
        (row.get(0), row.get(1))
    };
    assert_eq!(inputs, 640);
    assert!(cached > 500, "{cached} of 640 were there already");
}

#[test]
fn a_job_of_pg_cron_labels_new_rows() {
    let plan = Plan::default()
        .preload("refuel, pg_cron")
        .setting("cron.use_background_workers = on");
    if !Installation::find().is_some_and(|installation| installation.has_extension("pg_cron")) {
        eprintln!("skipped: pg_cron isn't there; scripts/setup --postgres-tests");
        return;
    }
    let Some(cluster) = with_mood(plan) else { return };
    let mut session = cluster.connect();
    session
        .batch_execute(
            "CREATE EXTENSION pg_cron;
             CREATE TABLE message (id int PRIMARY KEY, body text NOT NULL, mood text);
             INSERT INTO message SELECT n, 'cron ' || n FROM generate_series(1, 20) n;
             SELECT cron.schedule('label', '* * * * *',
               $$UPDATE message SET mood = refuel_label(body, 'mood') WHERE mood IS NULL$$)",
        )
        .unwrap();
    wait_until("the job has run", Duration::from_secs(100), || {
        let query = "SELECT count(*) FROM message WHERE mood IS NOT NULL";
        session.query_one(query, &[]).unwrap().get::<_, i64>(0) == 20
    });
    // pg_cron notes the end of a job after the job has ended.
    wait_until("pg_cron notes the end", Duration::from_secs(20), || {
        let query = "SELECT count(*) FROM cron.job_run_details WHERE status = 'succeeded'";
        session.query_one(query, &[]).unwrap().get::<_, i64>(0) > 0
    });
    let run = session
        .query_one(
            "SELECT status, return_message FROM cron.job_run_details ORDER BY runid LIMIT 1",
            &[],
        )
        .unwrap();
    assert_eq!((run.get(0), run.get(1)), ("succeeded", "UPDATE 20"));
}

/// dbt as `scripts/setup` installs it.
fn dbt() -> Option<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cache")))?;
    let folder = cache.join("refuel-tests/dbt");
    if folder.join("pins.txt").is_file() {
        return Some(folder);
    }
    eprintln!("skipped: dbt isn't there; scripts/setup --postgres-tests");
    None
}

fn run_dbt(cluster: &Cluster, dbt: &Path, arguments: &[&str]) -> String {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../dbt")
        .canonicalize()
        .unwrap();
    let output = Command::new("python3")
        .args(["-c", "from dbt.cli.main import cli; cli()"])
        .args(arguments)
        .arg("--project-dir")
        .arg(&project)
        .arg("--profiles-dir")
        .arg(&project)
        .env("PYTHONPATH", dbt)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")
        .env("DBT_TARGET_PATH", cluster.folder().join("dbt-target"))
        .env("DBT_LOG_PATH", cluster.folder().join("dbt-logs"))
        .env("DBT_HOST", cluster.folder())
        .env("NO_COLOR", "1")
        .current_dir(cluster.folder())
        .output()
        .unwrap();
    let told = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "{told}");
    told
}

#[test]
fn an_incremental_model_of_dbt_labels_only_new_rows() {
    let Some(dbt) = dbt() else { return };
    let Some(cluster) = with_mood(Plan::default()) else {
        return;
    };
    let mut session = cluster.connect();
    let asked = |session: &mut postgres::Client| -> i64 {
        let query = "SELECT coalesce(sum(inputs), 0)::bigint FROM refuel.usage WHERE task = 'mood@1'";
        session.query_one(query, &[]).unwrap().get(0)
    };
    session
        .batch_execute(
            "CREATE TABLE message (id int PRIMARY KEY, body text NOT NULL);
             INSERT INTO message SELECT n, 'dbt ' || n FROM generate_series(1, 12) n",
        )
        .unwrap();
    run_dbt(&cluster, &dbt, &["build"]);
    assert_eq!(asked(&mut session), 12);
    session
        .batch_execute("INSERT INTO message SELECT n, 'dbt ' || n FROM generate_series(13, 15) n")
        .unwrap();
    run_dbt(&cluster, &dbt, &["build"]);
    assert_eq!(asked(&mut session), 15);
    run_dbt(&cluster, &dbt, &["build"]);
    assert_eq!(asked(&mut session), 15);
    let labelled: i64 = session
        .query_one("SELECT count(*) FROM message_mood WHERE mood IN ('good', 'bad')", &[])
        .unwrap()
        .get(0);
    assert_eq!(labelled, 15);
}
