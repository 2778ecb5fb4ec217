//! What happens to the accounts of a site while it is read.

use super::corpus::{Corpus, User};
use super::edit::NotInCorpus;

impl Corpus {
    fn user_mut(&mut self, account_id: &str) -> Result<&mut User, NotInCorpus> {
        self.users
            .iter_mut()
            .find(|user| user.account_id == account_id)
            .ok_or_else(|| NotInCorpus(format!("user {account_id}")))
    }

    /// Gives an account another name.
    ///
    /// # Errors
    /// When there is no such account.
    pub fn rename_user(&mut self, account_id: &str, name: &str) -> Result<(), NotInCorpus> {
        let user = self.user_mut(account_id)?;
        name.clone_into(&mut user.display_name);
        name.clone_into(&mut user.public_name);
        Ok(())
    }

    /// Deactivates an account: its name says so (measured).
    ///
    /// # Errors
    /// When there is no such account.
    pub fn deactivate_user(&mut self, account_id: &str) -> Result<(), NotInCorpus> {
        let user = self.user_mut(account_id)?;
        "inactive".clone_into(&mut user.account_status);
        let name = format!("{} (Deactivated)", user.public_name);
        self.rename_user(account_id, &name)
    }

    /// Removes an account: from now on users-bulk leaves it out.
    ///
    /// # Errors
    /// When there is no such account.
    pub fn remove_user(&mut self, account_id: &str) -> Result<(), NotInCorpus> {
        self.user_mut(account_id)?;
        self.users.retain(|user| user.account_id != account_id);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::CorpusSpec;

    #[test]
    fn accounts_change_and_go() {
        let mut corpus = Corpus::generate(&CorpusSpec::default());
        let id = corpus.users[0].account_id.clone();
        corpus.rename_user(&id, "Ada Byron").unwrap();
        corpus.deactivate_user(&id).unwrap();
        assert_eq!(corpus.users[0].display_name, "Ada Byron (Deactivated)");
        assert_eq!(corpus.users[0].account_status, "inactive");
        corpus.remove_user(&id).unwrap();
        assert!(corpus.users.iter().all(|user| user.account_id != id));
        assert!(corpus.rename_user(&id, "x").is_err());
    }
}
