{{ config(alias='orders_of_all') }}
SELECT o.*, refuel_label(o.comment, 'tone') AS tone FROM {{ ref('stg_orders') }} AS o
