//! How a project is compiled.

use std::path::PathBuf;

use jiff::Timestamp;
use refuel_project::Project;

use crate::fingerprint::Hasher;
use crate::render::Moment;

/// How a project is compiled.
#[derive(Debug, Clone, Default)]
pub struct CompileOptions {
    /// The file that keeps what was rendered and parsed. None: nothing is kept. One that is damaged, or of another
    /// version, counts as empty.
    pub cache: Option<PathBuf>,
    /// The folder that gets the SQL of each model and singular test, as it is sent to the database. Files whose text is
    /// the same are not written; those of nodes that are gone are deleted. None: nothing is written.
    pub compiled: Option<PathBuf>,
    /// `run_started_at`. None: now.
    pub started: Option<Timestamp>,
    /// `invocation_id`. None: made of the time.
    pub invocation: Option<String>,
}

impl CompileOptions {
    /// With the cache and the compiled files in the project's target folder.
    pub fn in_target(project: &Project) -> Self {
        let target = project.root.join(&project.settings.target_path);
        Self {
            cache: Some(target.join("cache").join(format!("{}.compile", project.target.name))),
            compiled: Some(target.join("compiled").join(&project.settings.name)),
            ..Self::default()
        }
    }

    pub(super) fn moment(&self) -> Moment {
        let started = self.started.unwrap_or_else(Timestamp::now);
        let invocation = self.invocation.clone().unwrap_or_else(|| {
            let mut hasher = Hasher::new("invocation");
            hasher.text(&started.to_string());
            hasher.bytes(&std::process::id().to_le_bytes());
            let digits = hasher.finish().to_string();
            let parts = [
                &digits[..8],
                &digits[8..12],
                &digits[12..16],
                &digits[16..20],
                &digits[20..],
            ];
            parts.join("-")
        });
        Moment {
            started,
            invocation: invocation.into(),
        }
    }
}
