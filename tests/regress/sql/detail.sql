-- refuel_detail: everything about an answer.
SELECT refuel_create_task('detail_topic', '{"kind": "label", "input": "body", "model": "smollm2-135m-instruct",
    "labels": ["refund", "delivery", "login"]}');

-- The value is the one that the function of the kind returns, the confidence that of the first score.
SELECT d.value = refuel_label('My parcel has not arrived', 'detail_topic') AS same_value,
       d.confidence = refuel_confidence('My parcel has not arrived', 'detail_topic') AS same_confidence,
       d.confidence BETWEEN 0 AND 1 AS confidence, d.raw_confidence BETWEEN 0 AND 1 AS raw_confidence,
       d.status, d.reason, d.source IN ('model', 'cache', 'duplicate') AS source,
       d.model ~ '^smollm2-135m-instruct@[0-9a-f]+$' AS model,
       d.scores -> 0 ->> 'value' = d.value AS first, (d.scores -> 0 ->> 'confidence')::real = d.confidence AS best
FROM refuel_detail('My parcel has not arrived', 'detail_topic') d;

-- Every candidate has a score; they add up to one, best first.
SELECT array_agg(s ->> 'value' ORDER BY s ->> 'value') AS candidates, round(sum((s ->> 'confidence')::numeric), 3) AS sum,
       array_agg((s ->> 'confidence')::real) = array_agg((s ->> 'confidence')::real ORDER BY (s ->> 'confidence')::real DESC) AS sorted
FROM jsonb_array_elements((refuel_detail('My parcel has not arrived', 'detail_topic')).scores) s;

-- An answer that was given before is the same, and says where it is from.
SELECT source FROM refuel_detail('My parcel has not arrived', 'detail_topic');

-- A row of several columns.
SELECT (refuel_detail('{"body": "My parcel has not arrived"}'::jsonb, 'detail_topic')).value
     = (refuel_detail('My parcel has not arrived', 'detail_topic')).value AS same;

-- Below the threshold there is no value, and the rest is told.
SELECT refuel_alter_task('detail_topic', refuel_task('detail_topic') || '{"threshold": 1}');
SELECT value, status, confidence < 1 AS confidence, jsonb_array_length(scores) AS scores
FROM refuel_detail('My parcel has not arrived', 'detail_topic');
SELECT refuel_label('My parcel has not arrived', 'detail_topic') IS NULL AS is_null;
SELECT refuel_alter_task('detail_topic', refuel_task('detail_topic') || '{"fallback": "ask somebody"}');
SELECT value, status FROM refuel_detail('My parcel has not arrived', 'detail_topic');
SELECT refuel_label('My parcel has not arrived', 'detail_topic');

-- A row without an answer is told with its reason.
SELECT value, confidence, status, reason, scores, source FROM refuel_detail('', 'detail_topic');

-- Other kinds.
SELECT refuel_create_task('detail_multi', '{"kind": "multilabel", "input": "body", "model": "smollm2-135m-instruct",
    "labels": ["refund", "delivery"], "label_threshold": 0}');
SELECT value, status FROM refuel_detail('My parcel has not arrived', 'detail_multi');
SELECT refuel_create_task('detail_match', '{"kind": "match", "input": {"a": "one", "b": "other"}, "model": "smollm2-135m-instruct"}');
SELECT value IN ('true', 'false') AS value, status FROM refuel_detail('{"one": "a pear", "other": "a pear"}'::jsonb, 'detail_match');
SELECT refuel_create_task('detail_embed', '{"kind": "embed", "input": "body", "model": "all-minilm-l6-v2"}');
SELECT jsonb_array_length(value::jsonb) AS length, confidence, status FROM refuel_detail('a pear', 'detail_embed');

SELECT refuel_detail(NULL::text, 'detail_topic') IS NULL AS is_null;

SELECT refuel_drop_task('detail_topic'), refuel_drop_task('detail_multi'), refuel_drop_task('detail_match'),
       refuel_drop_task('detail_embed');
