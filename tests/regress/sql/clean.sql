-- refuel_clean: a text, mended.
SELECT refuel_create_task('clean_comment', '{"kind": "clean", "input": "comment", "rules": ["mojibake", "html", "whitespace"]}');
CREATE TABLE clean_row (id integer PRIMARY KEY, comment text);
INSERT INTO clean_row VALUES (1, 'cafÃ©  &amp; bar'), (2, 'fine'), (3, NULL), (4, ''), (5, 'cafÃ©  &amp; bar');
SELECT id, refuel_clean(comment, 'clean_comment') FROM clean_row ORDER BY id;

-- The edit is told.
SELECT id, d.status, d.reason, d.model FROM clean_row, LATERAL refuel_detail(comment, 'clean_comment') d ORDER BY id;

-- An empty text stays one.
SELECT refuel_clean('', 'clean_comment') = '' AS stays;

-- What was mended can be asked about.
SELECT refuel_create_task('clean_word', '{"kind": "normalize", "input": "word", "vocabulary": ["café & bar", "fine"]}');
SELECT id, refuel_normalize(refuel_clean(comment, 'clean_comment'), 'clean_word') FROM clean_row ORDER BY id;

SELECT refuel_extract('a', 'clean_comment');
DROP TABLE clean_row;
SELECT refuel_drop_task('clean_comment'), refuel_drop_task('clean_word');
