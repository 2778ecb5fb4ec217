//! Many connections over many workers, on a queue in PostgreSQL.
//!
//! The queue is `graphile_worker`: it has heartbeats by which the jobs of a dead worker come back without counting as
//! failed (`apalis-postgres` counts them, so that a connection whose workers are often killed would be given up), keys
//! that make a job unique, a time to run at, wake-ups without polling, and a driver for `tokio-postgres`. A job says no
//! more than which connection to look at. What is true stands in `confluence_fleet.connections`: when a connection is
//! due, and who holds its lease. So a job that is lost or comes twice does no harm.
//!
//! A run writes with a fencing token: each lease has a number, and the transaction of each checkpoint checks that the
//! number is still the connection's. A worker that was taken for dead can write nothing.
//!
//! # Secrets
//!
//! A configuration says where its secret is sent, so a reference to a file or a variable is followed in secret fields
//! alone, and `FLEET_KEY`, `DATABASE_URL` and PostgreSQL's variables are never handed out. Where configurations are written
//! by tenants, name what they may refer to: the folder with `work --secrets-dir`, the beginning of a variable's name with
//! `work --secret-env`. Secrets that are encrypted in the database need neither.
//!
//! # A refused close
//!
//! Where the close of a snapshot would delete more than 30 % of a stream, the run fails and its connection is paused: a
//! permission that was taken away looks like this. After `resume` the next run goes on, and the next snapshot finds what is
//! there. Where the rows are really gone, `resume NAME --max-delete 100` has the next run make up for the close; it holds
//! until a run has succeeded.
//!
//! # The limit of a site
//!
//! Connections of one site share a number of requests in flight. With a lease a run is given a part of them: the number
//! divided by the runs of the site that are under way or wait, as far as it is free. The record of the lease holds the
//! part, so that it comes back by itself when a worker dies. Each renewal, three times in a lease, divides anew. A run that
//! has to give some up sends no more than its new part at once, and its record shows the new part only when the other
//! requests have ended; then those that wait are woken. So the sum never exceeds the limit, but for requests that a worker
//! had in flight when it stood still for longer than its lease, or when its connection was paused by hand. A worker that
//! stood still sends nothing more until it has renewed. A site has as many runs at once as requests, and half of one
//! worker's runs at most, so that a site with many connections does not keep others waiting.
//!
//! # What was measured
//!
//! On two cores of a slow machine, in a build for development, PostgreSQL 15 with its usual durability, the mock
//! site (20 pages, 87 requests for all of them) and all workers on the same machine:
//!
//! | what | bound | measured | with |
//! |---|---|---|---|
//! | 1,000 connections of 20 pages, 3 workers, 60 SIGKILL, 10 SIGSTOP of two leases, 2 restarts of PostgreSQL: requests against an undisturbed pass; every row there once, and no two runs at once | 1.3 | 1.06 | `kill`, below |
//! | runs a second of three workers against one process without a queue | 0.7 | 0.96 (7.4 and 7.7) | `measure throughput` |
//! | queue, lease and record of a run that does nothing, eight at a time | 5 ms | 3.0 ms, of the processor 0.8 ms in the worker and 3.4 ms in PostgreSQL; one at a time 5.3 ms | `measure queue` |
//! | 10,000 connections that are not due: three workers | 100 MiB | 70 MiB | `measure idle` |
//! | the same: PostgreSQL, of a core | 5 % | 2.1 % | `measure idle` |
//! | simulated against measured, 1,000 connections due within a minute: median lag, lag of 99 %, PostgreSQL's cores | 20 % | -9 %, -5 %, +13 % | `measure simulation` |
//! | a connection's first run, and an incremental one that finds little new: processor | | 60 and 16 ms in the worker, 65 and 31 ms in PostgreSQL | `measure costs` |
//!
//! ```sh
//! FLEET_CONNECTIONS=1000 FLEET_KILLS=60 FLEET_STOPS=10 cargo test --package connector-fleet kill -- --nocapture
//! cargo build --package connector-fleet && cargo run --package connector-fleet --example measure -- throughput
//! ```
//!
//! Without its variables the first test is small.
//!
//! # Past one machine
//!
//! `confluence-fleet simulate --connections 100000 --every 1h`, with the costs of the incremental run above, 8 requests of
//! 150 ms one after the other, and workers of 32 runs and 2 cores:
//!
//! | workers | median lag | lag of 99 % | PostgreSQL's cores |
//! |---|---|---|---|
//! | 1 | grows without end | grows without end | 0.86 |
//! | 2 | 0 s | 0 s | 0.86 |
//! | 4 | 0 s | 0 s | 0.86 |
//!
//! Two workers are enough. The first wall is one core of PostgreSQL, which 116,000 connections an hour fill.

pub mod configuration;
pub mod connector;
pub mod lease;
pub mod metrics;
mod migration;
pub mod policy;
pub mod queue;
pub mod runner;
pub mod secrets;
pub mod session;
pub mod simulate;
pub mod start;
pub mod status;
pub mod store;
pub mod worker;
