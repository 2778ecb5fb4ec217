#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use std::collections::HashSet;
use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};

use super::*;
use crate::{AccessPolicy, Corpus, CorpusSpec, Endpoint, FaultPlan, IncomingRequest, answer_with};

fn site() -> Site {
    let mut site = Site::new(
        Corpus::generate(&CorpusSpec::default()),
        AccessPolicy::default(),
    );
    site.clock = Some(UNIX_EPOCH + Duration::from_secs(1_790_000_030));
    site
}

fn fault_plan(faults: &[&str]) -> FaultPlan {
    faults
        .iter()
        .map(|fault| fault.parse::<Fault>().unwrap())
        .collect()
}

fn get(site: &Site, fault_plan: &FaultPlan, target: &str) -> (Reply, Value) {
    let reply = answer_with(
        site,
        &IncomingRequest::get(target).with_basic(&site.access.username, &site.access.token),
        fault_plan,
    );
    let body = serde_json::from_slice(&reply.body).unwrap_or_default();
    (reply, body)
}

/// Follows at most so many next links; returns the rows of each page, and the links.
fn pages(
    site: &Site,
    fault_plan: &FaultPlan,
    target: &str,
    most: usize,
) -> (Vec<Vec<String>>, Vec<String>) {
    let (mut pages, mut links) = (Vec::new(), vec![target.to_owned()]);
    while links.len() > pages.len() && pages.len() < most {
        let (reply, body) = get(site, fault_plan, &links[pages.len()]);
        assert_eq!(reply.status, 200, "{body}");
        pages.push(
            body["results"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| row["id"].as_str().unwrap().to_owned())
                .collect(),
        );
        links.extend(body["_links"]["next"].as_str().map(str::to_owned));
    }
    (pages, links)
}

const PAGES: &str = "/wiki/api/v2/pages?limit=100";

#[test]
fn waits_are_said_in_every_way() {
    let site = site();
    for (fault, header, expected) in [
        ("rate-limit", "retry-after", Some("1")),
        ("rate-limit:seconds=9", "retry-after", Some("9")),
        ("rate-limit-long", "retry-after", Some("1847")),
        (
            "rate-limit-date:seconds=30",
            "retry-after",
            Some("Mon, 21 Sep 2026 14:14:20 GMT"),
        ),
        (
            "rate-limit-reset",
            "x-ratelimit-reset",
            Some("2026-09-21T14:14Z"),
        ),
        ("rate-limit-reset", "retry-after", None),
        ("rate-limit-bare", "retry-after", None),
        ("rate-limit-bare", "x-ratelimit-reset", None),
        (
            "rate-limit-bare",
            "x-failure-category",
            Some("FAILURE CLIENT RATE LIMITED"),
        ),
        ("503", "retry-after", None),
        ("503:seconds=4", "retry-after", Some("4")),
        ("near-limit", "x-ratelimit-nearlimit", Some("true")),
    ] {
        let (reply, _) = get(&site, &fault_plan(&[fault]), PAGES);
        assert_eq!(
            reply
                .headers
                .get(header)
                .map(|value| value.to_str().unwrap()),
            expected,
            "{fault} {header}"
        );
    }
}

#[test]
fn listings_go_wrong_in_every_way() {
    let site = site();
    let (whole, _) = pages(&site, &fault_plan(&[]), PAGES, 99);
    let whole = whole.concat();
    let (short, _) = pages(&site, &fault_plan(&["short-pages"]), PAGES, 99);
    assert_eq!((short[0].len(), short.concat()), (34, whole.clone()));
    let (holed, _) = pages(&site, &fault_plan(&["empty-page"]), PAGES, 99);
    assert_eq!(
        holed.iter().map(Vec::len).take(3).collect::<Vec<_>>(),
        [100, 0, 100]
    );
    assert_eq!(holed.concat(), whole);
    let (empty, links) = pages(&site, &fault_plan(&["empty-pages"]), PAGES, 50);
    assert!(empty.concat().is_empty() && links.len() == 51);
    assert_eq!(
        links.iter().collect::<HashSet<_>>().len(),
        51,
        "every cursor is new"
    );
    let (_, links) = pages(&site, &fault_plan(&["cursor-circle"]), PAGES, 4);
    assert!(links[3] == links[1] && links[2] != links[1], "{links:?}");
    let (_, links) = pages(
        &site,
        &fault_plan(&["cursor-circle"]),
        "/wiki/api/v2/spaces?limit=250",
        5,
    );
    assert!(
        links[3] == links[1],
        "short listings circle, too: {links:?}"
    );
    let (unsorted, _) = pages(
        &site,
        &fault_plan(&["unsorted"]),
        "/wiki/api/v2/pages?limit=100&sort=-modified-date",
        99,
    );
    assert_eq!(unsorted.concat(), whole, "in the order of ids");
    let (_, links) = pages(
        &site,
        &fault_plan(&["foreign-next:to=http://127.0.0.1:9"]),
        PAGES,
        1,
    );
    assert!(links[1].starts_with("http://127.0.0.1:9/wiki/api/v2/pages?cursor="));
    let (reply, body) = get(&site, &fault_plan(&["no-next-but-link"]), PAGES);
    assert!(
        body["_links"].get("next").is_none()
            && reply.headers["link"]
                .to_str()
                .unwrap()
                .contains("rel=\"next\"")
    );
}

#[test]
fn cursors_and_limits_are_refused() {
    let site = site();
    let (_, links) = pages(&site, &fault_plan(&[]), PAGES, 1);
    let expiring = fault_plan(&["cursor-expires:count=1"]);
    assert_eq!(get(&site, &expiring, PAGES).0.status, 200);
    assert_eq!(get(&site, &expiring, &links[1]).0.status, 400);
    assert_eq!(get(&site, &expiring, &links[1]).0.status, 200);
    let large = fault_plan(&["too-large-limit:limit=60"]);
    assert_eq!(get(&site, &large, PAGES).0.status, 504);
    assert_eq!(
        get(&site, &large, "/wiki/api/v2/pages?limit=60").0.status,
        200
    );
}

#[test]
fn scopes_are_lost_one_by_one() {
    let site = site();
    let gateway = |path: &str| format!("/ex/confluence/{}{path}", site.corpus().cloud_id);
    let page = &site.corpus().pages[0].id;
    let lost = fault_plan(&[
        "missing-scope:scope=read:space:confluence",
        "missing-scope:scope=read:confluence-content.summary",
    ]);
    for (path, expected) in [
        ("/wiki/api/v2/spaces".to_owned(), 401),
        ("/wiki/api/v2/pages".to_owned(), 200),
        (format!("/wiki/rest/api/content/{page}/state"), 401),
        (
            format!("/wiki/rest/api/analytics/content/{page}/views"),
            401,
        ),
    ] {
        assert_eq!(
            get(&site, &lost, &gateway(&path)).0.status,
            expected,
            "{path}"
        );
    }
    assert_eq!(
        get(
            &site,
            &fault_plan(&["missing-scope"]),
            &gateway("/wiki/api/v2/pages")
        )
        .0
        .status,
        401
    );
}

#[test]
fn types_go_wrong() {
    let site = site();
    let page = site
        .corpus()
        .pages
        .iter()
        .find(|page| page.views.is_some())
        .unwrap();
    let views = format!("/wiki/rest/api/analytics/content/{}/views", page.id);
    let body = get(&site, &fault_plan(&["wrong-types"]), PAGES).1;
    assert_eq!(
        (
            &body["results"][0]["title"],
            &body["results"][0]["position"]
        ),
        (&json!(7), &Value::Null)
    );
    assert_eq!(
        get(&site, &fault_plan(&["wrong-types"]), &views).1["count"],
        "seven"
    );
    assert!(get(&site, &fault_plan(&["wrong-types:shape=object"]), PAGES).1["results"].is_object());
    assert!(
        get(&site, &fault_plan(&["wrong-types:shape=object"]), &views)
            .1
            .is_array()
    );
}

/// The body of the first response for pages, as text, under a fault.
fn body_with(site: &Site, fault: &str, target: &str) -> Vec<u8> {
    get(site, &fault_plan(&[fault]), target).0.body.to_vec()
}

fn contains(body: &[u8], part: &[u8]) -> bool {
    body.windows(part.len()).any(|window| window == part)
}

#[test]
fn waits_are_said_in_odd_ways() {
    let site = site();
    for (fault, expected) in [
        ("odd-retry-after", "1.5"),
        ("odd-retry-after:form=unit,seconds=2", "2s"),
        ("odd-retry-after:form=doubled,seconds=4", "4, 4"),
        (
            "odd-retry-after:form=rfc850",
            "Monday, 21-Sep-26 14:13:51 GMT",
        ),
        ("odd-retry-after:form=asctime", "Mon Sep 21 14:13:51 2026"),
        ("odd-retry-after:form=utc", "Mon, 21 Sep 2026 14:13:51 UTC"),
        ("odd-retry-after:form=negative", "-5"),
        ("odd-retry-after:form=absurd", "99999999999999999999"),
        ("odd-retry-after:form=empty", ""),
        ("odd-retry-after:value=1%2C 2", "1, 2"),
    ] {
        let reply = get(&site, &fault_plan(&[fault]), PAGES).0;
        assert_eq!(
            (
                reply.status.as_u16(),
                reply.headers["retry-after"].to_str().unwrap()
            ),
            (429, expected),
            "{fault}"
        );
    }
    for (fault, expected) in [
        ("rate-limit-epoch:seconds=2", "1790000032"),
        ("rate-limit-epoch:form=milliseconds", "1790000031000"),
    ] {
        let reply = get(&site, &fault_plan(&[fault]), PAGES).0;
        assert_eq!(reply.headers["x-ratelimit-reset"], expected);
    }
    let two = get(
        &site,
        &fault_plan(&["odd-retry-after:form=two-headers"]),
        PAGES,
    )
    .0;
    assert_eq!(two.headers.get_all("retry-after").iter().count(), 2);
    let other = get(&site, &fault_plan(&["odd-retry-after:status=503"]), PAGES).0;
    assert_eq!(other.status, 503);
}

#[test]
fn values_are_spelled_in_odd_ways() {
    let site = site();
    let page = site
        .corpus()
        .pages
        .iter()
        .find(|page| page.views == Some(0))
        .unwrap();
    let views = Endpoint::Views.path(&page.id);
    for (fault, target, part) in [
        ("odd-numbers", views.as_str(), br#""count":0.0"#.as_slice()),
        ("odd-numbers:form=text", &views, br#""count":"0""#),
        ("odd-numbers:form=exponent", PAGES, br#""number":1e0"#),
        ("odd-times", PAGES, br#""createdAt":16"#),
        ("odd-times:form=offset", PAGES, br#"+0000""#),
        ("odd-times:form=empty", PAGES, br#""createdAt":"""#),
        ("odd-times:form=garbage", PAGES, br#""createdAt":"garbage""#),
        ("odd-texts", PAGES, br#"Release notes 0\ud83d""#),
        ("odd-texts:form=nul", PAGES, br#"Release notes 0\u0000""#),
        (
            "odd-texts:form=invalid-utf8",
            PAGES,
            b"Release notes 0\xff\xc3\"",
        ),
        ("bom", PAGES, b"\xef\xbb\xbf{"),
        ("unread-field:form=deep", PAGES, br#"{"a":[{"a":[{"a":["#),
        ("unread-field:form=number", PAGES, b"1e400"),
        ("unread-field:form=surrogate", PAGES, br#"\udc00""#),
        (
            "unread-field:form=contributors",
            PAGES,
            br#"8000-000000000351""#,
        ),
        (
            "set-field:field=version.number,value=12.0",
            PAGES,
            br#""number":12.0"#,
        ),
        ("set-field:field=position,value=[1%2C2]", PAGES, b"[1,2]"),
        (
            "absolute-links",
            PAGES,
            br#""webui":"https://example.atlassian.net/wiki/spaces/"#,
        ),
        (
            "absolute-links:form=base-slash",
            PAGES,
            br#""base":"https://example.atlassian.net/wiki/""#,
        ),
        (
            "error-in-200",
            &views,
            br#"{"message":"Something went wrong","statusCode":403}"#,
        ),
        (
            "error-in-200:form=errors,status=500",
            &views,
            br#""status":500"#,
        ),
        (
            "error-in-200:form=message,status=500",
            &views,
            br#"{"code":500,"message":"Something went wrong"}"#,
        ),
        (
            "error-in-200:form=error",
            &views,
            br#"{"error":{"text":"Something went wrong"}}"#,
        ),
        ("error-in-200:form=no-errors", &views, br#"{"errors":[]}"#),
    ] {
        let body = body_with(&site, fault, target);
        let shown = String::from_utf8_lossy(body.get(..body.len().min(1500)).unwrap());
        assert!(contains(&body, part), "{fault}: {shown}");
    }
    let large = body_with(&site, "unread-field:form=padding", PAGES);
    assert!(
        (11 << 20..12 << 20).contains(&large.len()),
        "{}",
        large.len()
    );
}

#[test]
fn rows_lose_their_fields() {
    let site = site();
    let stated = site.corpus().pages.iter().find(|page| {
        page.state
            .as_ref()
            .is_some_and(|state| state.content_state.is_some())
    });
    let state = Endpoint::States.path(&stated.unwrap().id);
    let body = get(&site, &fault_plan(&["state-without-name"]), &state).1;
    assert!(
        body["contentState"].get("name").is_none() && body["contentState"]["color"].is_string()
    );
    let body = get(&site, &fault_plan(&["row-without-key"]), PAGES).1;
    assert!(body["results"][0].get("id").is_none() && body["results"][1]["id"].is_string());
    let body = get(
        &site,
        &fault_plan(&["drop-field:field=version,row=1"]),
        PAGES,
    )
    .1;
    assert!(
        body["results"][1].get("version").is_none() && body["results"][0]["version"].is_object()
    );
}

#[test]
fn links_take_every_legal_form() {
    let site = site();
    for (form, count, part) in [
        ("one-header", 1, "; rel=\"next\", <https"),
        (
            "two-headers",
            2,
            "<https://example.atlassian.net/wiki>; rel=\"base\"",
        ),
        ("unquoted", 1, ";rel=next,<https"),
        ("other-order", 1, "REL=\"item next\""),
        (
            "absolute",
            1,
            "<https://example.atlassian.net/wiki/api/v2/pages?cursor=",
        ),
        ("absent", 0, ""),
    ] {
        let (reply, body) = get(
            &site,
            &fault_plan(&[&format!("no-links:form={form}")]),
            PAGES,
        );
        let links: Vec<_> = reply.headers.get_all("link").iter().collect();
        assert!(body.get("_links").is_none());
        assert_eq!(links.len(), count, "{form}");
        assert!(
            count == 0 || links[0].to_str().unwrap().contains(part),
            "{form} {links:?}"
        );
    }
}

#[test]
fn cursors_live_as_long_as_a_fault_lets_them() {
    let site = site();
    let plan = fault_plan(&["short-lived-cursors:requests=2,status=410"]);
    let next = |plan: &FaultPlan| {
        get(&site, plan, PAGES).1["_links"]["next"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let first = next(&plan);
    assert_eq!(get(&site, &plan, &first).0.status, 200);
    assert_eq!(get(&site, &plan, &first).0.status, 200);
    assert_eq!(get(&site, &plan, &first).0.status, 410);
    let again = next(&plan);
    assert_eq!(
        get(&site, &plan, &again).0.status,
        200,
        "a new cursor lives again"
    );
}

#[test]
fn batches_with_a_bad_account_are_refused() {
    let site = site();
    let ids = |users: &[crate::User]| {
        let ids: Vec<&str> = users.iter().map(|user| user.account_id.as_str()).collect();
        json!({ "accountIds": ids }).to_string()
    };
    let users = &site.corpus().users;
    let send = |fault: &str, body: &str| {
        let request = IncomingRequest::post("/wiki/api/v2/users-bulk", body)
            .with_basic(&site.access.username, &site.access.token);
        answer_with(&site, &request, &fault_plan(&[fault]))
    };
    assert_eq!(send("bad-account", &ids(&users[..9])).status, 400);
    assert_eq!(send("bad-account", &ids(&users[1..9])).status, 200);
    let named = format!("bad-account:account={}", users[3].account_id);
    assert_eq!(send(&named, &ids(&users[3..4])).status, 400);
    let overloaded = format!("{named},status=504");
    assert_eq!(send(&overloaded, &ids(&users[3..4])).status, 504);
    let reply = send("unrequested-user", &ids(&users[..2]));
    assert!(contains(&reply.body, b"Nobody asked for"));
}

#[test]
fn whoever_stands_in_between_answers_for_a_revoked_token() {
    let site = site();
    let first = |form: &str| {
        get(
            &site,
            &fault_plan(&[&format!("token-dies:after=0,form={form}")]),
            PAGES,
        )
        .0
    };
    for (form, status, part) in [
        ("measured", 404, "\"Not Found\""),
        ("html-403", 403, "Access Denied"),
        ("html-401", 401, "HTTP Status 401"),
        ("json-401", 401, "\"Unauthorized\""),
        ("bare-404", 404, "\"Not Found\""),
        ("captcha", 403, "AUTHENTICATION_DENIED"),
    ] {
        let reply = first(form);
        assert_eq!(reply.status.as_u16(), status, "{form}");
        assert!(contains(&reply.body, part.as_bytes()), "{form}");
    }
    let mixed = fault_plan(&["token-dies:after=0,form=mixed"]);
    let statuses: HashSet<u16> = (0..9)
        .map(|_| get(&site, &mixed, PAGES).0.status.as_u16())
        .collect();
    assert_eq!(statuses, HashSet::from([401, 403, 404]));
}

#[test]
fn a_renamed_site_redirects_to_the_same_path() {
    let site = site();
    let reply = get(&site, &fault_plan(&["site-renamed:status=301"]), PAGES).0;
    assert_eq!(
        (
            reply.status.as_u16(),
            reply.headers["location"].to_str().unwrap()
        ),
        (301, "https://renamed.atlassian.net/wiki/api/v2/pages")
    );
}
