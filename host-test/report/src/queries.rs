//! The questions, asked of the `confluence_…` tables by the SQL files beside this one.
//!
//! The SQL is in PostgreSQL's words, so that it runs in a warehouse that holds the same tables: the report shows
//! it, and keeps nothing back but the dates that it is asked with.

use std::collections::BTreeMap;

use anyhow::Result;
use jiff::ToSpan as _;
use jiff::civil::{Date, date};
use rusqlite::{Connection, Row, ToSql, named_params};

use super::calendar::{self, Days, Unit};
use super::facts::{Contributor, Document, Facts, Group, Period, Space, Summary, Timeline};

pub(super) const SUMMARY: &str = include_str!("summary.sql");
pub(super) const ACTIVITY: &str = include_str!("activity.sql");
pub(super) const CONTRIBUTORS: &str = include_str!("contributors.sql");
pub(super) const SPREAD: &str = include_str!("spread.sql");
pub(super) const MOST_READ: &str = include_str!("most_read.sql");
pub(super) const UNTOUCHED: &str = include_str!("untouched.sql");
pub(super) const SPACES: &str = include_str!("spaces.sql");

/// Longer ago than any wiki: a wrong date of the year 1 shall not make two thousand bars.
const LONGEST_HISTORY_YEARS: i64 = 50;

/// Before anything that Confluence knows of.
const BEGINNING: Date = date(1, 1, 1);

/// Asks for everything, of one moment's data.
pub(super) fn ask(database: &mut Connection, as_of: Date) -> Result<Facts> {
    calendar::teach(database)?;
    let days = Days::of(as_of);
    let database = database.transaction()?;
    let asked = Asked {
        database: &database,
        until: days.until.to_string(),
        year_ago: days.year_ago.to_string(),
        days,
    };
    let summary = asked.summary()?;
    Ok(Facts {
        days,
        weeks: asked.timeline(Unit::Week, days.year_ago)?,
        history: asked.history(summary.oldest)?,
        summary,
        contributors: asked.contributors()?,
        spread_of_year: asked.spread(days.year_ago)?,
        spread_of_all_time: asked.spread(BEGINNING)?,
        most_read: asked.most_read()?,
        untouched: asked.untouched()?,
        spaces: asked.spaces()?,
    })
}

/// One database, asked about the same days.
struct Asked<'a> {
    database: &'a Connection,
    days: Days,
    until: String,
    year_ago: String,
}

impl Asked<'_> {
    fn rows<T>(
        &self,
        sql: &str,
        parameters: &[(&str, &dyn ToSql)],
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let mut statement = self.database.prepare(sql)?;
        let rows = statement.query_map(parameters, read)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    fn summary(&self) -> Result<Summary> {
        let parameters = named_params! {":until": self.until, ":year_ago": self.year_ago};
        let read = |row: &Row<'_>| {
            Ok(Summary {
                documents: row.get("documents")?,
                counted: row.get("documents_counted")?,
                views: row.get("views")?,
                untouched: row.get("untouched")?,
                untouched_yet_read: row.get("untouched_yet_read")?,
                oldest: day(row, "oldest")?,
                newest: day(row, "newest")?,
                an_address: row.get("an_address")?,
            })
        };
        Ok(self.database.query_row(SUMMARY, parameters, read)?)
    }

    fn timeline(&self, unit: Unit, since: Date) -> Result<Timeline> {
        let read = |row: &Row<'_>| {
            let period = Period {
                new_documents: row.get("new_documents")?,
                updates: row.get("updates")?,
                contributors: row.get("contributors")?,
            };
            Ok(day(row, "period")?.map(|first_day| (first_day, period)))
        };
        let parameters = named_params! {
            ":unit": unit.name(), ":since": since.to_string(), ":until": self.until,
        };
        let busy = self.rows(ACTIVITY, parameters, read)?;
        let busy: BTreeMap<Date, Period> = busy.into_iter().flatten().collect();
        let periods = unit
            .periods(since, self.days.as_of)
            .map(|first_day| (first_day, busy.get(&first_day).copied().unwrap_or_default()));
        Ok(Timeline {
            unit,
            periods: periods.collect(),
        })
    }

    fn history(&self, oldest: Option<Date>) -> Result<Option<Timeline>> {
        let Some(oldest) = oldest.filter(|oldest| *oldest < self.days.year_ago) else {
            return Ok(None);
        };
        let as_of = self.days.as_of;
        let since = oldest.max(as_of.saturating_sub(LONGEST_HISTORY_YEARS.years()));
        self.timeline(Unit::fitting(since, as_of), since).map(Some)
    }

    fn contributors(&self) -> Result<Vec<Contributor>> {
        let parameters = named_params! {":until": self.until, ":year_ago": self.year_ago};
        self.rows(CONTRIBUTORS, parameters, |row| {
            Ok(Contributor {
                id: row.get("author_id")?,
                name: row.get("name")?,
                new_documents: row.get("new_documents")?,
                updates: row.get("updates")?,
                this_year: row.get("this_year")?,
                all_time: row.get("all_time")?,
                documents: row.get("documents")?,
                latest: day(row, "latest")?,
            })
        })
    }

    fn spread(&self, since: Date) -> Result<Vec<Group>> {
        let parameters = named_params! {":since": since.to_string(), ":until": self.until};
        self.rows(SPREAD, parameters, |row| {
            Ok(Group {
                at_least: row.get("at_least")?,
                people: row.get("people")?,
                versions: row.get("versions")?,
                makers_of_half: row.get("makers_of_half")?,
            })
        })
    }

    fn most_read(&self) -> Result<Vec<Document>> {
        self.rows(MOST_READ, named_params! {":until": self.until}, document)
    }

    fn untouched(&self) -> Result<Vec<Document>> {
        let parameters = named_params! {":year_ago": self.year_ago};
        self.rows(UNTOUCHED, parameters, document)
    }

    fn spaces(&self) -> Result<Vec<Space>> {
        let parameters = named_params! {":until": self.until, ":year_ago": self.year_ago};
        self.rows(SPACES, parameters, |row| {
            Ok(Space {
                name: row.get("name")?,
                address: row.get("source_url")?,
                documents: row.get("documents")?,
                untouched: row.get("untouched")?,
                year: Period {
                    new_documents: row.get("new_documents")?,
                    updates: row.get("updates")?,
                    contributors: row.get("contributors")?,
                },
                views: row.get("views")?,
            })
        })
    }
}

fn document(row: &Row<'_>) -> rusqlite::Result<Document> {
    Ok(Document {
        title: row.get("title")?,
        address: row.get("source_url")?,
        space: row.get("space")?,
        owner: row.get("owner")?,
        updated: day(row, "updated_at")?,
        views: row.get("views_count")?,
    })
}

fn day(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<Date>> {
    let timestamp: Option<String> = row.get(column)?;
    Ok(timestamp.as_deref().and_then(calendar::day))
}
