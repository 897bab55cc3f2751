-- Listings whose article is not the one that a person found for them.
SELECT c.sku, c.reference_id AS right_article, k.reference_id AS taken_for, k.decided_by
FROM {{ ref('checked_listings') }} AS c
JOIN {{ ref('known_articles') }} AS k ON k.sku = c.sku
WHERE c.reference_id IS NULL OR c.reference_id <> k.reference_id
