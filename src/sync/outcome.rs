//! What is noted of the details of a page: set aside, refused, skipped, stalled.

use percent_encoding::percent_decode_str;

use crate::api::UnreadableValue;
use crate::api::page::PageRow;
use crate::client::Platform;
use crate::error::{Error, Kind, Result};
use crate::sink::Sink;
use crate::state::{MAX_SET_ASIDE, StreamSet};
use crate::stream::Stream;
use crate::sync::context::fed_by;
use crate::sync::page_details::{PageDetails, Status};
use crate::sync::run::SyncRun;
use crate::sync::selection::details_of;
use crate::sync::whole_listing::Flaws;
use crate::text;

/// Unreadable values that are named in notes.
const MAX_NAMED: u64 = 5;
/// Pages that are named in notes when they are set aside.
const MAX_NAMED_PAGES: usize = 10;

impl<P: Platform, S: Sink> SyncRun<'_, P, S> {
    /// Delivers a page with its details, and notes what is missing.
    pub(super) fn deliver_details(
        &mut self,
        page: &PageRow,
        details: &PageDetails,
        streams: StreamSet,
    ) -> Result<()> {
        self.record_statuses(page, details)?;
        self.writer.page(page, streams)?;
        self.writer.details(page, details, streams)?;
        self.record_unreadable(&details.unreadable);
        let id = &page.source_id;
        if !page.has_details() {
            self.state.set_aside.remove(id, StreamSet::ALL);
        } else if self.context.skips(id) && !details_of(streams).is_empty() {
            self.record_skipped(id);
        }
        let requests = details.statuses().into_iter();
        let requests =
            requests.filter(|(_, status)| !matches!(status, Status::Omitted | Status::Down));
        self.pacer.record_rows(requests.count().max(1));
        Ok(())
    }

    /// Notes what became of each detail of a page.
    pub(super) fn record_statuses(&mut self, page: &PageRow, details: &PageDetails) -> Result<()> {
        let id = page.source_id.as_str();
        for (stream, status) in details.statuses() {
            match status {
                Status::Omitted => {}
                Status::Complete => self.complete(id, stream),
                Status::Refused => {
                    self.complete(id, stream);
                    let refused = self.summary.refused_by_space.entry(space_key(page));
                    refused.or_default().increment(stream);
                }
                Status::Down => self.stall(stream),
                Status::Failed(error) => self.set_aside(id, stream, error)?,
            }
        }
        Ok(())
    }

    fn complete(&mut self, id: &str, stream: Stream) {
        self.probes.of_mut(stream).clear();
        self.state
            .set_aside
            .remove(id, [stream].into_iter().collect());
    }

    /// Sets a page aside. The failures of an endpoint that fails for every page are not counted.
    fn set_aside(&mut self, id: &str, stream: Stream, error: &Error) -> Result<()> {
        if self.context.health.is_down(stream) {
            let cause = self.stall_causes.of_mut(stream);
            cause.get_or_insert_with(|| error.message.clone());
            self.stall(stream);
            return Ok(());
        }
        if !self.state.set_aside.has_room_for(id) {
            self.checkpoint()?;
            let message = format!(
                "the details of more than {MAX_SET_ASIDE} pages can't be read, the last one because of: {}; run \
                 again later, from the last checkpoint",
                error.message
            );
            return Err(Error::new(Kind::Unavailable, message));
        }
        if !self.state.set_aside.missing(id).contains(stream) {
            self.probes.of_mut(stream).push(id.to_owned());
            if self.state.set_aside.pages().len() < MAX_NAMED_PAGES {
                self.warn(&format!("page {id} is set aside: {}", error.message));
            }
        }
        let missing = [stream].into_iter().collect();
        self.state.set_aside.add(id, missing, &reason(error));
        Ok(())
    }

    /// The endpoint of this stream fails for every page: the stream is left alone for the rest of the run.
    pub(super) fn stall(&mut self, stream: Stream) {
        for id in std::mem::take(self.probes.of_mut(stream)) {
            self.state
                .set_aside
                .remove(&id, [stream].into_iter().collect());
        }
        if self.is_stalled(stream) {
            return;
        }
        let affected = fed_by(stream).intersection(self.selected());
        let run = self.run();
        run.stalled.insert(stream);
        run.stalled = run.stalled.union(affected);
        self.never_close(affected);
        self.pacer.record_change();
        self.warn(&format!(
            "{} fails for every page and is left alone for the rest of this run{}",
            stream.endpoint(),
            self.stall_cause(stream)
        ));
    }

    /// Why the endpoint of a stream was left alone, as the end of a sentence.
    pub(super) fn stall_cause(&self, stream: Stream) -> String {
        let cause = self.stall_causes.of(stream).as_ref();
        cause.map_or_else(String::new, |cause| format!(": {cause}"))
    }

    pub(super) fn is_stalled(&self, stream: Stream) -> bool {
        let run = self.state.run.as_ref();
        run.is_some_and(|run| run.stalled.contains(stream))
    }

    /// The snapshots of these streams can't be closed.
    fn never_close(&mut self, streams: StreamSet) {
        let run = self.run();
        run.closable = run.closable.difference(streams);
        if let Some(refresh) = &mut self.state.refresh {
            refresh.streams = refresh.streams.difference(streams);
        }
    }

    /// Where chosen spaces cannot be told from others, what is in them is not read, so nothing can be closed.
    pub(super) fn doubt_spaces(&mut self) {
        let spaces = &self.context.spaces;
        self.record_flaws(Stream::Spaces, &spaces.flaws);
        if spaces.are_doubtful() {
            self.never_close(StreamSet::ALL);
        }
    }

    /// Counts what of a listing could not be read.
    pub(super) fn record_flaws(&mut self, stream: Stream, flaws: &Flaws) {
        self.record_unreadable(&flaws.unreadable);
        self.record_unusable(stream, flaws.unusable);
    }

    /// Counts rows without a key. What a page without an id has is unknown, so no stream of pages can be closed.
    pub(super) fn record_unusable(&mut self, stream: Stream, rows: usize) {
        if rows == 0 {
            return;
        }
        self.run().rows_without_key += rows as u64;
        let mut streams = [stream].into_iter().collect();
        if stream == Stream::Pages {
            streams = StreamSet::ALL;
            streams.remove(Stream::Spaces);
        }
        self.never_close(streams);
        self.pacer.record_change();
        self.warn(&format!(
            "{rows} rows of {} have no key and are not delivered",
            stream.name()
        ));
    }

    /// Counts values that could not be read, and names the first few.
    pub(super) fn record_unreadable(&mut self, values: &[UnreadableValue]) {
        for value in values {
            self.summary.unreadable_values += 1;
            if self.summary.unreadable_values <= MAX_NAMED {
                let UnreadableValue {
                    endpoint,
                    column,
                    key,
                } = value;
                self.warn(&format!(
                    "{column} of {key} can't be read and is null (from {endpoint})"
                ));
            }
        }
    }

    /// Remembers that the details of a page were not read: its old ones are spared when snapshots are closed.
    pub(super) fn record_skipped(&mut self, id: &str) {
        if !self.state.skipped.iter().any(|known| known == id) {
            self.state.skipped.push(id.to_owned());
        }
    }
}

/// The key of the space of a page, as its address has it; else the space's id.
fn space_key(page: &PageRow) -> String {
    let url = page.source_url.as_deref().unwrap_or_default();
    let behind = ["/spaces/", "/display/"]
        .into_iter()
        .find_map(|path| text::split_once(url, path));
    let key = behind.and_then(|(_, rest)| rest.split(['/', '?']).next());
    let key = key.and_then(|key| percent_decode_str(key).decode_utf8().ok());
    match key.filter(|key| !key.is_empty()) {
        Some(key) => key.into_owned(),
        None => page.space_id.as_deref().unwrap_or("unknown").to_owned(),
    }
}

/// The reason for which a page is set aside, in a few words.
fn reason(error: &Error) -> String {
    match (error.http_status, error.kind) {
        (Some(status), Kind::Unavailable | Kind::InvalidPermissions) => format!("HTTP {status}"),
        (Some(status), _) if status >= 400 => format!("HTTP {status}"),
        (_, Kind::Unavailable) => "no complete answer".to_owned(),
        _ => error.message.clone(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;
    use crate::api::{Context, read_rows};

    #[test]
    fn a_space_has_the_key_of_its_address() {
        for (webui, key) in [
            ("/spaces/TEAM/pages/1/Title", "TEAM"),
            ("/spaces/~u3%40example.com/pages/1", "~u3@example.com"),
            ("/display/DOC/Title", "DOC"),
            ("/spaces/DOC?x=1", "DOC"),
            ("/x/y", "77"),
        ] {
            let record = json!({ "id": "1", "spaceId": "77", "_links": { "webui": webui } });
            let links = json!({ "base": "https://s.example/wiki" });
            let body = json!({ "results": [record], "_links": links }).to_string();
            let rows = read_rows::<PageRow>(body.as_bytes(), Context::default()).unwrap();
            assert_eq!(space_key(rows.rows.first().unwrap()), key);
        }
    }
}
