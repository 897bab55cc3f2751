use proptest::prelude::*;

use crate::select::{Criterion, Depth, Method, SelectError, Selector};

fn refused(text: &str) -> String {
    let error = Selector::parse(text).unwrap_err();
    let hint = error.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
    format!("{} {error}{hint}", error.code())
}

#[test]
fn operators_and_methods_are_read() {
    let selector = Selector::parse("2+tag:nightly+3").unwrap();
    assert_eq!(
        selector.union,
        [[Criterion {
            around: false,
            parents: Some(Depth::Steps(2)),
            method: Method::Tag,
            value: "nightly".to_owned(),
            children: Some(Depth::Steps(3)),
        }]]
    );
    let selector = Selector::parse(" @a,+config.meta.owner:ada  b+ ").unwrap();
    assert_eq!(selector.to_string(), "@a,+config.meta.owner:ada b+");
    assert_eq!(selector.union.len(), 2);
    assert_eq!(
        selector.union[0][1].method,
        Method::Config(vec!["meta".to_owned(), "owner".to_owned()])
    );
}

#[test]
fn a_value_without_a_method_is_a_path_a_file_or_a_name() {
    let method = |text: &str| Selector::parse(text).unwrap().union[0][0].method.clone();
    assert_eq!(method("models/staging"), Method::Path);
    assert_eq!(method("./models/"), Method::Path);
    assert_eq!(method("stg_orders.sql"), Method::File);
    assert_eq!(method("schema.yml"), Method::File);
    assert_eq!(method("staging.stg_orders"), Method::Name);
    assert_eq!(method("fqn:a/b"), Method::Name);
    assert_eq!(Selector::parse("./models/").unwrap().to_string(), "path:models");
    assert_eq!(Selector::parse("fqn:a/b").unwrap().to_string(), "fqn:a/b");
}

#[test]
fn errors_say_the_column_and_what_to_write() {
    insta::assert_snapshot!(
        [
            "",
            "a,,b",
            "a b,",
            "tagg:x",
            "a conf:x",
            "config:table",
            "state:modifed",
            "é +state:modified.bodi",
            "resource_type:models",
            "result:failed",
            "test_type:generics",
            "@a+",
            "++a",
            "+",
            "tag:",
            "99999999999+a",
            "a+99999999999",
            "stg_[a",
        ]
        .map(refused)
        .join("\n"),
        @r"
        RF1250 column 1 of ``: a selector is empty (name a model, such as `stg_orders`)
        RF1250 column 3 of `a,,b`: nothing stands beside the comma
        RF1250 column 5 of `a b,`: nothing stands beside the comma
        RF1251 column 1 of `tagg:x`: unknown method `tagg:` (did you mean `tag:`?)
        RF1251 column 3 of `a conf:x`: unknown method `conf:` (did you mean `config.KEY:`?)
        RF1250 column 1 of `config:table`: `config` is followed by a dot and a key (write `config.materialized:table`)
        RF1252 column 7 of `state:modifed`: `state:` takes no `modifed` (did you mean `state:modified`?)
        RF1252 column 10 of `é +state:modified.bodi`: `state:` takes no `modified.bodi` (did you mean `state:modified.body`?)
        RF1252 column 15 of `resource_type:models`: `resource_type:` takes no `models` (did you mean `resource_type:model`?)
        RF1252 column 8 of `result:failed`: `result:` takes no `failed` (did you mean `result:fail`?)
        RF1252 column 11 of `test_type:generics`: `test_type:` takes no `generics` (did you mean `test_type:generic`?)
        RF1250 column 3 of `@a+`: `@` and `+` don't go together (`@` takes in what depends on it already: leave the `+` out)
        RF1250 column 2 of `++a`: one operator is enough (write `+name`, `2+name` or `@name`)
        RF1250 column 2 of `+`: a name is missing
        RF1250 column 5 of `tag:`: a name is missing
        RF1250 column 1 of `99999999999+a`: the number of steps is too large
        RF1250 column 2 of `a+99999999999`: the number of steps is too large
        RF1250 column 5 of `stg_[a`: invalid range pattern (`*`, `?` and `[abc]` stand for characters)
        "
    );
}

#[test]
fn a_path_that_would_end_in_an_operator_keeps_its_slash() {
    let selector = Selector::parse("models/a+/").unwrap();
    assert_eq!(selector.to_string(), "path:models/a+/");
    assert_eq!(Selector::parse("path:models/a+/"), Ok(selector));
}

#[test]
fn several_arguments_are_a_union() {
    let none: [&str; 0] = [];
    assert_eq!(Selector::parse_all(&none).unwrap(), None);
    let selector = Selector::parse_all(&["a b", "c"]).unwrap().unwrap();
    assert_eq!(selector.to_string(), "a b c");
    assert!(matches!(
        Selector::parse_all(&["a", "b,"]),
        Err(SelectError::Syntax { column: 3, .. })
    ));
}

fn criterion() -> impl Strategy<Value = Criterion> {
    let depth = || prop::option::of(prop_oneof![Just(Depth::All), any::<u32>().prop_map(Depth::Steps)]);
    let method = prop_oneof![
        Just(Method::Name),
        Just(Method::Path),
        Just(Method::File),
        Just(Method::Tag),
        Just(Method::Task),
        Just(Method::Source),
        Just(Method::TestName),
        Just(Method::Package),
        prop::collection::vec("[a-z_]{1,8}", 1..3).prop_map(Method::Config),
    ];
    let value = prop_oneof![
        "[a-z0-9_]{1,6}(\\.[a-z0-9*?_]{1,6}){0,2}",
        "[0-9]{1,3}",
        "[a-z:+@/é*?]{0,6}[a-z]"
    ];
    (any::<bool>(), depth(), method, value, depth()).prop_map(|(around, parents, method, value, children)| {
        let value = match method {
            Method::Path => value.trim_start_matches(['.', '/']).to_owned(),
            _ => value,
        };
        Criterion {
            around,
            parents: parents.filter(|_| !around),
            method,
            value: if value.contains("**") { "a".to_owned() } else { value },
            children: children.filter(|_| !around),
        }
    })
}

proptest! {
    #[test]
    fn reading_never_panics_and_what_is_read_is_read_again_as_the_same(
        text in prop_oneof![any::<String>(), "[ ,@+0-3a.:*/\\[\\]é]{0,16}", "[@+0-3]{0,3}(state|tag|config.a|fqn|path):?[a-z+0-9/.]{0,6}"]
    ) {
        if let Ok(selector) = Selector::parse(&text) {
            prop_assert_eq!(Selector::parse(&selector.to_string()), Ok(selector.clone()), "{}", selector);
        }
    }

    #[test]
    fn what_is_written_is_read_as_the_same(
        union in prop::collection::vec(prop::collection::vec(criterion(), 1..4), 1..4)
    ) {
        let selector = Selector { union };
        prop_assert_eq!(Selector::parse(&selector.to_string()), Ok(selector.clone()), "{}", selector);
    }

    #[test]
    fn an_error_points_into_the_text(text in "[ ,@+a:*\\[é]{0,16}") {
        if let Err(SelectError::Syntax { column, .. } | SelectError::UnknownMethod { column, .. }) = Selector::parse(&text) {
            prop_assert!(column >= 1 && column <= text.chars().count() + 1);
        }
    }
}
