//! What people do to a site while it is being read: edits, trash, labels, states.
//!
//! What bumps a page's version is as measured (markfluence docs/confluence, 2026): edits and states
//! do, labels do not, and whether trash does is not known, so both can be had.

use super::corpus::{ContentState, Corpus, Label, Page, PageLinks, StateResponse, Version};

/// A page or version that the corpus does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the corpus has no {0}")]
pub struct Unknown(pub String);

/// The distance between made-up ids.
const ID_STEP: u64 = 32_768;

impl Corpus {
    fn page_mut(&mut self, id: &str) -> Result<&mut Page, Unknown> {
        self.pages
            .iter_mut()
            .find(|page| page.id == id)
            .ok_or_else(|| Unknown(format!("page {id}")))
    }

    /// Saves a page again at `at` (RFC 3339); returns the new version's number.
    ///
    /// # Errors
    /// When there is no such page.
    pub fn edit_page(&mut self, id: &str, at: &str, author: &str) -> Result<u32, Unknown> {
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

    /// Moves a page to the trash, with a new version at `at` when that is given.
    ///
    /// # Errors
    /// When there is no such page.
    pub fn trash_page(&mut self, id: &str, at: Option<&str>) -> Result<(), Unknown> {
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
    pub fn purge_page(&mut self, id: &str) -> Result<(), Unknown> {
        self.page_mut(id)?;
        self.pages.retain(|page| page.id != id);
        self.purged.push(id.to_owned());
        Ok(())
    }

    /// Gives a page exactly these labels; the version stays.
    ///
    /// # Errors
    /// When there is no such page.
    pub fn set_labels(&mut self, id: &str, names: &[&str]) -> Result<(), Unknown> {
        let labels = names.iter().map(|name| self.label(name)).collect();
        self.page_mut(id)?.labels = labels;
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
    ) -> Result<(), Unknown> {
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
    pub fn delete_version(&mut self, id: &str, number: u32) -> Result<(), Unknown> {
        let page = self.page_mut(id)?;
        let before = page.versions.len();
        page.versions.retain(|version| version.number != number);
        if page.versions.len() == before {
            return Err(Unknown(format!("version {number} of page {id}")));
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
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::Sizes;

    const AT: &str = "2026-10-02T00:00:00.000Z";

    fn corpus() -> (Corpus, String) {
        let corpus = Corpus::generate(&Sizes::default());
        let page = corpus
            .pages
            .iter()
            .find(|page| page.versions.len() > 3)
            .unwrap();
        let id = page.id.clone();
        (corpus, id)
    }

    #[test]
    fn edits_and_states_make_versions_and_labels_do_not() {
        let (mut corpus, id) = corpus();
        let before = corpus.page(&id).unwrap().versions.len();
        corpus.edit_page(&id, AT, "a").unwrap();
        corpus.set_state(&id, None, AT, "a").unwrap();
        corpus.set_labels(&id, &["new", "newer"]).unwrap();
        let page = corpus.page(&id).unwrap();
        assert_eq!(
            (page.versions.len(), page.labels.len(), page.modified_at()),
            (before + 2, 2, AT)
        );
        assert_eq!(page.state.as_ref().unwrap().content_state, None);
    }

    #[test]
    fn deleting_a_version_renumbers_the_later_ones() {
        let (mut corpus, id) = corpus();
        let before = corpus.page(&id).unwrap().versions.clone();
        corpus.delete_version(&id, 2).unwrap();
        let after = &corpus.page(&id).unwrap().versions;
        assert_eq!(
            after.get(1).unwrap().created_at,
            before.get(2).unwrap().created_at
        );
        assert!(
            after
                .iter()
                .map(|version| version.number)
                .eq(1..u32::try_from(before.len()).unwrap())
        );
        assert!(corpus.delete_version(&id, 9_999).is_err());
    }

    #[test]
    fn pages_come_and_go() {
        let (mut corpus, id) = corpus();
        let count = corpus.pages.len();
        let space = corpus.page(&id).unwrap().space_id.clone();
        let made = corpus.create_page(&space, "New", AT, "a");
        corpus.trash_page(&id, None).unwrap();
        corpus
            .trash_page(&made, Some("2026-10-03T00:00:00.000Z"))
            .unwrap();
        assert_eq!(corpus.page(&made).unwrap().versions.len(), 2);
        assert_eq!(corpus.page(&id).unwrap().status, "trashed");
        corpus.purge_page(&made).unwrap();
        assert_eq!(corpus.pages.len(), count);
        assert_eq!(
            corpus.edit_page(&made, AT, "a"),
            Err(Unknown(format!("page {made}")))
        );
        assert_ne!(
            corpus.create_page(&space, "Newer", AT, "a"),
            made,
            "ids are never used twice"
        );
    }
}
