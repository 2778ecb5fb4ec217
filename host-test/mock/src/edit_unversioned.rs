//! Edits that make no version, so that a listing by date of change does not show them.

use super::corpus::Corpus;
use super::edit::NotInCorpus;

impl Corpus {
    /// Moves a page under another parent, or to the top of its space; the version stays (measured).
    ///
    /// # Errors
    /// When there is no such page.
    pub fn move_page(&mut self, id: &str, parent: Option<&str>) -> Result<(), NotInCorpus> {
        let page = self.page_mut(id)?;
        page.parent_id = parent.map(str::to_owned);
        page.parent_type = parent.map(|_| "page".to_owned());
        page.position = parent.map(|_| page.position.unwrap_or(0).wrapping_add(1));
        page.omitted.clear();
        Ok(())
    }

    /// Moves a page to another space; the version stays.
    ///
    /// # Errors
    /// When there is no such page.
    pub fn move_page_to_space(&mut self, id: &str, space_id: &str) -> Result<(), NotInCorpus> {
        space_id.clone_into(&mut self.page_mut(id)?.space_id);
        self.move_page(id, None)
    }

    /// Gives a page to another account; the version stays.
    ///
    /// # Errors
    /// When there is no such page.
    pub fn change_owner(&mut self, id: &str, owner: &str) -> Result<(), NotInCorpus> {
        let page = self.page_mut(id)?;
        page.last_owner_id = page.owner_id.replace(owner.to_owned());
        page.omitted.clear();
        Ok(())
    }

    /// Adds to the number of times that a page was read; a page without analytics gets them.
    ///
    /// # Errors
    /// When there is no such page.
    pub fn view_page(&mut self, id: &str, times: u64) -> Result<(), NotInCorpus> {
        let page = self.page_mut(id)?;
        page.views = Some(page.views.unwrap_or(0).saturating_add(times));
        Ok(())
    }

    /// Archives a page; the version stays.
    ///
    /// # Errors
    /// When there is no such page.
    pub fn archive_page(&mut self, id: &str) -> Result<(), NotInCorpus> {
        "archived".clone_into(&mut self.page_mut(id)?.status);
        Ok(())
    }

    /// Takes a page out of the archive or the trash; the version stays.
    ///
    /// # Errors
    /// When there is no such page.
    pub fn restore_page(&mut self, id: &str) -> Result<(), NotInCorpus> {
        "current".clone_into(&mut self.page_mut(id)?.status);
        Ok(())
    }
}
