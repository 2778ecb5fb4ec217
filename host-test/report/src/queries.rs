//! The queries: the SQL files of `sql/`, run over the `confluence_…` tables.
//!
//! The SQL is in PostgreSQL's dialect and runs unchanged in DuckDB, so that it runs in a warehouse that holds the
//! same tables; only the dates and the unit of time are parameters. The report shows it whole, in SQLite's words.

mod activity;
mod documents;
mod people;
mod row;
mod shown;
mod spaces;

use anyhow::Result;
use jiff::civil::{Date, date};
use rusqlite::{Connection, Row, ToSql, named_params};

use super::calendar::Days;
use super::database::Database;
use super::model::{FirstRead, Listing, Report, Summary, ViewsAge};
use row::{day, number, text};
pub(super) use shown::shown;

pub(super) const SUMMARY: &str = include_str!("../sql/summary.sql");
pub(super) const VIEWS_AGE: &str = include_str!("../sql/views_age.sql");
pub(super) const ACTIVITY: &str = include_str!("../sql/activity.sql");
pub(super) const CONTRIBUTORS: &str = include_str!("../sql/contributors.sql");
pub(super) const DISTRIBUTION: &str = include_str!("../sql/distribution.sql");
pub(super) const ACCOUNT_TYPES: &str = include_str!("../sql/account_types.sql");
pub(super) const EMAILS: &str = include_str!("../sql/emails.sql");
pub(super) const JOIN_BY_EMAIL: &str = include_str!("../sql/join_by_email.sql");
pub(super) const VIEWS_GAINED: &str = include_str!("../sql/views_gained.sql");
pub(super) const KEEP_VIEWS: &str = include_str!("../sql/recipes/keep_views.sql");
pub(super) const MOST_READ: &str = include_str!("../sql/most_read.sql");
pub(super) const UNTOUCHED: &str = include_str!("../sql/untouched.sql");
pub(super) const NEVER_READ: &str = include_str!("../sql/never_read.sql");
pub(super) const CHURN: &str = include_str!("../sql/churn.sql");
pub(super) const SINGLE_CONTRIBUTOR_PAGES: &str =
    include_str!("../sql/single_contributor_pages.sql");
pub(super) const SINGLE_CONTRIBUTOR_SPACES: &str =
    include_str!("../sql/single_contributor_spaces.sql");
pub(super) const DEACTIVATED: &str = include_str!("../sql/deactivated.sql");
pub(super) const SPACES: &str = include_str!("../sql/spaces.sql");
pub(super) const LABELS: &str = include_str!("../sql/labels.sql");
pub(super) const STATES: &str = include_str!("../sql/states.sql");

/// Before anything in Confluence.
const BEGINNING: Date = date(1, 1, 1);

/// Rows of one answer at most; the SQL limits them too, but for periods, of which there are a few hundred.
const MAX_ROWS: usize = 10_000;

/// Runs all queries on one moment's data.
pub(super) fn run(database: &Database, as_of: Date) -> Result<Report> {
    let queries = Queries::new(database, as_of);
    // Every statement sees the same data between these two.
    queries.connection().execute_batch("BEGIN")?;
    let report = queries.report();
    queries.connection().execute_batch("ROLLBACK")?;
    report
}

/// The queries of one report: a database and its days.
struct Queries<'a> {
    database: &'a Database,
    days: Days,
    until: String,
    year_ago: String,
}

impl<'a> Queries<'a> {
    fn new(database: &'a Database, as_of: Date) -> Self {
        let days = Days::of(as_of);
        Self {
            database,
            days,
            until: days.until.to_string(),
            year_ago: days.year_ago.to_string(),
        }
    }

    fn report(&self) -> Result<Report> {
        let summary = self.summary()?;
        Ok(Report {
            days: self.days,
            first_read: self.first_read()?,
            views_age: self.views_age()?,
            weeks: self.weeks()?,
            history: self.history(summary.oldest)?,
            summary,
            contributors: self.contributors()?,
            distribution_of_year: self.distribution(self.days.year_ago)?,
            distribution_of_all_time: self.distribution(BEGINNING)?,
            account_types: self.account_types()?,
            emails: self.emails()?,
            most_read: self.most_read()?,
            views_gained: self.views_gained()?,
            untouched: self.untouched()?,
            never_read: self.never_read()?,
            churn: self.churn()?,
            single_contributor_pages: self.single_contributor_pages()?,
            single_contributor_spaces: self.single_contributor_spaces()?,
            deactivated: self.deactivated()?,
            spaces: self.spaces()?,
            labels: self.labels()?,
            states: self.states()?,
        })
    }

    fn connection(&self) -> &Connection {
        &self.database.connection
    }

    /// All rows of a query.
    fn rows<T>(
        &self,
        sql: &str,
        parameters: &[(&str, &dyn ToSql)],
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        self.database.restart_timeout();
        let run = || {
            let mut statement = self.connection().prepare(sql)?;
            let rows = statement.query_map(parameters, read)?;
            rows.take(MAX_ROWS).collect::<rusqlite::Result<Vec<T>>>()
        };
        run().map_err(|error| self.database.explain(error))
    }

    /// The rows of a query whose column `total` says how many there would be without its limit.
    fn listing<T>(
        &self,
        sql: &str,
        parameters: &[(&str, &dyn ToSql)],
        mut read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Listing<T>> {
        let mut total = 0;
        let rows = self.rows(sql, parameters, |row| {
            total = number(row, "total")?;
            read(row)
        })?;
        Ok(Listing { total, rows })
    }

    fn summary(&self) -> Result<Summary> {
        let parameters = named_params! {":until": self.until, ":year_ago": self.year_ago};
        let rows = self.rows(SUMMARY, parameters, |row| {
            Ok(Summary {
                documents: number(row, "documents")?,
                counted: number(row, "documents_counted")?,
                views: number(row, "views")?,
                untouched: number(row, "untouched")?,
                untouched_yet_read: number(row, "untouched_yet_read")?,
                oldest: day(row, "oldest")?,
                newest: day(row, "newest")?,
                any_url: text(row, "any_url")?,
            })
        })?;
        Ok(rows.into_iter().next().unwrap_or_default())
    }

    /// What the destination notes of its snapshots; other databases have no such table.
    fn first_read(&self) -> Result<FirstRead> {
        let sql = "SELECT 1 FROM pragma_table_info('_streams') WHERE name = 'in_snapshot'";
        if self.rows(sql, &[], |_| Ok(()))?.is_empty() {
            return Ok(FirstRead::Complete);
        }
        let sql = "SELECT 1 FROM _streams WHERE name IN ('pages', 'page_versions') AND snapshot = 1 AND in_snapshot = 1";
        let under_way = self.rows(sql, &[], |_| Ok(()))?;
        Ok(if under_way.is_empty() {
            FirstRead::Complete
        } else {
            FirstRead::Partly
        })
    }

    /// Files of connector 0.1 have no column for it.
    fn views_age(&self) -> Result<ViewsAge> {
        let sql = "SELECT 1 FROM pragma_table_info('confluence_page_views') WHERE name = 'read_at'";
        if self.rows(sql, &[], |_| Ok(()))?.is_empty() {
            return Ok(ViewsAge::default());
        }
        let rows = self.rows(VIEWS_AGE, named_params! {":until": self.until}, |row| {
            Ok(ViewsAge {
                oldest: day(row, "oldest")?,
                newest: day(row, "newest")?,
            })
        })?;
        Ok(rows.into_iter().next().unwrap_or_default())
    }
}
