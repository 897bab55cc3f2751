//! A project for tests of this folder and its neighbours.

use std::ops::Deref;

use crate::testing::Folder;

/// A small shop of messages: a source, a seed, a task, models in three layers, tests of every type.
const FILES: &[(&str, &str)] = &[
    (
        "models/sources.yml",
        "sources:\n  - name: raw\n    description: What the help desk exports.\n    tables:\n      - name: tickets\n        \
         description: One row a message.\n        columns:\n          - name: id\n          - name: body\n          \
         - name: country_code\n",
    ),
    (
        "models/staging/stg_tickets.sql",
        "select\n    id,\n    trim(body) as body,\n    country_code as country\nfrom {{ source('raw', 'tickets') }}\n",
    ),
    (
        "models/labelled.sql",
        "{{ config(materialized='table', tags=['nightly']) }}\nselect *, refuel_label(body, 'ticket_topic') as topic\nfrom {{ \
         ref('stg_tickets') }}\n",
    ),
    (
        "models/report.sql",
        "select c.name as country_name, l.topic, count(*) as messages\nfrom {{ ref('labelled') }} as l\njoin {{ \
         ref('countries') }} as c on c.code = l.country\ngroup by 1, 2\n",
    ),
    (
        "models/schema.yml",
        "models:\n  - name: stg_tickets\n    description: Messages without blanks around them.\n    columns:\n      - name: \
         id\n        description: The message.\n        data_tests:\n          - unique\n          - not_null\n  - name: \
         labelled\n    columns:\n      - name: topic\n        data_tests:\n          - accepted_values:\n              \
         values: [refund, delivery, other]\n              config:\n                severity: warn\n",
    ),
    ("seeds/countries.csv", "code,name\nde,Germany\nfr,France\n"),
    (
        "tests/no_empty_body.sql",
        "select id from {{ ref('stg_tickets') }} where body = ''\n",
    ),
    (
        "tests/labelled.yml",
        "unit_tests:\n  - name: blank\n    model: labelled\n    given:\n      - input: ref('stg_tickets')\n        rows:\n          \
         - {id: 1, body: broken, country: de}\n    answers:\n      - {task: ticket_topic, input: broken, value: refund}\n    \
         expect:\n      rows:\n        - {id: 1, topic: refund}\n",
    ),
    (
        "tasks/ticket_topic.yml",
        "name: ticket_topic\nkind: label\ninput: body\nguidelines: |\n  Say what the message is about.\n  Choose one topic.\nlabels:\n  - \
         refund\n  - delivery\n  - other\nthreshold: 0.5\n",
    ),
    (
        "macros/text.sql",
        "{% macro shout(column) %}upper({{ column }}){% endmacro %}\n",
    ),
];

/// The project in a folder of its own.
pub(crate) struct Shop(Folder);

impl Shop {
    pub(crate) fn new() -> Self {
        Self(Folder::new(FILES))
    }

    /// Puts another text in place of one that is in a file.
    #[track_caller]
    pub(crate) fn replace(&self, path: &str, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.path().join(path)).unwrap();
        assert!(text.contains(from), "{path} has no {from:?}");
        self.write(path, &text.replace(from, to));
    }
}

impl Deref for Shop {
    type Target = Folder;

    fn deref(&self) -> &Folder {
        &self.0
    }
}
