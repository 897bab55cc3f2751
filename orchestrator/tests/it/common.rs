//! Runs the program as a user does.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A folder to work in, with a home folder of its own.
pub(crate) struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    /// An empty one.
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("refuel-test").tempdir().unwrap();
        Self { folder }
    }

    /// A path in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).unwrap();
    }

    /// Reads a file.
    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// The program in this folder, with nothing of the machine's own settings but the home folder `home`.
    pub(crate) fn command(&self, home: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_refuel"));
        command
            .current_dir(self.folder.path())
            .args(arguments)
            .stdin(Stdio::null())
            .env("REFUEL_HOME", home)
            .env("NO_COLOR", "1");
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if (name.starts_with("REFUEL_") && name != "REFUEL_HOME") || name == "RUST_BACKTRACE" {
                command.env_remove(name);
            }
        }
        command
    }

    /// Runs the program with an empty home folder, and gives all that a user sees.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        self.told(&self.command(&self.path("home"), arguments).output().unwrap())
    }

    /// What a user sees of a run.
    pub(crate) fn told(&self, output: &Output) -> String {
        let text = |bytes: &[u8]| {
            let folder = self.folder.path().to_string_lossy();
            String::from_utf8_lossy(bytes).replace(&*folder, "[DIR]")
        };
        format!(
            "status: {}\n----- stdout -----\n{}\n----- stderr -----\n{}",
            output
                .status
                .code()
                .map_or_else(|| "signal".to_owned(), |code| code.to_string()),
            text(&output.stdout),
            text(&output.stderr)
        )
    }
}

/// The home folder that holds models, where the machine has one with `model` and the ONNX Runtime library; says so when
/// it hasn't.
pub(crate) fn home_with(model: &str) -> Option<PathBuf> {
    let home = std::env::var_os("REFUEL_HOME").map(PathBuf::from).or_else(|| {
        let data = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from);
        data.or_else(|| std::env::home_dir().map(|home| home.join(".local/share")))
            .map(|data| data.join("refuel"))
    })?;
    let output = Command::new(env!("CARGO_BIN_EXE_refuel"))
        .args(["debug", "--format", "json"])
        .env("REFUEL_HOME", &home)
        .output()
        .unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let there = report["models"]
        .as_array()
        .is_some_and(|models| models.iter().any(|entry| entry["name"] == model));
    let runs = report["runtime"]["build"].is_string();
    if there && runs {
        return Some(home);
    }
    eprintln!(
        "skipped: {} has no model `{model}` or no ONNX Runtime; scripts/setup fetches both",
        home.display()
    );
    None
}
