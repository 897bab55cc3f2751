-- Pairs that a person has compared, and that came out otherwise.
SELECT c.left_id, c.right_id, c.same
FROM {{ ref('checked_pairs') }} AS c
JOIN {{ ref('vendor_entities') }} AS a ON a.vendor_id = c.left_id
JOIN {{ ref('vendor_entities') }} AS b ON b.vendor_id = c.right_id
WHERE c.same <> (a.entity_id = b.entity_id)
