-- refuel_confidence: how sure a task is of its answer.
SELECT refuel_create_task('confidence_topic', '{"kind": "label", "input": "body", "model": "smollm2-135m-instruct",
    "labels": ["refund", "delivery"]}');
SELECT pg_typeof(refuel_confidence('I want my money back', 'confidence_topic')) AS type;

-- Of two labels the better one has at least a half.
SELECT refuel_confidence('I want my money back', 'confidence_topic') BETWEEN 0.5 AND 1 AS of_two;
SELECT refuel_confidence('I want my money back', 'confidence_topic')
     = (refuel_detail('I want my money back', 'confidence_topic')).confidence AS same;

-- Of a row it is that of the text that the task makes of it.
SELECT refuel_confidence('{"body": "I want my money back", "id": 7}'::jsonb, 'confidence_topic')
     = refuel_confidence('I want my money back', 'confidence_topic') AS of_a_row;

-- It is told below the threshold too.
SELECT refuel_alter_task('confidence_topic', refuel_task('confidence_topic') || '{"threshold": 1}');
SELECT refuel_label('I want my money back', 'confidence_topic') IS NULL AS abstained,
       refuel_confidence('I want my money back', 'confidence_topic') BETWEEN 0.5 AND 1 AS confidence;

-- A row without an answer has none, and so has a kind without confidence.
SELECT refuel_confidence('', 'confidence_topic') IS NULL AS of_nothing, refuel_confidence(NULL, 'confidence_topic') IS NULL AS of_null;
SELECT refuel_create_task('confidence_embed', '{"kind": "embed", "input": "body", "model": "all-minilm-l6-v2"}');
SELECT refuel_confidence('a pear', 'confidence_embed') IS NULL AS of_a_vector;

SELECT refuel_drop_task('confidence_topic'), refuel_drop_task('confidence_embed');
