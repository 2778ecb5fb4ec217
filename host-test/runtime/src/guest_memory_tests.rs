//! Where the host signs, the token is nowhere in the guest's memory: not at any event, not at the end.

use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use anyhow::Result;
use base64::Engine as _;
use connector_runtime::connection::Connection;
use connector_runtime::engine::{Mode, Runtime};
use connector_runtime::limits::Limits;
use connector_runtime::output::{Batch, Note, Output};
use wasmtime::{LinearMemory, MemoryCreator, MemoryType};

use crate::support::{STREAMS, corpus, mock, select};

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
// pages, and `Runtime::with_memories` asks for none: the compiled code checks each access.
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
    fn hold(&self, words: &[String]) -> bool {
        self.0.lock().unwrap().iter().any(|region| {
            let bytes = region.bytes[..region.byte_size()].iter();
            let bytes: Vec<u8> = bytes.map(|byte| byte.load(Ordering::Relaxed)).collect();
            let text = String::from_utf8_lossy(&bytes);
            words.iter().any(|word| text.contains(word))
        })
    }
}

/// Looks at each event.
struct Looking {
    memories: Memories,
    words: Vec<String>,
    /// Events, and those at which a word was found.
    found: Arc<Mutex<(usize, usize)>>,
}

impl Looking {
    fn look(&self) {
        let mut found = self.found.lock().unwrap();
        found.0 += 1;
        found.1 += usize::from(self.memories.hold(&self.words));
    }
}

impl Output for Looking {
    fn emit(&mut self, _: Batch) -> Result<()> {
        self.look();
        Ok(())
    }

    fn checkpoint(&mut self, _: &str) -> Result<()> {
        self.look();
        Ok(())
    }

    fn finished(&mut self, _: &str, _: bool) -> Result<()> {
        self.look();
        Ok(())
    }

    fn note(&mut self, _: &Note) {
        self.look();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_does_not_sign_never_sees_the_token() {
    let mock = mock(corpus(10), &[]);
    let config = mock.config_json();
    let of = |name: &str| config[name].as_str().unwrap().to_owned();
    let pair = format!("{}:{}", of("username"), of("api_token"));
    let pair = base64::engine::general_purpose::STANDARD.encode(pair);
    let words = vec![of("api_token"), pair];
    let config = config.to_string();
    for (connection, seen) in [
        (Connection::signing(&config), false),
        (Connection::new(&config), true),
    ] {
        let memories = Memories::default();
        let runtime = Runtime::with_memories(Arc::new(memories.clone())).unwrap();
        let found = Arc::default();
        let looking = || {
            Box::new(Looking {
                memories: memories.clone(),
                words: words.clone(),
                found: Arc::clone(&found),
            })
        };
        let limits = Limits::default();
        let valid = runtime.validate(&connection, limits, looking()).await;
        assert!(valid.unwrap().error.is_none());
        // What the guest has given back may be overwritten, so that one that was told may be clean in the end.
        assert!(seen || !memories.hold(&words));
        memories.0.lock().unwrap().clear();
        let selection = select(&STREAMS, Mode::Full);
        let ended = runtime
            .sync(&connection, limits, &selection, None, looking())
            .await;
        assert!(ended.unwrap().result.is_ok());
        assert!(seen || !memories.hold(&words));
        let (events, with_token) = *found.lock().unwrap();
        assert!(events > 20);
        assert_eq!(with_token > 0, seen, "at {with_token} of {events} events");
    }
}
