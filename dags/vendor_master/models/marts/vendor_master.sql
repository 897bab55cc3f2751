-- One row a company: the entries that are the same, under the first of them.
WITH RECURSIVE linked AS (
    SELECT left_id AS a, right_id AS b FROM {{ ref('vendor_matches.accepted') }} WHERE is_same
    UNION
    SELECT right_id, left_id FROM {{ ref('vendor_matches.accepted') }} WHERE is_same
),

reached AS (
    SELECT vendor_id AS start, vendor_id AS member FROM {{ ref('vendors_normalized') }}
    UNION
    SELECT r.start, l.b FROM reached AS r JOIN linked AS l ON l.a = r.member
),

grouped AS (
    SELECT start AS vendor_id, min(member) AS master_id FROM reached GROUP BY start
)

SELECT
    g.master_id,
    m.vendor_name,
    m.legal_form,
    m.country,
    count(*) AS entries,
    min(v.created_on) AS known_since,
    max(v.phone) AS phone,
    max(v.email) AS email
FROM grouped AS g
JOIN {{ ref('vendors_normalized') }} AS v ON v.vendor_id = g.vendor_id
JOIN {{ ref('vendors_normalized') }} AS m ON m.vendor_id = g.master_id
GROUP BY g.master_id, m.vendor_name, m.legal_form, m.country
