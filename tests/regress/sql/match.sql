-- refuel_match and refuel_match_score: whether two texts are the same thing.
SELECT refuel_create_task('match_product', '{"kind": "match", "input": {"a": "title", "b": "other_title"},
    "model": "smollm2-135m-instruct", "guidelines": "Are these two products the same?"}');
CREATE TABLE match_pair (id integer PRIMARY KEY, a text, b text);
INSERT INTO match_pair VALUES
    (1, 'Acme kettle 1.7 l, black', 'ACME electric kettle black 1.7 litres'),
    (2, 'Acme kettle 1.7 l, black', 'Garden hose 20 m'),
    (3, NULL, 'Garden hose 20 m'),
    (4, 'Garden hose 20 m', NULL),
    (5, 'Garden hose 20 m', '');

-- True or false; NULL where a side is missing.
SELECT id, pg_typeof(refuel_match(a, b, 'match_product')) AS type, refuel_match(a, b, 'match_product') IS NULL AS is_null
FROM match_pair ORDER BY id;

-- The score is the probability of a match, whatever was answered: above a half where it is true.
SELECT id, refuel_match_score(a, b, 'match_product') BETWEEN 0 AND 1 AS score,
       refuel_match(a, b, 'match_product') = (refuel_match_score(a, b, 'match_product') > 0.5) AS agrees
FROM match_pair ORDER BY id;

-- It is told where the answer abstains.
SELECT refuel_alter_task('match_product', refuel_task('match_product') || '{"threshold": 1}');
SELECT id, refuel_match(a, b, 'match_product') IS NULL AS abstained,
       refuel_match_score(a, b, 'match_product') = refuel_match_score(a, b, 'match_product@1') AS same
FROM match_pair WHERE id <= 2 ORDER BY id;

-- The order of the sides counts.
SELECT refuel_match_score('a pear', 'an apple', 'match_product') IS DISTINCT FROM
       refuel_match_score('an apple', 'a pear', 'match_product') AS differs;

-- A task that doesn't compare, and a comparison where one text is asked for.
SELECT refuel_create_task('match_label', '{"kind": "label", "input": "body", "labels": ["a", "b"]}');
SELECT refuel_match('a', 'b', 'match_label');
SELECT refuel_match_score('a', 'b', 'match_label');
SELECT refuel_label('a', 'match_product');

DROP TABLE match_pair;
SELECT refuel_drop_task('match_product'), refuel_drop_task('match_label');
