//! What the pool tells of itself.

use std::sync::atomic::Ordering;

use refuel_client::wire::{HostReport, ModelReport, Report, ReportKind, VERSION};

use super::shared::{Shared, ms_of};

/// Bytes of a page of memory, in which the kernel counts.
const PAGE: u64 = 4096;

impl Shared {
    /// See [`super::Pool::report`].
    pub(super) fn report(&self, kind: ReportKind) -> Report {
        match kind {
            ReportKind::Host => Report::Host(self.host()),
            ReportKind::Models => Report::Models(self.models()),
            ReportKind::Activity => {
                let all = self.lock().all();
                Report::Activity(all.iter().map(|request| request.activity()).collect())
            }
            ReportKind::Usage => Report::Usage(self.usage.report()),
        }
    }

    fn host(&self) -> HostReport {
        let (queued, queued_bytes) = {
            let state = self.lock();
            (state.queue.queued(), state.queue.queued_bytes())
        };
        let (budget_bytes, models_bytes) = {
            let residency = self.residency();
            (residency.budget(), residency.bytes())
        };
        HostReport {
            pid: std::process::id(),
            version: VERSION.to_owned(),
            started_ms: self.started_ms,
            clients: self.clients.load(Ordering::Relaxed),
            queued,
            queued_bytes,
            resident_bytes: resident_bytes().unwrap_or_default(),
            budget_bytes,
            models_bytes,
            cache_bytes: self.backend.cache_bytes(),
            warnings: self.warnings(),
        }
    }

    fn models(&self) -> Vec<ModelReport> {
        let mut models = match self.backend.models() {
            Ok(models) => models,
            Err(error) => {
                tracing::warn!(code = error.code(), %error, "the models can't be listed");
                Vec::new()
            }
        };
        for model in &mut models {
            model.device = self.backend.device(&model.digest);
            model.loaded = model.device.is_some();
            if let Some(resident) = self.residency().get(&model.digest) {
                model.memory_bytes = resident.memory.weights_bytes;
                model.used_ms = Some(ms_of(resident.used));
            }
        }
        models
    }
}

/// Resident memory of this process.
fn resident_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * PAGE)
}
