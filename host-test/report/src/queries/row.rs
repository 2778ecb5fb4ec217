//! Reads columns of a table that may hold anything: SQLite checks no types, and the file may be anybody's.

use jiff::civil::Date;
use rusqlite::Row;
use rusqlite::types::ValueRef;

use crate::calendar;
use crate::database::whole_number;

/// A count; what is no number, or below zero, is zero.
pub(super) fn number(row: &Row<'_>, column: &str) -> rusqlite::Result<u64> {
    Ok(known_number(row, column)?.unwrap_or(0))
}

/// A count that fits a chart.
pub(super) fn small_number(row: &Row<'_>, column: &str) -> rusqlite::Result<u32> {
    Ok(u32::try_from(number(row, column)?).unwrap_or(u32::MAX))
}

/// A count that may be unknown.
pub(super) fn known_number(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<u64>> {
    let number = whole_number(row.get_ref(column)?);
    Ok(number.map(|number| u64::try_from(number).unwrap_or(0)))
}

/// A text; characters that are broken are replaced.
pub(super) fn text(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<String>> {
    Ok(match row.get_ref(column)? {
        ValueRef::Text(text) => Some(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(number.to_string()),
        ValueRef::Null | ValueRef::Blob(_) => None,
    })
}

/// The day of a timestamp.
pub(super) fn day(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<Date>> {
    let timestamp = text(row, column)?;
    Ok(timestamp.as_deref().and_then(calendar::day))
}
