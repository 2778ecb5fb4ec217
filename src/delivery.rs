//! How what was read becomes rows: which streams a page or a space feeds, and which accounts it names.

use crate::accounts::Accounts;
use crate::api::page::PageRow;
use crate::api::space::SpaceRow;
use crate::api::user::UserRow;
use crate::api::version::VersionRow;
use crate::details::Details;
use crate::error::Result;
use crate::plan::Wanted;
use crate::sink::{Batches, Sink};
use crate::stream::Stream;
use crate::timestamp::Timestamp;

/// The streams that hang on a page and go with it.
const CHILDREN: [Stream; 4] = [
    Stream::PageVersions,
    Stream::PageLabels,
    Stream::PageViews,
    Stream::PageContentStates,
];

/// Rows on their way to the sink.
#[derive(Debug)]
pub struct Delivery<'a, S> {
    wanted: &'a Wanted,
    batches: Batches<'a, S>,
    /// The accounts met in them.
    pub accounts: Accounts,
}

impl<'a, S: Sink> Delivery<'a, S> {
    /// Delivers what is wanted to `sink`; `accounts` were met before.
    pub fn new(wanted: &'a Wanted, sink: &'a S, accounts: Accounts) -> Self {
        Self {
            wanted,
            batches: Batches::new(sink),
            accounts,
        }
    }

    /// Delivers spaces.
    ///
    /// # Errors
    ///
    /// The sink refuses.
    pub fn spaces(&mut self, rows: &[SpaceRow]) -> Result<()> {
        for row in rows {
            let created = row.created_at.as_deref().and_then(Timestamp::parse);
            if self.wanted.from(Stream::Users, created) {
                self.accounts.meet(row.author_id.as_deref().into_iter());
            }
        }
        if self.wanted.has(Stream::Spaces) {
            self.batches.add(Stream::Spaces, rows)
        } else {
            Ok(())
        }
    }

    /// Delivers a page, without its details.
    ///
    /// # Errors
    ///
    /// The sink refuses.
    pub fn page(&mut self, page: &PageRow) -> Result<()> {
        let wanted = self.wanted;
        self.row(page, |stream| wanted.of_page(stream, page))
    }

    /// Delivers a page that was put away, whenever it was modified.
    ///
    /// # Errors
    ///
    /// The sink refuses.
    pub fn put_away(&mut self, page: &PageRow) -> Result<()> {
        let wanted = self.wanted;
        self.row(page, |stream| wanted.has(stream))
    }

    /// Delivers the details of a page.
    ///
    /// # Errors
    ///
    /// The sink refuses.
    pub fn details(&mut self, page: &PageRow, details: &Details) -> Result<()> {
        let id = page.source_id.as_str();
        if let Some(versions) = &details.versions {
            if self.wanted.of_page(Stream::Users, page) {
                let authors = versions.iter().map(|version| version.author_id.as_deref());
                self.accounts.meet(authors.flatten());
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

    /// Delivers the users of a batch of accounts.
    ///
    /// # Errors
    ///
    /// The sink refuses.
    pub fn users(&mut self, batch: &[String], rows: &[UserRow]) -> Result<()> {
        self.accounts.delivered(batch);
        self.batches.add(Stream::Users, rows)
    }

    /// Hands on what is held back.
    ///
    /// # Errors
    ///
    /// The sink refuses.
    pub fn flush(&mut self) -> Result<()> {
        self.batches.flush()
    }

    fn row(&mut self, page: &PageRow, wants: impl Fn(Stream) -> bool) -> Result<()> {
        if wants(Stream::Users) {
            self.accounts.meet(page.accounts());
        }
        if wants(Stream::Pages) {
            self.batches
                .add(Stream::Pages, std::slice::from_ref(page))?;
        }
        if page.has_details() {
            Ok(())
        } else {
            self.void_children(page)
        }
    }

    /// What belonged to a page in the trash goes with it, also where this run itself delivered it before: the
    /// sweep at the end of a full run would spare it.
    fn void_children(&mut self, page: &PageRow) -> Result<()> {
        let nothing: &[VersionRow] = &[];
        CHILDREN
            .into_iter()
            .filter(|stream| self.wanted.has(*stream))
            .try_for_each(|stream| self.batches.replace(stream, &page.source_id, nothing))
    }
}
