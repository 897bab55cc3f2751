//! References, order, rendering for different modes.

use crate::dag::RenderMode;
use crate::nodes::{NodeId, ResourceType};
use crate::testing::{Folder, TOPIC, compile, node, sql};

fn depends_on(dag: &crate::Dag, id: &str) -> Vec<String> {
    node(dag, id).depends_on.iter().map(ToString::to_string).collect()
}

#[test]
fn references_become_relations_and_edges() {
    let dag = compile(&[
        ("seeds/teams.csv", "id,team\n1,a\n"),
        (
            "models/sources.yml",
            "sources:\n  - name: raw\n    tables: [{name: orders, identifier: orders_v2}]\n",
        ),
        ("models/stg.sql", "select * from {{ source('raw', 'orders') }}"),
        (
            "models/marts/report.sql",
            "{{ config(alias='monthly') }}\nselect * from {{ ref('stg') }} join {{ ref('shop', 'teams') }} using (id)",
        ),
        ("models/last.sql", "select * from {{ ref('report') }}"),
    ]);
    assert_eq!(sql(&dag, "model.stg"), "select * from \"orders_v2\"");
    assert_eq!(
        sql(&dag, "model.report").trim(),
        "select * from \"stg\" join \"teams\" using (id)"
    );
    assert_eq!(sql(&dag, "model.last"), "select * from \"monthly\"");
    assert_eq!(depends_on(&dag, "model.report"), ["model.shop.stg", "seed.shop.teams"]);
    let order: Vec<&str> = dag.order().map(|node| &*node.name).collect();
    let place = |name| order.iter().position(|known| *known == name).unwrap();
    assert!(place("raw.orders") < place("stg") && place("stg") < place("report") && place("report") < place("last"));
    let fqn = |id| node(&dag, id).fqn.join(".");
    assert_eq!(fqn("model.report"), "shop.marts.report");
    assert_eq!(fqn("source.raw.orders"), "shop.raw.orders");
    assert_eq!(
        dag.children("model.shop.stg")
            .map(|node| &*node.name)
            .collect::<Vec<_>>(),
        ["report"]
    );
}

#[test]
fn a_model_is_rendered_for_full_and_for_incremental_builds() {
    let dag = compile(&[
        ("models/a.sql", "select 1 as id"),
        ("models/b.sql", "select 2 as id"),
        (
            "models/m.sql",
            "{{ config(materialized='incremental', unique_key='id') }}select * from {{ ref('a') }}\
             {% if is_incremental() %} where id > (select max(id) from {{ this }}) and id in (select id from {{ ref('b') }})\
             {% endif %}",
        ),
    ]);
    let model = node(&dag, "model.m");
    assert_eq!(sql(&dag, "model.m"), "select * from \"a\"");
    assert_eq!(
        dag.rendered_sql(model, &RenderMode::new(true)).unwrap(),
        "select * from \"a\" where id > (select max(id) from \"m\") and id in (select id from \"b\")"
    );
    // What either text reads is built first; a model does not wait for itself.
    assert_eq!(depends_on(&dag, "model.m"), ["model.shop.a", "model.shop.b"]);
}

#[test]
fn a_unit_test_puts_other_relations_in() {
    let dag = compile(&[
        ("models/a.sql", "select 1 as id"),
        (
            "models/e.sql",
            "{{ config(materialized='ephemeral') }}select * from {{ ref('a') }}",
        ),
        (
            "models/m.sql",
            "select * from {{ ref('e') }} where day >= '{{ var('day', 'never') }}'",
        ),
    ]);
    let mut mode = RenderMode::default();
    mode.overrides
        .insert(NodeId::from("model.shop.a"), "given_a".to_owned());
    mode.vars.insert("day".to_owned(), "today".into());
    assert_eq!(
        dag.rendered_sql(node(&dag, "model.m"), &mode).unwrap(),
        "WITH __refuel__cte__e AS (\nselect * from given_a\n)\nselect * from __refuel__cte__e where day >= 'today'"
    );
    mode.overrides
        .insert(NodeId::from("model.shop.e"), "given_e".to_owned());
    assert_eq!(
        dag.rendered_sql(node(&dag, "model.m"), &mode).unwrap(),
        "select * from given_e where day >= 'today'"
    );
}

#[test]
fn ephemeral_models_are_written_out_once_each_after_what_they_read() {
    let dag = compile(&[
        (
            "models/a.sql",
            "{{ config(materialized='ephemeral') }}select 1 as id -- end",
        ),
        (
            "models/b.sql",
            "{{ config(materialized='ephemeral') }}select * from {{ ref('a') }};",
        ),
        (
            "models/m.sql",
            "-- all\nwith x as (select * from {{ ref('b') }}) select * from x join {{ ref('a') }} using (id)",
        ),
    ]);
    insta::assert_snapshot!(sql(&dag, "model.m"), @r"
    -- all
    with __refuel__cte__a AS (
    select 1 as id -- end
    ),
    __refuel__cte__b AS (
    select * from __refuel__cte__a
    ), x as (select * from __refuel__cte__b) select * from x join __refuel__cte__a using (id)
    ");
    assert_eq!(node(&dag, "model.a").relation, None);
    let parsed = refuel_staging::Analyzed::facts(&sql(&dag, "model.m"), dag.dialect());
    assert!(parsed.is_ok(), "{parsed:?}");
}

#[test]
fn parts_of_a_gated_model_are_views_next_to_it() {
    let dag = compile(&[
        ("tasks/topic.yml", TOPIC),
        ("models/raw.sql", "select 'a' as body"),
        (
            "models/labelled.sql",
            "select body, refuel_label(body, 'topic') as topic from {{ ref('raw') }}",
        ),
        ("models/sure.sql", "select * from {{ ref('labelled.accepted') }}"),
        ("models/open.sql", "select * from {{ ref('labelled') }}"),
    ]);
    assert_eq!(sql(&dag, "model.sure"), "select * from \"labelled__accepted\"");
    assert_eq!(sql(&dag, "model.open"), "select * from \"labelled\"");
    let labelled = node(&dag, "model.labelled").model().unwrap();
    assert!(labelled.gated);
    assert_eq!(labelled.calls.len(), 1);
    assert_eq!(
        depends_on(&dag, "model.labelled"),
        ["model.shop.raw", "task.shop.topic"]
    );
    assert!(!node(&dag, "model.sure").model().unwrap().gated);
}

#[test]
fn macros_of_files_are_called_by_name_and_call_each_other() {
    let dag = compile(&[
        (
            "macros/a.sql",
            "{% macro twice(x) %}{{ once(x) }} + {{ once(x) }}{% endmacro %}\n{% macro rows() %}select * from {{ ref('base') }}{% endmacro %}",
        ),
        (
            "macros/b.sql",
            "{% macro once(x, suffix='') -%} ({{ x }}{{ suffix }}) {%- endmacro %}",
        ),
        ("models/base.sql", "select 1 as n"),
        (
            "models/m.sql",
            "select {{ twice('n') }} as m, {{ once('n', suffix='1') }} from ({{ rows() }})",
        ),
    ]);
    assert_eq!(
        sql(&dag, "model.m"),
        "select (n) + (n) as m, (n1) from (select * from \"base\")"
    );
    assert_eq!(depends_on(&dag, "model.m"), ["model.shop.base"]);
}

#[test]
fn templates_see_settings_variables_and_the_target() {
    let mut folder = Folder::new(&[
        (
            "refuel_project.yml",
            "name: shop\nvars: {from_file: 1, both: file}\nmodels:\n  +tags: [all]\n",
        ),
        (
            "models/m.sql",
            "{{ config(materialized='table', tags=['mine']) }}{{ log('seen', info=true) }}\
             select '{{ config.get('materialized') }}', '{{ config.get('nothing', 'else') }}', {{ var('from_file') }},\
             '{{ var('both') }}', '{{ var('other', default='x') }}', '{{ env_var('PLACE') }}', '{{ env_var('NO', 'no') }}',\
             '{{ target.name }} {{ target.type }}', '{{ this.name }}', {{ execute }}\
             {%- for n in [1, 2] %}, {{ n }}{% endfor %}",
        ),
    ]);
    folder.vars.insert("both".to_owned(), "command".into());
    folder.env.insert("PLACE".to_owned(), "here".to_owned());
    let dag = folder.compile();
    assert_eq!(
        sql(&dag, "model.m"),
        "select 'table', 'else', 1,'command', 'x', 'here', 'no','dev sqlite', 'm', True, 1, 2"
            .replace("dev", &dag.project.target.name)
    );
    let mut tags = node(&dag, "model.m").tags.clone();
    tags.sort();
    assert_eq!(tags, ["all", "mine"]);
    let said: Vec<_> = dag
        .messages
        .iter()
        .map(|message| (message.text.as_str(), message.info))
        .collect();
    assert_eq!(said, [("seen", true)]);
}

#[test]
fn disabled_nodes_are_left_out() {
    let dag = compile(&[
        ("models/off.sql", "{{ config(enabled=false) }}this is no SQL"),
        ("models/on.sql", "select 1 as id"),
        (
            "models/p.yml",
            "models:\n  - name: off\n    columns: [{name: id, data_tests: [unique]}]\n  - name: on\n    columns: [{name: id, data_tests: [unique: {config: {enabled: false}}]}]\n",
        ),
    ]);
    let kinds = |kind| dag.nodes.values().filter(|node| node.resource_type() == kind).count();
    assert_eq!((kinds(ResourceType::Model), kinds(ResourceType::Test)), (1, 0));
    let mut disabled: Vec<String> = dag.disabled.iter().map(ToString::to_string).collect();
    disabled.sort();
    assert_eq!(disabled, ["model.shop.off", "test.shop.unique_on_id"]);
}

#[test]
fn a_model_that_is_read_by_its_name_is_warned_of() {
    let dag = compile(&[
        ("models/orders.sql", "select 1 as id"),
        (
            "models/m.sql",
            "select *\nfrom orders\njoin {{ ref('orders') }} as other using (id)\njoin elsewhere using (id)",
        ),
    ]);
    let warnings: Vec<String> = dag
        .warnings
        .iter()
        .map(|warning| format!("{}: {}", warning.place, warning.message))
        .collect();
    assert_eq!(
        warnings,
        ["models/m.sql:2:6: \"orders\" is the model \"orders\", and is read without ref()"]
    );
}

#[test]
fn texts_of_no_file_are_rendered_as_well() {
    let dag = compile(&[
        ("models/e.sql", "{{ config(materialized='ephemeral') }}select 1 as id"),
        ("models/m.sql", "select * from {{ ref('e') }}"),
    ]);
    let render = |text: &str, this: Option<&crate::Node>| {
        dag.render_inline("inline", text, this, &RenderMode::default())
            .map_err(|error| error.to_string())
    };
    assert_eq!(
        render("select * from {{ ref('e') }}", None).unwrap(),
        "WITH __refuel__cte__e AS (\nselect 1 as id\n)\nselect * from __refuel__cte__e"
    );
    let hook = render("create index on {{ this }} (id)", Some(node(&dag, "model.m")));
    assert_eq!(hook.unwrap(), "create index on \"m\" (id)");
    assert_eq!(
        render("select\n * from {{ ref('n') }}", None).unwrap_err(),
        "inline:2:12: \"inline\" refers to model or seed \"n\", which the project does not have"
    );
    assert!(render("select {{ this }}", None).is_err());
}

/// SQLite takes `WITH orders AS (SELECT * FROM orders)` for a circle, where every other database reads the table.
#[test]
fn a_cte_may_have_the_name_of_what_it_is_made_of() {
    let dag = compile(&[
        ("seeds/orders.csv", "id\n1\n"),
        ("models/plain.sql", "select * from {{ ref('orders') }} where id > 1"),
        (
            "models/same.sql",
            "WITH Orders AS (select * from {{ ref('orders') }}) select * from Orders",
        ),
    ]);
    assert_eq!(sql(&dag, "model.plain"), "select * from \"orders\" where id > 1");
    assert_eq!(
        sql(&dag, "model.same"),
        "WITH Orders AS (select * from \"main\".\"orders\") select * from Orders"
    );
}
