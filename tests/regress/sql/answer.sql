-- refuel_answer: the piece of a text that answers a question, or that none does.
SELECT refuel_create_task('answer_clause', '{"kind": "answer", "input": {"context": "clause", "question": "question"},
    "model": "smollm2-135m-instruct", "no_answer_threshold": 1}');
CREATE TABLE answer_pair (id integer PRIMARY KEY, clause text, question text);
INSERT INTO answer_pair VALUES
    (1, 'Either side may leave with ninety days'' notice.', 'How long is the notice?'),
    (2, 'The buyer pays the costs of the return.', 'Who pays?'),
    (3, NULL, 'Who pays?'),
    (4, 'The buyer pays the costs of the return.', NULL),
    (5, '', 'Who pays?');

-- A piece of the text; NULL where a side is missing.
SELECT id, pg_typeof(a) AS type, a IS NULL AS is_null, strpos(clause, a) > 0 AS from_the_text
FROM (SELECT id, clause, refuel_answer(clause, question, 'answer_clause') AS a FROM answer_pair OFFSET 0) t ORDER BY id;

-- How sure, of two texts and of a row; what else could have been answered, and where it stands.
SELECT id, refuel_confidence(clause, question, 'answer_clause') BETWEEN 0 AND 1 AS confidence,
       refuel_confidence(clause, question, 'answer_clause') = refuel_confidence(to_jsonb(t), 'answer_clause') AS same
FROM answer_pair t WHERE id <= 2 ORDER BY id;
SELECT id, d.status, d.value = refuel_answer(clause, question, 'answer_clause') AS same,
       substr(clause, (d.scores #>> '{0,span,0}')::int + 1,
              (d.scores #>> '{0,span,1}')::int - (d.scores #>> '{0,span,0}')::int) = d.value AS place
FROM answer_pair, LATERAL refuel_detail(clause, question, 'answer_clause') d WHERE id <= 2 ORDER BY id;

-- That there is no answer is an answer too: NULL, with status ok.
SELECT refuel_alter_task('answer_clause', refuel_task('answer_clause') || '{"no_answer_threshold": 0}');
SELECT id, refuel_answer(clause, question, 'answer_clause') IS NULL AS is_null, (d).status, (d).value IS NULL AS no_value,
       (d).confidence IS NOT NULL AS sure
FROM (SELECT *, refuel_detail(clause, question, 'answer_clause') AS d FROM answer_pair OFFSET 0) t WHERE id <= 2 ORDER BY id;

-- It is batched, and what two functions ask about the same texts is asked once.
EXPLAIN (COSTS OFF) SELECT refuel_answer(clause, question, 'answer_clause'), refuel_confidence(clause, question, 'answer_clause')
FROM answer_pair;

-- A row without an answer is told with its reason.
SELECT status, reason FROM refuel_detail('', 'Who pays?', 'answer_clause');

-- A task that reads one text, and two texts where one is read.
SELECT refuel_create_task('answer_label', '{"kind": "label", "input": "body", "labels": ["a", "b"]}');
SELECT refuel_answer('a', 'b', 'answer_label');
SELECT refuel_match('a', 'b', 'answer_clause');

DROP TABLE answer_pair;
SELECT refuel_drop_task('answer_clause'), refuel_drop_task('answer_label');
