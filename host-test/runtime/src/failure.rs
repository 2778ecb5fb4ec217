//! How a call ended, with the texts of the guest made safe to show.

use serde_json::{Map, Value};

use crate::contract::{EndpointAccess, FailureKind, types};
use crate::gate::parse_object;
use crate::printable::{map_texts, printable_within};
use crate::secrets::Secrets;
use crate::transport::NetworkFault;

/// Bytes of a message; what is longer is cut off.
const MAX_MESSAGE: usize = 16 << 10;

/// What a run reports at its end: a JSON object that may grow.
pub type Summary = Map<String, Value>;

/// Why a call failed.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// Who has to act.
    pub kind: FailureKind,
    /// For a person: what is wrong and what to do.
    pub message: String,
    /// The endpoint that answered.
    pub endpoint: Option<String>,
    /// The HTTP status of that answer.
    pub http_status: Option<u16>,
    /// Milliseconds after which a retry makes sense, if the service said so.
    pub retry_after_ms: Option<u64>,
    /// What else there is to know; after a run the members of its summary.
    pub details: Summary,
}

/// What `validate` found. The configuration is good if `error` is none.
#[derive(Debug, Clone)]
pub struct Validation {
    /// What is wrong.
    pub error: Option<Failure>,
    /// What the credentials may do, endpoint by endpoint.
    pub endpoints: Vec<EndpointAccess>,
    /// What else was found.
    pub details: Summary,
}

impl Failure {
    /// A failure that the host reports itself.
    #[must_use]
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            endpoint: None,
            http_status: None,
            retry_after_ms: None,
            details: Summary::new(),
        }
    }

    /// Makes failures of this kind out of errors that the component does not report: the host's, or the
    /// caller's.
    pub fn from_error(kind: FailureKind) -> impl FnOnce(anyhow::Error) -> Self {
        move |error| Self::new(kind, format!("{error:#}"))
    }

    /// Adds what the host knows of a failure that no answer of the service led to.
    pub(crate) fn explain(&mut self, fault: Option<NetworkFault>) {
        use FailureKind::{Cancelled, Incomplete, InvalidState};
        let Some(fault) = fault.filter(|_| self.http_status.is_none()) else {
            return;
        };
        match fault.kind {
            Some(_) if [Cancelled, Incomplete, InvalidState].contains(&self.kind) => {}
            Some(kind) => {
                self.kind = kind;
                self.retry_after_ms = fault.retry_after_ms();
                self.message = fault.message;
            }
            None => self.message = format!("{} ({})", self.message, fault.message),
        }
    }

    pub(crate) fn from_guest(failure: types::Failure, secrets: &Secrets) -> Self {
        Self {
            kind: failure.kind,
            message: clean(&failure.message, secrets),
            endpoint: failure.endpoint.map(|endpoint| clean(&endpoint, secrets)),
            http_status: failure.http_status,
            retry_after_ms: failure.retry_after_ms,
            details: summary(failure.details, secrets),
        }
    }
}

impl Validation {
    /// The same for the error, and for what is said of its endpoint.
    pub(crate) fn explain(&mut self, fault: Option<NetworkFault>) {
        let Some(error) = &mut self.error else {
            return;
        };
        error.explain(fault);
        for found in &mut self.endpoints {
            if error.endpoint.as_ref() == Some(&found.endpoint) && found.detail.is_some() {
                found.detail = Some(error.message.clone());
            }
        }
    }

    pub(crate) fn from_guest(found: types::Validation, secrets: &Secrets) -> Self {
        let endpoints = found.endpoints.into_iter().map(|found| EndpointAccess {
            endpoint: clean(&found.endpoint, secrets),
            scope: clean(&found.scope, secrets),
            access: found.access,
            detail: found.detail.map(|detail| clean(&detail, secrets)),
        });
        Self {
            error: found.error.map(|error| Failure::from_guest(error, secrets)),
            endpoints: endpoints.collect(),
            details: summary(found.details, secrets),
        }
    }
}

/// A summary of the guest's: what is not a JSON object says nothing.
pub(crate) fn summary(json: Option<String>, secrets: &Secrets) -> Summary {
    let Some(json) = json else {
        return Summary::new();
    };
    if let Some(object) = parse_object(&json) {
        return map_texts(object, &|text| clean(&text, secrets));
    }
    tracing::warn!("the component's summary is not a JSON object, or holds too many values");
    Summary::new()
}

fn clean(text: &str, secrets: &Secrets) -> String {
    printable_within(&secrets.redact(text), MAX_MESSAGE)
}
