//! What the report says.

use jiff::civil::Date;

use super::calendar::{Days, Unit};

/// All that one report says.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) days: Days,
    pub(super) first_read: FirstRead,
    pub(super) summary: Summary,
    pub(super) views_age: ViewsAge,
    /// The past year by week.
    pub(super) weeks: Timeline,
    /// All the time that there are documents of, in a unit that shows it whole; of more than a year only.
    pub(super) history: Option<Timeline>,
    pub(super) contributors: Contributors,
    pub(super) distribution_of_year: Vec<Group>,
    pub(super) distribution_of_all_time: Vec<Group>,
    pub(super) account_types: Listing<AccountType>,
    pub(super) emails: AllEmails,
    pub(super) most_read: Listing<Document>,
    /// None where the figures are not kept over time.
    pub(super) views_gained: Option<ViewsGained>,
    pub(super) untouched: Listing<Document>,
    pub(super) never_read: Listing<Document>,
    pub(super) churn: Listing<Churn>,
    pub(super) single_contributor_pages: Listing<Document>,
    pub(super) single_contributor_spaces: Listing<SoloSpace>,
    pub(super) deactivated: Listing<Orphan>,
    pub(super) spaces: Listing<Space>,
    pub(super) labels: Labels,
    /// Its total is of spaces, its rows are of their states.
    pub(super) states: Listing<SpaceState>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Summary {
    pub(super) documents: u64,
    /// Documents whose views are known.
    pub(super) counted: u64,
    pub(super) views: u64,
    pub(super) untouched: u64,
    pub(super) untouched_yet_read: u64,
    pub(super) oldest: Option<Date>,
    pub(super) newest: Option<Date>,
    /// The address of any document; its host is the site.
    pub(super) any_url: Option<String>,
}

/// Whether a sync has ever come to the end of pages and versions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum FirstRead {
    /// It has, or the data does not say.
    #[default]
    Complete,
    /// All figures are of what was read so far.
    Partly,
}

/// When the views were read; none where the data does not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct ViewsAge {
    pub(super) oldest: Option<Date>,
    pub(super) newest: Option<Date>,
}

/// Views since the figures that were kept last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ViewsGained {
    pub(super) views: u64,
    /// When the oldest of those figures was read.
    pub(super) since: Option<Date>,
    /// Their views are those that they gained.
    pub(super) documents: Listing<Document>,
}

/// The first rows of a list, and how many rows there are in all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listing<T> {
    pub(super) total: u64,
    pub(super) rows: Vec<T>,
}

impl<T> Default for Listing<T> {
    fn default() -> Self {
        Self {
            total: 0,
            rows: Vec::new(),
        }
    }
}

/// Periods in their order, those in which nothing happened too.
#[derive(Debug, Clone)]
pub(super) struct Timeline {
    pub(super) unit: Unit,
    pub(super) periods: Vec<(Date, Period)>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Period {
    pub(super) new_documents: u32,
    pub(super) updates: u32,
    pub(super) contributors: u32,
}

/// The most active people, those of the past year first.
#[derive(Debug, Default)]
pub(super) struct Contributors {
    pub(super) people: Listing<Contributor>,
    /// All who wrote in the past year.
    pub(super) this_year: u64,
}

#[derive(Debug)]
pub(super) struct Contributor {
    pub(super) id: String,
    pub(super) name: Option<String>,
    /// In the past year.
    pub(super) new_documents: u64,
    /// In the past year.
    pub(super) updates: u64,
    pub(super) this_year: u64,
    pub(super) all_time: u64,
    /// Distinct ones, of all time.
    pub(super) documents: u64,
    pub(super) latest: Option<Date>,
}

/// People who made about as many versions as each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    /// Each made this many versions, or up to the next group's.
    pub(super) at_least: u32,
    pub(super) people: u32,
    pub(super) versions: u32,
    pub(super) makers_of_half: u32,
}

/// The work of the past year by one type of account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AccountType {
    pub(super) name: String,
    pub(super) accounts: u64,
    pub(super) new_documents: u64,
    pub(super) updates: u64,
}

/// How many accounts there are, and how many of them have no e-mail address.
#[derive(Debug, Default)]
pub(super) struct AllEmails {
    pub(super) accounts: u64,
    pub(super) without_email: u64,
    pub(super) groups: Listing<Emails>,
}

/// How many accounts of one type and status have no e-mail address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Emails {
    pub(super) account_type: String,
    pub(super) account_status: String,
    pub(super) accounts: u64,
    pub(super) without_email: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Document {
    pub(super) title: Option<String>,
    pub(super) url: Option<String>,
    pub(super) space: Option<String>,
    /// The owner, or the only contributor.
    pub(super) person: Option<String>,
    pub(super) updated: Option<Date>,
    /// None where they are not known.
    pub(super) views: Option<u64>,
}

/// A document whose people have left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Orphan {
    pub(super) document: Document,
    pub(super) left: Departed,
}

/// Whose accounts are deactivated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Departed {
    Owner,
    Contributors,
    OwnerAndContributors,
}

/// A document and the month in which it changed most often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Churn {
    pub(super) title: Option<String>,
    pub(super) url: Option<String>,
    pub(super) space: Option<String>,
    pub(super) month: Option<Date>,
    pub(super) versions: u64,
    pub(super) contributors: u64,
}

#[derive(Debug)]
pub(super) struct Space {
    pub(super) name: Option<String>,
    pub(super) url: Option<String>,
    pub(super) documents: u64,
    pub(super) untouched: u64,
    /// In the past year.
    pub(super) year: Period,
    /// None where they are not known.
    pub(super) views: Option<u64>,
}

/// A space that one person wrote alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SoloSpace {
    pub(super) name: Option<String>,
    pub(super) url: Option<String>,
    pub(super) person: Option<String>,
    pub(super) documents: u64,
}

/// How many documents there are, and how many of them have no label.
#[derive(Debug, Default)]
pub(super) struct Labels {
    pub(super) documents: u64,
    pub(super) unlabeled: u64,
    /// Its total is of the spaces that have documents without a label.
    pub(super) spaces: Listing<SpaceLabels>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SpaceLabels {
    pub(super) name: Option<String>,
    pub(super) url: Option<String>,
    pub(super) documents: u64,
    pub(super) unlabeled: u64,
}

/// How many documents of a space are in one content state, and how many there are in the space and with any state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SpaceState {
    pub(super) space_id: Option<String>,
    pub(super) space: Option<String>,
    pub(super) url: Option<String>,
    /// None for those without a state.
    pub(super) state: Option<String>,
    pub(super) documents: u64,
    pub(super) documents_of_space: u64,
    pub(super) with_state: u64,
}

impl Report {
    /// The past year as one period.
    pub(super) fn year(&self) -> Period {
        let periods = self.weeks.periods.iter().map(|(_, period)| period);
        Period {
            new_documents: total(periods.clone().map(|period| period.new_documents)),
            updates: total(periods.map(|period| period.updates)),
            contributors: total(self.distribution_of_year.iter().map(|group| group.people)),
        }
    }
}

/// A sum that stays at the largest number: whoever wrote the tables chose the numbers.
pub(super) fn total(numbers: impl Iterator<Item = u32>) -> u32 {
    numbers.fold(0, u32::saturating_add)
}
