-- What was spent with each company, without invoices that somebody has to look at.
SELECT m.master_id, m.vendor_name, i.currency, count(*) AS invoices, sum(i.net) AS net
FROM {{ ref('invoices_mended') }} AS i
JOIN {{ ref('vendor_master') }} AS m ON m.entity_id = i.entity_id
WHERE i.open_cells = 0
GROUP BY m.master_id, m.vendor_name, i.currency
