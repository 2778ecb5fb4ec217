//! Looks for the secret of a signed request in its answer.
//!
//! A server that echoes what it is sent would hand the secret to a guest that must not see it. What is found
//! here: the secret and the pair as they are, escaped in JSON or in a URL, in a header, over several headers in their
//! order, in trailers or across the pieces of a body, of which the guest is given nothing that may yet become a secret.
//! What is not: an answer that is encrypted or encoded in another way, or that holds a part only. What the host inflates
//! is looked through inflated.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use memchr::memmem::Finder;
use wasmtime_wasi_http::Error;

use crate::secrets::Secrets;

/// The error of an answer that is cut off.
pub(crate) fn echoed() -> Error {
    Error::InternalError(Some(ECHOED.to_owned()))
}

/// As the guest reads it, and as the host knows it again.
pub(crate) const ECHOED: &str =
    "the answer holds the secret that signed the request; it was cut off";

/// Texts to look for, and what was looked through and may be the beginning of one.
pub(super) struct SecretScan {
    finders: Vec<Finder<'static>>,
    /// For headers, whose names come in lower case.
    in_lower_case: Vec<Finder<'static>>,
    longest: usize,
    /// Whether one of the texts begins with a byte: most of a body is passed over by that.
    begins: [bool; 256],
    held: BytesMut,
}

/// A piece of a body that was looked through.
#[derive(Debug, PartialEq, Eq)]
enum Scanned {
    /// It completes one of the texts.
    Secret,
    /// What holds no text nor the beginning of one.
    Clean(Bytes),
}

impl SecretScan {
    pub(super) fn new(secrets: &Secrets) -> Self {
        let forms = secrets.texts();
        let mut begins = [false; 256];
        for byte in forms.iter().filter_map(|form| form.as_bytes().first()) {
            if let Some(begins) = begins.get_mut(usize::from(*byte)) {
                *begins = true;
            }
        }
        let finder = |form: &str| Finder::new(form.as_bytes()).into_owned();
        Self {
            longest: forms.iter().map(String::len).max().unwrap_or(0),
            finders: forms.iter().map(|form| finder(form)).collect(),
            in_lower_case: forms
                .iter()
                .map(|form| finder(&form.to_ascii_lowercase()))
                .collect(),
            begins,
            held: BytesMut::new(),
        }
    }

    pub(super) fn is_in_headers(&self, headers: &HeaderMap) -> bool {
        let values = headers.values().map(http::HeaderValue::as_bytes);
        let names = headers.keys().map(|name| name.as_str().as_bytes());
        let is_in = |text: Vec<u8>| is_any_in(&self.in_lower_case, &text.to_ascii_lowercase());
        is_in(values.collect::<Vec<_>>().concat()) || is_in(names.collect::<Vec<_>>().concat())
    }

    /// Looks through the next piece of a body.
    fn next(&mut self, piece: Bytes) -> Scanned {
        let piece = if self.held.is_empty() {
            piece
        } else {
            self.held.extend_from_slice(&piece);
            self.held.split().freeze()
        };
        if is_any_in(&self.finders, &piece) {
            return Scanned::Secret;
        }
        let clean = piece.len() - self.beginning_at_the_end_of(&piece);
        self.held
            .extend_from_slice(piece.get(clean..).unwrap_or_default());
        Scanned::Clean(piece.slice(..clean))
    }

    /// How many bytes at the end of a piece one of the texts begins with.
    fn beginning_at_the_end_of(&self, piece: &[u8]) -> usize {
        let longest = self.longest.saturating_sub(1).min(piece.len());
        let end = piece.get(piece.len() - longest..).unwrap_or_default();
        let is_beginning = |start: &usize| {
            let rest = end.get(*start..).unwrap_or_default();
            let first = rest.first().map(|byte| usize::from(*byte));
            let may_begin = first.and_then(|first| self.begins.get(first));
            if may_begin != Some(&true) {
                return false;
            }
            let mut needles = self.finders.iter().map(Finder::needle);
            needles.any(|needle| needle.starts_with(rest))
        };
        let begin = (0..end.len()).find(is_beginning);
        begin.map_or(0, |start| end.len() - start)
    }

    /// What is left at the end of a body.
    fn rest(&mut self) -> Bytes {
        self.held.split().freeze()
    }
}

fn is_any_in(finders: &[Finder<'_>], bytes: &[u8]) -> bool {
    let mut finders = finders.iter();
    finders.any(|finder| finder.find(bytes).is_some())
}

/// A body that ends in an error where it holds a secret.
pub(super) struct ScannedBody<B> {
    pub(super) body: B,
    pub(super) scan: SecretScan,
}

impl<B> Body for ScannedBody<B>
where
    B: Body<Data = Bytes, Error = Error> + Unpin,
{
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        loop {
            let Some(frame) = ready!(Pin::new(&mut self.body).poll_frame(context)) else {
                let rest = self.scan.rest();
                return Poll::Ready((!rest.is_empty()).then(|| Ok(Frame::data(rest))));
            };
            let frame = match frame?.into_data() {
                Ok(data) => match self.scan.next(data) {
                    Scanned::Secret => Err(echoed()),
                    Scanned::Clean(data) if data.is_empty() => continue,
                    Scanned::Clean(data) => Ok(Frame::data(data)),
                },
                Err(frame) => match frame.trailers_ref() {
                    Some(trailers) if self.scan.is_in_headers(trailers) => Err(echoed()),
                    _ => Ok(frame),
                },
            };
            return Poll::Ready(Some(frame));
        }
    }

    fn is_end_stream(&self) -> bool {
        self.scan.held.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let held = self.scan.held.len() as u64;
        let mut hint = self.body.size_hint();
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper.saturating_add(held));
        }
        hint.set_lower(hint.lower().saturating_add(held));
        hint
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use serde_json::json;

    use crate::description::{Authentication, Description};

    fn scan() -> SecretScan {
        let description = Description {
            secret_fields: vec!["key".to_owned()],
            authentication: vec![Authentication::Basic {
                username: "user".to_owned(),
                secret: "key".to_owned(),
            }],
            ..Description::default()
        };
        let config = json!({"user": "me", "key": "se/cret=token"});
        let fields = config.as_object().cloned().unwrap_or_default();
        SecretScan::new(&Secrets::of(&description, &fields))
    }

    /// What the guest is given of a body, and whether the body was cut off.
    fn given(body: &str, size: usize) -> (String, bool) {
        let mut scan = scan();
        let mut given = Vec::new();
        for piece in body.as_bytes().chunks(size) {
            match scan.next(Bytes::copy_from_slice(piece)) {
                Scanned::Clean(piece) => given.extend_from_slice(&piece),
                Scanned::Secret => return (String::from_utf8(given).unwrap(), true),
            }
        }
        given.extend_from_slice(&scan.rest());
        (String::from_utf8(given).unwrap(), false)
    }

    #[test]
    fn a_secret_is_found_in_whatever_pieces_it_comes_and_nothing_of_it_is_given() {
        let pair = "bWU6c2UvY3JldD10b2tlbg==";
        let each = |escape: fn(u8) -> String| "se/cret=token".bytes().map(escape).collect();
        for text in [
            "se/cret=token".to_owned(),
            "se\\/cret=token".to_owned(),
            "se%2Fcret%3Dtoken".to_owned(),
            "se\\u002fcret\\u003dtoken".to_owned(),
            each(|byte| format!("\\u{byte:04x}")),
            each(|byte| format!("%{byte:02X}")),
            pair.to_owned(),
        ] {
            let body = format!("{{\"echo\":\"xx{text}yy\"}}");
            for size in 1..body.len() {
                let (given, cut) = given(&body, size);
                assert!(cut, "{text} in pieces of {size}");
                let before = "{\"echo\":\"xx";
                assert!(before.starts_with(&given), "{given} in pieces of {size}");
            }
        }
    }

    #[test]
    fn what_only_begins_like_a_secret_arrives() {
        for body in [
            "nothing of that sort, se/cret-token",
            "se/se/cret=se/cret=toke",
            "",
        ] {
            for size in 1..=body.len().max(1) {
                assert_eq!(given(body, size), (body.to_owned(), false));
            }
        }
    }

    #[test]
    fn a_secret_is_found_in_names_and_over_several_headers() {
        let headers = |pairs: &[(&'static str, &'static str)]| {
            let pair = |(name, value): &(&'static str, &'static str)| {
                let name = http::HeaderName::from_static(name);
                (name, http::HeaderValue::from_static(value))
            };
            pairs.iter().map(pair).collect::<HeaderMap>()
        };
        let scan = scan();
        for found in [
            &[("x-echo", "se/cret=token")][..],
            &[("x-1", "a se/cre"), ("x-2", "t=tok"), ("x-3", "en")],
            &[("bwu6c2uvy3jldd10b2tlbg", "1")],
        ] {
            assert!(scan.is_in_headers(&headers(found)), "{found:?}");
        }
        assert!(!scan.is_in_headers(&headers(&[("x-1", "se/cret"), ("x-2", "token")])));
    }
}
