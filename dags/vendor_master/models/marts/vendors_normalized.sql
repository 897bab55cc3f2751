-- Names, addresses, phone numbers and dates in one spelling. What can't be read becomes null.
WITH plain AS (
    SELECT
        vendor_id,
        system,
        trim(vendor_name) AS vendor_name,
        {{ plain('vendor_name') }} AS plain_name,
        replace(replace(replace({{ plain('street') }}, 'strasse', 'str'), 'street', 'st'), 'road', 'rd') AS street,
        {{ plain('city') }} AS city,
        replace(upper(trim(postcode)), ' ', '') AS postcode,
        lower(trim(country)) AS country,
        trim(phone) AS phone,
        lower(trim(email)) AS email,
        trim(created_on) AS created_on
    FROM {{ ref('stg_vendors') }}
    WHERE trim(coalesce(vendor_name, '')) NOT IN ('', '???')
),

-- The longest legal form that a name ends in.
formed AS (
    SELECT
        p.vendor_id,
        f.spelling,
        f.legal_form,
        row_number() OVER (PARTITION BY p.vendor_id ORDER BY length(f.spelling) DESC) AS place
    FROM plain AS p
    JOIN {{ ref('legal_forms') }} AS f ON p.plain_name LIKE '% ' || f.spelling
)

SELECT
    p.vendor_id,
    p.system,
    p.vendor_name,
    CASE
        WHEN f.spelling IS NULL THEN p.plain_name
        ELSE trim(substr(p.plain_name, 1, length(p.plain_name) - length(f.spelling)))
    END AS name_key,
    f.legal_form,
    p.street,
    p.city,
    p.postcode,
    c.code AS country,
    -- A number without its country's code gets it in front.
    refuel_normalize(
        CASE WHEN p.phone LIKE '%+%' OR p.phone LIKE '00%' THEN p.phone ELSE '+' || c.calling_code || ' ' || p.phone END,
        'phone'
    ) AS phone,
    CASE WHEN p.email LIKE '%_@_%.__%' THEN p.email END AS email,
    refuel_normalize(p.created_on, 'day') AS created_on
FROM plain AS p
LEFT JOIN formed AS f ON f.vendor_id = p.vendor_id AND f.place = 1
LEFT JOIN {{ ref('country_names') }} AS c ON c.name = p.country
