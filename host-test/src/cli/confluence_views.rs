//! The views of a database under DX's names: each stream, and pages with what belongs to them.

use connector_destinations::identifier::{quote, quote_all};
use connector_runtime::runtime::Runtime;
use connector_runtime::stream::Stream;

/// The connector whose tables they are about.
const CONNECTOR: &str = "confluence-cloud";

const PAGES: &str = "
    SELECT pages.*, page_views.views_count, page_content_states.content_state_name
    FROM (SELECT {columns} FROM {schema}pages) AS pages
    LEFT JOIN {schema}page_views AS page_views ON page_views.page_id = pages.source_id
    LEFT JOIN {schema}page_content_states AS page_content_states
        ON page_content_states.page_id = pages.source_id";

/// The views by their names and statements, if the database belongs to this connector. The tables are in this schema, or
/// in a database that has none.
pub(super) fn of(runtime: &Runtime, schema: Option<&str>) -> Vec<(String, String)> {
    if runtime.description().name != CONNECTOR {
        return Vec::new();
    }
    let schema = schema.map(|schema| format!("{}.", quote(schema)));
    let schema = schema.unwrap_or_default();
    let streams = runtime.streams().iter();
    streams.map(|stream| view(stream, &schema)).collect()
}

/// Names of streams and columns are identifiers: the runtime has checked them.
fn view(stream: &Stream, schema: &str) -> (String, String) {
    let columns = stream.columns.iter().map(|column| &column.name);
    let columns = quote_all(columns);
    let name = format!("confluence_{}", stream.name);
    let select = if stream.name == "pages" {
        PAGES
            .replace("{columns}", &columns)
            .replace("{schema}", schema)
    } else {
        format!("SELECT {columns} FROM {schema}{}", quote(&stream.name))
    };
    (name, select)
}
