//! Looks for the secret of a signed request in its answer.
//!
//! A server that echoes what it is sent would hand the secret to a guest that must not see it. What is found
//! here: the secret and the pair as they are, escaped in JSON or in a URL, in a header or across the pieces of
//! a body. What is not: an answer that is encrypted or
//! encoded in another way. What the host inflates is looked through inflated.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
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

/// Texts to look for, and the end of what was looked through.
pub(super) struct SecretScan {
    finders: Vec<Finder<'static>>,
    longest: usize,
    tail: Vec<u8>,
}

impl SecretScan {
    pub(super) fn new(secrets: &Secrets) -> Self {
        let texts = secrets.texts();
        let forms = texts.iter().flat_map(|text| forms(text));
        let finders: Vec<_> = forms
            .map(|form| Finder::new(form.as_bytes()).into_owned())
            .collect();
        Self {
            longest: finders
                .iter()
                .map(|finder| finder.needle().len())
                .max()
                .unwrap_or(0),
            finders,
            tail: Vec::new(),
        }
    }

    pub(super) fn is_in_headers(&self, headers: &HeaderMap) -> bool {
        let values = headers.values().map(http::HeaderValue::as_bytes);
        let names = headers.keys().map(|name| name.as_str().as_bytes());
        values.chain(names).any(|text| self.is_in(text))
    }

    /// Whether a piece of a body completes one of the texts.
    pub(super) fn is_in_next(&mut self, piece: &Bytes) -> bool {
        let keep = self.longest.saturating_sub(1);
        if !self.tail.is_empty() {
            let begin = piece.get(..keep.min(piece.len())).unwrap_or_default();
            self.tail.extend_from_slice(begin);
            if self.is_in(&self.tail) {
                return true;
            }
        }
        if piece.len() >= keep {
            self.tail.clear();
            self.tail
                .extend_from_slice(piece.get(piece.len() - keep..).unwrap_or_default());
        } else if self.tail.is_empty() {
            self.tail.extend_from_slice(piece);
        } else {
            let over = self.tail.len().saturating_sub(keep);
            self.tail.drain(..over);
        }
        self.is_in(piece)
    }

    fn is_in(&self, bytes: &[u8]) -> bool {
        self.finders
            .iter()
            .any(|finder| finder.find(bytes).is_some())
    }
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
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        let found = match &frame {
            Some(Ok(frame)) => frame
                .data_ref()
                .is_some_and(|data| self.scan.is_in_next(data)),
            _ => false,
        };
        Poll::Ready(if found { Some(Err(echoed())) } else { frame })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A text as it is, and as JSON and URLs escape it.
fn forms(text: &str) -> Vec<String> {
    let mut forms = vec![text.to_owned()];
    let mut escaped = |special: &[char], escape: &dyn Fn(char) -> String| {
        if text.contains(special) {
            let form = text.chars().map(|character| {
                if special.contains(&character) {
                    escape(character)
                } else {
                    character.to_string()
                }
            });
            forms.push(form.collect());
        }
    };
    escaped(&['/'], &|character| format!("\\{character}"));
    let reserved = ['/', '+', '=', ':', '@', '&', '%', '?', '#', '$', ' '];
    escaped(&reserved, &|character| {
        format!("%{:02X}", u32::from(character))
    });
    escaped(&reserved, &|character| {
        format!("%{:02x}", u32::from(character))
    });
    escaped(&['/', '=', '&', '+', '<', '>', '"', '\''], &|character| {
        format!("\\u{:04x}", u32::from(character))
    });
    forms
}

#[cfg(test)]
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

    #[test]
    fn a_secret_is_found_in_whatever_pieces_it_comes() {
        let pair = "bWU6c2UvY3JldD10b2tlbg==";
        for text in [
            "se/cret=token",
            "se\\/cret=token",
            "se%2Fcret%3Dtoken",
            "se\\u002fcret\\u003dtoken",
            pair,
        ] {
            let body = format!("{{\"echo\":\"xx{text}yy\"}}");
            for size in 1..body.len() {
                let mut scan = scan();
                let pieces = body.as_bytes().chunks(size);
                let found = pieces
                    .map(Bytes::copy_from_slice)
                    .any(|piece| scan.is_in_next(&piece));
                assert!(found, "{text} in pieces of {size}");
            }
        }
        let mut clean = scan();
        assert!(!clean.is_in_next(&Bytes::from_static(b"nothing of that sort, se/cret-token")));
    }
}
