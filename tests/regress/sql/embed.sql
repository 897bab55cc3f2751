-- refuel_embed: a vector that stands for the meaning of a text.
SELECT pg_typeof(refuel_embed('a pear', 'all-minilm-l6-v2')) AS type, cardinality(refuel_embed('a pear', 'all-minilm-l6-v2')) AS length;

CREATE FUNCTION pg_temp.cosine(a double precision[], b double precision[]) RETURNS double precision LANGUAGE sql AS
    'SELECT sum(x * y) / sqrt(sum(x * x) * sum(y * y)) FROM unnest($1, $2) AS v (x, y)';

-- What means the same is near.
SELECT pg_temp.cosine(refuel_embed('How do I get my money back?', 'all-minilm-l6-v2'),
                      refuel_embed('I would like a refund', 'all-minilm-l6-v2'))
     > pg_temp.cosine(refuel_embed('How do I get my money back?', 'all-minilm-l6-v2'),
                      refuel_embed('The weather is fine today', 'all-minilm-l6-v2')) AS nearer;

-- The same text has the same vector, alone or among others.
SELECT refuel_embed('a pear', 'all-minilm-l6-v2')
     = (SELECT v FROM (SELECT t, refuel_embed(t, 'all-minilm-l6-v2') AS v FROM unnest(ARRAY['a pear', 'a longer text about pears']) t) x
        WHERE t = 'a pear') AS same;

SELECT refuel_embed(NULL, 'all-minilm-l6-v2') IS NULL AS of_null, refuel_embed('', 'all-minilm-l6-v2') IS NULL AS of_nothing;

-- Models that can't, that aren't there, and what is no model's name.
SELECT refuel_embed('a pear', 'smollm2-135m-instruct');
SELECT refuel_embed('a pear', 'absent-model');
SELECT refuel_embed('a pear', 'no model');
SELECT refuel_embed('a pear', '');
