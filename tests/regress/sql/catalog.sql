-- Tasks, their versions, and what is said of them. No model is asked.

-- Every function has a language, and says honestly what it does.
SELECT p.oid::regprocedure AS function, l.lanname AS language, p.provolatile AS volatile, p.proisstrict AS strict,
       p.proparallel AS parallel, p.procost AS cost
FROM pg_proc p
JOIN pg_language l ON l.oid = p.prolang
JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
JOIN pg_extension e ON e.oid = d.refobjid
WHERE e.extname = 'refuel'
ORDER BY p.oid::regprocedure::text COLLATE "C";

-- Everything that belongs to the extension has a comment.
SELECT pg_describe_object(d.classid, d.objid, 0) AS without_comment
FROM pg_depend d
JOIN pg_extension e ON e.oid = d.refobjid
WHERE e.extname = 'refuel' AND d.deptype = 'e' AND obj_description(d.objid, d.classid::regclass::name) IS NULL
ORDER BY 1;

-- A task is made, and its first version is 1.
SELECT refuel_create_task('catalog_topic', '{"kind": "label", "input": "body", "labels": ["refund", "delivery"]}');

-- A name is given once.
SELECT refuel_create_task('catalog_topic', '{"kind": "label", "input": "body", "labels": ["refund", "delivery"]}');

-- The same specification is the same version.
SELECT refuel_alter_task('catalog_topic', '{"labels": ["refund", "delivery"], "input": "body", "kind": "label"}');

-- Another one is another version.
SELECT refuel_alter_task('catalog_topic', '{"kind": "label", "input": "body", "labels": ["refund", "delivery", "other"],
                                           "model": "smollm2-135m-instruct", "threshold": 0.5, "on_error": "fail"}');
SELECT name, version, kind, model, current, spec FROM refuel.tasks WHERE name = 'catalog_topic' ORDER BY version;

-- What was made can be read, changed, and given back.
SELECT refuel_task('catalog_topic');
SELECT refuel_task('catalog_topic@1');
SELECT refuel_alter_task('catalog_topic', refuel_task('catalog_topic') || '{"threshold": 0.75}');

-- A version is dropped by its name; its number is not given again.
SELECT refuel_drop_task('catalog_topic@3');
SELECT name, version, current FROM refuel.tasks WHERE name = 'catalog_topic' ORDER BY version;
SELECT refuel_alter_task('catalog_topic', refuel_task('catalog_topic') || '{"threshold": 0.8}');

-- Versions and tasks that are not there.
SELECT refuel_task('catalog_topic@3');
SELECT refuel_task('catalog_nothing');
SELECT refuel_drop_task('catalog_topic@3');
SELECT refuel_drop_task('catalog_nothing');
SELECT refuel_alter_task('catalog_nothing', '{}');
SELECT refuel_label('text', 'catalog_nothing');
SELECT refuel_label('text', 'catalog_topic@0');
SELECT refuel_label('text', 'catalog_topic@two');
SELECT refuel_label('text', 'catalog_topic@4294967296');
SELECT refuel_label('text', '');

-- Whatever changes a task takes part in the transaction.
BEGIN;
SELECT refuel_drop_task('catalog_topic');
SELECT refuel_task('catalog_topic');
ROLLBACK;
SELECT refuel_task('catalog_topic') ->> 'version' AS version;
BEGIN READ ONLY;
SELECT refuel_task('catalog_topic@1') ->> 'kind' AS kind;
SELECT refuel_alter_task('catalog_topic', '{"kind": "label", "input": "body", "labels": ["a", "b"]}');
ROLLBACK;

-- The last version can't be dropped; the task can.
SELECT refuel_create_task('catalog_short', '{"kind": "match", "input": {"a": "one", "b": "other"}}');
SELECT refuel_drop_task('catalog_short@1');
SELECT refuel_drop_task('catalog_short');
SELECT count(*) FROM refuel.tasks WHERE name = 'catalog_short';

-- What is wrong with a specification is said, with its place.
SELECT refuel_create_task('catalog_wrong', '{"kind": "labels", "input": "body"}');
SELECT refuel_create_task('catalog_wrong', '{"kind": "label", "input": "body"}');
SELECT refuel_create_task('catalog_wrong', '{"kind": "label", "input": "body", "labels": ["a", "b"], "treshold": 0.5}');
SELECT refuel_create_task('catalog_wrong', '{"kind": "label", "input": "body", "labels": ["a", "a"]}');
SELECT refuel_create_task('catalog_wrong', '{"kind": "label", "input": "body", "labels": ["a", {"name": 3}]}');
SELECT refuel_create_task('catalog_wrong', '{"kind": "embed", "input": "body", "model": "no model"}');
SELECT refuel_create_task('catalog_wrong', '[]');
SELECT refuel_create_task('catalog_wrong', 'null');
SELECT refuel_create_task('catalog_wrong', '{"name": "other", "kind": "embed", "input": "body"}');

-- A task of the catalog names no file.
SELECT refuel_create_task('catalog_wrong', '{"kind": "label", "input": "body", "labels": ["a", "b"],
                                            "examples": {"from": "/etc/passwd"}}');

-- Hostile names are names that can't be.
SELECT refuel_create_task('x''; DROP TABLE refuel.task; --', '{"kind": "embed", "input": "body"}');
SELECT refuel_create_task('x@2', '{"kind": "embed", "input": "body"}');
SELECT refuel_create_task('', '{"kind": "embed", "input": "body"}');
SELECT refuel_create_task(repeat('x', 64), '{"kind": "embed", "input": "body"}');
SELECT refuel_label('text', 'x''; DROP TABLE refuel.task; --');

-- Nothing of what a user makes is called by the catalog.
CREATE SCHEMA catalog_hostile;
CREATE FUNCTION catalog_hostile.equal(text, text) RETURNS boolean LANGUAGE plpgsql AS
    'BEGIN RAISE EXCEPTION ''called''; END';
CREATE OPERATOR catalog_hostile.= (LEFTARG = text, RIGHTARG = text, FUNCTION = catalog_hostile.equal);
SET search_path = catalog_hostile, pg_catalog, public;
SELECT refuel_task('catalog_topic@1') ->> 'kind' AS kind;
SELECT refuel_drop_task('catalog_topic');
RESET search_path;
DROP SCHEMA catalog_hostile CASCADE;

-- NULL asks nothing and does nothing.
SELECT refuel_label(NULL::text, 'catalog_nothing') IS NULL, refuel_create_task(NULL, '{}') IS NULL AS made;
