//! Signing by the host.

use http::header::{ACCEPT_ENCODING, AUTHORIZATION};
use http::{HeaderMap, HeaderValue};

use crate::secrets::Secrets;

/// The `Authorization` header that the host puts on, and the texts that no answer may hold.
pub(crate) struct Authorization {
    pub(crate) header: HeaderValue,
    pub(crate) secrets: Secrets,
}

impl Authorization {
    /// Replaces whatever the guest put there.
    pub(super) fn sign(&self, headers: &mut HeaderMap) {
        headers.insert(AUTHORIZATION, self.header.clone());
        // What the guest inflates cannot be looked through.
        headers.remove(ACCEPT_ENCODING);
    }
}
