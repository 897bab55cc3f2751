-- refuel_enrich: the fields of a record, with those that it lacked.
SELECT refuel_create_task('enrich_company', '{"kind": "enrich", "input": ["name", "city", "country"],
    "fields": {"country": "two letters of ISO 3166-1", "industry": {"enum": ["software", "retail", "bank"]}},
    "reference": {"key": "name", "items": [
        {"name": "Acme", "country": "DE", "industry": "software"}, {"name": "Brick", "country": "FR", "industry": "retail"}]}}');
CREATE TABLE enrich_row (id integer PRIMARY KEY, name text, city text, country text);
INSERT INTO enrich_row VALUES (1, 'Acme', NULL, NULL), (2, 'Acme', NULL, 'AT'), (3, 'Brick', 'Lyon', NULL), (4, 'Nobody', NULL, NULL);

-- What is there is kept, whatever the table says.
SELECT id, pg_typeof(e) AS type, e FROM (SELECT id, refuel_enrich(to_jsonb(t), 'enrich_company') AS e FROM enrich_row t OFFSET 0) r
ORDER BY id;
SELECT id, (d).status, (d).reason
FROM (SELECT id, refuel_detail(to_jsonb(t), 'enrich_company') AS d FROM enrich_row t OFFSET 0) r ORDER BY id;

-- The order of keys counts for nothing.
SELECT refuel_enrich('{"city": "Lyon", "name": "Brick"}', 'enrich_company')
     = refuel_enrich('{"name": "Brick", "city": "Lyon"}', 'enrich_company') AS same;

-- A task that reads one column of records takes the record.
SELECT refuel_create_task('enrich_facts', '{"kind": "enrich", "input": "facts", "fields": {"country": "where it is"},
    "reference": {"key": "name", "items": [{"name": "Acme", "country": "DE"}]}}');
SELECT refuel_enrich('{"name": "Acme", "country": null}', 'enrich_facts');

SELECT refuel_enrich('[1]', 'enrich_company');
SELECT refuel_enrich(NULL, 'enrich_company') IS NULL AS is_null;
SELECT refuel_clean('a', 'enrich_company');
DROP TABLE enrich_row;
SELECT refuel_drop_task('enrich_company'), refuel_drop_task('enrich_facts');
