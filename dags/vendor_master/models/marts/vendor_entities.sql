-- Which entries are one company, how sure that is, and which of its entries stands for it.
SELECT
    record_key AS vendor_id,
    entity_id,
    is_canonical,
    confidence
FROM refuel_resolve({{ ref('vendors_normalized') }}, 'same_company')
