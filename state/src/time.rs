//! Times as the file keeps them: microseconds since 1970, UTC.

use jiff::Timestamp;

/// What the file keeps of a time.
pub(crate) fn to_file(time: Timestamp) -> i64 {
    time.as_microsecond()
}

/// The time that the file keeps. One that no calendar has, which only a damaged file holds, is the start of 1970.
pub(crate) fn from_file(microseconds: i64) -> Timestamp {
    Timestamp::from_microsecond(microseconds).unwrap_or_default()
}

/// The time that a run records: that of this machine's clock, cut to what the file keeps.
pub(crate) fn now() -> Timestamp {
    from_file(to_file(Timestamp::now()))
}
