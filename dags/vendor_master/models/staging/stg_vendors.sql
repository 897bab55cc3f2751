-- The vendors of both systems, in the columns of the first.
SELECT vendor_id, 'erp' AS system, vendor_name, street, city, postcode, country, phone, email, created_on
FROM {{ ref('vendors_erp') }}
UNION ALL
SELECT sender_no, 'invoices', sender, address, town, zip, land, tel, mail, first_invoice
FROM {{ ref('vendors_invoices') }}
