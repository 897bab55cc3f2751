{{ config(gates=true) }}

-- What goes on the label of a parcel. What a supplier says stays; what it leaves out is that of the department.
WITH told AS (
    SELECT c.sku, c.title, c.category, s.customs_code, s.shipping
    FROM {{ ref('catalog') }} AS c
    LEFT JOIN {{ ref('supplier_codes') }} AS s ON s.sku = c.sku
)

SELECT
    sku,
    title,
    category,
    refuel_enrich({{ refuel.record('category', 'customs_code', 'shipping') }}, 'customs') ->> 'customs_code' AS customs_code,
    refuel_enrich({{ refuel.record('category', 'customs_code', 'shipping') }}, 'customs') ->> 'shipping' AS shipping
FROM told
