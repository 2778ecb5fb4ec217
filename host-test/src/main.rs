//! The command `host-test`.

fn main() {}
