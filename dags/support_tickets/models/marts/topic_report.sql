-- What people write about, and how much of it a person has to look at.
WITH counted AS (
    SELECT topic, count(*) AS messages, avg(confidence) AS mean_confidence
    FROM {{ ref('labelled_messages.accepted') }}
    GROUP BY topic
),

waiting AS (
    SELECT count(*) AS messages FROM {{ ref('labelled_messages.review') }}
)

SELECT c.topic, t.team, c.messages, round(CAST(100 * c.mean_confidence AS numeric), 0) AS mean_confidence_percent
FROM counted AS c
JOIN {{ ref('teams') }} AS t ON t.topic = c.topic
UNION ALL
SELECT '(to review)', NULL, w.messages, NULL
FROM waiting AS w
