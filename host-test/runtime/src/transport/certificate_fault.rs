//! What is wrong with the certificate of a server, in words for a person.

use rustls::CertificateError;

use super::tls::why_no_roots;

/// What is wrong with a certificate, and what to do about it.
pub(super) fn certificate_fault(fault: &CertificateError) -> String {
    if let (CertificateError::UnknownIssuer, Some(why)) = (fault, why_no_roots()) {
        return format!("its authority is unknown on this machine: {why}");
    }
    match fault {
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
        other => match fixed_words(other) {
            Some(words) => words.to_owned(),
            None => format!(
                "{}; have another one made for this server",
                technical_name(other)
            ),
        },
    }
}

/// What there is to say where the fault is the same for all certificates.
fn fixed_words(fault: &CertificateError) -> Option<&'static str> {
    Some(match fault {
        CertificateError::UnknownIssuer => {
            "its authority is unknown on this machine; if a proxy or an authority of your own signed it, or if this \
             machine has no root certificates, name a file of root certificates (PEM) with SSL_CERT_FILE"
        }
        CertificateError::BadSignature => {
            "its signature is wrong: it was altered, or an authority of the same name with another key signed it; \
             name the certificate of that authority (PEM) with SSL_CERT_FILE"
        }
        // So webpki calls it, whose errors rustls hands on as unknown ones. To trust the certificate does not help.
        CertificateError::Other(other) if other.to_string() == "CaUsedAsEndEntity" => {
            "it is the certificate of an authority (self-signed, CA:TRUE), which cannot be a server's; make one for \
             the server (CA:FALSE), and name what signed it (PEM) with SSL_CERT_FILE"
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "it is not meant for a server; make one with the extended key usage serverAuth"
        }
        CertificateError::BadEncoding => "it is damaged: it is not in the form of X.509",
        CertificateError::Revoked => "its authority has revoked it",
        _ => return None,
    })
}

/// The name of a fault for which there are no words here, for whoever searches for it.
fn technical_name(fault: &CertificateError) -> String {
    let name = match fault {
        CertificateError::Other(other) => other.to_string(),
        fault => fault.to_string(),
    };
    match name.split(|letter: char| !letter.is_alphanumeric()).next() {
        Some(first) if name.starts_with(&format!("{first} {{")) => format!("its fault is {first}"),
        _ => format!("its fault is {name}"),
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

/// The first names of a certificate.
fn names(presented: &[String]) -> String {
    let presented: Vec<_> = presented.iter().map(|name| plain_name(name)).collect();
    match presented.as_slice() {
        [] => String::new(),
        [first, second, third, _, ..] => format!(": {first}, {second}, {third} and others"),
        few => format!(": {}", few.join(", ")),
    }
}

/// A name, which rustls hands over as it prints it for programmers: `DnsName("site.example")`, `IpAddress(127.0.0.1)`.
fn plain_name(name: &str) -> String {
    let inner = name
        .split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.map_or_else(|| name.to_owned(), |name| name.trim_matches('"').to_owned())
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
                CertificateError::NotValidForNameContext {
                    expected: expected.to_owned(),
                    presented: vec![name("localhost"), "IpAddress(127.0.0.1)".to_owned()],
                },
                "another name: localhost, 127.0.0.1; check",
            ),
            (CertificateError::InvalidPurpose, "not meant for a server"),
            (
                CertificateError::UnhandledCriticalExtension,
                "its fault is UnhandledCriticalExtension",
            ),
            (
                CertificateError::UnsupportedSignatureAlgorithmContext {
                    signature_algorithm_id: vec![1],
                    supported_algorithms: Vec::new(),
                },
                "its fault is UnsupportedSignatureAlgorithmContext; have",
            ),
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
