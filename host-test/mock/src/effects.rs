//! What faults do to an answer: instead of it, to the access behind it, or to it afterwards.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::access::{Access, TokenKind, current_scopes};
use super::endpoint::{Endpoint, Target};
use super::faults::{Fault, Kind, Shape};
use super::orders::Hits;
use super::reply::{
    Delivery, NOT_PERMITTED, Reply, address_refused, bare_not_found, gateway_unauthorized,
    html_not_found, v1_error, v1_forbidden, v2_error,
};
use super::routes::named_missing;
use super::site::Site;

/// The size of a huge body in bytes.
const HUGE: u64 = 200 << 20;

impl Kind {
    /// Whether the fault makes up the whole answer.
    pub(super) fn is_whole_answer(self) -> bool {
        matches!(
            self,
            Self::IpAllowList
                | Self::ViewsRefused
                | Self::ViewsMissing
                | Self::RateLimit
                | Self::RateLimitDate
                | Self::RateLimitReset
                | Self::RateLimitBare
                | Self::RateLimitLong
                | Self::RequestTimeout
                | Self::ServerError
                | Self::BadGateway
                | Self::Unavailable
                | Self::GatewayTimeout
                | Self::TooLargeLimit
                | Self::FalseNotFound
                | Self::FalseForbidden
                | Self::PageGone
                | Self::PageGoneBare
                | Self::HtmlOk
                | Self::HtmlNotFound
                | Self::EmptyOk
                | Self::Redirect
                | Self::GatewayUnauthorized
        )
    }
}

/// The answer that a fault gives instead of the site's.
pub(super) fn instead(hits: &Hits<'_>, site: &Site, target: Target<'_>) -> Option<Reply> {
    let fault = hits.all().find(|fault| fault.kind.is_whole_answer())?;
    let Target::Endpoint(endpoint, id) = target else {
        return None;
    };
    Some(match fault.kind {
        Kind::IpAllowList => address_refused(),
        Kind::GatewayUnauthorized => gateway_unauthorized(),
        Kind::ViewsRefused => v1_error(
            StatusCode::FORBIDDEN,
            "Analytics are not available in the plan of this site.",
        ),
        Kind::ViewsMissing => v1_error(
            StatusCode::NOT_FOUND,
            "There is no content with the given ID.",
        ),
        Kind::PageGone => named_missing(endpoint, id),
        Kind::FalseNotFound | Kind::PageGoneBare => bare_not_found(),
        Kind::FalseForbidden => {
            v1_forbidden(NOT_PERMITTED).with("x-cache", "Error from cloudfront")
        }
        Kind::HtmlOk => Reply::html(
            StatusCode::OK,
            "<!DOCTYPE html><html><head><title>Log in with Atlassian account</title></head></html>",
        ),
        Kind::HtmlNotFound => html_not_found(),
        Kind::EmptyOk => Reply::json(StatusCode::OK, Bytes::new()),
        Kind::Redirect => Reply::html(StatusCode::FOUND, "").with(
            "location",
            fault
                .to
                .as_deref()
                .unwrap_or("https://id.elsewhere.example/login"),
        ),
        _ => trouble(fault, site.now()),
    })
}

/// Limits and failures of the service.
fn trouble(fault: &Fault, now: SystemTime) -> Reply {
    let later = |default: u64| now + Duration::from_secs(fault.seconds.unwrap_or(default));
    match fault.kind {
        Kind::RateLimit => limited().with("retry-after", &fault.seconds.unwrap_or(1).to_string()),
        Kind::RateLimitDate => limited().with("retry-after", &httpdate::fmt_http_date(later(1))),
        Kind::RateLimitReset => limited().with("x-ratelimit-reset", &minute(later(60))),
        Kind::RateLimitBare => limited()
            .with("x-failure-category", "FAILURE CLIENT RATE LIMITED")
            .with("x-ratelimit-limit", "360000"),
        Kind::RateLimitLong => limited()
            .with("retry-after", "1847")
            .with("ratelimit-reason", "confluence-quota-global-based"),
        Kind::RequestTimeout => Reply::json(
            StatusCode::REQUEST_TIMEOUT,
            r#"{"code":408,"message":"Request Timeout"}"#,
        ),
        Kind::BadGateway => html_error(StatusCode::BAD_GATEWAY),
        Kind::Unavailable => match fault.seconds {
            Some(seconds) => html_error(StatusCode::SERVICE_UNAVAILABLE)
                .with("retry-after", &seconds.to_string()),
            None => html_error(StatusCode::SERVICE_UNAVAILABLE),
        },
        Kind::GatewayTimeout | Kind::TooLargeLimit => html_error(StatusCode::GATEWAY_TIMEOUT),
        _ => v2_error(
            StatusCode::INTERNAL_SERVER_ERROR,
            "INTERNAL_SERVER_ERROR",
            "Internal Server Error",
            None,
        ),
    }
}

fn limited() -> Reply {
    Reply::json(
        StatusCode::TOO_MANY_REQUESTS,
        r#"{"code":429,"message":"Rate limit exceeded"}"#,
    )
    .with("x-ratelimit-remaining", "0")
}

fn html_error(status: StatusCode) -> Reply {
    Reply::html(
        status,
        format!("<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>"),
    )
}

/// A time as it was seen in X-RateLimit-Reset: without seconds.
fn minute(time: SystemTime) -> String {
    Timestamp::try_from(time)
        .map(|time| time.strftime("%Y-%m-%dT%H:%MZ").to_string())
        .unwrap_or_default()
}

/// The access that faults leave of the real one.
pub(super) fn access<'a>(hits: &Hits<'_>, real: &'a Access, target: Target<'_>) -> Cow<'a, Access> {
    let mut access = Cow::Borrowed(real);
    for fault in hits.all() {
        match fault.kind {
            Kind::WrongToken | Kind::TokenDies => revoke(access.to_mut()),
            Kind::PublicSite => {
                revoke(access.to_mut());
                access.to_mut().public = true;
            }
            Kind::NoSpaces => access.to_mut().spaces_visible = false,
            Kind::ScopedOnSite => access.to_mut().kind = TokenKind::Scoped(scopes(real)),
            Kind::MissingScope => {
                let mut left = scopes(&access);
                left.retain(|scope| !is_lost(fault, target, scope));
                access.to_mut().kind = TokenKind::Scoped(left);
            }
            _ => {}
        }
    }
    access
}

/// Makes the token another one than anybody has.
fn revoke(access: &mut Access) {
    access.token.push_str(" is revoked");
}

fn is_lost(fault: &Fault, target: Target<'_>, scope: &str) -> bool {
    match (&fault.scope, target) {
        (Some(lost), _) => lost == scope,
        (None, Target::Endpoint(endpoint, _)) => Endpoint::scopes(endpoint).contains(&scope),
        (None, _) => false,
    }
}

fn scopes(access: &Access) -> BTreeSet<String> {
    match &access.kind {
        TokenKind::Scoped(scopes) => scopes.clone(),
        TokenKind::Unscoped => current_scopes(),
    }
}

/// What faults do to a finished answer.
pub(super) fn afterwards(mut reply: Reply, hits: &Hits<'_>) -> Reply {
    for fault in hits.all() {
        reply = match fault.kind {
            Kind::NearLimit => reply.with("x-ratelimit-nearlimit", "true"),
            Kind::TruncatedJson if reply.status.is_success() => truncated(reply),
            Kind::WrongTypes if reply.status.is_success() => spoilt(reply, fault.shape),
            Kind::HugeBody => reply.sent(Delivery::Huge(HUGE)),
            Kind::Drip => reply.sent(Delivery::Drip),
            Kind::Stall => reply.sent(Delivery::Stall),
            Kind::Hang => reply.sent(Delivery::Hang),
            Kind::ResetBefore => reply.sent(Delivery::ResetBefore),
            Kind::ResetWithin => reply.sent(Delivery::ResetWithin),
            _ => reply,
        };
    }
    reply
}

fn truncated(reply: Reply) -> Reply {
    let half = reply.body.len() / 2;
    Reply {
        body: reply.body.slice(..half),
        ..reply
    }
}

fn spoilt(reply: Reply, shape: Shape) -> Reply {
    let mut body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    match (shape, body.get_mut("results")) {
        (Shape::Number, Some(rows)) => spoil(rows),
        (Shape::Number, None) => spoil(&mut body),
        (Shape::Object, Some(rows)) => *rows = json!({"0": {}}),
        (Shape::Object, None) => body = json!([{}]),
    }
    Reply {
        body: body.to_string().into(),
        ..reply
    }
}

/// Turns every text into a number and every number into a text.
fn spoil(value: &mut Value) {
    match value {
        Value::String(_) => *value = json!(7),
        Value::Number(_) => *value = json!("seven"),
        Value::Array(items) => items.iter_mut().for_each(spoil),
        Value::Object(fields) => fields.values_mut().for_each(spoil),
        Value::Null | Value::Bool(_) => {}
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use std::collections::HashSet;
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::{Corpus, Orders, Request, Sizes, answer_with};

    fn site() -> Site {
        let mut site = Site::new(Corpus::generate(&Sizes::default()), Access::default());
        site.clock = Some(UNIX_EPOCH + Duration::from_secs(1_790_000_030));
        site
    }

    fn orders(faults: &[&str]) -> Orders {
        faults
            .iter()
            .map(|fault| fault.parse::<Fault>().unwrap())
            .collect()
    }

    fn get(site: &Site, orders: &Orders, target: &str) -> (Reply, Value) {
        let reply = answer_with(
            site,
            &Request::get(target).with_basic(&site.access.username, &site.access.token),
            orders,
        );
        let body = serde_json::from_slice(&reply.body).unwrap_or_default();
        (reply, body)
    }

    /// Follows at most so many next links; returns the rows of each page, and the links.
    fn pages(
        site: &Site,
        orders: &Orders,
        target: &str,
        most: usize,
    ) -> (Vec<Vec<String>>, Vec<String>) {
        let (mut pages, mut links) = (Vec::new(), vec![target.to_owned()]);
        while links.len() > pages.len() && pages.len() < most {
            let (reply, body) = get(site, orders, &links[pages.len()]);
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
            let (reply, _) = get(&site, &orders(&[fault]), PAGES);
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
        let (whole, _) = pages(&site, &orders(&[]), PAGES, 99);
        let whole = whole.concat();
        let (short, _) = pages(&site, &orders(&["short-pages"]), PAGES, 99);
        assert_eq!((short[0].len(), short.concat()), (34, whole.clone()));
        let (holed, _) = pages(&site, &orders(&["empty-page"]), PAGES, 99);
        assert_eq!(
            holed.iter().map(Vec::len).take(3).collect::<Vec<_>>(),
            [100, 0, 100]
        );
        assert_eq!(holed.concat(), whole);
        let (empty, links) = pages(&site, &orders(&["empty-pages"]), PAGES, 50);
        assert!(empty.concat().is_empty() && links.len() == 51);
        assert_eq!(
            links.iter().collect::<HashSet<_>>().len(),
            51,
            "every cursor is new"
        );
        let (_, links) = pages(&site, &orders(&["cursor-circle"]), PAGES, 4);
        assert!(links[3] == links[1] && links[2] != links[1], "{links:?}");
        let (_, links) = pages(
            &site,
            &orders(&["cursor-circle"]),
            "/wiki/api/v2/spaces?limit=250",
            5,
        );
        assert!(
            links[3] == links[1],
            "short listings circle, too: {links:?}"
        );
        let (unsorted, _) = pages(
            &site,
            &orders(&["unsorted"]),
            "/wiki/api/v2/pages?limit=100&sort=-modified-date",
            99,
        );
        assert_eq!(unsorted.concat(), whole, "in the order of ids");
        let (_, links) = pages(
            &site,
            &orders(&["foreign-next:to=http://127.0.0.1:9"]),
            PAGES,
            1,
        );
        assert!(links[1].starts_with("http://127.0.0.1:9/wiki/api/v2/pages?cursor="));
        let (reply, body) = get(&site, &orders(&["no-next-but-link"]), PAGES);
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
        let (_, links) = pages(&site, &orders(&[]), PAGES, 1);
        let expiring = orders(&["cursor-expires:count=1"]);
        assert_eq!(get(&site, &expiring, PAGES).0.status, 200);
        assert_eq!(get(&site, &expiring, &links[1]).0.status, 400);
        assert_eq!(get(&site, &expiring, &links[1]).0.status, 200);
        let large = orders(&["too-large-limit:limit=60"]);
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
        let lost = orders(&[
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
                &orders(&["missing-scope"]),
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
        let body = get(&site, &orders(&["wrong-types"]), PAGES).1;
        assert_eq!(
            (
                &body["results"][0]["title"],
                &body["results"][0]["position"]
            ),
            (&json!(7), &Value::Null)
        );
        assert_eq!(
            get(&site, &orders(&["wrong-types"]), &views).1["count"],
            "seven"
        );
        assert!(get(&site, &orders(&["wrong-types:shape=object"]), PAGES).1["results"].is_object());
        assert!(
            get(&site, &orders(&["wrong-types:shape=object"]), &views)
                .1
                .is_array()
        );
    }
}
