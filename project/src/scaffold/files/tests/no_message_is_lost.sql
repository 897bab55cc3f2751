-- Every message has a topic, waits for a person, or could not be answered.
SELECT m.message_id
FROM {{ ref('stg_messages') }} AS m
WHERE m.message_id NOT IN (SELECT message_id FROM {{ ref('labelled_messages.accepted') }})
  AND m.message_id NOT IN (SELECT message_id FROM {{ ref('labelled_messages.review') }})
  AND m.message_id NOT IN (SELECT message_id FROM {{ ref('labelled_messages.rejected') }})
