//! Rows as they go over the wire: with nulls, with fields left out, and with fields no specification lists.

use serde::Serialize;
use serde_json::Value;

use super::corpus::{Page, PageLinks, Space, Version};

/// A row of the list of spaces (`SpaceBulk`).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SpaceDto<'a> {
    id: &'a str,
    key: &'a str,
    name: &'a str,
    #[serde(rename = "type")]
    space_type: &'a str,
    status: &'a str,
    author_id: &'a Option<String>,
    created_at: &'a str,
    current_active_alias: &'a Option<String>,
    homepage_id: &'a Option<String>,
    space_owner_id: &'a Option<String>,
    description: Option<&'a Value>,
    icon: Option<&'a Value>,
    #[serde(rename = "_links")]
    links: &'a Option<Value>,
}

impl<'a> SpaceDto<'a> {
    pub(super) fn of(space: &'a Space, with_description: bool, with_icon: bool) -> Self {
        Self {
            id: &space.id,
            key: &space.key,
            name: &space.name,
            space_type: &space.space_type,
            status: &space.status,
            author_id: &space.author_id,
            created_at: &space.created_at,
            current_active_alias: &space.current_active_alias,
            homepage_id: &space.homepage_id,
            space_owner_id: &space.author_id,
            description: space.description.as_ref().filter(|_| with_description),
            icon: space.icon.as_ref().filter(|_| with_icon),
            links: &space.links,
        }
    }
}

/// A field that may be null and may be left out.
type Nullable<T> = Option<Option<T>>;

/// A row of the list of pages (`PageBulk`).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageDto<'a> {
    id: &'a str,
    status: &'a str,
    title: &'a str,
    space_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_id: Nullable<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_type: Nullable<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Nullable<i32>,
    author_id: &'a Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner_id: Nullable<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_owner_id: Nullable<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subtype: Nullable<&'a str>,
    created_at: &'a str,
    version: Option<VersionDto<'a>>,
    body: Value,
    source_template_entity_id: (),
    #[serde(rename = "_links", skip_serializing_if = "Option::is_none")]
    links: Nullable<LinksDto<'a>>,
}

/// The addresses of a page for people.
#[derive(Serialize)]
struct LinksDto<'a> {
    webui: &'a str,
    editui: &'a str,
    edituiv2: String,
    tinyui: &'a str,
}

impl<'a> LinksDto<'a> {
    fn of(links: &'a PageLinks) -> Self {
        let (path, _) = links.webui.split_once("/pages/").unwrap_or_default();
        let id = links.webui.trim_start_matches(path).split('/').nth(2);
        Self {
            webui: &links.webui,
            editui: &links.editui,
            edituiv2: format!("{path}/pages/edit-v2/{}", id.unwrap_or_default()),
            tinyui: &links.tinyui,
        }
    }
}

impl<'a> PageDto<'a> {
    pub(super) fn of(page: &'a Page, body_format: Option<&str>) -> Self {
        let kept = |name: &str| !page.omitted.iter().any(|omitted| omitted == name);
        let text = |name: &str, value: &'a Option<String>| kept(name).then_some(value.as_deref());
        Self {
            id: &page.id,
            status: &page.status,
            title: &page.title,
            space_id: &page.space_id,
            parent_id: text("parentId", &page.parent_id),
            parent_type: text("parentType", &page.parent_type),
            position: kept("position").then_some(page.position),
            author_id: &page.author_id,
            owner_id: text("ownerId", &page.owner_id),
            last_owner_id: text("lastOwnerId", &page.last_owner_id),
            subtype: text("subtype", &page.subtype),
            created_at: &page.created_at,
            version: page
                .versions
                .last()
                .map(|version| VersionDto::of(version, None)),
            body: body(body_format),
            source_template_entity_id: (),
            links: kept("_links").then(|| page.links.as_ref().map(LinksDto::of)),
        }
    }
}

/// A version, in a page's row or in the list of versions.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VersionDto<'a> {
    number: u32,
    message: &'a Option<String>,
    minor_edit: bool,
    author_id: &'a Option<String>,
    created_at: &'a str,
    ncs_step_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<VersionedPage<'a>>,
}

#[derive(Serialize)]
struct VersionedPage<'a> {
    id: &'a str,
    title: &'a str,
    body: Value,
}

impl<'a> VersionDto<'a> {
    fn of(version: &'a Version, page: Option<VersionedPage<'a>>) -> Self {
        Self {
            number: version.number,
            message: &version.message,
            minor_edit: version.minor_edit,
            author_id: &version.author_id,
            created_at: &version.created_at,
            ncs_step_version: (version.number % 2 == 1).then(|| version.number.to_string()),
            page,
        }
    }

    /// A row of the list of versions.
    pub(super) fn listed(version: &'a Version, page: &'a Page, body_format: Option<&str>) -> Self {
        Self::of(
            version,
            Some(VersionedPage {
                id: &page.id,
                title: &page.title,
                body: body(body_format),
            }),
        )
    }
}

/// A body is sent only when a format is asked for.
fn body(format: Option<&str>) -> Value {
    format.map_or_else(
        || serde_json::json!({}),
        |format| serde_json::json!({format: {"representation": format, "value": "<p></p>"}}),
    )
}
