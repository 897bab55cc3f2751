{{ config(gates=true) }}

-- What broke, of the messages that agents sorted as faults. The name of a product of the shop is enough; the model reads the
-- messages that have none.
WITH named AS (
    SELECT m.message_id, min(p.product) AS product
    FROM {{ ref('stg_messages') }} AS m
    JOIN {{ ref('products') }} AS p ON lower(m.body) LIKE '%' || lower(p.product) || ' %'
    WHERE m.agent_topic = 'defect'
    GROUP BY m.message_id
)

SELECT
    m.message_id,
    m.body,
    CASE WHEN n.product IS NULL THEN 'model' ELSE 'name' END AS found_by,
    CASE
        WHEN n.product IS NOT NULL THEN n.product
        ELSE refuel_answer(m.body, 'Which product is faulty?', 'faulty_product')
    END AS product
FROM {{ ref('stg_messages') }} AS m
LEFT JOIN named AS n ON n.message_id = m.message_id
WHERE m.agent_topic = 'defect'
