{{ config(materialized='incremental', unique_key='message_id', gates=true) }}

-- One row a message, with what it is about. A text that was answered before is never sent to the model again.
SELECT
    message_id,
    received_on,
    channel,
    body,
    refuel_label(body, 'message_topic') AS topic,
    refuel_confidence(body, 'message_topic') AS confidence
FROM {{ ref('stg_messages') }}
{% if is_incremental() %}
WHERE received_on >= (SELECT max(received_on) FROM {{ this }})
{% endif %}
