SELECT * FROM {{ ref('orders') }} WHERE amount < 0
