//! What `wasi:http` gives, kept: handles, headers, texts, bodies and answers, as many and as large as the host allows.

use wasip2::http::types::{Fields, Method, OutgoingRequest, Scheme};

use crate::http::{post, request, send, unspeakable};
use crate::spend;

/// Makes handles without an end and gives none back.
pub(crate) fn handles() -> String {
    loop {
        std::mem::forget(Fields::new());
    }
}

/// Puts headers into one set of them until the host takes no more.
pub(crate) fn one_set_of_fields() -> String {
    let fields = Fields::new();
    let mut bytes = 0;
    while fields.append("x-filler", &[b'x'; 1024]).is_ok() {
        bytes += 1024;
    }
    format!("the host took {bytes} bytes of headers")
}

/// Many sets of headers, each nearly as large as the host allows, none given back.
pub(crate) fn endless_fields() -> String {
    loop {
        std::mem::forget(large_fields());
    }
}

/// As many sets of headers as it is told, each nearly as large as the host allows, kept for a year.
pub(crate) fn fields(count: usize) -> String {
    for _ in 0..count {
        std::mem::forget(large_fields());
    }
    spend::time()
}

fn large_fields() -> Fields {
    let fields = Fields::new();
    for _ in 0..6 {
        let _ = fields.append("x-filler", &[b'x'; 1024]);
    }
    fields
}

/// Texts of so many bytes where a request has texts; what the host took.
pub(crate) fn long_texts(bytes: usize) -> String {
    let outgoing = OutgoingRequest::new(Fields::new());
    let text = "a".repeat(bytes);
    let taken = [
        outgoing.set_authority(Some(&text)).is_ok(),
        outgoing
            .set_path_with_query(Some(&format!("/{text}")))
            .is_ok(),
        outgoing.set_method(&Method::Other(text.clone())).is_ok(),
        outgoing.set_scheme(Some(&Scheme::Other(text))).is_ok(),
    ];
    format!("authority, path, method, scheme: {taken:?}")
}

/// As many requests as it is told, each with a body that is written as far as the host takes it and sent nowhere.
pub(crate) fn bodies(count: usize) -> String {
    let mut taken = 0;
    for _ in 0..count {
        let outgoing = OutgoingRequest::new(Fields::new());
        if let Ok(stream) = outgoing.body().map_err(drop).and_then(|body| {
            let stream = body.write();
            std::mem::forget(body);
            stream
        }) {
            // As many as WASI's blocking writes take at once.
            let chunk = [b'x'; 4096];
            while stream.check_write().is_ok_and(|free| free > 0) && stream.write(&chunk).is_ok() {
                taken += chunk.len();
            }
            std::mem::forget(stream);
        }
        std::mem::forget(outgoing);
    }
    format!("the host took {} KiB", taken >> 10)
}

/// One body more after so many that were sent.
pub(crate) fn body_after(posts: usize, url: &str) -> String {
    for _ in 0..posts {
        post(4096, url);
    }
    bodies(1)
}

/// As many answers as it is told, each kept without its body.
pub(crate) fn answers(count: usize, url: &str) -> String {
    for kept in 0..count {
        let answer = request(url, Fields::new())
            .and_then(send)
            .and_then(|answer| {
                answer.subscribe().block();
                answer.get().and_then(Result::ok).ok_or_else(unspeakable)?
            });
        match answer {
            Ok(answer) => {
                drop(answer.consume());
                std::mem::forget(answer);
            }
            Err(code) => return format!("{code:?} after {kept}"),
        }
    }
    format!("{count} answers")
}
