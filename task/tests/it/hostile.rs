//! Text from people who make mistakes, and from people who don't.

use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use refuel_task::{ChatTemplate, Task};

use crate::read;

/// Reads a text that must not be taken, in less time than anybody would notice.
fn refused_quickly(text: &str) -> String {
    let start = Instant::now();
    let error = read(text).expect_err("refused");
    assert!(start.elapsed() < Duration::from_secs(5), "took {:?}", start.elapsed());
    error.to_string()
}

#[test]
fn aliases_that_multiply_are_refused() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let before = format!("*a{}", level - 1);
        writeln!(bomb, "a{level}: &a{level} [{}]", vec![before; 10].join(", ")).expect("written");
    }
    refused_quickly(&bomb);
}

#[test]
fn deep_nesting_is_refused() {
    refused_quickly(&format!("kind: {}", "[".repeat(100_000)));
    refused_quickly(&format!("labels: {}{}", "[".repeat(5_000), "]".repeat(5_000)));
    let mut deep = String::new();
    for level in 0..2_000 {
        deep.push_str(&" ".repeat(level));
        deep.push_str("a:\n");
    }
    refused_quickly(&deep);
    let mut value = serde_json::Value::Null;
    for _ in 0..200 {
        value = serde_json::json!([value]);
    }
    let error = Task::from_json(&serde_json::json!({"kind": value}), "catalog", Path::new("")).expect_err("refused");
    assert!(error.to_string().contains("nested more than 32 deep"), "{error}");
}

#[test]
fn too_much_of_anything_is_refused() {
    let labels: Vec<String> = (0..10_001).map(|index| format!("l{index}")).collect();
    let text = format!("kind: label\ninput: body\nlabels: [{}]\n", labels.join(", "));
    assert!(refused_quickly(&text).contains("at most 10000"));
    let text = format!("kind: label\ninput: body\nlabels: [{}, b]\n", "a".repeat(201));
    assert!(refused_quickly(&text).contains("201 characters"));
    let text = format!("kind: complete\ninput: body\nguidelines: {}\n", "word ".repeat(20_000));
    assert!(refused_quickly(&text).contains("65536 are the most"));
    let labels: Vec<String> = (0..10_000).map(|index| format!("l{index}")).collect();
    let text = format!("kind: label\ninput: body\nlabels: [{}]\n", labels.join(", "));
    assert_eq!(read(&text).expect("as many as there may be").labels.len(), 10_000);
}

#[test]
fn an_example_file_is_read_whatever_its_name_holds() {
    let text = "kind: label\ninput: body\nlabels: [a, b]\nexamples: {from: \"/dev/zero\"}\n";
    refused_quickly(text);
    refused_quickly("kind: label\ninput: body\nlabels: [a, b]\nexamples: {from: \"\\0.csv\"}\n");
}

/// Lines of tasks, right and wrong, so that random text gets past the first check.
fn line() -> impl Strategy<Value = String> {
    let lines = vec![
        "kind: label",
        "kind: multilabel",
        "kind: match",
        "kind: embed",
        "kind: complete",
        "input: body",
        "input: [a, b]",
        "input: {template: \"{{ a }}\"}",
        "input: {a: x, b: y}",
        "labels: [x, y]",
        "labels: {x: 1, y: 2}",
        "labels:",
        "  - x",
        "  - {name: y, aliases: [z]}",
        "guidelines: |",
        "  text",
        "examples:",
        "  - {input: q, label: x}",
        "examples: {items: [], select: similar}",
        "threshold: .nan",
        "threshold: 1e400",
        "max_tokens: -1",
        "max_tokens: 99999999999999999999",
        "fallback: null",
        "? [a]",
        "&a x: *a",
        "<<: *a",
        "!!binary aGk=",
        "---",
        "...",
        "%YAML 1.1",
        "\t",
        "name: \u{0}",
        "version: 0x7f",
        "tags: [~]",
    ];
    prop_oneof![4 => prop::sample::select(lines).prop_map(ToOwned::to_owned), 1 => any::<String>()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// No text makes the reader panic, and what is wrong is told with a code.
    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        if let Err(error) = read(&text) {
            prop_assert!(error.code().starts_with("RF04"));
        }
    }

    #[test]
    fn any_lines_are_read_or_refused(lines in prop::collection::vec(line(), 0..12)) {
        let text = lines.join("\n");
        match read(&text) {
            Err(error) => {
                prop_assert!(!error.to_string().ends_with('.'), "{error}");
                prop_assert!(!error.to_string().contains('\n'), "{error}");
            }
            Ok(task) => prop_assert_eq!(task.fingerprint().len(), 64),
        }
    }

    /// No chat template makes it panic or run for long.
    #[test]
    fn any_chat_template_is_compiled_or_refused(parts in prop::collection::vec(prop::sample::select(vec![
        "{{ messages }}", "{% for m in messages %}", "{% endfor %}", "{{ m.content }}", "{% if loop.first %}", "{% endif %}",
        "{{ messages[0].content[5:] }}", "{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}", "{{ 'x' * 99999 }}",
        "{% generation %}", "{%- endgeneration -%}", "{{ strftime_now('%Q%%') }}", "{{ range(999999) | list }}", "{%", "%}", "{{ messages[-1].content | trim }}",
        "{{ messages | tojson }}", "{% set ns = namespace(a=1) %}", "{{ ns.a }}", "{{ raise_exception(1) }}",
    ]), 0..8)) {
        let _ = ChatTemplate::new(&parts.concat(), "<s>", "</s>");
    }
}
