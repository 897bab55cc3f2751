{# Text without what people type differently (SQLite's lower() knows ASCII alone, so that capitals are listed): upper case, punctuation, accents that have a plain spelling, double spaces. #}
{% macro plain(column) -%}
{%- set found = namespace(sql="lower(trim(" ~ column ~ "))") -%}
{%- for from, to in [('ä', 'ae'), ('ö', 'oe'), ('ü', 'ue'), ('Ä', 'ae'), ('Ö', 'oe'), ('Ü', 'ue'), ('ß', 'ss'), ('é', 'e'), ('É', 'e'), ('è', 'e'), ('È', 'e'), ('ù', 'u'), ('Ù', 'u'), ('ñ', 'n'), ('Ñ', 'n'), ('ł', 'l'), ('Ł', 'l'), ('ń', 'n'), ('Ń', 'n'), (' and ', ' & '), ('.', ''), (',', ' '), ('-', ' '), ('  ', ' '), ('  ', ' ')] -%}
{%- set found.sql = "replace(" ~ found.sql ~ ", '" ~ from ~ "', '" ~ to ~ "')" -%}
{%- endfor -%}
trim({{ found.sql }})
{%- endmacro %}

{# The digits of a phone number, and a plus. #}
{% macro digits(column) -%}
{%- set found = namespace(sql=column) -%}
{%- for gone in ['(0)', '(', ')', ' ', '-', '.', '/'] -%}
{%- set found.sql = "replace(" ~ found.sql ~ ", '" ~ gone ~ "', '')" -%}
{%- endfor -%}
{{ found.sql }}
{%- endmacro %}

{# A date in any of the ways that the two systems write one, as YYYY-MM-DD. #}
{% macro iso_date(column) -%}
CASE
    WHEN {{ column }} LIKE '____-__-__' THEN {{ column }}
    WHEN {{ column }} LIKE '__.__.____' OR {{ column }} LIKE '__/__/____'
        THEN substr({{ column }}, 7, 4) || '-' || substr({{ column }}, 4, 2) || '-' || substr({{ column }}, 1, 2)
    WHEN {{ column }} LIKE '________' AND {{ column }} NOT LIKE '% %'
        THEN substr({{ column }}, 1, 4) || '-' || substr({{ column }}, 5, 2) || '-' || substr({{ column }}, 7, 2)
    {%- for month in ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'] %}
    WHEN lower({{ column }}) LIKE '% {{ month }} ____'
        THEN substr({{ column }}, length({{ column }}) - 3, 4) || '-{{ "%02d"|format(loop.index) }}-'
            || substr('0' || substr({{ column }}, 1, length({{ column }}) - 9), length({{ column }}) - 9, 2)
    {%- endfor %}
END
{%- endmacro %}
