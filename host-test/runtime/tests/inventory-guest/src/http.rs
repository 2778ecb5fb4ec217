//! One GET after the other.

use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{Fields, IncomingBody, OutgoingRequest, Scheme};
use wasip2::io::streams::StreamError;

/// An answer, as a whole.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// Sends a request, with a key unless the host signs.
pub(crate) fn get(url: &str, key: Option<&str>) -> Result<Answer, String> {
    let (scheme, rest) = url
        .split_once("://")
        .ok_or("the server's URL has no scheme")?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let bearer = key.map(|key| {
        (
            "authorization".to_owned(),
            format!("Bearer {key}").into_bytes(),
        )
    });
    let headers: Vec<_> = bearer.into_iter().collect();
    let headers = Fields::from_list(&headers).map_err(|error| format!("{error:?}"))?;
    let request = OutgoingRequest::new(headers);
    let scheme = match scheme {
        "http" => Scheme::Http,
        _ => Scheme::Https,
    };
    request
        .set_scheme(Some(&scheme))
        .and_then(|()| request.set_authority(Some(authority)))
        .and_then(|()| request.set_path_with_query(Some(path)))
        .map_err(|()| "the server's URL is not one")?;
    let answer = handle(request, None).map_err(|error| error.to_string())?;
    answer.subscribe().block();
    let response = answer.get().ok_or("no answer")?.map_err(|()| "no answer")?;
    let response = response.map_err(|error| error.to_string())?;
    let body = response.consume().map_err(|()| "no body")?;
    Ok(Answer {
        status: response.status(),
        body: read(&body)?,
    })
}

fn read(body: &IncomingBody) -> Result<Vec<u8>, String> {
    let stream = body.stream().map_err(|()| "no body")?;
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(1 << 16) {
            Ok(piece) => bytes.extend(piece),
            Err(StreamError::Closed) => return Ok(bytes),
            Err(StreamError::LastOperationFailed(error)) => return Err(error.to_debug_string()),
        }
    }
}
