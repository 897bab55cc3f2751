-- refuel_extract: the fields of a record, read out of a text.
SELECT refuel_create_task('extract_listing', '{"kind": "extract", "input": "title", "model": "smollm2-135m-instruct",
    "guidelines": "Read the product out of the title of its listing.",
    "fields": {"brand": "who makes it", "price": {"type": "number"}, "condition": {"enum": ["new", "used"]},
               "colors": {"items": "string", "max_items": 2}},
    "examples": [{"input": "Sony WH-1000XM4, black, used, $129",
                  "fields": {"brand": "Sony", "price": 129, "condition": "used", "colors": ["black"]}},
                 {"input": "brand new Bosch drill, 59.90",
                  "fields": {"brand": "Bosch", "price": 59.9, "condition": "new", "colors": []}}],
    "max_tokens": 64}');
CREATE TABLE extract_title (id integer PRIMARY KEY, title text);
INSERT INTO extract_title VALUES
    (1, 'Used Nikon lens 35mm, black, 250 dollars'), (2, 'new Makita drill DHP482, blue, 119.00'), (3, NULL), (4, ''),
    (5, 'Used Nikon lens 35mm, black, 250 dollars');

-- An object of these fields, whatever the text says; NULL where there is none.
SELECT id, pg_typeof(f) AS type, f IS NULL AS is_null,
       (SELECT array_agg(k ORDER BY k) FROM jsonb_object_keys(f) k) AS fields,
       jsonb_typeof(f -> 'price') AS price, f ->> 'condition' IN ('new', 'used') AS condition,
       jsonb_typeof(f -> 'colors') AS colors
FROM (SELECT id, refuel_extract(title, 'extract_listing') AS f FROM extract_title OFFSET 0) t ORDER BY id;

-- The same text has the same record, and what is read is a piece of it.
SELECT count(DISTINCT f) AS records, bool_and(strpos(title, f ->> 'brand') > 0) AS from_the_text
FROM (SELECT title, refuel_extract(title, 'extract_listing') AS f FROM extract_title WHERE id IN (1, 5) OFFSET 0) t;

-- A row of several columns, or of one.
SELECT refuel_extract(to_jsonb(t), 'extract_listing') = refuel_extract(title, 'extract_listing') AS same
FROM extract_title t WHERE id <= 2 ORDER BY id;

-- A record has a confidence, and each of its fields has its own; a piece of the text has its place.
SELECT refuel_confidence(title, 'extract_listing') BETWEEN 0 AND 1 AS confidence, fields, told
FROM extract_title, LATERAL (
    SELECT array_agg(s ->> 'value') AS fields,
           bool_and((s ->> 'confidence')::real BETWEEN 0 AND 1 AND s ? 'raw_confidence') AS told
    FROM jsonb_array_elements((refuel_detail(title, 'extract_listing')).scores) s) d
WHERE id = 2;
SELECT substr(title, (s #>> '{span,0}')::int + 1, (s #>> '{span,1}')::int - (s #>> '{span,0}')::int) = f ->> 'brand' AS place
FROM extract_title, LATERAL (SELECT refuel_extract(title, 'extract_listing') AS f) e,
     LATERAL jsonb_array_elements((refuel_detail(title, 'extract_listing')).scores) s
WHERE id = 2 AND s ->> 'value' = 'brand';

-- It is batched.
EXPLAIN (COSTS OFF) SELECT id, refuel_extract(title, 'extract_listing') FROM extract_title;
SELECT count(*) AS rows, count(refuel_extract(title, 'extract_listing')) AS records FROM extract_title;

-- Below the threshold there is the fallback.
SELECT refuel_alter_task('extract_listing', refuel_task('extract_listing')
    || '{"threshold": 1, "fallback": {"brand": "?", "price": null, "condition": "used", "colors": []}}');
SELECT refuel_extract(title, 'extract_listing') FROM extract_title WHERE id = 1;
SELECT status FROM extract_title, LATERAL refuel_detail(title, 'extract_listing') WHERE id = 1;

-- A task of another kind, and a task of this kind where another is asked.
SELECT refuel_create_task('extract_label', '{"kind": "label", "input": "body", "labels": ["a", "b"]}');
SELECT refuel_extract('a', 'extract_label');
SELECT refuel_label('a', 'extract_listing');
SELECT refuel_extract(NULL::text, 'extract_listing') IS NULL AS is_null;

DROP TABLE extract_title;
SELECT refuel_drop_task('extract_listing'), refuel_drop_task('extract_label');
