//! Rows and state in one schema of a PostgreSQL database, in one transaction per checkpoint: a crash at any instant, of
//! either side, loses and repeats nothing.
//!
//! Each stream has a table of its own name, with the column types of its schema. Every row carries the number of the
//! snapshot that it was last written in, so that the close of a snapshot deletes what no longer exists at the source,
//! however many runs it took. A schema belongs to one connection; two runs that write into one schema at the same time
//! cannot mix: the second one's checkpoint is refused.
//!
//! A column of whole numbers is a `bigint` until a number beyond 2^63 - 1 arrives; from then on it is `numeric(20,0)`.
//!
//! Rows are sent as arrays, one for each column, in one statement. Measured inside PostgreSQL 15 with 100,000 versions
//! of pages: this upsert takes 0.42 s; a binary `COPY` into a temporary table and an upsert from there take 0.43 s, and
//! need a table and two round trips more. Statements are pipelined, so that the server executes one part while the next
//! is collected; a checkpoint waits twice, for the checks and for the commit. `cargo run --package connector-postgres
//! --example throughput` measures it beside SQLite: on two cores, a build for development and a server that writes
//! through to the disk, 150,000 rows a second into empty tables (0.56 of SQLite's) and 115,000 into full ones (0.51).
//! `host-test bench --database URL` measures whole runs: for the history of a real documentation (1,116 pages, 13,014 rows)
//! 0.61, 0.61 and 0.67 of SQLite's rows a second, medians of 11 pairs each.

mod address;
mod catalog;
mod checkpoint;
mod column_type;
mod connect;
mod destination;
mod lock;
mod options;
mod pending;
mod qualified;
mod server_error;
mod session;
mod stored;
mod sweep;
mod table;
mod value;
mod views;

pub use address::Address;
pub use destination::Postgres;
pub use options::{Fence, PostgresOptions};
pub use qualified::SEARCH_PATH;
pub use server_error::is_unavailable;
