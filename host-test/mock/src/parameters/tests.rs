#![allow(clippy::unwrap_used)]
use super::*;

fn many(name: &str, count: usize) -> String {
    (1..=count)
        .map(|id| format!("{name}={id}"))
        .collect::<Vec<_>>()
        .join("&")
}

fn commas(name: &str, count: usize) -> String {
    format!(
        "{name}={}",
        (1..=count)
            .map(|id| id.to_string())
            .collect::<Vec<_>>()
            .join(",")
    )
}

#[test]
fn parameters_are_taken_as_the_specification_says() {
    use Endpoint::{Labels, Pages, Spaces, States, Users, Versions, Views};
    for (endpoint, query, fine) in [
        (Spaces, "limit=1", true),
        (Spaces, "limit=250", true),
        (Spaces, "limit=0", false),
        (Spaces, "limit=251", false),
        (Spaces, "limit=ten", false),
        (Spaces, "limit=5&limit=6", false),
        (Spaces, "status=archived", true),
        (Spaces, "status=trashed", false),
        (Spaces, "status=current&status=archived", false),
        (Spaces, "status=current,archived", false),
        (Spaces, "sort=-key", true),
        (Spaces, "sort=title", false),
        (
            Spaces,
            "type=personal&include-icon=true&description-format=plain",
            true,
        ),
        (Spaces, "include-icon=yes", false),
        (Spaces, &many("keys", 250), true),
        (Spaces, &many("keys", 251), false),
        (Spaces, &commas("ids", 250), true),
        (Spaces, &commas("ids", 251), false),
        (Pages, &many("space-id", 100), true),
        (Pages, &many("space-id", 101), false),
        (Pages, &commas("space-id", 101), false),
        (
            Pages,
            &format!("{}&{}", many("id", 200), commas("id", 51)),
            false,
        ),
        (Pages, "space-id=x", false),
        (Pages, "space-id=1,,2", false),
        (Pages, "status=current&status=archived,trashed", true),
        (Pages, "status=draft", false),
        (Pages, "sort=-modified-date&title=a%20b&subtype=live", true),
        (Pages, "sort=modified", false),
        (Pages, "lastModifiedAfter=2026-01-01", false),
        (Pages, "expand=version", false),
        (Pages, "cursor=", false),
        (
            Versions,
            "sort=modified-date&limit=250&body-format=storage",
            true,
        ),
        (Versions, "sort=id", false),
        (Versions, "body-format=view", false),
        (Labels, "prefix=global&sort=-name", true),
        (Labels, "prefix=own", false),
        (Users, "", true),
        (Users, "limit=5", false),
        (Views, "fromDate=2021-03-21T00:00:00.000Z", true),
        (Views, "fromDate=2021-03-21", true),
        (Views, "fromDate=yesterday", false),
        (States, "status=archived", true),
        (States, "status=trashed", false),
        (States, "limit=1", false),
    ] {
        let read = Parameters::read(endpoint, query);
        assert_eq!(read.is_ok(), fine, "{} {query}", endpoint.name());
        assert!(read.err().is_none_or(|reply| reply.status == 400));
    }
}

#[test]
fn lists_and_defaults_are_read() {
    let read = Parameters::read(Endpoint::Pages, "space-id=1%2C2&space-id=3&title=a+b").unwrap();
    assert!(read.many("space-id").eq(["1", "2", "3"]));
    assert_eq!((read.one("title"), read.limit()), (Some("a b"), 25));
}
