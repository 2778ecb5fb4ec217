//! What the mock's site holds: spaces, pages with their details, and users, as one JSON file.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A whole site. The fields are those of the `OpenAPI` schemas; fields that are not listed are ignored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Corpus {
    /// The site's address without a trailing slash, such as `https://example.atlassian.net`.
    pub site: String,
    /// The UUID that stands in the gateway's path.
    pub cloud_id: String,
    /// All spaces; the first one is the one that anonymous visitors see on a public site.
    #[serde(default)]
    pub spaces: Vec<Space>,
    /// All pages of every status.
    #[serde(default)]
    pub pages: Vec<Page>,
    /// The accounts that users-bulk knows.
    #[serde(default)]
    pub users: Vec<User>,
    /// Pages that were once there: their labels answer with the bare 404 that was measured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub purged: Vec<String>,
}

/// A space (`SpaceBulk`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Space {
    /// The id, a decimal number.
    pub id: String,
    /// The key; a personal space's begins with `~`.
    pub key: String,
    /// The name people see.
    pub name: String,
    /// One of the `OpenAPI` space types.
    #[serde(rename = "type")]
    pub space_type: String,
    /// `current` or `archived`.
    pub status: String,
    /// Who made it.
    pub author_id: Option<String>,
    /// When it was made, RFC 3339.
    pub created_at: String,
    /// Its alias in addresses.
    pub current_active_alias: Option<String>,
    /// The page shown first.
    pub homepage_id: Option<String>,
    /// Sent only when a description format is asked for, else null.
    pub description: Option<Value>,
    /// Sent only when icons are asked for, else null.
    pub icon: Option<Value>,
    /// `webui`, relative to the listing's base.
    #[serde(rename = "_links")]
    pub links: Option<Value>,
}

/// A page (`PageBulk` without its version) and everything that is asked for one page at a time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Page {
    /// The id, a decimal number.
    pub id: String,
    /// `current`, `archived` or `trashed`.
    pub status: String,
    /// The title.
    pub title: String,
    /// The space's id.
    pub space_id: String,
    /// The parent, which need not be a page and need not exist.
    pub parent_id: Option<String>,
    /// What the parent is.
    pub parent_type: Option<String>,
    /// The place among its siblings.
    pub position: Option<i32>,
    /// Who made it.
    pub author_id: Option<String>,
    /// Who owns it.
    pub owner_id: Option<String>,
    /// Who owned it before.
    pub last_owner_id: Option<String>,
    /// `live`, `page` or null.
    pub subtype: Option<String>,
    /// When it was made, RFC 3339.
    pub created_at: String,
    /// Addresses of the page for people.
    #[serde(rename = "_links")]
    pub links: Option<PageLinks>,
    /// Every version, oldest first.
    pub versions: Vec<Version>,
    /// Its labels in no particular order.
    pub labels: Vec<Label>,
    /// How often it was read; null where analytics answer 404.
    pub views: Option<u64>,
    /// Its content state; null when none was ever set.
    pub state: Option<StateResponse>,
    /// Names of nullable fields that a listing leaves out altogether.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub omitted: Vec<String>,
}

impl Page {
    /// The last-modified time: when the newest version was made.
    #[must_use]
    pub fn modified_at(&self) -> &str {
        self.versions
            .last()
            .map_or(&self.created_at, |version| &version.created_at)
    }
}

/// Addresses of a page for people, relative to the listing's base.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PageLinks {
    /// To read it.
    pub webui: String,
    /// To edit it.
    pub editui: String,
    /// To read it, in short.
    pub tinyui: String,
}

/// One version of a page.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Version {
    /// Its position, counted from 1; deleting an earlier version changes it.
    pub number: u32,
    /// When it was made, RFC 3339.
    pub created_at: String,
    /// What its author wrote about it.
    pub message: Option<String>,
    /// Whether watchers were not told.
    pub minor_edit: bool,
    /// Its author; null for an anonymous one.
    pub author_id: Option<String>,
}

/// A label.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Label {
    /// The id, a decimal number, the same wherever the label is used.
    pub id: String,
    /// The name.
    pub name: String,
    /// `my`, `team`, `global` or `system`.
    pub prefix: String,
}

/// The answer about a content state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StateResponse {
    /// Absent when the state was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_state: Option<ContentState>,
    /// When the state last changed, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_updated: Option<String>,
}

/// A content state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ContentState {
    /// 0, 1 and 2 are the product's own.
    pub id: i64,
    /// Free text.
    pub name: String,
    /// Such as `#57d9a3`.
    pub color: String,
}

/// An account.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct User {
    /// The account id.
    pub account_id: String,
    /// The name people see.
    pub display_name: String,
    /// The name everybody may see.
    pub public_name: String,
    /// May be empty, may be missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// `atlassian`, `app`, `customer` or `unknown`.
    pub account_type: String,
    /// `active`, `inactive`, `closed` or `unknown`.
    pub account_status: String,
    /// Hidden by most people.
    pub time_zone: Option<String>,
    /// The personal space.
    pub personal_space_id: Option<String>,
    /// Whether this is a guest.
    pub is_external_collaborator: bool,
    /// `path` and `isDefault`.
    pub profile_picture: Option<Value>,
}

impl Corpus {
    /// The page of this id.
    #[must_use]
    pub fn page(&self, id: &str) -> Option<&Page> {
        self.pages.iter().find(|page| page.id == id)
    }
}

#[cfg(test)]
mod tests;
