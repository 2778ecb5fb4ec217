//! Nothing. `graphile_worker` is built with its driver for `tokio-postgres`; its other driver, sqlx, is only an entry in
//! `Cargo.lock`, and this crate is that entry.
