-- One row a company, under the first of its entries. The least sure of them says how sure the group is.
WITH grouped AS (
    SELECT
        e.entity_id,
        min(v.vendor_id) AS master_id,
        count(*) AS entries,
        min(e.confidence) AS confidence,
        min(v.created_on) AS known_since,
        max(v.phone) AS phone,
        max(v.email) AS email
    FROM {{ ref('vendor_entities') }} AS e
    JOIN {{ ref('vendors_normalized') }} AS v ON v.vendor_id = e.vendor_id
    GROUP BY e.entity_id
)

SELECT
    g.entity_id,
    g.master_id,
    m.vendor_name,
    m.legal_form,
    m.country,
    g.entries,
    g.confidence,
    g.known_since,
    g.phone,
    g.email
FROM grouped AS g
JOIN {{ ref('vendors_normalized') }} AS m ON m.vendor_id = g.master_id
