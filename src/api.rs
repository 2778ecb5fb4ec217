//! The seven endpoints: their paths and scopes, what they answer, and the rows that become of it.

pub mod label;
pub mod page;
pub mod space;
pub mod state;
pub mod user;
pub mod version;
pub mod view;

pub use crate::endpoint::Endpoint;

use crate::error::Result;
use crate::fields::Fields;

/// The address of a space or a page for a browser: the site's own address with `/wiki`, which comes with each
/// listing, and `_links.webui`, which is relative to it.
fn source_url(fields: &mut Fields<'_>, base: Option<&str>) -> Result<Option<String>> {
    let webui = fields.object("_links")?.text("webui")?;
    Ok(base
        .zip(webui)
        .map(|(base, webui)| format!("{base}{webui}")))
}
