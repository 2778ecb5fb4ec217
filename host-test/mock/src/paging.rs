//! One page of a listing: which rows, and which link to the next.

use std::borrow::Cow;
use std::time::UNIX_EPOCH;

use serde::Serialize;

use super::cursor::{Cursor, Issued, SortKey};
use super::envelope::envelope;
use super::error_responses::{bad_parameter, expired_cursor};
use super::fault::Fault;
use super::fault_plan::ActiveFaults;
use super::faults::FaultKind;
use super::parameters::Parameters;
use super::reply::{Refusal, Reply};
use super::request::pairs;
use super::site::Site;

/// A request for one page of a listing.
pub(super) struct ListingRequest<'a> {
    pub(super) site: &'a Site,
    /// The path on the site, without the gateway's part.
    pub(super) path: &'a str,
    /// The query as sent.
    pub(super) query: &'a str,
    pub(super) parameters: &'a Parameters,
    pub(super) active: &'a ActiveFaults<'a>,
}

/// Tells the key of the row at a position for a field.
type KeyOf<'a> = Box<dyn Fn(&str, u32) -> SortKey + 'a>;

/// Everything that there is to list, in order.
pub(super) struct RowSource<'a> {
    /// The order asked for, which cursors name.
    pub(super) sort: &'a str,
    /// The order followed; another one only when a fault wants it.
    pub(super) actual_sort: &'a str,
    /// The positions of all rows, ascending by the field of `actual_sort` and then by id.
    pub(super) order: Cow<'a, [u32]>,
    /// A row's key for a field.
    pub(super) key: KeyOf<'a>,
    /// A row's id.
    pub(super) id: Box<dyn Fn(u32) -> u64 + 'a>,
    /// Whether the filters let a row through.
    pub(super) keep: Box<dyn Fn(u32) -> bool + 'a>,
}

/// The field of a value of `sort`, and whether it is descending.
fn field(sort: &str) -> (&str, bool) {
    sort.strip_prefix('-')
        .map_or((sort, false), |field| (field, true))
}

impl RowSource<'_> {
    /// The rows after a cursor, and whether there are more.
    fn rows(&self, after: Option<&Cursor>, limit: usize) -> (Vec<u32>, bool) {
        let (field, descending) = field(self.actual_sort);
        let place = |at: u32| ((self.key)(field, at), (self.id)(at));
        let start = after.map(|cursor| self.place_of(cursor));
        let found: Vec<u32> = if descending {
            let end = start.map_or(self.order.len(), |start| {
                self.order.partition_point(|&at| place(at) < start)
            });
            let before = self.order.get(..end).unwrap_or_default();
            before
                .iter()
                .rev()
                .copied()
                .filter(|&at| (self.keep)(at))
                .take(limit + 1)
                .collect()
        } else {
            let begin = start.map_or(0, |start| {
                self.order.partition_point(|&at| place(at) <= start)
            });
            let behind = self.order.get(begin..).unwrap_or_default();
            behind
                .iter()
                .copied()
                .filter(|&at| (self.keep)(at))
                .take(limit + 1)
                .collect()
        };
        let more = found.len() > limit;
        (found.into_iter().take(limit).collect(), more)
    }

    /// Where in the order that is followed a cursor stands.
    fn place_of(&self, cursor: &Cursor) -> (SortKey, u64) {
        let id = cursor.id_number().unwrap_or(0);
        if self.actual_sort == self.sort {
            return (cursor.content_order_value.clone(), id);
        }
        (SortKey::Number(i64::try_from(id).unwrap_or(i64::MAX)), id)
    }

    /// The cursor that stands behind a row.
    fn behind(&self, at: u32) -> Cursor {
        let key = (self.key)(field(self.sort).0, at);
        Cursor::new((self.id)(at).to_string(), self.sort, key)
    }

    /// A cursor that stands before the first row.
    fn before_all(&self) -> Cursor {
        let descending = field(self.sort).1;
        let (id, key) = if descending {
            (u64::MAX, i64::MAX)
        } else {
            (0, i64::MIN)
        };
        let key = match self
            .order
            .first()
            .map(|&at| (self.key)(field(self.sort).0, at))
        {
            Some(SortKey::Text(_)) if descending => SortKey::Text(char::MAX.to_string()),
            Some(SortKey::Text(_)) => SortKey::Text(String::new()),
            _ => SortKey::Number(key),
        };
        Cursor::new(id.to_string(), self.sort, key)
    }
}

/// Reads the cursor; one of another order is refused like any that is not valid.
fn cursor(request: &ListingRequest<'_>, sort: &str) -> Result<Option<Cursor>, Refusal> {
    let Some(text) = request.parameters.one("cursor") else {
        return Ok(None);
    };
    let valid = Cursor::decode(text)
        .filter(|cursor| cursor.content_order == sort && cursor.id_number().is_some())
        .ok_or_else(|| Box::new(bad_parameter("cursor", "Cursor")))?;
    match request.active.get(FaultKind::ShortLivedCursors) {
        Some(fault) if is_expired(request, fault, &valid) => {
            let status = fault.status_or(http::StatusCode::BAD_REQUEST);
            Err(Box::new(expired_cursor(status)))
        }
        _ => Ok(Some(valid)),
    }
}

/// The number and the second of a request.
fn issued(request: &ListingRequest<'_>) -> Issued {
    let since = request.site.now().duration_since(UNIX_EPOCH);
    Issued {
        request: request.active.request_number,
        second: since.unwrap_or_default().as_secs(),
    }
}

/// Whether a cursor has outlived what a fault allows.
fn is_expired(request: &ListingRequest<'_>, fault: &Fault, cursor: &Cursor) -> bool {
    let now = issued(request);
    cursor.issued.is_some_and(|then| match fault.seconds {
        Some(seconds) => now.second.saturating_sub(then.second) > seconds,
        None => now.request.saturating_sub(then.request) > fault.requests,
    })
}

/// The rows and the next cursor, with whatever faults do to them.
fn select(
    listing: &RowSource<'_>,
    active: &ActiveFaults<'_>,
    cursor: Option<&Cursor>,
    limit: usize,
) -> (Vec<u32>, Option<Cursor>) {
    let turn = cursor.map_or(0, |cursor| cursor.turn);
    let here = || cursor.cloned().unwrap_or_else(|| listing.before_all());
    if active.has(FaultKind::EmptyPages) {
        return (Vec::new(), Some(here().with_turn(turn + 1)));
    }
    if active.has(FaultKind::EmptyPage) && turn == 1 {
        return (Vec::new(), Some(here().with_turn(0)));
    }
    let limit = if active.has(FaultKind::ShortPages) {
        limit.div_ceil(3)
    } else {
        limit
    };
    let (rows, more) = listing.rows(cursor, limit);
    let last = rows.last().map(|&at| listing.behind(at));
    let next = last.clone().filter(|_| more);
    if active.has(FaultKind::EmptyPage) && cursor.is_none() {
        return (rows, next.map(|next| next.with_turn(1)));
    }
    if active.has(FaultKind::CursorCircle) {
        // From the third page the link leads back to the second.
        let first = || {
            listing
                .rows(None, limit)
                .0
                .last()
                .map(|&at| listing.behind(at))
        };
        let (next, turn) = if turn == 2 {
            (first(), 1)
        } else {
            (last, turn + 1)
        };
        return (rows, Some(next.unwrap_or_else(here).with_turn(turn)));
    }
    (rows, next)
}

/// The link to the next page: from the root of the site, the cursor first and its padding raw, the
/// other parameters backwards, the limit last.
fn next_link(request: &ListingRequest<'_>, cursor: &Cursor) -> String {
    let short_lived = request.active.has(FaultKind::ShortLivedCursors);
    let cursor = cursor
        .clone()
        .with_issued(short_lived.then(|| issued(request)));
    let mut link = format!("{}?cursor={}", request.path, cursor.encode());
    let sent: Vec<(&str, &str)> = pairs(request.query)
        .filter(|(name, _)| *name != "cursor")
        .collect();
    let (limit, others): (Vec<_>, Vec<_>) =
        sent.into_iter().partition(|(name, _)| *name == "limit");
    for (name, value) in others.into_iter().rev().chain(limit) {
        link.extend(["&", name, "=", value]);
    }
    match request.active.get(FaultKind::ForeignNext) {
        Some(fault) => format!(
            "{}{link}",
            fault.to.as_deref().unwrap_or("http://elsewhere.example")
        ),
        None => link,
    }
}

/// Answers with one page of a listing.
pub(super) fn serve<T: Serialize>(
    request: &ListingRequest<'_>,
    listing: &RowSource<'_>,
    most: usize,
    row: impl Fn(u32) -> Option<T>,
) -> Reply {
    let cursor = match cursor(request, listing.sort) {
        Ok(cursor) => cursor,
        Err(refusal) => return *refusal,
    };
    let limit = request.parameters.limit().min(most);
    let (rows, next) = select(listing, request.active, cursor.as_ref(), limit);
    let next = next.map(|next| next_link(request, &next));
    let rows = rows.into_iter().filter_map(row).collect();
    envelope(
        request.site,
        rows,
        next.as_deref(),
        request.active.has(FaultKind::NoNextButLink),
    )
}
