//! How what was read becomes rows: which streams a page or a space feeds, and which accounts it names.

use std::collections::HashSet;

use serde::Serialize;

use crate::api::page::PageRow;
use crate::api::space::SpaceRow;
use crate::api::user::UserRow;
use crate::error::Result;
use crate::sink::Sink;
use crate::state::StreamSet;
use crate::stream::Stream;
use crate::sync::batches::Batches;
use crate::sync::page_details::PageDetails;
use crate::sync::per_stream::Counts;
use crate::sync::selection::{DETAILS, Selection};
use crate::sync::users::Accounts;
use crate::timestamp::Timestamp;

/// Writes rows of the selected streams to the sink.
#[derive(Debug)]
pub(super) struct RowWriter<'a, S> {
    selection: &'a Selection,
    batches: Batches<'a, S>,
    /// The pages of which rows are in open batches.
    open_pages: HashSet<String>,
    /// The accounts seen in the rows.
    pub(super) accounts: Accounts,
    /// Rows written, by stream.
    pub(super) rows: Counts,
}

/// The partial key of the rows that hang on a page.
#[must_use]
pub(super) fn page_key(page_id: &str) -> String {
    key("page_id", page_id)
}

fn key(column: &str, id: &str) -> String {
    // A text always serializes.
    let id = serde_json::to_string(id).unwrap_or_default();
    format!("{{\"{column}\":{id}}}")
}

impl<'a, S: Sink> RowWriter<'a, S> {
    /// Writes what is selected to `sink`; `accounts` were seen before.
    pub(super) fn new(selection: &'a Selection, sink: &'a S, accounts: Accounts) -> Self {
        let mut rows = Counts::default();
        for stream in selection.streams().iter() {
            *rows.of_mut(stream) = Some(0);
        }
        Self {
            selection,
            batches: Batches::new(sink),
            open_pages: HashSet::new(),
            accounts,
            rows,
        }
    }

    /// Writes spaces.
    ///
    /// # Errors
    ///
    /// The sink takes no more.
    pub(super) fn spaces(&mut self, rows: &[SpaceRow]) -> Result<()> {
        for row in rows {
            let created = row.created_at.as_deref().and_then(Timestamp::parse);
            if self.selection.at(created).contains(Stream::Users) {
                self.accounts.observe(row.author_id.as_deref().into_iter());
            }
        }
        if self.selection.has(Stream::Spaces) {
            self.add(Stream::Spaces, rows)?;
        }
        Ok(())
    }

    /// Writes the rows of a page that these streams have without its details.
    ///
    /// # Errors
    ///
    /// The sink takes no more.
    pub(super) fn page(&mut self, page: &PageRow, streams: StreamSet) -> Result<()> {
        if streams.contains(Stream::Users) {
            self.accounts.observe(page.accounts());
        }
        if !page.has_details() {
            self.delete_children(&page.source_id)?;
        }
        if streams.contains(Stream::Pages) {
            self.open_pages.insert(page.source_id.clone());
            self.add(Stream::Pages, [page])?;
        }
        Ok(())
    }

    /// Writes the details of a page for these streams.
    ///
    /// # Errors
    ///
    /// The sink takes no more.
    pub(super) fn details(
        &mut self,
        page: &PageRow,
        details: &PageDetails,
        streams: StreamSet,
    ) -> Result<()> {
        let id = page.source_id.as_str();
        self.open_pages.insert(id.to_owned());
        if let Some(versions) = details.versions.rows() {
            if streams.contains(Stream::Users) {
                let authors = versions.iter().map(|version| version.author_id.as_deref());
                self.accounts.observe(authors.flatten());
            }
            if streams.contains(Stream::PageVersions) {
                self.replace(Stream::PageVersions, id, versions)?;
            }
        }
        if let Some(labels) = details.labels.rows() {
            self.replace(Stream::PageLabels, id, labels)?;
        }
        self.add(Stream::PageViews, details.views.rows())?;
        self.add(Stream::PageContentStates, details.state.rows())
    }

    /// Writes users.
    ///
    /// # Errors
    ///
    /// The sink takes no more.
    pub(super) fn users(&mut self, rows: &[UserRow]) -> Result<()> {
        self.add(Stream::Users, rows)
    }

    /// Voids all rows of a page that no longer exists.
    ///
    /// # Errors
    ///
    /// The sink takes no more.
    pub(super) fn void_page(&mut self, page_id: &str) -> Result<()> {
        self.delete_children(page_id)?;
        if self.selection.has(Stream::Pages) {
            self.batches
                .void(Stream::Pages, key("source_id", page_id))?;
        }
        Ok(())
    }

    /// Emits what is held back.
    ///
    /// # Errors
    ///
    /// The sink takes no more.
    pub(super) fn flush(&mut self) -> Result<()> {
        self.open_pages.clear();
        self.batches.flush()
    }

    /// What hangs on a trashed page goes with it, also where this run itself delivered it before: the sweep at the
    /// end of a snapshot would spare it.
    fn delete_children(&mut self, page_id: &str) -> Result<()> {
        // A batch applies its replacements before its rows, so rows of this page would stay.
        if self.open_pages.contains(page_id) {
            self.flush()?;
        }
        let selected = DETAILS.into_iter();
        for stream in selected.filter(|stream| self.selection.has(*stream)) {
            self.batches.void(stream, page_key(page_id))?;
        }
        Ok(())
    }

    fn replace(&mut self, stream: Stream, page_id: &str, rows: &[impl Serialize]) -> Result<()> {
        self.batches.void(stream, page_key(page_id))?;
        self.add(stream, rows)
    }

    fn add<'r, T: Serialize + 'r>(
        &mut self,
        stream: Stream,
        rows: impl IntoIterator<Item = &'r T>,
    ) -> Result<()> {
        for row in rows {
            self.rows.increment(stream);
            self.batches.add(stream, row)?;
        }
        Ok(())
    }
}
