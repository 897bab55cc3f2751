-- Messages whose topic is sure enough, as a person reads them, with the team that answers them and by when.
SELECT
    m.message_id,
    m.received_on,
    m.channel,
    m.topic,
    refuel_clean(m.body, 'readable') AS body,
    t.team,
    t.hours_to_answer
FROM {{ ref('labelled_messages.accepted') }} AS m
JOIN {{ ref('teams') }} AS t ON t.topic = m.topic
