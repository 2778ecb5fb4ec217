//! The snapshot that spans incremental runs: each continues it as far as its schedule says.

use crate::client::Platform;
use crate::error::Result;
use crate::sink::Sink;
use crate::state::{IdSketch, Position, Refresh};
use crate::stream::Stream;
use crate::sync::archived_or_trashed;
use crate::sync::context::Scope;
use crate::sync::pass::{Limits, PassEnd};
use crate::sync::plan::Plan;
use crate::sync::run::{SyncRun, beyond_the_plan};
use crate::sync::schedule::Schedule;
use crate::sync::selection::details_of;
use crate::sync::step::{Step, space_steps};
use crate::sync::summary::{Freshness, Thousandths};
use crate::sync::whole_listing::read_spaces;

/// Whether the snapshot that spans runs came to the end of the listings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refreshed {
    /// It is complete and can be closed.
    Complete,
    /// It goes on in the next run, or there is none.
    Partly,
}

impl<P: Platform, S: Sink> SyncRun<'_, P, S> {
    /// Delivers what was archived or trashed since the last run without a new version that would show it.
    pub(super) async fn read_archived_or_trashed(&mut self) -> Result<()> {
        let mut partial = self.context.selection.partial();
        partial.remove(Stream::Users);
        if partial.is_empty() {
            return Ok(());
        }
        let context = self.context;
        let before = self.recent_rows().archived_or_trashed;
        let listed =
            archived_or_trashed::list(context.client, &context.spaces, &mut |_| Ok(())).await?;
        let (now, flaws) = listed;
        self.record_flaws(Stream::Pages, &flaws);
        if now != before {
            let streams = self.selected();
            let mut delivered = Vec::new();
            let (writer, run) = (&mut self.writer, self.state.run.get_or_insert_default());
            archived_or_trashed::list(context.client, &context.spaces, &mut |page| {
                let hash = super::context::hash_of(page)?;
                if !now.differs(&before, &page.source_id) || run.recent.contains(hash) {
                    return Ok(());
                }
                delivered.push(page.source_id.clone());
                writer.page(page, streams)
            })
            .await?;
            for id in &delivered {
                self.record_delivered(id);
            }
            if !delivered.is_empty() {
                self.pacer.record_rows(delivered.len());
            }
        }
        self.run().recent.archived_or_trashed = now;
        Ok(())
    }

    /// Continues the snapshot under way, or opens one.
    pub(super) async fn refresh(&mut self) -> Result<Refreshed> {
        let config = self.context.client.config();
        if config.refresh_days == 0 {
            (self.state.refresh, self.state.unverified) = (None, None);
            return Ok(Refreshed::Partly);
        }
        self.summary.freshness = Some(Freshness {
            promised_days: Thousandths::whole(config.refresh_days),
            kept_days: Thousandths::whole(config.refresh_days),
            snapshot_done: Thousandths::whole(1),
        });
        if self.context.spaces.are_doubtful() {
            // Pages of a space that is not known would seem to be gone.
            return Ok(Refreshed::Partly);
        }
        let steps = Plan::of_pages(self.context.selection, &self.context.spaces);
        self.void_purged(&steps).await?;
        if !self.open_refresh(steps.len())? {
            return Ok(Refreshed::Partly);
        }
        let details = details_of(self.context.selection.refreshed()).len();
        let schedule = Schedule::new(config, details, self.state.pages);
        let now = self.context.client.started_at();
        let Some(due) = self
            .state
            .refresh
            .as_ref()
            .map(|refresh| schedule.due_pages(refresh, now))
        else {
            return Ok(Refreshed::Partly);
        };
        self.read_slice(&steps, due).await?;
        let refreshed = self.report_freshness(schedule, steps.len());
        if refreshed == Refreshed::Complete {
            self.observe_space_authors().await?;
        }
        Ok(refreshed)
    }

    /// Reads the next pages of the snapshot, within the cap on requests.
    async fn read_slice(&mut self, steps: &[Step], due: u64) -> Result<()> {
        let client = self.context.client;
        let requests = client.requests() + client.config().refresh_requests;
        let read = |run: &Self| {
            run.state
                .refresh
                .as_ref()
                .map_or(0, |refresh| refresh.pages)
        };
        let pages = read(self) + due;
        loop {
            let limits = Limits {
                pages: pages.saturating_sub(read(self)),
                requests: requests.saturating_sub(client.requests()),
            };
            if limits.pages == 0 || limits.requests == 0 {
                return Ok(());
            }
            if self.pass(steps, Scope::Snapshot, Some(limits)).await? != PassEnd::ManyVanished {
                return Ok(());
            }
            self.confirm_vanished().await?;
        }
    }

    /// The authors of spaces belong to every snapshot of users, whenever their spaces were created.
    async fn observe_space_authors(&mut self) -> Result<()> {
        let refresh = self.state.refresh.as_ref();
        if !refresh.is_some_and(|refresh| refresh.streams.contains(Stream::Users)) {
            return Ok(());
        }
        if self.resumed_from.is_some() && self.context.spaces.listed().is_none() {
            // The run that this one resumes listed them, in part or whole.
            let (rows, _) = read_spaces(self.context.client, &space_steps(&[])).await?;
            let authors = rows.into_iter().filter_map(|row| row.author_id);
            self.space_authors.extend(authors);
        }
        let authors = self.space_authors.iter().map(String::as_str);
        self.writer.accounts.observe(authors);
        Ok(())
    }

    /// Opens a snapshot where none is under way. Whether this run continues one.
    fn open_refresh(&mut self, steps: usize) -> Result<bool> {
        let stalled = self.run().stalled;
        let now = self.context.client.started_at();
        let selected = self.context.selection.refreshed().difference(stalled);
        if selected.is_empty() {
            return Ok(false);
        }
        if let Some(refresh) = &mut self.state.refresh {
            if refresh.position.step > steps {
                return Err(beyond_the_plan());
            }
            // A clock that was wrong when it was opened would let it wait until then.
            refresh.started = refresh.started.min(now);
            let kept = refresh.streams.intersection(selected);
            if !kept.is_empty() {
                refresh.streams = kept;
                return Ok(true);
            }
            if !refresh.streams.is_empty() && !self.is_overdue() {
                // It belongs to runs with other streams.
                return Ok(false);
            }
        }
        let streams: Vec<_> = selected.iter().collect();
        self.writer.flush()?;
        self.writer.accounts.begin_snapshot();
        self.context.sink.begin_snapshot(&streams)?;
        self.state.spared = None;
        self.state.refresh = Some(Refresh {
            streams: selected,
            started: now,
            position: Position::default(),
            pages: 0,
            listed: IdSketch::default(),
            last_listed: None,
            delivered: Vec::new(),
        });
        self.pacer.record_change();
        Ok(true)
    }

    /// Whether the snapshot under way took twice as long as it should.
    fn is_overdue(&self) -> bool {
        let days = u64::from(self.context.client.config().refresh_days);
        let now = self.context.client.started_at();
        let refresh = self.state.refresh.as_ref();
        refresh.is_none_or(|refresh| now.since(refresh.started).as_secs() > 2 * days * 86_400)
    }

    fn report_freshness(&mut self, schedule: Schedule, steps: usize) -> Refreshed {
        let now = self.context.client.started_at();
        let Some(refresh) = &self.state.refresh else {
            return Refreshed::Partly;
        };
        if refresh.position.step >= steps {
            return Refreshed::Complete;
        }
        let freshness = schedule.freshness(refresh, now);
        self.summary.freshness = Some(freshness);
        if schedule.is_behind(refresh, now) {
            self.warn(&format!(
                "rows are up to {} days old instead of {}: refresh_requests ({}) or the number of runs holds the \
                 refresh back",
                freshness.kept_days.to_tenths(), schedule.days, schedule.requests
            ));
        }
        Refreshed::Partly
    }
}
