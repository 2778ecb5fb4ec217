#![allow(clippy::unwrap_used)]
//! A database that somebody made to break the report.

use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;
use std::time::Duration;

use jiff::civil::{Date, date};
use rusqlite::Connection;

use super::database::Database;
use super::{page, queries, write};

const AS_OF: Date = date(2026, 7, 12);

/// Tables whose rows are what these `SELECT`s give, with every column that the report reads.
fn tables(pages: &str, versions: &str, rest: &str) -> String {
    format!(
        "CREATE VIEW confluence_pages (source_id, title, status, space_id, owner_id, source_url, created_at,
            updated_at, views_count, content_state_name) AS {pages};
        CREATE VIEW confluence_page_versions (page_id, number, author_id, created_at) AS {versions};
        CREATE VIEW confluence_page_labels (page_id, source_id, name) AS SELECT 1, 2, {rest};
        CREATE VIEW confluence_page_views (page_id, views_count, read_at) AS SELECT 1, 2, {rest};
        CREATE VIEW confluence_spaces (source_id, name, source_url) AS SELECT 's', {rest}, {rest};
        CREATE VIEW confluence_users (source_id, name, email, account_type, account_status) AS
            SELECT 'ann', {rest}, {rest}, {rest}, {rest};"
    )
}

fn report(tables: &str, query_timeout: Duration) -> anyhow::Result<String> {
    let database = Connection::open_in_memory()?;
    database.execute_batch(tables)?;
    let database = Database::new(database, query_timeout)?;
    let report = queries::run(&database, AS_OF)?;
    Ok(page::page(&report)?.into_string())
}

const ROWS: &str = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT {limit})";

fn rows(limit: &str, columns: &str) -> String {
    format!("{} SELECT {columns} FROM n", ROWS.replace("{limit}", limit))
}

const PAGE: &str = "n, 'T', 'current', 's', 'ann', '', '2025-08-01', '2025-09-01'";

#[test]
fn the_largest_numbers_have_a_sum() {
    let pages = rows("2", &format!("{PAGE}, 9223372036854775807, NULL"));
    let versions = rows("9", "1, 9223372036854775807, 'ann', '2026-07-01'");
    let page = report(&tables(&pages, &versions, "'x'"), Duration::from_mins(1)).unwrap();
    assert!(page.contains("9,223,372,036,854,775,807"));
}

#[test]
fn a_column_of_any_type_is_read() {
    for value in [
        "-1",
        "1e300",
        "x'00ff'",
        "'many'",
        "NULL",
        "-9223372036854775808",
    ] {
        let pages = format!(
            "SELECT {value}, {value}, 'current', {value}, {value}, {value}, {value}, {value}, {value}, {value}"
        );
        let versions = format!("SELECT {value}, {value}, {value}, '2026-07-01'");
        let page = report(&tables(&pages, &versions, value), Duration::from_mins(1));
        assert!(page.is_ok(), "{value}: {page:?}");
        let pages =
            format!("SELECT 1, {value}, 'current', 1, 2, 3, '2020', '2020', {value}, {value}");
        let page = report(&tables(&pages, &versions, value), Duration::from_mins(1));
        assert!(page.is_ok(), "{value}: {page:?}");
    }
}

#[test]
fn endless_rows_end_in_an_error() {
    let few = "SELECT 1, 1, 'ann', '2026-07-01'";
    let endless_pages = rows("-1", &format!("{PAGE}, 1, NULL"));
    let endless_versions = rows("-1", "1, n, n, '2026-07-01'");
    let one_page = rows("1", &format!("{PAGE}, 1, NULL"));
    for (pages, versions) in [(&*endless_pages, few), (&one_page, &endless_versions)] {
        let error = report(&tables(pages, versions, "'x'"), Duration::from_millis(50)).unwrap_err();
        assert!(
            error.to_string().contains("a query took longer than"),
            "{error:#}"
        );
    }
}

#[test]
fn a_value_without_end_is_an_error() {
    let pages = "SELECT 1, printf('%.*c', 900000000, 'x'), 'current', 's', 'ann', '', '2020', '2020', 1, NULL";
    let error = report(
        &tables(pages, "SELECT 1, 1, 'ann', '2026-07-01'", "'x'"),
        Duration::from_mins(1),
    );
    assert!(error.unwrap_err().to_string().contains("too big"));
}

#[test]
fn the_page_is_private_and_follows_no_link() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (sqlite, target, elsewhere) = (path("site.sqlite"), path("report.html"), path("elsewhere"));
    let one_page = rows("1", &format!("{PAGE}, 1, NULL"));
    Connection::open(&sqlite)
        .unwrap()
        .execute_batch(&tables(
            &one_page,
            "SELECT 1, 1, 'ann', '2026-07-01'",
            "'x'",
        ))
        .unwrap();
    std::fs::write(&elsewhere, "untouched").unwrap();
    symlink(&elsewhere, &target).unwrap();
    write(&sqlite, &target, AS_OF).unwrap();
    assert_eq!(std::fs::read_to_string(&elsewhere).unwrap(), "untouched");
    let written = std::fs::symlink_metadata(&target).unwrap();
    assert!(written.is_file());
    assert_eq!(written.mode() & 0o777, 0o600);
    let error = write(&sqlite, Path::new("/nowhere/report.html"), AS_OF).unwrap_err();
    assert!(error.to_string().contains("/nowhere/report.html"));
}
