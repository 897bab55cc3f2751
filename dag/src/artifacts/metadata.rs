//! What every artifact says of how it came about.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The version of dbt whose shapes are written. Readers choose by it what they expect.
const DBT_VERSION: &str = "1.10.0";

/// One call of the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// Its id, a UUID.
    pub id: String,
    /// When it began.
    pub started_at: Timestamp,
}

/// What `run_results.json` says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// Address of the JSON Schema.
    pub dbt_schema_version: String,
    /// The version of dbt whose shape this is.
    pub dbt_version: String,
    /// When it was written.
    pub generated_at: String,
    /// The call that wrote it.
    pub invocation_id: Option<String>,
    /// When that began.
    #[serde(default)]
    pub invocation_started_at: Option<String>,
    /// `REFUEL_VERSION`: the version that wrote it.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
}

impl Metadata {
    /// The metadata of an artifact that is written now. `schema` is its name and version, such as `run-results/v6`.
    pub(super) fn new(schema: &str, invocation: &Invocation, now: Timestamp) -> Self {
        Self {
            dbt_schema_version: format!("https://schemas.getdbt.com/dbt/{schema}.json"),
            dbt_version: DBT_VERSION.to_owned(),
            generated_at: moment(now),
            invocation_id: Some(invocation.id.clone()),
            invocation_started_at: Some(moment(invocation.started_at)),
            env: BTreeMap::from([("REFUEL_VERSION".to_owned(), env!("CARGO_PKG_VERSION").to_owned())]),
        }
    }
}

/// A moment as dbt writes it: UTC, with microseconds.
pub(super) fn moment(timestamp: Timestamp) -> String {
    format!("{timestamp:.6}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_have_microseconds_whatever_they_are() {
        let whole: Timestamp = "2026-02-03T04:05:06Z".parse().unwrap();
        assert_eq!(moment(whole), "2026-02-03T04:05:06.000000Z");
        let fine: Timestamp = "2026-02-03T04:05:06.123456789Z".parse().unwrap();
        assert_eq!(moment(fine), "2026-02-03T04:05:06.123456Z");
    }
}
