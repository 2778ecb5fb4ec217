//! Where the host signs, the secret is nowhere in the guest's memory: not at any event, not at the end.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::unnecessary_wraps,
    unsafe_code
)]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use anyhow::Result;
use wasmtime::{Engine, InstanceAllocationStrategy, LinearMemory, MemoryCreator, MemoryType};

use crate::address::NetworkPolicy;
use crate::component_source::ComponentSource;
use crate::connection::{ConnectionOptions, Signing};
use crate::contract::{Mode, Selection};
use crate::cpu_scheduler::EpochTicker;
use crate::destination::{Batch, Destination, Note, Row};
use crate::inert_wasi::WasiImports;
use crate::runtime::{Runtime, SyncRequest};

const KEY: &str = "key-of-the-warehouse";

/// Bytes of a memory, set aside at once so that it never moves.
const CAPACITY: usize = 32 << 20;

/// All linear memories of a runtime, kept when their instances are gone.
#[derive(Clone, Default)]
struct Memories(Arc<Mutex<Vec<Region>>>);

#[derive(Clone)]
struct Region {
    bytes: Arc<[AtomicU8]>,
    size: Arc<AtomicUsize>,
}

// SAFETY: the memory is zeroed, as large as it says and never moves. It has neither a reservation nor guard
// pages, and the engine asks for none: the compiled code checks each access.
unsafe impl MemoryCreator for Memories {
    fn new_memory(
        &self,
        _: MemoryType,
        minimum: usize,
        _: Option<usize>,
        reserved: Option<usize>,
        guard: usize,
    ) -> Result<Box<dyn LinearMemory>, String> {
        assert_eq!((reserved, guard), (Some(0), 0));
        assert!(minimum <= CAPACITY);
        let region = Region {
            bytes: (0..CAPACITY).map(|_| AtomicU8::new(0)).collect(),
            size: Arc::new(AtomicUsize::new(minimum)),
        };
        self.0.lock().unwrap().push(region.clone());
        Ok(Box::new(region))
    }
}

// SAFETY: `size` is never more than the bytes there are, and the bytes live as long as this handle to them.
unsafe impl LinearMemory for Region {
    fn byte_size(&self) -> usize {
        self.size.load(Ordering::Relaxed)
    }

    fn byte_capacity(&self) -> usize {
        CAPACITY
    }

    fn grow_to(&mut self, size: usize) -> wasmtime::Result<()> {
        assert!(size <= CAPACITY);
        self.size.store(size, Ordering::Relaxed);
        Ok(())
    }

    fn as_ptr(&self) -> *mut u8 {
        self.bytes[0].as_ptr()
    }
}

impl Memories {
    /// Whether one of the words is in one of the memories. No guest runs while this looks.
    fn contain(&self, words: &[String]) -> bool {
        self.0.lock().unwrap().iter().any(|region| {
            let bytes = region.bytes[..region.byte_size()].iter();
            let bytes: Vec<u8> = bytes.map(|byte| byte.load(Ordering::Relaxed)).collect();
            let text = String::from_utf8_lossy(&bytes);
            words.iter().any(|word| text.contains(word))
        })
    }
}

/// A runtime whose linear memories are made one by one, not taken from a pool.
async fn runtime(memories: &Memories) -> Runtime {
    let mut config = crate::engine::compile_configuration();
    config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
    // Nothing is promised of those memories, so every access is checked.
    config.memory_reservation(0).memory_guard_size(0);
    config.memory_init_cow(false);
    config.with_host_memory(Arc::new(memories.clone()));
    let engine = Engine::new(&config).unwrap();
    let ticker = Arc::new(EpochTicker::start(&engine));
    let file = component_builder::build_guest("inventory-guest").unwrap();
    let source = ComponentSource::Bytes(std::fs::read(file).unwrap().into());
    Runtime::register(&source, WasiImports::Contract, engine, ticker)
        .await
        .unwrap()
}

/// Looks at each event.
struct Looking {
    memories: Memories,
    words: Vec<String>,
    /// Events, and those at which a word was found.
    found: Arc<Mutex<(usize, usize)>>,
}

impl Looking {
    fn look(&self) -> Result<()> {
        let mut found = self.found.lock().unwrap();
        found.0 += 1;
        found.1 += usize::from(self.memories.contain(&self.words));
        Ok(())
    }
}

impl Destination for Looking {
    fn begin_snapshot(&mut self, _: &[String]) -> Result<()> {
        self.look()
    }

    fn write(&mut self, _: Batch) -> Result<()> {
        self.look()
    }

    fn checkpoint(&mut self, _: &str) -> Result<()> {
        self.look()
    }

    fn end_snapshot(&mut self, _: &str, _: &[Row]) -> Result<()> {
        self.look()
    }

    fn note(&mut self, _: &Note) {
        self.look().unwrap();
    }
}

/// Answers every request with 20 rows.
fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let rows = (0..20).map(|order| format!(r#"{{"warehouse":"main","order":{order}}}"#));
    let body = format!("[{}]", rows.collect::<Vec<_>>().join(","));
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let head = lines
                .map_while(Result::ok)
                .take_while(|line| !line.is_empty());
            assert!(head.into_iter().any(|line| line.ends_with(KEY)));
            let answer = format!(
                "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_does_not_sign_never_sees_the_secret() {
    let url = serve();
    let config = format!(r#"{{"server":"{url}","access_key":"{KEY}"}}"#);
    let words = vec![KEY.to_owned()];
    for (signing, seen) in [(Signing::Guest, true), (Signing::Host, false)] {
        let memories = Memories::default();
        let runtime = runtime(&memories).await;
        let options = ConnectionOptions {
            signing,
            network: NetworkPolicy::default().allow_loopback(),
            ..ConnectionOptions::default()
        };
        let connection = runtime.connect(&config, options).unwrap();
        let found = Arc::default();
        let looking = Looking {
            memories: memories.clone(),
            words: words.clone(),
            found: Arc::clone(&found),
        };
        let selection = [Selection {
            stream: "stock".to_owned(),
            mode: Mode::Full,
        }];
        let request = SyncRequest {
            selection: &selection,
            ..SyncRequest::default()
        };
        let ended = runtime.sync(&connection, request, Box::new(looking)).await;
        assert!(ended.unwrap().result.is_ok());
        // What the guest has given back may be overwritten, so that one that knew it may be clean in the end.
        assert!(seen || !memories.contain(&words));
        let (events, with_secret) = *found.lock().unwrap();
        assert!(events > 10);
        assert_eq!(with_secret > 0, seen, "at {with_secret} of {events} events");
    }
}
