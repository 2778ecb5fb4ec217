//! What people do to a site while it is being read: edits, trash, labels, states.
//!
//! What bumps a page's version is as measured (markfluence docs/confluence, 2026): edits and states
//! do, labels do not, and whether trash does is not known, so both can be had.

use super::corpus::{ContentState, Corpus, Label, Page, PageLinks, StateResponse, Version};

/// A page or version that the corpus does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the corpus has no {0}")]
pub struct NotInCorpus(pub String);

/// The distance between made-up ids.
const ID_STEP: u64 = 32_768;

impl Corpus {
    /// The page of this id, to change.
    pub(super) fn page_mut(&mut self, id: &str) -> Result<&mut Page, NotInCorpus> {
        self.pages
            .iter_mut()
            .find(|page| page.id == id)
            .ok_or_else(|| NotInCorpus(format!("page {id}")))
    }

    /// Saves a page again at `at` (RFC 3339); returns the new version's number.
    ///
    /// # Errors
    /// When there is no such page.
    pub fn edit_page(&mut self, id: &str, at: &str, author: &str) -> Result<u32, NotInCorpus> {
        Ok(add_version(self.page_mut(id)?, at, Some(author)))
    }

    /// Makes a page with one version; returns its id, the highest of all.
    pub fn create_page(&mut self, space_id: &str, title: &str, at: &str, author: &str) -> String {
        let ids = self.pages.iter().map(|page| &page.id).chain(&self.purged);
        let highest = ids
            .filter_map(|id| id.parse::<u64>().ok())
            .max()
            .unwrap_or(4_000_000_000);
        let id = (highest + ID_STEP).to_string();
        let mut page = Page {
            id: id.clone(),
            status: "current".to_owned(),
            title: title.to_owned(),
            space_id: space_id.to_owned(),
            author_id: Some(author.to_owned()),
            owner_id: Some(author.to_owned()),
            created_at: at.to_owned(),
            views: Some(0),
            links: Some(PageLinks {
                webui: format!("/spaces/x/pages/{id}"),
                ..PageLinks::default()
            }),
            ..Page::default()
        };
        add_version(&mut page, at, Some(author));
        self.pages.push(page);
        id
    }

    /// Gives a page another title, in a new version.
    ///
    /// # Errors
    /// When there is no such page.
    pub fn rename_page(
        &mut self,
        id: &str,
        title: &str,
        at: &str,
        author: &str,
    ) -> Result<u32, NotInCorpus> {
        title.clone_into(&mut self.page_mut(id)?.title);
        self.edit_page(id, at, author)
    }

    /// Moves a page to the trash, with a new version at `at` when that is given.
    ///
    /// # Errors
    /// When there is no such page.
    pub fn trash_page(&mut self, id: &str, at: Option<&str>) -> Result<(), NotInCorpus> {
        let page = self.page_mut(id)?;
        "trashed".clone_into(&mut page.status);
        if let Some(at) = at {
            let author = page.author_id.clone();
            add_version(page, at, author.as_deref());
        }
        Ok(())
    }

    /// Removes a page for good.
    ///
    /// # Errors
    /// When there is no such page.
    pub fn purge_page(&mut self, id: &str) -> Result<(), NotInCorpus> {
        self.page_mut(id)?;
        self.pages.retain(|page| page.id != id);
        self.purged.push(id.to_owned());
        Ok(())
    }

    /// Gives a page exactly these labels; the version stays.
    ///
    /// # Errors
    /// When there is no such page.
    pub fn set_labels(&mut self, id: &str, names: &[&str]) -> Result<(), NotInCorpus> {
        let labels = names.iter().map(|name| self.label(name)).collect();
        self.page_mut(id)?.labels = labels;
        Ok(())
    }

    /// Adds a label to a page that does not have it; the version stays.
    ///
    /// # Errors
    /// When there is no such page.
    pub fn add_label(&mut self, id: &str, name: &str) -> Result<(), NotInCorpus> {
        let label = self.label(name);
        let labels = &mut self.page_mut(id)?.labels;
        if labels.iter().all(|known| known.id != label.id) {
            labels.push(label);
        }
        Ok(())
    }

    /// Removes a label from a page; the version stays.
    ///
    /// # Errors
    /// When there is no such page.
    pub fn remove_label(&mut self, id: &str, name: &str) -> Result<(), NotInCorpus> {
        self.page_mut(id)?.labels.retain(|label| label.name != name);
        Ok(())
    }

    /// The label of this name: the one that some page has, or a new one.
    fn label(&self, name: &str) -> Label {
        let mut known = self.pages.iter().flat_map(|page| &page.labels);
        known
            .find(|label| label.name == name)
            .cloned()
            .unwrap_or_else(|| Label {
                id: name
                    .bytes()
                    .fold(900_000_000_u64, |id, byte| {
                        (id * 31 + u64::from(byte)) % 1_000_000_007 + 900_000_000
                    })
                    .to_string(),
                name: name.to_owned(),
                prefix: "global".to_owned(),
            })
    }

    /// Sets a page's content state, or removes it; both make a new version.
    ///
    /// # Errors
    /// When there is no such page.
    pub fn set_state(
        &mut self,
        id: &str,
        name: Option<&str>,
        at: &str,
        author: &str,
    ) -> Result<(), NotInCorpus> {
        let page = self.page_mut(id)?;
        page.state = Some(StateResponse {
            content_state: name.map(|name| ContentState {
                id: 3,
                name: name.to_owned(),
                color: "#57d9a3".to_owned(),
            }),
            last_updated: Some(at.to_owned()),
        });
        add_version(page, at, Some(author));
        Ok(())
    }

    /// Deletes one version; the later ones are renumbered.
    ///
    /// # Errors
    /// When there is no such page or version.
    pub fn delete_version(&mut self, id: &str, number: u32) -> Result<(), NotInCorpus> {
        let page = self.page_mut(id)?;
        let before = page.versions.len();
        page.versions.retain(|version| version.number != number);
        if page.versions.len() == before {
            return Err(NotInCorpus(format!("version {number} of page {id}")));
        }
        for version in &mut page.versions {
            if version.number > number {
                version.number -= 1;
            }
        }
        Ok(())
    }
}

fn add_version(page: &mut Page, at: &str, author: Option<&str>) -> u32 {
    let number = page.versions.last().map_or(0, |version| version.number) + 1;
    page.versions.push(Version {
        number,
        created_at: at.to_owned(),
        message: Some(String::new()),
        minor_edit: false,
        author_id: author.map(str::to_owned),
    });
    number
}

#[cfg(test)]
mod tests;
