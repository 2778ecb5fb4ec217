//! The queries as the page shows them: each runs as it is in the `sqlite3` program, on the file of the report.

use crate::calendar::{Days, Unit};

/// A query with the values of the past year in place of its parameters, and in SQLite's words.
pub(crate) fn shown(sql: &str, days: Days) -> String {
    let year_ago = format!("'{}'", days.year_ago);
    let filled = sql
        .trim_end()
        .replace(":unit", &format!("'{}'", Unit::Week.name()))
        .replace(":until", &format!("'{}'", days.until))
        .replace(":since", &year_ago)
        .replace(":year_ago", &year_ago);
    let in_weeks = without_date_trunc(&filled, Unit::Week, "'-6 days', 'weekday 1'");
    without_date_trunc(&in_weeks, Unit::Month, "'start of month'")
}

/// Writes `date_trunc('unit', column)` as `date(column, modifiers)`.
fn without_date_trunc(sql: &str, unit: Unit, modifiers: &str) -> String {
    let call = format!("date_trunc('{}', ", unit.name());
    let mut parts = sql.split(&call);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (column, rest) = part.split_once(')').unwrap_or((part, ""));
        text.extend(["date(", column, ", ", modifiers, ")", rest]);
    }
    text
}
