//! The body of an answer, inflated piece by piece.

use std::io::{self, Write as _};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use flate2::write::{DeflateDecoder, GzDecoder, ZlibDecoder};
use http_body::{Body, Frame, SizeHint};
use wasmtime_wasi_http::Error;

use super::answer_body::AnswerBody;
use super::content_coding::Coding;

/// A body whose first bytes were read.
pub(super) struct DecodedBody {
    body: AnswerBody,
    /// Read, and not inflated or handed on yet.
    pending: Bytes,
    state: State,
    /// Bytes that were inflated to nothing, one after the other.
    barren: usize,
}

/// Frames and pieces without content after which another task may run: each may be a member of its own.
const TURN_STEPS: usize = 32;
/// Bytes that may be inflated to nothing in a row: headers, and blocks that hold none.
const MAX_BARREN: usize = 256 << 10;
/// As how many such bytes the end of a member counts: the next one takes a new decoder.
const MEMBER: usize = 16 << 10;

enum State {
    /// As it comes.
    Identity,
    Inflating(Box<Inflater>),
    Ended,
}

impl DecodedBody {
    pub(super) fn new(begin: Bytes, body: AnswerBody, coding: Coding) -> Self {
        let state = Inflater::new(coding).map_or(State::Identity, |inflater| {
            State::Inflating(Box::new(inflater))
        });
        Self {
            body,
            pending: begin,
            state,
            barren: 0,
        }
    }

    fn poll_inflated(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        let mut steps = 0;
        loop {
            let State::Inflating(inflater) = &mut self.state else {
                return Poll::Ready(None);
            };
            if steps == TURN_STEPS {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            steps += 1;
            if !self.pending.is_empty() {
                let before = self.pending.len();
                let piece = inflater.inflate(&mut self.pending);
                self.barren += match before - self.pending.len() {
                    0 => MEMBER,
                    taken => taken,
                };
                match piece {
                    Ok(piece) if piece.is_empty() && self.barren <= MAX_BARREN => continue,
                    Ok(piece) if piece.is_empty() => {
                        let error = io::Error::other("it inflates to nothing");
                        return Poll::Ready(Some(Err(self.fail(&error))));
                    }
                    Ok(piece) => {
                        self.barren = 0;
                        return Poll::Ready(Some(Ok(piece)));
                    }
                    Err(error) => return Poll::Ready(Some(Err(self.fail(&error)))),
                }
            }
            match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => self.pending = frame.into_data().unwrap_or_default(),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => {
                    let rest = inflater.finish();
                    if let Err(error) = &rest {
                        return Poll::Ready(Some(Err(self.fail(error))));
                    }
                    self.state = State::Ended;
                    let rest = rest.unwrap_or_default();
                    return Poll::Ready((!rest.is_empty()).then_some(Ok(rest)));
                }
            }
        }
    }

    /// A body that does not inflate was cut or altered on its way.
    fn fail(&mut self, error: &io::Error) -> Error {
        tracing::debug!("the body of an answer does not inflate: {error}");
        self.state = State::Ended;
        Error::HttpResponseIncomplete
    }
}

impl Body for DecodedBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if let State::Inflating(_) = self.state {
            let piece = ready!(self.poll_inflated(context));
            return Poll::Ready(piece.map(|piece| piece.map(Frame::data)));
        }
        if !self.pending.is_empty() {
            let begin = std::mem::take(&mut self.pending);
            return Poll::Ready(Some(Ok(Frame::data(begin))));
        }
        match self.state {
            State::Ended => Poll::Ready(None),
            _ => Pin::new(&mut self.body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self.state {
            State::Identity => self.pending.is_empty() && self.body.is_end_stream(),
            State::Inflating(_) => false,
            State::Ended => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        if let State::Inflating(_) = self.state {
            return SizeHint::default();
        }
        let (rest, begin) = (self.body.size_hint(), self.pending.len() as u64);
        let mut whole = SizeHint::new();
        whole.set_lower(rest.lower() + begin);
        if let Some(upper) = rest.upper() {
            whole.set_upper(upper + begin);
        }
        whole
    }
}

/// The first byte of a member of gzip.
const GZIP: u8 = 0x1f;

/// flate2 writes at most 32 KiB for each call, whatever its input would inflate to.
enum Inflater {
    Gzip(GzDecoder<Vec<u8>>),
    Zlib(ZlibDecoder<Vec<u8>>),
    Deflate(DeflateDecoder<Vec<u8>>),
}

impl Inflater {
    fn new(coding: Coding) -> Option<Self> {
        match coding {
            Coding::Identity => None,
            Coding::Gzip => Some(Self::Gzip(GzDecoder::new(Vec::new()))),
            Coding::Zlib => Some(Self::Zlib(ZlibDecoder::new(Vec::new()))),
            Coding::Deflate => Some(Self::Deflate(DeflateDecoder::new(Vec::new()))),
        }
    }

    /// Inflates some of the input.
    fn inflate(&mut self, input: &mut Bytes) -> io::Result<Bytes> {
        let taken = match self {
            Self::Gzip(decoder) => decoder.write(input),
            Self::Zlib(decoder) => decoder.write(input),
            Self::Deflate(decoder) => decoder.write(input),
        }?;
        input.advance(taken);
        let piece = self.take();
        if taken == 0 {
            self.reach_end(input)?;
        }
        Ok(piece)
    }

    /// Nothing is taken after the end. Gzip may go on with another member; what else follows is padding, which is
    /// dropped as gzip's own command and browsers drop it.
    fn reach_end(&mut self, input: &mut Bytes) -> io::Result<()> {
        match self {
            Self::Gzip(decoder) if input.first() == Some(&GZIP) => {
                decoder.try_finish()?;
                *decoder = GzDecoder::new(Vec::new());
            }
            _ => input.clear(),
        }
        Ok(())
    }

    /// What is left at the end of the input, if it was whole.
    fn finish(&mut self) -> io::Result<Bytes> {
        match self {
            Self::Gzip(decoder) => decoder.try_finish(),
            Self::Zlib(decoder) => decoder.try_finish(),
            Self::Deflate(decoder) => decoder.try_finish(),
        }?;
        Ok(self.take())
    }

    fn take(&mut self) -> Bytes {
        Bytes::from(std::mem::take(match self {
            Self::Gzip(decoder) => decoder.get_mut(),
            Self::Zlib(decoder) => decoder.get_mut(),
            Self::Deflate(decoder) => decoder.get_mut(),
        }))
    }
}
