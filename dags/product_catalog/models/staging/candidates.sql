-- Articles of the catalog that share a word with a listing, the best three of each.
WITH compared AS (
    SELECT
        l.sku,
        l.title,
        r.reference_id,
        r.brand || ' ' || r.name || ', ' || r.variant AS article,
        CASE WHEN lower(l.title) LIKE '%' || lower(r.brand) || '%' THEN 1 ELSE 0 END
            + CASE WHEN lower(l.title) LIKE '%' || lower(r.name) || '%' THEN 3 ELSE 0 END
            + CASE WHEN lower(l.title) LIKE '%' || lower(substr(r.name, 1, 5)) || '%' THEN 2 ELSE 0 END
            + CASE WHEN lower(l.title) LIKE '%' || lower(substr(r.name, 1, 10)) || '%' THEN 1 ELSE 0 END
            + CASE WHEN lower(l.title) LIKE '%' || lower(r.variant) || '%' THEN 2 ELSE 0 END AS likeness
    FROM {{ ref('stg_listings') }} AS l
    CROSS JOIN {{ ref('reference_catalog') }} AS r
),

ranked AS (
    SELECT
        sku,
        title,
        reference_id,
        article,
        likeness,
        max(likeness) OVER (PARTITION BY sku) AS best,
        row_number() OVER (PARTITION BY sku ORDER BY likeness DESC, reference_id) AS place
    FROM compared
    WHERE likeness >= 2
)

SELECT sku, title, reference_id, article, likeness, best
FROM ranked
WHERE place <= {{ var('candidates', 3) }}
