//! The real component in wasmtime, against the mock: what is promised, seen from outside.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::items_after_statements,
    clippy::unused_async,
    clippy::too_many_lines,
    clippy::redundant_closure_for_method_calls,
    clippy::semicolon_if_nothing_returned,
    clippy::needless_pass_by_value
)]

mod contract;
mod faults;
mod full;
mod incremental;
mod report;
mod resume;
mod support;
