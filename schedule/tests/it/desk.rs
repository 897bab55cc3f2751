//! A folder with a home, a project and jobs, and daemons that work in it.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use refuel_schedule::{
    Catchup, DaemonOptions, Job, JobSettings, Overlap, RunFilter, RunRecord, Store, Supervisor, Timetable, Triggered,
    trigger,
};
use serde_json::{Value, json};

/// Variable with the folder that a daemon works in.
pub(crate) const FOLDER: &str = "REFUEL_TEST_FOLDER";

/// How long anything may take on a machine that has other things to do.
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) struct Desk {
    folder: PathBuf,
    _temporary: Option<tempfile::TempDir>,
}

impl Desk {
    /// A new one. Each job is a name and a script of the shell, which runs when somebody asks for it, with more settings.
    pub(crate) fn new(jobs: &[(&str, &str, Value)]) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().to_owned();
        let desk = Self {
            folder,
            _temporary: Some(temporary),
        };
        desk.set(jobs);
        desk
    }

    pub(crate) fn at(folder: PathBuf) -> Self {
        Self {
            folder,
            _temporary: None,
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Writes the jobs anew.
    pub(crate) fn set(&self, jobs: &[(&str, &str, Value)]) {
        let jobs: Vec<Value> = jobs
            .iter()
            .map(|(name, script, settings)| json!({"name": name, "script": script, "settings": settings}))
            .collect();
        let new = self.path("jobs.new");
        std::fs::write(&new, Value::from(jobs).to_string()).unwrap();
        std::fs::rename(new, self.path("jobs.json")).unwrap();
    }

    fn jobs(&self) -> Vec<JobSettings> {
        let jobs: Vec<Value> = serde_json::from_slice(&std::fs::read(self.path("jobs.json")).unwrap()).unwrap();
        let job = |job: &Value| {
            let settings = &job["settings"];
            let text = |key: &str, default: &'static str| settings[key].as_str().unwrap_or(default).to_owned();
            let time = |key: &str| settings[key].as_u64().map(Duration::from_millis);
            let name = job["name"].as_str().unwrap();
            let mut made = JobSettings::new("shop", &self.folder, name, text("cron", "@yearly"));
            made.program = Some("/bin/sh".into());
            made.command = vec!["-c".to_owned(), job["script"].as_str().unwrap().to_owned()];
            made.catchup = match text("catchup", "none").as_str() {
                "all" => Catchup::All,
                "last" => Catchup::Last,
                _ => Catchup::None,
            };
            made.overlap = match text("overlap", "skip").as_str() {
                "queue" => Overlap::Queue,
                "cancel_previous" => Overlap::CancelPrevious,
                _ => Overlap::Skip,
            };
            made.retries = settings["retries"].as_u64().unwrap_or_default() as u32;
            made.retry_delay = time("retry_delay").unwrap_or(Duration::from_millis(100));
            made.timeout = time("timeout");
            if let Some(folder) = settings["folder"].as_str() {
                (made.project, made.folder) = ("elsewhere".to_owned(), folder.into());
            }
            made
        };
        jobs.iter().map(job).collect()
    }

    pub(crate) fn timetable(&self) -> Result<Timetable, String> {
        Timetable::new(self.jobs(), []).map_err(|error| error.to_string())
    }

    pub(crate) fn options(&self, once: bool) -> DaemonOptions {
        let arguments = ["--exact", "roles::watcher", "--ignored", "--nocapture"];
        DaemonOptions {
            home: self.path("home"),
            program: "/bin/false".into(),
            supervisor: Supervisor {
                program: std::env::current_exe().unwrap(),
                arguments: arguments.map(str::to_owned).to_vec(),
            },
            grace: Duration::from_secs(2),
            once,
            keep_runs: 100,
            keep_days: 30,
        }
    }

    /// Asks for a run of a job.
    pub(crate) fn trigger(&self, job: &str) -> i64 {
        let settings = self.jobs().into_iter().find(|settings| settings.name == job).unwrap();
        match trigger(&self.path("home"), &Job::new(settings).unwrap()).unwrap() {
            Triggered::Queued { run, .. } | Triggered::Waits { run } => run,
        }
    }

    /// Starts a daemon.
    pub(crate) fn daemon(&self, once: bool) -> Daemon {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "roles::daemon", "--ignored", "--nocapture"])
            .env(FOLDER, &self.folder)
            .env_remove("REFUEL_TEST_ONCE")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        if once {
            command.env("REFUEL_TEST_ONCE", "1");
        }
        let mut child = command.spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, events) = mpsc::channel();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                // The harness writes before the first event, on the same line.
                if let Some((_, event)) = line.split_once("event ") {
                    let _ = sender.send(event.to_owned());
                }
            }
        });
        Daemon {
            child,
            events,
            heard: Vec::new(),
        }
    }

    /// Runs what is due, to the end, and gives the events.
    pub(crate) fn once(&self) -> Vec<String> {
        let mut daemon = self.daemon(true);
        daemon.wait();
        std::mem::take(&mut daemon.heard)
    }

    pub(crate) fn store(&self) -> Store {
        Store::open(&self.path("home")).unwrap()
    }

    pub(crate) fn run(&self, run: i64) -> RunRecord {
        self.store().run(run).unwrap().0
    }

    pub(crate) fn runs(&self) -> Vec<RunRecord> {
        let limit = u32::MAX;
        self.store()
            .runs(&RunFilter {
                limit,
                ..RunFilter::default()
            })
            .unwrap()
    }

    /// How the attempts of a run ended.
    pub(crate) fn attempts(&self, run: i64) -> Vec<String> {
        let attempts = self.store().run(run).unwrap().1;
        attempts.into_iter().map(|attempt| attempt.state).collect()
    }

    /// The lines of a file; none where there is no file.
    pub(crate) fn lines(&self, name: &str) -> Vec<String> {
        let text = std::fs::read_to_string(self.path(name)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Waits until a file has so many lines.
    pub(crate) fn until_lines(&self, name: &str, lines: usize) -> Vec<String> {
        until(&format!("{lines} lines of {name}"), || {
            let there = self.lines(name);
            (there.len() >= lines).then_some(there)
        })
    }
}

/// Waits until something is there.
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "{what}: waited in vain");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Whether a process is there, and no zombie.
pub(crate) fn lives(process: &str) -> bool {
    let stat = std::fs::read_to_string(Path::new("/proc").join(process).join("stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with('Z'))
}

/// Sends a signal to a process.
pub(crate) fn signal(process: &str, signal: &str) {
    let status = Command::new("kill").args(["-s", signal, process]).status().unwrap();
    assert!(status.success(), "kill -s {signal} {process}");
}

pub(crate) struct Daemon {
    child: Child,
    events: Receiver<String>,
    heard: Vec<String>,
}

impl Daemon {
    /// Waits for an event with these words in it.
    pub(crate) fn until(&mut self, words: &str) -> String {
        let began = Instant::now();
        loop {
            assert!(began.elapsed() < PATIENCE, "no `{words}` in {:#?}", self.heard);
            if let Ok(event) = self.events.recv_timeout(Duration::from_millis(100)) {
                self.heard.push(event.clone());
                if event.contains(words) {
                    return event;
                }
            }
        }
    }

    pub(crate) fn signal(&self, name: &str) {
        signal(&self.child.id().to_string(), name);
    }

    /// Waits for the end. Returns the exit status.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        let status = until("the end of the daemon", || self.child.try_wait().unwrap());
        self.heard.extend(self.events.iter());
        status.code()
    }

    /// Ends it in order.
    pub(crate) fn end(mut self) -> Vec<String> {
        self.signal("TERM");
        self.wait();
        std::mem::take(&mut self.heard)
    }

    /// kill -9.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
