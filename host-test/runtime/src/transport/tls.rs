//! TLS with the platform's roots, made once for the process.
//!
//! The roots are those of the operating system, or the file that `SSL_CERT_FILE` names (and the folder that
//! `SSL_CERT_DIR` names), as OpenSSL reads them.

use std::sync::{Arc, OnceLock};

use rustls::CertificateError;

/// The configuration of clients that trust the platform's roots.
pub(super) fn platform() -> &'static rustls::ClientConfig {
    static TLS: OnceLock<rustls::ClientConfig> = OnceLock::new();
    TLS.get_or_init(|| {
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::warn!("root certificates cannot be read: {error}");
        }
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(found.certs);
        trusting(roots)
    })
}

/// The configuration of clients that trust these roots.
pub(super) fn trusting(roots: rustls::RootCertStore) -> rustls::ClientConfig {
    if roots.is_empty() {
        tracing::warn!("no root certificates; name a file of them with SSL_CERT_FILE");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap_or_else(|_| rustls::ClientConfig::builder())
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// What is wrong with a certificate, and what to do about it.
pub(super) fn certificate_fault(fault: &CertificateError) -> String {
    match fault {
        CertificateError::UnknownIssuer => {
            "its authority is unknown on this machine; if a proxy or an authority of your own signed it, or if this \
             machine has no root certificates, name a file of root certificates (PEM) with SSL_CERT_FILE"
                .to_owned()
        }
        CertificateError::NotValidForName => for_another_name(""),
        CertificateError::NotValidForNameContext { presented, .. } => {
            for_another_name(&names(presented))
        }
        CertificateError::Expired => expired(""),
        CertificateError::ExpiredContext { time, not_after } => {
            let seconds = time.as_secs().saturating_sub(not_after.as_secs());
            expired(&format!(" {} ago by this machine's clock", days(seconds)))
        }
        CertificateError::NotValidYet => not_valid_yet(""),
        CertificateError::NotValidYetContext { time, not_before } => {
            let seconds = not_before.as_secs().saturating_sub(time.as_secs());
            not_valid_yet(&format!(", and will be in {}", days(seconds)))
        }
        other => format!(
            "{other}; if an authority of your own signed it, name its certificate (PEM) with SSL_CERT_FILE"
        ),
    }
}

fn for_another_name(names: &str) -> String {
    format!("it is for another name{names}; check the base URL, and who answers for this name")
}

fn expired(ago: &str) -> String {
    format!("it has expired{ago}; check this machine's clock, or wait until the service renews it")
}

fn not_valid_yet(wait: &str) -> String {
    format!("it is not valid yet{wait}; check this machine's clock")
}

/// The first names of a certificate, which rustls hands over as it prints them for programmers.
fn names(presented: &[String]) -> String {
    let plain = |name: &String| {
        let quoted = name
            .split_once('"')
            .and_then(|(_, rest)| rest.rsplit_once('"'));
        quoted.map_or_else(|| name.clone(), |(name, _)| name.to_owned())
    };
    match presented {
        [] => String::new(),
        [first @ .., _] if first.len() > 2 => {
            let names: Vec<_> = presented.iter().take(3).map(plain).collect();
            format!(": {} and others", names.join(", "))
        }
        _ => format!(
            ": {}",
            presented.iter().map(plain).collect::<Vec<_>>().join(", ")
        ),
    }
}

fn days(seconds: u64) -> String {
    match seconds / (24 * 60 * 60) {
        0 => "less than a day".to_owned(),
        1 => "a day".to_owned(),
        days => format!("{days} days"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rustls::pki_types::UnixTime;

    use super::*;

    #[test]
    fn a_fault_is_said_in_words() {
        let at = |days: u64| UnixTime::since_unix_epoch(Duration::from_hours(24 * days));
        let name = |name: &str| format!("DnsName(\"{name}\")");
        let expected = rustls::pki_types::ServerName::from(std::net::Ipv4Addr::LOCALHOST);
        let for_names = |names: &[&str]| CertificateError::NotValidForNameContext {
            expected: expected.to_owned(),
            presented: names.iter().copied().map(name).collect(),
        };
        for (fault, said) in [
            (for_names(&["a.example"]), "another name: a.example; check"),
            (
                for_names(&["a", "b", "c", "d"]),
                "another name: a, b, c and others; check",
            ),
            (for_names(&[]), "another name; check"),
            (
                CertificateError::ExpiredContext {
                    time: at(20),
                    not_after: at(12),
                },
                "expired 8 days ago",
            ),
            (
                CertificateError::NotValidYetContext {
                    time: at(1),
                    not_before: at(2),
                },
                "not valid yet, and will be in a day",
            ),
            (CertificateError::UnknownIssuer, "SSL_CERT_FILE"),
        ] {
            let words = certificate_fault(&fault);
            assert!(words.contains(said), "{words}");
        }
    }
}
