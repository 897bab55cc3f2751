{{ config(gates=true) }}

-- What suppliers say of a product, as columns. A model reads the title; the brand that it reads is one that the shop sells, or
-- the listing waits for a person.
SELECT
    sku,
    title,
    refuel_normalize(refuel_extract(title, 'listed') ->> 'brand', 'brand') AS brand,
    refuel_extract(title, 'listed') ->> 'size' AS size,
    refuel_confidence(title, 'listed') AS confidence
FROM {{ ref('stg_listings') }}
