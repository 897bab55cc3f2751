//! The model card: `README.md` with a YAML head between lines of three dashes.

use std::path::Path;

use crate::error::FormatError;
use crate::files::read_small;

/// The licence that a folder's model card names: `license`, or `license_name` where that is `other`.
pub(super) fn licence(folder: &Path) -> Result<Option<String>, FormatError> {
    let Some(bytes) = read_small(&folder.join("README.md"))? else {
        return Ok(None);
    };
    Ok(licence_of(&String::from_utf8_lossy(&bytes)))
}

fn licence_of(card: &str) -> Option<String> {
    let mut lines = card.trim_start_matches('\u{feff}').lines();
    if lines.next()?.trim_end() != "---" {
        return None;
    }
    let head: Vec<&str> = lines.take_while(|line| line.trim_end() != "---").collect();
    // Only keys at the top level, so only lines that start with them.
    let field = |key: &str| {
        let value = head.iter().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
        let value = value
            .split(" #")
            .next()
            .unwrap_or_default()
            .trim()
            .trim_matches(['"', '\'']);
        let plain = !value.is_empty() && !value.starts_with(['[', '{', '|', '>', '-']);
        plain.then(|| value.to_owned())
    };
    match field("license") {
        Some(licence) if licence == "other" => field("license_name").or(Some(licence)),
        licence => licence,
    }
}

#[cfg(test)]
mod tests {
    use super::licence_of;

    #[test]
    fn the_licence_is_read_from_the_head_of_the_card() {
        assert_eq!(
            licence_of("---\nlanguage:\n- en\nlicense: apache-2.0\n---\n# Model").as_deref(),
            Some("apache-2.0")
        );
        assert_eq!(
            licence_of("---\r\nlicense: \"llama3\" # see LICENSE\r\n---\r\n").as_deref(),
            Some("llama3")
        );
        assert_eq!(
            licence_of("---\nlicense: other\nlicense_name: gemma\n---\n").as_deref(),
            Some("gemma")
        );
        assert_eq!(licence_of("---\nlicense: other\n---\n").as_deref(), Some("other"));
    }

    #[test]
    fn a_card_without_a_licence_has_none() {
        for card in [
            "",
            "license: mit",
            "---\nmodel:\n  license: mit\n---\n",
            "---\nlicense:\n- mit\n---\n",
            "# ---",
        ] {
            assert_eq!(licence_of(card), None, "{card:?}");
        }
        assert_eq!(licence_of("---\ntitle: x\n---\nlicense: mit\n"), None);
    }
}
