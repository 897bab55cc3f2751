//! The background worker that keeps a host running for as long as the server runs.
//!
//! It touches no database and asks no model: it starts a process, waits, and starts it again when it ends. The host holds
//! the other end of a pipe that nothing is written to; when the worker is gone, in whatever way, the pipe closes and the
//! host ends by itself, so no host outlives its server.

use std::ffi::OsString;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use pgrx::bgworkers::{BackgroundWorker, BackgroundWorkerBuilder, SignalWakeFlags};
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::settings;

/// The first wait before a host that ended is started again; each next one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// The longest wait. A host that can never start costs a line in the log this often.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// How long a host has to live for its end to count as an accident instead of as one more failed start.
const LIVED: Duration = Duration::from_mins(1);
/// How long a host has to end in good order. A fast shutdown of the server waits for it.
const GRACE: Duration = Duration::from_secs(2);

/// Has the server start the worker. To be called from `_PG_init`, while libraries are preloaded.
pub(crate) fn register() {
    BackgroundWorkerBuilder::new("refuel supervisor")
        .set_library("refuel")
        .set_function("refuel_supervisor")
        .set_restart_time(Some(Duration::from_secs(1)))
        .load();
}

/// The worker's whole life.
#[pg_guard]
#[unsafe(no_mangle)]
extern "C-unwind" fn refuel_supervisor(_argument: pg_sys::Datum) {
    BackgroundWorker::attach_signal_handlers(
        SignalWakeFlags::SIGHUP | SignalWakeFlags::SIGTERM | SignalWakeFlags::SIGCHLD,
    );
    let mut host = Host::Away {
        next: Instant::now(),
        wait: FIRST_WAIT,
    };
    loop {
        let wait;
        (host, wait) = host.step();
        // False when the server stops, and when it died.
        if !BackgroundWorker::wait_latch(wait) {
            break;
        }
        if BackgroundWorker::sighup_received() {
            // SAFETY: in the worker's main loop, where nothing holds on to the value of a setting.
            unsafe { pg_sys::ProcessConfigFile(pg_sys::GucContext::PGC_SIGHUP) };
        }
    }
    if let Host::Running { child, .. } = host {
        stop(child);
    }
}

/// What the host is started with. It is started anew when the settings say something else.
#[derive(PartialEq)]
struct Launch {
    program: PathBuf,
    arguments: Vec<OsString>,
}

impl Launch {
    /// What the settings say; nothing when no host is wanted, or when its address is another machine's.
    fn wanted() -> io::Result<Option<Self>> {
        let socket = settings::socket();
        if !settings::supervise() || socket.starts_with("tcp:") {
            return Ok(None);
        }
        let mut arguments: Vec<OsString> = vec!["host".into(), "--supervised".into(), "--socket".into(), socket.into()];
        if let Some(home) = settings::home() {
            arguments.extend(["--home".into(), home.into()]);
        }
        let options = settings::host_options();
        let more = shlex::split(&options).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("refuel.host_options has an open quote: {options}"),
            )
        })?;
        arguments.extend(more.into_iter().map(OsString::from));
        Ok(Some(Self {
            program: settings::host_path(),
            arguments,
        }))
    }

    /// Starts the host, in a process group of its own: the server signals the groups of its workers.
    fn start(&self) -> io::Result<Child> {
        let log = io::stderr();
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .stdin(Stdio::piped())
            .stdout(log.as_fd().try_clone_to_owned()?)
            .stderr(log.as_fd().try_clone_to_owned()?)
            .process_group(0);
        // SAFETY: between fork and exec only functions that `signal-safety(7)` lists, and system calls, are called.
        unsafe { command.pre_exec(forget_the_server) };
        let child = command.spawn().map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("{} can't be started: {error}", self.program.display()),
            )
        })?;
        // Where memory runs out, the models go and not the database. Without /proc nothing is lost.
        let _ = std::fs::write(format!("/proc/{}/oom_score_adj", child.id()), "800");
        Ok(child)
    }
}

/// Takes back what a new program would inherit from a worker: signals that are blocked or ignored, and open files.
fn forget_the_server() -> io::Result<()> {
    // SAFETY: all of it is of this process alone, which is about to become another program; the set is initialised by
    // `sigemptyset` before it is read.
    unsafe {
        for signal in [libc::SIGHUP, libc::SIGINT, libc::SIGUSR1, libc::SIGUSR2] {
            libc::signal(signal, libc::SIG_DFL);
        }
        let mut none = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        if libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut()) != 0 {
            return Err(io::Error::last_os_error());
        }
        // Kernels before 5.11 don't know it; what is left open there is only read from.
        libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC);
    }
    Ok(())
}

enum Host {
    /// No host: one is started at `next`, if one is wanted, and after a failure the one after that `wait` later.
    Away { next: Instant, wait: Duration },
    /// A host that was started at `since`, `wait` after the one before it.
    Running {
        child: Child,
        launch: Launch,
        since: Instant,
        wait: Duration,
    },
}

impl Host {
    /// Does what there is to do now, and says how long there is nothing more to do unless a signal comes.
    fn step(self) -> (Self, Option<Duration>) {
        match self {
            Self::Away { next, wait } => {
                let Some(launch) = Launch::wanted().transpose() else {
                    let away = Self::Away {
                        next: Instant::now(),
                        wait: FIRST_WAIT,
                    };
                    return (away, None);
                };
                let left = next.saturating_duration_since(Instant::now());
                if !left.is_zero() {
                    return (Self::Away { next, wait }, Some(left));
                }
                match launch.and_then(|launch| Ok((launch.start()?, launch))) {
                    Ok((child, launch)) => (
                        Self::Running {
                            child,
                            launch,
                            since: Instant::now(),
                            wait,
                        },
                        None,
                    ),
                    Err(error) => Self::rest(&error.to_string(), wait),
                }
            }
            Self::Running {
                mut child,
                launch,
                since,
                wait,
            } => match child.try_wait() {
                Ok(None) if Launch::wanted().is_ok_and(|wanted| wanted.as_ref() == Some(&launch)) => (
                    Self::Running {
                        child,
                        launch,
                        since,
                        wait,
                    },
                    None,
                ),
                Ok(None) => {
                    log!("refuel host is stopped: its settings have changed");
                    stop(child);
                    Self::Away {
                        next: Instant::now(),
                        wait: FIRST_WAIT,
                    }
                    .step()
                }
                Ok(Some(status)) => {
                    let wait = if since.elapsed() < LIVED { wait } else { FIRST_WAIT };
                    Self::rest(&format!("refuel host ended ({status})"), wait)
                }
                // It can't be waited for, so whether it lives is not known: it is made sure that it doesn't.
                Err(error) => {
                    stop(child);
                    Self::rest(&format!("refuel host was lost: {error}"), wait)
                }
            },
        }
    }

    /// Tells what happened, and waits before the next try.
    fn rest(what: &str, wait: Duration) -> (Self, Option<Duration>) {
        ErrorReport::new(
            PgSqlErrorCode::ERRCODE_SYSTEM_ERROR,
            format!("{what}; next start in {} ms", wait.as_millis()),
            "refuel_supervisor",
        )
        .set_hint("The settings refuel.host_path, refuel.home and refuel.host_options say what is started; its own messages are above.")
        .report(PgLogLevel::LOG);
        let next = (wait * 2).min(LONGEST_WAIT);
        (
            Self::Away {
                next: Instant::now() + wait,
                wait: next,
            },
            Some(wait),
        )
    }
}

/// Ends a host: asked first, and then made to.
fn stop(mut child: Child) {
    let begun = Instant::now();
    if let Some(process) = rustix::process::Pid::from_raw(child.id().cast_signed()) {
        // It may have ended by itself, which is as well.
        let _ = rustix::process::kill_process(process, rustix::process::Signal::TERM);
    }
    while begun.elapsed() < GRACE {
        if matches!(child.try_wait(), Ok(Some(_))) {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    log!("refuel host did not end within {} s, and is killed", GRACE.as_secs());
    let _ = child.kill().and_then(|()| child.wait());
}
