-- Listings of all suppliers, cleaned; the same text from the same supplier counts once.
WITH cleaned AS (
    SELECT
        sku,
        supplier,
        {{ clean('title') }} AS title,
        nullif(lower({{ clean("coalesce(description, '')") }}), '') AS description,
        {{ price('CAST(price AS text)') }} AS price
    FROM {{ ref('supplier_listings') }}
),

numbered AS (
    SELECT
        sku,
        supplier,
        title,
        description,
        price,
        row_number() OVER (PARTITION BY supplier, title, description ORDER BY sku) AS copy
    FROM cleaned
)

SELECT sku, supplier, title, description, price, title || coalesce(', ' || description, '') AS listing
FROM numbered
WHERE copy = 1
