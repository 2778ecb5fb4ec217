//! From the answer as hyper has it to the answer as the guest is given it.

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, Method, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use wasmtime_wasi_http::{Error, WasiBody};

use super::answer_body::AnswerBody;
use super::content_coding::{BEGIN, Coding, InflatedBy, Label, remove_coding};
use super::counted_stream::ConnectionState;
use super::decoded_body::DecodedBody;
use super::secret_scan::{ScannedBody, SecretScan, echoed};
use crate::secrets::Secrets;

/// What has to be known of a request to receive its answer.
pub(super) struct Receiver<'a> {
    pub(super) method: Method,
    pub(super) inflated_by: InflatedBy,
    /// What the answer may not hold.
    pub(super) secrets: Option<&'a Secrets>,
}

impl Receiver<'_> {
    /// Takes the head of an answer and, where its coding has to be told from it, the beginning of its body.
    pub(super) async fn receive(
        &self,
        response: Response<Incoming>,
    ) -> Result<Response<WasiBody>, Error> {
        let scan = self.secrets.map(SecretScan::new);
        if let Some(scan) = &scan
            && scan.is_in_headers(response.headers())
        {
            return Err(echoed());
        }
        let (mut head, body) = response.into_parts();
        let connection = head.extensions.remove::<ConnectionState>();
        if let Some(connection) = &connection {
            connection.unanswered().head_came();
        }
        let mut body = AnswerBody::new(body, head.version, connection);
        let (begin, coding) = if self.is_read_ahead(head.status) {
            match tell_coding(&head.headers, &mut body).await {
                // A refusal is known by its status. What is not understood of it is left out.
                Err(Error::HttpResponseContentCoding(_)) if !head.status.is_success() => {
                    head.headers.remove(CONTENT_ENCODING);
                    head.headers.remove(CONTENT_LENGTH);
                    let nothing = Empty::new().map_err(|never| match never {});
                    return Ok(Response::from_parts(head, nothing.boxed_unsync()));
                }
                told => {
                    let (begin, coding) = told?;
                    remove_coding(&mut head.headers, coding);
                    (begin, coding)
                }
            }
        } else {
            (Bytes::new(), Coding::Identity)
        };
        let body = DecodedBody::new(begin, body, coding);
        let body = match scan {
            Some(scan) => ScannedBody { body, scan }.boxed_unsync(),
            None => body.boxed_unsync(),
        };
        Ok(Response::from_parts(head, body))
    }

    /// Whether there is a body, and whether the host inflates it.
    fn is_read_ahead(&self, status: StatusCode) -> bool {
        let bodiless = [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&status);
        self.inflated_by == InflatedBy::Host && self.method != Method::HEAD && !bodiless
    }
}

/// Pieces that are waited for at most: a server may send empty ones without end.
const MAX_PIECES: usize = 2 * BEGIN;

/// The coding of a body, and the bytes that were read to tell it.
async fn tell_coding(headers: &HeaderMap, body: &mut AnswerBody) -> Result<(Bytes, Coding), Error> {
    let label = Label::of(headers)?;
    let begin = read_begin(label, body).await?;
    let coding = label.coding(&begin)?;
    Ok((begin, coding))
}

/// The first bytes of a body, unless they are of no matter: its first piece, or several that are short.
async fn read_begin(label: Label, body: &mut AnswerBody) -> Result<Bytes, Error> {
    let mut begin = Bytes::new();
    for _ in 0..MAX_PIECES {
        if label == Label::Other || begin.len() >= BEGIN {
            break;
        }
        let Some(frame) = body.frame().await else {
            break;
        };
        let piece = frame?.into_data().unwrap_or_default();
        begin = if begin.is_empty() {
            piece
        } else {
            [begin, piece].concat().into()
        };
    }
    Ok(begin)
}
