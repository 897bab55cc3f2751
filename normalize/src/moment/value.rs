//! What the words of an expression mean.

use jiff::civil::{Date, DateTime, Time};

/// Two readings of an expression that leaves something open, such as the year: the last one and the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Both<T> {
    pub(super) past: T,
    pub(super) future: T,
}

impl<T: Copy> Both<T> {
    /// Something that is certain.
    pub(super) fn same(value: T) -> Self {
        Self {
            past: value,
            future: value,
        }
    }

    pub(super) fn map<U>(self, change: impl Fn(T) -> U) -> Both<U> {
        Both {
            past: change(self.past),
            future: change(self.future),
        }
    }

    pub(super) fn try_map<U>(self, change: impl Fn(T) -> Option<U>) -> Option<Both<U>> {
        Some(Both {
            past: change(self.past)?,
            future: change(self.future)?,
        })
    }
}

impl<T: Copy + PartialOrd> Both<T> {
    /// The ranges from this to `end`. A reading that would end before it begins takes the other reading's bound.
    pub(super) fn until(self, end: Self) -> Both<(T, T)> {
        let mut range = Both {
            past: (self.past, end.past),
            future: (self.future, end.future),
        };
        if range.future.0 > range.future.1 {
            range.future.0 = self.past;
        }
        if range.past.1 < range.past.0 {
            range.past.1 = end.future;
        }
        range
    }
}

/// Units of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Second,
    Minute,
    Hour,
    Day,
    BusinessDay,
    Weekday,
    Weekend,
    Week,
    Fortnight,
    Month,
    Quarter,
    Year,
    Decade,
    Century,
}

impl Unit {
    /// Whether it is a part of a day.
    pub(super) fn is_clock(self) -> bool {
        matches!(self, Self::Second | Self::Minute | Self::Hour)
    }
}

/// Parts of a day, with the hours that they are taken to last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Morning,
    Afternoon,
    Evening,
    Night,
    NightTime,
    Daytime,
    BusinessHours,
    Breakfast,
    Brunch,
    Lunch,
    Dinner,
}

impl Part {
    /// As in a timex.
    pub(super) fn timex(self) -> &'static str {
        match self {
            Self::Morning => "TMO",
            Self::Afternoon => "TAF",
            Self::Evening => "TEV",
            Self::Night => "TNI",
            Self::NightTime => "TNT",
            Self::Daytime => "TDT",
            Self::BusinessHours => "TBH",
            Self::Breakfast => "TMEB",
            Self::Brunch => "TMER",
            Self::Lunch => "TMEL",
            Self::Dinner => "TMED",
        }
    }

    /// Its hours; the night ends with the day.
    pub(super) fn hours(self) -> (Time, Time) {
        let (start, end) = match self {
            Self::Morning | Self::Brunch | Self::Breakfast => (8, 12),
            Self::Afternoon => (12, 16),
            Self::Evening | Self::Dinner => (16, 20),
            Self::Night => return (Time::constant(20, 0, 0, 0), Time::constant(23, 59, 59, 0)),
            Self::NightTime => (0, 8),
            Self::Daytime | Self::BusinessHours => (8, 18),
            Self::Lunch => (11, 13),
        };
        (Time::constant(start, 0, 0, 0), Time::constant(end, 0, 0, 0))
    }

    /// Whether hours from 1 to 12 that are said of it are those after noon.
    pub(super) fn is_late(self) -> bool {
        !matches!(self, Self::Morning | Self::Breakfast | Self::Brunch)
    }
}

/// What narrows an expression, as it is named in a reading.
pub(super) type Modifier = &'static str;

/// A day, of which the year, the month or the week may be open.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_field_names, reason = "a day of the month is a day")]
pub(super) struct Day {
    pub(super) timex: String,
    pub(super) year: Option<i16>,
    pub(super) month: Option<i8>,
    pub(super) day: Option<i8>,
    pub(super) weekday: Option<i8>,
    /// Nothing where there is no such day: 30 February.
    pub(super) at: Option<Both<Date>>,
    pub(super) modifier: Option<Modifier>,
}

/// The length of what a period is made of; it decides in what units the distance of two periods is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Grain {
    Day,
    Week,
    Month,
    Year,
}

/// Days from a first one to before a last one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Period {
    pub(super) timex: String,
    /// Timex of its first day.
    pub(super) first: String,
    pub(super) year: Option<i16>,
    pub(super) month: Option<i8>,
    pub(super) grain: Grain,
    /// Nothing where the days are not told: a season.
    pub(super) at: Option<Both<(Date, Date)>>,
    pub(super) modifier: Option<Modifier>,
    /// Timex of the later reading, where it is another.
    pub(super) later: Option<String>,
    /// The days, where not all between count.
    pub(super) list: Option<String>,
}

/// A time of day.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Clock {
    pub(super) hour: i8,
    pub(super) minute: Option<i8>,
    pub(super) second: Option<i8>,
    /// Whether it may as well be twelve hours later (or, for 12, earlier).
    pub(super) open: bool,
    pub(super) modifier: Option<Modifier>,
}

impl Clock {
    /// An hour between 0 and 24.
    pub(super) fn new(hour: i64, minute: Option<i64>, second: Option<i64>, open: bool) -> Option<Self> {
        let valid = (0..=24).contains(&hour)
            && minute.is_none_or(|minute| (0..60).contains(&minute))
            && second.is_none_or(|second| (0..60).contains(&second))
            && (hour < 24 || (minute.unwrap_or(0) == 0 && second.unwrap_or(0) == 0));
        valid.then_some(Self {
            hour: hour as i8,
            minute: minute.map(|minute| minute as i8),
            second: second.map(|second| second as i8),
            open: open && (1..=12).contains(&hour),
            modifier: None,
        })
    }

    /// The same time before or after noon.
    pub(super) fn at_half(&self, late: bool) -> Self {
        let hour = if self.hour > 12 || self.hour == 0 {
            self.hour
        } else {
            self.hour % 12 + if late { 12 } else { 0 }
        };
        Self {
            hour,
            open: false,
            ..self.clone()
        }
    }

    /// What it can be: one time, or two.
    pub(super) fn readings(&self) -> Vec<Self> {
        let first = Self {
            open: false,
            ..self.clone()
        };
        if self.open {
            let other = Self {
                hour: if self.hour == 12 { 0 } else { self.hour + 12 },
                ..first.clone()
            };
            vec![first, other]
        } else {
            vec![first]
        }
    }

    /// Seconds since midnight.
    pub(super) fn seconds(&self) -> i64 {
        i64::from(self.hour) * 3600 + i64::from(self.minute.unwrap_or(0)) * 60 + i64::from(self.second.unwrap_or(0))
    }

    /// The time, where it is in a day: 24:00 is not.
    pub(super) fn time(&self) -> Time {
        Time::new(self.hour % 24, self.minute.unwrap_or(0), self.second.unwrap_or(0), 0).unwrap_or(Time::midnight())
    }

    /// `T15:30`.
    pub(super) fn timex(&self) -> String {
        let mut text = format!("T{:02}", self.hour);
        if let Some(minute) = self.minute {
            text.push_str(&format!(":{minute:02}"));
        }
        if let Some(second) = self.second {
            text.push_str(&format!(":{second:02}"));
        }
        text
    }
}

/// Hours of a day from one time to another, or a part of a day.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Hours {
    pub(super) part: Option<Part>,
    pub(super) modifier: Option<Modifier>,
    /// Readings: first and last, where the last may be on the next day.
    pub(super) spans: Vec<(Clock, Clock)>,
    /// Written duration, where it was said; else it follows from the ends.
    pub(super) length: Option<String>,
}

/// A time of a day.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Moment {
    pub(super) day: Day,
    pub(super) clock: Clock,
    /// A timex that is not made of day and time: that of now.
    pub(super) timex: Option<String>,
    pub(super) modifier: Option<Modifier>,
}

/// One reading of a stretch of time; an open end is nothing.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reach {
    pub(super) timex: String,
    pub(super) start: Option<DateTime>,
    pub(super) end: Option<DateTime>,
}

/// Time from one moment to another.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stretch {
    pub(super) reaches: Vec<Reach>,
    pub(super) modifier: Option<Modifier>,
    /// The day and part of day that it is, where it is no more than that.
    pub(super) part: Option<(Day, Part)>,
}

/// How long something lasts.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Length {
    pub(super) parts: Vec<(f64, Unit)>,
    pub(super) modifier: Option<Modifier>,
}

/// What happens again and again.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Repeat {
    pub(super) timex: String,
}

/// Where an open period ends: what it is told from.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Open {
    pub(super) modifier: String,
    /// Timex, start and end of each reading.
    pub(super) ends: Vec<(String, Option<String>, Option<String>)>,
    pub(super) kind: super::Kind,
    /// `datetimepoint` or `datetimerange`; nothing where neither was named.
    pub(super) source: Option<&'static str>,
}

/// The value of a symbol.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Word,
    Integer(i64),
    Ordinal(i64),
    Month(i8),
    Weekday(i8),
    Unit(Unit),
    Part(Part),
    Season(&'static str),
    Holiday(usize),
    /// Last (-1), this (0), next (1).
    Relative(i64),
    /// A modifier: `start`, `mid`, `end`.
    Stage(Modifier),
    Offset(i64),
    Day(Day),
    Period(Period),
    Clock(Clock),
    Hours(Hours),
    Moment(Moment),
    Stretch(Stretch),
    Length(Length),
    Repeat(Repeat),
    Open(Open),
}

macro_rules! readers {
    ($($name:ident: $variant:ident -> $type:ty),* $(,)?) => {
        impl super::grammar::Captures<'_> {
            $(
                #[doc = concat!("The `nth` ", stringify!($name), ", counted from 0.")]
                pub(super) fn $name(&self, nth: usize) -> Option<$type> {
                    self.get(nth, |value| match value {
                        Value::$variant(value) => Some(value.clone()),
                        _ => None,
                    })
                }
            )*
        }
    };
}

readers! {
    integer: Integer -> i64,
    ordinal: Ordinal -> i64,
    month: Month -> i8,
    weekday: Weekday -> i8,
    unit: Unit -> Unit,
    part: Part -> Part,
    season: Season -> &'static str,
    holiday: Holiday -> usize,
    relative: Relative -> i64,
    stage: Stage -> Modifier,
    offset: Offset -> i64,
    day: Day -> Day,
    period: Period -> Period,
    clock: Clock -> Clock,
    hours: Hours -> Hours,
    moment: Moment -> Moment,
    stretch: Stretch -> Stretch,
    length: Length -> Length,
}
