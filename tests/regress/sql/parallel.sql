-- Parallel workers look tasks up and ask for themselves, with the rights of the role that runs the query.
SELECT refuel_create_task('parallel_topic', '{"kind": "label", "input": "body", "model": "smollm2-135m-instruct",
    "labels": ["refund", "login"]}');
CREATE TABLE parallel_ticket WITH (parallel_workers = 2) AS
    SELECT id, 'I want my money back, order ' || id % 5 AS body FROM generate_series(1, 2000) id;
GRANT SELECT ON parallel_ticket TO PUBLIC;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET refuel.batching = off;

-- How many workers a query was given that labels every row.
CREATE FUNCTION pg_temp.workers() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
    FOR line IN EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off)
        SELECT id FROM parallel_ticket WHERE refuel_label(body, 'parallel_topic') IS NOT NULL
    LOOP
        RETURN QUERY SELECT m[1] FROM regexp_matches(line, 'Workers Launched: [1-9]') m;
    END LOOP;
END $$;
SELECT count(*) > 0 AS in_workers FROM pg_temp.workers();

-- The rows are those of one process.
SELECT count(*) FROM parallel_ticket WHERE refuel_label(body, 'parallel_topic') IN ('refund', 'login');
SELECT count(*) FROM parallel_ticket t WHERE (refuel_detail(body, 'parallel_topic')).status = 'ok';
SELECT bool_and(refuel_label(body, 'parallel_topic') = l.label) AS same
FROM parallel_ticket t JOIN (SELECT DISTINCT body, refuel_label(body, 'parallel_topic') AS label FROM parallel_ticket) l USING (body);

-- Rights are checked there too.
SET client_min_messages = warning;
DROP ROLE IF EXISTS regress_parallel;
CREATE ROLE regress_parallel;
SET ROLE regress_parallel;
-- Which process says so is chance.
\set SHOW_CONTEXT never
SELECT count(*) FROM parallel_ticket WHERE refuel_label(body, 'parallel_topic') IS NOT NULL;
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
DROP TABLE parallel_ticket;
DROP ROLE regress_parallel;
SELECT refuel_drop_task('parallel_topic');
