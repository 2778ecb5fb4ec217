//! What a server refuses, in words, and whether that may pass by itself.

use std::borrow::Cow;
use std::io;

use anyhow::anyhow;
use connector_runtime::printable::printable_within;
use connector_runtime::secrets::Secrets;
use tokio_postgres::error::SqlState;

/// The server cannot serve anybody now: it starts, stops, or has no room for another connection.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unavailable(String);

/// Another session held a lock for too long.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0}: another session held a lock for too long; the next run tries again (PostgreSQL's view pg_locks shows who holds it)"
)]
struct LockTimeout(String);

/// Whether a statement was given up because another session held a lock.
pub(crate) fn is_lock_timeout(error: &anyhow::Error) -> bool {
    error.is::<LockTimeout>()
}

/// Whether an error may pass by itself: the server cannot be reached, or cannot serve anybody now.
#[must_use]
pub fn is_unavailable(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let of_network = cause.downcast_ref::<io::Error>();
        cause.is::<Unavailable>()
            || cause.is::<LockTimeout>()
            || of_network.is_some_and(|error| is_transient(error.kind()))
    })
}

fn is_transient(kind: io::ErrorKind) -> bool {
    matches!(
        kind,
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::TimedOut
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof
    )
}

/// Classes of SQLSTATE: exceptions of the connection, too many connections, and a server that starts or stops.
const UNAVAILABLE: [&str; 3] = ["08", "53300", "57P0"];

/// Bytes of an error that are shown: a server may say as much as it likes.
const SHOWN: usize = 4 << 10;

/// An error in words: what the server says, or that the connection is lost and what that means. A server may say
/// anything, such as the password that it was given, which is not repeated.
pub(crate) fn describe(error: anyhow::Error, what: &str, secrets: &Secrets) -> anyhow::Error {
    let Some(postgres) = error.downcast_ref::<tokio_postgres::Error>() else {
        return error.context(what.to_owned());
    };
    if let Some(reply) = postgres.as_db_error() {
        let hint = reply
            .hint()
            .map(|hint| format!("; {}", shown(hint, secrets)))
            .unwrap_or_default();
        let code = shown(reply.code().code(), secrets);
        if *reply.code() == SqlState::LOCK_NOT_AVAILABLE {
            return LockTimeout(what.to_owned()).into();
        }
        let message = shown(reply.message(), secrets);
        let words = format!("{what}: {message}{hint} (SQLSTATE {code})");
        return if UNAVAILABLE.iter().any(|class| code.starts_with(class)) {
            Unavailable(words).into()
        } else {
            anyhow!(words)
        };
    }
    if postgres.is_closed() {
        let words = "the connection to PostgreSQL was lost; what the last checkpoint holds is safe, and the next run goes on \
                     from there";
        return Unavailable(words.to_owned()).into();
    }
    let words = format!("{what}: {}", shown(&format!("{error:#}"), secrets));
    if is_unavailable(&error) {
        Unavailable(words).into()
    } else {
        anyhow!(words)
    }
}

/// An error without the password, which a server may also have returned as the name of a table, say.
pub(crate) fn without_password(error: anyhow::Error, secrets: &Secrets) -> anyhow::Error {
    match secrets.redact(&format!("{error:#}")) {
        Cow::Borrowed(_) => error,
        Cow::Owned(words) if is_unavailable(&error) => Unavailable(words).into(),
        Cow::Owned(words) => anyhow!(words),
    }
}

/// What a server says, as it may be shown.
fn shown(text: &str, secrets: &Secrets) -> String {
    printable_within(&secrets.redact(text), SHOWN)
}
