SELECT id, status, amount, comment FROM {{ source('shop', 'orders') }}
