//! The run: reads what is wanted in the order of the plan, delivers it, and leaves a checkpoint behind
//! whenever about as many requests were answered as are in flight.
//!
//! A checkpoint covers a gapless prefix of the plan, so a run that was stopped anywhere goes on from there.
//! Watermarks move at the very end alone, and never past the beginning of the run: what is edited while it
//! lasts is caught by it or by the next one.

use crate::accounts::Accounts;
use crate::api::page::PageRow;
use crate::api::space::SpaceRow;
use crate::api::user::{Lookup, UserRow};
use crate::api::{Endpoint, Fields};
use crate::config::Config;
use crate::details::Details;
use crate::digest::Digest;
use crate::error::{Error, Kind, Result};
use crate::http::Platform;
use crate::http::client::{Call, CallError, Client};
use crate::look_ahead::LookAhead;
use crate::paging::Listing;
use crate::plan::{Plan, Wanted, page_queries, space_steps};
use crate::sink::{Batches, Note, Sink, refused};
use crate::state::{Recent, Run, State};
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

/// The configured spaces, or nothing where the whole site is read.
///
/// # Errors
///
/// [`Kind::InvalidConfig`] where a key is unknown.
pub(crate) async fn chosen_spaces<P: Platform, S: Sink>(
    client: &Client<'_, P, S>,
) -> Result<Option<Vec<SpaceRow>>> {
    let keys = &client.config().spaces;
    if keys.is_empty() {
        return Ok(None);
    }
    let mut rows = Vec::new();
    for step in space_steps(keys) {
        let mut listing = Listing::new(
            Endpoint::Spaces,
            &step.query,
            client.config().page_size,
            None,
        );
        while let Some(page) = listing.next(client).await? {
            let base = page.base.as_deref();
            for space in page.rows {
                rows.push(SpaceRow::read(space, base)?);
            }
        }
    }
    let unknown = keys
        .iter()
        .filter(|key| !rows.iter().any(|row| row.is_called(key)));
    let unknown: Vec<_> = unknown.map(String::as_str).collect();
    if unknown.is_empty() {
        return Ok(Some(rows));
    }
    let message = format!(
        "spaces names what this account can't see or what doesn't exist: {}",
        unknown.join(", ")
    );
    Err(Error::new(Kind::InvalidConfig, message))
}

/// The error of a token that sees nothing.
pub(crate) fn no_space() -> Error {
    let message =
        "the account sees no space at all; give it the permission to view the spaces to read";
    Error::new(Kind::InvalidPermissions, message).at(Endpoint::Spaces)
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
    run: Run,
    plan: Plan,
    /// The configured spaces.
    spaces: Option<Vec<SpaceRow>>,
    /// The beginning of the run that this one resumes.
    began: Option<Timestamp>,
    accounts: Accounts,
    batches: Batches<'a, S>,
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
            recent: Recent::of(wanted.streams()),
            ..Run::default()
        };
        let run = if resumed { left } else { fresh };
        Self {
            client,
            wanted,
            state,
            began: resumed.then_some(run.started),
            accounts: Accounts::resumed(run.accounts.clone()),
            run,
            plan,
            spaces,
            batches: Batches::new(client.sink()),
            accounted: 0,
        }
    }

    async fn run(mut self) -> Result<()> {
        if self.began.is_none() {
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
        while let Some(batch) = self.accounts.take(true) {
            let rows = look_up(self.client, &batch).await?;
            self.deliver_users(&batch, &rows)?;
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
            recent: Recent::of(self.wanted.streams()),
            gone: self.run.gone,
            ..Run::default()
        };
    }

    /// Goes through the listings. Says whether their order could be trusted.
    async fn walk(&mut self) -> Result<bool> {
        let client = self.client;
        let wanted = self.wanted;
        let steps = self.plan.steps.clone();
        let recent = self.known_rows();
        let source = Box::pin(bunches(Walk::new(client, &steps, self.run.place.clone())));
        // Three times what is in flight: enough that a page whose details take several requests one after
        // the other doesn't drain the pipe, and little enough to lose when the run is stopped.
        let window = 3 * client.config().max_concurrency / wanted.details_per_page() + 1;
        let reserve = client.config().page_size as usize / 2;
        let mut ahead = LookAhead::new(source, window, reserve, |piece| {
            work(client, wanted, &recent, piece)
        });
        while let Some(done) = ahead.next().await {
            let mut due =
                self.client.requests() >= self.accounted + client.config().max_concurrency as u64;
            match done? {
                Done::Disorder => return Ok(false),
                Done::Spaces(rows) => self.deliver_spaces(&rows)?,
                Done::Page(page, passed, outcome) => self.deliver_page(&page, passed, &outcome)?,
                Done::Users(batch, rows) => self.deliver_users(&batch, &rows)?,
                Done::Mark(place, listed) => {
                    self.run.place = place;
                    self.run.seen |= listed;
                    due = true;
                }
            }
            while let Some(batch) = self.accounts.take(false) {
                ahead.push(Piece::Accounts(batch));
            }
            if due {
                self.checkpoint()?;
            }
        }
        Ok(true)
    }

    /// The rows of the last run that need not come again, if it delivered all that is wanted now.
    fn known_rows(&self) -> Recent {
        let usable =
            self.wanted.since().is_some() && self.state.recent.holds_for(self.wanted.streams());
        if usable {
            self.state.recent.clone()
        } else {
            Recent::default()
        }
    }

    fn deliver_spaces(&mut self, rows: &[SpaceRow]) -> Result<()> {
        for row in rows {
            let created = row.created_at.as_deref().and_then(Timestamp::parse);
            if self.wanted.from(Stream::Users, created) {
                self.accounts.meet(row.author_id.as_deref().into_iter());
            }
        }
        self.run.seen |= !rows.is_empty();
        if self.wanted.has(Stream::Spaces) {
            self.batches.add(Stream::Spaces, rows)
        } else {
            Ok(())
        }
    }

    fn deliver_page(
        &mut self,
        page: &PageRow,
        passed: Option<String>,
        outcome: &Outcome,
    ) -> Result<()> {
        self.run.place.passed = passed;
        self.run.newest = self.run.newest.max(page.modified());
        if page.is_put_away() {
            self.run.put_away.toggle(page);
        }
        if !matches!(outcome, Outcome::Known) {
            self.deliver_row(page)?;
        }
        match outcome {
            Outcome::Known => {}
            Outcome::Read(details) => self.deliver_details(page, details)?,
            Outcome::Gone => {
                self.run.gone += 1;
                self.client.sink().note(&Note::Gone {
                    page_id: &page.source_id,
                });
                return Ok(());
            }
        }
        self.run.recent.remember(page, self.run.newest);
        Ok(())
    }

    fn deliver_row(&mut self, page: &PageRow) -> Result<()> {
        if self.wanted.of_page(Stream::Users, page) {
            self.accounts.meet(page.accounts());
        }
        if self.wanted.of_page(Stream::Pages, page) {
            self.batches
                .add(Stream::Pages, std::slice::from_ref(page))?;
        }
        Ok(())
    }

    fn deliver_details(&mut self, page: &PageRow, details: &Details) -> Result<()> {
        let id = page.source_id.as_str();
        if let Some(versions) = &details.versions {
            if self.wanted.of_page(Stream::Users, page) {
                self.accounts.meet(
                    versions
                        .iter()
                        .filter_map(|version| version.author_id.as_deref()),
                );
            }
            if self.wanted.of_page(Stream::PageVersions, page) {
                self.batches.replace(Stream::PageVersions, id, versions)?;
            }
        }
        if let Some(labels) = &details.labels {
            self.batches.replace(Stream::PageLabels, id, labels)?;
        }
        self.batches
            .add(Stream::PageViews, details.views.as_slice())?;
        self.batches
            .add(Stream::PageContentStates, details.state.as_slice())
    }

    fn deliver_users(&mut self, batch: &[String], rows: &[UserRow]) -> Result<()> {
        self.accounts.delivered(batch);
        self.batches.add(Stream::Users, rows)
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
        if listed || !sees_a_space(self.client).await? {
            return Err(no_space());
        }
        self.run.seen = true;
        Ok(())
    }

    /// Delivers what was archived or trashed since the last run without a new version that would show it.
    async fn put_away(&mut self) -> Result<()> {
        if !self.wanted.has(Stream::Pages) || self.wanted.whole(Stream::Pages) {
            return Ok(());
        }
        let before = self.state.put_away.clone().unwrap_or_default();
        let digest = self.list_put_away(None).await?;
        if digest != before {
            self.list_put_away(Some((&before, &digest))).await?;
        }
        self.run.put_away = digest;
        Ok(())
    }

    /// Lists what is put away, and delivers the rows that may have changed from one digest to another.
    async fn list_put_away(&mut self, change: Option<(&Digest, &Digest)>) -> Result<Digest> {
        let mut digest = Digest::default();
        let ids = ids(self.spaces.as_deref());
        for query in page_queries(&["archived", "trashed"], "id", ids.as_deref()) {
            let mut listing = Listing::new(
                Endpoint::Pages,
                &query,
                self.client.config().page_size,
                None,
            );
            while let Some(bunch) = listing.next(self.client).await? {
                for page in bunch.rows {
                    let page = PageRow::read(page, bunch.base.as_deref())?;
                    digest.toggle(&page);
                    let changed =
                        change.is_some_and(|(before, after)| after.differs(before, &page));
                    if changed && !self.run.recent.has(&page) {
                        self.deliver_put_away(&page)?;
                    }
                }
            }
        }
        Ok(digest)
    }

    fn deliver_put_away(&mut self, page: &PageRow) -> Result<()> {
        if self.wanted.has(Stream::Users) {
            self.accounts.meet(page.accounts());
        }
        self.batches.add(Stream::Pages, std::slice::from_ref(page))
    }

    fn checkpoint(&mut self) -> Result<()> {
        self.run.started = self.began();
        self.run.accounts = self.accounts.outstanding();
        let state = self.state.during(&self.run).write()?;
        if state.len() > MAX_STATE {
            return Ok(());
        }
        self.batches.flush()?;
        self.accounted = self.client.requests();
        self.client.sink().checkpoint(&state).map_err(refused)
    }

    fn began(&self) -> Timestamp {
        self.began.unwrap_or_else(|| self.client.started())
    }

    fn finish(mut self) -> Result<()> {
        self.batches.flush()?;
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
        if self.wanted.has(Stream::Pages) {
            self.state.put_away = Some(self.run.put_away);
        }
        self.state.recent = self.run.recent;
        self.client
            .sink()
            .checkpoint(&self.state.write()?)
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
    recent: &Recent,
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
            let outcome = if recent.has(&page) {
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

/// Looks up accounts. Those that the service doesn't know have no row.
async fn look_up<P: Platform, S: Sink>(
    client: &Client<'_, P, S>,
    batch: &[String],
) -> Result<Vec<UserRow>> {
    let body = serde_json::to_vec(&Lookup { account_ids: batch });
    let body =
        body.map_err(|_| Error::unexpected(Endpoint::Users, "account ids that are no JSON"))?;
    let call = Call {
        body: Some(body),
        ..Call::about(Endpoint::Users, "")
    };
    let response = client.call(&call).await?;
    let users = Fields::parse(Endpoint::Users, &response.body)?.objects("results")?;
    let rows: Vec<_> = users
        .into_iter()
        .map(UserRow::read)
        .collect::<Result<_>>()?;
    let unknown = batch.len().saturating_sub(rows.len());
    if unknown > 0 {
        let message = format!(
            "{unknown} of {} accounts are unknown to the service",
            batch.len()
        );
        client.sink().note(&Note::Log {
            level: "info",
            message: &message,
        });
    }
    Ok(rows)
}

/// Whether the account sees any space.
async fn sees_a_space<P: Platform, S: Sink>(client: &Client<'_, P, S>) -> Result<bool> {
    for step in space_steps(&[]) {
        let mut listing = Listing::new(Endpoint::Spaces, &step.query, 1, None);
        while let Some(page) = listing.next(client).await? {
            if !page.rows.is_empty() {
                return Ok(true);
            }
        }
    }
    Ok(false)
}
