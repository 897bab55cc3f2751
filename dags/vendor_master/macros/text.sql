{# Text without what people type differently (SQLite's lower() knows ASCII alone, so that capitals are listed): upper case, punctuation, accents that have a plain spelling, double spaces. #}
{% macro plain(column) -%}
{%- set found = namespace(sql="lower(trim(" ~ column ~ "))") -%}
{%- for from, to in [('ä', 'ae'), ('ö', 'oe'), ('ü', 'ue'), ('Ä', 'ae'), ('Ö', 'oe'), ('Ü', 'ue'), ('ß', 'ss'), ('é', 'e'), ('É', 'e'), ('è', 'e'), ('È', 'e'), ('ù', 'u'), ('Ù', 'u'), ('ñ', 'n'), ('Ñ', 'n'), ('ł', 'l'), ('Ł', 'l'), ('ń', 'n'), ('Ń', 'n'), (' and ', ' & '), ('.', ''), (',', ' '), ('-', ' '), ('  ', ' '), ('  ', ' ')] -%}
{%- set found.sql = "replace(" ~ found.sql ~ ", '" ~ from ~ "', '" ~ to ~ "')" -%}
{%- endfor -%}
trim({{ found.sql }})
{%- endmacro %}
