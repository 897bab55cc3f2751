-- Databases whose encoding isn't UTF-8. Errors have characters beyond ASCII escaped there.
\set before :DBNAME
SET client_min_messages = warning;
CREATE DATABASE regress_latin1 ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0;
CREATE DATABASE regress_ascii ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0;

-- A Latin-1 database: texts and specifications go over and come back as they are.
\c regress_latin1
SET client_encoding = 'UTF8';
CREATE EXTENSION refuel;
SELECT refuel_create_task('encodings_topic', '{"kind": "label", "input": "body", "labels": ["réclamation", "déménagement"]}');
SELECT refuel_task('encodings_topic') -> 'labels' AS labels;
SELECT spec -> 'labels' AS labels FROM refuel.tasks;
SELECT refuel_task('préférence');
SELECT refuel_create_task('encodings_wrong', '{"kind": "label", "input": "body", "labels": ["é", "é"]}');
SELECT refuel_label('Où est mon colis ?', 'encodings_topic') IN ('réclamation', 'déménagement') AS labeled;
SELECT refuel_label(jsonb_build_object('body', 'Où est mon colis ?'), 'encodings_topic')
     = refuel_label('Où est mon colis ?', 'encodings_topic') AS same;

-- A database in SQL_ASCII takes whatever bytes come. Those that are UTF-8 are read so; others are an error.
\c regress_ascii
SET client_encoding = 'SQL_ASCII';
CREATE EXTENSION refuel;
SELECT refuel_create_task('encodings_topic', '{"kind": "label", "input": "body", "labels": ["réclamation", "déménagement"]}');
SELECT refuel_task('encodings_topic') -> 'labels' AS labels;
SELECT refuel_label('Où est mon colis ?', 'encodings_topic') IN ('réclamation', 'déménagement') AS labeled;
SELECT refuel_label(E'O\xf9 est mon colis ?', 'encodings_topic');
\echo :LAST_ERROR_SQLSTATE
SELECT refuel_label('text', E'pr\xe9f\xe9rence');
SET refuel.on_error = 'null';
SELECT refuel_label(E'O\xf9 est mon colis ?', 'encodings_topic');
SELECT refuel_label('Toujours là ?', 'encodings_topic') IN ('réclamation', 'déménagement') AS labeled;

\c :before
DROP DATABASE regress_latin1;
DROP DATABASE regress_ascii;
