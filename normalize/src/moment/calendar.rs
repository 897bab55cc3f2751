//! Days of a calendar: what is open is resolved to the last and the next one.

use jiff::civil::{Date, DateTime, Weekday};
use jiff::{Span, ToSpan};

use super::Context;
use super::value::{Both, Day, Grain, Period, Unit};

/// A day that comes every year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holiday {
    /// Month and day.
    Fixed(i8, i8),
    /// Month, weekday from 1 for Monday, and which one of them; -1 is the last.
    Nth(i8, i8, i8),
    /// Days from Easter Sunday.
    Easter(i16),
}

impl Holiday {
    /// `12-25`, `11-w4#4`, `easter+39`.
    pub(super) fn read(text: &str) -> Option<Self> {
        if let Some(days) = text.strip_prefix("easter") {
            return days.parse().ok().map(Self::Easter);
        }
        let (month, rest) = text.split_once('-')?;
        let month = month.parse().ok()?;
        match rest.strip_prefix('w').and_then(|rest| rest.split_once('#')) {
            Some((weekday, nth)) => Some(Self::Nth(month, weekday.parse().ok()?, nth.parse().ok()?)),
            None => Some(Self::Fixed(month, rest.parse().ok()?)),
        }
    }

    /// The day in a year.
    pub(super) fn of(self, year: i16) -> Option<Date> {
        match self {
            Self::Fixed(month, day) => Date::new(year, month, day).ok(),
            Self::Nth(month, weekday, nth) => Date::new(year, month, 1)
                .ok()?
                .nth_weekday_of_month(nth, Weekday::from_monday_one_offset(weekday).ok()?)
                .ok(),
            Self::Easter(days) => easter(year)?.checked_add(i64::from(days).days()).ok(),
        }
    }

    /// As it is written without a year.
    pub(super) fn timex(self, last: Date) -> String {
        match self {
            Self::Fixed(month, day) => format!("XXXX-{month:02}-{day:02}"),
            Self::Nth(month, weekday, nth) => {
                let nth = if nth < 0 { 4 } else { nth };
                format!("XXXX-{month:02}-WXX-{weekday}-{nth}")
            }
            Self::Easter(_) => format!("XXXX-{:02}-{:02}", last.month(), last.day()),
        }
    }
}

/// Easter Sunday of the Gregorian calendar (Meeus, *Astronomical Algorithms*, chapter 8).
#[expect(clippy::many_single_char_names, reason = "the names of the source")]
fn easter(year: i16) -> Option<Date> {
    let year = i32::from(year);
    let (a, b, c) = (year % 19, year / 100, year % 100);
    let (d, e) = (b / 4, b % 4);
    let f = (b + 8) / 25;
    let g = (b - f + 1) / 3;
    let h = (19 * a + b - d - g + 15) % 30;
    let (i, k) = (c / 4, c % 4);
    let l = (32 + 2 * e + 2 * i - h - k) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let sum = h + l - 7 * m + 114;
    Date::new(year as i16, (sum / 31) as i8, (sum % 31 + 1) as i8).ok()
}

/// `2016-11-07`.
pub(super) fn written(date: Date) -> String {
    date.to_string()
}

/// The Monday of a day's week.
pub(super) fn monday(date: Date) -> Option<Date> {
    add(date, -i64::from(date.weekday().to_monday_zero_offset()), Unit::Day)
}

/// A date some units later, or earlier.
pub(super) fn add(date: Date, amount: i64, unit: Unit) -> Option<Date> {
    let span = match unit {
        Unit::Day | Unit::Weekday => Span::new().try_days(amount),
        Unit::Week | Unit::Weekend => Span::new().try_weeks(amount),
        Unit::Fortnight => Span::new().try_weeks(amount.checked_mul(2)?),
        Unit::Month => Span::new().try_months(amount),
        Unit::Quarter => Span::new().try_months(amount.checked_mul(3)?),
        Unit::Year => Span::new().try_years(amount),
        Unit::Decade => Span::new().try_years(amount.checked_mul(10)?),
        Unit::Century => Span::new().try_years(amount.checked_mul(100)?),
        Unit::BusinessDay => return add_business_days(date, amount),
        Unit::Second | Unit::Minute | Unit::Hour => return None,
    };
    date.checked_add(span.ok()?).ok()
}

fn add_business_days(mut date: Date, amount: i64) -> Option<Date> {
    if amount.abs() > 10_000 {
        return None;
    }
    let mut left = amount.abs();
    while left > 0 {
        date = add(date, amount.signum(), Unit::Day)?;
        if date.weekday().to_monday_one_offset() <= 5 {
            left -= 1;
        }
    }
    Some(date)
}

/// A moment some units later, or earlier; an amount need not be whole where the unit is a part of a day.
pub(super) fn shift(moment: DateTime, amount: f64, unit: Unit) -> Option<DateTime> {
    let scale = match unit {
        Unit::Second => 1.0,
        Unit::Minute => 60.0,
        Unit::Hour => 3600.0,
        _ => {
            let date = add(moment.date(), amount.trunc() as i64, unit)?;
            return Some(date.to_datetime(moment.time()));
        }
    };
    let seconds = amount * scale;
    (seconds.abs() < 1e12)
        .then(|| moment.checked_add((seconds as i64).seconds()).ok())
        .flatten()
}

/// A day of which all is known.
pub(super) fn certain(date: Date) -> Day {
    Day {
        timex: written(date),
        year: Some(date.year()),
        // It was not said as a day of a month, and gives none away.
        month: None,
        day: None,
        weekday: None,
        at: Some(Both::same(date)),
        modifier: None,
    }
}

/// A day of a year.
pub(super) fn full(year: i16, month: i8, day: i8) -> Option<Day> {
    let valid = (1..=12).contains(&month) && (1..=31).contains(&day) && (1..=9999).contains(&year);
    valid.then(|| Day {
        timex: format!("{year:04}-{month:02}-{day:02}"),
        year: Some(year),
        month: Some(month),
        day: Some(day),
        weekday: None,
        at: Date::new(year, month, day).ok().map(Both::same),
        modifier: None,
    })
}

/// A day of any year: the last one before the reference moment and the first one after it.
pub(super) fn month_day(context: &Context, month: i8, day: i8) -> Option<Day> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let reference = context.reference;
    let year = reference.year();
    let of = |year: i16| Date::new(year, month, day).ok();
    let at = if (month, day) == (2, 29) {
        let leap = |years: &mut dyn Iterator<Item = i16>, fits: &dyn Fn(Date) -> bool| {
            years.filter_map(of).find(|date| fits(*date))
        };
        let past = leap(&mut (0..9).map(|back| year - back), &|date| midnight(date) < reference);
        let future = leap(&mut (0..9).map(|on| year + on), &|date| midnight(date) >= reference);
        // Said on the day itself, the day is the one that is meant.
        match Date::new(year, month, day) {
            Ok(today) if today > reference.date() || past.is_none() => past.zip(future),
            Ok(today) if today <= reference.date() => Some((today, future.unwrap_or(today))),
            _ => past.zip(future),
        }
        .map(|(past, future)| Both { past, future })
    } else {
        of(year).map(|date| open_year(date, reference)).and_then(|both| {
            Some(Both {
                past: of(both.past)?,
                future: of(both.future)?,
            })
        })
    };
    Some(Day {
        timex: format!("XXXX-{month:02}-{day:02}"),
        year: None,
        month: Some(month),
        day: Some(day),
        weekday: None,
        at,
        modifier: None,
    })
}

/// The years of the last and the next day of a date that comes every year.
pub(super) fn open_year(this_year: Date, reference: DateTime) -> Both<i16> {
    let year = this_year.year();
    if midnight(this_year) < reference {
        Both {
            past: year,
            future: year + 1,
        }
    } else {
        Both {
            past: year - 1,
            future: year,
        }
    }
}

/// The first moment of a day.
pub(super) fn midnight(date: Date) -> DateTime {
    date.to_datetime(jiff::civil::Time::midnight())
}

/// A day of the week, of any week.
pub(super) fn weekday(context: &Context, weekday: i8) -> Option<Day> {
    let this = add(monday(context.reference.date())?, i64::from(weekday) - 1, Unit::Day)?;
    let at = if midnight(this) < context.reference {
        Both {
            past: this,
            future: add(this, 7, Unit::Day)?,
        }
    } else {
        Both {
            past: add(this, -7, Unit::Day)?,
            future: this,
        }
    };
    Some(Day {
        timex: format!("XXXX-WXX-{weekday}"),
        year: None,
        month: None,
        day: None,
        weekday: Some(weekday),
        at: Some(at),
        modifier: None,
    })
}

/// A day of the week some weeks from this one.
pub(super) fn weekday_of_week(context: &Context, weekday: i8, weeks: i64) -> Option<Date> {
    add(
        monday(context.reference.date())?,
        weeks * 7 + i64::from(weekday) - 1,
        Unit::Day,
    )
}

/// A day of any month.
pub(super) fn day_of_month(context: &Context, day: i8) -> Option<Day> {
    if !(1..=31).contains(&day) {
        return None;
    }
    let reference = context.reference;
    let first = reference.date().first_of_month();
    let of = |months: i64| {
        add(first, months, Unit::Month).and_then(|month| Date::new(month.year(), month.month(), day).ok())
    };
    let past = (0..12)
        .filter_map(|back| of(-back))
        .find(|date| midnight(*date) < reference)?;
    let future = (0..12).filter_map(of).find(|date| midnight(*date) >= reference)?;
    Some(Day {
        timex: format!("XXXX-XX-{day:02}"),
        year: None,
        month: None,
        day: Some(day),
        weekday: None,
        at: Some(Both { past, future }),
        modifier: None,
    })
}

/// A period without modifier.
pub(super) fn period(timex: String, first: String, grain: Grain, at: Both<(Date, Date)>) -> Period {
    Period {
        timex,
        first,
        year: None,
        month: None,
        grain,
        at: Some(at),
        modifier: None,
        later: None,
        list: None,
    }
}

/// All of a year.
pub(super) fn year(year: i64) -> Option<Period> {
    let year = i16::try_from(year).ok().filter(|year| (1..9999).contains(year))?;
    let (start, end) = (Date::new(year, 1, 1).ok()?, Date::new(year + 1, 1, 1).ok()?);
    let mut made = period(
        format!("{year:04}"),
        written(start),
        Grain::Year,
        Both::same((start, end)),
    );
    made.year = Some(year);
    Some(made)
}

/// A month of a year, or of any year.
pub(super) fn month(context: &Context, year: Option<i16>, month: i8) -> Option<Period> {
    let span = |year: i16| {
        let start = Date::new(year, month, 1).ok()?;
        Some((start, add(start, 1, Unit::Month)?))
    };
    let reference = context.reference.date();
    let (timex, years) = match year {
        Some(year) => (format!("{year:04}-{month:02}"), Both::same(year)),
        None => (
            format!("XXXX-{month:02}"),
            Both {
                past: reference.year() - i16::from(month >= reference.month()),
                future: reference.year() + i16::from(month < reference.month()),
            },
        ),
    };
    let mut made = period(timex.clone(), format!("{timex}-01"), Grain::Month, years.try_map(span)?);
    made.year = year;
    made.month = Some(month);
    Some(made)
}

/// A week by its Monday.
pub(super) fn week(first: Date) -> Option<Period> {
    let iso = first.iso_week_date();
    Some(period(
        format!("{:04}-W{:02}", iso.year(), iso.week()),
        written(first),
        Grain::Week,
        Both::same((first, add(first, 7, Unit::Day)?)),
    ))
}

/// Months from one day to another.
pub(super) fn months_between(start: Date, end: Date) -> i64 {
    i64::from(end.year() - start.year()) * 12 + i64::from(end.month() - start.month())
}

/// Days from one day to another.
pub(super) fn days_between(start: Date, end: Date) -> i64 {
    start.duration_until(end).as_hours() / 24
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn easter_falls_where_the_church_has_it() {
        let dates: Vec<String> = [1961, 2000, 2018, 2019, 2024, 2038]
            .into_iter()
            .filter_map(easter)
            .map(written)
            .collect();
        assert_eq!(
            dates,
            [
                "1961-04-02",
                "2000-04-23",
                "2018-04-01",
                "2019-04-21",
                "2024-03-31",
                "2038-04-25"
            ]
        );
    }

    #[test]
    fn holidays_that_move_are_found_by_their_rule() {
        let day = |text: &str, year| Holiday::read(text).and_then(|holiday| holiday.of(year)).map(written);
        assert_eq!(day("11-w4#4", 2026).as_deref(), Some("2026-11-26"));
        assert_eq!(day("05-w1#-1", 2025).as_deref(), Some("2025-05-26"));
        assert_eq!(day("easter-2", 2025).as_deref(), Some("2025-04-18"));
    }
}
