//! What holds for every text and every set of rules.

use std::sync::Arc;

use proptest::prelude::*;
use refuel_clean::{
    Case, Cleaned, DashStyle, Dictionary, Edit, Guard, Html, QuoteStyle, Rule, RuleName, Rules, Speller, UnicodeForm,
    Whitespace,
};

fn dictionary() -> Arc<Dictionary> {
    let words = [
        "the", "quick", "brown", "fox", "jumped", "over", "house", "houses", "separate", "receive", "don't",
    ];
    Arc::new(Dictionary::new(words.map(|word| (word, 100))))
}

fn rule() -> impl Strategy<Value = Rule> {
    let case = prop_oneof![
        Just(Case::Lower),
        Just(Case::Upper),
        Just(Case::Sentence),
        Just(Case::Title)
    ];
    prop_oneof![
        prop_oneof![Just(UnicodeForm::Nfc), Just(UnicodeForm::Nfkc)].prop_map(Rule::Unicode),
        Just(Rule::Mojibake),
        Just(Rule::Invisible),
        any::<bool>().prop_map(|lines| Rule::Whitespace(Whitespace { lines })),
        (any::<bool>(), any::<bool>()).prop_map(|(tags, entities)| Rule::Html(Html { tags, entities })),
        case.prop_map(Rule::Casing),
        prop_oneof![Just(QuoteStyle::Straight), Just(QuoteStyle::Curly)].prop_map(Rule::Quotes),
        prop_oneof![Just(DashStyle::Hyphen), Just(DashStyle::Dash)].prop_map(Rule::Dashes),
        Just(Rule::Punctuation),
        Just(Rule::Spelling(Speller::new(dictionary()))),
    ]
}

/// Rules in any order, none twice.
fn rules() -> impl Strategy<Value = Rules> {
    prop::collection::vec(rule(), 0..8).prop_map(|rules| {
        let mut once: Vec<Rule> = Vec::new();
        for rule in rules {
            if once.iter().all(|known| known.name() != rule.name()) {
                once.push(rule);
            }
        }
        Rules::new(once).unwrap()
    })
}

/// Text of all sorts, with much of what rules look for.
fn text() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => "[a-zA-Z]{1,9}",
        1 => "\\PC{0,6}",
        1 => any::<char>().prop_map(String::from),
        4 => prop::sample::select(vec![
            " ", "  ", "\n", "\r\n", "\t", "\u{a0}", "\u{200b}", "\u{feff}", "\u{ad}", "\u{301}", "&amp;", "&lt;b&gt;",
            "&#146;", "<b>", "</p>", "<br/>", "<!-- x -->", "<a href=\"x\">", "<", ">", "&", ";", "Ã©", "â€™", "Ã", "â",
            "√©", "├⌐", "Рё", "ß", "İ", "ǆ", "ﬁ", "１", "…", "...", "..", "!!", "?!", ",,", "--", "–", "—", "\"", "“",
            "'", "’", "`", "teh", "hosue", "recieve", "NASA", "iPhone", "I", "a", "1,200", "\u{85}", "\u{9d}", "é",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(part, 0..16).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_is_clean_stays(rules in rules(), text in text()) {
        let once = rules.apply(&text);
        // What was escaped looks like HTML once it is read.
        let escaped = |edit: &Edit| edit.rules.contains(&RuleName::Html) && edit.after.contains(['<', '>', '&']);
        prop_assume!(!once.edits.iter().any(escaped));
        let twice = rules.apply(&once.text);
        prop_assert_eq!(&twice.text, &once.text);
        prop_assert_eq!(twice.edits, vec![]);
    }

    #[test]
    fn edits_make_the_text(rules in rules(), text in text()) {
        let cleaned = rules.apply(&text);
        let mut end = 0;
        for edit in &cleaned.edits {
            prop_assert!(edit.range.start >= end);
            prop_assert_eq!(text.get(edit.range.clone()), Some(edit.before.as_str()));
            prop_assert!(edit.before != edit.after);
            prop_assert!(!edit.rules.is_empty());
            end = edit.range.end;
        }
        prop_assert_eq!(Cleaned::apply(&text, &cleaned.edits), cleaned.text);
    }

    #[test]
    fn guards_judge_every_edit(before in text(), after in text()) {
        let guard = Guard::default();
        if let Err(rejected) = guard.check(&before, &after) {
            prop_assert!(!rejected.why.is_empty());
        }
        prop_assert!(guard.check(&before, &before).is_ok());
    }
}
