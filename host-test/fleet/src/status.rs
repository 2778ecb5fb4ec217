//! What a person sees of the fleet.

use anyhow::{Context as _, Result};
use connector_runtime::printable::printable;
use serde_json::{Value, json};
use tokio_postgres::Row;

use crate::lease::schema;
use crate::store::Store;

/// Characters of a cell at most.
const CELL: usize = 60;

const QUERY: &str = "
    SELECT c.name, c.paused, c.pause_reason, date_trunc('second', c.next_due)::text, c.failures, c.succeeded_at::text,
        c.lease_until > now() AS running,
        CASE WHEN c.paused THEN 0 ELSE greatest(0, extract(epoch FROM now() - c.next_due))::bigint END AS lag_s,
        last.started_at::text, last.outcome, last.message, last.rows, last.requests,
        (SELECT coalesce(json_object_agg(outcome, n), '{}')::text FROM (
            SELECT outcome, count(*) AS n FROM confluence_fleet.runs AS r
            WHERE r.connection = c.id AND outcome NOT IN ('', 'handed_on') GROUP BY outcome) AS failed),
        c.id
    FROM confluence_fleet.connections AS c
    LEFT JOIN LATERAL (
        SELECT * FROM confluence_fleet.runs AS r WHERE r.connection = c.id AND finished_at IS NOT NULL
        ORDER BY token DESC LIMIT 1) AS last ON true
    ORDER BY c.name";

/// One object a connection.
///
/// # Errors
///
/// The database cannot be read.
pub async fn read(store: &Store) -> Result<Vec<Value>> {
    let rows = store.client().await?.query(QUERY, &[]).await;
    let rows = rows.context("the fleet cannot be read")?;
    rows.iter().map(object).collect()
}

fn object(row: &Row) -> Result<Value> {
    let failures: Value = serde_json::from_str(row.get(13))?;
    let outcome = row.get::<_, Option<String>>(9);
    let last = outcome.map(|outcome| {
        json!({
            "started_at": row.get::<_, Option<String>>(8),
            "outcome": if outcome.is_empty() { "succeeded".to_owned() } else { outcome },
            "message": row.get::<_, Option<String>>(10),
            "rows": row.get::<_, Option<i64>>(11),
            "requests": row.get::<_, Option<i64>>(12),
        })
    });
    Ok(json!({
        "name": row.get::<_, String>(0),
        "schema": schema(row.get(14)),
        "paused": row.get::<_, bool>(1),
        "pause_reason": row.get::<_, Option<String>>(2),
        "next_run": row.get::<_, String>(3),
        "failures_in_a_row": row.get::<_, i64>(4),
        "succeeded_at": row.get::<_, Option<String>>(5),
        "running": row.get::<_, Option<bool>>(6).unwrap_or(false),
        "lag_s": row.get::<_, i64>(7),
        "last_run": last,
        "failures": failures,
    }))
}

/// A table of it.
#[must_use]
pub fn table(connections: &[Value]) -> String {
    let header = [
        "NAME", "SCHEMA", "STATE", "LAST RUN", "ROWS", "LAG", "NEXT RUN", "FAILURES",
    ]
    .map(str::to_owned);
    let mut lines = vec![header];
    lines.extend(connections.iter().map(line));
    let width = |column: usize| {
        lines
            .iter()
            .filter_map(|line| line.get(column))
            .map(|text| text.chars().count())
            .max()
    };
    let widths: Vec<_> = (0..8).map(|column| width(column).unwrap_or(0)).collect();
    let mut table = String::new();
    for line in &lines {
        let cells: Vec<_> = line
            .iter()
            .zip(&widths)
            .map(|(text, width)| format!("{text:<width$}"))
            .collect();
        table.push_str(cells.join("  ").trim_end());
        table.push('\n');
    }
    if table.contains('…') {
        table.push_str("\nMessages in full: confluence-fleet status --json\n");
    }
    table
}

fn line(connection: &Value) -> [String; 8] {
    let text = |value: &Value| value.as_str().map_or_else(|| "-".to_owned(), cell);
    let at = |member: &str| connection.get(member).unwrap_or(&Value::Null).clone();
    let last = at("last_run");
    let of_last = |member: &str| last.get(member).unwrap_or(&Value::Null).clone();
    let state = match (at("paused") == true, at("running") == true) {
        (true, _) => format!("paused ({})", text(&at("pause_reason"))),
        (_, true) => "running".to_owned(),
        _ if at("failures_in_a_row").as_i64() > Some(0) => {
            format!("waiting ({})", text(&of_last("message")))
        }
        _ => "waiting".to_owned(),
    };
    let failures = at("failures").as_object().map(|failures| {
        let failures = failures
            .iter()
            .map(|(kind, count)| format!("{kind} {count}"));
        failures.collect::<Vec<_>>().join(", ")
    });
    let rows = of_last("rows")
        .as_i64()
        .map_or_else(|| "-".to_owned(), |rows| rows.to_string());
    let next_run = if at("paused") == true {
        "-".to_owned()
    } else {
        text(&at("next_run"))
    };
    let lag = format!("{} s", at("lag_s"));
    [
        text(&at("name")),
        text(&at("schema")),
        state,
        text(&of_last("outcome")),
        rows,
        lag,
        next_run,
        failures.unwrap_or_default(),
    ]
}

/// A text as a terminal may show it, cut off after a word.
fn cell(text: &str) -> String {
    let text = printable(text);
    let Some((end, _)) = text.char_indices().nth(CELL) else {
        return text.into_owned();
    };
    let cut = text.get(..end).unwrap_or_default();
    let is_whole = text.get(end..).is_some_and(|rest| rest.starts_with(' '));
    let last_word = cut.rfind(' ').filter(|_| !is_whole);
    let cut = last_word.and_then(|end| cut.get(..end)).unwrap_or(cut);
    format!("{}…", cut.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_ends_with_a_word_and_moves_no_cursor() {
        assert_eq!(cell("short"), "short");
        let words = "invalid_config: api_token is missing in the configuration of this connection";
        assert_eq!(
            cell(words),
            "invalid_config: api_token is missing in the configuration of…"
        );
        assert_eq!(cell(&"é".repeat(61)), format!("{}…", "é".repeat(60)));
        assert_eq!(cell("a\u{1b}[2Jb\n"), "a\\u{1b}[2Jb\\n");
    }

    #[test]
    fn a_connection_that_waits_after_a_failure_says_why() {
        let message = format!("the database cannot be reached: {}", "x".repeat(100));
        let connection = |failures: i64| {
            json!({
                "name": "a", "paused": false, "failures_in_a_row": failures, "lag_s": 0,
                "last_run": { "outcome": "unavailable", "message": message },
            })
        };
        let failed = table(&[connection(2)]);
        assert!(
            failed.contains("waiting (the database cannot be reached:…)"),
            "{failed}"
        );
        assert!(failed.contains("status --json"), "{failed}");
        assert!(!table(&[connection(0)]).contains("reached"));
    }

    #[test]
    fn a_paused_connection_has_no_next_run() {
        let connection = |paused: bool| json!({ "name": "a", "paused": paused, "pause_reason": "by hand", "next_run": "2026-01-01", "lag_s": 0 });
        assert!(table(&[connection(false)]).contains("2026-01-01"));
        let paused = table(&[connection(true)]);
        assert!(
            paused.contains("paused (by hand)") && !paused.contains("2026"),
            "{paused}"
        );
    }
}
