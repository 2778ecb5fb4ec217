#![allow(clippy::unwrap_used)]
use std::collections::HashSet;

use http::StatusCode;

use super::*;

const BODY: &str =
    r#"{"results":[{"id":"1","version":{"number":1}},{"id":"2"}],"_links":{"base":"b"}}"#;

fn damaged(fault: &str, target: &str) -> Vec<u8> {
    let fault: Fault = fault.parse().unwrap();
    let reply = Reply::json(StatusCode::OK, BODY);
    apply(reply, &fault, &IncomingRequest::get(target))
        .body
        .to_vec()
}

#[test]
fn the_same_request_is_damaged_in_the_same_way() {
    for seed in 0..50 {
        let fault = format!("damage:seed={seed}");
        assert_eq!(damaged(&fault, "/a?b=1"), damaged(&fault, "/a?b=1"));
    }
    let different: HashSet<_> = (0..200)
        .map(|seed| damaged(&format!("damage:seed={seed}"), "/a"))
        .collect();
    assert!(different.len() > 40, "{}", different.len());
}

#[test]
fn members_and_bytes_are_damaged() {
    for seed in 0..200 {
        let member = damaged(&format!("damage:seed={seed},form=member"), "/a");
        assert!(serde_json::from_slice::<Value>(&member).is_ok());
        assert_ne!(member, BODY.as_bytes());
        let body = damaged(&format!("damage:seed={seed},form=body"), "/a");
        assert!(body.len() <= BODY.len() && body != BODY.as_bytes());
    }
}

#[test]
fn only_some_requests_are_chosen() {
    let fault: Fault = "damage:one-in=10".parse().unwrap();
    let chosen = (0..1_000)
        .filter(|index| is_chosen(&fault, &IncomingRequest::get(&format!("/{index}"))))
        .count();
    assert!((60..150).contains(&chosen), "{chosen}");
}
