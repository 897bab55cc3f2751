-- What a row without an answer does: one that is too long for a task that cuts nothing.
\set long 'repeat(''long text '', 100000)'
SELECT refuel_create_task('on_error_fail', '{"kind": "label", "input": "body", "model": "smollm2-135m-instruct",
    "labels": ["a", "b"], "on_error": "fail", "truncate": "error"}');
SELECT refuel_create_task('on_error_null', '{"kind": "label", "input": "body", "model": "smollm2-135m-instruct",
    "labels": ["a", "b"], "on_error": "null", "truncate": "error"}');
SELECT refuel_create_task('on_error_capture', '{"kind": "label", "input": "body", "model": "smollm2-135m-instruct",
    "labels": ["a", "b"], "on_error": "capture", "truncate": "error"}');
SELECT refuel_create_task('on_error_default', '{"kind": "label", "input": "body", "model": "smollm2-135m-instruct",
    "labels": ["a", "b"], "truncate": "error"}');
CREATE TABLE on_error_row (id integer PRIMARY KEY, body text);
INSERT INTO on_error_row VALUES (1, 'text'), (2, :long), (3, '   '), (4, NULL), (5, 'more text');

-- fail: the statement fails, and says for which task and why.
SELECT refuel_label(:long, 'on_error_fail');
\echo :LAST_ERROR_SQLSTATE
SELECT id, refuel_label(body, 'on_error_fail') FROM on_error_row ORDER BY id;
SELECT refuel_label(array_agg(body), 'on_error_fail') FROM on_error_row;
SELECT refuel_detail(:long, 'on_error_fail');
SELECT refuel_confidence(:long, 'on_error_fail');

-- null: the row is NULL, and stays.
SELECT id, refuel_label(body, 'on_error_null') IS NULL AS is_null FROM on_error_row ORDER BY id;
SELECT array_position(refuel_label(array_agg(body ORDER BY id), 'on_error_null'), NULL) FROM on_error_row;
SELECT refuel_detail(:long, 'on_error_null') IS NULL AS is_null;

-- capture: the row is NULL, and refuel_detail says why.
SELECT id, refuel_label(body, 'on_error_capture') IS NULL AS is_null FROM on_error_row ORDER BY id;
SELECT id, d.value IS NULL AS is_null, d.status, d.reason
FROM on_error_row, LATERAL refuel_detail(body, 'on_error_capture') d ORDER BY id;
-- A text without anything is no failure: nobody is asked about it.
SELECT status, reason, source FROM refuel_detail('', 'on_error_capture');

-- It is the default.
SELECT status FROM refuel_detail(:long, 'on_error_default');

-- No error is ever a label, a truth value, or a row that is not there.
SELECT count(*) AS rows, count(refuel_label(body, 'on_error_capture')) AS labels FROM on_error_row;
SELECT count(*) FROM on_error_row WHERE refuel_label(body, 'on_error_capture') IS NULL;

-- The setting takes the place of what tasks say, from the next statement on.
SET refuel.on_error = 'fail';
SELECT refuel_label(:long, 'on_error_null');
SELECT refuel_label(:long, 'on_error_capture');
SELECT refuel_label('', 'on_error_fail') IS NULL AS is_null, refuel_embed('', 'all-minilm-l6-v2') IS NULL AS embed_is_null;
SET refuel.on_error = 'null';
SELECT refuel_label(:long, 'on_error_fail') IS NULL AS is_null, refuel_detail(:long, 'on_error_capture') IS NULL AS detail_is_null;
SET refuel.on_error = 'capture';
SELECT status FROM refuel_detail(:long, 'on_error_fail');
SET refuel.on_error = 'task';
SELECT refuel_label(:long, 'on_error_fail');

-- A statement that failed leaves the session as it was.
BEGIN;
SAVEPOINT before;
SELECT refuel_label(:long, 'on_error_fail');
ROLLBACK TO before;
SELECT refuel_label(:long, 'on_error_null') IS NULL AS is_null;
COMMIT;
SELECT refuel_label('text', 'on_error_fail') IN ('a', 'b') AS labeled;

DROP TABLE on_error_row;
SELECT refuel_drop_task(name) FROM refuel.tasks WHERE name LIKE 'on\_error\_%';
