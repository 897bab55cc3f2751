//! The regress files: one for each SQL function, and some more, run by `psql` and compared with what is expected.

use std::fs;
use std::path::Path;
use std::process::Command;

use refuel_postgres_tests::{Installation, Plan};

#[test]
fn the_regress_files_give_what_is_expected() {
    let Some(installation) = Installation::find() else {
        return;
    };
    let Some(pg_regress) = installation.pg_regress() else {
        eprintln!("skipped: pg_regress isn't there; scripts/setup --postgres");
        return;
    };
    let Some(cluster) = Plan::default().start() else { return };
    cluster.wait_for_host();
    cluster.connect().batch_execute("CREATE EXTENSION refuel").unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../regress")
        .canonicalize()
        .unwrap();
    let mut tests: Vec<_> = fs::read_dir(folder.join("sql"))
        .unwrap()
        .filter_map(|entry| Some(entry.unwrap().path().file_stem()?.to_str()?.to_owned()))
        .collect();
    tests.sort();
    assert!(!tests.is_empty());
    let output = Command::new(pg_regress)
        .args(["--use-existing", "--dbname=postgres", "--user=postgres"])
        .arg(format!("--host={}", cluster.folder().display()))
        .arg(format!("--bindir={}", installation.programs().display()))
        .arg(format!("--inputdir={}", folder.display()))
        .arg(format!("--outputdir={}", cluster.folder().display()))
        .args(&tests)
        .current_dir(cluster.folder())
        .output()
        .unwrap();
    if !output.status.success() {
        let differences = fs::read_to_string(cluster.folder().join("regression.diffs")).unwrap_or_default();
        let results = std::env::temp_dir().join("refuel-regress-results");
        let _ = fs::remove_dir_all(&results);
        let kept = fs::rename(cluster.folder().join("results"), &results).is_ok();
        panic!(
            "{}\n{}\n{differences}\n{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
            if kept {
                format!("the results are in {}", results.display())
            } else {
                String::new()
            }
        );
    }
}

#[test]
fn the_install_script_and_the_library_agree() {
    let Some(installation) = Installation::find() else {
        return;
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let output = Command::new(root.join("scripts/check-sql"))
        .arg(installation.library())
        .arg(root.join(concat!("sql/refuel--", env!("CARGO_PKG_VERSION"), ".sql")))
        .arg(root.join("extension/refuel.control"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
