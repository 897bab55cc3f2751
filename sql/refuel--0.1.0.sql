\echo Use "CREATE EXTENSION refuel" to load this file. \quit

-- A superuser runs this with the target schema on the search path, where others may be allowed to create what they like.
-- So every function is named with its schema, and every operator has operands of exactly the types that pg_catalog has it
-- for: an operator of somebody else's would be taken before one that needs a conversion.

-- The catalog ---------------------------------------------------------------------------------------------------------

CREATE SCHEMA refuel;
COMMENT ON SCHEMA refuel IS 'Catalog of Refuel: tasks, models, usage, activity';

-- The tables are granted to nobody. The functions below change them and check rights; the views show each role its own.
-- Roles are kept as `regrole`, which follows a role that is renamed, and is dumped and restored by name.

CREATE TABLE refuel.task (
    name text PRIMARY KEY,
    owner regrole NOT NULL,
    last_version integer NOT NULL CHECK (last_version > 0),
    created timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE refuel.task IS 'Tasks and their owners. A superuser gives a task to another role by updating the owner';
COMMENT ON COLUMN refuel.task.last_version IS 'The highest version there ever was, so that no number is given twice';

CREATE TABLE refuel.task_version (
    task text NOT NULL REFERENCES refuel.task ON UPDATE CASCADE ON DELETE CASCADE,
    version integer NOT NULL CHECK (version > 0),
    kind text NOT NULL,
    model text NOT NULL,
    on_error text NOT NULL CHECK (on_error IN ('fail', 'null', 'capture')),
    spec jsonb NOT NULL,
    created timestamptz NOT NULL DEFAULT pg_catalog.now(),
    created_by text NOT NULL,
    PRIMARY KEY (task, version)
);
COMMENT ON TABLE refuel.task_version IS 'Versions of tasks. The highest is the current one';
COMMENT ON COLUMN refuel.task_version.kind IS 'Kind of task, as the specification says';
COMMENT ON COLUMN refuel.task_version.model IS 'The model as the specification names it, or the default of the kind when it was made';
COMMENT ON COLUMN refuel.task_version.on_error IS 'What a row without an answer does, as the specification says or by default';
COMMENT ON COLUMN refuel.task_version.created_by IS 'Name that the role had';

CREATE TABLE refuel.task_grant (
    task text NOT NULL REFERENCES refuel.task ON UPDATE CASCADE ON DELETE CASCADE,
    grantee regrole NOT NULL,
    PRIMARY KEY (task, grantee)
);
COMMENT ON TABLE refuel.task_grant IS 'Roles that may use a task beside its owner; the role "-" is everybody';

CREATE TABLE refuel.model_grant (
    model text NOT NULL,
    grantee regrole NOT NULL,
    PRIMARY KEY (model, grantee)
);
COMMENT ON TABLE refuel.model_grant IS 'Roles that may use a model, by its name without digest; the role "-" is everybody';

-- What belongs to roles that were dropped is left out of dumps, tasks and grants: the numbers of these roles could be other
-- roles' where they are restored.
SELECT pg_catalog.pg_extension_config_dump('refuel.task',
    'WHERE EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = owner::oid)');
SELECT pg_catalog.pg_extension_config_dump('refuel.task_version',
    'WHERE EXISTS (SELECT FROM refuel.task t JOIN pg_catalog.pg_roles r ON r.oid = t.owner::oid WHERE t.name = task)');
SELECT pg_catalog.pg_extension_config_dump('refuel.task_grant',
    'WHERE (grantee::oid = 0::oid OR EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = grantee::oid))
        AND EXISTS (SELECT FROM refuel.task t JOIN pg_catalog.pg_roles r ON r.oid = t.owner::oid WHERE t.name = task)');
SELECT pg_catalog.pg_extension_config_dump('refuel.model_grant',
    'WHERE grantee::oid = 0::oid OR EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = grantee::oid)');

-- Functions that ask a model ------------------------------------------------------------------------------------------

-- They are STABLE: the same input gives the same answer while task and model stay the same, which a statement sees
-- unchanged. They are STRICT: nothing is asked about NULL. Their COST is in units of cpu_operator_cost, which is about
-- ten nanoseconds of work: a call takes a millisecond or more, which is 100,000 of these.

CREATE TYPE refuel_result AS (
    value text,
    confidence real,
    raw_confidence real,
    status text,
    reason text,
    scores jsonb,
    model text,
    source text
);
COMMENT ON TYPE refuel_result IS 'Everything about an answer';
COMMENT ON COLUMN refuel_result.value IS 'The value, in JSON where it is a list; NULL where there is none';
COMMENT ON COLUMN refuel_result.confidence IS 'In [0, 1], normalized over what could have been answered';
COMMENT ON COLUMN refuel_result.raw_confidence IS 'In [0, 1], the geometric mean of the probabilities of the answer''s tokens';
COMMENT ON COLUMN refuel_result.status IS 'ok, abstained or error';
COMMENT ON COLUMN refuel_result.reason IS 'Why there is no answer, or what was done to the input';
COMMENT ON COLUMN refuel_result.scores IS
    'What could have been answered, best first, or the fields of a record: a list of value, confidence, raw_confidence, span';
COMMENT ON COLUMN refuel_result.model IS 'name@digest of the model';
COMMENT ON COLUMN refuel_result.source IS 'model, cache, duplicate, rule or human';

CREATE FUNCTION refuel_label(input text, task text) RETURNS text
AS 'MODULE_PATHNAME', 'refuel_label' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100000;
COMMENT ON FUNCTION refuel_label(text, text) IS 'The label that a task gives a text';

CREATE FUNCTION refuel_label(input jsonb, task text) RETURNS text
AS 'MODULE_PATHNAME', 'refuel_label_record' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100000;
COMMENT ON FUNCTION refuel_label(jsonb, text) IS 'The label that a task over several columns gives a row';

CREATE FUNCTION refuel_label(inputs text[], task text) RETURNS text[]
AS 'MODULE_PATHNAME', 'refuel_label_array' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100000;
COMMENT ON FUNCTION refuel_label(text[], text) IS 'The labels that a task gives texts; NULL for an element that is NULL';

CREATE FUNCTION refuel_labels(input text, task text) RETURNS text[]
AS 'MODULE_PATHNAME', 'refuel_labels' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100000;
COMMENT ON FUNCTION refuel_labels(text, text) IS 'The labels, any number of them, that a multilabel task gives a text';

CREATE FUNCTION refuel_labels(input jsonb, task text) RETURNS text[]
AS 'MODULE_PATHNAME', 'refuel_labels_record' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100000;
COMMENT ON FUNCTION refuel_labels(jsonb, text) IS 'The labels, any number of them, that a multilabel task gives a row';

CREATE FUNCTION refuel_extract(input text, task text) RETURNS jsonb
AS 'MODULE_PATHNAME', 'refuel_extract' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100000;
COMMENT ON FUNCTION refuel_extract(text, text) IS 'The fields that a task reads out of a text';

CREATE FUNCTION refuel_extract(input jsonb, task text) RETURNS jsonb
AS 'MODULE_PATHNAME', 'refuel_extract_record' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100000;
COMMENT ON FUNCTION refuel_extract(jsonb, text) IS 'The fields that a task over several columns reads out of a row';

CREATE FUNCTION refuel_answer(context text, question text, task text) RETURNS text
AS 'MODULE_PATHNAME', 'refuel_answer' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100000;
COMMENT ON FUNCTION refuel_answer(text, text, text) IS 'The piece of a text that answers a question; NULL where none does';

CREATE FUNCTION refuel_normalize(input text, task text) RETURNS text
AS 'MODULE_PATHNAME', 'refuel_normalize' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100000;
COMMENT ON FUNCTION refuel_normalize(text, text) IS 'The canonical form that a task gives a raw value';

CREATE FUNCTION refuel_normalize(input jsonb, task text) RETURNS text
AS 'MODULE_PATHNAME', 'refuel_normalize_record' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100000;
COMMENT ON FUNCTION refuel_normalize(jsonb, text) IS 'The canonical form that a task over several columns gives a row';

CREATE FUNCTION refuel_clean(input text, task text) RETURNS text
AS 'MODULE_PATHNAME', 'refuel_clean' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100000;
COMMENT ON FUNCTION refuel_clean(text, text) IS 'A text as a task mends it';

CREATE FUNCTION refuel_enrich(input jsonb, task text) RETURNS jsonb
AS 'MODULE_PATHNAME', 'refuel_enrich' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100000;
COMMENT ON FUNCTION refuel_enrich(jsonb, text) IS 'The fields of a record, with those that it lacked';

CREATE FUNCTION refuel_resolve(relation regclass, task text)
RETURNS TABLE (record_key text, entity_id bigint, is_canonical boolean, confidence real, canonical jsonb)
AS 'MODULE_PATHNAME', 'refuel_resolve' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 1000000 ROWS 1000;
COMMENT ON FUNCTION refuel_resolve(regclass, text) IS 'Which records of a relation are the same thing';

CREATE FUNCTION refuel_resolve(relation regclass, other regclass, task text)
RETURNS TABLE (record_key text, entity_id bigint, is_canonical boolean, confidence real, canonical jsonb, source integer)
AS 'MODULE_PATHNAME', 'refuel_resolve_two' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 1000000 ROWS 1000;
COMMENT ON FUNCTION refuel_resolve(regclass, regclass, text) IS 'Which records of two relations are the same thing';

CREATE FUNCTION refuel_repair(relation regclass, task text)
RETURNS TABLE (record_key text, column_name text, value text, proposed text, confidence real, evidence text, remedy text)
AS 'MODULE_PATHNAME', 'refuel_repair' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 1000000 ROWS 100;
COMMENT ON FUNCTION refuel_repair(regclass, text) IS 'The cells of a relation that look wrong, with what should stand there';

CREATE FUNCTION refuel_detail(input text, task text) RETURNS refuel_result
AS 'MODULE_PATHNAME', 'refuel_detail' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100000;
COMMENT ON FUNCTION refuel_detail(text, text) IS 'Everything about the answer that a task gives a text';

CREATE FUNCTION refuel_detail(input jsonb, task text) RETURNS refuel_result
AS 'MODULE_PATHNAME', 'refuel_detail_record' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100000;
COMMENT ON FUNCTION refuel_detail(jsonb, text) IS 'Everything about the answer that a task gives a row';

CREATE FUNCTION refuel_detail(a text, b text, task text) RETURNS refuel_result
AS 'MODULE_PATHNAME', 'refuel_detail_pair' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100000;
COMMENT ON FUNCTION refuel_detail(text, text, text) IS 'Everything about the answer that a task gives two texts';

CREATE FUNCTION refuel_confidence(input text, task text) RETURNS real
AS 'MODULE_PATHNAME', 'refuel_confidence' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100000;
COMMENT ON FUNCTION refuel_confidence(text, text) IS 'How sure a task is of its answer, in [0, 1]';

CREATE FUNCTION refuel_confidence(input jsonb, task text) RETURNS real
AS 'MODULE_PATHNAME', 'refuel_confidence_record' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100000;
COMMENT ON FUNCTION refuel_confidence(jsonb, text) IS 'How sure a task is of its answer about a row, in [0, 1]';

CREATE FUNCTION refuel_confidence(a text, b text, task text) RETURNS real
AS 'MODULE_PATHNAME', 'refuel_confidence_pair' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100000;
COMMENT ON FUNCTION refuel_confidence(text, text, text) IS 'How sure a task is of its answer about two texts, in [0, 1]';

CREATE FUNCTION refuel_match(a text, b text, task text) RETURNS boolean
AS 'MODULE_PATHNAME', 'refuel_match' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100000;
COMMENT ON FUNCTION refuel_match(text, text, text) IS 'Whether two texts are the same thing';

CREATE FUNCTION refuel_match_score(a text, b text, task text) RETURNS real
AS 'MODULE_PATHNAME', 'refuel_match_score' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100000;
COMMENT ON FUNCTION refuel_match_score(text, text, text) IS 'The probability, in [0, 1], that two texts are the same thing';

CREATE FUNCTION refuel_embed(input text, model text) RETURNS real[]
AS 'MODULE_PATHNAME', 'refuel_embed' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100000;
COMMENT ON FUNCTION refuel_embed(text, text) IS 'The vector that stands for the meaning of a text';

CREATE FUNCTION refuel_complete(prompt text, model text, options jsonb DEFAULT '{}') RETURNS text
AS 'MODULE_PATHNAME', 'refuel_complete' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100000;
COMMENT ON FUNCTION refuel_complete(text, text, jsonb) IS
    'The text that a model writes; options are guidelines, max_tokens and stop';

-- Functions that change the catalog -----------------------------------------------------------------------------------

CREATE FUNCTION refuel_create_task(name text, spec jsonb) RETURNS integer
AS 'MODULE_PATHNAME', 'refuel_create_task' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION refuel_create_task(text, jsonb) IS 'Makes a task that the current role owns; returns its version';

CREATE FUNCTION refuel_alter_task(name text, spec jsonb) RETURNS integer
AS 'MODULE_PATHNAME', 'refuel_alter_task' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION refuel_alter_task(text, jsonb) IS 'Gives a task a new version; returns its number';

CREATE FUNCTION refuel_drop_task(name text) RETURNS void
AS 'MODULE_PATHNAME', 'refuel_drop_task' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION refuel_drop_task(text) IS 'Drops a task, or one version of it (name@2)';

CREATE FUNCTION refuel_task(name text) RETURNS jsonb
AS 'MODULE_PATHNAME', 'refuel_task' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION refuel_task(text) IS 'The specification of a task, or of one version of it (name@2)';

CREATE FUNCTION refuel_grant_task(name text, role text) RETURNS void
AS 'MODULE_PATHNAME', 'refuel_grant_task' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION refuel_grant_task(text, text) IS 'Lets a role, or public, use a task';

CREATE FUNCTION refuel_revoke_task(name text, role text) RETURNS void
AS 'MODULE_PATHNAME', 'refuel_revoke_task' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION refuel_revoke_task(text, text) IS 'Takes back what refuel_grant_task gave';

CREATE FUNCTION refuel_grant_model(model text, role text) RETURNS void
AS 'MODULE_PATHNAME', 'refuel_grant_model' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION refuel_grant_model(text, text) IS 'Lets a role, or public, use a model; for superusers';

CREATE FUNCTION refuel_revoke_model(model text, role text) RETURNS void
AS 'MODULE_PATHNAME', 'refuel_revoke_model' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION refuel_revoke_model(text, text) IS 'Takes back what refuel_grant_model gave; for superusers';

REVOKE ALL ON FUNCTION refuel_grant_model(text, text), refuel_revoke_model(text, text) FROM PUBLIC;

-- Views ---------------------------------------------------------------------------------------------------------------

GRANT USAGE ON SCHEMA refuel TO PUBLIC;

CREATE VIEW refuel.tasks WITH (security_barrier) AS
SELECT
    t.name,
    v.version,
    v.kind,
    v.model,
    t.owner,
    v.spec,
    v.version = pg_catalog.max(v.version) OVER (PARTITION BY t.name) AS current,
    v.created,
    v.created_by
FROM refuel.task t
JOIN refuel.task_version v ON v.task = t.name
WHERE pg_catalog.pg_has_role(t.owner::oid, 'USAGE') OR EXISTS (
    SELECT FROM refuel.task_grant g
    WHERE g.task = t.name AND (g.grantee::oid = 0::oid OR pg_catalog.pg_has_role(g.grantee::oid, 'USAGE')));
COMMENT ON VIEW refuel.tasks IS 'Versions of the tasks that the current role may use';
COMMENT ON COLUMN refuel.tasks.current IS 'Whether it is the version that the name alone stands for';

CREATE FUNCTION refuel.host_report(kind text) RETURNS jsonb
AS 'MODULE_PATHNAME', 'refuel_host_report' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION refuel.host_report(text) IS
    'What the host says of itself: host, models, activity or usage, as far as the current role may see';

CREATE VIEW refuel.models WITH (security_barrier) AS
SELECT
    m.name,
    m.digest,
    m.role,
    m.license,
    m.size_bytes,
    m.loaded,
    m.device,
    m.memory_bytes,
    pg_catalog.to_timestamp(m.used_ms::double precision / 1000::double precision) AS last_used,
    EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = current_user AND r.rolsuper) OR EXISTS (
        SELECT FROM refuel.model_grant g
        WHERE g.model = m.name AND (g.grantee::oid = 0::oid OR pg_catalog.pg_has_role(g.grantee::oid, 'USAGE'))) AS granted
FROM pg_catalog.jsonb_to_recordset(refuel.host_report('models')) AS m (
    name text, digest text, role text, license text, size_bytes bigint, loaded boolean, device text,
    memory_bytes bigint, used_ms bigint);
COMMENT ON VIEW refuel.models IS 'Models of the host''s registry, and whether the current role may use them';

CREATE VIEW refuel.activity AS
SELECT
    a.pid,
    a.program,
    a.database,
    a.role,
    a.task,
    a.model,
    a.inputs,
    a.answered,
    (a.answered::double precision / greatest(a.inputs, 1::bigint)::double precision)::real AS progress,
    pg_catalog.to_timestamp(a.started_ms::double precision / 1000::double precision) AS started
FROM pg_catalog.jsonb_to_recordset(refuel.host_report('activity')) AS a (
    pid integer, program text, database text, role text, task text, model text, inputs bigint, answered bigint,
    started_ms bigint);
COMMENT ON VIEW refuel.activity IS 'Requests that the host is at work on; those of roles whose rights the current role has';
COMMENT ON COLUMN refuel.activity.progress IS 'Part of the inputs that is answered, in [0, 1]';

CREATE VIEW refuel.usage AS
SELECT
    u.database,
    u.role,
    u.task,
    u.model,
    u.requests,
    u.inputs,
    u.cached,
    u.failed,
    u.input_tokens,
    u.output_tokens,
    u.model_us::double precision * interval '1 microsecond' AS model_time,
    pg_catalog.to_timestamp(u.first_ms::double precision / 1000::double precision) AS first_used,
    pg_catalog.to_timestamp(u.last_ms::double precision / 1000::double precision) AS last_used
FROM pg_catalog.jsonb_to_recordset(refuel.host_report('usage')) AS u (
    database text, role text, task text, model text, requests bigint, inputs bigint, cached bigint, failed bigint,
    input_tokens bigint, output_tokens bigint, model_us bigint, first_ms bigint, last_ms bigint);
COMMENT ON VIEW refuel.usage IS 'What the host has answered, by database, role, task and model';

CREATE VIEW refuel.host AS
SELECT
    h.pid,
    h.version,
    pg_catalog.to_timestamp(h.started_ms::double precision / 1000::double precision) AS started,
    h.clients,
    h.queued,
    h.queued_bytes,
    h.resident_bytes,
    h.budget_bytes,
    h.models_bytes,
    h.cache_bytes,
    h.warnings
FROM pg_catalog.jsonb_to_recordset(refuel.host_report('host')) AS h (
    pid integer, version text, started_ms bigint, clients bigint, queued bigint, queued_bytes bigint,
    resident_bytes bigint, budget_bytes bigint, models_bytes bigint, cache_bytes bigint, warnings text[]);
COMMENT ON VIEW refuel.host IS 'The host itself; warnings are shown to roles with the rights of pg_read_all_stats';

GRANT SELECT ON refuel.tasks, refuel.models, refuel.activity, refuel.usage, refuel.host TO PUBLIC;
