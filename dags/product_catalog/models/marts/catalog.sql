-- What can go into the shop: listings with their department and, where we sell it already, the article.
SELECT c.sku, c.title, c.category, c.price, m.reference_id, r.list_price, m.score
FROM {{ ref('categorized.accepted') }} AS c
LEFT JOIN {{ ref('matched') }} AS m ON m.sku = c.sku
LEFT JOIN {{ ref('reference_catalog') }} AS r ON r.reference_id = m.reference_id
