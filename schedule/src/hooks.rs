//! Telling others about a run that is done.
//!
//! A hook that fails doesn't fail its run. Each is told at least once: a daemon that is killed while it tells one, tells
//! it again. The document has the run's number, and so has the header `Idempotency-Key`.

use std::collections::BTreeSet;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use rustix::process::Signal;
use serde_json::json;

use crate::error::ScheduleError;
use crate::event::Event;
use crate::logs;
use crate::process::signal_group;
use crate::settings::Hook;
use crate::store::{PendingHook, Store, Told};

/// How often a webhook is tried.
const TRIES: u32 = 4;

/// How long the second try waits; each further one waits four times as long.
const FIRST_DELAY: SignedDuration = SignedDuration::from_secs(1);

/// How long telling may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// At most so many hooks are told at once.
const MOST_AT_ONCE: usize = 4;

/// Lines of a failed run's output that a webhook is told, at most.
const OUTPUT_LINES: usize = 20;

/// Bytes of them, at most: services that show messages refuse long ones.
const OUTPUT_BYTES: usize = 4096;

/// Tells hooks, each on a thread of its own.
#[derive(Debug)]
pub(crate) struct Teller {
    under_way: BTreeSet<i64>,
    sender: Sender<(PendingHook, Told)>,
    receiver: Receiver<(PendingHook, Told)>,
    patience: Duration,
}

impl Default for Teller {
    fn default() -> Self {
        let (sender, receiver) = mpsc::channel();
        Self {
            under_way: BTreeSet::new(),
            sender,
            receiver,
            patience: PATIENCE,
        }
    }
}

impl Teller {
    /// Notes what came of hooks, and begins to tell those that are to be told now.
    pub(crate) fn tick(
        &mut self,
        store: &mut Store,
        now: Timestamp,
        tell: &mut dyn FnMut(Event),
    ) -> Result<(), ScheduleError> {
        while let Ok((hook, told)) = self.receiver.try_recv() {
            store.hook_told(hook.id, &told)?;
            self.under_way.remove(&hook.id);
            let (reason, again) = match told {
                Told::Done => continue,
                Told::Failed(reason) => (reason, false),
                Told::Again(_, reason) => (reason, true),
            };
            tell(Event::HookFailed {
                job: format!("{}.{}", hook.project, hook.job),
                run: hook.run,
                reason,
                again,
            });
        }
        for hook in store.pending_hooks(now)? {
            if self.under_way.len() >= MOST_AT_ONCE {
                break;
            }
            if self.under_way.insert(hook.id) {
                let (sender, patience) = (self.sender.clone(), self.patience);
                thread::spawn(move || {
                    let told = perform(&hook, patience);
                    // The daemon may have ended; the next one tells the hook again.
                    let _ = sender.send((hook, told));
                });
            }
        }
        Ok(())
    }

    /// Whether hooks are being told.
    pub(crate) fn is_busy(&self) -> bool {
        !self.under_way.is_empty()
    }
}

fn perform(hook: &PendingHook, patience: Duration) -> Told {
    match &hook.hook {
        Hook::Command(command) => match run(hook, command, patience) {
            Ok(()) => Told::Done,
            Err(reason) => Told::Failed(reason),
        },
        Hook::Webhook(address) => match post(hook, address, patience) {
            Ok(()) => Told::Done,
            Err((reason, again)) if again && hook.tries + 1 < TRIES => {
                let wait = FIRST_DELAY * 4_i32.pow(hook.tries);
                Told::Again(Timestamp::now().saturating_add(wait).unwrap_or(Timestamp::MAX), reason)
            }
            Err((reason, _)) => Told::Failed(reason),
        },
    }
}

/// Variables that a command gets.
fn variables(hook: &PendingHook) -> Vec<(&'static str, String)> {
    let mut variables = vec![
        ("REFUEL_SCHEDULE_PROJECT", hook.project.clone()),
        ("REFUEL_SCHEDULE_JOB", hook.job.clone()),
        ("REFUEL_SCHEDULE_RUN", hook.run.to_string()),
        ("REFUEL_SCHEDULE_TIME", hook.scheduled_at.to_string()),
        ("REFUEL_SCHEDULE_STATE", hook.state.clone()),
        ("REFUEL_SCHEDULE_ATTEMPTS", hook.attempts.to_string()),
    ];
    let mut optional = |name, value: Option<String>| variables.extend(value.map(|value| (name, value)));
    optional("REFUEL_SCHEDULE_REASON", hook.reason.clone());
    optional("REFUEL_SCHEDULE_LAST_ATTEMPT", hook.ended.clone());
    optional(
        "REFUEL_SCHEDULE_EXIT_STATUS",
        hook.exit_code.map(|code| code.to_string()),
    );
    optional(
        "REFUEL_SCHEDULE_LOG_FILE",
        hook.log.as_ref().map(|log| log.display().to_string()),
    );
    variables
}

/// Runs a command of the shell in the project's folder. Its output goes to the end of the run's log.
fn run(hook: &PendingHook, command: &str, patience: Duration) -> Result<(), String> {
    let mut process = Command::new("/bin/sh");
    process
        .args(["-c", command])
        .current_dir(&hook.folder)
        .envs(variables(hook))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0);
    if let Some(log) = hook.log.as_ref().and_then(|log| logs::open(log).ok()) {
        if let Ok(same) = log.try_clone() {
            process.stdout(same);
        }
        process.stderr(log);
    }
    let mut child = process
        .spawn()
        .map_err(|error| format!("`{command}` can't be started: {error}"))?;
    let until = Instant::now() + patience;
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(format!("`{command}` ended with {status}")),
            Ok(None) if Instant::now() < until => thread::sleep(Duration::from_millis(20)),
            Ok(None) => {
                signal_group(child.id(), Signal::KILL);
                let _ = child.wait();
                return Err(format!("`{command}` took longer than {} s", patience.as_secs_f64()));
            }
            Err(error) => return Err(format!("`{command}` is lost: {error}")),
        }
    }
}

/// The end of what the last attempt of a failed run wrote: enough for whoever is called at night to know where to look.
fn output(hook: &PendingHook) -> Option<String> {
    let log = hook.log.as_ref().filter(|_| hook.state == "failed")?;
    let mut end = logs::tail(log, OUTPUT_LINES)?;
    if end.len() > OUTPUT_BYTES {
        end.drain(..end.ceil_char_boundary(end.len() - OUTPUT_BYTES));
    }
    Some(end)
}

/// Posts a run as JSON. An error has whether it may pass.
fn post(hook: &PendingHook, address: &str, patience: Duration) -> Result<(), (String, bool)> {
    let document = json!({
        "project": hook.project,
        "job": hook.job,
        "folder": hook.folder.display().to_string(),
        "run": hook.run,
        "scheduled_at": hook.scheduled_at.to_string(),
        "started_at": hook.started_at.map(|at| at.to_string()),
        "ended_at": hook.ended_at.map(|at| at.to_string()),
        "state": hook.state,
        "reason": hook.reason,
        "attempts": hook.attempts,
        "exit_code": hook.exit_code,
        "signal": hook.signal,
        "last_attempt": hook.ended,
        "output": output(hook),
    });
    let agent = ureq::Agent::config_builder()
        .timeout_global(Some(patience))
        .http_status_as_error(false)
        .user_agent(concat!("refuel/", env!("CARGO_PKG_VERSION")))
        .build()
        .new_agent();
    let key = format!("refuel-{}-{}", hook.run, hook.id);
    let sent = agent.post(address).header("Idempotency-Key", &key).send_json(document);
    // An address may hold a secret, so that only the server is named.
    let server = server(address);
    match sent {
        Ok(response) if response.status().is_success() => Ok(()),
        Ok(response) => {
            let status = response.status();
            let again = status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429);
            Err((format!("{server} answered {status}"), again))
        }
        Err(error @ (ureq::Error::BadUri(_) | ureq::Error::Http(_))) => Err((format!("{server}: {error}"), false)),
        Err(error) => Err((format!("{server}: {error}"), true)),
    }
}

/// Scheme and server of an address.
fn server(address: &str) -> &str {
    let start = address.find("://").map_or(0, |at| at + 3);
    // A name and password before the server are secrets as well.
    let end = address[start..]
        .find(['/', '?', '#'])
        .map_or(address.len(), |at| start + at);
    let authority = &address[start..end];
    authority.rsplit_once('@').map_or(authority, |(_, server)| server)
}

#[cfg(test)]
mod tests;
