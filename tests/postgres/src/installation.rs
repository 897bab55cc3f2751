//! Postgres with the extension, in a folder of its own.

use std::collections::hash_map::DefaultHasher;
use std::fs::{self, File};
use std::hash::{Hash, Hasher};
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, UNIX_EPOCH};

use crate::{Account, EMBEDDING_MODEL, LANGUAGE_MODEL};

/// Programs that find the server's files relative to their own path, and so have to be where the extension is.
const MOVED: [&str; 3] = ["postgres", "initdb", "pg_ctl"];

/// Postgres's programs with the extension installed, a new cluster to copy, and models. Made once, and used by every
/// test until something in it changes.
#[derive(Debug, Clone)]
pub struct Installation {
    folder: PathBuf,
    /// The system's own folder of programs.
    programs: PathBuf,
    /// Its folder of libraries.
    libraries: PathBuf,
    /// Its folder of files that are the same on every machine.
    shared: PathBuf,
}

impl Installation {
    /// The installation, made if it isn't there. None, said on standard error, where there is no Postgres.
    ///
    /// # Panics
    /// When what is tested isn't built, or can't be installed.
    pub fn find() -> Option<Self> {
        let pg_config = std::env::var_os("PG_CONFIG")
            .map_or_else(|| PathBuf::from("/usr/lib/postgresql/15/bin/pg_config"), PathBuf::from);
        if !pg_config.is_file() {
            eprintln!(
                "skipped: there is no PostgreSQL at {}; scripts/setup --postgres",
                pg_config.display()
            );
            return None;
        }
        let where_is = |option: &str| {
            let output = Command::new(&pg_config).arg(option).output().unwrap();
            PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
        };
        let programs = where_is("--bindir");
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../..")
            .canonicalize()
            .unwrap();
        // The test itself is in DEPS of what was built.
        let built = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().to_owned();
        let library = std::env::var_os("REFUEL_LIBRARY").map_or_else(|| built.join("librefuel.so"), PathBuf::from);
        let mut parts = vec![
            library.clone(),
            built.join("refuel"),
            root.join("extension/refuel.control"),
        ];
        parts.extend(files(&root.join("sql")));
        parts.push(programs.join("postgres"));

        let user = rustix::process::geteuid().as_raw();
        let all = std::env::temp_dir().join(format!("refuel-postgres-tests-{user}"));
        let _ = fs::create_dir(&all);
        assert_eq!(
            fs::metadata(&all).unwrap().uid(),
            user,
            "{} is somebody else's",
            all.display()
        );
        // Tests run in processes of their own; the first one makes it.
        let lock = File::create(all.join("lock")).unwrap();
        lock.lock().unwrap();
        let made = Self {
            folder: all.join(format!("{:016x}", state_of(&parts))),
            programs,
            libraries: where_is("--pkglibdir"),
            shared: where_is("--sharedir"),
        };
        if !made.folder.is_dir() {
            for old in fs::read_dir(&all)
                .unwrap()
                .flatten()
                .filter(|entry| entry.path().is_dir())
            {
                // A younger one may be in use by tests that began before this one.
                let age = old
                    .metadata()
                    .unwrap()
                    .modified()
                    .unwrap()
                    .elapsed()
                    .unwrap_or_default();
                if age > Duration::from_hours(1) || old.file_name() == "fresh" {
                    fs::remove_dir_all(old.path()).unwrap();
                }
            }
            let fresh = all.join("fresh");
            fs::create_dir(&fresh).unwrap();
            let new = Self {
                folder: fresh.clone(),
                ..made.clone()
            };
            new.install(&root, &pg_config, &built, &library);
            new.link(&made.libraries);
            new.link(&made.shared);
            new.make_template();
            new.take_models();
            fs::rename(fresh, &made.folder).unwrap();
        }
        Some(made)
    }

    /// One of Postgres's programs: the copy where there is one, else the system's.
    pub fn program(&self, name: &str) -> PathBuf {
        let copied = self.inside(&self.programs).join(name);
        if copied.is_file() {
            copied
        } else {
            self.programs.join(name)
        }
    }

    /// The folder of installations, where clusters are made too: what a test that was killed has left there is removed by
    /// a later one.
    pub(crate) fn all(&self) -> &Path {
        self.folder.parent().unwrap()
    }

    /// The folder of the system's own programs.
    pub fn programs(&self) -> &Path {
        &self.programs
    }

    /// Postgres's runner of regress files, where it is installed.
    pub fn pg_regress(&self) -> Option<PathBuf> {
        let path = self.inside(&self.libraries).join("pgxs/src/test/regress/pg_regress");
        path.is_file().then_some(path)
    }

    /// The extension's library.
    pub fn library(&self) -> PathBuf {
        self.inside(&self.libraries).join("refuel.so")
    }

    /// Whether an extension is there to be created.
    pub fn has_extension(&self, name: &str) -> bool {
        self.inside(&self.shared)
            .join(format!("extension/{name}.control"))
            .is_file()
    }

    /// The cluster to copy.
    pub fn template(&self) -> PathBuf {
        self.folder.join("template")
    }

    /// The home folder with the models of the tests, to link from. None, said on standard error, where the machine has
    /// no home folder with them.
    pub fn home(&self) -> Option<PathBuf> {
        let home = self.folder.join("home");
        let found = home.join("lib").is_dir()
            && [LANGUAGE_MODEL, EMBEDDING_MODEL]
                .iter()
                .all(|model| home.join("models").join(model).is_dir());
        if !found {
            eprintln!("skipped: the models aren't there; scripts/setup --models {LANGUAGE_MODEL} {EMBEDDING_MODEL}");
        }
        found.then_some(home)
    }

    /// The place in it of a folder of the system.
    fn inside(&self, folder: &Path) -> PathBuf {
        self.folder.join(folder.strip_prefix("/").unwrap())
    }

    /// The install script, as a package would run it, and copies of the programs that have to be beside it.
    fn install(&self, root: &Path, pg_config: &Path, built: &Path, library: &Path) {
        let status = Command::new(root.join("scripts/install-extension"))
            .env("PG_CONFIG", pg_config)
            .env("DESTDIR", &self.folder)
            .env("CARGO_TARGET_DIR", built.parent().unwrap())
            .env("REFUEL_LIBRARY", library)
            .status()
            .unwrap();
        assert!(status.success(), "the extension could not be installed");
        for name in MOVED {
            fs::copy(self.programs.join(name), self.inside(&self.programs).join(name)).unwrap();
        }
    }

    /// Links what a folder of the system holds and the installation doesn't, and the same in its folder `extension`.
    fn link(&self, folder: &Path) {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let here = self.inside(folder).join(entry.file_name());
            if entry.file_name() == "extension" {
                self.link(&entry.path());
            } else if !here.exists() {
                symlink(entry.path(), here).unwrap();
            }
        }
    }

    /// A new cluster, with the smallest log that there is, so that it is copied quickly.
    fn make_template(&self) {
        let account = Account::find();
        let template = self.template();
        fs::create_dir(&template).unwrap();
        account.own(&template);
        let output = account
            .command(&self.program("initdb"))
            .args([
                "--no-sync",
                "--auth=trust",
                "--username=postgres",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--wal-segsize=1",
            ])
            .arg("--pgdata")
            .arg(&template)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "initdb: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// Takes what tests need of the user's models: a server's account can't read a folder of root's.
    fn take_models(&self) {
        let user_home = std::env::home_dir().unwrap_or_default();
        let data = std::env::var_os("XDG_DATA_HOME").map_or_else(|| user_home.join(".local/share"), PathBuf::from);
        let home = std::env::var_os("REFUEL_HOME").map_or_else(|| data.join("refuel"), PathBuf::from);
        for part in [
            "lib".into(),
            format!("models/{LANGUAGE_MODEL}"),
            format!("models/{EMBEDDING_MODEL}"),
        ] {
            if home.join(&part).is_dir() {
                link_tree(
                    &home.join(&part),
                    &self.folder.join("home").join(&part),
                    Account::find(),
                );
            }
        }
    }
}

/// The same folders with the same files, linked where that is possible, and copied where it isn't or where only their
/// owner may read them. The folders and the copies are the account's.
pub(crate) fn link_tree(from: &Path, to: &Path, account: Account) {
    fs::create_dir_all(to).unwrap();
    account.own(to);
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            link_tree(&entry.path(), &target, account);
            continue;
        }
        let readable = !account.is_other() || entry.metadata().unwrap().mode() & 0o004 != 0;
        if !readable || fs::hard_link(entry.path(), &target).is_err() {
            fs::copy(entry.path(), &target).unwrap();
            account.own(&target);
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    files.sort();
    files
}

/// Changes when one of the files does.
fn state_of(files: &[PathBuf]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for file in files {
        let state = fs::metadata(file)
            .unwrap_or_else(|error| panic!("{}: {error}; build it first: make extension", file.display()));
        let changed = state.modified().unwrap().duration_since(UNIX_EPOCH).unwrap();
        (file, state.len(), changed).hash(&mut hasher);
    }
    hasher.finish()
}
