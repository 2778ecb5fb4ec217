//! A SQLite file that may be anybody's: opened for reading only, with bounds on time and size, and with the two
//! functions that the report's SQL needs.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use rusqlite::functions::{Aggregate, Context, FunctionFlags, WindowAggregate};
use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

use super::calendar::{self, Unit};

/// The tables that the SQL reads.
const TABLES: [&str; 6] = [
    "confluence_pages",
    "confluence_page_versions",
    "confluence_page_labels",
    "confluence_page_views",
    "confluence_spaces",
    "confluence_users",
];

/// Time for one query; a site of a million versions takes some seconds.
const QUERY_TIMEOUT: Duration = Duration::from_mins(1);

/// Steps of SQLite's virtual machine between two looks at the clock.
const STEPS_BETWEEN_CHECKS: i32 = 10_000;

/// Bytes of one value. Confluence's longest text in these tables is an address of a few thousand.
const MAX_VALUE_BYTES: i32 = 1 << 20;

/// An open file, whose queries end in time.
pub(super) struct Database {
    pub(super) connection: Connection,
    deadline: Arc<Mutex<Instant>>,
    query_timeout: Duration,
}

/// Opens the file, and makes none where there was none.
///
/// SQLite may write what it likes beside the file: one that is opened without write access leaves the files of its
/// log behind.
pub(super) fn open(sqlite: &Path) -> Result<Database> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    // `:memory:` and `file:` are names of files here.
    let connection = Connection::open_with_flags(Path::new(".").join(sqlite), flags)?;
    connection.busy_timeout(Duration::from_secs(30))?;
    connection.pragma_update(None, "query_only", true)?;
    let database = Database::new(connection, QUERY_TIMEOUT)?;
    database.check_tables()?;
    Ok(database)
}

impl Database {
    pub(super) fn new(mut connection: Connection, query_timeout: Duration) -> Result<Self> {
        connection.pragma_update(None, "trusted_schema", false)?;
        connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)?;
        connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
        register_functions(&connection)?;
        let deadline = Arc::new(Mutex::new(Instant::now() + query_timeout));
        let watched = Arc::clone(&deadline);
        let is_late =
            move || Instant::now() > *watched.lock().unwrap_or_else(PoisonError::into_inner);
        connection.progress_handler(STEPS_BETWEEN_CHECKS, Some(is_late))?;
        Ok(Self {
            connection,
            deadline,
            query_timeout,
        })
    }

    /// Gives the next query its whole time.
    pub(super) fn restart_timeout(&self) {
        let mut deadline = self.deadline.lock().unwrap_or_else(PoisonError::into_inner);
        *deadline = Instant::now() + self.query_timeout;
    }

    /// Says what a query that failed has met.
    pub(super) fn explain(&self, error: rusqlite::Error) -> anyhow::Error {
        if error.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted) {
            return anyhow::anyhow!(
                "a query took longer than {} s: the tables are too large for SQLite, or not of a sync's making",
                self.query_timeout.as_secs()
            );
        }
        error.into()
    }

    /// Says what is missing from a database of another making.
    fn check_tables(&self) -> Result<()> {
        for table in TABLES {
            let sql = "SELECT count(*) FROM sqlite_schema WHERE name = ?1";
            let found: u32 = self.connection.query_row(sql, [table], |row| row.get(0))?;
            if found == 0 {
                bail!("it has no {table}; `host-test sync --to sqlite:FILE` makes one");
            }
        }
        Ok(())
    }
}

/// Registers what warehouses have and SQLite has not: `date_trunc`, and a `sum` that does not overflow.
///
/// A timestamp that cannot be read is in no period, which is null, as elsewhere in SQL.
fn register_functions(database: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_INNOCUOUS;
    database.create_scalar_function("date_trunc", 2, flags, |context| {
        let unit: String = context.get(0)?;
        let unit = unit
            .parse::<Unit>()
            .map_err(|error| rusqlite::Error::UserFunctionError(error.into()))?;
        let timestamp = match context.get_raw(1) {
            ValueRef::Text(text) => std::str::from_utf8(text).ok(),
            _ => None,
        };
        let day = timestamp.and_then(calendar::day);
        Ok(day.map(|day| unit.first_day(day).to_string()))
    })?;
    database.create_window_function("sum", 1, flags, SaturatingSum)
}

/// `sum` over whole numbers that stays at the largest one, where SQLite's own fails. PostgreSQL's has room for more.
struct SaturatingSum;

#[derive(Default)]
struct Total {
    sum: i128,
    values: u64,
}

impl Total {
    fn result(&self) -> Option<i64> {
        let bounded = self.sum.clamp(i64::MIN.into(), i64::MAX.into());
        (self.values > 0).then(|| i64::try_from(bounded).unwrap_or(i64::MAX))
    }
}

impl Aggregate<Total, Option<i64>> for SaturatingSum {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<Total> {
        Ok(Total::default())
    }

    fn step(&self, context: &mut Context<'_>, total: &mut Total) -> rusqlite::Result<()> {
        if let Some(value) = whole_number(context.get_raw(0)) {
            total.sum = total.sum.saturating_add(value.into());
            total.values = total.values.saturating_add(1);
        }
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, total: Option<Total>) -> rusqlite::Result<Option<i64>> {
        Ok(total.and_then(|total| total.result()))
    }
}

impl WindowAggregate<Total, Option<i64>> for SaturatingSum {
    fn value(&self, total: Option<&mut Total>) -> rusqlite::Result<Option<i64>> {
        Ok(total.and_then(|total| total.result()))
    }

    fn inverse(&self, context: &mut Context<'_>, total: &mut Total) -> rusqlite::Result<()> {
        if let Some(value) = whole_number(context.get_raw(0)) {
            total.sum = total.sum.saturating_sub(value.into());
            total.values = total.values.saturating_sub(1);
        }
        Ok(())
    }
}

/// A number as the tables should hold it; a column of SQLite may hold anything.
pub(super) fn whole_number(value: ValueRef<'_>) -> Option<i64> {
    match value {
        ValueRef::Integer(number) => Some(number),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a cast to an integer saturates"
        )]
        ValueRef::Real(number) => Some(number as i64),
        ValueRef::Null | ValueRef::Text(_) | ValueRef::Blob(_) => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn database() -> Connection {
        let database = Connection::open_in_memory().unwrap();
        register_functions(&database).unwrap();
        database
    }

    #[test]
    fn date_trunc_of_what_is_no_date_is_null() {
        let database = database();
        let truncate = |timestamp: Option<&str>| -> Option<String> {
            let sql = "SELECT date_trunc('week', ?1)";
            database
                .query_row(sql, [timestamp], |row| row.get(0))
                .unwrap()
        };
        assert_eq!(
            truncate(Some("2026-07-15T23:59:59.999Z")).as_deref(),
            Some("2026-07-13")
        );
        for none in [
            None,
            Some(""),
            Some("yesterday"),
            Some("2026-02-30T00:00:00Z"),
            Some("日本日本日本"),
        ] {
            assert_eq!(truncate(none), None, "{none:?}");
        }
    }

    #[test]
    fn sums_saturate_and_nothing_has_no_sum() {
        let sum = |values: &str| -> Option<i64> {
            let sql = format!("SELECT sum(column1) FROM (VALUES {values})");
            database().query_row(&sql, [], |row| row.get(0)).unwrap()
        };
        for (values, expected) in [
            (
                "(9223372036854775807), (9223372036854775807)",
                Some(i64::MAX),
            ),
            ("(-9223372036854775808), (-1)", Some(i64::MIN)),
            (
                "(9223372036854775807), (9223372036854775807), (-9223372036854775807)",
                Some(i64::MAX),
            ),
            ("(1e300), ('many'), (x'00'), (NULL)", Some(i64::MAX)),
            ("(1), (2.5), (NULL)", Some(3)),
            ("(NULL), ('many')", None),
        ] {
            assert_eq!(sum(values), expected, "{values}");
        }
    }

    #[test]
    fn sums_run_over_windows() {
        let sql = "SELECT sum(column1) OVER (ORDER BY column1 ROWS 1 PRECEDING) FROM (VALUES (1), (2), (4))";
        let database = database();
        let mut statement = database.prepare(sql).unwrap();
        let sums = statement.query_map([], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(sums.map(Result::unwrap).collect::<Vec<_>>(), [1, 3, 6]);
    }
}
