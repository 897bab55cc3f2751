{{ config(unique_key='message_id', gates=true) }}

-- One row a message, with what it is about. All messages are gone over each time, however old, so that one that has been
-- corrected is seen; only those that are new or have changed reach the model.
SELECT
    message_id,
    received_on,
    channel,
    subject,
    body,
    agent_topic,
    refuel_label({{ refuel.record('subject', 'body') }}, 'ticket_topic') AS topic,
    refuel_confidence({{ refuel.record('subject', 'body') }}, 'ticket_topic') AS confidence
FROM {{ ref('stg_messages') }}
