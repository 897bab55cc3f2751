//! What the documentation shows is what comes of it, and what there is, it names.

mod markdown;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use refuel_postgres_tests::{Cluster, Plan};

use markdown::{Example, Part, alike};

/// Set to anything, it has the results on the pages replaced by what came of the examples.
const BLESS: &str = "REFUEL_BLESS";

/// Where packages of Postgres have the server's socket: what pages show in place of the test's own folder.
const USUAL_FOLDER: &str = "/var/run/postgresql";

fn page(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs/postgres")
        .join(name)
}

fn read_page(name: &str) -> String {
    fs::read_to_string(page(name)).unwrap()
}

/// A server with a database `shop`, and a folder to work in.
struct Shop {
    cluster: Cluster,
    folder: tempfile::TempDir,
}

impl Shop {
    fn open() -> Option<Self> {
        let cluster = Plan::default().start()?;
        cluster.connect().batch_execute("CREATE DATABASE shop").unwrap();
        cluster
            .connect_as("postgres", "shop")
            .batch_execute("CREATE EXTENSION refuel")
            .unwrap();
        cluster.wait_for_host();
        let folder = tempfile::tempdir().unwrap();
        Some(Self { cluster, folder })
    }

    /// A command in the folder that finds the server, its clients and `refuel`.
    fn command(&self, program: &str) -> Command {
        let psql = self.cluster.client("psql");
        let refuel = self.cluster.client("refuel");
        let mut folders: Vec<_> = [&psql, &refuel]
            .iter()
            .filter_map(|client| Some(Path::new(client.get_program()).parent()?.to_owned()))
            .collect();
        folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
        let mut command = Command::new(program);
        for (name, value) in psql.get_envs() {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        command
            .env("PATH", std::env::join_paths(folders).unwrap())
            .env("PGDATABASE", "shop")
            .env("NO_COLOR", "1")
            .current_dir(self.folder.path());
        command
    }

    /// All that a command prints, in its order.
    fn printed(&self, mut command: Command, input: &str) -> String {
        let (mine, theirs) = (self.folder.path().join(".input"), self.folder.path().join(".output"));
        fs::write(&mine, input).unwrap();
        let output = fs::File::create(&theirs).unwrap();
        command
            .stdin(Stdio::from(fs::File::open(&mine).unwrap()))
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .status()
            .unwrap();
        let printed = fs::read_to_string(&theirs).unwrap();
        let printed = printed.replace(&self.cluster.folder().display().to_string(), USUAL_FOLDER);
        let lines: Vec<_> = printed.lines().map(str::trim_end).collect();
        match lines.join("\n").trim_matches('\n') {
            "" => String::new(),
            text => format!("{text}\n"),
        }
    }

    /// Runs an example. None where it is a file.
    fn run(&self, example: &Example) -> Option<String> {
        match example.language.as_str() {
            // A session for each block: what one sets, the next doesn't have.
            "sql" => {
                let mut psql = self.command("psql");
                psql.args(["--no-psqlrc", "--quiet", "--pset=pager=off"]);
                Some(self.printed(psql, &example.code))
            }
            "sh" => {
                let mut shell = self.command("sh");
                shell.args(["-e", "-c", &example.code]);
                Some(self.printed(shell, ""))
            }
            _ => {
                let name = example.code.lines().next().and_then(|line| line.strip_prefix("# "));
                let name = name.unwrap_or_else(|| panic!("line {}: the file has no name", example.line));
                let (_, content) = example.code.split_once('\n').unwrap();
                fs::write(self.folder.path().join(name), content).unwrap();
                None
            }
        }
    }
}

/// Runs the examples of a page in their order, and compares what comes of them with what the page shows.
fn assert_shown(name: &str) {
    let Some(shop) = Shop::open() else { return };
    let mut parts = markdown::read(&read_page(name));
    let bless = std::env::var_os(BLESS).is_some();
    let mut wrong = Vec::new();
    let mut ran = 0;
    for part in &mut parts {
        let Part::Example(example) = part else { continue };
        let Some(found) = shop.run(example) else { continue };
        ran += 1;
        if !alike(&example.result, &found) {
            if bless {
                example.result = found;
            } else {
                wrong.push(format!(
                    "{name}:{}\n{}\n--- shown\n{}\n--- found\n{found}",
                    example.line, example.code, example.result
                ));
            }
        }
    }
    assert!(ran > 0, "{name} has no examples");
    if bless {
        fs::write(page(name), markdown::write(&parts)).unwrap();
    }
    assert!(
        wrong.is_empty(),
        "{}\n{BLESS}=1 writes down what came of it",
        wrong.join("\n\n")
    );
}

#[test]
fn the_examples_of_functions_give_what_is_shown() {
    assert_shown("functions.md");
}

#[test]
fn the_examples_of_batching_give_what_is_shown() {
    assert_shown("batching.md");
}

#[test]
fn the_examples_of_tasks_give_what_is_shown() {
    assert_shown("tasks.md");
}

#[test]
fn the_first_query_of_the_readme_is_one_of_functions() {
    let readme = fs::read_to_string(page("../../README.md")).unwrap();
    let section = readme
        .split("\n## ")
        .find(|section| section.starts_with("In Postgres\n"));
    let shown = read_page("functions.md");
    let mut found = 0;
    for part in markdown::read(section.unwrap()) {
        let Part::Example(example) = part else { continue };
        if example.language == "sql" {
            found += 1;
            let block = format!("```sql\n{}```\n", example.code);
            assert!(shown.contains(&block), "functions.md doesn't have\n{}", example.code);
            assert!(shown.contains(&example.result), "functions.md shows another result");
        }
    }
    assert!(found > 0);
}

#[test]
fn the_unit_file_is_one_that_systemd_takes() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        eprintln!("skipped: systemd-analyze isn't there");
        return;
    }
    let unit = read_page("refuel-host.service");
    // The program is not installed here; any that can be run will do.
    let unit = unit.replace("/usr/lib/postgresql/15/bin/refuel", "/bin/true");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("refuel-host.service");
    fs::write(&file, unit).unwrap();
    let output = Command::new("systemd-analyze")
        .arg("verify")
        .arg(&file)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && told.is_empty(), "{told}");
}

/// The cells of the rows of tables whose first cell is a setting.
fn documented_settings() -> Vec<Vec<String>> {
    let text = read_page("settings.md");
    let rows = text.lines().filter(|line| line.starts_with("| `refuel."));
    let mut rows: Vec<Vec<String>> = rows
        .map(|row| {
            let cells = row.trim_matches('|').split(" | ");
            cells
                .take(4)
                .map(|cell| cell.trim().trim_matches('`').to_owned())
                .collect()
        })
        .collect();
    rows.sort();
    rows
}

#[test]
fn every_setting_is_documented_with_its_default_its_unit_and_who_may_set_it() {
    let Some(cluster) = Plan::default().without_models().start() else {
        return;
    };
    let query = "SELECT name, CASE boot_val WHEN '' THEN 'empty' ELSE boot_val END, coalesce(unit, ''), context
                 FROM pg_settings WHERE name LIKE 'refuel.%' ORDER BY name COLLATE \"C\"";
    let rows = cluster.connect().query(query, &[]).unwrap();
    let there: Vec<Vec<String>> = rows
        .iter()
        .map(|row| (0..4).map(|column| row.get(column)).collect())
        .collect();
    assert!(!there.is_empty());
    assert_eq!(documented_settings(), there);
    let text = read_page("settings.md");
    for setting in &there {
        let heading = format!("\n### `{}`\n", setting[0]);
        assert!(
            text.contains(&heading),
            "settings.md says nothing more of {}",
            setting[0]
        );
    }
}

#[test]
fn every_function_type_and_view_is_documented() {
    let Some(cluster) = Plan::default().without_models().start() else {
        return;
    };
    let mut session = cluster.connect();
    session.batch_execute("CREATE EXTENSION refuel").unwrap();
    let query = "
        SELECT DISTINCT CASE n.nspname WHEN 'refuel' THEN 'refuel.' ELSE '' END || o.name
        FROM pg_depend d
        JOIN pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass
        JOIN (
            SELECT oid, 'pg_proc'::regclass AS class, proname AS name, pronamespace AS schema FROM pg_proc
            UNION ALL SELECT oid, 'pg_class', relname, relnamespace FROM pg_class
            UNION ALL SELECT oid, 'pg_type', typname, typnamespace FROM pg_type WHERE typtype = 'c' AND typrelid IN (
                SELECT oid FROM pg_class WHERE relkind = 'c')
        ) o ON o.oid = d.objid AND o.class = d.classid
        JOIN pg_namespace n ON n.oid = o.schema
        WHERE e.extname = 'refuel' AND d.deptype = 'e' ORDER BY 1";
    let rows = session.query(query, &[]).unwrap();
    let there: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert!(there.len() > 20, "{there:?}");
    let pages = ["functions.md", "tasks.md", "operations.md"].map(read_page).concat();
    let missing: Vec<_> = there
        .iter()
        .filter(|name| !pages.contains(&format!("`{name}`")) && !pages.contains(&format!("`{name}(")))
        .collect();
    assert!(missing.is_empty(), "no page of docs/postgres names {missing:?}");
}
