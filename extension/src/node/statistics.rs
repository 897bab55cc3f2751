//! What a node counts, in its own process and, for a parallel query, of its workers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use pgrx::pg_guard;
use pgrx::pg_sys::{CustomScanState, ParallelContext, Size, shm_toc};
use refuel_client::wire::Work;

use super::state::state;

/// Counters, in the order in which they are shared.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Statistics {
    /// Rows that were gathered.
    pub(super) rows: u64,
    /// Calls that were not null.
    pub(super) asked: u64,
    /// Different inputs of these, window by window.
    pub(super) distinct: u64,
    /// Inputs whose answers were there already.
    pub(super) cached: u64,
    /// Runs of models.
    pub(super) batches: u64,
    /// Tokens that models read.
    pub(super) input_tokens: u64,
    /// Tokens that were scored or generated.
    pub(super) output_tokens: u64,
    /// Time from asking to the last answer, in microseconds.
    pub(super) waited_us: u64,
    /// Where workers of a parallel query add theirs. Null elsewhere.
    shared: Shared,
}

const COUNTERS: usize = 8;

#[derive(Debug, Clone, Copy)]
struct Shared(*const [AtomicU64; COUNTERS]);

impl Default for Shared {
    fn default() -> Self {
        Self(std::ptr::null())
    }
}

impl Statistics {
    pub(super) fn add(&mut self, work: &Work, waited: Duration) {
        self.cached += work.cached;
        self.batches += work.batches;
        self.input_tokens += work.input_tokens;
        self.output_tokens += work.output_tokens;
        self.waited_us += waited.as_micros() as u64;
    }

    fn counters(&mut self) -> [&mut u64; COUNTERS] {
        [
            &mut self.rows,
            &mut self.asked,
            &mut self.distinct,
            &mut self.cached,
            &mut self.batches,
            &mut self.input_tokens,
            &mut self.output_tokens,
            &mut self.waited_us,
        ]
    }
}

/// Bytes of shared memory.
#[pg_guard]
pub(super) unsafe extern "C-unwind" fn estimate(_node: *mut CustomScanState, _context: *mut ParallelContext) -> Size {
    size_of::<[AtomicU64; COUNTERS]>()
}

#[pg_guard]
pub(super) unsafe extern "C-unwind" fn initialize(
    node: *mut CustomScanState,
    _context: *mut ParallelContext,
    shared: *mut std::ffi::c_void,
) {
    // SAFETY: Postgres gives as many bytes as `estimate` says, aligned for any type, which nobody else has yet.
    unsafe {
        std::ptr::write_bytes(shared.cast::<u8>(), 0, size_of::<[AtomicU64; COUNTERS]>());
        state(node).statistics.shared = Shared(shared.cast_const().cast());
    }
}

/// Before workers start again; what they counted stays.
#[pg_guard]
pub(super) unsafe extern "C-unwind" fn reinitialize(
    _node: *mut CustomScanState,
    _context: *mut ParallelContext,
    _shared: *mut std::ffi::c_void,
) {
}

#[pg_guard]
pub(super) unsafe extern "C-unwind" fn attach(
    node: *mut CustomScanState,
    _contents: *mut shm_toc,
    shared: *mut std::ffi::c_void,
) {
    // SAFETY: the leader has filled it with zeros.
    unsafe { state(node).statistics.shared = Shared(shared.cast_const().cast()) };
}

/// A worker adds its counts to the shared ones, the leader takes them over before the memory goes.
#[pg_guard]
pub(super) unsafe extern "C-unwind" fn shutdown(node: *mut CustomScanState) {
    // SAFETY: the shared memory is there until all have been shut down.
    unsafe {
        let statistics = &mut state(node).statistics;
        let Some(shared) = std::mem::take(&mut statistics.shared).0.as_ref() else {
            return;
        };
        let is_worker = pgrx::pg_sys::ParallelWorkerNumber >= 0;
        for (own, shared) in statistics.counters().into_iter().zip(shared) {
            if is_worker {
                shared.fetch_add(*own, Ordering::Relaxed);
            } else {
                *own += shared.load(Ordering::Relaxed);
            }
        }
    }
}
