{{ config(gates=true) }}

-- Rules decide what they can: the model is asked about the rest.
SELECT
    left_id,
    right_id,
    left_vendor,
    right_vendor,
    CASE WHEN same_name AND (same_phone OR same_postcode) THEN 'rule' ELSE 'model' END AS decided_by,
    CASE
        WHEN same_name AND (same_phone OR same_postcode) THEN TRUE
        ELSE refuel_match(left_vendor, right_vendor, 'same_vendor')
    END AS is_same
FROM {{ ref('vendor_pairs') }}
