{{ config(materialized='incremental', unique_key='id') }}

SELECT id, body, refuel_label(body, 'mood') AS mood
FROM {{ source('public', 'message') }}
{% if is_incremental() %}
WHERE id > (SELECT coalesce(max(id), 0) FROM {{ this }})
{% endif %}
