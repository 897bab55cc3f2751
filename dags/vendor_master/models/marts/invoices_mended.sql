-- Invoices under the company that sent them. What is sure is put right, what isn't is counted for a person to look at.
SELECT
    i.invoice_no,
    i.invoiced_on,
    e.entity_id,
    {{ mended('currency') }} AS currency,
    {{ mended('vat_percent') }} AS vat_percent,
    {{ mended('account_name') }} AS account_name,
    CAST(i.net AS numeric) AS net,
    (
        SELECT count(*)
        FROM {{ ref('invoice_cells') }} AS c
        WHERE c.invoice_no = i.invoice_no AND (c.confidence < {{ var('sure', 0.9) }} OR c.remedy = 'unknown')
    ) AS open_cells
FROM {{ ref('invoices') }} AS i
JOIN {{ ref('vendor_entities') }} AS e ON e.vendor_id = i.vendor_id
