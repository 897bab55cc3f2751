use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;

fn cron(expression: &str, zone: &str) -> Cron {
    Cron::parse("job `nightly`", expression, Some(zone)).unwrap()
}

/// The times after `from` up to `to`, as clocks on the wall show them.
fn times(expression: &str, zone: &str, from: &str, to: &str) -> String {
    let cron = cron(expression, zone);
    let (from, to): (Timestamp, Timestamp) = (from.parse().unwrap(), to.parse().unwrap());
    let times: Vec<String> = cron
        .after(from)
        .take_while(|at| *at <= to)
        .map(|at| cron.local(at).strftime("%d %H:%M%:z").to_string())
        .collect();
    times.join("\n")
}

// Europe/Berlin: 2026-03-29 02:00 becomes 03:00; 2026-10-25 03:00 becomes 02:00.

#[test]
fn berlin_in_spring_a_daily_job_runs_after_the_gap_and_an_hourly_one_skips_it() {
    let (from, to) = ("2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z");
    insta::assert_snapshot!(times("30 2 * * *", "Europe/Berlin", from, to), @r"
    29 03:00+02:00
    30 02:30+02:00
    ");
    let (from, to) = ("2026-03-28T23:40:00Z", "2026-03-29T02:00:00Z");
    insta::assert_snapshot!(times("30 * * * *", "Europe/Berlin", from, to), @r"
    29 01:30+01:00
    29 03:30+02:00
    ");
}

#[test]
fn berlin_in_autumn_a_daily_job_runs_once_and_an_hourly_one_twice() {
    let (from, to) = ("2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z");
    insta::assert_snapshot!(times("30 2 * * *", "Europe/Berlin", from, to), @r"
    25 02:30+02:00
    26 02:30+01:00
    ");
    let (from, to) = ("2026-10-24T23:00:00Z", "2026-10-25T02:40:00Z");
    insta::assert_snapshot!(times("30 * * * *", "Europe/Berlin", from, to), @r"
    25 01:30+02:00
    25 02:30+02:00
    25 02:30+01:00
    25 03:30+01:00
    ");
}

// America/New_York: 2026-03-08 02:00 becomes 03:00; 2026-11-01 02:00 becomes 01:00.

#[test]
fn new_york_changes_its_clocks_on_other_days() {
    let (from, to) = ("2026-03-07T12:00:00Z", "2026-03-09T12:00:00Z");
    insta::assert_snapshot!(times("15 2 * * *", "America/New_York", from, to), @r"
    08 03:00-04:00
    09 02:15-04:00
    ");
    let (from, to) = ("2026-10-31T12:00:00Z", "2026-11-02T12:00:00Z");
    insta::assert_snapshot!(times("15 1 * * *", "America/New_York", from, to), @r"
    01 01:15-04:00
    02 01:15-05:00
    ");
    let (from, to) = ("2026-11-01T04:50:00Z", "2026-11-01T07:20:00Z");
    insta::assert_snapshot!(times("0,30 * * * *", "America/New_York", from, to), @r"
    01 01:00-04:00
    01 01:30-04:00
    01 01:00-05:00
    01 01:30-05:00
    01 02:00-05:00
    ");
}

// Australia/Lord_Howe: 2026-10-04 02:00 becomes 02:30; 2026-04-05 02:00 becomes 01:30.

#[test]
fn lord_howe_changes_its_clocks_by_half_an_hour() {
    let (from, to) = ("2026-10-03T14:00:00Z", "2026-10-03T17:00:00Z");
    insta::assert_snapshot!(times("*/15 1,2 * * *", "Australia/Lord_Howe", from, to), @r"
    04 01:00+10:30
    04 01:15+10:30
    04 01:30+10:30
    04 01:45+10:30
    04 02:30+11:00
    04 02:45+11:00
    ");
    insta::assert_snapshot!(times("10 2 * * *", "Australia/Lord_Howe", from, to), @"04 02:30+11:00");
    let (from, to) = ("2026-04-04T14:20:00Z", "2026-04-04T16:00:00Z");
    insta::assert_snapshot!(times("*/15 1,2 * * *", "Australia/Lord_Howe", from, to), @r"
    05 01:30+11:00
    05 01:45+11:00
    05 01:30+10:30
    05 01:45+10:30
    05 02:00+10:30
    05 02:15+10:30
    05 02:30+10:30
    ");
    insta::assert_snapshot!(times("45 1 * * *", "Australia/Lord_Howe", from, to), @"05 01:45+11:00");
}

#[test]
fn expressions_are_read_as_cron_reads_them() {
    let first = |expression: &str| {
        let cron = cron(expression, "UTC");
        let first: Vec<String> = cron
            .after("2026-01-01T00:00:00Z".parse().unwrap())
            .take(2)
            .map(|at| at.to_string())
            .collect();
        format!("{expression:16} {}", first.join(" "))
    };
    let all: Vec<String> = [
        "@hourly",
        "@daily",
        "@midnight",
        "@weekly",
        "@monthly",
        "@yearly",
        "0 6 * * MON-FRI",
        "0 6 13 * FRI",
        "0 6 L * *",
        "0 6 * * 5#2",
        "*/20 * * * * *",
        "  5 4 29 feb ?  ",
    ]
    .into_iter()
    .map(first)
    .collect();
    insta::assert_snapshot!(all.join("\n"), @r"
    @hourly          2026-01-01T01:00:00Z 2026-01-01T02:00:00Z
    @daily           2026-01-02T00:00:00Z 2026-01-03T00:00:00Z
    @midnight        2026-01-02T00:00:00Z 2026-01-03T00:00:00Z
    @weekly          2026-01-04T00:00:00Z 2026-01-11T00:00:00Z
    @monthly         2026-02-01T00:00:00Z 2026-03-01T00:00:00Z
    @yearly          2027-01-01T00:00:00Z 2028-01-01T00:00:00Z
    0 6 * * MON-FRI  2026-01-01T06:00:00Z 2026-01-02T06:00:00Z
    0 6 13 * FRI     2026-01-02T06:00:00Z 2026-01-09T06:00:00Z
    0 6 L * *        2026-01-31T06:00:00Z 2026-02-28T06:00:00Z
    0 6 * * 5#2      2026-01-09T06:00:00Z 2026-02-13T06:00:00Z
    */20 * * * * *   2026-01-01T00:00:20Z 2026-01-01T00:00:40Z
      5 4 29 feb ?   2028-02-29T04:05:00Z 2032-02-29T04:05:00Z
    ");
}

#[test]
fn an_expression_that_is_wrong_is_told_with_the_reason() {
    let wrong: Vec<String> = [
        "",
        "@reboot",
        "* * * *",
        "61 * * * *",
        "0 x * * *",
        "0 0 30 2 *",
        "0 0 * * * * *",
    ]
    .into_iter()
    .map(|expression| {
        let error = Cron::parse("job `nightly`", expression, None).unwrap_err();
        format!("{} {error}", error.code())
    })
    .collect();
    insta::assert_snapshot!(wrong.join("\n"), @r"
    RF1601 job `nightly`: `` is no cron expression: it is empty
    RF1601 job `nightly`: `@reboot` is no cron expression: there is no such short name
    RF1601 job `nightly`: `* * * *` is no cron expression: it has 4 fields, not 5 or 6
    RF1601 job `nightly`: `61 * * * *` is no cron expression: Number out of bounds
    RF1601 job `nightly`: `0 x * * *` is no cron expression: it contains illegal character 'X' in part 'X'
    RF1603 job `nightly`: no time matches `0 0 30 2 *`
    RF1601 job `nightly`: `0 0 * * * * *` is no cron expression: it has 7 fields, not 5 or 6
    ");
    let zone = Cron::parse("job `nightly`", "@daily", Some("Europe/Berln")).unwrap_err();
    assert_eq!(zone.hint().as_deref(), Some("did you mean `Europe/Berlin`?"));
}

fn expression() -> impl Strategy<Value = String> {
    let field = |low: u32, high: u32| {
        prop_oneof![
            3 => (low..=high).prop_map(|value| value.to_string()),
            1 => Just("*".to_owned()),
            1 => (2..=high / 2).prop_map(|step| format!("*/{step}")),
            1 => (low..=high / 2, high / 2..=high).prop_map(|(from, to)| format!("{from}-{to}")),
        ]
    };
    let day = prop_oneof![2 => Just("*".to_owned()), 1 => field(0, 6)];
    (field(0, 59), field(0, 23), day).prop_map(|(minute, hour, day)| format!("{minute} {hour} * * {day}"))
}

fn zone() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just("UTC"),
        Just("Europe/Berlin"),
        Just("America/New_York"),
        Just("Australia/Lord_Howe")
    ]
}

proptest! {
    /// Times only go on, from whatever moment somebody asks, so that two daemons decide about the same times.
    #[test]
    fn times_are_the_same_from_wherever_they_are_counted(
        expression in expression(),
        zone in zone(),
        // 2026, in milliseconds.
        start in 1_767_225_600_000_i64..1_798_761_600_000,
        between in 0.0..1.0_f64,
    ) {
        let cron = cron(&expression, zone);
        let start = Timestamp::from_millisecond(start).unwrap();
        let first = cron.next(start).unwrap();
        prop_assert!(first > start);
        let halfway = start + first.duration_since(start).mul_f64(between);
        if halfway < first {
            prop_assert_eq!(cron.next(halfway).unwrap(), first);
        }
        prop_assert_eq!(cron.previous(first + SignedDuration::from_secs(1)).unwrap(), first);
        prop_assert_eq!(cron.previous(first + SignedDuration::from_nanos(1)).unwrap(), first);
        prop_assert!(cron.previous(first).unwrap() <= start);
    }

    #[test]
    fn no_expression_makes_the_reader_panic(expression in "[-0-9A-Z*/,#L@ ?+W]{0,24}") {
        let _ = Cron::parse("job `nightly`", &expression, None);
    }
}
