//! A Postgres server of a test's own, of the plain installation.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use fs_err as fs;
use refuel_postgres_tests::Account;
use refuel_warehouse::{PostgresTarget, Target, Warehouses};

const USER: &str = "tester";
pub(crate) const PASSWORD: &str = "secret: it's";

/// A running server. It ends with this.
pub(crate) struct Server {
    folder: tempfile::TempDir,
    programs: PathBuf,
    account: Account,
    port: u16,
    process: Option<Child>,
}

impl Server {
    /// Starts one with some more lines in `postgresql.conf`. None, said on standard error, where there are no programs.
    pub(crate) fn start(settings: &[&str]) -> Option<Self> {
        let mut server = Self::prepare()?;
        server.configure(settings);
        server.run();
        Some(server)
    }

    /// A folder for one, which doesn't run yet.
    pub(crate) fn prepare() -> Option<Self> {
        let Some(programs) = programs() else {
            eprintln!("skipped: no PostgreSQL server is installed here");
            return None;
        };
        let account = Account::find();
        let template = template(&programs, account);
        let folder = tempfile::Builder::new().prefix("rw-").tempdir().unwrap();
        account.own(folder.path());
        let copied = std::process::Command::new("cp")
            .args(["--archive", "--reflink=auto"])
            .args([&template, &folder.path().join("data")])
            .status();
        assert!(copied.unwrap().success());
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Some(Self {
            folder,
            programs,
            account,
            port,
            process: None,
        })
    }

    pub(crate) fn configure(&self, settings: &[&str]) {
        let path = self.folder.path().join("data/postgresql.conf");
        let mut text = fs::read_to_string(&path).unwrap();
        for line in settings {
            text.push_str(&format!("{line}\n"));
        }
        fs::write(path, text).unwrap();
    }

    /// Puts a file into the server's folder that it alone can read.
    pub(crate) fn keep(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        self.account.own(&path);
        path
    }

    pub(crate) fn run(&mut self) {
        let log = fs::File::create(self.folder.path().join("log")).unwrap();
        let server = self
            .account
            .command(&self.programs.join("postgres"))
            .arg("-D")
            .arg(self.folder.path().join("data"))
            .arg("-k")
            .arg(self.folder.path())
            .args(["-p", &self.port.to_string()])
            .args(["-c", "fsync=off", "-c", "listen_addresses=127.0.0.1"])
            .stdout(log.file().try_clone().unwrap())
            .stderr(log.into_parts().0)
            .spawn();
        self.process = Some(server.unwrap());
        let begun = Instant::now();
        let target = Target::Postgres(self.target());
        while let Err(error) = Warehouses::open(&target) {
            let log = fs::read_to_string(self.folder.path().join("log")).unwrap();
            assert!(begun.elapsed() < Duration::from_secs(30), "{error}\n{log}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends it at once, as a crash would.
    pub(crate) fn stop(&mut self) {
        if let Some(mut server) = self.process.take() {
            let id = i32::try_from(server.id()).unwrap();
            let id = rustix::process::Pid::from_raw(id).unwrap();
            rustix::process::kill_process(id, rustix::process::Signal::QUIT).unwrap();
            server.wait().unwrap();
        }
    }

    /// The target that reaches it through its Unix socket.
    pub(crate) fn target(&self) -> PostgresTarget {
        PostgresTarget {
            port: self.port,
            schema: "shop".to_owned(),
            ..PostgresTarget::new("prod", self.folder.path().to_str().unwrap(), USER, "postgres")
        }
    }

    /// The target that reaches it through the network, where a password is asked for.
    pub(crate) fn network_target(&self, host: &str) -> PostgresTarget {
        PostgresTarget {
            host: host.to_owned(),
            password: Some(PASSWORD.to_owned()),
            ..self.target()
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The folder of the server's programs.
fn programs() -> Option<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .filter(|folder| folder.join("initdb").exists())
        .collect();
    found.sort();
    found.pop()
}

/// A cluster that others are copies of, made once.
fn template(programs: &Path, account: Account) -> PathBuf {
    let version = programs.parent().unwrap().file_name().unwrap().to_str().unwrap();
    let owner = rustix::process::geteuid().as_raw();
    let template = std::env::temp_dir().join(format!("refuel-warehouse-tests-{version}-{owner}"));
    if template.exists() {
        return template;
    }
    let folder = tempfile::Builder::new().prefix("rw-").tempdir().unwrap();
    account.own(folder.path());
    let password = folder.path().join("password");
    fs::write(&password, PASSWORD).unwrap();
    account.own(&password);
    let data = folder.path().join("data");
    let made = account
        .command(&programs.join("initdb"))
        .arg("-D")
        .arg(&data)
        .args(["--username", USER, "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8"])
        .args(["--auth-local=trust", "--auth-host=scram-sha-256", "--pwfile"])
        .arg(&password)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    // Another test may have been quicker.
    let _ = fs::rename(&data, &template);
    assert!(template.exists());
    template
}
