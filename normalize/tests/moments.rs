//! What expressions of time mean, by example.

#![expect(clippy::unwrap_used, reason = "a test that can't be prepared has failed")]

use std::fmt::Write as _;

use refuel_normalize::moments;

/// Each expression of a text on its own line, with its readings; now is Monday, 7 November 2016, 16:12.
fn told(texts: &[&str]) -> String {
    let reference = "2016-11-07T16:12:00".parse().unwrap();
    let mut lines = String::new();
    for text in texts {
        writeln!(lines, "{text}").unwrap();
        for expression in moments(text, reference, false) {
            write!(lines, "  {:?} {:?}", &text[expression.span.clone()], expression.kind).unwrap();
            for reading in &expression.readings {
                write!(lines, " | {}", reading.timex).unwrap();
                if let Some(modifier) = &reading.modifier {
                    write!(lines, " {modifier}").unwrap();
                }
                if let Some(value) = &reading.value {
                    write!(lines, " = {value}").unwrap();
                }
                if reading.start.is_some() || reading.end.is_some() {
                    let end = |side: &Option<String>| side.clone().unwrap_or_default();
                    write!(lines, " [{} .. {}]", end(&reading.start), end(&reading.end)).unwrap();
                }
            }
            lines.push('\n');
        }
    }
    lines
}

#[test]
fn days() {
    insta::assert_snapshot!(told(&[
        "Released on 3 May 2019, revised on 2019-06-12 and 7/4/19.",
        "Pay by 14 Feb, or on the 3rd.",
        "See you the day after tomorrow, next Friday or on Tuesday of next week.",
        "It closed three weeks ago and opens two months after 1 March 2017.",
        "Thanksgiving 2026 and Easter; the last Monday of May",
        "31 April is no day.",
    ]));
}

#[test]
fn periods() {
    insta::assert_snapshot!(told(&[
        "Revenue of Q3 2015, of the first half of 2014 and of May 2013",
        "from June to August, between 3 and 5 April 2012, 2001-2003",
        "the last two quarters, next week, this weekend, the next 10 days",
        "early 2018, mid-July, the end of last month, the nineties, the 19th century",
        "since 2010, before next Monday, no later than 5/6/2011, 2009 or later",
    ]));
}

#[test]
fn times() {
    insta::assert_snapshot!(told(&[
        "Call at 9:15, at half past six, at 11 pm or 7 in the evening.",
        "open from 8 to 5:30 pm; in the afternoon; until noon",
        "tomorrow at 10am, Friday evening at 8, in 20 minutes",
        "Monday 9-11 am; 12 June from 14:00 for 90 minutes; yesterday morning",
    ]));
}

#[test]
fn durations_and_repetitions() {
    insta::assert_snapshot!(told(&[
        "It took 2 hours and 15 minutes, a year and a half, more than 3 days.",
        "every Thursday at 6pm, each quarter, twice a week, every other day, daily",
    ]));
}

#[test]
fn what_only_looks_like_time_is_left_alone() {
    insta::assert_snapshot!(told(&[
        "You may call 555-0123, extension 12, or write to room 1450/3.",
        "Version 3.11.2 weighs 5 kg, costs $12 and is open 24/7 at 192.168.10.12.",
        "The second of two, good night, 16:9, 45/100",
    ]));
}
