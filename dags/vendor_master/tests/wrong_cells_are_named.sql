{{ config(severity='warn') }}
-- Cells that a person found to be wrong, and that nothing is said of.
SELECT k.invoice_no, k.column_name
FROM {{ ref('checked_cells') }} AS k
LEFT JOIN {{ ref('invoice_cells') }} AS c ON c.invoice_no = k.invoice_no AND c.column_name = k.column_name
WHERE c.invoice_no IS NULL
