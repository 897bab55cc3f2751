-- Cells of invoices that look wrong, each with what should stand there, how sure that is, and why.
SELECT
    record_key AS invoice_no,
    column_name,
    value,
    proposed,
    confidence,
    evidence,
    remedy
FROM refuel_repair({{ ref('invoices') }}, 'mend_invoices')
