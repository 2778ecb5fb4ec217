//! Names: where they may lead, and what looking them up may take.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use hyper_util::client::legacy::connect::dns::Name;
use tokio::task::JoinSet;
use tower_service::Service as _;

use crate::address::NetworkPolicy;
use crate::egress::{Denied, Egress};
use crate::tenant::{Tenant, TenantLimits};
use crate::transport::resolver::{LookUp, Resolver, of_system};

const SERVICE: &str = "https://service.example";

fn name(name: &str) -> Name {
    name.parse().unwrap()
}

/// A name server that knows one address.
fn knows(address: &'static str) -> LookUp {
    Arc::new(move |_| Ok(vec![SocketAddr::new(address.parse().unwrap(), 0)]))
}

fn resolver(url: &str, network: NetworkPolicy, look_up: LookUp) -> Resolver {
    let egress = Egress::for_origin(url, network).unwrap();
    Resolver::new(egress, Tenant::default(), look_up)
}

/// The addresses that are left, or why there is none.
async fn look_up(resolver: &mut Resolver, host: &str) -> Result<Vec<String>, String> {
    let found = resolver.call(name(host)).await;
    let found = found.map_err(|error| error.to_string())?;
    Ok(found.map(|address| address.ip().to_string()).collect())
}

#[tokio::test]
async fn an_address_beyond_the_public_internet_is_named_with_its_range_and_the_switch() {
    let switched = |network: &str| format!("--allow-network {network}");
    for (address, range) in [
        ("64:ff9b::104.192.142.18", None),
        ("104.192.142.18", None),
        ("64:ff9b::10.1.2.3", Some("10.0.0.0/8")),
        ("198.18.7.7", Some("198.18.0.0/15")),
        ("198.19.255.255", Some("198.18.0.0/15")),
        ("100.64.0.1", Some("100.64.0.0/10")),
        ("100.127.255.255", Some("100.64.0.0/10")),
        ("3fff:123::1", Some("3fff::/20")),
    ] {
        let mut closed = resolver(SERVICE, NetworkPolicy::default(), knows(address));
        let found = look_up(&mut closed, "service.example").await;
        let canonical = address.parse::<std::net::IpAddr>().unwrap().to_string();
        let Some(range) = range else {
            assert_eq!(found, Ok(vec![canonical]));
            continue;
        };
        let said = found.unwrap_err();
        for part in [&canonical, range, &switched(range)] {
            assert!(said.contains(part), "{said}");
        }
        let network = NetworkPolicy::default().allow_network(range.parse().unwrap());
        let mut open = resolver(SERVICE, network, knows(address));
        let found = look_up(&mut open, "service.example").await;
        assert_eq!(found, Ok(vec![canonical]));
    }
}

#[tokio::test]
async fn names_lead_where_the_policy_allows() {
    let network = || NetworkPolicy::default().allow_loopback();
    let mut inside = resolver(SERVICE, network(), of_system());
    let error = inside.call(name("localhost")).await.unwrap_err();
    assert!(matches!(error.downcast_ref(), Some(Denied::Address(_))));
    let mut local = resolver("http://localhost:8080", network(), of_system());
    let found = local.call(name("localhost")).await;
    assert!(found.unwrap().all(|address| address.ip().is_loopback()));
    // A label of 64 characters is refused without asking a name server.
    let long = "a".repeat(64) + ".example";
    let words = look_up(&mut inside, &long).await.unwrap_err();
    let expected = format!("the name {long} cannot be looked up");
    assert!(words.starts_with(&expected), "{words}");
}

/// A name server that says nothing until it is told to, and counts who asks.
#[derive(Clone, Default)]
struct SlowNameServer(Arc<LookUps>);

#[derive(Default)]
struct LookUps {
    now: AtomicUsize,
    most: AtomicUsize,
    all: AtomicUsize,
    answering: Mutex<bool>,
    answered: Condvar,
}

impl SlowNameServer {
    fn look_up(&self) -> LookUp {
        let Self(look_ups) = self.clone();
        Arc::new(move |_| {
            look_ups.all.fetch_add(1, Ordering::Relaxed);
            let now = look_ups.now.fetch_add(1, Ordering::Relaxed) + 1;
            look_ups.most.fetch_max(now, Ordering::Relaxed);
            let answering = look_ups.answering.lock().unwrap();
            let wait = |answering: &mut bool| !*answering;
            drop(look_ups.answered.wait_while(answering, wait).unwrap());
            look_ups.now.fetch_sub(1, Ordering::Relaxed);
            Ok(vec![SocketAddr::from(([104, 192, 142, 18], 0))])
        })
    }

    async fn is_asked_by(&self, threads: usize) {
        while self.0.now.load(Ordering::Relaxed) < threads {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    fn answer(&self) {
        *self.0.answering.lock().unwrap() = true;
        self.0.answered.notify_all();
    }
}

/// Each look-up keeps a thread for as long as a name server wishes, also when nobody waits for it any more.
#[tokio::test]
async fn hundreds_of_look_ups_by_a_slow_name_server_take_two_threads_of_one_tenant() {
    const CONNECTIONS: usize = 300;
    let (slow, tenant) = (SlowNameServer::default(), Tenant::default());
    let limit = TenantLimits::default().name_lookups;
    let egress = || Egress::for_origin(SERVICE, NetworkPolicy::default()).unwrap();
    let start = || {
        let mut looking = JoinSet::new();
        for _ in 0..CONNECTIONS {
            let mut resolver = Resolver::new(egress(), tenant.clone(), slow.look_up());
            looking.spawn(async move { look_up(&mut resolver, "service.example").await });
        }
        looking
    };
    // Those that began them give up: the threads are still the tenant's.
    let mut given_up = start();
    slow.is_asked_by(limit).await;
    given_up.shutdown().await;
    let waiting = start();
    let neighbour = Tenant::default();
    let mut resolver = Resolver::new(egress(), neighbour, knows("104.192.142.18"));
    let beside = look_up(&mut resolver, "service.example").await;
    assert_eq!(beside, Ok(vec!["104.192.142.18".to_owned()]));
    slow.answer();
    let found = waiting.join_all().await;
    assert!(found.iter().all(Result::is_ok));
    assert_eq!(slow.0.most.load(Ordering::Relaxed), limit);
    assert_eq!(slow.0.all.load(Ordering::Relaxed), CONNECTIONS + limit);
}

/// Connections that are made together ask once.
#[tokio::test]
async fn one_look_up_serves_the_requests_of_a_moment() {
    let look_ups = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&look_ups);
    let counting: LookUp = Arc::new(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        Ok(vec![SocketAddr::from(([104, 192, 142, 18], 0))])
    });
    let resolver = resolver(SERVICE, NetworkPolicy::default(), counting);
    let mut looking = JoinSet::new();
    for _ in 0..50 {
        let mut resolver = resolver.clone();
        looking.spawn(async move { look_up(&mut resolver, "service.example").await });
    }
    assert!(looking.join_all().await.iter().all(Result::is_ok));
    assert_eq!(look_ups.load(Ordering::Relaxed), 1);
}
