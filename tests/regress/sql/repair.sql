-- refuel_repair: the cells of a relation that look wrong, with what should stand there.
SELECT refuel_create_task('wrong_cells', '{"kind": "repair", "key": "id"}');
CREATE TABLE repair_shop (id integer PRIMARY KEY, zip text, city text, opened date);
INSERT INTO repair_shop
SELECT n, (10000 + n % 5)::text, (ARRAY['Berlin', 'Hamburg', 'Munich', 'Cologne', 'Leipzig'])[n % 5 + 1], date '2020-01-01' + n
FROM generate_series(1, 200) n;
UPDATE repair_shop SET city = 'Hamburq' WHERE id = 6;
UPDATE repair_shop SET city = 'Cologe' WHERE id = 13;
SELECT record_key, column_name, value, proposed, confidence BETWEEN 0.5 AND 1 AS sure, remedy
FROM refuel_repair('repair_shop', 'wrong_cells') ORDER BY record_key::integer;
SELECT count(*) FILTER (WHERE evidence = '') AS without_evidence FROM refuel_repair('repair_shop', 'wrong_cells');

-- What it proposes can be put in place.
UPDATE repair_shop s SET city = r.proposed FROM refuel_repair('repair_shop', 'wrong_cells') r
WHERE r.record_key = s.id::text AND r.column_name = 'city' AND r.remedy = 'replace';
SELECT id, city FROM repair_shop WHERE id IN (6, 13) ORDER BY id;
SELECT count(*) FROM refuel_repair('repair_shop', 'wrong_cells');

EXPLAIN (COSTS OFF) SELECT * FROM refuel_repair('repair_shop', 'wrong_cells');
SELECT * FROM refuel_resolve('repair_shop', 'wrong_cells');
SELECT refuel_drop_task('wrong_cells');
DROP TABLE repair_shop;
