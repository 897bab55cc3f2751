-- refuel_normalize: the canonical form of a value. By rules, no model is needed, nor a grant on one.
SELECT refuel_create_task('normalize_phone', '{"kind": "normalize", "input": "contact", "format": {"phone": {"region": "DE"}}}');
SELECT refuel_create_task('normalize_country', '{"kind": "normalize", "input": "raw",
    "vocabulary": {"Germany": ["Deutschland", "BRD"], "France": null, "Netherlands": "Holland"}}');
CREATE TABLE normalize_row (id integer PRIMARY KEY, contact text, raw text);
INSERT INTO normalize_row VALUES
    (1, 'Tel. (030) 901820', 'deutschland'), (2, '+49 30 90 18 20', 'HOLLAND'), (3, 'call me', 'xyzzy'), (4, NULL, NULL), (5, '', '');
SELECT id, refuel_normalize(contact, 'normalize_phone') AS phone, refuel_normalize(raw, 'normalize_country') AS country
FROM normalize_row ORDER BY id;

-- What the rules refuse abstains, and says why.
SELECT id, (d).status, (d).reason, (d).model, (d).source IN ('rule', 'cache') AS source
FROM (SELECT id, refuel_detail(contact, 'normalize_phone') AS d FROM normalize_row OFFSET 0) t ORDER BY id;
SELECT refuel_confidence('Tel. (030) 901820', 'normalize_phone') > 0.5 AS sure;

-- A row.
SELECT refuel_normalize('{"contact": "Tel. (030) 901820"}'::jsonb, 'normalize_phone');

-- Its owner needs no grant on a model.
CREATE ROLE normalize_user;
SET ROLE normalize_user;
SELECT refuel_create_task('normalize_own', '{"kind": "normalize", "input": "raw", "format": "boolean"}');
SELECT refuel_normalize('Yes', 'normalize_own'), refuel_normalize('off', 'normalize_own');
SELECT refuel_drop_task('normalize_own');
RESET ROLE;
DROP ROLE normalize_user;

SELECT refuel_clean('a', 'normalize_phone');
DROP TABLE normalize_row;
SELECT refuel_drop_task('normalize_phone'), refuel_drop_task('normalize_country');
