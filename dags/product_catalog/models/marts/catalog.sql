-- What can go into the shop: listings with their department and, where we sell it already, the article.
SELECT c.sku, c.title, c.category, c.price, k.reference_id, r.list_price, k.decided_by
FROM {{ ref('categorized.accepted') }} AS c
LEFT JOIN {{ ref('known_articles') }} AS k ON k.sku = c.sku
LEFT JOIN {{ ref('reference_catalog') }} AS r ON r.reference_id = k.reference_id
