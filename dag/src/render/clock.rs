//! `run_started_at`.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use minijinja::value::{Object, ObjectRepr, Value, from_args};
use minijinja::{Error, ErrorKind, State};

/// A moment in UTC, with the methods that templates are written with.
#[derive(Debug)]
pub(super) struct Clock(pub(super) Timestamp);

impl Clock {
    fn format(&self, format: &str) -> Result<String, Error> {
        strtime::format(format, &self.0.to_zoned(TimeZone::UTC))
            .map_err(|error| Error::new(ErrorKind::InvalidOperation, format!("run_started_at: {error}")))
    }
}

impl Object for Clock {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call_method(self: &Arc<Self>, _state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match method {
            "strftime" => {
                let (format,): (&str,) = from_args(args)?;
                self.format(format).map(Value::from)
            }
            "isoformat" => self.format("%Y-%m-%dT%H:%M:%S%:z").map(Value::from),
            "date" => self.format("%Y-%m-%d").map(Value::from),
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.format("%Y-%m-%d %H:%M:%S%:z").map_err(|_| fmt::Error)?;
        f.write_str(&text)
    }
}
