-- What a block has changed is undone where the block is, within the same statement too, and after the task was used in it.
SET client_min_messages = warning;
DROP ROLE IF EXISTS regress_undone;
CREATE ROLE regress_undone;
RESET client_min_messages;
SELECT refuel_create_task('subtransactions', '{"kind": "label", "input": "body", "labels": ["refund", "delivery"],
    "model": "smollm2-135m-instruct"}');

-- A new version, which has other labels.
DO $$
BEGIN
    RAISE NOTICE 'before: %', refuel_label('a text', 'subtransactions') IN ('refund', 'delivery');
    BEGIN
        PERFORM refuel_alter_task('subtransactions', refuel_task('subtransactions') || '{"labels": ["old", "new"]}');
        RAISE NOTICE 'in the block: %', refuel_label('a text', 'subtransactions') IN ('old', 'new');
        RAISE EXCEPTION 'undo';
    EXCEPTION WHEN raise_exception THEN
        NULL;
    END;
    RAISE NOTICE 'after: %', refuel_label('a text', 'subtransactions') IN ('refund', 'delivery');
END $$;

-- The same in a block that ends well.
DO $$
BEGIN
    BEGIN
        PERFORM refuel_alter_task('subtransactions', refuel_task('subtransactions') || '{"labels": ["old", "new"]}');
        RAISE NOTICE 'in the block: %', refuel_label('a text', 'subtransactions') IN ('old', 'new');
    EXCEPTION WHEN raise_exception THEN
        NULL;
    END;
    RAISE NOTICE 'after: %', refuel_label('a text', 'subtransactions') IN ('old', 'new');
END $$;

-- A new task.
DO $$
BEGIN
    BEGIN
        PERFORM refuel_create_task('subtransactions_new', refuel_task('subtransactions') - 'name');
        RAISE NOTICE 'in the block: %', refuel_label('a text', 'subtransactions_new') IS NOT NULL;
        RAISE EXCEPTION 'undo';
    EXCEPTION WHEN raise_exception THEN
        NULL;
    END;
    RAISE NOTICE 'after: %', refuel_label('a text', 'subtransactions_new') IS NOT NULL;
END $$;

-- A task that was dropped.
DO $$
BEGIN
    BEGIN
        PERFORM refuel_drop_task('subtransactions');
        RAISE EXCEPTION 'undo';
    EXCEPTION WHEN raise_exception THEN
        NULL;
    END;
    RAISE NOTICE 'after: %', refuel_label('a text', 'subtransactions') IN ('old', 'new');
END $$;

-- A grant.
DO $$
BEGIN
    BEGIN
        PERFORM refuel_grant_task('subtransactions', 'regress_undone');
        PERFORM set_config('role', 'regress_undone', true);
        RAISE NOTICE 'in the block: %', refuel_label('a text', 'subtransactions') IS NOT NULL;
        RAISE EXCEPTION 'undo';
    EXCEPTION WHEN raise_exception THEN
        NULL;
    END;
    PERFORM set_config('role', 'regress_undone', true);
    RAISE NOTICE 'after: %', refuel_label('a text', 'subtransactions') IS NOT NULL;
END $$;

-- And with savepoints, where each statement is one of its own.
BEGIN;
SAVEPOINT before;
SELECT refuel_alter_task('subtransactions', refuel_task('subtransactions') || '{"labels": ["red", "blue"]}');
SELECT refuel_label('a text', 'subtransactions') IN ('red', 'blue') AS changed;
ROLLBACK TO before;
SELECT refuel_label('a text', 'subtransactions') IN ('old', 'new') AS undone;
COMMIT;

SELECT refuel_drop_task('subtransactions');
DROP ROLE regress_undone;
