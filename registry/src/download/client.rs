//! Requests, and what their failures mean.

use std::io::Read;

use ureq::Agent;
use ureq::Body;
use ureq::config::RedirectAuthHeaders;
use ureq::http::Response;
use ureq::tls::{RootCerts, TlsConfig};
use url::Url;

use super::Servers;
use crate::error::RegistryError;

/// Most bytes of an answer that is read whole: a list of files, or a header.
const MOST_BYTES: u64 = 64 << 20;

/// Sends requests.
#[derive(Debug)]
pub(crate) struct Client {
    agent: Agent,
    pub(crate) servers: Servers,
}

/// A request that brought nothing.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) error: RegistryError,
    /// Another try may bring something.
    pub(crate) passing: bool,
}

impl Failed {
    pub(crate) fn passing(error: RegistryError) -> Self {
        Self { error, passing: true }
    }

    pub(crate) fn lasting(error: RegistryError) -> Self {
        Self { error, passing: false }
    }
}

impl Client {
    pub(crate) fn new(servers: Servers) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .user_agent(concat!("refuel/", env!("CARGO_PKG_VERSION")))
            .tls_config(TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build())
            .redirect_auth_headers(RedirectAuthHeaders::SameHost)
            .timeout_resolve(Some(servers.patience))
            .timeout_connect(Some(servers.patience))
            .timeout_recv_response(Some(servers.patience))
            .timeout_per_read(Some(servers.patience))
            .build();
        Self {
            agent: config.into(),
            servers,
        }
    }

    /// Asks for a file from its byte `from` on.
    pub(crate) fn get(&self, url: &str, from: u64, token: Option<&str>) -> Result<Response<Body>, Failed> {
        // A compressed answer has another length, and no bytes that could be asked for by number.
        let mut request = self.agent.get(url).header("Accept-Encoding", "identity");
        if from > 0 {
            request = request.header("Range", format!("bytes={from}-"));
        }
        if let Some(token) = token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        checked(url, request.call())
    }

    /// Asks about a file, without its bytes and without following redirects: the first server is who knows its hash.
    pub(crate) fn head(&self, url: &str, token: Option<&str>) -> Result<Response<Body>, Failed> {
        let request = self.agent.head(url).header("Accept-Encoding", "identity");
        let mut request = request
            .config()
            .max_redirects(0)
            .max_redirects_will_error(false)
            .build();
        if let Some(token) = token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        checked(url, request.call())
    }

    /// Reads a whole answer: its type and its text.
    pub(crate) fn text(&self, url: &str, accept: &str) -> Result<(String, String), RegistryError> {
        self.patiently(|| {
            let mut response = checked(url, self.agent.get(url).header("Accept", accept).call())?;
            let kind = response
                .headers()
                .get("content-type")
                .and_then(|kind| kind.to_str().ok());
            let kind = kind.unwrap_or_default().to_owned();
            let mut bytes = Vec::new();
            let mut reader = response.body_mut().as_reader().take(MOST_BYTES + 1);
            reader.read_to_end(&mut bytes).map_err(|source| {
                Failed::passing(RegistryError::Network {
                    url: shown(url),
                    reason: source.to_string(),
                })
            })?;
            let wrong = |what: &str| {
                Failed::lasting(RegistryError::Answer {
                    url: shown(url),
                    what: what.to_owned(),
                })
            };
            if bytes.len() as u64 > MOST_BYTES {
                return Err(wrong("it has more than 64 MiB"));
            }
            let text = String::from_utf8(bytes).map_err(|_| wrong("it is not UTF-8"))?;
            Ok((kind, text))
        })
    }

    /// Does something again while it fails in a passing way.
    pub(crate) fn patiently<T>(&self, mut act: impl FnMut() -> Result<T, Failed>) -> Result<T, RegistryError> {
        let mut wait = self.servers.wait;
        for attempt in 1.. {
            match act() {
                Ok(value) => return Ok(value),
                Err(failed) if failed.passing && attempt < self.servers.tries => {
                    tracing::info!(attempt, "{}; trying again", failed.error);
                    std::thread::sleep(wait);
                    wait *= 2;
                }
                Err(failed) => return Err(failed.error),
            }
        }
        unreachable!("the loop ends with its last attempt")
    }
}

/// Turns statuses into failures.
fn checked(url: &str, answer: Result<Response<Body>, ureq::Error>) -> Result<Response<Body>, Failed> {
    let response = answer.map_err(|error| {
        let passing = !matches!(
            error,
            ureq::Error::BadUri(_)
                | ureq::Error::InvalidProxyUrl
                | ureq::Error::TooManyRedirects
                | ureq::Error::Http(_)
        );
        let reason = match error {
            ureq::Error::Io(source) => source.to_string(),
            other => other.to_string(),
        };
        Failed {
            passing,
            error: RegistryError::Network {
                url: shown(url),
                reason,
            },
        }
    })?;
    let status = response.status().as_u16();
    let url = shown(url);
    match status {
        200..=399 => Ok(response),
        401 | 403 => Err(Failed::lasting(RegistryError::Refused { url, status })),
        404 | 410 => {
            let what = url
                .rsplit('/')
                .find(|part| !part.is_empty())
                .unwrap_or_default()
                .to_owned();
            Err(Failed::lasting(RegistryError::NotFound { what, url }))
        }
        _ => Err(Failed {
            // Too early, too many requests, and servers in trouble.
            passing: matches!(status, 408 | 425 | 429 | 500..),
            error: RegistryError::Network {
                url,
                reason: format!("the server answered with status {status}"),
            },
        }),
    }
}

/// An address without the password in it.
pub(crate) fn shown(address: &str) -> String {
    match Url::parse(address) {
        Ok(mut url) if !url.username().is_empty() || url.password().is_some() => {
            let _ = url.set_password(None);
            let _ = url.set_username("");
            url.to_string()
        }
        _ => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_in_addresses_are_not_shown() {
        assert_eq!(shown("https://me:secret@host/simple"), "https://host/simple");
        assert_eq!(shown("https://host/simple"), "https://host/simple");
        let servers = Servers {
            hugging_face_token: Some("hf_secret".to_owned()),
            ..Servers::default()
        };
        assert!(!format!("{servers:?}").contains("secret"));
    }
}
