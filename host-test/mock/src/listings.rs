//! The four listings: spaces, pages, and a page's versions and labels.

use std::borrow::Cow;
use std::collections::HashSet;

use super::access::Visibility;
use super::corpus::{Page, Space};
use super::cursor::SortKey;
use super::dto::{PageDto, SpaceDto, VersionDto};
use super::faults::FaultKind;
use super::paging::{ListingRequest, RowSource, serve};
use super::reply::Reply;
use super::site::{PageOrder, Site, milliseconds, number, positions};

/// Rows of one page of a listing when bodies are not asked for.
const NO_CAP: usize = 250;
/// Versions of one page of their listing when bodies are asked for (since 2026-06-01).
const VERSIONS_WITH_BODY: usize = 50;

fn signed(id: u64) -> SortKey {
    SortKey::Number(i64::try_from(id).unwrap_or(i64::MAX))
}

/// Positions of a few items, sorted by key and then by id.
fn sorted<T>(items: &[T], key: impl Fn(u32) -> SortKey, id: impl Fn(u32) -> u64) -> Vec<u32> {
    let mut order: Vec<u32> = positions(items).collect();
    order.sort_by_cached_key(|&at| (key(at), id(at)));
    order
}

/// GET /spaces. Which spaces come without a status is not documented: here the current ones.
pub(super) fn spaces(request: &ListingRequest<'_>, visibility: Visibility) -> Reply {
    let spaces = &request.site.corpus().spaces;
    let space = |at: u32| spaces.get(at as usize);
    let sort = request.parameters.one("sort").unwrap_or("id");
    let id = move |at: u32| space(at).map_or(0, |space| number(&space.id));
    let key = move |field: &str, at: u32| match (field, space(at)) {
        ("key", Some(space)) => SortKey::Text(space.key.clone()),
        ("name", Some(space)) => SortKey::Text(space.name.clone()),
        _ => signed(id(at)),
    };
    let order = sorted(spaces, |at| key(sort.trim_start_matches('-'), at), id);
    let keep = move |at: u32| {
        space(at).is_some_and(|space| {
            request.site.shows(visibility, number(&space.id)) && wants_space(request, space)
        })
    };
    let listing = RowSource {
        sort,
        actual_sort: sort,
        order: Cow::Owned(order),
        key: Box::new(key),
        id: Box::new(id),
        keep: Box::new(keep),
    };
    let description = request.parameters.one("description-format").is_some();
    let icon = request.parameters.one("include-icon") == Some("true");
    serve(request, &listing, NO_CAP, |at| {
        space(at).map(|space| SpaceDto::of(space, description, icon))
    })
}

fn wants_space(request: &ListingRequest<'_>, space: &Space) -> bool {
    let parameters = request.parameters;
    let any = |name: &str, value: &str| {
        parameters.many(name).next().is_none()
            || parameters.many(name).any(|wanted| wanted == value)
    };
    any("ids", &space.id)
        && any("keys", &space.key)
        && parameters
            .one("type")
            .is_none_or(|wanted| wanted == space.space_type)
        && parameters.one("status").unwrap_or("current") == space.status
        && parameters.one("labels").is_none()
        && parameters.one("favorited-by").is_none()
}

/// GET /pages.
pub(super) fn pages(request: &ListingRequest<'_>, visibility: Visibility) -> Reply {
    let site = request.site;
    let sort = request.parameters.one("sort").unwrap_or("id");
    let actual_sort = if request.active.has(FaultKind::Unsorted) {
        "id"
    } else {
        sort
    };
    let order = site.pages_by(PageOrder::of(actual_sort.trim_start_matches('-')));
    let key = move |field: &str, at: u32| page_key(site, field, at);
    let filter = PageFilter::of(request);
    let keep =
        move |at: u32| site.shows(visibility, site.page_keys(at).space) && filter.wants(site, at);
    let listing = RowSource {
        sort,
        actual_sort,
        order: Cow::Borrowed(order),
        key: Box::new(key),
        id: Box::new(move |at| site.page_keys(at).id),
        keep: Box::new(keep),
    };
    let body_format = request.parameters.one("body-format");
    serve(request, &listing, NO_CAP, |at| {
        site.page_at(at).map(|page| PageDto::of(page, body_format))
    })
}

fn page_key(site: &Site, field: &str, at: u32) -> SortKey {
    let keys = site.page_keys(at);
    match PageOrder::of(field) {
        PageOrder::Id => signed(keys.id),
        PageOrder::Created => SortKey::Number(keys.created),
        PageOrder::Modified => SortKey::Number(keys.modified),
        PageOrder::Title => SortKey::Text(
            site.page_at(at)
                .map(|page| page.title.clone())
                .unwrap_or_default(),
        ),
    }
}

/// The filters of one request for pages; an empty set lets everything through.
struct PageFilter<'a> {
    ids: HashSet<u64>,
    spaces: HashSet<u64>,
    statuses: Vec<&'a str>,
    title: Option<&'a str>,
    subtype: Option<&'a str>,
}

impl<'a> PageFilter<'a> {
    fn of(request: &ListingRequest<'a>) -> Self {
        let mut statuses: Vec<&str> = request.parameters.many("status").collect();
        if statuses.is_empty() {
            statuses = vec!["current", "archived"];
        }
        Self {
            ids: request.parameters.many("id").map(number).collect(),
            spaces: request.parameters.many("space-id").map(number).collect(),
            statuses,
            title: request.parameters.one("title"),
            subtype: request.parameters.one("subtype"),
        }
    }

    fn wants(&self, site: &Site, at: u32) -> bool {
        let keys = site.page_keys(at);
        let wants_page = |page: &Page| {
            self.statuses.contains(&page.status.as_str())
                && self.title.is_none_or(|title| title == page.title)
                && self
                    .subtype
                    .is_none_or(|subtype| page.subtype.as_deref() == Some(subtype))
        };
        (self.ids.is_empty() || self.ids.contains(&keys.id))
            && (self.spaces.is_empty() || self.spaces.contains(&keys.space))
            && site.page_at(at).is_some_and(wants_page)
    }
}

/// GET /pages/{id}/versions. Without a sort the newest comes first, as people report; it is not documented.
pub(super) fn versions(request: &ListingRequest<'_>, page: &Page) -> Reply {
    let version = |at: u32| page.versions.get(at as usize);
    let sort = request.parameters.one("sort").unwrap_or("-modified-date");
    let id = move |at: u32| version(at).map_or(0, |version| u64::from(version.number));
    let key = move |_: &str, at: u32| {
        SortKey::Number(version(at).map_or(0, |version| milliseconds(&version.created_at)))
    };
    let order = sorted(&page.versions, |at| key(sort, at), id);
    let listing = RowSource {
        sort,
        actual_sort: sort,
        order: Cow::Owned(order),
        key: Box::new(key),
        id: Box::new(id),
        keep: Box::new(|_| true),
    };
    let body_format = request.parameters.one("body-format");
    let most = if body_format.is_some() {
        VERSIONS_WITH_BODY
    } else {
        NO_CAP
    };
    serve(request, &listing, most, |at| {
        version(at).map(|version| VersionDto::listed(version, page, body_format))
    })
}

/// GET /pages/{id}/labels, by id unless sorted otherwise (measured).
pub(super) fn labels(request: &ListingRequest<'_>, page: &Page) -> Reply {
    let label = |at: u32| page.labels.get(at as usize);
    let sort = request.parameters.one("sort").unwrap_or("id");
    let id = move |at: u32| label(at).map_or(0, |label| number(&label.id));
    let key = move |field: &str, at: u32| match (field, label(at)) {
        ("name", Some(label)) => SortKey::Text(label.name.clone()),
        _ => signed(id(at)),
    };
    let order = sorted(&page.labels, |at| key(sort.trim_start_matches('-'), at), id);
    let prefix = request.parameters.one("prefix");
    let keep = move |at: u32| {
        label(at).is_some_and(|label| prefix.is_none_or(|prefix| prefix == label.prefix))
    };
    let listing = RowSource {
        sort,
        actual_sort: sort,
        order: Cow::Owned(order),
        key: Box::new(key),
        id: Box::new(id),
        keep: Box::new(keep),
    };
    serve(request, &listing, NO_CAP, label)
}
