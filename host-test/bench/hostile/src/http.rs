//! Attacks by way of requests: where it may not go, and more than it may send.

use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, IncomingBody, Method, OutgoingBody, OutgoingRequest,
    RequestOptions, Scheme,
};
use wasip2::io::streams::StreamError;

/// Time-outs of every request, in nanoseconds: tests shouldn't take long.
const TIMEOUT: u64 = 1_000_000_000;

pub(crate) fn get(url: &str) -> String {
    let sent = request(url, Fields::new()).and_then(send);
    describe(sent.and_then(|answer| read(&answer)))
}

/// Sends a request with a method of its own choice.
pub(crate) fn send_method(method: &str, url: &str) -> String {
    let method = match method {
        "TRACE" => Method::Trace,
        "CONNECT" => Method::Connect,
        "DELETE" => Method::Delete,
        other => Method::Other(other.to_owned()),
    };
    let sent = request(url, Fields::new()).and_then(|outgoing| {
        let _ = outgoing.set_method(&method);
        send(outgoing)
    });
    describe(sent.and_then(|answer| read(&answer)))
}

/// Tries to set a header that is the host's own matter.
pub(crate) fn with_header(name: &str, value: &str) -> String {
    match Fields::new().append(name, value.as_bytes()) {
        Ok(()) => format!("the host took the header {name}"),
        Err(error) => format!("the header {name} is refused: {error:?}"),
    }
}

/// One request after the other without an end.
pub(crate) fn repeat(url: &str) -> String {
    loop {
        get(url);
    }
}

/// So many requests, one after the other: harmless by itself.
pub(crate) fn again(times: usize, url: &str) -> String {
    (0..times).fold(String::new(), |_, _| get(url))
}

/// Sends a body of so many bytes.
pub(crate) fn post(bytes: usize, url: &str) -> String {
    describe(request(url, Fields::new()).and_then(|outgoing| {
        let _ = outgoing.set_method(&Method::Post);
        let body = outgoing.body().map_err(|()| unspeakable())?;
        let answer = send(outgoing)?;
        let written = write(body, bytes);
        match read(&answer) {
            Ok(said) if written < bytes => Ok(format!("{said} after {written} bytes")),
            other => other,
        }
    }))
}

/// Sends a body of so many bytes before it reads another answer: harmless by itself.
pub(crate) fn post_beside(bytes: usize, url: &str) -> String {
    let both = || {
        let (_, first) = head(&send(request(url, Fields::new())?)?)?;
        let outgoing = request(url, Fields::new())?;
        let _ = outgoing.set_method(&Method::Post);
        let body = outgoing.body().map_err(|()| unspeakable())?;
        let second = send(outgoing)?;
        let written = write(body, bytes);
        let got = drain(&first)?;
        Ok(format!(
            "{got} bytes, {written} written, {}",
            read(&second)?
        ))
    };
    describe(both())
}

/// One request after the other without an end, each given up as soon as it is sent.
pub(crate) fn give_up(url: &str) -> String {
    loop {
        drop(request(url, Fields::new()).and_then(send));
    }
}

/// So many requests before it looks at the first answer.
pub(crate) fn at_once(count: usize, url: &str) -> String {
    let sent = || request(url, Fields::new()).and_then(send);
    let answers: Vec<_> = (0..count).map(|_| sent()).collect();
    let mut refused = Vec::new();
    for answer in &answers {
        match answer.as_ref().map(head) {
            Ok(Err(code)) => refused.push(code),
            Err(code) => refused.push(code.clone()),
            Ok(Ok(_)) => {}
        }
    }
    let first = refused.first().map(ToString::to_string);
    format!(
        "{} of {count} were refused: {}",
        refused.len(),
        first.unwrap_or_default()
    )
}

pub(crate) fn request(url: &str, headers: Fields) -> Result<OutgoingRequest, ErrorCode> {
    let (scheme, rest) = match url.split_once("://") {
        Some(("http", rest)) => (Scheme::Http, rest),
        Some((_, rest)) => (Scheme::Https, rest),
        None => return Err(unspeakable()),
    };
    let path = rest.find('/').map_or("/", |start| &rest[start..]);
    let authority = rest.split('/').next().unwrap_or_default();
    let outgoing = OutgoingRequest::new(headers);
    let put = outgoing
        .set_scheme(Some(&scheme))
        .and_then(|()| outgoing.set_authority(Some(authority)))
        .and_then(|()| outgoing.set_path_with_query(Some(path)));
    put.map(|()| outgoing).map_err(|()| unspeakable())
}

pub(crate) fn send(outgoing: OutgoingRequest) -> Result<FutureIncomingResponse, ErrorCode> {
    let options = RequestOptions::new();
    let _ = options.set_connect_timeout(Some(TIMEOUT));
    let _ = options.set_first_byte_timeout(Some(TIMEOUT));
    let _ = options.set_between_bytes_timeout(Some(TIMEOUT));
    handle(outgoing, Some(options))
}

/// Waits for the head of an answer and leaves the rest.
fn head(answer: &FutureIncomingResponse) -> Result<(u16, IncomingBody), ErrorCode> {
    answer.subscribe().block();
    let response = answer
        .get()
        .and_then(Result::ok)
        .ok_or_else(unspeakable)??;
    let body = response.consume().map_err(|()| unspeakable())?;
    Ok((response.status(), body))
}

fn read(answer: &FutureIncomingResponse) -> Result<String, ErrorCode> {
    let (status, body) = head(answer)?;
    Ok(format!("{status} with {} bytes", drain(&body)?))
}

/// Reads a body to its end; how many bytes that were.
fn drain(body: &IncomingBody) -> Result<usize, ErrorCode> {
    let stream = body.stream().map_err(|()| unspeakable())?;
    let mut bytes = 0;
    loop {
        match stream.blocking_read(1 << 20) {
            Ok(chunk) => bytes += chunk.len(),
            Err(StreamError::Closed) => return Ok(bytes),
            Err(StreamError::LastOperationFailed(error)) => {
                // wasmtime 48 knows no code for these (`http-error-code` looks for another type), but words.
                return Err(ErrorCode::InternalError(Some(error.to_debug_string())));
            }
        }
    }
}

/// Writes until the host takes no more; how many bytes that were.
fn write(body: OutgoingBody, bytes: usize) -> usize {
    let mut written = 0;
    if let Ok(stream) = body.write() {
        while written < bytes && stream.blocking_write_and_flush(&[b'x'; 4096]).is_ok() {
            written += 4096;
        }
    }
    let _ = OutgoingBody::finish(body, None);
    written
}

pub(crate) fn unspeakable() -> ErrorCode {
    ErrorCode::InternalError(Some("it can't be put into words of wasi:http".to_owned()))
}

fn describe(result: Result<String, ErrorCode>) -> String {
    result.unwrap_or_else(|code| format!("{code:?}"))
}
