-- What the host says of itself: refuel.host, refuel.models, refuel.usage, refuel.activity.
SELECT h.version = e.extversion AS version, h.pid > 0 AS pid, h.started < now() AS started, h.clients >= 1 AS clients,
       h.resident_bytes > 0 AS resident, h.budget_bytes >= h.models_bytes AS budget
FROM refuel.host h, pg_extension e WHERE e.extname = 'refuel';

SELECT refuel_create_task('reports_topic', '{"kind": "label", "input": "body", "model": "smollm2-135m-instruct",
    "labels": ["refund", "delivery"]}');
-- The time makes sure that a model is asked, and that no answer is kept from before.
SELECT count(refuel_label(body || n, 'reports_topic')) FROM unnest(ARRAY['one ', 'two ', 'one ']) AS body, now() AS n;
SELECT refuel_label('{"subject": "one"}'::jsonb, 'reports_topic') IS NULL AS failed;

-- Models, loaded where they were asked, and whether the current role may use them.
SELECT name, role, loaded, device IS NOT NULL AS device, memory_bytes > 0 AS memory, size_bytes > 0 AS size, digest ~ '^sha256:[0-9a-f]{64}$' AS digest, granted
FROM refuel.models WHERE name = 'smollm2-135m-instruct' AND loaded;

-- Usage counts every input, and what it took.
SELECT role = current_user AS role, database = current_database() AS database, task, model LIKE 'smollm2-135m-instruct@%' AS model,
       requests > 0 AS requests, inputs > 0 AS inputs, failed > 0 AS failed, input_tokens > 0 AS tokens, last_used >= first_used AS used
FROM refuel.usage WHERE task LIKE 'reports\_topic%' AND database = current_database();

-- Nothing of this session is under way while it asks for this.
SELECT count(*) FROM refuel.activity WHERE pid = pg_backend_pid();

-- Other roles see what is theirs.
SET client_min_messages = warning;
DROP ROLE IF EXISTS regress_reports, regress_monitor;
RESET client_min_messages;
CREATE ROLE regress_reports;
CREATE ROLE regress_monitor IN ROLE pg_read_all_stats;
SET ROLE regress_reports;
SELECT count(*) FROM refuel.usage WHERE task LIKE 'reports\_topic%' AND database = current_database();
SELECT count(*) > 0 AS models, bool_or(granted) AS granted FROM refuel.models;
SELECT count(*) FROM refuel.host;
SET ROLE regress_monitor;
SELECT count(*) FROM refuel.usage WHERE task LIKE 'reports\_topic%' AND database = current_database();
RESET ROLE;
DROP ROLE regress_reports, regress_monitor;
SELECT refuel_drop_task('reports_topic');

-- A report that there is not.
SELECT refuel.host_report('modles');
SELECT refuel.host_report('');
