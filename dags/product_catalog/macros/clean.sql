{# Text of a listing without markup, advertising and double spaces. #}
{% macro clean(column) -%}
{%- set found = namespace(sql=column) -%}
{%- for gone in ['*NEW*', 'SALE!!', '[B-stock]', '[B-STOCK]', 'Top offer:', 'TOP OFFER:', '<p>', '</p>', '<br> free shipping', '<br>', '&nbsp;', '&NBSP;', '  ', '  '] -%}
{%- set found.sql = "replace(" ~ found.sql ~ ", '" ~ gone ~ "', ' ')" -%}
{%- endfor -%}
trim(replace({{ found.sql }}, '&amp;', '&'), ' ,-')
{%- endmacro %}

{# A price in pounds, however it is written. #}
{% macro price(column) -%}
CAST(replace(replace(replace(replace(replace({{ column }}, '£', ''), 'GBP', ''), ',-', ''), ',', '.'), ' ', '') AS numeric)
{%- endmacro %}
