//! The end of a run: snapshots are closed, watermarks move, and what is missing is said.

use crate::client::Platform;
use crate::error::{Error, Kind, Result};
use crate::sink::Sink;
use crate::state::{PageSetAside, Spared, StableHash, StreamSet};
use crate::stream::Stream;
use crate::sync::refresh::Refreshed;
use crate::sync::run::{SyncRun, Unfinished};
use crate::sync::selection::{DETAILS, details_of};
use crate::sync::summary::{SetAsidePage, Summary};
use crate::sync::writer::page_key;

/// Pages that the message of an incomplete run names.
const MAX_NAMED: usize = 10;

impl<P: Platform, S: Sink> SyncRun<'_, P, S> {
    /// Ends the run.
    pub(super) fn close(&mut self, refreshed: Refreshed) -> Result<()> {
        // Where a destination refuses to sweep, everything is committed before.
        self.checkpoint()?;
        let closable = self.run().closable;
        self.end_snapshots(closable)?;
        if refreshed == Refreshed::Complete
            && let Some(refresh) = self.state.refresh.take()
        {
            self.end_snapshots(refresh.streams)?;
            self.state.pages = Some(refresh.pages);
            self.state.unverified = Some(refresh);
            self.pacer.record_change();
        }
        self.finish_run(closable);
        self.writer.flush()?;
        self.checkpoint()?;
        self.incomplete().map_or(Ok(()), Err)
    }

    /// Closes the snapshots of these streams. The rows of pages whose details could not be read are spared.
    fn end_snapshots(&mut self, streams: StreamSet) -> Result<()> {
        for stream in streams.iter() {
            if self.may_lack_users(stream) {
                continue;
            }
            let except: Vec<String> = self.spared_pages(stream).map(page_key).collect();
            self.context.sink.end_snapshot(stream, &except)?;
            self.pacer.record_change();
        }
        Ok(())
    }

    /// The pages whose rows of this stream were not read.
    fn spared_pages(&self, stream: Stream) -> impl Iterator<Item = &str> {
        let missing = [stream].into_iter().collect();
        let set_aside = self.state.set_aside.lacking(missing);
        let set_aside = set_aside.map(|page| page.page_id.as_str());
        let skipped = self.state.skipped.iter().map(String::as_str);
        set_aside.chain(skipped.filter(move |_| DETAILS.contains(&stream)))
    }

    /// Whether the stream is that of users, and accounts may be missing: those in versions that were not read.
    /// No partial key can spare them, so the stream is not closed.
    fn may_lack_users(&self, stream: Stream) -> bool {
        stream == Stream::Users && self.spared_pages(Stream::PageVersions).next().is_some()
    }

    fn finish_run(&mut self, closable: StreamSet) {
        let Some(run) = self.state.run.take() else {
            return;
        };
        let selection = self.context.selection;
        let started = self.started();
        let watermark = run.newest.map(|newest| newest.min(started));
        let advancing = selection.streams().difference(run.stalled);
        for stream in advancing.iter().filter(|stream| *stream != Stream::Spaces) {
            if let Some(watermark) = watermark {
                self.state.advance(stream, watermark);
            }
        }
        if selection.needs_pages() {
            self.state.recent = run.recent;
            self.state.recent.streams = self.state.recent.streams.difference(run.stalled);
            if selection.since().is_none() {
                self.state.pages = Some(run.pages);
            }
        }
        let only_lacks_pages = run.stalled.is_empty() && run.rows_without_key == 0;
        // An incremental run always goes on, whatever it reads whole.
        let is_full = selection.partial().is_empty();
        if is_full && only_lacks_pages && self.lacking().next().is_some() {
            self.state.spared = Some(Spared {
                plan: run.plan,
                streams: closable,
            });
        }
        self.unfinished = Unfinished {
            stalled: run.stalled.intersection(selection.streams()),
            rows_without_key: run.rows_without_key,
        };
        self.pacer.record_change();
    }

    /// Whether the last run was this one, and is complete now that the pages that it set aside are read.
    pub(super) fn completes_spared_run(&self) -> bool {
        let plan = self.plan.hash;
        let same = |plan: StableHash| {
            self.state
                .spared
                .as_ref()
                .is_some_and(|run| run.plan == plan)
        };
        same(plan) && self.lacking().next().is_none()
    }

    /// Closes the snapshot of a full run that only lacked the pages that it set aside.
    pub(super) async fn complete_spared_run(&mut self) -> Result<()> {
        self.look_up_remaining().await?;
        self.checkpoint()?;
        if let Some(spared) = self.state.spared.take() {
            self.end_snapshots(spared.streams)?;
        }
        self.state.run = None;
        self.pacer.record_change();
        self.checkpoint()
    }

    /// The pages set aside that lack rows of selected streams.
    fn lacking(&self) -> impl Iterator<Item = &PageSetAside> {
        self.state.set_aside.lacking(details_of(self.selected()))
    }

    /// The error of a run that could not deliver everything.
    fn incomplete(&self) -> Option<Error> {
        let mut problems = Vec::new();
        let pages: Vec<&str> = self.lacking().map(|page| page.page_id.as_str()).collect();
        if !pages.is_empty() {
            let named = pages.iter().take(MAX_NAMED).copied().collect::<Vec<_>>();
            let more = pages.len().saturating_sub(MAX_NAMED);
            let more = if more > 0 {
                format!(" and {more} more")
            } else {
                String::new()
            };
            problems.push(format!(
                "the details of {} could not be read: {}{more}; skip_pages accepts pages without details",
                counted(pages.len() as u64, "page"),
                named.join(", ")
            ));
        }
        for stream in self.unfinished.stalled.iter() {
            problems.push(self.stall_problem(stream));
        }
        if self.unfinished.rows_without_key > 0 {
            problems.push(format!(
                "{} without a key could not be delivered",
                counted(self.unfinished.rows_without_key, "row")
            ));
        }
        (!problems.is_empty()).then(|| {
            let message = format!(
                "everything else was delivered; the next run begins with what is missing: {}",
                problems.join("; ")
            );
            Error::new(Kind::Incomplete, message)
        })
    }

    /// Why a stream is not complete that was left alone.
    fn stall_problem(&self, stream: Stream) -> String {
        let name = stream.name();
        if stream != Stream::Users {
            let (endpoint, cause) = (stream.endpoint(), self.stall_cause(stream));
            return format!(
                "{name} is not complete because {endpoint} failed for every request{cause}"
            );
        }
        // Accounts are in versions, or could not be looked up themselves.
        let failed = match self.stall_causes.of(Stream::Users) {
            None => Stream::PageVersions,
            Some(_) => Stream::Users,
        };
        let (endpoint, cause) = (failed.endpoint(), self.stall_cause(failed));
        format!("{name} is not complete because {endpoint} failed{cause}")
    }

    /// Fills in the summary.
    pub(super) fn summarize(mut self, summary: &mut Summary) {
        *summary = std::mem::take(&mut self.summary);
        summary.rows = std::mem::take(&mut self.writer.rows);
        summary.skipped = std::mem::take(&mut self.state.skipped);
        let run = self.state.run.as_ref();
        let stalled = run.map_or(self.unfinished.stalled, |run| run.stalled);
        summary.rows_without_key =
            run.map_or(self.unfinished.rows_without_key, |run| run.rows_without_key);
        summary.stalled = stalled.iter().map(Stream::name).collect();
        let has_versions = self.context.selection.has(Stream::PageVersions);
        let name = |stream: Stream| match stream {
            Stream::PageVersions if !has_versions => Stream::Users.name(),
            stream => stream.name(),
        };
        let selected = details_of(self.selected());
        let pages = self.lacking().map(|page| SetAsidePage {
            page_id: page.page_id.clone(),
            streams: page
                .streams
                .intersection(selected)
                .iter()
                .map(name)
                .collect(),
            reason: page.reason.clone(),
        });
        summary.set_aside = pages.collect();
    }
}

fn counted(count: impl Into<u64>, what: &str) -> String {
    let count = count.into();
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}
