{# A column of an invoice `i`, with what should stand there instead where that is sure enough. #}
{% macro mended(column) -%}
COALESCE(
        (
            SELECT c.proposed
            FROM {{ ref('invoice_cells') }} AS c
            WHERE c.invoice_no = i.invoice_no AND c.column_name = '{{ column }}' AND c.confidence >= {{ var('sure', 0.9) }}
        ),
        i.{{ column }}
    )
{%- endmacro %}
