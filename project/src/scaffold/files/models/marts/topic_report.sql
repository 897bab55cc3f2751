-- How many messages there are of each topic, and how many wait for a person.
SELECT topic, count(*) AS messages
FROM {{ ref('labelled_messages.accepted') }}
GROUP BY topic
UNION ALL
SELECT '(to review)' AS topic, count(*) AS messages
FROM {{ ref('labelled_messages.review') }}
