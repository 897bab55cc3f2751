{{ config(severity='warn') }}
-- Pairs that a person found to be one company, and that are not in one group.
SELECT c.left_id, c.right_id
FROM {{ ref('checked_pairs') }} AS c
LEFT JOIN {{ ref('vendor_matches') }} AS m ON m.left_id = c.left_id AND m.right_id = c.right_id
WHERE c.same AND (m.is_same IS NULL OR NOT m.is_same)
