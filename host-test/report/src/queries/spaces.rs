//! Figures by space.

use anyhow::Result;
use rusqlite::named_params;

use super::row::{known_number, number, small_number, text};
use super::{LABELS, Queries, SINGLE_CONTRIBUTOR_SPACES, SPACES, STATES};
use crate::model::{Labels, Listing, Period, SoloSpace, Space, SpaceLabels, SpaceState};

impl Queries<'_> {
    pub(super) fn spaces(&self) -> Result<Listing<Space>> {
        let parameters = named_params! {":until": self.until, ":year_ago": self.year_ago};
        self.listing(SPACES, parameters, |row| {
            Ok(Space {
                name: text(row, "name")?,
                url: text(row, "source_url")?,
                documents: number(row, "documents")?,
                untouched: number(row, "untouched")?,
                year: Period {
                    new_documents: small_number(row, "new_documents")?,
                    updates: small_number(row, "updates")?,
                    contributors: small_number(row, "contributors")?,
                },
                views: known_number(row, "views")?,
            })
        })
    }

    pub(super) fn single_contributor_spaces(&self) -> Result<Listing<SoloSpace>> {
        let parameters = named_params! {":until": self.until};
        self.listing(SINGLE_CONTRIBUTOR_SPACES, parameters, |row| {
            Ok(SoloSpace {
                name: text(row, "name")?,
                url: text(row, "source_url")?,
                person: text(row, "person")?,
                documents: number(row, "documents")?,
            })
        })
    }

    pub(super) fn labels(&self) -> Result<Labels> {
        let mut found = Labels::default();
        let parameters = named_params! {":until": self.until};
        found.spaces = self.listing(LABELS, parameters, |row| {
            found.documents = number(row, "total_documents")?;
            found.unlabeled = number(row, "total_unlabeled")?;
            Ok(SpaceLabels {
                name: text(row, "name")?,
                url: text(row, "source_url")?,
                documents: number(row, "documents")?,
                unlabeled: number(row, "unlabeled")?,
            })
        })?;
        found.spaces.rows.retain(|space| space.unlabeled > 0);
        Ok(found)
    }

    pub(super) fn states(&self) -> Result<Listing<SpaceState>> {
        self.listing(STATES, named_params! {":until": self.until}, |row| {
            Ok(SpaceState {
                space_id: text(row, "space_id")?,
                space: text(row, "name")?,
                url: text(row, "source_url")?,
                state: text(row, "content_state_name")?,
                documents: number(row, "documents")?,
                documents_of_space: number(row, "documents_of_space")?,
                with_state: number(row, "with_state")?,
            })
        })
    }
}
