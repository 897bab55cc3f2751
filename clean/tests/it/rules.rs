//! What each rule does, by example.

use std::sync::Arc;

use refuel_clean::{Dictionary, Rules};
use serde_json::{Value, json};

fn dictionary(name: &str) -> Option<Arc<Dictionary>> {
    let words =
        "the 9000\nhouse 500\nof 8000\nreceive 90\nreceived 80\nseparate 70\npackage 60\nwas 5000\nand 7000\nright 300";
    (name == "words").then(|| Arc::new(Dictionary::parse(words).unwrap()))
}

/// Texts before and after some rules, one a line.
fn cleaned(rules: &Value, texts: &[&str]) -> String {
    let rules = Rules::parse(rules, dictionary).unwrap();
    let line = |text: &&str| format!("{text:?} -> {:?}\n", rules.apply(text).text);
    texts.iter().map(line).collect()
}

#[test]
fn html() {
    insta::assert_snapshot!(cleaned(&json!(["html", "whitespace"]), &[
        "<p>Hello <b>big</b> world</p><p>Bye</p>",
        "Fish &amp; chips, 5&nbsp;&euro;",
        "AT&amp;amp;T",
        "a < b and c > d",
        "mail <john@example.com>",
        "one<br/>two",
        "<script>if (a < b) { x() }</script>text",
        "<a href='x>y'>link</a><!-- note -->",
        "AT&T and R&D;",
        "List<String> of <b and c>",
    ]), @r#"
    "<p>Hello <b>big</b> world</p><p>Bye</p>" -> "Hello big world\n\nBye"
    "Fish &amp; chips, 5&nbsp;&euro;" -> "Fish & chips, 5 €"
    "AT&amp;amp;T" -> "AT&amp;T"
    "a < b and c > d" -> "a < b and c > d"
    "mail <john@example.com>" -> "mail <john@example.com>"
    "one<br/>two" -> "one\ntwo"
    "<script>if (a < b) { x() }</script>text" -> "text"
    "<a href='x>y'>link</a><!-- note -->" -> "link"
    "AT&T and R&D;" -> "AT&T and R&D;"
    "List<String> of <b and c>" -> "List<String> of <b and c>"
    "#);
}

#[test]
fn what_was_escaped_is_text_and_no_html() {
    insta::assert_snapshot!(cleaned(&json!(["html", "whitespace"]), &[
        "AT&T &lt;script&gt;",
        "Use &lt;b&gt; for <b>bold</b>",
        "&lt;b>, <b&gt; and &#60;p&#62;",
        "&amp;lt;p&amp;gt;",
        "&lt;<b>b&gt;",
    ]), @r#"
    "AT&T &lt;script&gt;" -> "AT&T <script>"
    "Use &lt;b&gt; for <b>bold</b>" -> "Use <b> for bold"
    "&lt;b>, <b&gt; and &#60;p&#62;" -> "<b>, <b> and <p>"
    "&amp;lt;p&amp;gt;" -> "&lt;p&gt;"
    "&lt;<b>b&gt;" -> "<b>"
    "#);
}

#[test]
fn unicode_and_invisible() {
    insta::assert_snapshot!(cleaned(&json!([{"unicode": {"form": "nfkc"}}, "invisible"]), &[
        "cafe\u{301} ﬁne １２",
        "zero\u{200b}width\u{feff} soft\u{ad}hyphen\u{7}",
        "family 👨\u{200d}👩\u{200d}👧",
        "\u{200f}שלום",
        "\u{200e}left",
    ]), @r#"
    "cafe\u{301} ﬁne １２" -> "café fine 12"
    "zero\u{200b}width\u{feff} soft\u{ad}hyphen\u{7}" -> "zerowidth softhyphen"
    "family 👨\u{200d}👩\u{200d}👧" -> "family 👨\u{200d}👩\u{200d}👧"
    "\u{200f}שלום" -> "\u{200f}שלום"
    "\u{200e}left" -> "left"
    "#);
}

#[test]
fn whitespace() {
    insta::assert_snapshot!(cleaned(&json!(["whitespace"]), &[
        "  a \t b\u{a0}\u{3000}c ",
        "one  \r\n two\r\n\r\n\r\nthree",
        " \n ",
    ]), @r#"
    "  a \t b\u{a0}\u{3000}c " -> "a b c"
    "one  \r\n two\r\n\r\n\r\nthree" -> "one\ntwo\n\nthree"
    " \n " -> ""
    "#);
    insta::assert_snapshot!(cleaned(&json!([{"whitespace": {"lines": false}}]), &["one\r\n\r\ntwo"]), @r#""one\r\n\r\ntwo" -> "one two""#);
}

#[test]
fn casing() {
    insta::assert_snapshot!(cleaned(&json!([{"casing": {"to": "sentence"}}]), &[
        "THE SHIP SANK. IT WAS OLD! DON'T ASK",
        "hello there. i'm from NASA and i like iPhones",
        "MADE IN THE USA BY IBM",
    ]), @r#"
    "THE SHIP SANK. IT WAS OLD! DON'T ASK" -> "The ship sank. It was old! Don't ask"
    "hello there. i'm from NASA and i like iPhones" -> "Hello there. I'm from NASA and I like iPhones"
    "MADE IN THE USA BY IBM" -> "Made in the USA by IBM"
    "#);
    insta::assert_snapshot!(cleaned(&json!([{"casing": {"to": "title"}}]), &[
        "the lord OF the rings",
        "THE LORD OF THE RINGS: A STORY",
        "mp3 players and the iPhone",
        "rock'n'roll isn't dead",
        "o'neill and mcDonald",
    ]), @r#"
    "the lord OF the rings" -> "The Lord of the Rings"
    "THE LORD OF THE RINGS: A STORY" -> "The Lord of the Rings: A Story"
    "mp3 players and the iPhone" -> "mp3 Players and the iPhone"
    "rock'n'roll isn't dead" -> "Rock'n'roll Isn't Dead"
    "o'neill and mcDonald" -> "O'Neill and mcDonald"
    "#);
    insta::assert_snapshot!(cleaned(&json!([{"casing": {"to": "lower"}}]), &["ÀÉ Straße"]), @r#""ÀÉ Straße" -> "àé straße""#);
}

#[test]
fn a_point_ends_a_sentence_only_where_one_ends() {
    let sentence = json!([{"casing": {"to": "sentence"}}]);
    insta::assert_snapshot!(cleaned(&sentence, &[
        "version 2.0 is out",
        "we buy at shop.com now",
        "shop.com now",
        "e.g. this and i.e. that",
        "ask dr. smith, st. james st. or j. doe. they know",
        "it is late\nand dark.\nso we go\n\nnext day",
        "wait... what? yes. no",
        "he said \"stop.\" then he left",
        "mail bob@shop.com. please",
        "SEE SHOP.COM NOW. VERSION 2.0 IS OUT",
    ]), @r#"
    "version 2.0 is out" -> "Version 2.0 is out"
    "we buy at shop.com now" -> "We buy at shop.com now"
    "shop.com now" -> "shop.com now"
    "e.g. this and i.e. that" -> "E.g. this and i.e. that"
    "ask dr. smith, st. james st. or j. doe. they know" -> "Ask dr. smith, st. james st. or j. doe. They know"
    "it is late\nand dark.\nso we go\n\nnext day" -> "It is late\nand dark.\nSo we go\n\nNext day"
    "wait... what? yes. no" -> "Wait... what? Yes. No"
    "he said \"stop.\" then he left" -> "He said \"stop.\" then he left"
    "mail bob@shop.com. please" -> "Mail bob@shop.com. Please"
    "SEE SHOP.COM NOW. VERSION 2.0 IS OUT" -> "See shop.com now. Version 2.0 is out"
    "#);
    let title = json!([{"casing": {"to": "title"}}]);
    insta::assert_snapshot!(cleaned(&title, &[
        "shop.com and readme.md",
        "mail bob@shop.com or see http://shop.com/a",
        "SHOP AT SHOP.COM",
    ]), @r#"
    "shop.com and readme.md" -> "shop.com and readme.md"
    "mail bob@shop.com or see http://shop.com/a" -> "Mail bob@shop.com or See http://shop.com/a"
    "SHOP AT SHOP.COM" -> "Shop at shop.com"
    "#);
}

#[test]
fn quotes_dashes_and_punctuation() {
    insta::assert_snapshot!(cleaned(&json!(["quotes", "dashes", "punctuation"]), &[
        "“It’s” ‘fine’ – really — yes",
        "rock`n`roll 5′ 10″",
        "what?!?! no!!!! wait..... ok.. a,,b",
        "../path 1..3 a != b",
    ]), @r#"
    "“It’s” ‘fine’ – really — yes" -> "\"It's\" 'fine' - really - yes"
    "rock`n`roll 5′ 10″" -> "rock'n'roll 5' 10\""
    "what?!?! no!!!! wait..... ok.. a,,b" -> "what?! no! wait... ok. a,b"
    "../path 1..3 a != b" -> "../path 1..3 a != b"
    "#);
    insta::assert_snapshot!(cleaned(&json!([{"quotes": {"to": "curly"}}, {"dashes": {"to": "dash"}}]), &[
        "\"It's\" 'fine' - really -- yes, 5' tall, well-known",
    ]), @r#""\"It's\" 'fine' - really -- yes, 5' tall, well-known" -> "“It’s” ‘fine’ – really – yes, 5' tall, well-known""#);
}

#[test]
fn spelling() {
    insta::assert_snapshot!(cleaned(&json!([{"spelling": {"dictionary": "words"}}]), &[
        "teh pacakge was recieved and seperate",
        "Recieved THE pacakge of Housse",
        "RECIEVED THE PACAKGE",
        "see recieve.com, #recieve, recieve2 and http://recieve",
        "the house's rihgt",
    ]), @r#"
    "teh pacakge was recieved and seperate" -> "the package was received and separate"
    "Recieved THE pacakge of Housse" -> "Received THE package of Housse"
    "RECIEVED THE PACAKGE" -> "RECEIVED THE PACKAGE"
    "see recieve.com, #recieve, recieve2 and http://recieve" -> "see recieve.com, #recieve, recieve2 and http://recieve"
    "the house's rihgt" -> "the house's right"
    "#);
}

#[test]
fn a_wrong_word_in_capitals_or_at_the_beginning_is_corrected() {
    let words = "the 9000\ntheir 3000\nbox 400\nreceived 80\nparcel 60\nwas 5000\nunited 100\nnato 20";
    let dictionary = Arc::new(Dictionary::parse(words).unwrap());
    let rules = Rules::parse(&json!([{"spelling": {"dictionary": "words"}}]), |_| {
        Some(dictionary.clone())
    })
    .unwrap();
    let mended = |text: &str| rules.apply(text).text;
    assert_eq!(mended("RECIEVED"), "RECEIVED");
    assert_eq!(mended("the parcel was RECIEVED"), "the parcel was RECEIVED");
    assert_eq!(mended("Thier box"), "Their box");
    assert_eq!(mended("Recieved the parcel"), "Received the parcel");
    // What may be an abbreviation or a name stays.
    assert_eq!(mended("the NATP box of Untied"), "the NATP box of Untied");
}

#[test]
fn a_word_that_is_left_wrong_is_less_sure_than_one_that_is_corrected() {
    let rules = Rules::parse(&json!(["html", {"spelling": {"dictionary": "words"}}]), dictionary).unwrap();
    let sure = |text: &str| rules.confidence(&rules.apply(text));
    assert!((sure("the house was right") - 1.0).abs() < 1e-6);
    assert!(
        (sure("the house's <b>right</b> 4417") - 1.0).abs() < 1e-6,
        "no word that the dictionary lacks"
    );
    let corrected = sure("the pacakge was recieved");
    assert!((0.8..1.0).contains(&corrected), "{corrected}");
    for text in [
        "the xylophonist",
        "the pacakge was xylophonist",
        "the hosues",
        "Xylophonist",
        "the Xylophonist",
    ] {
        let left = sure(text);
        assert!(left < corrected, "{text}: {left}, {corrected}");
    }
    assert!(sure("the xylophonist") <= 0.5);
    assert!(sure("the Xylophonist") > sure("the xylophonist"), "it may be a name");
}

#[test]
fn what_is_wrong_with_rules_is_told() {
    let wrong = [
        json!("html"),
        json!(["htlm"]),
        json!(["html", "html"]),
        json!([{"casing": {"too": "title"}}]),
        json!([{"casing": {"to": "camel"}}]),
        json!([{"whitespace": {"lines": 1}}]),
        json!([{"mojibake": {"deep": true}}]),
        json!([{"spelling": {"dictionary": "klingon"}}]),
        json!([{"html": {}, "casing": {}}]),
    ];
    let line = |rules: &Value| {
        let error = Rules::parse(rules, dictionary).unwrap_err();
        format!("{} {error}\n       {}\n", error.code(), error.hint())
    };
    insta::assert_snapshot!(wrong.iter().map(line).collect::<String>(), @r#"
    RF2004 rules must be a list, not "html"
           write a list, of names of rules and of a name with its options: [html, {casing: {to: title}}]
    RF2001 rules[0]: no rule "htlm"
           did you mean "html"?
    RF2005 rules[1]: "html" stands there twice
           keep one "html"
    RF2002 rules[0]: "casing" takes no option "too"
           did you mean "to"?
    RF2003 rules[0]: "to" must be lower, upper, sentence or title, not "camel"
           give "to" as lower, upper, sentence or title
    RF2003 rules[0]: "lines" must be true or false, not 1
           give "lines" as true or false
    RF2002 rules[0]: "mojibake" takes no option "deep"
           write just "mojibake"
    RF2006 rules[0]: no dictionary "klingon"
           give the word list, or "column" to learn one from the column
    RF2004 rules[0] must be the name of a rule, or a rule with its options, not an object
           write a list, of names of rules and of a name with its options: [html, {casing: {to: title}}]
    "#);
}
