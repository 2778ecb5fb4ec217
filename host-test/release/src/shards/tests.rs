#![allow(clippy::unwrap_used)]

use super::*;

fn spaces(pages: &[u64]) -> Vec<Space> {
    let space = |(index, pages): (usize, &u64)| Space {
        key: format!("S{index}"),
        pages: *pages,
    };
    pages.iter().enumerate().map(space).collect()
}

fn weights(pages: &[u64], wanted: usize) -> Vec<u64> {
    let shards = split(spaces(pages), NonZeroUsize::new(wanted).unwrap());
    let mut keys: Vec<_> = shards.iter().flat_map(|shard| &shard.spaces).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), pages.len(), "each space is in one shard");
    assert!(shards.iter().all(|shard| !shard.spaces.is_empty()));
    shards.iter().map(|shard| shard.pages).collect()
}

#[test]
fn shards_are_about_as_heavy_as_each_other() {
    for (pages, wanted, expected, why) in [
        (&[5, 4, 3, 3][..], 2, &[8, 7][..], "the largest first"),
        (&[1, 1, 100], 2, &[100, 2], "one space outweighs the others"),
        (&[3, 2], 4, &[3, 2], "no more shards than spaces"),
        (&[0, 0, 0], 3, &[0, 0, 0], "empty spaces are spread too"),
        (&[7, 0, 0], 3, &[7, 0, 0], "none is left without a space"),
        (&[2, 9], 1, &[11], "one shard takes all"),
        (&[], 3, &[], "nothing to split"),
    ] {
        assert_eq!(weights(pages, wanted), expected, "{why}");
    }
}

fn counted(rows: &[(&str, &str)]) -> PageCounts {
    let mut counts = PageCounts::default();
    for (stream, row) in rows {
        let batch = Batch {
            stream: (*stream).to_owned(),
            replaces: Vec::new(),
            rows: vec![serde_json::from_str(row).unwrap()],
        };
        counts.write(batch).unwrap();
    }
    counts
}

const DOCS: (&str, &str) = ("spaces", r#"{"source_id":"1","external_key":"DOCS"}"#);

#[test]
fn pages_in_the_trash_weigh_nothing() {
    let pages = ["current", "archived", "trashed"]
        .map(|status| format!(r#"{{"space_id":"1","status":"{status}","version_number":2}}"#));
    let mut rows = vec![DOCS];
    rows.extend(pages.iter().map(|page| ("pages", page.as_str())));
    let found = counted(&rows).spaces().unwrap();
    assert_eq!(
        found,
        [Space {
            key: "DOCS".to_owned(),
            pages: 2
        }]
    );
}

#[test]
fn a_page_that_no_shard_would_read_is_an_error() {
    let stray = ("pages", r#"{"space_id":"2","status":"current"}"#);
    let error = counted(&[DOCS, stray]).spaces().unwrap_err().to_string();
    assert!(error.contains("the space 2"), "{error}");
    let nameless = ("spaces", r#"{"source_id":"2","external_key":null}"#);
    let error = counted(&[DOCS, nameless]).spaces().unwrap_err();
    assert_eq!(error.to_string(), "the space 2 has no key");
}
