//! The run: reads what is wanted in the order of the plan, delivers it, and leaves a checkpoint behind
//! whenever about half as many requests were sent as may be in flight.
//!
//! A checkpoint covers a gapless prefix of the plan, so a run that was stopped anywhere goes on from there.
//! Watermarks move at the very end alone, and never past the beginning of the run: what is edited while it
//! lasts is caught by it or by the next one.

use crate::accounts::{Accounts, look_up};
use crate::api::Endpoint;
use crate::api::page::PageRow;
use crate::api::space::SpaceRow;
use crate::api::user::UserRow;
use crate::config::Config;
use crate::delivery::Delivery;
use crate::details::Details;
use crate::error::Result;
use crate::http::Platform;
use crate::http::call::CallError;
use crate::http::client::Client;
use crate::look_ahead::LookAhead;
use crate::plan::{Plan, Wanted};
use crate::put_away;
use crate::sink::{Note, Sink, refused};
use crate::site::{chosen_spaces, no_space, sees_a_space};
use crate::state::{Delivered, Run, State, write_during};
use crate::stream::{Mode, Stream};
use crate::timestamp::Timestamp;
use crate::walk::{Piece, Walk};
use futures_util::StreamExt as _;
use futures_util::stream::{FusedStream, unfold};

#[cfg(test)]
mod tests;

/// Bytes of a state. A checkpoint that would be longer waits until accounts were looked up.
const MAX_STATE: usize = 60 * 1024;

/// Reads the selected streams into the sink.
///
/// # Errors
///
/// Whatever ends the run before its end; the last checkpoint is where the next one goes on.
pub async fn sync<P: Platform, S: Sink>(
    platform: &P,
    sink: &S,
    config: &str,
    selection: &[(String, Mode)],
    state: Option<&str>,
) -> Result<()> {
    let config = Config::parse(config)?;
    let state = State::read(state, &config)?;
    let wanted = Wanted::new(selection, &state)?;
    let client = Client::new(platform, sink, &config);
    let spaces = chosen_spaces(&client).await?;
    Sync::new(&client, &wanted, state, spaces).run().await
}

/// What became of a [`Piece`].
enum Done {
    Spaces(Vec<SpaceRow>),
    /// A page and its details, where they were wanted and the page hadn't vanished.
    Page(Box<PageRow>, Option<String>, Outcome),
    Mark(crate::state::Place, bool),
    Disorder,
    Users(Vec<String>, Vec<UserRow>),
}

enum Outcome {
    /// Delivered by an earlier run, and the same since.
    Known,
    Read(Details),
    Gone,
}

struct Sync<'a, P, S> {
    client: &'a Client<'a, P, S>,
    wanted: &'a Wanted,
    state: State,
    /// The state from before this run, as text.
    between: String,
    run: Run,
    plan: Plan,
    /// The configured spaces.
    spaces: Option<Vec<SpaceRow>>,
    /// The beginning of the run that this one resumes.
    began: Option<Timestamp>,
    delivery: Delivery<'a, S>,
    /// Requests sent before the last checkpoint.
    accounted: u64,
}

impl<'a, P: Platform, S: Sink> Sync<'a, P, S> {
    fn new(
        client: &'a Client<'a, P, S>,
        wanted: &'a Wanted,
        mut state: State,
        spaces: Option<Vec<SpaceRow>>,
    ) -> Self {
        let left = state.run.take().unwrap_or_default();
        let plan = Plan::new(wanted, ids(spaces.as_deref()).as_deref(), left.distrust);
        let resumed = left.plan == plan.fingerprint;
        let fresh = Run {
            delivered: Delivered::to(wanted.streams()),
            ..Run::default()
        };
        let mut run = if resumed { left } else { fresh };
        let accounts = Accounts::resumed(std::mem::take(&mut run.accounts));
        Self {
            client,
            wanted,
            between: state.write(),
            state,
            began: resumed.then_some(run.started),
            delivery: Delivery::new(wanted, client.sink(), accounts),
            run,
            plan,
            spaces,
            accounted: 0,
        }
    }

    async fn run(mut self) -> Result<()> {
        if self.began.is_none() {
            self.client.sink().note(&Note::Begin);
            self.begin(false);
            if let Some(rows) = self.spaces.clone() {
                self.deliver_spaces(&rows)?;
            }
        }
        while !self.walk().await? {
            let message =
                "pages don't come in the order of their modification: all of them are listed";
            self.client.sink().note(&Note::Log {
                level: "warn",
                message,
            });
            self.begin(true);
        }
        self.see_something().await?;
        self.put_away().await?;
        while let Some(batch) = self.delivery.accounts.take(true) {
            let rows = look_up(self.client, &batch).await?;
            self.delivery.users(&batch, &rows)?;
        }
        self.finish()
    }

    /// Begins at the first listing, keeping what was met.
    fn begin(&mut self, distrust: bool) {
        self.plan = Plan::new(
            self.wanted,
            ids(self.spaces.as_deref()).as_deref(),
            distrust,
        );
        self.run = Run {
            plan: self.plan.fingerprint,
            distrust,
            delivered: Delivered::to(self.wanted.streams()),
            gone: self.run.gone,
            ..Run::default()
        };
    }

    /// Goes through the listings. Says whether their order could be trusted.
    async fn walk(&mut self) -> Result<bool> {
        let client = self.client;
        let wanted = self.wanted;
        let steps = self.plan.steps.clone();
        let known = match wanted.since() {
            Some(_) => self.before(),
            None => Delivered::default(),
        };
        let source = Box::pin(bunches(Walk::new(client, &steps, self.run.place.clone())));
        // Three times what is in flight: enough that a page whose details take several requests one after
        // the other doesn't drain the pipe, and little enough to lose when the run is stopped.
        let window = 3 * client.config().max_concurrency / wanted.details_per_page() + 1;
        let reserve = client.config().page_size as usize / 2;
        let mut ahead = LookAhead::new(source, window, reserve, |piece| {
            work(client, wanted, &known, piece)
        });
        while let Some(done) = ahead.next().await {
            let mut due = self.client.requests()
                >= self.accounted + client.config().max_concurrency as u64 / 2;
            match done? {
                Done::Disorder => return Ok(false),
                Done::Spaces(rows) => self.deliver_spaces(&rows)?,
                Done::Page(page, passed, outcome) => self.deliver_page(&page, passed, &outcome)?,
                Done::Users(batch, rows) => self.delivery.users(&batch, &rows)?,
                Done::Mark(place, listed) => {
                    self.run.place = place;
                    self.run.seen |= listed;
                    due = true;
                }
            }
            while let Some(batch) = self.delivery.accounts.take(false) {
                ahead.push(Piece::Accounts(batch));
            }
            if due {
                self.checkpoint()?;
            }
        }
        Ok(true)
    }

    /// What the last run delivered of all that is now wanted from some time on.
    fn before(&self) -> Delivered {
        self.state.delivered.held(self.wanted.partial())
    }

    fn deliver_spaces(&mut self, rows: &[SpaceRow]) -> Result<()> {
        self.run.seen |= !rows.is_empty();
        self.delivery.spaces(rows)
    }

    fn deliver_page(
        &mut self,
        page: &PageRow,
        passed: Option<String>,
        outcome: &Outcome,
    ) -> Result<()> {
        self.run.place.passed = passed;
        self.run.newest = self.run.newest.max(page.modified);
        if page.is_put_away() {
            self.run.delivered.put_away.toggle(page);
        }
        match outcome {
            Outcome::Known => {}
            Outcome::Read(details) => {
                self.delivery.page(page)?;
                self.delivery.details(page, details)?;
            }
            Outcome::Gone => {
                self.delivery.page(page)?;
                self.run.gone += 1;
                let page_id = &page.source_id;
                self.client.sink().note(&Note::Gone { page_id });
                return Ok(());
            }
        }
        self.run.delivered.remember(page, self.run.newest);
        Ok(())
    }

    /// A site where nothing at all can be seen is one without permission: to call it empty would have a
    /// host sweep all it holds.
    async fn see_something(&mut self) -> Result<()> {
        if self.run.seen {
            return Ok(());
        }
        let listed = self
            .plan
            .steps
            .iter()
            .any(|step| step.endpoint == Endpoint::Spaces);
        if listed || !self.sees_a_space().await? {
            return Err(no_space());
        }
        self.run.seen = true;
        Ok(())
    }

    async fn sees_a_space(&self) -> Result<bool> {
        let sees = sees_a_space(self.client, false).await;
        sees.map_err(|problem| problem.error)
    }

    /// Delivers what was archived or trashed since the last run without a new version that would show it.
    async fn put_away(&mut self) -> Result<()> {
        if self.wanted.partial().all(|stream| stream == Stream::Users) {
            return Ok(());
        }
        let ids = ids(self.spaces.as_deref());
        let before = self.before().put_away;
        let now = put_away::list(self.client, ids.as_deref(), |_| Ok(())).await?;
        if now != before {
            let (delivery, delivered) = (&mut self.delivery, &self.run.delivered);
            put_away::list(self.client, ids.as_deref(), |page| {
                if now.differs(&before, page) && !delivered.has(page) {
                    delivery.put_away(page)
                } else {
                    Ok(())
                }
            })
            .await?;
        }
        self.run.delivered.put_away = now;
        Ok(())
    }

    fn checkpoint(&mut self) -> Result<()> {
        self.run.started = self.began();
        let state = write_during(
            &self.between,
            &self.run,
            self.delivery.accounts.outstanding(),
        );
        if state.len() > MAX_STATE {
            return Ok(());
        }
        self.delivery.flush()?;
        self.accounted = self.client.requests();
        self.client.sink().checkpoint(&state).map_err(refused)
    }

    fn began(&self) -> Timestamp {
        self.began.unwrap_or_else(|| self.client.started())
    }

    fn finish(mut self) -> Result<()> {
        self.delivery.flush()?;
        let watermark = self.run.newest.map(|newest| newest.min(self.began()));
        for stream in self.wanted.streams() {
            let complete = self.run.gone == 0 || matches!(stream, Stream::Spaces | Stream::Pages);
            let snapshot = complete && self.wanted.whole(stream);
            self.client
                .sink()
                .finished(stream, snapshot)
                .map_err(refused)?;
            if let Some(watermark) = watermark.filter(|_| stream != Stream::Spaces) {
                self.state.advance(stream, watermark);
            }
        }
        if self.wanted.needs_pages() {
            self.state.delivered = self.run.delivered;
        }
        self.client
            .sink()
            .checkpoint(&self.state.write())
            .map_err(refused)
    }
}

fn ids(spaces: Option<&[SpaceRow]>) -> Option<Vec<String>> {
    Some(
        spaces?
            .iter()
            .map(|space| space.source_id.clone())
            .collect(),
    )
}

fn bunches<P: Platform, S: Sink>(
    walk: Walk<'_, P, S>,
) -> impl FusedStream<Item = Result<Vec<Piece>>> {
    unfold(walk, |mut walk| async {
        let bunch = walk.bunch().await.transpose()?;
        Some((bunch, walk))
    })
    .fuse()
}

async fn work<P: Platform, S: Sink>(
    client: &Client<'_, P, S>,
    wanted: &Wanted,
    known: &Delivered,
    piece: Piece,
) -> Result<Done> {
    Ok(match piece {
        Piece::Spaces(rows) => Done::Spaces(rows),
        Piece::Mark(place, listed) => Done::Mark(place, listed),
        Piece::Disorder => Done::Disorder,
        Piece::Accounts(batch) => {
            let rows = look_up(client, &batch).await?;
            Done::Users(batch, rows)
        }
        Piece::Page(page, passed) => {
            let outcome = if known.has(&page) {
                Outcome::Known
            } else {
                match Details::read(client, wanted, &page).await {
                    Ok(details) => Outcome::Read(details),
                    Err(CallError::Gone) => Outcome::Gone,
                    Err(error) => return Err(error.into()),
                }
            };
            Done::Page(page, passed, outcome)
        }
    })
}
