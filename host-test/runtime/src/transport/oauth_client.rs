//! An OAuth client, and the request that exchanges it for an access token (RFC 6749, 4.4.2).

use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE};
use http::{Request, Uri};
use http_body_util::{BodyExt as _, Full};
use wasmtime_wasi_http::WasiBody;

use crate::egress::Egress;
use crate::secrets::in_form;

/// An OAuth client as a configuration gives it.
pub(crate) struct OauthClient {
    /// The field of the configuration, for messages.
    pub(crate) field: String,
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) token_url: Uri,
    /// Lets the host reach the token URL's origin and nothing else.
    pub(crate) egress: Egress,
}

impl OauthClient {
    /// The id and the secret stand in the body (RFC 6749, 2.3.1).
    pub(super) fn token_request(&self) -> Result<Request<WasiBody>, http::Error> {
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}",
            in_form(&self.id),
            in_form(&self.secret)
        );
        let request = Request::post(&self.token_url)
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(CONTENT_LENGTH, form.len());
        let body = Full::new(form.into()).map_err(|never| match never {});
        request.body(body.boxed_unsync())
    }
}
