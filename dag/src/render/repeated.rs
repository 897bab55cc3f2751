//! Settings that one `config(...)` gives twice. What reads the call sees only the last of them.

/// The settings that a call of `config` in a text gives a second time: each with the byte at which it does.
pub(crate) fn repeated_settings(text: &str) -> Vec<(&str, usize)> {
    let mut repeated = Vec::new();
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    for (at, function) in text.match_indices("config") {
        let rest = &text[at + function.len()..];
        let Some(arguments) = rest.trim_start().strip_prefix('(') else {
            continue;
        };
        let is_template = text[..at]
            .rfind("{{")
            .is_some_and(|open| text[..at].rfind("}}").is_none_or(|close| close < open));
        if !is_template || text[..at].ends_with(|before: char| is_word(before) || before == '.') {
            continue;
        }
        let start = text.len() - arguments.len();
        let mut seen: Vec<&str> = Vec::new();
        for (key, at) in keys(arguments) {
            if !key.is_empty() && seen.contains(&key) {
                repeated.push((key, start + at));
            }
            seen.push(key);
        }
    }
    repeated
}

/// The names of the arguments of a call that are given by name, with where they begin. `text` begins behind the `(` of
/// the call.
fn keys(text: &str) -> Vec<(&str, usize)> {
    let mut keys = Vec::new();
    let mut depth = 0_usize;
    let mut quote: Option<char> = None;
    let mut escaped = false;
    // Where the argument that is gone through begins; none once its name is known.
    let mut begin = Some(0);
    for (at, character) in text.char_indices() {
        if let Some(mark) = quote {
            match character {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                _ if character == mark => quote = None,
                _ => {}
            }
            continue;
        }
        match character {
            '\'' | '"' => quote = Some(character),
            '(' | '[' | '{' => depth += 1,
            ')' if depth == 0 => break,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => begin = Some(at + 1),
            '=' if depth == 0 => {
                // The first `=` of an argument ends its name; `==` is part of a value.
                let is_equal = text[at + 1..].starts_with('=');
                if let Some(from) = begin.take().filter(|_| !is_equal) {
                    let name = text[from..at].trim();
                    keys.push((name, from + text[from..at].len() - text[from..at].trim_start().len()));
                }
            }
            _ => {}
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_one_config_gives_twice_is_found_with_its_place() {
        let text = "{{ config(unique_key='nix', tags=['a=1', 'b'],\n  unique_key='id') }}\nselect 1";
        let found = repeated_settings(text);
        assert_eq!(found, [("unique_key", text.rfind("unique_key").unwrap())]);
    }

    #[test]
    fn keys_of_two_calls_of_maps_and_of_texts_are_others() {
        for text in [
            "{{ config(alias='a') }}{{ config(alias='b') }}",
            "{{ config(meta={'alias': 1}, alias='a, alias=2') }}",
            "{{ config(enabled=(target.type == 'postgres'), alias='b') }}",
            "{{ config(alias=var('a', default='x'), schema=var('b', default='y')) }}",
            "-- config(alias=1, alias=2)\nselect 1",
            "{{ my_config(alias=1, alias=2) }}",
            "{{ config(alias='it\\'s, alias=1', schema='b') }}",
        ] {
            assert_eq!(repeated_settings(text), [], "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_gone_through(text in "[a-z{}(),='\"\\\\ é\n]*(config[(][a-b=,'é{}() ]*)*") {
            for (key, at) in repeated_settings(&text) {
                proptest::prop_assert!(text[at..].starts_with(key));
            }
        }
    }
}
