-- Messages as they came in, cleaned of what the channels add to them.
WITH trimmed AS (
    SELECT
        id AS message_id,
        received_at,
        lower(trim(channel)) AS channel,
        lower(trim(customer)) AS customer,
        nullif(trim(subject), '') AS subject,
        nullif(trim(body), '') AS body,
        nullif(trim(agent_topic), '') AS agent_topic
    FROM {{ ref('support_messages') }}
)

SELECT
    message_id,
    -- Some channels send a date, some a time with it.
    substr(received_at, 1, 10) AS received_on,
    CASE channel WHEN 'phone_note' THEN 'phone' WHEN 'form' THEN 'web' ELSE channel END AS channel,
    customer,
    CASE WHEN lower(subject) IN ('(no subject)', 'no subject', '-') THEN NULL ELSE subject END AS subject,
    body,
    agent_topic
FROM trimmed
WHERE body IS NOT NULL
