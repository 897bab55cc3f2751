//! A server of a test's own.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use postgres::{Client, Config, NoTls};

use crate::installation::link_tree;
use crate::{Account, Installation, Process, wait_until};

/// How a server is told to stop: `pg_ctl(1)`.
#[derive(Debug, Clone, Copy)]
pub enum Shutdown {
    /// Open transactions are rolled back.
    Fast,
    /// Every process ends at once; the next start recovers.
    Immediate,
}

/// What a cluster is to be like.
#[derive(Debug, Clone)]
pub struct Plan {
    settings: Vec<String>,
    preload: String,
    models: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            settings: Vec::new(),
            preload: "refuel".to_owned(),
            models: true,
        }
    }
}

impl Plan {
    /// One more line of `postgresql.conf`.
    #[must_use]
    pub fn setting(mut self, line: &str) -> Self {
        self.settings.push(line.to_owned());
        self
    }

    /// The libraries that are preloaded, instead of `refuel` alone.
    #[must_use]
    pub fn preload(mut self, libraries: &str) -> Self {
        libraries.clone_into(&mut self.preload);
        self
    }

    /// Without models, for tests that ask none: they run on any machine with Postgres.
    #[must_use]
    pub fn without_models(mut self) -> Self {
        self.models = false;
        self
    }

    /// Starts it. None, said on standard error, where the machine lacks what it needs.
    ///
    /// # Panics
    /// When the server doesn't start.
    pub fn start(self) -> Option<Cluster> {
        let installation = Installation::find()?;
        let models = if self.models { Some(installation.home()?) } else { None };
        let mut cluster = Cluster::new(installation, models.as_deref());
        let copied = Command::new("cp")
            .args(["--archive", "--reflink=auto"])
            .args([&cluster.installation.template(), &cluster.folder().join("data")])
            .status()
            .unwrap();
        assert!(copied.success());
        cluster.configure(&[
            "listen_addresses = ''",
            &format!("shared_preload_libraries = '{}'", self.preload),
            "max_connections = 100",
            "fsync = off",
            "log_line_prefix = ''",
            "log_checkpoints = off",
        ]);
        cluster.configure_place();
        cluster.configure(&self.settings.iter().map(String::as_str).collect::<Vec<_>>());
        cluster.start();
        Some(cluster)
    }
}

/// A running server in a temporary folder. It is stopped and removed when this is dropped.
#[derive(Debug)]
#[must_use]
pub struct Cluster {
    folder: tempfile::TempDir,
    installation: Installation,
    account: Account,
    server: Option<Child>,
}

impl Cluster {
    /// A folder with a home folder in it, and no server yet.
    fn new(installation: Installation, models: Option<&Path>) -> Self {
        let account = Account::find();
        let folder = tempfile::Builder::new()
            .prefix("c-")
            .tempdir_in(installation.all())
            .unwrap();
        account.own(folder.path());
        let home = folder.path().join("home");
        fs::create_dir(&home).unwrap();
        account.own(&home);
        if let Some(models) = models {
            link_tree(models, &home, account);
        }
        Self {
            folder,
            installation,
            account,
            server: None,
        }
    }

    /// The settings that name the folder.
    fn configure_place(&self) {
        self.configure(&[
            &format!("unix_socket_directories = '{}'", self.folder().display()),
            &format!("refuel.home = '{}/home'", self.folder().display()),
        ]);
    }

    /// A hot standby of this server, with a home folder and so a host of its own.
    ///
    /// # Panics
    /// When it can't be made, or doesn't start.
    pub fn standby(&self) -> Self {
        let mut standby = Self::new(self.installation.clone(), self.installation.home().as_deref());
        let output = self
            .account
            .command(&self.installation.program("pg_basebackup"))
            .args([
                "--username=postgres",
                "--write-recovery-conf",
                "--checkpoint=fast",
                "--no-sync",
            ])
            .arg(format!("--host={}", self.folder().display()))
            .arg(format!("--pgdata={}", standby.folder().join("data").display()))
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{told}");
        // The host's socket is nowhere in what is copied.
        assert!(told.is_empty(), "{told}");
        standby.configure_place();
        standby.start();
        standby
    }

    /// One with the extension's library preloaded, the extension created in the database `postgres`, and models.
    ///
    /// # Panics
    /// When the server doesn't start.
    pub fn ready() -> Option<Self> {
        let cluster = Plan::default().start()?;
        cluster.connect().batch_execute("CREATE EXTENSION refuel").unwrap();
        Some(cluster)
    }

    /// The folder of its sockets, its data, and its home folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where the host's socket is unless a setting says otherwise.
    pub fn host_socket(&self) -> PathBuf {
        self.folder().join(".s.refuel.5432")
    }

    /// What runs the server.
    pub fn account(&self) -> Account {
        self.account
    }

    /// Adds lines to `postgresql.conf`, the last of which win. They count from the next start or [`Self::reload`].
    ///
    /// # Panics
    /// When the file can't be written.
    pub fn configure(&self, lines: &[&str]) {
        let mut file = fs::OpenOptions::new()
            .append(true)
            .open(self.folder().join("data/postgresql.conf"))
            .unwrap();
        for line in lines {
            writeln!(file, "{line}").unwrap();
        }
    }

    /// Has the server read its configuration again.
    pub fn reload(&self) {
        self.postmaster().signal(rustix::process::Signal::HUP);
    }

    /// The log that the server and hosts write to.
    fn open_log(&self) -> fs::File {
        let mut options = fs::OpenOptions::new();
        options.create(true).append(true);
        options.open(self.folder().join("log")).unwrap()
    }

    /// Starts the server, and waits until it lets clients in.
    ///
    /// # Panics
    /// When it doesn't within 30 s.
    pub fn start(&mut self) {
        let log = self.open_log();
        let server = self
            .account
            .command(&self.installation.program("postgres"))
            .arg("-D")
            .arg(self.folder().join("data"))
            .env("HOME", self.folder())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.server = Some(server);
        let begun = Instant::now();
        while let Err(error) = self.config().connect(NoTls) {
            let ended = self.server.as_mut().unwrap().try_wait().unwrap();
            assert!(
                ended.is_none() && begun.elapsed() < Duration::from_secs(30),
                "the server doesn't start ({error}):\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Stops the server, and says how long that took.
    ///
    /// # Panics
    /// When it isn't running, or doesn't stop within 30 s.
    pub fn stop(&mut self, how: Shutdown) -> Duration {
        let begun = Instant::now();
        let mode = match how {
            Shutdown::Fast => "fast",
            Shutdown::Immediate => "immediate",
        };
        let output = self
            .account
            .command(&self.installation.program("pg_ctl"))
            .args(["stop", "--wait", "--timeout=30", "--mode", mode, "--pgdata"])
            .arg(self.folder().join("data"))
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}\n{}",
            String::from_utf8_lossy(&output.stderr),
            self.log()
        );
        let took = begun.elapsed();
        self.server.take().unwrap().wait().unwrap();
        took
    }

    /// How to connect as the superuser to the database `postgres`.
    pub fn config(&self) -> Config {
        let mut config = Config::new();
        config
            .host_path(self.folder())
            .user("postgres")
            .dbname("postgres")
            .application_name("test");
        config
    }

    /// A session of the superuser in the database `postgres`.
    ///
    /// # Panics
    /// When the server doesn't let it in.
    pub fn connect(&self) -> Client {
        self.config().connect(NoTls).unwrap()
    }

    /// A session of a role in a database.
    ///
    /// # Panics
    /// When the server doesn't let it in.
    pub fn connect_as(&self, role: &str, database: &str) -> Client {
        self.config().user(role).dbname(database).connect(NoTls).unwrap()
    }

    /// One of Postgres's clients, told where the server is, and run as the test's own account.
    pub fn client(&self, program: &str) -> Command {
        let mut command = Command::new(self.installation.program(program));
        command
            .env("PGHOST", self.folder())
            .env("PGUSER", "postgres")
            .env("PGDATABASE", "postgres")
            .env("PGAPPNAME", program)
            .env("LC_ALL", "C.UTF-8")
            .current_dir(self.folder())
            .stdin(Stdio::null());
        command
    }

    /// What `psql` prints for a command, with nothing around the rows.
    ///
    /// # Panics
    /// When it can't be run.
    pub fn psql(&self, sql: &str) -> Output {
        self.client("psql")
            .args(["--no-psqlrc", "--no-align", "--tuples-only", "--command", sql])
            .output()
            .unwrap()
    }

    /// What the server and the host have said.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder().join("log")).unwrap_or_default()
    }

    /// The server's first process.
    ///
    /// # Panics
    /// When the server isn't running.
    pub fn postmaster(&self) -> Process {
        Process(self.server.as_ref().unwrap().id())
    }

    /// The worker that starts the host.
    pub fn supervisor(&self) -> Option<Process> {
        let workers = self.postmaster().children();
        workers
            .into_iter()
            .find(|process| process.command_line().contains("refuel supervisor"))
    }

    /// The host that the server started.
    pub fn host(&self) -> Option<Process> {
        self.supervisor()?
            .children()
            .into_iter()
            .find(|process| process.lives())
    }

    /// The process that serves a session.
    ///
    /// # Panics
    /// When the session is broken.
    pub fn backend(client: &mut Client) -> Process {
        let pid: i32 = client.query_one("SELECT pg_backend_pid()", &[]).unwrap().get(0);
        Process(pid.unsigned_abs())
    }

    /// Starts a host as a service manager would, at the address where the server looks for one, and waits until it
    /// listens.
    ///
    /// # Panics
    /// When it doesn't start.
    pub fn start_host(&self, options: &[&str]) -> Host {
        let log = self.open_log();
        let child = self
            .account
            .command(&self.installation.program("refuel"))
            .arg("host")
            .arg("--socket")
            .arg(self.host_socket())
            .arg("--home")
            .arg(self.folder().join("home"))
            .args(options)
            .env("HOME", self.folder())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let host = Host { child };
        wait_until("the host listens", Duration::from_secs(20), || {
            std::os::unix::net::UnixStream::connect(self.host_socket()).is_ok()
        });
        host
    }

    /// Waits until the host listens.
    ///
    /// # Panics
    /// When it doesn't within 20 s.
    pub fn wait_for_host(&self) -> Process {
        wait_until("the host listens", Duration::from_secs(20), || {
            self.host().is_some() && std::os::unix::net::UnixStream::connect(self.host_socket()).is_ok()
        });
        self.host().unwrap()
    }
}

/// A host that a test has started. It is killed when this is dropped.
#[derive(Debug)]
pub struct Host {
    child: Child,
}

impl Host {
    /// The process.
    pub fn process(&self) -> Process {
        Process(self.child.id())
    }

    /// Tells it to end, and waits until it has.
    ///
    /// # Panics
    /// When it ends in another way than in good order.
    pub fn stop(&mut self) {
        self.process().signal(rustix::process::Signal::TERM);
        let status = self.child.wait().unwrap();
        assert!(status.success(), "the host ended with {status}");
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let Some(mut server) = self.server.take() else { return };
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<_> = log.lines().rev().take(60).collect();
            eprintln!("the end of the server's log:");
            tail.iter().rev().for_each(|line| eprintln!("  {line}"));
        }
        // A server that was asked to stop at once is given a moment to take its processes with it, and its host one to
        // notice, before their files are removed.
        let process = Process(server.id());
        let supervisor = process
            .children()
            .into_iter()
            .find(|process| process.command_line().contains("refuel supervisor"));
        let hosts = supervisor.map(Process::children).unwrap_or_default();
        process.signal(rustix::process::Signal::QUIT);
        let begun = Instant::now();
        while matches!(server.try_wait(), Ok(None)) && begun.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = server.kill();
        let _ = server.wait();
        while hosts.iter().any(|host| host.lives()) && begun.elapsed() < Duration::from_secs(15) {
            std::thread::sleep(Duration::from_millis(10));
        }
        hosts.into_iter().filter(|host| host.lives()).for_each(Process::kill);
    }
}
