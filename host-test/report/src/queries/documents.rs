//! Lists of documents.

use anyhow::Result;
use rusqlite::{Row, named_params};

use super::row::{day, known_number, number, text};
use super::{
    CHURN, DEACTIVATED, MOST_READ, NEVER_READ, Queries, SINGLE_CONTRIBUTOR_PAGES, UNTOUCHED,
    VIEWS_GAINED,
};
use crate::model::{Churn, Departed, Document, Listing, Orphan, ViewsGained};

impl Queries<'_> {
    pub(super) fn most_read(&self) -> Result<Listing<Document>> {
        self.listing(MOST_READ, named_params! {":until": self.until}, document)
    }

    /// None where nobody keeps figures.
    pub(super) fn views_gained(&self) -> Result<Option<ViewsGained>> {
        let sql = "SELECT 1 FROM sqlite_schema WHERE name = 'confluence_page_views_history'";
        if self.rows(sql, &[], |_| Ok(()))?.is_empty() {
            return Ok(None);
        }
        let mut gained = ViewsGained::default();
        let parameters = named_params! {":until": self.until};
        gained.documents = self.listing(VIEWS_GAINED, parameters, |row| {
            gained.views = number(row, "gained")?;
            gained.since = day(row, "since")?;
            document(row)
        })?;
        Ok(Some(gained))
    }

    pub(super) fn untouched(&self) -> Result<Listing<Document>> {
        let parameters = named_params! {":year_ago": self.year_ago};
        self.listing(UNTOUCHED, parameters, document)
    }

    pub(super) fn never_read(&self) -> Result<Listing<Document>> {
        let parameters = named_params! {":year_ago": self.year_ago};
        self.listing(NEVER_READ, parameters, document)
    }

    pub(super) fn churn(&self) -> Result<Listing<Churn>> {
        let parameters = named_params! {":until": self.until, ":year_ago": self.year_ago};
        self.listing(CHURN, parameters, |row| {
            Ok(Churn {
                title: text(row, "title")?,
                url: text(row, "source_url")?,
                space: text(row, "space")?,
                month: day(row, "period")?,
                versions: number(row, "versions")?,
                contributors: number(row, "contributors")?,
            })
        })
    }

    pub(super) fn single_contributor_pages(&self) -> Result<Listing<Document>> {
        let parameters = named_params! {":until": self.until};
        self.listing(SINGLE_CONTRIBUTOR_PAGES, parameters, document)
    }

    pub(super) fn deactivated(&self) -> Result<Listing<Orphan>> {
        let parameters = named_params! {":until": self.until};
        self.listing(DEACTIVATED, parameters, |row| {
            let owner = number(row, "owner_deactivated")? > 0;
            let contributors = number(row, "contributors_deactivated")? > 0;
            let left = match (owner, contributors) {
                (true, true) => Departed::OwnerAndContributors,
                (true, false) => Departed::Owner,
                (false, _) => Departed::Contributors,
            };
            let document = document(row)?;
            Ok(Orphan { document, left })
        })
    }
}

fn document(row: &Row<'_>) -> rusqlite::Result<Document> {
    Ok(Document {
        title: text(row, "title")?,
        url: text(row, "source_url")?,
        space: text(row, "space")?,
        person: text(row, "person")?,
        updated: day(row, "updated_at")?,
        views: known_number(row, "views_count")?,
    })
}
