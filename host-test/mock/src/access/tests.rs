#![allow(clippy::too_many_lines, clippy::unwrap_used)]
use super::*;
use crate::endpoint::route;

const SPACES: &str = "/wiki/api/v2/spaces";
const USERS: &str = "/wiki/api/v2/users-bulk";
const VIEWS: &str = "/wiki/rest/api/analytics/content/7/views";

fn decide(
    access: &AccessPolicy,
    path: &str,
    authorization: &str,
) -> Result<Visibility, (u16, String)> {
    let (entry, target) = route(path);
    let headers = HeaderMap::from_iter([(AUTHORIZATION, authorization.parse().unwrap())]);
    let refusal = |reply: Refusal| {
        (
            reply.status.as_u16(),
            String::from_utf8(reply.body.to_vec()).unwrap(),
        )
    };
    access
        .authorize("cid", entry, target, &headers, SystemTime::now())
        .map_err(refusal)
}

#[test]
fn every_case_is_answered_as_measured() {
    let plain = AccessPolicy::default();
    let scoped = AccessPolicy {
        kind: TokenKind::current_scopes(),
        ..plain.clone()
    };
    let spaces_only = AccessPolicy {
        kind: TokenKind::Scoped(BTreeSet::from(["read:space:confluence".to_owned()])),
        ..plain.clone()
    };
    let public = AccessPolicy {
        public: true,
        ..plain.clone()
    };
    let blind = AccessPolicy {
        spaces_visible: false,
        ..plain.clone()
    };
    let right = basic(&plain.username, &plain.token);
    let gateway = |path: &str| format!("/ex/confluence/cid{path}");
    let bare = Err((404, r#""title":"Not Found""#));
    for (why, access, path, sent, expected) in [
        (
            "unscoped on the site",
            &plain,
            SPACES.to_owned(),
            right.as_str(),
            Ok(Visibility::All),
        ),
        (
            "unscoped at the gateway",
            &plain,
            gateway(SPACES),
            &right,
            Ok(Visibility::All),
        ),
        (
            "scoped at the gateway",
            &scoped,
            gateway(VIEWS),
            &right,
            Ok(Visibility::All),
        ),
        (
            "scoped on the site",
            &scoped,
            SPACES.to_owned(),
            &right,
            Err((401, "HTTP Status 401")),
        ),
        (
            "scope missing",
            &spaces_only,
            gateway(VIEWS),
            &right,
            Err((401, "scope does not match")),
        ),
        (
            "scope missing, bad id",
            &spaces_only,
            gateway("/wiki/api/v2/pages/x/labels"),
            &right,
            Err((401, "scope does not match")),
        ),
        (
            "other cloud id",
            &plain,
            "/ex/confluence/other/wiki/api/v2/spaces".to_owned(),
            &right,
            bare,
        ),
        (
            "other cloud id, v1",
            &plain,
            format!("/ex/confluence/other{VIEWS}"),
            &right,
            bare,
        ),
        ("wrong on v2", &plain, SPACES.to_owned(), "Basic eDp5", bare),
        (
            "wrong on v2, gateway",
            &plain,
            gateway(SPACES),
            "Basic eDp5",
            bare,
        ),
        ("none on v2", &plain, SPACES.to_owned(), "", bare),
        (
            "wrong on v1",
            &plain,
            VIEWS.to_owned(),
            "Basic eDp5",
            Err((403, NOT_PERMITTED)),
        ),
        (
            "wrong on v1, gateway",
            &plain,
            gateway(VIEWS),
            "Basic eDp5",
            Err((403, CANNOT_ACCESS)),
        ),
        (
            "bearer on the site",
            &plain,
            SPACES.to_owned(),
            "Bearer x",
            Err((403, "Connect Session")),
        ),
        (
            "bearer at the gateway",
            &plain,
            gateway(SPACES),
            "Bearer x",
            Err((401, "Unauthorized")),
        ),
        (
            "wrong on a public site",
            &public,
            SPACES.to_owned(),
            "Basic eDp5",
            Ok(Visibility::Public),
        ),
        (
            "right on a public site",
            &public,
            SPACES.to_owned(),
            &right,
            Ok(Visibility::All),
        ),
        (
            "wrong on a public site, users",
            &public,
            USERS.to_owned(),
            "Basic eDp5",
            bare,
        ),
        (
            "wrong on a public site, v1",
            &public,
            gateway(VIEWS),
            "",
            Err((403, NOT_PERMITTED)),
        ),
        (
            "sees nothing",
            &blind,
            gateway(SPACES),
            &right,
            Ok(Visibility::Nothing),
        ),
    ] {
        match (decide(access, &path, sent), expected) {
            (Ok(view), Ok(expected)) => assert_eq!(view, expected, "{why}"),
            (Err((status, body)), Err((expected, part))) => assert!(
                status == expected && body.contains(part),
                "{why}: {status} {body}"
            ),
            (got, expected) => assert!(got.is_ok() == expected.is_ok(), "{why}: {got:?}"),
        }
    }
}
