//! E-mail addresses and URLs.

use std::ops::Range;
use std::str::FromStr;

use email_address::EmailAddress;
use serde_json::json;
use url::Url;

use crate::outcome::Found;
use crate::settings::Settings;
use crate::text::plain;

/// Ways of hiding an address from robots, and what they stand for.
const HIDDEN: [(&str, &str); 14] = [
    (" [at] ", "@"),
    ("[at]", "@"),
    (" (at) ", "@"),
    ("(at)", "@"),
    (" at ", "@"),
    (" {at} ", "@"),
    ("{at}", "@"),
    (" [dot] ", "."),
    ("[dot]", "."),
    (" (dot) ", "."),
    ("(dot)", "."),
    (" dot ", "."),
    (" @ ", "@"),
    (" {dot} ", "."),
];

/// E-mail addresses of a text: the domain in lower case, what stands before the `@` as it is (RFC 5321, section 2.4).
pub(crate) fn find_emails(text: &str, _: &Settings) -> Vec<Found> {
    let plain = plain(text);
    let mut found = Vec::new();
    let mut taken = 0;
    for (at, _) in plain.text.match_indices('@') {
        if let Some((span, value)) = around_at(&plain.text, at).filter(|(span, _)| span.start >= taken) {
            taken = span.end;
            found.extend(email(&value, plain.original(&span), 0.98));
        }
    }
    if found.is_empty() {
        // Written for people only: name [at] host (dot) org.
        let mut revealed = plain.text.to_lowercase();
        for (hidden, mark) in HIDDEN {
            revealed = revealed.replace(hidden, mark);
        }
        if revealed != plain.text.to_lowercase()
            && let Some(at) = revealed.find('@')
            && let Some((span, value)) = around_at(&revealed, at)
            && revealed[..span.start].trim().is_empty()
            && revealed[span.end..].trim().is_empty()
        {
            found.extend(email(&value, crate::names::trimmed(text), 0.8));
        }
    }
    found
}

/// The longest text around an `@` that can be an address.
fn around_at(text: &str, at: usize) -> Option<(Range<usize>, String)> {
    let local = |character: char| character.is_alphanumeric() || "!#$%&'*+/=?^_`{|}~.-".contains(character);
    let host = |character: char| character.is_alphanumeric() || matches!(character, '.' | '-');
    let start = at
        - text[..at]
            .chars()
            .rev()
            .take_while(|character| local(*character))
            .map(char::len_utf8)
            .sum::<usize>();
    let end = at
        + 1
        + text[at + 1..]
            .chars()
            .take_while(|character| host(*character))
            .map(char::len_utf8)
            .sum::<usize>();
    let start = start + (text[start..at].len() - text[start..at].trim_start_matches(['.', '\'', '/', '=', '-']).len());
    let shown = text[start..end].trim_end_matches(['.', '-']);
    let start_of_mail = shown
        .get(..7)
        .filter(|scheme| scheme.eq_ignore_ascii_case("mailto:"))
        .map_or(start, |_| start + 7);
    let span = start_of_mail..start + shown.len();
    (span.end > at + 1 && span.start < at).then(|| (span.clone(), text[span].to_owned()))
}

fn email(written: &str, span: Range<usize>, confidence: f32) -> Option<Found> {
    let address = EmailAddress::from_str(written).ok()?;
    let domain = host(address.domain())?;
    // A host without a point is one of a local network, and more often something else.
    if !domain.contains('.') {
        return None;
    }
    let local = address.local_part();
    let value = format!("{local}@{domain}");
    EmailAddress::is_valid(&value)
        .then(|| Found::one(value, json!({ "local": local, "domain": domain }), confidence, span))
}

/// A host in lower case, in ASCII where it is international.
fn host(domain: &str) -> Option<String> {
    let url = Url::parse(&format!("http://{domain}/")).ok()?;
    url.host_str().map(str::to_owned)
}

/// Endings of hosts without scheme that are common enough to be told from the end of a sentence.
const ENDINGS: [&str; 60] = [
    "com", "org", "net", "edu", "gov", "mil", "int", "io", "co", "ai", "app", "dev", "info", "biz", "me", "tv", "xyz",
    "online", "shop", "store", "site", "tech", "cloud", "us", "uk", "de", "fr", "es", "it", "nl", "be", "at", "ch",
    "se", "no", "dk", "fi", "pl", "cz", "ru", "ua", "eu", "pt", "gr", "ie", "in", "cn", "jp", "kr", "au", "nz", "za",
    "br", "mx", "ar", "ca", "sg", "hk", "tr", "il",
];

/// URLs of a text, in the form that the URL standard serializes, with `https` where there is no scheme.
pub(crate) fn find_urls(text: &str, _: &Settings) -> Vec<Found> {
    let plain = plain(text);
    let mut found = Vec::new();
    let mut at = 0;
    while at < plain.text.len() {
        let rest = &plain.text[at..];
        let length = rest
            .find(|character: char| character.is_whitespace() || matches!(character, '<' | '>' | '"'))
            .unwrap_or(rest.len());
        if length == 0 {
            at += rest.chars().next().map_or(1, char::len_utf8);
            continue;
        }
        let span = without_marks(&plain.text, at..at + length);
        if let Some((value, parts, confidence)) = url(&plain.text[span.clone()]) {
            found.push(Found::one(value, parts, confidence, plain.original(&span)));
        }
        at += length;
    }
    found
}

/// A word without the marks of the sentence around it; a bracket that the URL opens is its own.
fn without_marks(text: &str, span: Range<usize>) -> Range<usize> {
    let mut shown = &text[span.clone()];
    shown = shown.trim_start_matches(['(', '[', '{', '\'', ',', ';']);
    let start = span.end - shown.len();
    loop {
        let trimmed = shown.trim_end_matches(['.', ',', ';', ':', '!', '?', '\'', ']', '}']);
        let trimmed = match trimmed.strip_suffix(')') {
            Some(rest) if rest.matches('(').count() <= rest.matches(')').count() => rest,
            _ => trimmed,
        };
        if trimmed.len() == shown.len() {
            break;
        }
        shown = trimmed;
    }
    start..start + shown.len()
}

fn url(written: &str) -> Option<(String, serde_json::Value, f32)> {
    let lower = written.to_ascii_lowercase();
    let schemes = ["http://", "https://", "ftp://", "ftps://"];
    // hxxp is how dangerous links are written.
    let mended = lower.strip_prefix("hxxp").map(|_| format!("http{}", &written[4..]));
    let written = mended.as_deref().unwrap_or(written);
    let has_scheme = schemes.iter().any(|scheme| lower.starts_with(scheme)) || mended.is_some();
    let (full, confidence) = if has_scheme {
        (written.to_owned(), 0.98)
    } else {
        let authority = written.split(['/', '?', '#']).next().unwrap_or_default();
        let name = authority.split(':').next().unwrap_or_default();
        let ending = name.rsplit('.').next().unwrap_or_default().to_lowercase();
        let known = lower.starts_with("www.") || ENDINGS.contains(&ending.as_str());
        if written.contains('@') || !name.contains('.') || !known {
            return None;
        }
        (format!("https://{written}"), 0.85)
    };
    let mut url = Url::parse(&full).ok()?;
    let host = url.host_str()?.to_owned();
    if !host.contains('.') && host != "localhost" && !host.starts_with('[') {
        return None;
    }
    if url.query() == Some("") {
        url.set_query(None);
    }
    if url.fragment() == Some("") {
        url.set_fragment(None);
    }
    let parts = json!({
        "scheme": url.scheme(),
        "host": host,
        "port": url.port(),
        "path": url.path(),
        "query": url.query(),
        "fragment": url.fragment(),
    });
    Some((url.to_string(), parts, confidence))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(found: Vec<Found>) -> Vec<String> {
        found
            .into_iter()
            .map(|found| found.outcome.value().unwrap_or("?").to_owned())
            .collect()
    }

    #[test]
    fn an_address_keeps_its_local_part_and_lowers_its_domain() {
        let of = |text| values(find_emails(text, &Settings::default()));
        assert_eq!(of("E-Mail: <Jane.Doe@Example.COM>,"), ["Jane.Doe@example.com"]);
        assert_eq!(of("mailto:a+b@x.org"), ["a+b@x.org"]);
        assert_eq!(of("jane [at] example (dot) org"), ["jane@example.org"]);
        assert_eq!(of("user@localhost and @handle"), Vec::<String>::new());
        assert_eq!(of("a@b.co; c@d.io"), ["a@b.co", "c@d.io"]);
    }

    #[test]
    fn a_url_is_written_as_its_standard_says() {
        let of = |text| values(find_urls(text, &Settings::default()));
        assert_eq!(of("see HTTP://Example.com:80/a b"), ["http://example.com/a"]);
        assert_eq!(of("(www.example.org/x_(y))."), ["https://www.example.org/x_(y)"]);
        assert_eq!(of("example.de?"), ["https://example.de/"]);
        assert_eq!(of("end of sentence.Next one"), Vec::<String>::new());
    }
}
