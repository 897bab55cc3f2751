//! What the host counts, for Prometheus.
//!
//! Counters and histograms are kept as things happen; what the pool knows by itself, such as the length of its queue, is
//! asked for at each scrape.

mod gauges;

use std::collections::HashSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::pool::{EndedRequest, Observer, Pool, Run};
use gauges::Gauges;

/// Most pairs of task and model that are told apart; what comes after them counts as [`OTHERS`].
const MOST_TASKS: usize = 256;

/// The task, and the model, of what is not told apart.
const OTHERS: &str = "others";

/// What of a task and its model is counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TaskLabels {
    task: String,
    model: String,
}

/// How requests of a task end.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    task: String,
    model: String,
    outcome: &'static str,
}

/// What the host counts.
pub struct Metrics {
    requests: Family<OutcomeLabels, Counter>,
    inputs: Family<TaskLabels, Counter>,
    cached: Family<TaskLabels, Counter>,
    failed: Family<TaskLabels, Counter>,
    input_tokens: Family<TaskLabels, Counter>,
    output_tokens: Family<TaskLabels, Counter>,
    model_seconds: Family<TaskLabels, Counter<f64, std::sync::atomic::AtomicU64>>,
    runs: Counter,
    failed_runs: Counter,
    batches: Counter,
    run_rows: Histogram,
    run_seconds: Histogram,
    request_seconds: Histogram,
    wait_seconds: Histogram,
    refused: Counter,
    known: Mutex<HashSet<TaskLabels>>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        // From 1 ms to about 4 minutes.
        let seconds = || Histogram::new(exponential_buckets(0.001, 4.0, 10));
        Self {
            requests: Family::default(),
            inputs: Family::default(),
            cached: Family::default(),
            failed: Family::default(),
            input_tokens: Family::default(),
            output_tokens: Family::default(),
            model_seconds: Family::default(),
            runs: Counter::default(),
            failed_runs: Counter::default(),
            batches: Counter::default(),
            run_rows: Histogram::new(exponential_buckets(1.0, 2.0, 10)),
            run_seconds: seconds(),
            request_seconds: seconds(),
            wait_seconds: seconds(),
            refused: Counter::default(),
            known: Mutex::default(),
        }
    }
}

impl Metrics {
    /// Counts a client that was refused.
    pub(crate) fn refused(&self) {
        self.refused.inc();
    }

    /// Everything, in the `OpenMetrics` text format.
    ///
    /// # Errors
    /// Where the format can't be written, which is a mistake of this program.
    pub(crate) fn encode(&self, pool: &Pool) -> Result<String, fmt::Error> {
        let mut registry = Registry::with_prefix("refuel");
        self.register(&mut registry);
        registry.register_collector(Box::new(Gauges::of(pool)));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry)?;
        Ok(text)
    }

    fn register(&self, registry: &mut Registry) {
        registry.register("requests", "Requests that have ended", self.requests.clone());
        registry.register("inputs", "Inputs of requests that have ended", self.inputs.clone());
        registry.register("inputs_cached", "Inputs whose answers were kept", self.cached.clone());
        registry.register("inputs_failed", "Inputs that have no answer", self.failed.clone());
        registry.register("input_tokens", "Tokens that models read", self.input_tokens.clone());
        registry.register(
            "output_tokens",
            "Tokens that were scored or generated",
            self.output_tokens.clone(),
        );
        registry.register_with_unit(
            "model",
            "Time that models took",
            Unit::Seconds,
            self.model_seconds.clone(),
        );
        registry.register("runs", "Runs, each of rows of any number of clients", self.runs.clone());
        registry.register("runs_failed", "Runs that failed", self.failed_runs.clone());
        registry.register("batches", "Batches that models read", self.batches.clone());
        registry.register("run_rows", "Rows of a run", self.run_rows.clone());
        registry.register_with_unit("run", "Time that a run took", Unit::Seconds, self.run_seconds.clone());
        registry.register_with_unit(
            "request",
            "Time from a request's arrival to its end",
            Unit::Seconds,
            self.request_seconds.clone(),
        );
        registry.register_with_unit(
            "request_wait",
            "Time that a request waited for others",
            Unit::Seconds,
            self.wait_seconds.clone(),
        );
        registry.register("clients_refused", "Clients that were refused", self.refused.clone());
    }

    /// The labels that a task and a model are counted under. Names come from clients: how many there are is bounded.
    fn labels(&self, task: &str, model: &str) -> TaskLabels {
        let labels = TaskLabels {
            task: task.to_owned(),
            model: model.to_owned(),
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.contains(&labels) {
            return labels;
        }
        if known.len() < MOST_TASKS {
            known.insert(labels.clone());
            return labels;
        }
        TaskLabels {
            task: OTHERS.to_owned(),
            model: OTHERS.to_owned(),
        }
    }
}

impl Observer for Metrics {
    fn request_ended(&self, request: &EndedRequest<'_>) {
        let labels = self.labels(request.task, request.model);
        let work = request.work;
        self.inputs.get_or_create(&labels).inc_by(request.inputs);
        self.cached.get_or_create(&labels).inc_by(work.cached);
        self.failed.get_or_create(&labels).inc_by(request.failed);
        self.input_tokens.get_or_create(&labels).inc_by(work.input_tokens);
        self.output_tokens.get_or_create(&labels).inc_by(work.output_tokens);
        self.model_seconds
            .get_or_create(&labels)
            .inc_by(request.model_time.as_secs_f64());
        let outcome = request.outcome.name();
        let TaskLabels { task, model } = labels;
        self.requests
            .get_or_create(&OutcomeLabels { task, model, outcome })
            .inc();
        self.request_seconds.observe(work.elapsed_us as f64 / 1e6);
        self.wait_seconds.observe(work.waited_us as f64 / 1e6);
        tracing::debug!(
            pid = request.who.pid,
            database = request.who.database,
            role = request.who.role,
            task = request.task,
            model = request.model,
            outcome,
            inputs = request.inputs,
            answered = request.answered,
            cached = work.cached,
            failed = request.failed,
            batches = work.batches,
            elapsed_ms = work.elapsed_us / 1000,
            waited_ms = work.waited_us / 1000,
            "request ended"
        );
    }

    fn run_ended(&self, run: &Run<'_>) {
        self.runs.inc();
        if run.failed {
            self.failed_runs.inc();
        }
        self.batches.inc_by(run.batches as u64);
        self.run_rows.observe(run.rows as f64);
        self.run_seconds.observe(run.elapsed.as_secs_f64());
        tracing::debug!(
            model = run.model,
            kind = run.kind,
            rows = run.rows,
            requests = run.requests,
            batches = run.batches,
            elapsed_ms = run.elapsed.as_millis() as u64,
            "run ended"
        );
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use refuel_client::wire::{Hello, Work};

    use super::*;
    use crate::pool::Outcome;

    #[test]
    fn names_beyond_the_bound_are_counted_together() {
        let metrics = Metrics::default();
        let (who, work) = (Hello::default(), Work::default());
        for number in 0..MOST_TASKS + 10 {
            metrics.request_ended(&EndedRequest {
                who: &who,
                task: &format!("task{number}"),
                model: "m@1",
                outcome: Outcome::Done,
                inputs: 2,
                answered: 2,
                failed: 0,
                work: &work,
                model_time: Duration::ZERO,
            });
        }
        assert_eq!(metrics.known.lock().unwrap().len(), MOST_TASKS);
        let others = metrics.labels(OTHERS, OTHERS);
        assert_eq!(metrics.inputs.get_or_create(&others).get(), 20);
    }

    #[test]
    fn everything_has_a_name_and_a_help_text() {
        let metrics = Metrics::default();
        let run = Run {
            model: "m@1",
            kind: "label",
            rows: 300,
            requests: 2,
            batches: 7,
            elapsed: Duration::from_millis(400),
            failed: true,
        };
        metrics.run_ended(&run);
        metrics.refused();
        let mut registry = Registry::with_prefix("refuel");
        metrics.register(&mut registry);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            "refuel_runs_total 1",
            "refuel_runs_failed_total 1",
            "refuel_batches_total 7",
            "refuel_run_rows_bucket{le=\"512.0\"} 1",
            "refuel_run_rows_bucket{le=\"256.0\"} 0",
            "refuel_run_seconds_sum 0.4",
            "refuel_clients_refused_total 1",
            "# HELP refuel_run_seconds Time that a run took.",
            "# EOF",
        ] {
            assert!(text.lines().any(|there| there == line), "{line}\n{text}");
        }
    }
}
