-- refuel_labels: any number of labels out of a list.
SELECT refuel_create_task('labels_topics', '{"kind": "multilabel", "input": "body", "model": "smollm2-135m-instruct",
    "labels": ["billing", "login"]}');

-- Labels of the task, in its order, each once.
SELECT refuel_labels('I was billed twice and I can''t log in.', 'labels_topics') <@ ARRAY['billing', 'login'] AS of_the_task;

-- Of a row they are those of the text that the task makes of it.
SELECT refuel_labels('{"body": "I was billed twice."}'::jsonb, 'labels_topics')
     = refuel_labels('I was billed twice.', 'labels_topics') AS of_a_row;

-- With the least threshold every label is given, with the highest mostly none: an empty array, which is not NULL.
SELECT refuel_alter_task('labels_topics', refuel_task('labels_topics') || '{"label_threshold": 0}');
SELECT refuel_labels('I was billed twice and I can''t log in.', 'labels_topics');
SELECT refuel_alter_task('labels_topics', refuel_task('labels_topics') || '{"label_threshold": 1}');
SELECT refuel_labels('I was billed twice and I can''t log in.', 'labels_topics');

SELECT refuel_labels(NULL, 'labels_topics') IS NULL AS of_null, refuel_labels('', 'labels_topics') IS NULL AS of_nothing;

-- A task with one label has another function.
SELECT refuel_create_task('labels_one', '{"kind": "label", "input": "body", "labels": ["a", "b"]}');
SELECT refuel_labels('text', 'labels_one');

SELECT refuel_drop_task('labels_topics'), refuel_drop_task('labels_one');
