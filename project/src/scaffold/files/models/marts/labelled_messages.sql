{{ config(materialized='table', unique_key='message_id', gates=true) }}

-- One row a message, with what it is about. All messages are gone over each time, so that a corrected one is seen; a text
-- that was answered before is never sent to the model again.
SELECT
    message_id,
    received_on,
    channel,
    body,
    refuel_label(body, 'message_topic') AS topic,
    refuel_confidence(body, 'message_topic') AS confidence
FROM {{ ref('stg_messages') }}
