//! One GET request over `wasi:http`, waited for.

use crate::bindings::wasi::http::outgoing_handler::handle;
use crate::bindings::wasi::http::types::{ErrorCode, Fields, OutgoingRequest, Scheme};
use crate::bindings::wasi::io::poll::poll;
use crate::bindings::wasi::io::streams::StreamError;

/// Status and body of the answer.
pub(crate) fn get(
    base_url: &str,
    path: &str,
    authorization: Option<&str>,
) -> Result<(u16, String), ErrorCode> {
    let (scheme, authority) = match base_url.split_once("://") {
        Some(("http", authority)) => (Scheme::Http, authority),
        Some((_, authority)) => (Scheme::Https, authority),
        None => return Err(ErrorCode::HttpRequestUriInvalid),
    };
    let headers =
        authorization.map(|value| ("authorization".to_owned(), value.as_bytes().to_vec()));
    let headers = Fields::from_list(&headers.into_iter().collect::<Vec<_>>());
    let headers = headers.map_err(|_| ErrorCode::HttpRequestUriInvalid)?;
    let request = OutgoingRequest::new(headers);
    request
        .set_scheme(Some(&scheme))
        .and_then(|()| request.set_authority(Some(authority)))
        .and_then(|()| request.set_path_with_query(Some(path)))
        .map_err(|()| ErrorCode::HttpRequestUriInvalid)?;
    let response = handle(request, None)?;
    poll(&[&response.subscribe()]);
    let incomplete = || ErrorCode::HttpResponseIncomplete;
    let response = response
        .get()
        .and_then(Result::ok)
        .ok_or_else(incomplete)??;
    let body = response.consume().map_err(|()| incomplete())?;
    let stream = body.stream().map_err(|()| incomplete())?;
    let mut bytes = Vec::new();
    loop {
        poll(&[&stream.subscribe()]);
        match stream.read(1 << 16) {
            Ok(chunk) => bytes.extend(chunk),
            Err(StreamError::Closed) => break,
            Err(StreamError::LastOperationFailed(_)) => return Err(incomplete()),
        }
    }
    Ok((
        response.status(),
        String::from_utf8_lossy(&bytes).into_owned(),
    ))
}
