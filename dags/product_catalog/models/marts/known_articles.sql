-- The article of each listing that is one of the shop's own: of those that are the same, the likest.
WITH ranked AS (
    SELECT
        sku,
        reference_id,
        decided_by,
        row_number() OVER (PARTITION BY sku ORDER BY likeness DESC, reference_id) AS place
    FROM {{ ref('matched.accepted') }}
    WHERE is_same
)

SELECT sku, reference_id, decided_by
FROM ranked
WHERE place = 1
