-- refuel_resolve: which records of a relation are the same thing.
SELECT refuel_create_task('same_vendor', '{"kind": "resolve", "key": "id", "columns": {"name": "name", "city": null, "phone": "code"},
    "canonical": {"name": "longest"}}');
CREATE TABLE resolve_vendor (id text PRIMARY KEY, name text, city text, phone text, note text);
INSERT INTO resolve_vendor VALUES
    ('v1', 'Harbour Light Trading', 'Boston', '617 555 0101', 'x'),
    ('v2', 'Harbor Light Trading Co.', 'Boston', '(617) 555-0101', 'y'),
    ('v3', 'Golden Gate Supplies', 'San Francisco', '415 555 0190', NULL),
    ('v4', 'Golden Gate Suplies', 'San Francisco', '415 555 0190', ''),
    ('v5', 'Old Mill Bakery', 'Concord', '978 555 0133', 'z'),
    ('v6', 'Sunset Motors', NULL, '213 555 0177', 'z');
SELECT record_key, entity_id, is_canonical, confidence BETWEEN 0 AND 1 AS sure, canonical ->> 'name' AS name
FROM refuel_resolve('resolve_vendor', 'same_vendor') ORDER BY record_key;

-- It reads as the statement does: rows of this transaction, of a view, of a temporary table.
CREATE VIEW resolve_view AS SELECT * FROM resolve_vendor WHERE id < 'v4';
SELECT count(*), count(DISTINCT entity_id) FROM refuel_resolve('resolve_view', 'same_vendor');
CREATE TEMPORARY TABLE resolve_none (LIKE resolve_vendor);
SELECT count(*) FROM refuel_resolve('resolve_none', 'same_vendor');
SELECT v.id, r.entity_id FROM resolve_vendor v JOIN refuel_resolve('resolve_vendor', 'same_vendor') r ON r.record_key = v.id
WHERE v.city = 'Boston' ORDER BY v.id;

-- The records of two relations are linked.
CREATE TABLE "Resolve, other" (LIKE resolve_vendor);
INSERT INTO "Resolve, other" VALUES ('o1', 'Harbour Light Trading Company', 'Boston', '617-555-0101', NULL), ('o2', 'Quiet Corner Books', 'Salem', '978 555 0188', NULL);
SELECT record_key, source, entity_id = first_value(entity_id) OVER (ORDER BY source DESC, record_key) AS with_o1
FROM refuel_resolve('resolve_vendor', '"Resolve, other"', 'same_vendor') ORDER BY source, record_key;

EXPLAIN (COSTS OFF) SELECT * FROM refuel_resolve('resolve_vendor', 'same_vendor');
EXPLAIN (COSTS OFF, FORMAT JSON) SELECT * FROM refuel_resolve('resolve_vendor', 'same_vendor');

-- What is wrong is said.
SELECT * FROM refuel_resolve('resolve_absent', 'same_vendor');
SELECT * FROM refuel_resolve(4294967295, 'same_vendor');
SELECT * FROM refuel_resolve('resolve_vendor', 'no_task');
SELECT refuel_label('a', 'same_vendor');
SELECT refuel_detail('a', 'same_vendor');
SELECT refuel_create_task('same_keyless', '{"kind": "resolve"}'), refuel_create_task('same_other', '{"kind": "resolve", "key": "ids"}');
SELECT * FROM refuel_resolve('resolve_vendor', 'same_keyless');
SELECT * FROM refuel_resolve('resolve_vendor', 'same_other');
INSERT INTO resolve_none SELECT * FROM resolve_vendor UNION ALL SELECT * FROM resolve_view;
SELECT * FROM refuel_resolve('resolve_none', 'same_vendor');
SELECT count(*) FROM refuel_resolve(NULL, 'same_vendor');

-- Whoever asks needs the rights to read.
CREATE ROLE resolve_reader;
SELECT refuel_grant_task('same_vendor', 'resolve_reader');
SET ROLE resolve_reader;
SELECT * FROM refuel_resolve('resolve_vendor', 'same_vendor');
RESET ROLE;
GRANT SELECT ON resolve_vendor TO resolve_reader;
SET ROLE resolve_reader;
SELECT count(*) FROM refuel_resolve('resolve_vendor', 'same_vendor');
RESET ROLE;
REVOKE SELECT ON resolve_vendor FROM resolve_reader;
SELECT refuel_drop_task('same_vendor'), refuel_drop_task('same_keyless'), refuel_drop_task('same_other');
DROP TABLE resolve_vendor, resolve_none, "Resolve, other" CASCADE;
DROP ROLE resolve_reader;
