//! Data tests: queries whose rows are failures.

use refuel_dag::{Node, RenderMode, TestNode};
use refuel_project::{Comparison, Operator, Severity, TestConfig};
use refuel_state::NodeStatus;

use super::query;
use crate::context::Context;
use crate::error::RunError;
use crate::report::NodeReport;
use crate::words;

/// What a count of failures comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finding {
    /// Nothing to say.
    Pass,
    /// It is said, and the run goes on.
    Warn,
    /// What is downstream is not built.
    Fail,
}

/// What a count of failures comes to by a test's settings.
pub(crate) fn finding(config: &TestConfig, failures: u64) -> Finding {
    let none = Comparison {
        operator: Operator::NotEqual,
        bound: 0.0,
    };
    let count = failures as f64;
    let holds = |bound: &Option<Comparison>| bound.as_ref().unwrap_or(&none).holds(count);
    if config.severity == Severity::Error && holds(&config.error_if) {
        Finding::Fail
    } else if holds(&config.warn_if) {
        Finding::Warn
    } else {
        Finding::Pass
    }
}

/// Runs a data test.
pub(crate) fn run(
    context: &Context<'_>,
    node: &Node,
    test: &TestNode,
    report: &mut NodeReport,
) -> Result<NodeStatus, RunError> {
    let mut session = context.session()?;
    let sql = context.dag.rendered_sql(node, &RenderMode::new(false))?;
    let resolved = query::resolve(context, node, &sql, &mut session, report)?;
    report.compiled_sql = Some(resolved.sql.clone());
    let warehouse = session.warehouse()?;
    let failures = if test.config.store_failures {
        let stored = super::model::store_failures(context, node, &resolved.sql, warehouse)?;
        report.relation = Some(stored.relation);
        stored.rows
    } else {
        let count = warehouse.value(&format!("SELECT count(*) FROM ({}) AS failures", resolved.sql))?;
        count.and_then(|count| count.as_integer()).unwrap_or(0) as u64
    };
    report.failures = Some(failures);
    let found = finding(&test.config, failures);
    if found != Finding::Pass {
        let stored = report
            .relation
            .as_ref()
            .map(|relation| format!(", kept in {relation}"))
            .unwrap_or_default();
        report.message = Some(format!("{} that must not be{stored}", words::count(failures, "row")));
    }
    Ok(match found {
        Finding::Pass => NodeStatus::Success,
        Finding::Warn => NodeStatus::Warn,
        Finding::Fail => NodeStatus::Fail,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(severity: Severity, warn_if: Option<&str>, error_if: Option<&str>) -> TestConfig {
        let read = |text: Option<&str>| text.map(|text| Comparison::parse(text, "").unwrap());
        TestConfig {
            severity,
            warn_if: read(warn_if),
            error_if: read(error_if),
            ..TestConfig::default()
        }
    }

    #[test]
    fn any_failure_fails_unless_told_otherwise() {
        let plain = config(Severity::Error, None, None);
        assert_eq!(finding(&plain, 0), Finding::Pass);
        assert_eq!(finding(&plain, 1), Finding::Fail);
        assert_eq!(finding(&config(Severity::Warn, None, None), 1), Finding::Warn);
    }

    #[test]
    fn bounds_say_from_which_count_on() {
        let bounds = config(Severity::Error, Some(">2"), Some(">10"));
        assert_eq!(finding(&bounds, 2), Finding::Pass);
        assert_eq!(finding(&bounds, 3), Finding::Warn);
        assert_eq!(finding(&bounds, 11), Finding::Fail);
        assert_eq!(
            finding(&config(Severity::Warn, Some(">2"), Some(">10")), 11),
            Finding::Warn,
            "never more"
        );
    }
}
