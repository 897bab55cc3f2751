//! Keys in, screens of 80 columns and 24 lines out.

use std::path::Path;

use proptest::prelude::*;
use refuel_state::Input;
use refuel_task::{Answer, RenderedInput, Scored, Source};
use serde_json::json;

use super::*;

const TOPIC: &str = "
kind: label
guidelines: |
  Which topic is the message about? Go by what the customer wants to happen, not by what went wrong before.
  A message that asks for money back is a refund even where the parcel is late; one that only asks where a parcel
  is belongs to late delivery. Everything else is other.
labels:
  - {name: refund, description: wants money back, aliases: [money back]}
  - {name: late delivery, description: asks where a parcel is}
  - {name: other}
input: body
threshold: 0.7
";

fn task(name: &str, yaml: &str) -> Arc<Task> {
    Arc::new(Task::from_yaml(yaml, &format!("{name}.yml"), Path::new(".")).unwrap())
}

fn said(value: Value, confidence: f32, scores: &[(&str, f32)]) -> Answer {
    Answer {
        value,
        confidence: Some(confidence),
        raw_confidence: Some(confidence / 2.0),
        status: Status::Ok,
        reason: None,
        scores: (scores.iter())
            .map(|(value, confidence)| Scored {
                value: (*value).to_owned(),
                confidence: *confidence,
                raw_confidence: *confidence,
                span: None,
            })
            .collect(),
        source: Source::Model,
        ..Answer::error("tiny@d1", "unused")
    }
}

fn item(task: &Arc<Task>, input: Input, answer: Answer) -> Item {
    let (Input::One(text) | Input::Two(text, _)) = &input;
    Item {
        pending: Pending {
            task: task.name.clone(),
            hash: RenderedInput::text(text).hash(),
            answer,
            input,
            fingerprint: "f1".to_owned(),
            at: Timestamp::UNIX_EPOCH,
        },
        task: task.clone(),
    }
}

fn one(text: &str) -> Input {
    Input::One(text.to_owned())
}

fn topics() -> Vec<Item> {
    let task = task("ticket_topic", TOPIC);
    let scores = [("refund", 0.412), ("late delivery", 0.38), ("other", 0.208)];
    vec![
        item(
            &task,
            one(
                "Hi,\n\nmy parcel was due on Monday and it is Friday now. If it doesn't come tomorrow I'd like my money \
                 back, please tell me how.\n\nBest,\nAda",
            ),
            said(json!("refund"), 0.412, &scores),
        ),
        item(
            &task,
            one("asdf"),
            said(json!("other"), 0.55, &[("other", 0.55), ("refund", 0.3)]),
        ),
        item(
            &task,
            one("x".repeat(4000).as_str()),
            Answer::error("tiny@d1", "input is too long: 1,204 of 1,000 tokens"),
        ),
    ]
}

fn session(items: Vec<Item>) -> Session {
    Session::new(items, "ada".to_owned(), (80, 24))
}

fn press(session: &mut Session, keys: &str) -> Vec<Effect> {
    keys.chars()
        .map(|key| session.press(Key::Char(key), Timestamp::UNIX_EPOCH))
        .collect()
}

fn enter(session: &mut Session) -> Effect {
    session.press(Key::Enter, Timestamp::UNIX_EPOCH)
}

/// The screen as text, without blanks at the ends of lines; `█` is the cursor.
fn screen(session: &Session) -> String {
    let frame = session.draw();
    let mut lines: Vec<String> = (frame.lines.iter())
        .map(|spans| spans.iter().map(|span| span.text.as_str()).collect::<String>())
        .collect();
    if let Some((column, line)) = frame.cursor {
        let line = &mut lines[usize::from(line)];
        assert_eq!(
            unicode_width::UnicodeWidthStr::width(line.as_str()),
            usize::from(column),
            "it is at the end of the line"
        );
        line.push('█');
    }
    lines.iter().map(|line| line.trim_end()).collect::<Vec<_>>().join("\n")
}

fn kept(effect: Effect) -> Review {
    match effect {
        Effect::Keep(review) => *review,
        other => panic!("nothing was kept: {other:?}"),
    }
}

#[test]
fn an_answer_is_shown_with_its_input_what_the_model_said_and_the_labels() {
    insta::assert_snapshot!(screen(&session(topics())));
}

#[test]
fn enter_keeps_what_the_model_said() {
    let mut session = session(topics());
    let review = kept(enter(&mut session));
    assert_eq!(review.verdict, Verdict::Value(json!("refund")));
    assert_eq!(
        (review.task.as_str(), review.reviewer.as_str()),
        ("ticket_topic", "ada")
    );
    assert_eq!(review.agrees(), Some(true));
    let guess = review.guess.unwrap();
    assert_eq!(
        (guess.confidence, guess.model.as_str(), guess.fingerprint.as_str()),
        (Some(0.412), "tiny@d1", "f1")
    );
    insta::assert_snapshot!(screen(&session));
}

#[test]
fn a_digit_is_the_label_that_has_it() {
    let mut session = session(topics());
    let review = kept(press(&mut session, "2").remove(0));
    assert_eq!(review.verdict, Verdict::Value(json!("late delivery")));
    assert_eq!(
        session.tally(),
        Tally {
            decided: 1,
            skipped: 0,
            compared: 1,
            agreed: 0
        }
    );
}

#[test]
fn a_failure_can_be_decided_and_not_accepted() {
    let mut session = session(topics());
    press(&mut session, "ss");
    assert_eq!(enter(&mut session), Effect::Draw);
    insta::assert_snapshot!(screen(&session));
    let review = kept(press(&mut session, "x").remove(0));
    assert_eq!((review.verdict, review.guess), (Verdict::Reject, None));
    insta::assert_snapshot!("after_the_last", screen(&session));
    assert_eq!(press(&mut session, "q"), [Effect::Leave]);
}

#[test]
fn undo_takes_back_as_many_steps_as_were_taken() {
    let mut session = session(topics());
    let first = session.items[0].pending.hash;
    press(&mut session, "1sx");
    assert_eq!(
        session.tally(),
        Tally {
            decided: 2,
            skipped: 1,
            compared: 1,
            agreed: 1
        }
    );
    let third = session.items[2].pending.hash;
    let undone = press(&mut session, "uuuu");
    let back = |hash| Effect::TakeBack("ticket_topic".to_owned(), hash);
    assert_eq!(undone, [back(third), Effect::Draw, back(first), Effect::Draw]);
    assert_eq!(session.tally(), Tally::default());
    assert_eq!(session.message.as_deref(), Some("there is nothing to undo"));
}

#[test]
fn a_note_goes_with_the_verdict_and_comes_back_with_undo() {
    let mut session = session(topics());
    press(&mut session, "nask tonq");
    session.press(Key::Backspace, Timestamp::UNIX_EPOCH);
    press(&mut session, "y");
    insta::assert_snapshot!(screen(&session));
    enter(&mut session);
    insta::assert_snapshot!("with_a_note", screen(&session));
    let review = kept(press(&mut session, "1").remove(0));
    assert_eq!(review.note.as_deref(), Some("ask tony"));
    assert_eq!(session.note, None);
    press(&mut session, "u");
    assert_eq!(session.note.as_deref(), Some("ask tony"));
    press(&mut session, "n");
    session.press(Key::Clear, Timestamp::UNIX_EPOCH);
    enter(&mut session);
    assert_eq!(kept(enter(&mut session)).note, None);
}

#[test]
fn a_note_that_is_left_stays_as_it_was() {
    let mut session = session(topics());
    press(&mut session, "nfirst");
    enter(&mut session);
    press(&mut session, "n more");
    session.press(Key::Escape, Timestamp::UNIX_EPOCH);
    assert_eq!(session.note.as_deref(), Some("first"));
}

#[test]
fn a_long_input_is_scrolled_and_never_past_its_end() {
    let mut session = session(topics());
    press(&mut session, "ss");
    for _ in 0..3 {
        session.press(Key::PageDown, Timestamp::UNIX_EPOCH);
    }
    let scrolled = session.scroll;
    assert!(scrolled > 10);
    for _ in 0..100 {
        session.press(Key::Down, Timestamp::UNIX_EPOCH);
    }
    let end = session.scroll;
    assert!(end > scrolled && end < 60, "{end}");
    assert!(!screen(&session).contains("more lines"));
    for _ in 0..100 {
        session.press(Key::Up, Timestamp::UNIX_EPOCH);
    }
    assert_eq!(session.scroll, 0);
}

#[test]
fn guidelines_and_keys_are_a_key_away() {
    let mut session = session(topics());
    press(&mut session, "g");
    insta::assert_snapshot!("guidelines", screen(&session));
    press(&mut session, "z?");
    insta::assert_snapshot!("help", screen(&session));
    assert_eq!(press(&mut session, "1"), [Effect::Draw], "the key only goes back");
    assert_eq!(session.past, []);
}

fn countries() -> Vec<Item> {
    let names = [
        "Albania",
        "Andorra",
        "Austria",
        "Belgium",
        "Bulgaria",
        "Croatia",
        "Cyprus",
        "Czechia",
        "Denmark",
        "Estonia",
        "Finland",
        "France",
        "Germany",
        "Greece",
        "Hungary",
        "Iceland",
        "Ireland",
        "Italy",
        "Latvia",
        "Liechtenstein",
        "Lithuania",
        "Luxembourg",
        "Malta",
        "Monaco",
        "Montenegro",
        "Netherlands",
        "Norway",
        "Poland",
        "Portugal",
        "Romania",
        "Serbia",
        "Slovakia",
        "Slovenia",
        "Spain",
        "Sweden",
        "Switzerland",
    ];
    let yaml = format!(
        "{{kind: label, guidelines: Which country?, labels: [{}], input: address, threshold: 0.9}}",
        names.join(", ")
    );
    let task = task("country", &yaml);
    let scores = [("Slovenia", 0.5), ("Slovakia", 0.4)];
    vec![item(&task, one("Ulica 5, SLO"), said(json!("Slovenia"), 0.5, &scores))]
}

#[test]
fn one_of_many_labels_is_found_by_a_part_of_its_name() {
    let mut session = session(countries());
    insta::assert_snapshot!("many_labels", screen(&session));
    press(&mut session, "/land");
    session.press(Key::Down, Timestamp::UNIX_EPOCH);
    insta::assert_snapshot!("many_labels_found", screen(&session));
    assert_eq!(kept(enter(&mut session)).verdict, Verdict::Value(json!("Iceland")));
}

#[test]
fn an_alias_is_found_too_and_nothing_is_chosen_where_nothing_is() {
    let mut session = session(topics());
    press(&mut session, "/MONEY");
    assert_eq!(kept(enter(&mut session)).verdict, Verdict::Value(json!("refund")));
    press(&mut session, "/zzz");
    assert!(screen(&session).contains("nothing has this in its name"));
    assert_eq!(enter(&mut session), Effect::Draw);
    assert_eq!(session.past.len(), 1);
}

#[test]
fn several_labels_are_marked_and_kept_together() {
    let task = task(
        "tags",
        "{kind: multilabel, guidelines: Which of these?, labels: [angry, urgent, question], input: body, threshold: 0.8}",
    );
    let answer = said(
        json!(["angry"]),
        0.6,
        &[("angry", 0.7), ("urgent", 0.4), ("question", 0.1)],
    );
    let mut session = session(vec![
        item(&task, one("WHERE IS IT"), answer.clone()),
        item(&task, one("Hm"), answer),
    ]);
    press(&mut session, "3");
    insta::assert_snapshot!(screen(&session));
    let review = kept(enter(&mut session));
    assert_eq!(review.verdict, Verdict::Value(json!(["angry", "question"])));
    press(&mut session, "1");
    assert_eq!(
        kept(enter(&mut session)).verdict,
        Verdict::Value(json!([])),
        "no label is an answer"
    );
}

#[test]
fn two_texts_are_the_same_or_not() {
    let task = task(
        "same_vendor",
        "{kind: match, guidelines: The same company?, input: {a: [name, city], b: [name2, city2]}, threshold: 0.9}",
    );
    let row = |name: &str, city: &str| json!({"name": name, "city": city}).to_string();
    let input = Input::Two(row("ACME Ltd.", "Leeds"), row("Acme Limited", "LEEDS"));
    let mut session = session(vec![item(&task, input, said(json!(true), 0.8, &[]))]);
    insta::assert_snapshot!(screen(&session));
    assert_eq!(
        kept(press(&mut session, "2").remove(0)).verdict,
        Verdict::Value(json!(false))
    );
}

#[test]
fn a_text_can_be_written() {
    let task = task(
        "company_name",
        "{kind: complete, guidelines: The name without its legal form., input: body, threshold: 0.9}",
    );
    let answer = said(json!("ACME Ltd"), 0.5, &[]);
    let mut session = session(vec![item(&task, one("ACME Ltd. (GB)"), answer)]);
    press(&mut session, "e");
    for _ in 0..4 {
        session.press(Key::Backspace, Timestamp::UNIX_EPOCH);
    }
    insta::assert_snapshot!(screen(&session));
    let review = kept(enter(&mut session));
    assert_eq!(review.verdict, Verdict::Value(json!("ACME")));
}

#[test]
fn a_label_that_the_task_has_lost_can_not_be_accepted() {
    let task = task("ticket_topic", TOPIC);
    let mut session = session(vec![item(&task, one("a"), said(json!("complaint"), 0.4, &[]))]);
    assert_eq!(enter(&mut session), Effect::Draw);
    assert!(screen(&session).contains("this can't be accepted: \"complaint\" is not in the list of labels"));
}

#[test]
fn what_a_terminal_would_act_on_is_not_shown() {
    let task = task("ticket_topic", TOPIC);
    let mut session = session(vec![item(
        &task,
        one("red \u{1b}[31mtext\u{7}\ttab\r\n"),
        said(json!("a\u{1b}b"), 0.4, &[]),
    )]);
    press(&mut session, "n\u{1b}");
    let shown = screen(&session);
    assert!(shown.contains("red \u{fffd}[31mtext\u{fffd}    tab"), "{shown}");
    assert!(!shown.contains('\u{1b}'));
}

#[test]
fn a_window_that_is_too_small_says_so_and_one_that_grows_is_used() {
    let mut session = session(topics());
    session.resize(20, 24);
    assert_eq!(screen(&session), "the window is too s…");
    session.resize(100, 40);
    assert_eq!(session.draw().lines.len(), 40);
}

proptest! {
    #[test]
    fn no_key_in_no_window_makes_a_line_too_long_or_panics(
        keys in proptest::collection::vec(0u8..60, 0..60), columns in 0u16..160, lines in 0u16..60
    ) {
        let mut items = topics();
        items.extend(countries());
        let mut session = Session::new(items, "ada".to_owned(), (columns, lines));
        for key in keys {
            let key = match key {
                0..26 => Key::Char(char::from(b'a' + key)),
                26..36 => Key::Char(char::from(b'0' + key - 26)),
                36 => Key::Char('/'),
                37 => Key::Char('?'),
                38 => Key::Char('漢'),
                39..44 => Key::Enter,
                44..46 => Key::Escape,
                46..48 => Key::Backspace,
                48..51 => Key::Up,
                51..54 => Key::Down,
                54 => Key::PageUp,
                55 => Key::Char(' '),
                _ => Key::PageDown,
            };
            session.press(key, Timestamp::UNIX_EPOCH);
            let frame = session.draw();
            prop_assert!(frame.lines.len() <= usize::from(lines).max(1));
            for line in &frame.lines {
                let text: String = line.iter().map(|span| span.text.as_str()).collect();
                let width = unicode_width::UnicodeWidthStr::width(text.as_str());
                prop_assert!(width <= usize::from(columns), "{width} of {columns}: {text}");
            }
        }
    }
}
