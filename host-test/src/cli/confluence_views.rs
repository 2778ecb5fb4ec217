//! The views of a database under DX's names: each stream, and pages with what belongs to them.

use connector_destinations::identifier::{quote, quote_all};
use connector_runtime::runtime::Runtime;
use connector_runtime::stream::Stream;

/// The connector whose tables they are about.
const CONNECTOR: &str = "confluence-cloud";

const PAGES: &str = "
    SELECT pages.*, page_views.views_count, page_content_states.content_state_name
    FROM (SELECT {columns} FROM pages) AS pages
    LEFT JOIN page_views ON page_views.page_id = pages.source_id
    LEFT JOIN page_content_states ON page_content_states.page_id = pages.source_id";

/// The views by their names and statements, if the database belongs to this connector.
pub(super) fn of(runtime: &Runtime) -> Vec<(String, String)> {
    if runtime.description().name != CONNECTOR {
        return Vec::new();
    }
    runtime.streams().iter().map(view).collect()
}

/// Names of streams and columns are identifiers: the runtime has checked them.
fn view(stream: &Stream) -> (String, String) {
    let columns = stream.columns.iter().map(|column| &column.name);
    let columns = quote_all(columns);
    let name = format!("confluence_{}", stream.name);
    let select = if stream.name == "pages" {
        PAGES.replace("{columns}", &columns)
    } else {
        format!("SELECT {columns} FROM {}", quote(&stream.name))
    };
    (name, select)
}
