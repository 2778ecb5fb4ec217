//! What the report tells.

use jiff::civil::Date;

use super::calendar::{Days, Unit};

/// All that one report tells.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) days: Days,
    pub(super) summary: Summary,
    /// The past year by week.
    pub(super) weeks: Timeline,
    /// All the time that there are documents of, in a unit that shows it whole; of more than a year only.
    pub(super) history: Option<Timeline>,
    pub(super) contributors: Vec<Contributor>,
    pub(super) spread_of_year: Vec<Group>,
    pub(super) spread_of_all_time: Vec<Group>,
    pub(super) most_read: Vec<Document>,
    pub(super) untouched: Vec<Document>,
    pub(super) spaces: Vec<Space>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Summary {
    pub(super) documents: u64,
    /// Documents whose views could be had.
    pub(super) counted: u64,
    pub(super) views: u64,
    pub(super) untouched: u64,
    pub(super) untouched_yet_read: u64,
    pub(super) oldest: Option<Date>,
    pub(super) newest: Option<Date>,
    /// The address of any document, which tells the site.
    pub(super) an_address: Option<String>,
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
    /// Different ones, of all time.
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

#[derive(Debug)]
pub(super) struct Document {
    pub(super) title: Option<String>,
    pub(super) address: Option<String>,
    pub(super) space: Option<String>,
    pub(super) owner: Option<String>,
    pub(super) updated: Option<Date>,
    pub(super) views: u64,
}

#[derive(Debug)]
pub(super) struct Space {
    pub(super) name: Option<String>,
    pub(super) address: Option<String>,
    pub(super) documents: u64,
    pub(super) untouched: u64,
    /// In the past year.
    pub(super) year: Period,
    /// None where nobody could count.
    pub(super) views: Option<u64>,
}

impl Facts {
    /// The past year in one.
    pub(super) fn year(&self) -> Period {
        let periods = self.weeks.periods.iter().map(|(_, period)| period);
        Period {
            new_documents: periods.clone().map(|period| period.new_documents).sum(),
            updates: periods.map(|period| period.updates).sum(),
            contributors: self.spread_of_year.iter().map(|group| group.people).sum(),
        }
    }
}
