//! What the pool knows by itself, asked for at each scrape.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;
use refuel_client::wire::{HostReport, ModelReport, Report, ReportKind};

use crate::pool::Pool;

/// A model that is loaded.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ModelLabels {
    model: String,
    device: String,
}

/// What the host is just now.
#[derive(Debug)]
pub(super) struct Gauges {
    host: Option<HostReport>,
    models: Vec<ModelReport>,
}

impl Gauges {
    pub(super) fn of(pool: &Pool) -> Self {
        let host = match pool.report(ReportKind::Host) {
            Report::Host(host) => Some(host),
            _ => None,
        };
        let mut models = match pool.report(ReportKind::Models) {
            Report::Models(models) => models,
            _ => Vec::new(),
        };
        models.retain(|model| model.loaded);
        Self { host, models }
    }
}

impl Collector for Gauges {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let mut gauge = |name: &str, help: &str, unit: Option<&Unit>, value: u64| {
            let gauge = ConstGauge::new(value as i64);
            gauge.encode(encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?)
        };
        if let Some(host) = &self.host {
            let bytes = Some(&Unit::Bytes);
            gauge("clients", "Connections", None, host.clients)?;
            gauge("queue_inputs", "Inputs that wait for a model", None, host.queued)?;
            gauge("queue", "Inputs that wait for a model", bytes, host.queued_bytes)?;
            gauge("resident_memory", "Memory of the process", bytes, host.resident_bytes)?;
            gauge("models_budget", "Memory that models may take", bytes, host.budget_bytes)?;
            gauge(
                "models_memory",
                "Memory that loaded models are counted with",
                bytes,
                host.models_bytes,
            )?;
            gauge("cache", "Kept answers on disk", bytes, host.cache_bytes)?;
            let started = host.started_ms.max(0) as u64 / 1000;
            gauge(
                "start_time",
                "When the host was started, since 1970 UTC",
                Some(&Unit::Seconds),
                started,
            )?;
        }
        gauge(
            "models_loaded",
            "Models that are loaded",
            None,
            self.models.len() as u64,
        )?;
        let mut family = encoder.encode_descriptor(
            "model_memory",
            "Memory that a loaded model is counted with",
            Some(&Unit::Bytes),
            MetricType::Gauge,
        )?;
        for model in &self.models {
            let labels = ModelLabels {
                model: model.name.clone(),
                device: model.device.clone().unwrap_or_default(),
            };
            ConstGauge::new(model.memory_bytes as i64).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}
