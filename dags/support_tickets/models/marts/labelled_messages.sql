{{ config(materialized='incremental', unique_key='message_id', gates=true) }}

-- One row a message, with what it is about. Only messages that are new or have changed reach the model.
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
{% if is_incremental() %}
WHERE received_on >= (SELECT max(received_on) FROM {{ this }})
{% endif %}
