//! The head of an answer, as a guest may hold it for as long as it likes.

use http::{HeaderMap, HeaderValue, Response};
use wasmtime_wasi_http::Error;

/// Bytes of its fields at most: some hundred fields of a sentence each.
const HEAD: usize = 32 << 10;

/// A copy of the head. What was read keeps the buffer that it was read into.
///
/// # Errors
///
/// It is larger than a guest may hold.
pub(super) fn held<B>(mut answer: Response<B>) -> Result<Response<B>, Error> {
    let fields = answer.headers();
    let sizes = fields
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len());
    if sizes.sum::<usize>() > HEAD {
        let limit = u32::try_from(HEAD).ok();
        return Err(Error::HttpResponseHeaderSectionSize(limit));
    }
    let copy = |value: &HeaderValue| HeaderValue::from_bytes(value.as_bytes());
    let copies = fields
        .iter()
        .filter_map(|(name, value)| Some((name.clone(), copy(value).ok()?)));
    *answer.headers_mut() = copies.collect::<HeaderMap>();
    Ok(answer)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_copied_up_to_its_limit() {
        let of = |bytes: usize| {
            let answer = Response::builder().header("x", "x".repeat(bytes));
            let answer = answer.header("a", "one").header("a", "two");
            held(answer.body(()).unwrap())
        };
        let taken = of(HEAD - 9).unwrap();
        let values: Vec<_> = taken.headers().get_all("a").iter().collect();
        assert_eq!(values, ["one", "two"]);
        assert!(matches!(
            of(HEAD - 8).unwrap_err(),
            Error::HttpResponseHeaderSectionSize(Some(32_768))
        ));
    }
}
