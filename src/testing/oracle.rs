//! What the streams of a site must hold, worked out from its corpus without the connector's help.

use std::collections::{BTreeMap, BTreeSet};

use mock_confluence::{Corpus, Page, Space};
use serde_json::{Value, json};

use super::key::key_of;
use crate::stream::Stream;

/// The rows of a stream, by key.
pub(crate) type Rows = BTreeMap<String, Value>;
/// The rows of all streams; those without any are left out.
pub(crate) type Tables = BTreeMap<&'static str, Rows>;

/// Every row of the site, or of the spaces of these keys.
pub(crate) fn oracle(corpus: &Corpus, keys: &[&str]) -> Tables {
    let chosen = |space: &&Space| keys.is_empty() || keys.contains(&space.key.as_str());
    let spaces: Vec<&Space> = corpus.spaces.iter().filter(chosen).collect();
    let ids: BTreeSet<&str> = spaces.iter().map(|space| space.id.as_str()).collect();
    let pages = corpus.pages.iter();
    let pages: Vec<&Page> = pages
        .filter(|page| ids.contains(page.space_id.as_str()))
        .collect();
    let live: Vec<&Page> = pages
        .iter()
        .copied()
        .filter(|page| page.status != "trashed")
        .collect();
    let base = format!("{}/wiki", corpus.site);
    let mut tables = Tables::new();
    let mut put = |stream: Stream, rows: Vec<Value>| {
        if !rows.is_empty() {
            let rows = rows.into_iter().map(|row| (key_of(stream, &row), row));
            tables.insert(stream.name(), rows.collect());
        }
    };
    put(
        Stream::Spaces,
        spaces
            .iter()
            .map(|space| self::space(space, &base))
            .collect(),
    );
    put(
        Stream::Pages,
        pages.iter().map(|page| self::page(page, &base)).collect(),
    );
    put(
        Stream::PageVersions,
        live.iter().flat_map(|page| versions(page)).collect(),
    );
    put(
        Stream::PageLabels,
        live.iter().flat_map(|page| labels(page)).collect(),
    );
    put(
        Stream::PageViews,
        live.iter().map(|page| views(page)).collect(),
    );
    put(
        Stream::PageContentStates,
        live.iter().map(|page| state(page)).collect(),
    );
    put(Stream::Users, users(corpus, &accounts(&spaces, &pages)));
    tables
}

fn space(space: &Space, base: &str) -> Value {
    let webui = space
        .links
        .as_ref()
        .and_then(|links| links["webui"].as_str());
    json!({
        "source_id": space.id,
        "external_key": space.key,
        "name": space.name,
        "space_type": space.space_type,
        "status": space.status,
        "author_id": space.author_id,
        "source_url": webui.map(|webui| format!("{base}{webui}")),
        "created_at": space.created_at,
        "homepage_id": space.homepage_id,
    })
}

fn page(page: &Page, base: &str) -> Value {
    let sent = |name: &str| !page.omitted.iter().any(|omitted| omitted == name);
    let text = |name: &str, value: &Option<String>| value.clone().filter(|_| sent(name));
    let last = page.versions.last();
    json!({
        "source_id": page.id,
        "title": page.title,
        "position": page.position.filter(|_| sent("position")),
        "status": page.status,
        "space_id": page.space_id,
        "parent_id": text("parentId", &page.parent_id),
        "parent_type": text("parentType", &page.parent_type),
        "subtype": text("subtype", &page.subtype),
        "author_id": page.author_id,
        "owner_id": text("ownerId", &page.owner_id),
        "last_owner_id": text("lastOwnerId", &page.last_owner_id),
        "source_url": page.links.as_ref().map(|links| format!("{base}{}", links.webui)),
        "created_at": Some(&page.created_at).filter(|time| !time.is_empty()),
        "updated_at": last.map(|version| &version.created_at),
        "version_number": last.map(|version| version.number),
    })
}

fn versions(page: &Page) -> Vec<Value> {
    let row = |version: &mock_confluence::Version| {
        json!({
            "page_id": page.id,
            "number": version.number,
            "message": version.message,
            "author_id": version.author_id,
            "minor_edit": version.minor_edit,
            "created_at": version.created_at,
        })
    };
    page.versions.iter().map(row).collect()
}

fn labels(page: &Page) -> Vec<Value> {
    let row = |label: &mock_confluence::Label| {
        json!({
            "source_id": label.id,
            "page_id": page.id,
            "name": label.name,
            "prefix": label.prefix,
        })
    };
    page.labels.iter().map(row).collect()
}

fn views(page: &Page) -> Value {
    json!({ "page_id": page.id, "views_count": page.views })
}

fn state(page: &Page) -> Value {
    let answer = page.state.as_ref();
    let state = answer.and_then(|answer| answer.content_state.as_ref());
    json!({
        "page_id": page.id,
        "content_state_name": state.map(|state| &state.name),
        "content_state_color": state.map(|state| &state.color),
        "updated_at": answer.and_then(|answer| answer.last_updated.as_ref()),
    })
}

/// Every account that occurs in spaces, pages and the versions that are read.
fn accounts<'a>(spaces: &[&'a Space], pages: &[&'a Page]) -> BTreeSet<&'a str> {
    let mut accounts: BTreeSet<&str> = BTreeSet::new();
    accounts.extend(spaces.iter().filter_map(|space| space.author_id.as_deref()));
    for page in pages {
        let sent = |name: &str| !page.omitted.iter().any(|omitted| omitted == name);
        accounts.extend(page.author_id.as_deref());
        accounts.extend(page.owner_id.as_deref().filter(|_| sent("ownerId")));
        accounts.extend(
            page.last_owner_id
                .as_deref()
                .filter(|_| sent("lastOwnerId")),
        );
        let read = if page.status == "trashed" {
            1
        } else {
            usize::MAX
        };
        let versions = page.versions.iter().rev().take(read);
        accounts.extend(versions.filter_map(|version| version.author_id.as_deref()));
    }
    accounts
}

fn users(corpus: &Corpus, accounts: &BTreeSet<&str>) -> Vec<Value> {
    let met = corpus
        .users
        .iter()
        .filter(|user| accounts.contains(user.account_id.as_str()));
    met.map(|user| {
        json!({
            "source_id": user.account_id,
            "name": user.display_name,
            "email": user.email.clone().filter(|email| !email.is_empty()),
            "account_type": user.account_type,
            "account_status": user.account_status,
        })
    })
    .collect()
}
