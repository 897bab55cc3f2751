-- Who may use what. No model is asked: whoever may ask is told that the host is not where the setting says.
SET client_min_messages = warning;
-- What a run that was broken off has left.
DROP ROLE IF EXISTS regress_owner, regress_renamed, regress_reader, regress_member, regress_team, regress_other;
CREATE ROLE regress_owner;
CREATE ROLE regress_reader;
CREATE ROLE regress_team;
CREATE ROLE regress_member IN ROLE regress_team;
CREATE ROLE regress_other;
SET refuel.socket = '/nonexistent/refuel.sock';
SET refuel.timeout = 0;

-- Anybody makes tasks of their own.
SET ROLE regress_owner;
SELECT refuel_create_task('roles_topic', '{"kind": "label", "input": "body", "labels": ["a", "b"],
                                          "model": "smollm2-135m-instruct@abcdef"}');

-- But only with a grant is a model asked.
SELECT refuel_label('text', 'roles_topic');
SELECT refuel_complete('text', 'smollm2-135m-instruct');
SELECT refuel_embed('text', 'all-minilm-l6-v2');

-- Which only superusers give.
SELECT refuel_grant_model('smollm2-135m-instruct', 'regress_owner');
SELECT refuel_revoke_model('smollm2-135m-instruct', 'regress_owner');
RESET ROLE;
SELECT refuel_grant_model('smollm2-135m-instruct', 'regress_owner');
SET ROLE regress_owner;
SELECT refuel_label('text', 'roles_topic');
SELECT refuel_complete('text', 'smollm2-135m-instruct');

-- A grant on a model says nothing about others'.
SELECT refuel_embed('text', 'all-minilm-l6-v2');

-- Others can't use the task, nor read it, nor change it, nor give it away.
SET ROLE regress_other;
SELECT refuel_label('text', 'roles_topic');
SELECT refuel_label('text', 'roles_topic@1');
SELECT refuel_task('roles_topic');
SELECT name FROM refuel.tasks WHERE name = 'roles_topic';
SELECT refuel_alter_task('roles_topic', '{"kind": "label", "input": "body", "labels": ["a", "c"]}');
SELECT refuel_drop_task('roles_topic');
SELECT refuel_grant_task('roles_topic', 'regress_other');
SELECT refuel_revoke_task('roles_topic', 'regress_owner');

-- Nor get round the functions.
SELECT * FROM refuel.task;
SELECT * FROM refuel.task_version;
SELECT * FROM refuel.task_grant;
INSERT INTO refuel.model_grant VALUES ('smollm2-135m-instruct', 'regress_other');
UPDATE refuel.tasks SET name = 'stolen';

-- Nor see anything through a function of their own that is called early.
CREATE FUNCTION pg_temp.peek(name text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS
    'BEGIN RAISE NOTICE ''saw %'', name; RETURN true; END';
SET client_min_messages = notice;
SELECT name FROM refuel.tasks WHERE pg_temp.peek(name);
SET client_min_messages = warning;

-- With a grant a role uses the task, with the rights of its owner on the model, and reads it; no more.
SET ROLE regress_owner;
SELECT refuel_grant_task('roles_topic', 'regress_reader');
SELECT refuel_grant_task('roles_topic', 'regress_team');
SELECT refuel_grant_task('roles_topic', 'regress_nobody');
SET ROLE regress_reader;
SELECT refuel_label('text', 'roles_topic');
SELECT refuel_task('roles_topic') ->> 'kind' AS kind;
SELECT name, version, owner FROM refuel.tasks WHERE name = 'roles_topic';
SELECT refuel_complete('text', 'smollm2-135m-instruct');
SELECT refuel_drop_task('roles_topic');

-- So does a member of a role that has one.
SET ROLE regress_member;
SELECT refuel_label('text', 'roles_topic');

-- A grant that is taken back is gone in the next statement, prepared or not.
SET ROLE regress_reader;
PREPARE roles_ask AS SELECT refuel_label('text', 'roles_topic');
EXECUTE roles_ask;
SET ROLE regress_owner;
SELECT refuel_revoke_task('roles_topic', 'regress_reader');
SET ROLE regress_reader;
EXECUTE roles_ask;
DEALLOCATE roles_ask;

-- Everybody is "public".
SET ROLE regress_owner;
SELECT refuel_grant_task('roles_topic', 'public');
SET ROLE regress_other;
SELECT refuel_label('text', 'roles_topic');
SET ROLE regress_owner;
SELECT refuel_revoke_task('roles_topic', 'public');
RESET ROLE;
SELECT refuel_grant_model('all-minilm-l6-v2', 'public');
SET ROLE regress_other;
SELECT refuel_embed('text', 'all-minilm-l6-v2');
RESET ROLE;
SELECT refuel_revoke_model('all-minilm-l6-v2', 'public');

-- The owner's right counts, whoever asks.
SELECT refuel_revoke_model('smollm2-135m-instruct', 'regress_owner');
SET ROLE regress_member;
SELECT refuel_label('text', 'roles_topic');
RESET ROLE;

-- A view asks with the rights of who looks, a function that says so with those of who made it.
SELECT refuel_grant_model('smollm2-135m-instruct', 'regress_owner');
SET ROLE regress_owner;
CREATE FUNCTION pg_temp.as_owner(text) RETURNS text LANGUAGE sql SECURITY DEFINER AS
    'SELECT refuel_label($1, ''roles_topic'')';
SET ROLE regress_other;
SELECT pg_temp.as_owner('text');
SELECT refuel_label('text', 'roles_topic');

-- The privilege on a function is asked for, however its calls are answered.
RESET ROLE;
REVOKE EXECUTE ON FUNCTION refuel_label(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION refuel_label(text, text) TO regress_reader;
SELECT refuel_grant_task('roles_topic', 'public');
SET ROLE regress_other;
SELECT refuel_label(t, 'roles_topic') FROM unnest(ARRAY['one', 'two']) AS t;
SELECT count(*) FROM unnest(ARRAY['one', 'two']) AS t WHERE refuel_label(t, 'roles_topic') = 'a';
SET refuel.batching = off;
SELECT refuel_label(t, 'roles_topic') FROM unnest(ARRAY['one', 'two']) AS t;
RESET refuel.batching;
-- Even where there is no row.
SELECT refuel_label(t, 'roles_topic') FROM unnest('{}'::text[]) AS t;
SET refuel.batching = off;
SELECT refuel_label(t, 'roles_topic') FROM unnest('{}'::text[]) AS t;
RESET refuel.batching;
SET ROLE regress_reader;
SELECT refuel_label(t, 'roles_topic') FROM unnest(ARRAY['one', 'two']) AS t;
RESET ROLE;
REVOKE EXECUTE ON FUNCTION refuel_label(text, text) FROM regress_reader;
GRANT EXECUTE ON FUNCTION refuel_label(text, text) TO PUBLIC;
SELECT refuel_revoke_task('roles_topic', 'public');
SET ROLE regress_other;

-- Where the host is, and what program it is, is for superusers.
SET refuel.socket = '/tmp/elsewhere';
SET refuel.host_path = '/tmp/program';
RESET ROLE;

-- A role that is renamed keeps what it has.
ALTER ROLE regress_owner RENAME TO regress_renamed;
SELECT name, owner FROM refuel.tasks WHERE name = 'roles_topic';
SET ROLE regress_renamed;
SELECT refuel_task('roles_topic') ->> 'kind' AS kind;
RESET ROLE;

-- A superuser uses every task; the model is asked with the owner's right even so.
SELECT refuel_label('text', 'roles_topic');
SELECT refuel_revoke_model('smollm2-135m-instruct', 'regress_renamed');
SELECT refuel_label('text', 'roles_topic');

DROP FUNCTION pg_temp.as_owner, pg_temp.peek;

-- A task whose owner was dropped is there, and is a superuser's to give away or to drop.
DROP ROLE regress_renamed;
SELECT name FROM refuel.tasks WHERE name = 'roles_topic';
UPDATE refuel.task SET owner = 'regress_other' WHERE name = 'roles_topic';
SET ROLE regress_other;
SELECT refuel_drop_task('roles_topic');
RESET ROLE;
DROP ROLE regress_reader, regress_member, regress_team, regress_other;
