//! One base URL, the declared requests below it, and nothing else.

#![allow(clippy::unwrap_used, clippy::too_many_lines)]

use super::*;
use crate::url_template::BaseUrlTemplate;

fn egress(configured_url: &str, network: NetworkPolicy) -> Egress {
    let templates = ["https://{host}", "https://api.example.com/sites/{id}"]
        .map(|template| BaseUrlTemplate::parse(template).unwrap());
    let requests = [
        ("GET", "/v2/items"),
        ("GET", "/v2/items/{id}"),
        ("POST", "/v2/find"),
    ]
    .map(|(method, path)| RequestPattern::parse(method, path).unwrap());
    Egress {
        base: BaseUrl::parse(configured_url, &templates),
        requests: Requests::Declared(requests.into()),
        network,
    }
}

#[test]
fn one_origin_one_prefix_and_the_declared_requests() {
    let egress = egress("https://api.example.com/sites/1", NetworkPolicy::default());
    for (request, allowed, why) in [
        (
            "GET https://api.example.com/sites/1/v2/items",
            true,
            "declared",
        ),
        (
            "GET https://api.example.com/sites/1/v2/items?x=../y",
            true,
            "its query is free",
        ),
        (
            "GET https://API.example.com:443/sites/1/v2/items/7",
            true,
            "the same origin in other words",
        ),
        (
            "POST https://api.example.com/sites/1/v2/find",
            true,
            "declared",
        ),
        (
            "DELETE https://api.example.com/sites/1/v2/items/7",
            false,
            "another method",
        ),
        (
            "TRACE https://api.example.com/sites/1/v2/items",
            false,
            "an echo",
        ),
        (
            "trace https://api.example.com/sites/1/v2/items",
            false,
            "an echo in other letters",
        ),
        (
            "GET https://api.example.com/sites/1/v2/items/a%0d%0aX:y",
            false,
            "a line of its own",
        ),
        (
            "GET https://api.example.com/sites/1/v2/items/%c0%ae%c0%ae",
            false,
            "an overlong dot",
        ),
        (
            "GET https://api.example.com/sites/1/v2/items/caf%C3%A9",
            true,
            "an encoded name",
        ),
        (
            "GET https://api.example.com/sites/1/v2/items?q=%C3%A9%20%2F%26",
            true,
            "an encoded query",
        ),
        (
            "GET https://api.example.com/sites/1/v2/items?q=%0d%0aX:y",
            false,
            "a line in its query",
        ),
        (
            "CONNECT https://api.example.com/sites/1/v2/items",
            false,
            "a tunnel",
        ),
        (
            "GET https://api.example.com/sites/2/v2/items",
            false,
            "another site of the gateway",
        ),
        (
            "GET https://api.example.com/sites/1/../2/v2/items",
            false,
            "a way round",
        ),
        (
            "GET https://api.example.com/sites/1/v2/admin",
            false,
            "another path",
        ),
        (
            "GET https://api.example.com/sites/1/v2/items/7/x",
            false,
            "a longer path",
        ),
        (
            "GET https://api.example.com/v2/items",
            false,
            "above the prefix",
        ),
        (
            "GET http://api.example.com/sites/1/v2/items",
            false,
            "another scheme",
        ),
        (
            "GET https://api.example.com:8443/sites/1/v2/items",
            false,
            "another port",
        ),
        (
            "GET https://api.example.com:+443/sites/1/v2/items",
            false,
            "an odd port",
        ),
        (
            "GET https://evil.example@api.example.com/sites/1/v2/items",
            false,
            "a user",
        ),
        (
            "GET https://id.example.com/sites/1/v2/items",
            false,
            "another host",
        ),
        (
            "GET https://api.example.com.evil.example/sites/1/v2/items",
            false,
            "a longer host",
        ),
        (
            "GET https://169.254.169.254/sites/1/v2/items",
            false,
            "a metadata service",
        ),
    ] {
        let (method, uri) = request.split_once(' ').unwrap();
        let Ok(uri) = uri.parse() else {
            assert!(!allowed, "{why}");
            continue;
        };
        let found = egress.check(&method.parse().unwrap(), &uri);
        assert_eq!(found.is_ok(), allowed, "{why}: {found:?}");
    }
}

#[test]
fn addresses_are_judged_before_and_after_the_look_up() {
    let check = |configured_url: &str, network: NetworkPolicy| {
        let uri = format!("{configured_url}/v2/items").parse().unwrap();
        egress(configured_url, network).check(&Method::GET, &uri)
    };
    let open = || NetworkPolicy::default().allow_loopback();
    for configured_url in [
        "http://127.0.0.1:8080",
        "http://localhost:8080",
        "https://[::1]",
        "http://localhost.:80",
    ] {
        assert!(
            check(configured_url, NetworkPolicy::default()).is_err(),
            "{configured_url}"
        );
        assert_eq!(check(configured_url, open()), Ok(()), "{configured_url}");
    }
    for configured_url in [
        "https://10.0.0.1",
        "https://[fd00::1]",
        "https://[::ffff:127.0.0.1]",
    ] {
        assert!(
            matches!(check(configured_url, open()), Err(Denied::Address(_))),
            "{configured_url}"
        );
    }
    for configured_url in ["http://10.0.0.1", "http://169.254.169.254"] {
        let denied = check(configured_url, open()).unwrap_err().to_string();
        assert!(denied.contains("--allow-network"), "{denied}");
    }
    let plain = check("http://site.example.net", open());
    assert!(matches!(plain, Err(Denied::BaseUrl(_))), "{plain:?}");
    let site = egress("https://site.example.net", open());
    assert!(site.check_address("127.0.0.1".parse().unwrap()).is_err());
    assert!(
        site.check_address("104.192.142.18".parse().unwrap())
            .is_ok()
    );
}

#[test]
fn the_operators_own_requests_keep_to_their_origin() {
    let own = Egress::for_origin("https://site.example.net/x", NetworkPolicy::default()).unwrap();
    let check = |uri: &str| own.check(&Method::GET, &uri.parse().unwrap());
    assert_eq!(check("https://site.example.net/anything"), Ok(()));
    assert!(check("https://other.example.net/anything").is_err());
    assert!(Egress::for_origin("nothing at all", NetworkPolicy::default()).is_none());
}
