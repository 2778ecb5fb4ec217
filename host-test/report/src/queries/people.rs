//! Contributors, how the work is distributed over them, and accounts.

use anyhow::Result;
use jiff::civil::Date;
use rusqlite::named_params;

use super::row::{day, number, small_number, text};
use super::{ACCOUNT_TYPES, CONTRIBUTORS, DISTRIBUTION, EMAILS, Queries};
use crate::model::{AccountType, AllEmails, Contributor, Contributors, Emails, Group, Listing};

impl Queries<'_> {
    pub(super) fn contributors(&self) -> Result<Contributors> {
        let mut found = Contributors::default();
        let parameters = named_params! {":until": self.until, ":year_ago": self.year_ago};
        found.people = self.listing(CONTRIBUTORS, parameters, |row| {
            found.this_year = number(row, "total_this_year")?;
            Ok(Contributor {
                id: text(row, "author_id")?.unwrap_or_default(),
                name: text(row, "name")?,
                new_documents: number(row, "new_documents")?,
                updates: number(row, "updates")?,
                this_year: number(row, "this_year")?,
                all_time: number(row, "all_time")?,
                documents: number(row, "documents")?,
                latest: day(row, "latest")?,
            })
        })?;
        Ok(found)
    }

    pub(super) fn distribution(&self, since: Date) -> Result<Vec<Group>> {
        let parameters = named_params! {":since": since.to_string(), ":until": self.until};
        self.rows(DISTRIBUTION, parameters, |row| {
            Ok(Group {
                at_least: small_number(row, "at_least")?,
                people: small_number(row, "people")?,
                versions: small_number(row, "versions")?,
                makers_of_half: small_number(row, "makers_of_half")?,
            })
        })
    }

    pub(super) fn account_types(&self) -> Result<Listing<AccountType>> {
        let parameters = named_params! {":until": self.until, ":year_ago": self.year_ago};
        self.listing(ACCOUNT_TYPES, parameters, |row| {
            Ok(AccountType {
                name: text(row, "account_type")?.unwrap_or_default(),
                accounts: number(row, "accounts")?,
                new_documents: number(row, "new_documents")?,
                updates: number(row, "updates")?,
            })
        })
    }

    pub(super) fn emails(&self) -> Result<AllEmails> {
        let mut found = AllEmails::default();
        found.groups = self.listing(EMAILS, &[], |row| {
            found.accounts = number(row, "total_accounts")?;
            found.without_email = number(row, "total_without_email")?;
            Ok(Emails {
                account_type: text(row, "account_type")?.unwrap_or_default(),
                account_status: text(row, "account_status")?.unwrap_or_default(),
                accounts: number(row, "accounts")?,
                without_email: number(row, "without_email")?,
            })
        })?;
        Ok(found)
    }
}
