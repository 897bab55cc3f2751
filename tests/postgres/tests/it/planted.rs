//! A schema in which somebody else may create things, when a superuser creates the extension in it.

use postgres::Client;
use refuel_postgres_tests::Plan;

use crate::common::MOOD;

/// Every operator that `pg_catalog` doesn't have for exactly these types is preferred to one that needs a conversion; so
/// are functions. All of these raise an exception.
const TRAPS: &str = "
    CREATE ROLE mallory;
    CREATE SCHEMA planted;
    GRANT USAGE, CREATE ON SCHEMA planted TO mallory;
    SET ROLE mallory;
    DO $plant$
    DECLARE
        types CONSTANT regtype[] := '{bigint, boolean, double precision, integer, interval, jsonb, name, numeric, oid,
            real, regrole, text, timestamptz}';
        body CONSTANT text := 'LANGUAGE plpgsql AS $f$ BEGIN RAISE EXCEPTION ''a trap was called''; END $f$';
        l regtype;
        r regtype;
        name text;
    BEGIN
        FOREACH l IN ARRAY types LOOP
            FOREACH name IN ARRAY '{max, count, to_timestamp, pg_get_userbyid}'::text[] LOOP
                EXECUTE format('CREATE FUNCTION planted.%s(%s) RETURNS %s %s', name, l, l, body);
            END LOOP;
            FOREACH r IN ARRAY types LOOP
                EXECUTE format('CREATE FUNCTION planted.pg_has_role(%s, %s) RETURNS boolean %s', l, r, body);
                EXECUTE format('CREATE FUNCTION planted.truth(%s, %s) RETURNS boolean %s', l, r, body);
                EXECUTE format('CREATE FUNCTION planted.sum_of(%s, %s) RETURNS %s %s', l, r, l, body);
                FOREACH name IN ARRAY '{=, <>, <, <=, >, >=}'::text[] LOOP
                    EXECUTE format('CREATE OPERATOR planted.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = planted.truth)',
                        name, l, r);
                END LOOP;
                FOREACH name IN ARRAY '{+, -, *, /, ||}'::text[] LOOP
                    EXECUTE format('CREATE OPERATOR planted.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = planted.sum_of)',
                        name, l, r);
                END LOOP;
            END LOOP;
        END LOOP;
    END $plant$;
    RESET ROLE";

fn texts(session: &mut Client, query: &str) -> Vec<String> {
    let rows = session.query(query, &[]).unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

#[test]
fn nothing_of_another_role_runs_where_the_extension_is_created() {
    let Some(cluster) = Plan::default().start() else { return };
    cluster.wait_for_host();
    let mut session = cluster.connect();
    session.batch_execute(TRAPS).unwrap();
    session
        .batch_execute("SET search_path = planted; CREATE EXTENSION refuel SCHEMA planted")
        .unwrap();
    // The traps work: this is an `oid = integer`.
    let error = session.batch_execute("SELECT 0::oid = 0").unwrap_err();
    assert_eq!(error.as_db_error().unwrap().message(), "a trap was called");

    let dependent = texts(
        &mut session,
        "SELECT DISTINCT pg_catalog.pg_describe_object(d.classid, d.objid, 0) FROM pg_catalog.pg_depend d
         WHERE d.classid <> 'pg_operator'::regclass::oid AND (
             d.refclassid = 'pg_operator'::regclass::oid OR d.refclassid = 'pg_proc'::regclass::oid AND d.refobjid IN (
                 SELECT p.oid FROM pg_catalog.pg_proc p WHERE p.proowner = 'mallory'::regrole::oid))",
    );
    assert_eq!(dependent, Vec::<String>::new(), "these call a trap");

    // And nothing is called when all of it is used, even by who has the schema before Postgres' own.
    session
        .batch_execute(&format!(
            "SET search_path = planted, pg_catalog;
             SELECT refuel_create_task('mood', '{MOOD}');
             SELECT refuel_alter_task('mood', refuel_task('mood'));
             SELECT refuel_grant_task('mood', 'mallory');
             SELECT refuel_grant_model('smollm2-135m-instruct', 'mallory');
             SELECT refuel_label('well done', 'mood'), refuel_detail('well done', 'mood');
             SET ROLE mallory;
             SELECT refuel_complete('Write.', 'smollm2-135m-instruct', '{{\"max_tokens\": 2}}');
             SELECT * FROM refuel.tasks;
             RESET ROLE;
             SELECT * FROM refuel.tasks; SELECT * FROM refuel.models; SELECT * FROM refuel.activity;
             SELECT * FROM refuel.usage; SELECT * FROM refuel.host;
             SELECT refuel_revoke_task('mood', 'mallory');
             SELECT refuel_revoke_model('smollm2-135m-instruct', 'mallory');
             SELECT refuel_drop_task('mood')"
        ))
        .unwrap();
}
