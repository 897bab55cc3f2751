//! Encrypted connections, with the modes of libpq.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::{PostgresTarget, Result, SslMode, WarehouseError};

/// What the client has to ask for.
pub(super) fn mode(target: &PostgresTarget) -> tokio_postgres::config::SslMode {
    use tokio_postgres::config::SslMode as Asked;

    match target.ssl_mode {
        // Bytes in a Unix socket don't leave the machine.
        _ if target.host.starts_with('/') => Asked::Disable,
        SslMode::Disable => Asked::Disable,
        SslMode::Prefer => Asked::Prefer,
        SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => Asked::Require,
    }
}

/// What encrypts, and looks at the server's certificate as far as the mode asks for it.
pub(super) fn connector(target: &PostgresTarget) -> Result<MakeRustlsConnect> {
    let provider = Arc::new(ring::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = match look(target) {
        Look::Nothing => Arc::new(Anybody(Arc::clone(&provider))),
        look => {
            let trusted = trusted(target)?;
            let mut roots = RootCertStore::empty();
            let (added, _) = roots.add_parsable_certificates(trusted.iter().cloned());
            if added == 0 {
                return Err(certificates(target, "there are none"));
            }
            let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build();
            Arc::new(Trusted {
                inner: inner.map_err(|error| certificates(target, &error.to_string()))?,
                certificates: trusted,
                has_name: look == Look::SignatureAndName,
            })
        }
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| certificates(target, &error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Nothing,
    Signature,
    SignatureAndName,
}

fn look(target: &PostgresTarget) -> Look {
    match target.ssl_mode {
        SslMode::Require if target.ssl_root_certificate.is_some() => Look::Signature,
        SslMode::Disable | SslMode::Prefer | SslMode::Require => Look::Nothing,
        SslMode::VerifyCa => Look::Signature,
        SslMode::VerifyFull => Look::SignatureAndName,
    }
}

/// The certificates that are trusted: those of the file, of the system, or of libpq's own place.
fn trusted(target: &PostgresTarget) -> Result<Vec<CertificateDer<'static>>> {
    if target.ssl_root_certificate.as_deref() == Some(Path::new("system")) {
        return Ok(rustls_native_certs::load_native_certs().certs);
    }
    let read = CertificateDer::pem_file_iter(root_file(target)).and_then(Iterator::collect);
    read.map_err(|error| certificates(target, &error.to_string()))
}

fn root_file(target: &PostgresTarget) -> PathBuf {
    target.ssl_root_certificate.clone().unwrap_or_else(|| {
        let home = std::env::home_dir().unwrap_or_default();
        home.join(".postgresql").join("root.crt")
    })
}

fn certificates(target: &PostgresTarget, message: &str) -> WarehouseError {
    WarehouseError::Certificates {
        target: target.name.clone(),
        place: match target.ssl_root_certificate.as_deref() {
            Some(path) if path == Path::new("system") => "the system".to_owned(),
            _ => format!("`{}`", root_file(target).display()),
        },
        message: message.to_owned(),
        hint: "name a file of certificates in `sslrootcert`, or `system` for those that the system trusts".to_owned(),
    }
}

/// Takes any server: the mode asks for encryption, and not for who is at the other end. The certificate isn't read at
/// all, so that the older ones are fine that a reader would refuse.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Takes a certificate that a trusted one has signed, or that is a trusted one itself, as servers have that sign their
/// own. Whether it is for the host's name is looked at where that is asked for.
#[derive(Debug)]
struct Trusted {
    inner: Arc<WebPkiServerVerifier>,
    certificates: Vec<CertificateDer<'static>>,
    has_name: bool,
}

impl ServerCertVerifier for Trusted {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.certificates.iter().any(|trusted| trusted == end_entity) {
            if self.has_name {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
            }
            return Ok(ServerCertVerified::assertion());
        }
        let verified = self
            .inner
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verified {
            // The name is the last thing that is looked at.
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.has_name => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
