{{ config(gates=true) }}

-- The department that sells a listing.
SELECT sku, title, price, listing, refuel_label(listing, 'product_category') AS category
FROM {{ ref('stg_listings') }}
