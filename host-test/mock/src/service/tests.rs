#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use std::time::{Duration, UNIX_EPOCH};

use serde_json::Value;

use super::*;
use crate::{Corpus, CorpusSpec};

fn site() -> Site {
    Site::new(
        Corpus::generate(&CorpusSpec::default()),
        AccessPolicy::default(),
    )
}

fn send(site: &Site, request: IncomingRequest) -> (u16, Value, Reply) {
    let request = request.with_basic(&site.access.username, &site.access.token);
    let reply = answer(site, &request);
    let body = serde_json::from_slice(&reply.body).unwrap_or_default();
    (reply.status.as_u16(), body, reply)
}

fn get(site: &Site, target: &str) -> (u16, Value) {
    let (status, body, _) = send(site, IncomingRequest::get(target));
    (status, body)
}

/// Follows next links as they come and returns all rows of all pages.
fn all(site: &Site, target: &str) -> Vec<Value> {
    let mut rows = Vec::new();
    let mut next = Some(target.to_owned());
    while let Some(target) = next {
        let (status, body) = get(site, &target);
        assert_eq!(status, 200, "{target} {body}");
        rows.extend(body["results"].as_array().unwrap().iter().cloned());
        next = body["_links"]["next"].as_str().map(str::to_owned);
    }
    rows
}

fn ids(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["id"].as_str().unwrap()).collect()
}

#[test]
fn every_page_size_and_sort_gives_every_row_once() {
    let site = site();
    let corpus = site.corpus();
    let longest = corpus
        .pages
        .iter()
        .max_by_key(|page| page.versions.len())
        .unwrap();
    let most_labels = corpus
        .pages
        .iter()
        .max_by_key(|page| page.labels.len())
        .unwrap();
    let listed = corpus
        .pages
        .iter()
        .filter(|page| page.status != "trashed")
        .count();
    let listings: [(String, usize, &[&str]); 4] = [
        (
            "/wiki/api/v2/pages".to_owned(),
            listed,
            &[
                "",
                "id",
                "-id",
                "created-date",
                "-created-date",
                "modified-date",
                "-modified-date",
                "title",
                "-title",
            ],
        ),
        (
            "/wiki/api/v2/spaces".to_owned(),
            11,
            &["", "id", "-id", "key", "-key", "name", "-name"],
        ),
        (
            format!("/wiki/api/v2/pages/{}/versions", longest.id),
            700,
            &["", "modified-date", "-modified-date"],
        ),
        (
            format!("/wiki/api/v2/pages/{}/labels", most_labels.id),
            300,
            &[
                "",
                "id",
                "-id",
                "name",
                "-name",
                "created-date",
                "-created-date",
            ],
        ),
    ];
    for (path, expected, sorts) in listings {
        for sort in sorts {
            let sort = if sort.is_empty() {
                String::new()
            } else {
                format!("&sort={sort}")
            };
            for limit in [1, 2, 7, 25, 99, 100, 249, 250] {
                let mut rows: Vec<String> = all(&site, &format!("{path}?limit={limit}{sort}"))
                    .iter()
                    .map(Value::to_string)
                    .collect();
                assert_eq!(rows.len(), expected, "{path} {sort} {limit}");
                rows.sort_unstable();
                rows.dedup();
                assert_eq!(rows.len(), expected, "{path} {sort} {limit}");
            }
        }
    }
}

#[test]
fn orders_are_what_they_say() {
    let site = site();
    let texts = |sort: &str, pointer: &str| -> Vec<String> {
        let rows = all(&site, &format!("/wiki/api/v2/pages?limit=100&sort={sort}"));
        rows.iter()
            .map(|row| row.pointer(pointer).unwrap().as_str().unwrap().to_owned())
            .collect()
    };
    for (field, pointer) in [
        ("created-date", "/createdAt"),
        ("modified-date", "/version/createdAt"),
        ("title", "/title"),
        ("id", "/id"),
    ] {
        let up = texts(field, pointer);
        let mut down = texts(&format!("-{field}"), pointer);
        let times: Vec<_> = up
            .iter()
            .filter_map(|text| text.parse::<jiff::Timestamp>().ok())
            .collect();
        assert!(
            up.is_sorted() || (times.len() == up.len() && times.is_sorted()),
            "{field}"
        );
        down.reverse();
        assert_eq!(up, down, "{field}");
    }
    let page = site
        .corpus()
        .pages
        .iter()
        .find(|page| page.versions.len() == 251)
        .unwrap();
    let newest = get(
        &site,
        &format!("/wiki/api/v2/pages/{}/versions?limit=1", page.id),
    )
    .1;
    assert_eq!(newest["results"][0]["number"], 251);
}

#[test]
fn filters_filter() {
    let site = site();
    let corpus = site.corpus();
    let (first, second) = (&corpus.spaces[0].id, &corpus.spaces[1].id);
    let count =
        |wanted: &dyn Fn(&Page) -> bool| corpus.pages.iter().filter(|page| wanted(page)).count();
    let one = &corpus.pages[2];
    let quoted =
        percent_encoding::utf8_percent_encode(&one.title, percent_encoding::NON_ALPHANUMERIC);
    for (query, expected) in [
        (
            "status=trashed".to_owned(),
            count(&|page| page.status == "trashed"),
        ),
        ("status=current,archived,trashed".to_owned(), 400),
        (
            "status=current&status=archived&status=trashed".to_owned(),
            400,
        ),
        ("status=deleted".to_owned(), 0),
        (
            format!("space-id={first}&status=current"),
            count(&|page| page.status == "current" && &page.space_id == first),
        ),
        (
            format!("space-id={first}%2C{second}"),
            count(&|page| page.status != "trashed" && [first, second].contains(&&page.space_id)),
        ),
        (format!("id={},{}", one.id, corpus.pages[3].id), 2),
        (format!("title={quoted}"), 1),
        (
            "subtype=live".to_owned(),
            count(&|page| page.status != "trashed" && page.subtype.as_deref() == Some("live")),
        ),
    ] {
        assert_eq!(
            all(&site, &format!("/wiki/api/v2/pages?limit=9&{query}")).len(),
            expected,
            "{query}"
        );
    }
    for (query, expected) in [
        ("", 11),
        ("&status=archived", 1),
        ("&keys=TEAM0,TEAM3&keys=NOPE", 2),
        ("&type=personal", 1),
        ("&keys=NOPE", 0),
    ] {
        assert_eq!(
            all(&site, &format!("/wiki/api/v2/spaces?limit=2{query}")).len(),
            expected,
            "{query}"
        );
    }
}

#[test]
fn next_links_are_as_awkward_as_the_real_ones() {
    let site = site();
    let gateway = format!(
        "/ex/confluence/{}/wiki/api/v2/pages?limit=5&status=current&sort=-modified-date",
        site.corpus().cloud_id
    );
    let (status, body, reply) = send(&site, IncomingRequest::get(&gateway));
    let next = body["_links"]["next"].as_str().unwrap();
    assert_eq!(status, 200);
    assert!(
        next.starts_with("/wiki/api/v2/pages?cursor=")
            && next.ends_with("=&sort=-modified-date&status=current&limit=5"),
        "{next}"
    );
    assert_eq!(body["_links"]["base"], "https://example.atlassian.net/wiki");
    let link = reply.headers["link"].to_str().unwrap();
    assert_eq!(
        link,
        format!("<{next}>; rel=\"next\", <https://example.atlassian.net/wiki>; rel=\"base\"")
    );
    let cursor = next
        .split_once("cursor=")
        .unwrap()
        .1
        .split_once('&')
        .unwrap()
        .0;
    let encoded = percent_encoding::utf8_percent_encode(cursor, percent_encoding::NON_ALPHANUMERIC);
    for (cursor, sort, expected) in [
        (cursor.to_owned(), "-modified-date", 200),
        (encoded.to_string(), "-modified-date", 200),
        (cursor.replace('+', "%20"), "-modified-date", 400),
        (cursor.to_owned(), "id", 400),
        ("nonsense".to_owned(), "id", 400),
    ] {
        let (status, body) = get(
            &site,
            &format!("/wiki/api/v2/pages?sort={sort}&cursor={cursor}&limit=3"),
        );
        assert_eq!(status, expected, "{cursor} {sort}");
        if status == 400 {
            assert_eq!(body["errors"][0]["code"], "INVALID_REQUEST_PARAMETER");
            assert_eq!(
                body["errors"][0]["title"],
                "Provided value for 'cursor' is not the correct type. Expected type is Cursor."
            );
        }
    }
}

#[test]
fn paging_stays_right_while_the_site_changes() {
    let mut site = site();
    let body = get(&site, "/wiki/api/v2/pages?limit=100&sort=-modified-date").1;
    let seen = ids(body["results"].as_array().unwrap())
        .into_iter()
        .map(str::to_owned)
        .collect::<Vec<_>>();
    let rest = all(&site, body["_links"]["next"].as_str().unwrap());
    site.edit(|corpus| {
        corpus
            .edit_page(&seen[99], "2026-10-02T00:00:00.000Z", "a")
            .unwrap();
        corpus.purge_page(&seen[98]).unwrap();
        corpus.create_page("3000000000", "New", "2026-10-03T00:00:00.000Z", "a");
    });
    assert_eq!(
        ids(&all(&site, body["_links"]["next"].as_str().unwrap())),
        ids(&rest)
    );
    let first = get(&site, "/wiki/api/v2/pages?limit=2&sort=-modified-date").1;
    assert_eq!(first["results"][0]["title"], "New");
    assert_eq!(first["results"][1]["id"], seen[99]);
}

#[test]
fn details_and_their_absence() {
    let mut site = site();
    let trashed = site
        .corpus()
        .pages
        .iter()
        .find(|page| page.status == "trashed")
        .unwrap()
        .id
        .clone();
    let purged = site.corpus().pages[0].id.clone();
    let blind = site
        .corpus()
        .pages
        .iter()
        .find(|page| page.views.is_none())
        .unwrap()
        .id
        .clone();
    site.edit(|corpus| corpus.purge_page(&purged)).unwrap();
    for (path, status, part) in [
        (
            format!("/wiki/api/v2/pages/{trashed}/versions"),
            200,
            "results",
        ),
        (
            format!("/wiki/api/v2/pages/{trashed}/labels"),
            200,
            "results",
        ),
        (format!("/wiki/rest/api/content/{trashed}/state"), 200, "{"),
        (
            format!("/wiki/rest/api/analytics/content/{trashed}/views"),
            200,
            "\"id\":4",
        ),
        (
            "/wiki/api/v2/pages/9/versions".to_owned(),
            404,
            "Cannot find a page with id [9]",
        ),
        (
            "/wiki/api/v2/pages/9/labels".to_owned(),
            404,
            "Could not find page with id [9]",
        ),
        (
            format!("/wiki/api/v2/pages/{purged}/labels"),
            404,
            "\"title\":\"Not Found\"",
        ),
        (
            format!("/wiki/api/v2/pages/{purged}/versions"),
            404,
            "Cannot find a page",
        ),
        (
            "/wiki/rest/api/content/9/state".to_owned(),
            404,
            "Content with id: [9] not found",
        ),
        (
            "/wiki/rest/api/analytics/content/9/views".to_owned(),
            404,
            "Content with id: [9] not found",
        ),
        (
            format!("/wiki/rest/api/analytics/content/{blind}/views"),
            404,
            "statusCode",
        ),
        (
            "/wiki/api/v2/pages/x/labels".to_owned(),
            400,
            "Expected type is long",
        ),
        (
            "/wiki/api/v2/pages?limit=251".to_owned(),
            400,
            "Provided value for 'limit'",
        ),
        (
            "/wiki/api/v2/pages?expand=body".to_owned(),
            400,
            "Provided value for 'expand'",
        ),
        ("/wiki/api/v2/folders".to_owned(), 404, "<!DOCTYPE html>"),
        (
            "/wiki/api/v2/users-bulk".to_owned(),
            405,
            "METHOD_NOT_ALLOWED",
        ),
    ] {
        let (got, _, reply) = send(&site, IncomingRequest::get(&path));
        let body = String::from_utf8(reply.body.to_vec()).unwrap();
        assert!(got == status && body.contains(part), "{path}: {got} {body}");
    }
}

#[test]
fn states_are_objects_whatever_happened() {
    let mut site = site();
    let id = site
        .corpus()
        .pages
        .iter()
        .find(|page| page.state.is_none())
        .unwrap()
        .id
        .clone();
    let path = format!("/wiki/rest/api/content/{id}/state");
    assert_eq!(get(&site, &path), (200, json!({})));
    site.edit(|corpus| corpus.set_state(&id, Some("Mine"), "2026-10-02T00:00:00.000Z", "a"))
        .unwrap();
    assert_eq!(get(&site, &path).1["contentState"]["name"], "Mine");
    site.edit(|corpus| corpus.set_state(&id, None, "2026-10-03T00:00:00.000Z", "a"))
        .unwrap();
    assert_eq!(
        get(&site, &path),
        (200, json!({"lastUpdated": "2026-10-03T00:00:00.000Z"}))
    );
}

#[test]
fn users_are_found_in_another_order_and_unknown_ones_left_out() {
    let site = site();
    let users = &site.corpus().users;
    let post = |ids: &[String]| {
        send(
            &site,
            IncomingRequest::post(
                "/wiki/api/v2/users-bulk",
                &json!({"accountIds": ids}).to_string(),
            ),
        )
    };
    let asked = vec![
        users[0].account_id.clone(),
        "ghost".to_owned(),
        users[1].account_id.clone(),
        users[0].account_id.clone(),
    ];
    let (status, body, reply) = post(&asked);
    let found: Vec<&str> = body["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["accountId"].as_str().unwrap())
        .collect();
    assert_eq!(
        (status, found),
        (
            200,
            vec![users[0].account_id.as_str(), users[1].account_id.as_str()]
        )
    );
    assert_eq!(
        reply.headers["link"],
        "<https://example.atlassian.net/wiki>; rel=\"base\""
    );
    for (count, expected) in [(0, 400), (1, 200), (250, 200), (251, 400)] {
        let ids: Vec<String> = (0..count).map(|index| format!("id{index}")).collect();
        assert_eq!(post(&ids).0, expected, "{count}");
    }
    assert_eq!(post(&[String::new()]).0, 400);
    for body in ["", "[]", "{}", r#"{"accountIds":[null]}"#] {
        assert_eq!(
            send(
                &site,
                IncomingRequest::post("/wiki/api/v2/users-bulk", body)
            )
            .0,
            400,
            "{body}"
        );
    }
}

#[test]
fn rows_have_nulls_gaps_and_extras() {
    let site = site();
    let rows = all(&site, "/wiki/api/v2/pages?limit=250");
    assert!(
        rows.iter()
            .any(|row| row["ownerId"].is_null() && row.get("ownerId").is_some())
    );
    assert!(rows.iter().any(|row| row.get("ownerId").is_none()));
    assert!(
        rows.iter()
            .all(|row| row["version"].get("ncsStepVersion").is_some()
                && row["version"].get("page").is_none())
    );
    let spaces = all(
        &site,
        "/wiki/api/v2/spaces?description-format=plain&include-icon=true",
    );
    assert!(spaces.iter().all(|row| row.get("spaceOwnerId").is_some()));
    assert!(
        spaces.iter().any(|row| row["description"].is_object())
            && spaces.iter().any(|row| row["icon"].is_object())
    );
}

#[test]
fn versions_with_bodies_come_fifty_at_a_time() {
    let site = site();
    let page = site
        .corpus()
        .pages
        .iter()
        .find(|page| page.versions.len() == 251)
        .unwrap();
    let path = format!(
        "/wiki/api/v2/pages/{}/versions?limit=250&body-format=storage",
        page.id
    );
    assert_eq!(get(&site, &path).1["results"].as_array().unwrap().len(), 50);
    assert_eq!(all(&site, &path).len(), 251);
}

#[test]
fn strangers_on_a_public_site_see_the_first_space() {
    let mut site = site();
    site.access.public = true;
    let first = site.corpus().spaces[0].id.clone();
    let ask = |target: &str| {
        let reply = answer(&site, &IncomingRequest::get(target));
        (
            reply.status.as_u16(),
            serde_json::from_slice::<Value>(&reply.body).unwrap_or_default(),
        )
    };
    assert_eq!(
        ask("/wiki/api/v2/spaces").1["results"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let pages = ask("/wiki/api/v2/pages?limit=250").1;
    let pages = pages["results"].as_array().unwrap();
    assert!(!pages.is_empty() && pages.iter().all(|page| page["spaceId"] == first));
    let hidden = site
        .corpus()
        .pages
        .iter()
        .find(|page| page.space_id != first)
        .unwrap();
    assert_eq!(
        ask(&format!(
            "/wiki/api/v2/pages/{}/labels",
            pages[0]["id"].as_str().unwrap()
        ))
        .0,
        200
    );
    assert_eq!(
        ask(&format!("/wiki/api/v2/pages/{}/labels", hidden.id)).0,
        404
    );
}

#[test]
fn a_token_that_sees_no_space_gets_empty_lists() {
    let mut site = site();
    site.access.spaces_visible = false;
    for path in ["/wiki/api/v2/spaces", "/wiki/api/v2/pages?status=trashed"] {
        assert!(all(&site, path).is_empty(), "{path}");
    }
}

#[test]
fn the_cloud_id_is_for_anybody_and_the_clock_can_be_set() {
    let mut site = site();
    site.clock = Some(UNIX_EPOCH + Duration::from_secs(1_000_000_000));
    let reply = answer(&site, &IncomingRequest::get("/_edge/tenant_info"));
    assert_eq!(reply.headers["date"], "Sun, 09 Sep 2001 01:46:40 GMT");
    assert_eq!(
        serde_json::from_slice::<Value>(&reply.body).unwrap(),
        json!({"cloudId": site.corpus().cloud_id})
    );
}
