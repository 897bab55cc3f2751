//! A session stays small: it loads no model and starts no thread.

use refuel_postgres_tests::{Cluster, Plan};

use crate::common::{labels, with_mood};

#[test]
fn a_session_stays_small() {
    let Some(cluster) = with_mood(Plan::default()) else {
        return;
    };
    let mut session = cluster.connect();
    let backend = Cluster::backend(&mut session);
    // What any session takes for a query with as many rows and a sort.
    session
        .batch_execute("SELECT md5(n::text) FROM generate_series(1, 5000) n ORDER BY 1")
        .unwrap();
    let before = backend.own_memory();
    session.batch_execute(&labels("small", 300)).unwrap();
    session.batch_execute(&labels("small", 300)).unwrap();
    session
        .batch_execute("SELECT refuel_embed('message ' || n, 'all-minilm-l6-v2') FROM generate_series(1, 300) n")
        .unwrap();
    let added = backend.own_memory().saturating_sub(before);
    assert!(added < 10 << 20, "{} kB more", added / 1024);
    assert_eq!(backend.threads(), 1);
    let maps = backend.maps();
    assert!(maps.contains("/refuel.so"), "the library is loaded");
    assert!(!maps.contains("onnxruntime") && !maps.contains("model.onnx"), "{maps}");
}

/// Bytes that a statement adds to a new session of its own after another one.
fn added(cluster: &Cluster, first: &str, statement: &str) -> u64 {
    let mut session = cluster.connect();
    let backend = Cluster::backend(&mut session);
    session.batch_execute(first).unwrap();
    let before = backend.own_memory();
    session.batch_execute(statement).unwrap();
    backend.own_memory().saturating_sub(before)
}

#[test]
fn a_large_input_is_given_back() {
    let Some(cluster) = with_mood(Plan::default()) else {
        return;
    };
    let embed = |bytes: usize| {
        format!(
            "SELECT refuel_embed(repeat('word ' || n || ' ', {bytes} / 7), 'all-minilm-l6-v2') FROM generate_series(1, 3) n"
        )
    };
    let added = added(&cluster, &embed(100), &embed(4 << 20));
    assert!(added < 10 << 20, "{} kB more", added / 1024);
}

#[test]
fn a_statement_with_a_task_for_each_row_stays_small() {
    let Some(cluster) = with_mood(Plan::default()) else {
        return;
    };
    // Options make a task of their own; a prompt that is blank is refused without a model. 5,000 of these are 30 MB.
    let complete = |rows: usize| {
        format!(
            "SELECT count(refuel_complete('', 'smollm2-135m-instruct',
                 jsonb_build_object('guidelines', repeat('guide ', 300) || n))) FROM generate_series(1, {rows}) n"
        )
    };
    let added = added(&cluster, &complete(10), &complete(5000));
    assert!(added < 16 << 20, "{} kB more", added / 1024);
}

#[test]
fn a_dump_keeps_tasks_with_versions_owners_and_grants() {
    let Some(cluster) = with_mood(Plan::default()) else {
        return;
    };
    let mut session = cluster.connect();
    session
        .batch_execute(
            "CREATE ROLE \"Ann O'Tator\" LOGIN; CREATE ROLE reader LOGIN;
             SELECT refuel_grant_model('smollm2-135m-instruct', 'Ann O''Tator');
             SET ROLE \"Ann O'Tator\";
             SELECT refuel_create_task('tone', '{\"kind\": \"label\", \"input\": \"t\", \"labels\": [\"kind\", \"rude\"], \"model\": \"smollm2-135m-instruct\"}');
             SELECT refuel_alter_task('tone', '{\"kind\": \"label\", \"input\": \"t\", \"labels\": [\"kind\", \"rude\", \"odd\"], \"model\": \"smollm2-135m-instruct\"}');
             SELECT refuel_grant_task('tone', 'reader');
             RESET ROLE",
        )
        .unwrap();
    let dumped = cluster
        .client("pg_dump")
        .args(["--format=custom", "--file=dump"])
        .output()
        .unwrap();
    assert!(dumped.status.success(), "{}", String::from_utf8_lossy(&dumped.stderr));
    session
        .batch_execute("CREATE DATABASE again TEMPLATE template0")
        .unwrap();
    let restored = cluster
        .client("pg_restore")
        .args(["--exit-on-error", "--dbname=again", "dump"])
        .output()
        .unwrap();
    assert!(
        restored.status.success(),
        "{}",
        String::from_utf8_lossy(&restored.stderr)
    );

    let mut again = cluster.connect_as("postgres", "again");
    let tasks = "SELECT string_agg(t::text, E'\\n' ORDER BY t::text) FROM refuel.tasks t";
    let there: String = session.query_one(tasks, &[]).unwrap().get(0);
    let here: String = again.query_one(tasks, &[]).unwrap().get(0);
    assert_eq!(there, here);
    assert_eq!(
        again
            .query_one("SELECT count(*) FROM refuel.task_version", &[])
            .unwrap()
            .get::<_, i64>(0),
        3
    );
    let mut reader = cluster.connect_as("reader", "again");
    for task in ["tone", "tone@1"] {
        let label: String = reader
            .query_one("SELECT refuel_label('well done', $1)", &[&task])
            .unwrap()
            .get(0);
        assert!(["kind", "rude", "odd"].contains(&&*label));
    }
    reader
        .query("SELECT refuel_label('well done', 'mood')", &[])
        .unwrap_err();
    // The owner still is one: the next version is theirs to make.
    let mut owner = cluster.connect_as("Ann O'Tator", "again");
    let spec = r#"{"kind": "label", "input": "t", "labels": ["kind", "rude"], "model": "smollm2-135m-instruct"}"#;
    let version: i32 = owner
        .query_one(&format!("SELECT refuel_alter_task('tone', '{spec}')"), &[])
        .unwrap()
        .get(0);
    assert_eq!(version, 3);
}

#[test]
fn a_dump_leaves_out_tasks_and_grants_of_dropped_roles() {
    let Some(cluster) = with_mood(Plan::default().without_models()) else {
        return;
    };
    let mut session = cluster.connect();
    let spec = r#"{"kind": "label", "input": "t", "labels": ["kind", "rude"]}"#;
    session
        .batch_execute(&format!(
            "CREATE ROLE kept; CREATE ROLE gone; CREATE ROLE reader;
             SET ROLE gone;
             SELECT refuel_create_task('lost', '{spec}'), refuel_create_task('saved', '{spec}');
             SELECT refuel_alter_task('saved', refuel_task('saved') || '{{\"threshold\": 0.5}}');
             SELECT refuel_grant_task('lost', 'reader'), refuel_grant_task('lost', 'public'),
                    refuel_grant_task('saved', 'reader'), refuel_grant_task('saved', 'public');
             RESET ROLE;
             SELECT refuel_grant_task('mood', 'gone'), refuel_grant_task('mood', 'reader'),
                    refuel_grant_model('one', 'gone'), refuel_grant_model('one', 'public');
             UPDATE refuel.task SET owner = 'kept' WHERE name = 'saved';
             DROP ROLE gone"
        ))
        .unwrap();
    session
        .batch_execute("CREATE DATABASE again TEMPLATE template0")
        .unwrap();
    let dump = cluster.client("pg_dump").args(["--file=dump"]).output().unwrap();
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    // Foreign keys hold, or this would fail.
    let restored = cluster
        .client("psql")
        .args([
            "--no-psqlrc",
            "--quiet",
            "--set=ON_ERROR_STOP=1",
            "--dbname=again",
            "--file=dump",
        ])
        .output()
        .unwrap();
    assert!(
        restored.status.success(),
        "{}",
        String::from_utf8_lossy(&restored.stderr)
    );

    let mut again = cluster.connect_as("postgres", "again");
    let everything = "
        SELECT concat_ws(' ', 'task', name, owner) FROM refuel.task
        UNION ALL SELECT concat_ws(' ', 'version', task, version) FROM refuel.task_version
        UNION ALL SELECT concat_ws(' ', 'grant', task, grantee) FROM refuel.task_grant
        UNION ALL SELECT concat_ws(' ', 'model', model, grantee) FROM refuel.model_grant ORDER BY 1";
    let rows = again.query(everything, &[]).unwrap();
    let rows: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(
        rows,
        [
            "grant mood reader",
            "grant saved -",
            "grant saved reader",
            "model one -",
            "task mood postgres",
            "task saved kept",
            "version mood 1",
            "version saved 1",
            "version saved 2",
        ]
    );
}
