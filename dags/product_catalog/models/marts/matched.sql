{{ config(gates=true) }}

-- Which articles a listing may mean. A rule decides where the listing names all of an article; the model is asked about
-- listings that name none in full.
SELECT
    sku,
    reference_id,
    article,
    likeness,
    CASE WHEN likeness >= {{ var('sure', 6) }} THEN 'rule' ELSE 'model' END AS decided_by,
    CASE
        WHEN likeness >= {{ var('sure', 6) }} THEN TRUE
        ELSE refuel_match(title, article, 'same_product')
    END AS is_same
FROM {{ ref('candidates') }}
WHERE likeness >= {{ var('sure', 6) }} OR best < {{ var('sure', 6) }}
