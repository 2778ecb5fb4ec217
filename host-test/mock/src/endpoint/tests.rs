use super::*;

#[test]
fn paths_lead_where_they_should() {
    let gateway = EntryPoint::Gateway("abc");
    for (path, expected) in [
        (
            "/wiki/api/v2/spaces",
            (EntryPoint::Site, Target::Endpoint(Endpoint::Spaces, "")),
        ),
        (
            "/ex/confluence/abc/wiki/api/v2/pages",
            (gateway, Target::Endpoint(Endpoint::Pages, "")),
        ),
        (
            "/ex/confluence/abc/wiki/api/v2/pages/7/labels",
            (gateway, Target::Endpoint(Endpoint::Labels, "7")),
        ),
        (
            "/wiki/rest/api/content/7/state",
            (EntryPoint::Site, Target::Endpoint(Endpoint::States, "7")),
        ),
        (
            "/wiki/rest/api/analytics/content/7/views",
            (EntryPoint::Site, Target::Endpoint(Endpoint::Views, "7")),
        ),
        ("/_edge/tenant_info", (EntryPoint::Site, Target::TenantInfo)),
        (
            "/ex/confluence/abc/_edge/tenant_info",
            (gateway, Target::Unknown),
        ),
        ("/ex/confluence/abc", (gateway, Target::Unknown)),
        (
            "/wiki/wiki/api/v2/spaces",
            (EntryPoint::Site, Target::Unknown),
        ),
        ("/wiki/api/v2/spaces/", (EntryPoint::Site, Target::Unknown)),
        ("/", (EntryPoint::Site, Target::Unknown)),
    ] {
        assert_eq!(route(path), expected, "{path}");
    }
}

#[test]
fn names_lead_back() {
    for endpoint in Endpoint::ALL {
        assert_eq!(Endpoint::named(endpoint.name()), Some(endpoint));
    }
    assert_eq!(Endpoint::named("folders"), None);
}
