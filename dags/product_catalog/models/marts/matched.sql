-- The article that a listing means, where there is one.
WITH scored AS (
    SELECT
        sku,
        title,
        reference_id,
        article,
        likeness,
        refuel_match_score(title, article, 'same_product') AS score
    FROM {{ ref('candidates') }}
),

ranked AS (
    SELECT
        sku,
        reference_id,
        article,
        score,
        row_number() OVER (PARTITION BY sku ORDER BY likeness DESC, score DESC, reference_id) AS place
    FROM scored
)

SELECT sku, reference_id, article, score
FROM ranked
WHERE place = 1
