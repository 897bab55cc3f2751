//! Files that other tools read: `manifest.json` and `run_results.json`, in the shapes that dbt gives them.
//!
//! Sources: dbt's JSON Schemas `manifest/v12` and `run-results/v6`. Both refuse keys that they don't know, so what dbt has
//! no word for stands where they take anything: under `config.refuel` of a node. Tasks are in
//! [`crate::diff::Snapshot`], not in the manifest; evaluations are tests in it. Nulls are written out, because readers
//! look keys up without asking whether they are there.

mod error;
mod file;
mod manifest;
mod metadata;
mod run_results;

pub use error::ArtifactError;
pub use file::{read_json, write_json};
pub use manifest::{MANIFEST_FILE, ManifestOptions, write_manifest};
pub use metadata::{Invocation, Metadata};
pub use run_results::{BatchResults, NodeResult, RUN_RESULTS_FILE, ResultStatus, RunResults, Statuses, Timing};
