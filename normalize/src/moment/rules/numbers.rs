//! Numbers in words and digits: `{int}`, `{ord}`, `{year}`, `{dom}` (day of the month).

use super::super::grammar::Rule;
use super::super::value::Value::{Integer, Ordinal};
use super::rule;

pub(super) fn rules() -> Vec<Rule> {
    vec![
        rule("int", "{num}", |_, c| Some(Integer(c.integer(0)?))),
        rule("int", "{words}", |_, c| Some(Integer(c.integer(0)?))),
        rule("words", "{integer}", |_, c| Some(Integer(c.integer(0)?))),
        rule("words", "{tens}", |_, c| Some(Integer(c.integer(0)?))),
        rule("words", "{tens} ( - | and )? {integer}", |_, c| {
            let ones = c.integer(1).filter(|ones| (1..10).contains(ones))?;
            Some(Integer(c.integer(0)? + ones))
        }),
        rule("words", "{integer} hundred", |_, c| Some(Integer(c.integer(0)? * 100))),
        rule("ord", "{num} ~st|nd|rd|th", |_, c| Some(Ordinal(c.integer(0)?))),
        // The first of a month in French: le 1er mars.
        rule("ord", "{num} ~er", |_, c| (c.integer(0)? == 1).then_some(Ordinal(1))),
        rule("ord", "{ordinalword}", |_, c| Some(Ordinal(c.ordinal(0)?))),
        rule("ord", "{tens} -? {ordinalword}", |_, c| {
            let ones = c.ordinal(0).filter(|ones| *ones < 10)?;
            Some(Ordinal(c.integer(0)? + ones))
        }),
        // Nineteen eighty six, twenty twelve.
        rule("year", "{words} {words}", |_, c| {
            let (century, rest) = (c.integer(0)?, c.integer(1)?);
            ((15..=20).contains(&century) && (10..100).contains(&rest)).then_some(Integer(century * 100 + rest))
        }),
        rule("year", "{integer} thousand", |_, c| {
            (c.integer(0)? == 2).then_some(Integer(2000))
        }),
        rule("year", "{integer} thousand and? {words}", |_, c| {
            let rest = c.integer(1).filter(|rest| (1..1000).contains(rest))?;
            (c.integer(0)? == 2).then_some(Integer(2000 + rest))
        }),
        rule("year", "{words} ( and )? {words}", |_, c| {
            let (century, rest) = (c.integer(0)?, c.integer(1)?);
            let fits = century % 100 == 0 && (1500..2000).contains(&century) && (1..100).contains(&rest);
            fits.then_some(Integer(century + rest))
        }),
        rule("year", "nineteen hundred", |_, _| Some(Integer(1900))),
        rule("dom", "{ord}", |_, c| {
            c.ordinal(0).filter(|day| (1..=31).contains(day)).map(Integer)
        }),
        rule("dom", "{dd}", |_, c| {
            c.integer(0).filter(|day| (1..=31).contains(day)).map(Integer)
        }),
        rule("dom", "{words}", |_, c| {
            c.integer(0).filter(|day| (1..=31).contains(day)).map(Integer)
        }),
        rule("mon", "{month} .?", |_, c| {
            c.month(0).map(super::super::value::Value::Month)
        }),
        rule("mon", "{weakmonth} .?", |_, c| {
            c.month(0).map(super::super::value::Value::Month)
        }),
        rule("wd", "{weekday} .?", |_, c| {
            c.weekday(0).map(super::super::value::Value::Weekday)
        }),
        rule("wd", "{weakday} .?", |_, c| {
            c.weekday(0).map(super::super::value::Value::Weekday)
        }),
    ]
}
