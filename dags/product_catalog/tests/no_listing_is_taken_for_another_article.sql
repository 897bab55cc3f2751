-- Listings whose article is not the one that a person found for them.
SELECT c.sku, c.reference_id AS right_article, m.reference_id AS taken_for
FROM {{ ref('checked_listings') }} AS c
JOIN {{ ref('matched') }} AS m ON m.sku = c.sku
WHERE c.reference_id IS NULL OR c.reference_id <> m.reference_id
