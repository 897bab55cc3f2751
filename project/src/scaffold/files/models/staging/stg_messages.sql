-- Messages without blanks at the ends, channels in one spelling, and empty ones left out.
SELECT
    id AS message_id,
    substr(received_at, 1, 10) AS received_on,
    CASE lower(trim(channel)) WHEN 'web form' THEN 'web' ELSE lower(trim(channel)) END AS channel,
    nullif(trim(sender), '(unknown)') AS sender,
    trim(body) AS body
FROM {{ ref('messages') }}
WHERE trim(coalesce(body, '')) <> ''
