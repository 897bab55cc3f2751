"""Writes a project of many models, the same for Refuel and for dbt with Postgres.

    python3 bench/project_generator.py OUT N

OUT gets N models in the layers that such projects have (40 in 100 staging, 35 intermediate, 25 marts; 20 to 40 lines
each), a properties file for every ten models with two or three tests a model, sources, a seed, macros and variables.
Refuel reads OUT/refuel_project.yml and works on SQLite. dbt reads OUT/dbt_project.yml, with `--profiles-dir OUT/dbt`.
What is written depends on N alone.
"""

import random
import sys
from pathlib import Path

DOMAINS = ["billing", "catalog", "crm", "finance", "fulfilment", "hr", "marketing", "support", "web", "warehouse"]
ENTITIES = ["account", "address", "campaign", "contract", "event", "invoice", "item", "order", "payment", "session"]
STATUSES = ["new", "open", "paid", "shipped", "returned", "closed"]
MODELS_A_FILE = 10
TABLES_A_SOURCE = 20

PROJECT = """\
name: bench
version: "1.0.0"
{config_version}profile: bench
model-paths: ["models"]
seed-paths: ["seeds"]
macro-paths: ["macros"]
test-paths: ["tests"]
vars:
  start_date: "2024-01-01"
  minimum_amount: 10
  regions: ["emea", "amer", "apac"]
models:
  bench:
    staging:
      +materialized: view
      +tags: ["staging"]
    intermediate:
      +materialized: view
    marts:
      +materialized: table
      +tags: ["marts"]
seeds:
  bench:
    +tags: ["reference"]
"""

DBT_PROFILES = """\
bench:
  target: dev
  outputs:
    dev:
      type: postgres
      host: localhost
      port: 5432
      user: bench
      password: bench
      dbname: bench
      schema: analytics
      threads: 2
"""

MACROS = """\
{% macro in_units(column, scale=100) %}
    (cast({{ column }} as numeric) / {{ scale }})
{% endmacro %}

{% macro cleaned(column) %}
    nullif(trim(lower({{ column }})), '')
{% endmacro %}

{% macro amount_columns(prefix) %}
    {%- for region in var('regions') %}
    sum(case when region = '{{ region }}' then {{ in_units('amount') }} else 0 end) as {{ prefix }}_{{ region }}
    {%- if not loop.last %},{% endif %}
    {%- endfor %}
{% endmacro %}
"""

STAGING = """\
-- {entity} {number} as the {domain} system sends it.
with source as (

    select * from {{{{ source('{source}', '{table}') }}}}

),

renamed as (

    select
        id as {entity}_id,
        {{{{ cleaned('name') }}}} as {entity}_name,
        {{{{ cleaned('status') }}}} as status,
        {{{{ cleaned('region') }}}} as region,
        cast(amount as numeric) as amount,
        {extra}
        created_at,
        updated_at
    from source
    where created_at >= '{{{{ var("start_date") }}}}'

)

select * from renamed
"""

INTERMEDIATE = """\
{{{{ config(tags=['{domain}']) }}}}

with base as (

    select * from {{{{ ref('{first}') }}}}

),

other as (

    select
        {second_key},
        status,
        region,
        amount,
        row_number() over (partition by status order by {second_key} desc) as place
    from {{{{ ref('{second}') }}}}

),

joined as (

    select
        base.{first_key} as {key},
        base.status,
        coalesce(base.region, 'unknown') as region,
        base.amount + coalesce(other.amount, {number}) as amount,
        {extra}
        case
            when base.amount > {{{{ var('minimum_amount') }}}} then 'large'
            when base.amount is null then 'none'
            else 'small'
        end as size
    from base
    left join other
        on other.{second_key} = base.{first_key}
        and other.place = 1

)

select * from joined
"""

MART = """\
{{{{
    config(
        materialized='{materialized}',
        unique_key='{key}'
    )
}}}}

with facts as (

    select * from {{{{ ref('{first}') }}}}

),

statuses as (

    select status, label from {{{{ ref('statuses') }}}}

),

totals as (

    select
        facts.{first_key} as {key},
        statuses.label as status,
        count(*) as number_of_rows,
        {{{{ amount_columns('amount') }}}},
        {extra}
        max(facts.amount) as largest
    from facts
    left join statuses on statuses.status = facts.status
    {filter}
    group by 1, 2

)

select * from totals
where largest > {number} or status is not null
"""

INCREMENTAL_FILTER = """\
{% if is_incremental() %}
    where facts.amount > (select coalesce(max(largest), 0) from {{ this }})
    {% endif %}"""


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def extra_lines(rng, expression):
    """Zero to ten more columns, so that models are 20 to 40 lines long."""
    lines = [expression.format(number=number) for number in range(rng.randrange(0, 11))]
    return "\n        ".join(lines) if lines else "1 as one,"


def properties(models):
    lines = ["version: 2", "", "models:"]
    for model in models:
        lines += [
            f"  - name: {model['name']}",
            f"    description: \"One row for each {model['entity']} of {model['domain']}, number {model['number']}.\"",
            "    columns:",
            f"      - name: {model['key']}",
            "        description: \"What tells rows apart.\"",
            "        data_tests:",
            "          - unique",
            "          - not_null",
            "      - name: status",
            "        description: \"Where it stands.\"",
        ]
        if model["number"] % 5 == 0:
            quoted = ", ".join(f"'{status}'" for status in STATUSES)
            lines += ["        data_tests:", "          - accepted_values:", f"              values: [{quoted}]"]
    return "\n".join(lines) + "\n"


def sources(number_of_tables):
    lines = ["version: 2", "", "sources:"]
    for first in range(0, number_of_tables, TABLES_A_SOURCE):
        lines += [f"  - name: raw_{first // TABLES_A_SOURCE}", "    schema: raw", "    tables:"]
        for number in range(first, min(first + TABLES_A_SOURCE, number_of_tables)):
            lines += [f"      - name: table_{number}", f"        description: \"Table {number} as it is loaded.\""]
    return "\n".join(lines) + "\n"


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    out, count = Path(sys.argv[1]), int(sys.argv[2])
    rng = random.Random(count)
    number_of_staging = max(1, count * 40 // 100)
    number_of_intermediate = count * 35 // 100
    write(out / "refuel_project.yml", PROJECT.format(config_version=""))
    write(out / "dbt_project.yml", PROJECT.format(config_version="config-version: 2\n"))
    write(out / "dbt" / "profiles.yml", DBT_PROFILES)
    write(out / "macros" / "amounts.sql", MACROS)
    rows = "".join(f"{status},{status.title()}\n" for status in STATUSES)
    write(out / "seeds" / "statuses.csv", "status,label\n" + rows)
    write(out / "models" / "staging" / "sources.yml", sources(number_of_staging))
    made = {"staging": [], "intermediate": [], "marts": []}
    for number in range(count):
        domain, entity = DOMAINS[number % 10], ENTITIES[(number // 10) % 10]
        model = {"number": number, "domain": domain, "entity": entity}
        values = {"number": number, "domain": domain, "entity": entity}
        if number < number_of_staging:
            layer, name, key = "staging", f"stg_{domain}__{entity}_{number}", f"{entity}_id"
            values |= {"source": f"raw_{number // TABLES_A_SOURCE}", "table": f"table_{number}"}
            values["extra"] = extra_lines(rng, "coalesce(attribute_{number}, 'none') as attribute_{number},")
            template = STAGING
        else:
            upper = number >= number_of_staging + number_of_intermediate
            layer = "marts" if upper else "intermediate"
            name = f"{'fct' if upper else 'int'}_{domain}__{entity}_{number}"
            key = f"{entity}_key"
            below = made["intermediate"] or made["staging"] if upper else made["staging"] + made["intermediate"][-50:]
            first, second = rng.choice(below), rng.choice(below)
            values |= {"first": first["name"], "first_key": first["key"], "key": key}
            values |= {"second": second["name"], "second_key": second["key"]}
            incremental = upper and number % 4 == 0
            values["materialized"] = "incremental" if incremental else "table"
            values["filter"] = INCREMENTAL_FILTER if incremental else "where facts.amount is not null"
            column = "avg(facts.amount + {number}) as mean_{number}," if upper else "base.amount * {number} as times_{number},"
            values["extra"] = extra_lines(rng, column)
            template = MART if upper else INTERMEDIATE
        model |= {"name": name, "key": key}
        made[layer].append(model)
        write(out / "models" / layer / domain / f"{name}.sql", template.format(**values))
    for layer, models in made.items():
        by_domain = {}
        for model in models:
            by_domain.setdefault(model["domain"], []).append(model)
        for domain, models in by_domain.items():
            for first in range(0, len(models), MODELS_A_FILE):
                path = out / "models" / layer / domain / f"_{layer}_{first // MODELS_A_FILE}.yml"
                write(path, properties(models[first : first + MODELS_A_FILE]))


main()
