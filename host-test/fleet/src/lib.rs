//! Many connections over many workers, on a queue in PostgreSQL.
//!
//! The queue is `graphile_worker`: it has heartbeats by which the jobs of a dead worker come back without counting as
//! failed (`apalis-postgres` counts them, so that a connection whose workers are often killed would be given up), keys
//! that make a job unique, a time to run at, wake-ups without polling, and a driver for `tokio-postgres`. A job says no
//! more than which connection to look at. What is true stands in `confluence_fleet.connections`: when a connection is
//! due, and who holds its lease. So a job that is lost or comes twice does no harm.
//!
//! `FLEET_CONNECTIONS=1000 FLEET_KILLS=60 FLEET_STOPS=10 cargo test --package connector-fleet kill -- --nocapture` runs
//! the test of killed and stopped workers and of a restarted database at full size; without these variables it is small.
//!
//! A run writes with a fencing token: each lease has a number, and the transaction of each checkpoint checks that the
//! number is still the connection's. A worker that was taken for dead can write nothing.

pub mod connector;
pub mod lease;
pub mod metrics;
pub mod policy;
pub mod queue;
pub mod runner;
pub mod secrets;
pub mod session;
pub mod simulate;
pub mod status;
pub mod store;
pub mod worker;
