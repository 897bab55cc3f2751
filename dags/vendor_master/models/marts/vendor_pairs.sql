-- Pairs worth comparing: the same country, and something else in common.
SELECT
    a.vendor_id AS left_id,
    b.vendor_id AS right_id,
    a.name_key = b.name_key AS same_name,
    a.phone = b.phone AS same_phone,
    a.postcode = b.postcode AS same_postcode,
    a.vendor_name || ', ' || a.street || ', ' || a.postcode || ' ' || a.city || ', ' || a.country AS left_vendor,
    b.vendor_name || ', ' || b.street || ', ' || b.postcode || ' ' || b.city || ', ' || b.country AS right_vendor
FROM {{ ref('vendors_normalized') }} AS a
JOIN {{ ref('vendors_normalized') }} AS b
    ON a.vendor_id < b.vendor_id
    AND a.country = b.country
    AND (a.phone = b.phone OR a.postcode = b.postcode OR a.name_key = b.name_key OR a.email = b.email)
