//! What one tenant has, no other sees: tokens, rows, and the ends of their runs.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, Mutex};

use connector_runtime::connection::Signing;
use connector_runtime::contract::{FailureKind, Mode};
use connector_runtime::runtime::SyncRequest;
use serde_json::json;

use crate::support::{
    Tape, assert_same, config, corpus, every_stream, expected_tables, kind, mock, on_loopback,
    runtime, sync,
};

/// Of this test alone, so that no other call of the same process has it.
const TOKEN: &str = "ATATT3x-nowhere-in-the-memory-of-a-guest";

/// Bytes of address space behind a linear memory that nothing may touch: those of the allocator are smaller.
const GUARD: u64 = 256 << 20;

/// The linear memories of this process: what is in use of a reservation, before its inaccessible rest.
fn linear_memories() -> Vec<Range<u64>> {
    let maps = BufReader::new(File::open("/proc/self/maps").unwrap());
    let mappings: Vec<_> = maps
        .lines()
        .map(|line| Mapping::parse(&line.unwrap()))
        .collect();
    let pairs = mappings.windows(2);
    let memories = pairs.filter(|pair| {
        let [used, behind] = pair else { return false };
        used.permissions == "rw-p"
            && behind.permissions == "---p"
            && used.range.end == behind.range.start
            && behind.range.end - behind.range.start >= GUARD
    });
    memories.map(|pair| pair[0].range.clone()).collect()
}

struct Mapping {
    range: Range<u64>,
    permissions: String,
}

impl Mapping {
    fn parse(line: &str) -> Self {
        let mut words = line.split_whitespace();
        let (start, end) = words.next().unwrap().split_once('-').unwrap();
        let address = |text| u64::from_str_radix(text, 16).unwrap();
        Self {
            range: address(start)..address(end),
            permissions: words.next().unwrap().to_owned(),
        }
    }
}

/// Whether any guest of this process holds the token at this moment.
fn is_in_a_guest(token: &[u8]) -> bool {
    let memory = File::open("/proc/self/mem").unwrap();
    linear_memories().into_iter().any(|range| {
        let size = usize::try_from(range.end - range.start).unwrap();
        let mut bytes = vec![0; size];
        // A guest of another test may have ended meanwhile.
        let read = memory.read_exact_at(&mut bytes, range.start);
        read.is_ok() && bytes.windows(token.len()).any(|window| window == token)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_the_host_signs_with_is_nowhere_in_the_guest() {
    let mock = mock(corpus(10));
    mock.with_site_mut(|site| TOKEN.clone_into(&mut site.access.token));
    let config = config(&mock, json!({})).to_string();
    let streams = every_stream(Mode::Full);
    // The control: where the guest signs, this test finds the token.
    for (signing, expected) in [(Signing::Guest, true), (Signing::Host, false)] {
        let connection = runtime().await.connect(&config, on_loopback(signing));
        let connection = connection.unwrap();
        let tape = Tape::default();
        let seen = Arc::new(Mutex::new(false));
        let found = Arc::clone(&seen);
        tape.observe(move || *found.lock().unwrap() |= is_in_a_guest(TOKEN.as_bytes()));
        let request = SyncRequest {
            selection: &streams,
            ..SyncRequest::default()
        };
        let synced = runtime()
            .await
            .sync(&connection, request, Box::new(tape.open()));
        assert_eq!(kind(&synced.await.unwrap()), None, "{signing:?}");
        assert_same(&tape.tables(), &expected_tables(&mock), "whoever signs");
        assert_eq!(*seen.lock().unwrap(), expected, "{signing:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_side_by_side_get_their_own_rows_and_their_own_ends() {
    let sites = [mock(corpus(12)), mock(corpus(18)), mock(corpus(15))];
    let configs = sites.each_ref().map(|site| config(site, json!({})));
    sites[2].with_site_mut(|site| "another token".clone_into(&mut site.access.token));
    let streams = every_stream(Mode::Full);
    let tapes: [Tape; 3] = Default::default();
    let (first, second, third) = tokio::join!(
        sync(&configs[0], &streams, &tapes[0]),
        sync(&configs[1], &streams, &tapes[1]),
        sync(&configs[2], &streams, &tapes[2]),
    );
    assert_eq!(kind(&third), Some(FailureKind::InvalidCredentials));
    for (outcome, (site, tape)) in [first, second].iter().zip(sites.iter().zip(&tapes)) {
        assert_eq!(kind(outcome), None);
        assert_same(&tape.tables(), &expected_tables(site), "its own rows");
        let requests = site.requests();
        assert_eq!(requests.len() as u64, outcome.usage.requests);
        assert!(requests.iter().all(|request| request.authorization));
    }
}

/// A service that leads a tenant's requests elsewhere gets no token of it there.
#[tokio::test(flavor = "multi_thread")]
async fn a_next_link_to_another_site_is_not_followed() {
    let (site, other) = (mock(corpus(12)), mock(corpus(12)));
    let fault = format!("foreign-next:to=http://{}", other.addr());
    crate::support::inject_faults(&site, &[&fault]);
    let config = config(&site, json!({ "page_size": 5 }));
    let tape = Tape::default();
    let outcome = sync(&config, &every_stream(Mode::Full), &tape).await;
    assert_eq!(other.request_count(), 0);
    // The cursor in it is good; it is asked for at the tenant's own site.
    assert_eq!(kind(&outcome), None);
    assert_same(&tape.tables(), &expected_tables(&site), "all the same");
}
