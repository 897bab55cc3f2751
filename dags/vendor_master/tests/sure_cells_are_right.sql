-- Cells that would be changed without a look, and that a person found to be otherwise.
SELECT c.invoice_no, c.column_name, c.proposed, k.right_value
FROM {{ ref('invoice_cells') }} AS c
LEFT JOIN {{ ref('checked_cells') }} AS k ON k.invoice_no = c.invoice_no AND k.column_name = c.column_name
WHERE c.confidence >= {{ var('sure', 0.9) }} AND (k.right_value IS NULL OR k.right_value <> c.proposed)
