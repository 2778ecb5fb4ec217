//! Attacks within the sandbox: on the processor, time, memory, the stack.

use std::hint::black_box;

use wasip2::clocks::monotonic_clock::subscribe_duration;
use wasip2::random::random::get_random_bytes;

/// Never calls anybody, so that nobody but an epoch can stop it.
pub(crate) fn processor() -> String {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

/// Waits for a year.
pub(crate) fn time() -> String {
    subscribe_duration(365 * 24 * 60 * 60 * 1_000_000_000).block();
    "a year went by".to_owned()
}

/// Takes so many MiB of memory, and touches them, then keeps them for a year. Without a number there is no end.
pub(crate) fn memory(mebibytes: usize) -> String {
    let mut taken = Vec::new();
    while mebibytes == 0 || taken.len() < mebibytes {
        taken.push(black_box(vec![1_u8; 1 << 20]));
    }
    time()
}

/// Calls itself without an end.
pub(crate) fn stack() -> String {
    deeper(0).to_string()
}

#[expect(unconditional_recursion, reason = "that is the attack")]
fn deeper(depth: u64) -> u64 {
    black_box(deeper(black_box(depth + 1))) + black_box(depth)
}

pub(crate) fn trap() -> String {
    core::arch::wasm32::unreachable()
}

/// Asks for a TiB of random bytes in one call.
pub(crate) fn randomness() -> String {
    get_random_bytes(1 << 40).len().to_string()
}
