//! New documents, updates and contributors over time.

use std::collections::BTreeMap;

use anyhow::Result;
use jiff::ToSpan as _;
use jiff::civil::Date;
use rusqlite::named_params;

use super::row::{day, small_number};
use super::{ACTIVITY, Queries};
use crate::calendar::Unit;
use crate::model::{Period, Timeline};

/// Longer than any wiki exists: a wrong date of the year 1 must not make two thousand bars.
const LONGEST_HISTORY_YEARS: i64 = 50;

impl Queries<'_> {
    pub(super) fn weeks(&self) -> Result<Timeline> {
        self.timeline(Unit::Week, self.days.year_ago)
    }

    pub(super) fn history(&self, oldest: Option<Date>) -> Result<Option<Timeline>> {
        let Some(oldest) = oldest.filter(|oldest| *oldest < self.days.year_ago) else {
            return Ok(None);
        };
        let as_of = self.days.as_of;
        let since = oldest.max(as_of.saturating_sub(LONGEST_HISTORY_YEARS.years()));
        self.timeline(Unit::fitting(since, as_of), since).map(Some)
    }

    fn timeline(&self, unit: Unit, since: Date) -> Result<Timeline> {
        let parameters = named_params! {
            ":unit": unit.name(), ":since": since.to_string(), ":until": self.until,
        };
        let active = self.rows(ACTIVITY, parameters, |row| {
            let period = Period {
                new_documents: small_number(row, "new_documents")?,
                updates: small_number(row, "updates")?,
                contributors: small_number(row, "contributors")?,
            };
            Ok(day(row, "period")?.map(|first_day| (first_day, period)))
        })?;
        let active: BTreeMap<Date, Period> = active.into_iter().flatten().collect();
        let periods = unit.periods(since, self.days.as_of).map(|first_day| {
            (
                first_day,
                active.get(&first_day).copied().unwrap_or_default(),
            )
        });
        Ok(Timeline {
            unit,
            periods: periods.collect(),
        })
    }
}
